//! The memory that decoding one image may take, checked before it is taken.

/// The memory limit for decoding one image: its file, the decoder's buffers, and the pixels.
///
/// The need is computed from the image's header; an image above the limit is an error ([`OverLimit`]) before its pixels
/// are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecodeLimits {
    bytes: u64,
    /// The limit as the user states it, in messages.
    stated: u64,
    /// Bytes of the limit that are already in use.
    held: u64,
}

impl DecodeLimits {
    /// A limit in bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self { bytes, stated: bytes, held: 0 }
    }

    /// A limit for a process that may use `bytes` more: an eighth less, reserved for what allocators lose between
    /// blocks. Errors count the eighth as needed.
    #[must_use]
    pub const fn of_memory(bytes: usize) -> Self {
        let stated = bytes as u64;
        Self { stated, ..Self::new(stated - stated / 8) }
    }

    /// The limit in bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        self.bytes
    }

    /// The rest of the limit once `bytes` of it are in use.
    pub(super) const fn holding(self, bytes: u64) -> Self {
        Self { held: self.held.saturating_add(bytes), ..self }
    }

    /// Checks whether `bytes` more may be used.
    ///
    /// # Errors
    /// If they exceed the limit.
    pub fn check(self, bytes: u64) -> Result<(), OverLimit> {
        let needed = self.held.saturating_add(bytes);
        if needed > self.bytes { Err(self.exceeded(needed)) } else { Ok(()) }
    }

    /// The error for `needed` bytes: the limit to state for them to be allowed, and the limit as it is stated.
    pub(super) fn exceeded(self, needed: u64) -> OverLimit {
        let needed = if self.stated > self.bytes { needed.saturating_add(needed.div_ceil(7)) } else { needed };
        OverLimit { needed, limit: self.stated }
    }
}

/// Which part of a DICOM file's data set is needed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Extent {
    /// All of it, within a memory limit.
    Whole(DecodeLimits),
    /// The attributes before the pixel data; no more of a deflated data set is inflated.
    BeforePixels,
}

impl Default for DecodeLimits {
    /// 4 GiB: enough for the largest image, 16,384 pixels square, in most formats.
    fn default() -> Self {
        Self::new(4 << 30)
    }
}

/// An image that takes more memory than allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("needs {} of memory, more than the limit of {}: raise it with `--memory`", mib(*needed), mib(*limit))]
pub struct OverLimit {
    /// The bytes needed, according to its header.
    pub needed: u64,
    /// The limit in bytes.
    pub limit: u64,
}

/// Bytes in MiB, rounded up; in KiB where a MiB would hide the difference.
fn mib(bytes: u64) -> String {
    if bytes < 10 << 20 {
        format!("{} KiB", bytes.div_ceil(1 << 10))
    } else {
        format!("{} MiB", bytes.div_ceil(1 << 20))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_counts() {
        let limits = DecodeLimits::new(100 << 20).holding(60 << 20);
        assert_eq!(limits.bytes(), 100 << 20);
        assert_eq!(limits.check(40 << 20), Ok(()));
        let over = limits.check((40 << 20) + 1).unwrap_err();
        let message = "needs 101 MiB of memory, more than the limit of 100 MiB: raise it with `--memory`";
        assert_eq!(over.to_string(), message);
        assert!(limits.check(u64::MAX).is_err());
        let small = DecodeLimits::new(1 << 10).check((1 << 10) + 1).unwrap_err().to_string();
        assert!(small.starts_with("needs 2 KiB of memory, more than the limit of 1 KiB"), "{small}");
    }

    #[test]
    fn a_limit_for_a_process_is_shown_as_stated_and_the_need_is_enough_to_state() {
        for bytes in [256 << 20, 1_000_003, 100] {
            let limits = DecodeLimits::of_memory(bytes);
            assert_eq!(limits.check(limits.bytes()), Ok(()));
            let over = limits.check(limits.bytes() + 1).unwrap_err();
            assert_eq!(over.limit, bytes as u64);
            assert!(over.needed > over.limit);
            let enough = DecodeLimits::of_memory(over.needed as usize);
            assert_eq!(enough.check(limits.bytes() + 1), Ok(()));
        }
    }
}
