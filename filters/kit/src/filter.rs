//! What a filter implements, and the macro that makes a module of it.

use std::fmt;

use crate::host::Host;
use crate::http::{HttpHost, Outcome, Phases};

/// A filter that only looks at streams when they have ended. It runs as an HTTP filter and as an access logger.
///
/// One value serves one root context: one configuration on one worker.
pub trait LogFilter: Sized + 'static {
    /// Reads the configuration. There is no way to refuse it: a proxy that refuses a listener because of its
    /// telemetry serves nobody. A filter that cannot work says why in the log and does nothing.
    fn configure<H: Host>(host: &H, configuration: &[u8]) -> Self;

    /// A stream has ended; its attributes can be read.
    fn log<H: Host>(&mut self, host: &H);

    /// Another configuration takes the place of this one in the same root context: gives back what the host
    /// would otherwise keep.
    fn retire<H: Host>(self, _host: &H) {}
}

/// A filter of HTTP streams.
///
/// One value serves one configuration on one worker. A stream keeps the one that it began with, also when another
/// configuration takes its place.
pub trait HttpFilter: Sized + 'static {
    /// The phases whose callbacks below do something. A module has only these callbacks.
    const PHASES: Phases;

    /// Reads the configuration.
    ///
    /// # Errors
    /// If it cannot be used. The proxy then refuses it and keeps the last good one, and its log says why.
    fn configure<H: Host>(host: &H, configuration: &[u8]) -> Result<Self, ConfigurationError>;

    /// The headers of the request are there and can be changed.
    fn on_request_headers<H: HttpHost>(&self, _host: &H) -> Outcome {
        Outcome::Continue
    }

    /// The headers of the response are there and can be changed.
    fn on_response_headers<H: HttpHost>(&self, _host: &H) -> Outcome {
        Outcome::Continue
    }
}

/// Why a filter cannot use a configuration: one sentence, with the path of the value that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationError(String);

impl ConfigurationError {
    /// An error in words.
    pub fn new(reason: impl fmt::Display) -> ConfigurationError {
        ConfigurationError(reason.to_string())
    }
}

impl fmt::Display for ConfigurationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigurationError {}

/// Makes a module of a filter: `burgee_kit::export!(Stats);` for a [`LogFilter`], `burgee_kit::export!(http Headers);`
/// for an [`HttpFilter`], is all that a filter's `lib.rs` needs beside its modules.
///
/// Natively the macro is nothing, so that the filter's tests link without a host.
#[macro_export]
macro_rules! export {
    (http $filter:ty) => {
        $crate::export!(
            $crate::callbacks::of_http_filter(<$filter as $crate::HttpFilter>::PHASES);
            $crate::envoy::start_http::<$filter>
        );
    };
    ($filter:ty) => {
        $crate::export!($crate::callbacks::LOG_FILTER; $crate::envoy::start::<$filter>);
    };
    ($callbacks:expr; $start:expr) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(
            unsafe_code,
            reason = "a module's start and its sections are symbols that the host looks for"
        )]
        const _: () = {
            const LIST: &str = $callbacks;

            #[unsafe(link_section = "burgee.callbacks")]
            #[used]
            static CALLBACKS: [u8; LIST.len()] = $crate::callbacks::to_array(LIST);

            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                // SAFETY: the linker makes this function, and the host calls this one first and once.
                unsafe { __wasm_call_ctors() };
                $start();
            }
        };
    };
}
