//! Bits of a JPEG scan.

use super::Incomplete;

/// Bits of an entropy-coded segment, the most significant first, up to the marker that ends it.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The first byte not yet in `window`; stops at a marker's 0xFF.
    at: usize,
    /// The next `count` bits, left-aligned; zeros below them.
    window: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    /// The bits that start at byte `at`.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, window: 0, count: 0 }
    }

    fn refill(&mut self) {
        if self.count > 56 {
            return;
        }
        if let Some(&next) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>())
            && !next.contains(&0xFF)
        {
            let bytes = (64 - self.count) / 8;
            self.window |= u64::from_be_bytes(next) >> self.count;
            self.count += 8 * bytes;
            self.at += bytes as usize;
            // of the last byte only a part has fit
            self.window &= u64::MAX.checked_shl(64 - self.count).unwrap_or(0);
            return;
        }
        while self.count <= 56 {
            let Some(&byte) = self.bytes.get(self.at) else { return };
            if byte == 0xFF {
                // a stuffed zero follows, or this is a marker
                if self.bytes.get(self.at + 1) != Some(&0) {
                    return;
                }
                self.at += 1;
            }
            self.at += 1;
            self.window |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    /// The next 16 bits, padded with zeros at the end.
    pub(super) fn peek16(&mut self) -> usize {
        if self.count < 16 {
            self.refill();
        }
        (self.window >> 48) as usize
    }

    /// Skips at most 32 bits.
    pub(super) fn skip(&mut self, bits: u32) -> Result<(), Incomplete> {
        if self.count < bits {
            self.refill();
            if self.count < bits {
                return Err(Incomplete::End);
            }
        }
        self.window <<= bits;
        self.count -= bits;
        Ok(())
    }

    /// The next bits, at most 16, as a number.
    pub(super) fn take(&mut self, bits: u32) -> Result<u32, Incomplete> {
        let value = (self.peek16() as u32) >> (16 - bits.min(16));
        self.skip(bits)?;
        Ok(value)
    }

    /// The number of bits skipped so far, if none of the bytes is 0xFF.
    #[cfg(test)]
    pub(super) fn at_bit(&self) -> u32 {
        8 * self.at as u32 - self.count
    }

    /// Ends the segment: returns the position of the next marker, and the number of unused whole bytes before it.
    pub(super) fn end(mut self) -> (usize, usize) {
        self.refill();
        let mut surplus = (self.count / 8) as usize;
        while let Some(&byte) = self.bytes.get(self.at) {
            match self.bytes.get(self.at + 1) {
                // a fill byte, which may precede any marker
                Some(0xFF) if byte == 0xFF => self.at += 1,
                Some(0) if byte == 0xFF => (self.at, surplus) = (self.at + 2, surplus + 1),
                _ if byte == 0xFF => break,
                _ => (self.at, surplus) = (self.at + 1, surplus + 1),
            }
        }
        (self.at, surplus)
    }
}
