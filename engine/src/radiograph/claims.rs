//! Lengths that a data set claims, checked before it is parsed: the parser allocates what an element claims to have,
//! up to 4 GiB, before it finds that the file is shorter.

/// How a data set is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Whether elements name their value representation.
    pub(super) explicit: bool,
    pub(super) big_endian: bool,
}

const UNDEFINED: u32 = u32::MAX;
const PIXEL_DATA: (u16, u16) = (0x7FE0, 0x0010);
/// The group of items and of the ends of items and sequences.
const ITEMS: u16 = 0xFFFE;
/// Value representations with a length of 16 bits. All others, unknown ones too, have two bytes of nothing and then a
/// length of 32 bits.
const SHORT: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
];
/// The others that are known: what is neither is taken for `UN`, as the parser does.
const LONG: [&[u8; 2]; 12] = [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UR", b"UT", b"UV"];

/// Finds an element that claims more bytes than follow it.
///
/// The walk is flat: it goes into sequences and items as if their elements stood one after another. Where it loses its
/// way it stops, and leaves the verdict to the parser.
///
/// # Errors
/// The element's tag, what it claims and what there is.
pub(super) fn check(bytes: &[u8], encoding: Encoding) -> Result<(), String> {
    let mut walk = Walk { bytes, encoding, fragments: false };
    while let Some((tag, length, sequence)) = walk.header() {
        if sequence || length == UNDEFINED {
            continue;
        }
        let Some(rest) = walk.bytes.get(length as usize..) else {
            let (group, element) = tag;
            let there = walk.bytes.len();
            return Err(format!("element ({group:04X},{element:04X}) claims {length} bytes where {there} follow"));
        };
        walk.bytes = rest;
    }
    Ok(())
}

struct Walk<'a> {
    bytes: &'a [u8],
    encoding: Encoding,
    /// Whether items are fragments of pixel data, and not data sets.
    fragments: bool,
}

impl Walk<'_> {
    /// The next element's tag and length, and whether its value is more elements. None at the end, or when lost.
    fn header(&mut self) -> Option<((u16, u16), u32, bool)> {
        let tag = (self.u16()?, self.u16()?);
        if tag.0 == ITEMS {
            let length = self.u32()?;
            let item = tag.1 == 0xE000;
            self.fragments &= item;
            // the ends of items and sequences have no value
            return Some((tag, length, !(item && self.fragments)));
        }
        // an explicit `UN` may hold items too, but implicit ones: it is stepped over
        let (length, sequence) =
            if self.encoding.explicit { self.explicit()? } else { (self.u32()?, self.starts_with_item()) };
        self.fragments = tag == PIXEL_DATA && length == UNDEFINED;
        Some((tag, length, sequence))
    }

    /// The length after a value representation, and whether that is a sequence.
    fn explicit(&mut self) -> Option<(u32, bool)> {
        let representation = self.take()?;
        if SHORT.contains(&&representation) {
            return Some((self.u16()?.into(), false));
        }
        self.u16()?;
        let length = self.u32()?;
        // `UN` of undefined length holds implicit elements: too deep for a flat walk
        let lost = length == UNDEFINED && !LONG.contains(&&representation);
        (!lost).then_some((length, representation == *b"SQ"))
    }

    /// Whether an implicit value is a sequence. Implicit data sets are little endian.
    fn starts_with_item(&self) -> bool {
        self.bytes.starts_with(&[0xFE, 0xFF, 0x00, 0xE0])
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&first, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(first)
    }

    fn u16(&mut self) -> Option<u16> {
        let bytes = self.take()?;
        Some(if self.encoding.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.take()?;
        Some(if self.encoding.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPLICIT: Encoding = Encoding { explicit: true, big_endian: false };
    const IMPLICIT: Encoding = Encoding { explicit: false, big_endian: false };

    #[test]
    fn claims_in_every_encoding() {
        let claims = [
            (EXPLICIT, &b"\x28\0\x10\0US\x02\0\x01\0\xE0\x7F\x10\0OW\0\0\xF0\xFF\xFF\x7F\0\0"[..]),
            (IMPLICIT, b"\x28\0\x10\0\x02\0\0\0\x01\0\xE0\x7F\x10\0\xF0\xFF\xFF\x7F\0\0"),
            (Encoding { big_endian: true, ..EXPLICIT }, b"\x7F\xE0\0\x10OW\0\0\x7F\xFF\xFF\xF0\0\0"),
        ];
        for (encoding, bytes) in claims {
            let fault = check(bytes, encoding).unwrap_err();
            assert_eq!(fault, "element (7FE0,0010) claims 2147483632 bytes where 2 follow");
        }
    }

    #[test]
    fn claims_inside_of_sequences_and_fragments() {
        let nested = b"\x40\0\x75\x02SQ\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\xFF\xFF\xFF\xFF\x28\0\x10\0UT\0\0\0\0\0\x10";
        assert!(check(nested, EXPLICIT).unwrap_err().contains("(0028,0010)"));
        let fragment = b"\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0\0\0\0\x20\x01\x02";
        assert!(check(fragment, EXPLICIT).unwrap_err().contains("(FFFE,E000) claims 536870912"));
        let sound = b"\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\x02\0\0\0\x01\x02\xFE\xFF\xDD\xE0\0\0\0\0";
        assert_eq!(check(sound, EXPLICIT), Ok(()));
        let implicit = b"\x40\0\x75\x02\x10\0\0\0\xFE\xFF\0\xE0\x08\0\0\0\x28\0\x10\0\0\0\0\x10";
        assert!(check(implicit, IMPLICIT).unwrap_err().contains("(0028,0010)"));
        // a `UN` with an implicit item inside
        let unknown = b"\x18\0\x46\x93UN\0\0\x16\0\0\0\xFE\xFF\0\xE0\x0E\0\0\0\x08\0\0\x01\x06\0\0\x00113691";
        assert_eq!(check(unknown, EXPLICIT), Ok(()));
    }
}
