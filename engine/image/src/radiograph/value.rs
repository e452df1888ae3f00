//! The values of attributes: texts, numbers, words.
//!
//! The dictionary determines an attribute's type. Only if its bytes cannot be of that type are they read by the value
//! representation in the file.

use std::borrow::Cow;

use dicom_core::VR;
use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_dictionary_std::StandardDataDictionary;

use super::attributes::Attribute;

/// Characters of a value that a message shows.
const EXCERPT: usize = 64;

/// An encoding of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    /// Decimal text, separated by backslashes.
    Text,
    /// Integers of `bytes` bytes.
    Integer { bytes: usize, signed: bool },
    /// In single or double precision.
    Float { bytes: usize },
}

impl Number {
    /// The encoding according to the dictionary.
    fn known(tag: dicom_core::Tag) -> Option<Self> {
        match StandardDataDictionary.by_tag(tag)?.vr() {
            VirtualVr::Exact(vr) => Self::new(vr),
            _ => Self::new(VR::US),
        }
    }

    /// The encoding of a value representation; `None` if it holds no numbers, or does not determine their encoding.
    fn new(vr: VR) -> Option<Self> {
        Some(match vr {
            VR::US => Self::Integer { bytes: 2, signed: false },
            VR::SS => Self::Integer { bytes: 2, signed: true },
            VR::UL => Self::Integer { bytes: 4, signed: false },
            VR::SL => Self::Integer { bytes: 4, signed: true },
            VR::UV => Self::Integer { bytes: 8, signed: false },
            VR::SV => Self::Integer { bytes: 8, signed: true },
            VR::FL => Self::Float { bytes: 4 },
            VR::FD => Self::Float { bytes: 8 },
            VR::DS | VR::IS => Self::Text,
            _ => return None,
        })
    }

    /// Reads numbers; `None` if the bytes hold none in this encoding.
    fn read(self, bytes: &[u8], big_endian: bool) -> Option<Vec<f64>> {
        let width = match self {
            Self::Text => return decimals(bytes),
            Self::Integer { bytes, .. } | Self::Float { bytes } => bytes,
        };
        bytes
            .len()
            .is_multiple_of(width)
            .then(|| bytes.chunks_exact(width).map(|one| self.one(one, big_endian)).collect())
    }

    /// A binary number.
    fn one(self, bytes: &[u8], big_endian: bool) -> f64 {
        let most_first = |bits: u64, &byte: &u8| bits << 8 | u64::from(byte);
        let bits = if big_endian { bytes.iter().fold(0, most_first) } else { bytes.iter().rev().fold(0, most_first) };
        let unused = 64 - 8 * bytes.len() as u32;
        match self {
            Self::Float { bytes: 4 } => f32::from_bits(bits as u32).into(),
            Self::Float { .. } => f64::from_bits(bits),
            Self::Integer { signed: true, .. } => ((bits << unused).cast_signed() >> unused) as f64,
            Self::Integer { .. } | Self::Text => bits as f64,
        }
    }
}

/// Numbers separated by backslashes, without surrounding blanks and empty ones at the end; at least one.
fn decimals(bytes: &[u8]) -> Option<Vec<f64>> {
    let text = str::from_utf8(bytes).ok()?.trim_matches(is_padding);
    let text = text.trim_end_matches(|letter: char| letter == '\\' || is_padding(letter));
    text.split('\\').map(|number| number.trim_matches(is_padding).parse().ok()).collect()
}

/// Blanks, and the zero that pads UIDs to an even length.
pub(super) fn is_padding(letter: char) -> bool {
    letter == '\0' || letter.is_whitespace()
}

