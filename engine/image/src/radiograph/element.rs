//! Elements of a DICOM data set, one after another, as slices of the file.
//!
//! A claimed length is not trusted until that many bytes are present, and nothing is copied: the parser of
//! `dicom-object` allocates what an element claims, up to 4 GiB, and trusts its value representation.

use std::fmt;

use dicom_core::{Tag, VR};

/// The encoding of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Encoding {
    /// Whether elements name their value representation.
    pub(super) explicit: bool,
    pub(super) big_endian: bool,
}

impl Encoding {
    pub(super) const EXPLICIT: Self = Self { explicit: true, big_endian: false };
    pub(super) const IMPLICIT: Self = Self { explicit: false, big_endian: false };
    pub(super) const BIG_ENDIAN: Self = Self { explicit: true, big_endian: true };
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let kind = if self.explicit { "Explicit" } else { "Implicit" };
        write!(f, "{kind} VR {} Endian", if self.big_endian { "Big" } else { "Little" })
    }
}

/// The group of items and of item and sequence delimiters.
pub(super) const ITEMS: u16 = 0xFFFE;
pub(super) const ITEM: Tag = Tag(ITEMS, 0xE000);
pub(super) const ITEM_END: Tag = Tag(ITEMS, 0xE00D);
pub(super) const SEQUENCE_END: Tag = Tag(ITEMS, 0xE0DD);

/// The header of an element: everything before its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ElementHeader {
    pub(super) tag: Tag,
    /// The value representation in the file; `None` if it is absent or unknown.
    pub(super) vr: Option<VR>,
    /// The value's length in bytes; `None` if undefined.
    pub(super) length: Option<u32>,
}

/// The position and width of a length field, from the two bytes after a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LengthField {
    /// 16 bits, after the value representation.
    Short,
    /// 32 bits, after the value representation and two reserved bytes.
    Long,
    /// 32 bits, in place of the value representation.
    Implicit,
}

impl LengthField {
    /// Unknown letters are read as other readers do: two unknown letters have a long length, as PS3.5 6.2 guarantees
    /// for future representations; blanks and question marks a short one; anything else is not a representation, but an
    /// implicit element among explicit ones.
    fn after(letters: [u8; 2]) -> Self {
        match VR::from_binary(letters) {
            Some(vr) if is_short(vr) => Self::Short,
            Some(_) => Self::Long,
            None if letters.iter().all(u8::is_ascii_uppercase) => Self::Long,
            // not a blank and a zero, which are an implicit length of 32
            None if letters[0] == letters[1] && b"\0 -?".contains(&letters[0]) => Self::Short,
            None => Self::Implicit,
        }
    }
}

/// Whether a value representation has a length of 16 bits.
fn is_short(vr: VR) -> bool {
    use VR::{AE, AS, AT, CS, DA, DS, DT, FD, FL, IS, LO, LT, PN, SH, SL, SS, ST, TM, UI, UL, US};
    matches!(vr, AE | AS | AT | CS | DA | DS | DT | FL | FD | IS | LO | LT | PN | SH | SL | SS | ST | TM | UI | UL | US)
}

/// A position in a data set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    /// The unread bytes.
    pub(super) rest: &'a [u8],
    pub(super) encoding: Encoding,
}

impl<'a> Cursor<'a> {
    /// The next element's tag, without advancing.
    pub(super) fn peek(mut self) -> Option<Tag> {
        self.tag()
    }

    /// Reads an element's header and advances past it.
    ///
    /// # Errors
    /// If the bytes end within it.
    pub(super) fn header(&mut self) -> Result<ElementHeader, String> {
        let tag = self.tag().ok_or_else(|| format!("expected an element's tag, found {} bytes", self.rest.len()))?;
        self.after_tag(tag).ok_or_else(|| format!("the file ends in the header of element {tag}"))
    }

