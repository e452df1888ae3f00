//! Settings of the C library's allocator: whether freed memory is kept or returned to the system.

/// Lets the process keep the memory that it frees, for reuse.
///
/// Maps and images take megabytes, and glibc returns such blocks to the system as soon as they are free, only to fetch
/// them again, page by page, for the next image (`cargo bench --bench efficiency`: 0.94 by default, 0.96 with kept
/// memory). The program must decide this, not the library, so programs call this function at their start. Without glibc
/// it does nothing.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const BLOCK: i32 = 1 << 30;
        const TOP: i32 = i32::MAX;
        // SAFETY: these calls set parameters of the allocator, at any time; one that is refused changes nothing.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, BLOCK);
            libc::mallopt(libc::M_TRIM_THRESHOLD, TOP);
            // What one thread frees, another uses for the next image.
            libc::mallopt(libc::M_ARENA_MAX, 1);
        }
    }
}

/// Returns free memory to the system, kept or not: after a temporary peak, such as opening a model, which takes several
/// times its weights.
pub(super) fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it affects only free memory, at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}
