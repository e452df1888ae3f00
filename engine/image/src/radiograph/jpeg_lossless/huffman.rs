//! Huffman tables and the bits of a scan (ITU-T T.81, annexes C and F).

/// The longest code, in bits.
const LONGEST: u32 = 16;
/// The largest number of bits that a difference takes (annex H.1.2.2).
const LARGEST: u8 = 16;

/// Some encoders pad with zeros. If a lost tail was replaced by zeros, its first ones were taken for pixels.
const MOST_ZEROS: usize = 16;

/// A code table: for each 16 bits that may follow in the stream, the code with which they start.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// (length of the code, number of bits of the difference); length 0: not a code.
    codes: Vec<(u8, u8)>,
}

impl Table {
    /// Reads a table from a DHT segment, after its class and destination; returns what follows it.
    ///
    /// # Errors
    /// If the table is truncated, has more codes than bits allow, or has a symbol that is not a difference's length.
    pub(super) fn read(segment: &[u8]) -> Result<(Self, &[u8]), String> {
        let (counts, rest) = segment.split_at_checked(16).ok_or("a Huffman table is cut off")?;
        let total = counts.iter().map(|&count| usize::from(count)).sum();
        let (symbols, rest) = rest.split_at_checked(total).ok_or("a Huffman table is cut off")?;
        if let Some(symbol) = symbols.iter().find(|&&symbol| symbol > LARGEST) {
            return Err(format!("a Huffman table has differences of {symbol} bits, expected at most {LARGEST}"));
        }
        let mut codes = Vec::with_capacity(1 << LONGEST);
        let mut symbols = symbols.iter();
        for (length, &count) in (1..).zip(counts) {
            for &symbol in symbols.by_ref().take(count.into()) {
                // canonical codes: each takes the share of all 16-bit words that begin with it
                let share = 1 << (LONGEST - u32::from(length));
                codes.resize(codes.len() + share, (length, symbol));
            }
        }
        if codes.len() > 1 << LONGEST {
            return Err("a Huffman table has more codes than its lengths allow".into());
        }
        codes.resize(1 << LONGEST, (0, 0));
        Ok((Self { codes }, rest))
    }
}

/// The entropy-coded bits of a scan, from `at` up to the next marker.
#[derive(Debug)]
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bits that are read and not yet used: the lowest `count` bits.
    held: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at, held: 0, count: 0 }
    }

    /// The next difference, modulo 2^16.
    ///
    /// # Errors
    /// If the data end before it, or have a code that is not in the table.
    #[inline]
    pub(super) fn difference(&mut self, table: &Table) -> Result<u16, String> {
        if self.count < 2 * LONGEST {
            self.refill();
        }
        let (length, bits) = table.codes[self.peek() as usize];
        if length == 0 {
            return Err(if self.count < LONGEST { cut_off() } else { "a code is not in the Huffman table".into() });
        }
        self.take(length.into())?;
        match bits {
            0 => Ok(0),
            // the only length without bits of its own
            LARGEST => Ok(0x8000),
            _ => {
                let value = self.take(bits.into())? as u16;
                let negative = value >> (bits - 1) == 0;
                Ok(if negative { value.wrapping_sub((1 << bits) - 1) } else { value })
            }
        }
    }

    /// Returns where the data end: at a marker, or at the end of the bytes. Padding bits are dropped.
    ///
    /// # Errors
    /// If whole bytes are left, other than a few zeros.
    pub(super) fn finish(mut self) -> Result<usize, String> {
        self.refill();
        let whole = self.count / 8 * 8;
        let left = self.held & ((1_u64 << whole) - 1);
        let rest = &self.bytes[self.at..];
        let zeros = rest.iter().take_while(|&&byte| byte == 0).count();
        if left != 0 || rest.get(zeros).is_some_and(|&byte| byte != 0xFF) || rest[zeros..].starts_with(&[0xFF, 0]) {
            return Err("more data than pixels".into());
        }
        let in_all = zeros + (whole / 8) as usize;
        if in_all > MOST_ZEROS {
            return Err(format!("{in_all} zeros follow the last pixel: the data before them are damaged"));
        }
        Ok(self.at + zeros)
    }

    /// The next 16 bits, possibly with padding.
    fn peek(&self) -> u64 {
        let next = if self.count >= LONGEST {
            self.held >> (self.count - LONGEST)
        } else {
            // ones, as encoders pad
            let missing = LONGEST - self.count;
            self.held << missing | ((1 << missing) - 1)
        };
        next & 0xFFFF
    }

    fn take(&mut self, bits: u32) -> Result<u64, String> {
        self.count = self.count.checked_sub(bits).ok_or_else(cut_off)?;
        Ok(self.held >> self.count & ((1 << bits) - 1))
    }

    fn refill(&mut self) {
        while self.count <= 56 - 8 {
            let byte = match self.bytes[self.at..] {
                // 0xFF is followed by a zero, which is not part of the data
                [0xFF, 0, ..] => {
                    self.at += 1;
                    0xFF
                }
                [] | [0xFF, ..] => return,
                [byte, ..] => byte,
            };
            self.at += 1;
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
    }
}

fn cut_off() -> String {
    "the data end before the last pixel".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes 0, 10, 110 for differences of 0, 1 and 16 bits, and 1110 for 3.
    fn table() -> Table {
        let mut segment = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0].to_vec();
        segment.extend([0, 1, 16, 3, 99]);
        let (table, rest) = Table::read(&segment).unwrap();
        assert_eq!(rest, [99]);
        table
    }

    #[test]
    fn differences_up_to_the_last_bit() {
        let table = table();
        // 0 | 10 1 | 10 0 | 110 | 1110 000 | 1110 111, then padding
        let bytes = [0b0101_1001, 0b1011_1000, 0b0111_0111, 0xFF, 0xD9];
        let mut bits = Bits::new(&bytes, 0);
        let read: Vec<_> = (0..6).map(|_| bits.difference(&table).unwrap()).collect();
        assert_eq!(read, [0, 1, 0xFFFF, 0x8000, 0xFFF9, 7]);
        assert_eq!(bits.difference(&table).unwrap_err(), cut_off());
        assert_eq!(bits.finish(), Ok(3));
    }

    #[test]
    fn stuffed_bytes_and_what_is_left() {
        let bytes = [0xFF, 0, 0, 0xFF, 0, 1, 0xFF, 0xD9];
        let mut bits = Bits::new(&bytes, 0);
        bits.refill();
        assert_eq!((bits.count, bits.held), (32, 0xFF00_FF01));
        assert!(bits.finish().is_err());
        assert_eq!(Bits::new(&[0, 0, 0xFF, 0xD9], 0).finish(), Ok(2));
    }

    #[test]
    fn tables_that_are_none() {
        assert!(Table::read(&[0; 15]).is_err());
        let counts = |first: u8| [first, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(Table::read(&[&counts(1)[..], &[17]].concat()).unwrap_err().contains("17 bits"));
        assert!(Table::read(&[&counts(3)[..], &[0, 1, 2]].concat()).unwrap_err().contains("more codes"));
        assert!(Table::read(&counts(1)).is_err());
    }
}