impl<'a> Attribute<'a> {
    /// Numbers, at least one; `None` if the value has none.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        let bytes = self.bytes()?;
        let (known, written) = (Number::known(self.tag), self.vr.and_then(Number::new));
        let fits = |number: Option<Number>| match number {
            Some(Number::Integer { bytes: width, .. } | Number::Float { bytes: width }) => bytes.len() == width,
            _ => false,
        };
        // one number of another width than the dictionary's: a `UL` of four bytes where two are expected
        let in_turn = if fits(written) && !fits(known) && known != Some(Number::Text) {
            [written, known]
        } else {
            [known, written]
        };
        in_turn.into_iter().flatten().find_map(|number| number.read(bytes, self.big_endian))
    }

    /// Whether there is only padding.
    pub(super) fn is_blank(&self) -> bool {
        self.bytes().is_some_and(|bytes| bytes.iter().all(|&byte| is_padding(byte.into())))
    }

    /// The start of a value, for messages.
    pub(super) fn excerpt(&self) -> String {
        let text = String::from_utf8_lossy(self.bytes().unwrap_or_default());
        let mut excerpt: String = text.trim_matches(is_padding).escape_debug().take(EXCERPT).collect();
        if text.len() > EXCERPT {
            excerpt.push('…');
        }
        excerpt
    }

    /// Bytes of 16-bit words, in little endian, whatever the file's order.
    pub(super) fn words(&self) -> Option<Cow<'a, [u8]>> {
        self.ordered(self.vr != Some(VR::OB))
    }

    /// The bytes of samples of `allocated` bits, in little endian, whatever the file's order.
    pub(super) fn samples(&self, allocated: u32) -> Option<Cow<'a, [u8]>> {
        // samples of 8 bits may be stored in words; big endian then swaps each two
        self.ordered(allocated > 8 || self.vr == Some(VR::OW))
    }

    fn ordered(&self, in_words: bool) -> Option<Cow<'a, [u8]>> {
        let bytes = self.bytes()?;
        if !(self.big_endian && in_words) {
            return Some(bytes.into());
        }
        let mut swapped = bytes.to_vec();
        swapped.as_chunks_mut::<2>().0.iter_mut().for_each(|word| word.reverse());
        Some(swapped.into())
    }
}

#[cfg(test)]
mod tests {
    use dicom_core::Tag;
    use dicom_dictionary_std::tags;

    use super::super::attributes::Value;
    use super::*;

    fn numbers(tag: Tag, vr: Option<VR>, bytes: &[u8], big_endian: bool) -> Option<Vec<f64>> {
        Attribute { tag, vr, big_endian, value: Value::Bytes(bytes) }.numbers()
    }

    #[test]
    fn the_dictionary_says_what_numbers_are() {
        for vr in [None, Some(VR::UN), Some(VR::DS), Some(VR::LO), Some(VR::US), Some(VR::OB)] {
            assert_eq!(numbers(tags::RESCALE_SLOPE, vr, b"1 ", false), Some(vec![1.0]), "{vr:?}");
            assert_eq!(numbers(tags::PIXEL_SPACING, vr, b"0.2\\+1e-1 ", false), Some(vec![0.2, 0.1]), "{vr:?}");
            assert_eq!(numbers(tags::ROWS, vr, b"\x40\0", false), Some(vec![64.0]), "{vr:?}");
            assert_eq!(numbers(tags::ROWS, vr, b"\0\x40", true), Some(vec![64.0]), "{vr:?}");
        }
    }

    #[test]
    fn where_bytes_cannot_be_the_dictionarys_the_files_representation_counts() {
        let half = 0.5_f64.to_le_bytes();
        assert_eq!(numbers(tags::RESCALE_SLOPE, Some(VR::FD), &half, false), Some(vec![0.5]));
        assert_eq!(numbers(tags::WINDOW_CENTER, Some(VR::SS), b"\x9C\xFF", false), Some(vec![-100.0]));
        assert_eq!(numbers(tags::ROWS, Some(VR::UL), b"\0\0\0\x40", true), Some(vec![64.0]));
        assert_eq!(numbers(tags::RESCALE_SLOPE, Some(VR::UN), &half, false), None);
        assert_eq!(numbers(tags::WINDOW_CENTER, Some(VR::DS), b"40\\", false), Some(vec![40.0]));
        assert_eq!(numbers(tags::WINDOW_CENTER, Some(VR::DS), b"4x", false), None);
        assert_eq!(numbers(tags::ROWS, Some(VR::US), b"\x40", false), None);
    }
}
