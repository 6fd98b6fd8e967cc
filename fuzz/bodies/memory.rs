//! An allocator that counts what is held, to see that strangers are given nothing.

#![allow(unsafe_code, reason = "an allocator that counts can be had in no other way")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// To be installed with `#[global_allocator]`.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static TAKEN: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.with(|held| held.set(held.get().wrapping_add(layout.size())));
        TAKEN.with(|taken| taken.set(taken.get() + 1));
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.with(|held| held.set(held.get().wrapping_sub(layout.size())));
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Bytes that this thread holds.
pub fn held() -> usize {
    HELD.with(Cell::get)
}

/// How often this thread has taken memory.
pub fn taken() -> usize {
    TAKEN.with(Cell::get)
}
