//! Memory that stays and memory that goes: what the C library's allocator does with what it is given back.

/// Lets the process keep the memory that it frees, to use it again.
///
/// Maps and images are of megabytes, and glibc gives such blocks back to the system as soon as they are free, to fetch them
/// again, page by page, for the next image (`cargo bench --bench efficiency`: 0.94 so, 0.96 with what is kept). It is for
/// the program to decide, not for the library, so that programs call this at their start. Elsewhere than with glibc it
/// does nothing.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const BLOCK: i32 = 1 << 30;
        const TOP: i32 = i32::MAX;
        // SAFETY: these calls set numbers of the allocator, at any time; one that is refused changes nothing.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, BLOCK);
            libc::mallopt(libc::M_TRIM_THRESHOLD, TOP);
            // What one thread frees is another's next image.
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}

/// Gives back to the system what is free, kept or not: after what needed much memory for a moment, as opening a model does,
/// which takes several times its weights.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it touches free memory only, at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
