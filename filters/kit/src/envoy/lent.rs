//! What the host writes is read where it was written, without an allocation: most of what filters ask for are a few bytes
//! that nobody keeps.
#![allow(unsafe_code, reason = "the host writes through raw pointers")]

use std::cell::Cell;
use std::ptr::null_mut;

use super::check;
use crate::host::HostError;

/// How many bytes are read in place; of what is larger a copy is made as ever.
const PLACE: usize = 256;

/// Memory that is lent to the host for the length of a call.
struct Place {
    bytes: Cell<[u8; PLACE]>,
    /// Whether the host may have it: one call of ours is under way, and it was not given yet.
    is_free: Cell<bool>,
}

thread_local! {
    static LENT: Place = const { Place { bytes: Cell::new([0; PLACE]), is_free: Cell::new(false) } };
}

/// The place for so many bytes, if it is free now and they fit.
pub(super) fn take(size: usize) -> Option<*mut u8> {
    LENT.with(|place| {
        if size > PLACE || !place.is_free.replace(false) {
            return None;
        }
        Some(place.bytes.as_ptr().cast())
    })
}

/// Calls the host for bytes and shows them.
pub(super) fn bytes(
    call: &mut dyn FnMut(*mut *mut u8, *mut usize) -> u32,
    see: &mut dyn FnMut(&[u8]),
) -> Result<(), HostError> {
    let (mut data, mut size) = (null_mut(), 0);
    let place: *mut u8 = LENT.with(|place| {
        place.is_free.set(true);
        place.bytes.as_ptr().cast()
    });
    let status = call(&raw mut data, &raw mut size);
    LENT.with(|place| place.is_free.set(false));
    check(status)?;
    if data.is_null() || size == 0 {
        see(&[]);
        return Ok(());
    }
    if data == place {
        let mut copy = [0; PLACE];
        let copy = copy.get_mut(..size).ok_or(HostError::InternalFailure)?;
        // SAFETY: the host wrote `size` bytes into the place, which is longer. They are copied, since `see` may call the
        // host again.
        unsafe { std::ptr::copy_nonoverlapping(data, copy.as_mut_ptr(), size) };
        see(copy);
        return Ok(());
    }
    // SAFETY: the host wrote `size` bytes into memory that `proxy_on_memory_allocate` made as a boxed slice of exactly
    // that size, and handed it over.
    let owned = unsafe { Vec::from_raw_parts(data, size, size) };
    see(&owned);
    Ok(())
}
