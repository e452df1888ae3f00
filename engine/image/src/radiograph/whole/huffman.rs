//! Huffman tables of JPEG (ITU-T T.81, annex C and F.2.2.3).

use super::Incomplete;
use super::bits::Bits;

/// The longest code that is looked up directly, in bits.
const QUICK: u32 = 9;

/// A table from codes to symbols.
pub(super) struct Huffman {
    /// By the next `QUICK` bits: a code's length, 0 if it is longer, and its symbol.
    quick: Vec<(u8, u8)>,
    /// By length: one above the largest code, left-aligned in 16 bits.
    ends: [u32; 17],
    /// By length: the offset from a code to the index of its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
}

impl Huffman {
    /// A table from the numbers of codes of 1 to 16 bits, and their symbols.
    pub(super) fn new(counts: &[u8], symbols: &[u8]) -> Result<Self, Incomplete> {
        let mut table =
            Self { quick: vec![(0, 0); 1 << QUICK], ends: [0; 17], offsets: [0; 17], symbols: symbols.to_vec() };
        let (mut code, mut index) = (0_u32, 0_u32);
        for (length, &count) in (1..=16_u32).zip(counts) {
            table.offsets[length as usize] = index as i32 - code as i32;
            for _ in 0..count {
                table.look_up(code, length, symbols[index as usize]);
                (code, index) = (code + 1, index + 1);
            }
            if code > 1 << length {
                return Err(Incomplete::Broken("a Huffman table with more codes than its lengths allow"));
            }
            table.ends[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Ok(table)
    }

    fn look_up(&mut self, code: u32, length: u32, symbol: u8) {
        if length <= QUICK {
            let (from, each) = ((code << (QUICK - length)) as usize, 1 << (QUICK - length));
            // too many codes overrun the end, which is detected above
            self.quick.iter_mut().skip(from).take(each).for_each(|entry| *entry = (length as u8, symbol));
        }
    }

    /// The next symbol, and the bits that follow it: as many as its lower four bits say. Returns the symbol.
    pub(super) fn decode_sized(&self, bits: &mut Bits<'_>) -> Result<u8, Incomplete> {
        let (length, symbol) = self.quick[bits.peek16() >> (16 - QUICK)];
        if length > 0 {
            bits.skip(u32::from(length) + u32::from(symbol & 15))?;
            return Ok(symbol);
        }
        let symbol = self.decode(bits)?;
        bits.skip(u32::from(symbol & 15))?;
        Ok(symbol)
    }

    /// The next symbol.
    pub(super) fn decode(&self, bits: &mut Bits<'_>) -> Result<u8, Incomplete> {
        let next = bits.peek16();
        let (length, symbol) = self.quick[next >> (16 - QUICK)];
        if length > 0 {
            bits.skip(length.into())?;
            return Ok(symbol);
        }
        for length in QUICK as usize + 1..=16 {
            if (next as u32) < self.ends[length] {
                bits.skip(length as u32)?;
                let index = (next >> (16 - length)) as i32 + self.offsets[length];
                return self.symbols.get(index as usize).copied().ok_or(Incomplete::Broken(BAD_CODE));
            }
        }
        // past the end there are only zeros, which may not be a code
        bits.skip(16)?;
        Err(Incomplete::Broken(BAD_CODE))
    }
}

const BAD_CODE: &str = "a code that is not in its Huffman table";
