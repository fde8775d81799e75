//! Memory that is asked for before it is needed.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "a hint to the processor, which reads nothing")
)]

/// Says that a value will be read soon. Where the processor can't be told, nothing happens.
#[inline(always)]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: it is a hint, and may name any address; every x86-64 processor has it.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}
