//! What a filter implements, and the macro that makes a module of it.

use crate::host::Host;

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

/// Makes a module of a filter: `burgee_kit::export!(Stats);` is all that a filter's `lib.rs` needs beside its modules.
///
/// Natively the macro is nothing, so that the filter's tests link without a host.
#[macro_export]
macro_rules! export {
    ($filter:ty) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(
            unsafe_code,
            reason = "a module's start and its sections are symbols that the host looks for"
        )]
        const _: () = {
            #[unsafe(link_section = "burgee.callbacks")]
            #[used]
            static CALLBACKS: [u8; $crate::callbacks::LOG_FILTER.len()] =
                $crate::callbacks::to_array($crate::callbacks::LOG_FILTER);

            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                // SAFETY: the linker makes this function, and the host calls this one first and once.
                unsafe { __wasm_call_ctors() };
                $crate::envoy::start::<$filter>();
            }
        };
    };
}
