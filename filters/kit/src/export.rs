//! The macro that makes a module of filters.

/// Makes a module of a filter, or of several of which the root id chooses one. It is all that a filter's `lib.rs` needs
/// beside its modules:
///
/// - `burgee_kit::export!(Stats);` for a [`LogFilter`](crate::LogFilter), whatever the root id;
/// - `burgee_kit::export!(http Headers);` for an [`HttpFilter`](crate::HttpFilter), `tcp` for
///   a [`TcpFilter`](crate::TcpFilter);
/// - `burgee_kit::export!("stats" => log Stats, "headers" => http Headers);` for several in one module, which then share
///   one virtual machine for each worker. A root id that is none of these is refused;
/// - `burgee_kit::export!(log Stats, "stats-tcp" => tcp TcpStats);` for several of which the first is for every root id that
///   is not named.
///
/// Natively the macro is nothing but a check of the types, so that the filter's tests link without a host.
#[macro_export]
macro_rules! export {
    ($filter:ty $(,)?) => {
        $crate::export!(@module [(None, log, $filter)]);
    };
    ($kind:ident $filter:ty $(,)?) => {
        $crate::export!(@module [(None, $kind, $filter)]);
    };
    ($kind:ident $filter:ty, $($root_id:literal => $other_kind:ident $other:ty),+ $(,)?) => {
        $crate::export!(@module [(None, $kind, $filter), $((Some($root_id), $other_kind, $other)),+]);
    };
    ($($root_id:literal => $kind:ident $filter:ty),+ $(,)?) => {
        $crate::export!(@module [$((Some($root_id), $kind, $filter)),+]);
    };
    (@module [$(($root_id:expr, $kind:ident, $filter:ty)),+]) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(
            unsafe_code,
            reason = "a module's start and its sections are symbols that the host looks for"
        )]
        const _: () = {
            const PHASES: $crate::Phases =
                $crate::Phases::NONE$(.and($crate::export!(@of $kind, $filter, PHASES)))+;
            const CALLBACKS_LENGTH: usize = $crate::callbacks::length(PHASES);

            #[unsafe(link_section = "burgee.callbacks")]
            #[used]
            static CALLBACKS: [u8; CALLBACKS_LENGTH] = $crate::callbacks::list(PHASES);

            const METRICS: &[&[$crate::metrics::Metric]] = &[$($crate::export!(@of $kind, $filter, METRICS)),+];
            const METRICS_LENGTH: usize = $crate::metrics::declared::length(METRICS);

            #[unsafe(link_section = "burgee.metrics")]
            #[used]
            static DECLARED: [u8; METRICS_LENGTH] = $crate::metrics::declared::list(METRICS);

            const SCHEMA: &str = $crate::schema::only(&[
                $($crate::export!(@of $kind, $filter, CONFIGURATION_SCHEMA)),+
            ]);

            #[unsafe(link_section = "burgee.configuration_schema")]
            #[used]
            static CONFIGURATION_SCHEMA: [u8; SCHEMA.len()] = $crate::callbacks::to_array(SCHEMA);

            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                // SAFETY: the linker makes this function, and the host calls this one first and once.
                unsafe { __wasm_call_ctors() };
                $crate::envoy::start(vec![$($crate::vm::$kind::entry::<_, $filter>($root_id)),+]);
            }
        };
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            $(let _ = $crate::export!(@of $kind, $filter, PHASES);)+
        };
    };
    (@of log, $filter:ty, $item:ident) => {
        <$filter as $crate::LogFilter>::$item
    };
    (@of http, $filter:ty, $item:ident) => {
        <$filter as $crate::HttpFilter>::$item
    };
    (@of tcp, $filter:ty, $item:ident) => {
        <$filter as $crate::TcpFilter>::$item
    };
}
