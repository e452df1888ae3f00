//! The process's peak memory, if the system reports it.

/// Peak resident memory in bytes, from `/proc`; `None` elsewhere.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Peak memory as the last part of a line: `, peak memory 812 MiB`.
pub fn peak_text() -> String {
    peak().map_or(String::new(), |bytes| format!(", peak memory {} MiB", bytes >> 20))
}
