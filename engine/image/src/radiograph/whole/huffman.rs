//! Huffman tables of JPEG (ITU-T T.81, annex C and F.2.2.3).

use std::cell::OnceCell;

use super::Incomplete;
use super::bits::Bits;

/// The longest code that is looked up directly, in bits.
const QUICK: u32 = 9;
/// The bits by which several codes are looked up at once. The bits that follow the last code need not be among them.
const SEVERAL: u32 = 12;

/// The codes of coefficients at the start of some bits, which all belong to one block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Several {
    /// The bits of all of them, with those that follow each; 0 if not even the first is known.
    pub(super) bits: u8,
    /// Coefficients up to the one that the last code gives, if it is not the end.
    pub(super) before: u8,
    /// Coefficients with that one.
    pub(super) after: u8,
    /// Whether the last code ends the block.
    pub(super) ends: bool,
}

/// A table from codes to symbols.
pub(super) struct Huffman {
    /// By the next `QUICK` bits: a code's length, 0 if it is longer, and its symbol.
    quick: Vec<(u8, u8)>,
    /// By length: one above the largest code, left-aligned in 16 bits.
    ends: [u32; 17],
    /// By length: the offset from a code to the index of its symbol.
    offsets: [i32; 17],
    symbols: Vec<u8>,
    /// By the next `SEVERAL` bits, for codes of coefficients; made when it is first needed.
    several: OnceCell<Vec<Several>>,
}

impl Huffman {
    /// A table from the numbers of codes of 1 to 16 bits, and their symbols.
    pub(super) fn new(counts: &[u8], symbols: &[u8]) -> Result<Self, Incomplete> {
        let mut table = Self {
            quick: vec![(0, 0); 1 << QUICK],
            ends: [0; 17],
            offsets: [0; 17],
            symbols: symbols.to_vec(),
            several: OnceCell::new(),
        };
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

    /// The codes of coefficients at the start of `SEVERAL` bits.
    fn several_of(&self, bits: u32) -> Several {
        let mut several = Several::default();
        while !several.ends && u32::from(several.bits) < SEVERAL {
            // codes beyond the bits that are known begin with zeros here
            let rest = (bits << several.bits) & ((1 << SEVERAL) - 1);
            let (length, symbol) = self.quick[(rest >> (SEVERAL - QUICK)) as usize];
            if length == 0 || u32::from(several.bits + length) > SEVERAL {
                break;
            }
            let (zeros, size) = (symbol >> 4, symbol & 15);
            several.before = several.after;
            several.bits += length + size;
            match (zeros, size) {
                (15, 0) => several.after += 16,
                (_, 0) => several.ends = true,
                _ => several.after += zeros + 1,
            }
        }
        several
    }

    /// The codes of coefficients that come next.
    pub(super) fn several(&self, bits: &mut Bits<'_>) -> Several {
        let several = self.several.get_or_init(|| (0..1 << SEVERAL).map(|bits| self.several_of(bits)).collect());
        several[bits.peek16() >> (16 - SEVERAL)]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What single look-ups say of the codes at the start of some bits, as far as they reach.
    fn one_by_one(table: &Huffman, bits: u32) -> Several {
        let bytes = (bits << (32 - SEVERAL)).to_be_bytes();
        let (mut several, mut reader) = (Several::default(), Bits::new(&bytes, 0));
        while !several.ends && u32::from(several.bits) < SEVERAL {
            let Ok(symbol) = table.decode(&mut reader) else { break };
            let code = (1..=16).find(|&length| (reader.at_bit()) == u32::from(several.bits) + length);
            let code = code.expect("a code of 1 to 16 bits");
            if code > QUICK || u32::from(several.bits) + code > SEVERAL {
                break;
            }
            several.before = several.after;
            several.bits += code as u8 + (symbol & 15);
            several.ends = symbol & 15 == 0 && symbol != 0xF0;
            several.after += if several.ends { 0 } else { (symbol >> 4) + 1 };
            if reader.skip((symbol & 15).into()).is_err() {
                break;
            }
        }
        several
    }

    #[test]
    fn several_codes_are_those_that_come_one_by_one() {
        // T.81's own table for AC coefficients of luminance begins with these
        let counts = [0, 2, 1, 3, 3, 2, 4, 3, 5, 0, 0, 0, 0, 0, 0, 0];
        let symbols = [
            0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
            0x14, 0x32, 0x81, 0x91, 0xF0,
        ];
        let table = Huffman::new(&counts, &symbols).unwrap();
        for bits in 0..1 << SEVERAL {
            assert_eq!(table.several_of(bits), one_by_one(&table, bits), "{bits:012b}");
        }
    }
}