    fn after_tag(&mut self, tag: Tag) -> Option<ElementHeader> {
        let mut vr = None;
        let mut field = LengthField::Implicit;
        if self.encoding.explicit && tag.group() != ITEMS {
            let letters = *self.rest.first_chunk()?;
            (vr, field) = (VR::from_binary(letters), LengthField::after(letters));
        }
        let length = match field {
            LengthField::Short => {
                self.array::<2>()?;
                u32::from(self.u16()?)
            }
            LengthField::Long => {
                self.array::<4>()?;
                self.u32()?
            }
            LengthField::Implicit => self.u32()?,
        };
        Some(ElementHeader { tag, vr, length: Some(length).filter(|&length| length != u32::MAX) })
    }

    /// Returns the next `length` bytes, a value or an item, and advances past them.
    ///
    /// # Errors
    /// If fewer follow.
    pub(super) fn value(&mut self, tag: Tag, length: u32) -> Result<&'a [u8], String> {
        let there = self.rest.len();
        let (value, rest) = self
            .rest
            .split_at_checked(length as usize)
            .ok_or_else(|| format!("element {tag} claims {length} bytes, found {there}"))?;
        self.rest = rest;
        Ok(value)
    }

    /// Whether only zeros follow.
    pub(super) fn only_zeros(&self) -> bool {
        self.rest.iter().all(|&byte| byte == 0)
    }

    fn tag(&mut self) -> Option<Tag> {
        Some(Tag(self.u16()?, self.u16()?))
    }

    fn u16(&mut self) -> Option<u16> {
        let bytes = self.array()?;
        Some(if self.encoding.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&mut self) -> Option<u32> {
        let bytes = self.array()?;
        Some(if self.encoding.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (&first, rest) = self.rest.split_first_chunk()?;
        self.rest = rest;
        Some(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(rest: &[u8], encoding: Encoding) -> Result<ElementHeader, String> {
        Cursor { rest, encoding }.header()
    }

    #[test]
    fn lengths_stand_where_the_representation_puts_them() {
        let tag = Tag(0x28, 0x10);
        let cases = [
            (&b"\x28\0\x10\0US\x02\0"[..], Encoding::EXPLICIT, Some(VR::US), Some(2)),
            (b"\x28\0\x10\0OW\0\0\x02\0\x01\0", Encoding::EXPLICIT, Some(VR::OW), Some(65538)),
            (b"\x28\0\x10\0UN\0\0\xFF\xFF\xFF\xFF", Encoding::EXPLICIT, Some(VR::UN), None),
            (b"\x28\0\x10\0ZZ\0\0\x02\0\0\0", Encoding::EXPLICIT, None, Some(2)),
            (b"\x28\0\x10\0??\x02\0", Encoding::EXPLICIT, None, Some(2)),
            (b"\x28\0\x10\0\x02\0\0\0", Encoding::EXPLICIT, None, Some(2)),
            (b"\x28\0\x10\0\x20\0\0\0", Encoding::EXPLICIT, None, Some(32)),
            (b"\x28\0\x10\0\x02\0\0\0", Encoding::IMPLICIT, None, Some(2)),
            (b"\0\x28\0\x10US\0\x02", Encoding::BIG_ENDIAN, Some(VR::US), Some(2)),
        ];
        for (bytes, encoding, vr, length) in cases {
            assert_eq!(header(bytes, encoding), Ok(ElementHeader { tag, vr, length }), "{bytes:?}");
            assert!(header(&bytes[..bytes.len() - 1], encoding).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn what_is_claimed_must_be_there() {
        let mut cursor = Cursor { rest: b"abc", encoding: Encoding::EXPLICIT };
        let fault = cursor.value(Tag(0x7FE0, 0x10), u32::MAX - 1).unwrap_err();
        assert_eq!(fault, "element (7FE0,0010) claims 4294967294 bytes, found 3");
        assert_eq!((cursor.value(ITEM, 2).unwrap(), cursor.rest), (&b"ab"[..], &b"c"[..]));
    }
}
