//! The host's functions by name, called with raw words, and memory that the host may write to.
#![allow(unsafe_code, reason = "the host's functions are foreign, and misuse of them is the purpose")]

/// Declares the host's functions of the module `env` that take words only, and a way to call each by its name.
macro_rules! functions {
    ($($name:ident($($word:ident)*);)*) => {
        #[link(wasm_import_module = "env")]
        unsafe extern "C" {
            $(fn $name($($word: u32),*) -> u32;)*
        }

        /// Calls a function by name; nothing if there is none of this name that takes so many words.
        fn call_with_words(name: &str, words: &[u32]) -> Option<u32> {
            match (name, words) {
                // SAFETY: the host checks what it is given, or is found not to.
                $((stringify!($name), &[$($word),*]) => Some(unsafe { $name($($word),*) }),)*
                _ => None,
            }
        }
    };
}

functions! {
    proxy_log(a b c);
    proxy_get_log_level(a);
    proxy_get_status(a b c);
    proxy_get_property(a b c d);
    proxy_set_property(a b c d);
    proxy_continue_stream(a);
    proxy_close_stream(a);
    proxy_send_local_response(a b c d e f g h);
    proxy_get_shared_data(a b c d e);
    proxy_set_shared_data(a b c d e);
    proxy_register_shared_queue(a b c);
    proxy_resolve_shared_queue(a b c d e);
    proxy_dequeue_shared_queue(a b c);
    proxy_enqueue_shared_queue(a b c);
    proxy_get_header_map_value(a b c d e);
    proxy_add_header_map_value(a b c d e);
    proxy_replace_header_map_value(a b c d e);
    proxy_remove_header_map_value(a b c);
    proxy_get_header_map_pairs(a b c);
    proxy_set_header_map_pairs(a b c);
    proxy_get_header_map_size(a b);
    proxy_get_buffer_status(a b c);
    proxy_get_buffer_bytes(a b c d e);
    proxy_set_buffer_bytes(a b c d e);
    proxy_http_call(a b c d e f g h i j);
    proxy_grpc_call(a b c d e f g h i j k l);
    proxy_grpc_stream(a b c d e f g h i);
    proxy_grpc_send(a b c d);
    proxy_grpc_close(a);
    proxy_grpc_cancel(a);
    proxy_define_metric(a b c d);
    proxy_get_metric(a b);
    proxy_set_tick_period_milliseconds(a);
    proxy_get_current_time_nanoseconds(a);
    proxy_set_effective_context(a);
    proxy_done();
    proxy_call_foreign_function(a b c d e f);
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_increment_metric(metric: u32, by: i64) -> u32;
    fn proxy_record_metric(metric: u32, value: i64) -> u32;
}

/// Calls a function of the host by its name; nothing if there is none that takes so many words. The second word of what
/// changes a metric is a number of 64 bits, made of one of 32 by its sign.
pub(crate) fn call(name: &str, words: &[u32]) -> Option<u32> {
    match (name, words) {
        // SAFETY: numbers only.
        ("proxy_increment_metric", &[metric, by]) => {
            Some(unsafe { proxy_increment_metric(metric, i64::from(by.cast_signed())) })
        }
        // SAFETY: numbers only.
        ("proxy_record_metric", &[metric, value]) => {
            Some(unsafe { proxy_record_metric(metric, i64::from(value.cast_signed())) })
        }
        _ => call_with_words(name, words),
    }
}

/// A pointer as the host has it.
pub(crate) fn address<T>(place: *const T) -> u32 {
    place as u32
}

/// What the host has put at a pointer that it wrote, and which it had from `proxy_on_memory_allocate`; nothing if it wrote
/// no pointer.
pub(crate) fn taken(pointer: u32, size: u32) -> Option<Vec<u8>> {
    if pointer == 0 {
        return None;
    }
    // SAFETY: the host had `size` bytes from `proxy_on_memory_allocate` and hands them over.
    Some(unsafe { Vec::from_raw_parts(pointer as *mut u8, size as usize, size as usize) })
}

/// Memory that the host asks for, and hands over when it is filled.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: u32) -> *mut u8 {
    Box::into_raw(vec![0_u8; size as usize].into_boxed_slice()).cast()
}

/// A line in the host's log.
pub(crate) fn log(line: &str) {
    const INFO: u32 = 2;
    // SAFETY: the text is there while the host reads it.
    unsafe { proxy_log(INFO, address(line.as_ptr()), line.len() as u32) };
}

/// The host's clock; no two VMs of a process begin at the same nanosecond.
pub(crate) fn now() -> u64 {
    let mut time = 0_u64;
    // SAFETY: the place is there while the host writes.
    unsafe { proxy_get_current_time_nanoseconds(address(&raw mut time)) };
    time
}

/// The VM's configuration; empty if the host gives none.
pub(crate) fn vm_configuration() -> Vec<u8> {
    const VM_CONFIGURATION: u32 = 6;
    let (mut pointer, mut size) = (0_u32, 0_u32);
    let (to_pointer, to_size) = (address(&raw mut pointer), address(&raw mut size));
    // SAFETY: the places are there while the host writes.
    unsafe { proxy_get_buffer_bytes(VM_CONFIGURATION, 0, u32::MAX, to_pointer, to_size) };
    taken(pointer, size).unwrap_or_default()
}
