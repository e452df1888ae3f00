//! Recognises DICOM files and splits them into preamble, file meta and data set.

use std::borrow::Cow;

use dicom_dictionary_std::{tags, uids};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};

use super::attributes::Attributes;
use super::dataset::text;
use super::element::{Cursor, Encoding};
use super::error::DicomFault;
use super::limits::Extent;
use super::walk::{self, Walk};
use super::{deflate, meta};

/// The offset of the letters `DICM`, after a preamble of any content.
const MAGIC_AT: usize = 128;

const MAGIC: &[u8] = b"DICM";

/// A file's attributes.
pub(super) struct Dataset<'a> {
    pub(super) attributes: Attributes<'a>,
    /// The transfer syntax's UID.
    pub(super) syntax: String,
    /// The SOP class's UID, from the data set or else from the file meta.
    pub(super) class: Option<String>,
    /// Whether pixel data follow that are not among the attributes.
    pub(super) pixels_follow: bool,
    pub(super) remarks: Vec<String>,
}

/// A file without its file meta.
pub(super) struct Encoded<'a> {
    /// The data set, inflated if need be.
    bytes: Cow<'a, [u8]>,
    /// The encoding of the data set; the label in the file may differ.
    pub(super) encoding: Encoding,
    /// The transfer syntax's UID.
    pub(super) syntax: String,
    /// The SOP class's UID, from the file meta.
    pub(super) class: Option<String>,
    /// Whether the bytes end within the pixel data because no more was inflated.
    before_pixels: bool,
    remarks: Vec<String>,
}

/// How a file starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// 128 bytes, `DICM`, file meta, data set: the standard's file.
    Preamble,
    /// As `Preamble`, but without the letters: 128 zeros, followed by one of the other forms.
    Unmarked,
    /// File meta without a preamble.
    Meta,
    /// A bare data set, in the transfer syntax that its first element implies.
    Bare(&'static str),
}

/// Whether the bytes start like a DICOM file, or like a data set without file meta.
pub(super) fn is_dicom(bytes: &[u8]) -> bool {
    start(bytes).is_some()
}

/// Whether the bytes have DICOM's magic letters; the first 132 bytes suffice.
pub(super) fn has_magic(bytes: &[u8]) -> bool {
    bytes.get(MAGIC_AT..).is_some_and(|rest| rest.starts_with(MAGIC))
}

fn start(bytes: &[u8]) -> Option<Start> {
    if has_magic(bytes) {
        return Some(Start::Preamble);
    }
    match bytes.split_first_chunk::<MAGIC_AT>() {
        Some(([0, ..], rest)) if is_zero(&bytes[..MAGIC_AT]) => bare_start(rest).map(|_| Start::Unmarked),
        _ => bare_start(bytes),
    }
}

/// How a file without a preamble starts.
fn bare_start(bytes: &[u8]) -> Option<Start> {
    let &[a, b, c, d, v, w, x, y, ..] = bytes else { return None };
    let explicit = v.is_ascii_uppercase() && w.is_ascii_uppercase();
    // a bare data set starts with group 0008, whose first elements are short
    let length = u32::from_le_bytes([v, w, x, y]);
    match ([a, b], [c, d]) {
        ([2, 0], [0..=2, 0]) if explicit => Some(Start::Meta),
        ([8, 0], [_, 0]) if explicit => Some(Start::Bare(uids::EXPLICIT_VR_LITTLE_ENDIAN)),
        ([0, 8], [0, _]) if explicit => Some(Start::Bare(EXPLICIT_VR_BIG_ENDIAN)),
        ([8, 0], [_, 0]) if length <= 1024 && length as usize <= bytes.len() => {
            Some(Start::Bare(uids::IMPLICIT_VR_LITTLE_ENDIAN))
        }
        _ => None,
    }
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// Retired, but still found in files.
pub(super) const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Splits a file, or a data set without file meta.
///
/// # Errors
/// What is wrong with its meta or its compression, together with the syntax if known.
pub(super) fn open(bytes: &[u8], extent: Extent) -> Result<Encoded<'_>, (String, DicomFault)> {
    let mut encoded = before_inflation(bytes)?;
    if encoded.is_deflated() {
        let inflated = deflate::inflate(&encoded.bytes, encoded.encoding, extent);
        encoded.bytes = inflated.map_err(|fault| (describe(&encoded.syntax), fault))?.into();
        encoded.before_pixels = matches!(extent, Extent::BeforePixels);
    }
    Ok(encoded)
}

/// As [`open`], but a deflated data set is not inflated. The first bytes of a file suffice.
///
/// # Errors
/// As [`open`].
pub(super) fn before_inflation(bytes: &[u8]) -> Result<Encoded<'_>, (String, DicomFault)> {
    let unnamed = |fault| ("DICOM".to_string(), fault);
    let (mut remarks, rest) = match start(bytes) {
        Some(Start::Preamble) => (Vec::new(), &bytes[MAGIC_AT + MAGIC.len()..]),
        Some(Start::Unmarked) => (vec!["the preamble lacks the DICM prefix".to_string()], &bytes[MAGIC_AT..]),
        Some(Start::Meta) => (vec!["the DICOM preamble is missing".to_string()], bytes),
        Some(Start::Bare(_)) | None => (Vec::new(), bytes),
    };
    let (mut walk, mut cursor) = (Walk::default(), Cursor { rest, encoding: Encoding::EXPLICIT });
    // up to the first element of another group: sound files may have a wrong group length, or none
    let meta = walk.until(&mut cursor, |tag| tag.group() != 2).map_err(|fault| unnamed(DicomFault::Parse(fault)))?;
    let length = rest.len() - cursor.rest.len();
    let syntax = match (text(&meta, tags::TRANSFER_SYNTAX_UID), bare_start(cursor.rest)) {
        (Some(syntax), _) => syntax,
        (None, Some(Start::Bare(syntax))) => {
            let lack = if length == 0 {
                "the DICOM file meta information is missing"
            } else {
                "the file meta \
                                                                                               information has no \
                                                                                               transfer syntax"
            };
            remarks.push(format!("{lack}: read as {}", describe(syntax)));
            syntax.into()
        }
        (None, _) => return Err(unnamed(DicomFault::Missing("TransferSyntaxUID"))),
    };
    remarks.extend(meta::remark(&meta, length));
    let mut encoded = Encoded::new(cursor.rest, syntax, remarks)?;
    encoded.class = text(&meta, tags::MEDIA_STORAGE_SOP_CLASS_UID);
    Ok(encoded)
}

impl<'a> Encoded<'a> {
    fn new(bytes: &'a [u8], syntax: String, mut remarks: Vec<String>) -> Result<Self, (String, DicomFault)> {
        if TransferSyntaxRegistry.get(&syntax).is_none() {
            return Err((describe(&syntax), DicomFault::Unsupported("this syntax".into())));
        }
        let labelled = match syntax.as_str() {
            uids::IMPLICIT_VR_LITTLE_ENDIAN => Encoding::IMPLICIT,
            EXPLICIT_VR_BIG_ENDIAN => Encoding::BIG_ENDIAN,
            _ => Encoding::EXPLICIT,
        };
        let mut encoded = Self {
            bytes: bytes.into(),
            encoding: labelled,
            syntax,
            class: None,
            before_pixels: false,
            remarks: Vec::new(),
        };
        if !encoded.is_deflated() {
            encoded.encoding = written(bytes, labelled);
        }
        if encoded.encoding != labelled {
            remarks.push(format!("the data set is not in the declared transfer syntax: read as {}", encoded.encoding));
        }
        encoded.remarks = remarks;
        Ok(encoded)
    }

    pub(super) fn is_deflated(&self) -> bool {
        self.syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    }

    /// The data set, from its first element on.
    pub(super) fn cursor(&self) -> Cursor<'_> {
        Cursor { rest: &self.bytes, encoding: self.encoding }
    }

    /// Reads the attributes.
    ///
    /// # Errors
    /// If the data set is truncated or otherwise broken; with the syntax.
    pub(super) fn parse(&self) -> Result<Dataset<'_>, (String, DicomFault)> {
        let (mut walk, mut cursor) = (Walk::default(), self.cursor());
        let attributes = walk
            .until(&mut cursor, |tag| self.before_pixels && tag >= tags::PIXEL_DATA)
            .map_err(|fault| (describe(&self.syntax), DicomFault::Parse(fault)))?;
        let class = text(&attributes, tags::SOP_CLASS_UID).or_else(|| self.class.clone());
        let remarks = [self.remarks.clone(), walk.remarks].concat();
        let pixels_follow = cursor.peek() == Some(tags::PIXEL_DATA);
        Ok(Dataset { attributes, syntax: self.syntax.clone(), class, pixels_follow, remarks })
    }
}

/// The encoding of a data set by its first element, which may differ from its label.
fn written(bytes: &[u8], labelled: Encoding) -> Encoding {
    let explicit = walk::names_representation(bytes).unwrap_or(labelled.explicit);
    // data sets start with a group below 0100
    let big_endian = match *bytes {
        [0, low, ..] if low > 0 => explicit,
        [low, 0, ..] if low > 0 => false,
        _ => labelled.big_endian,
    };
    Encoding { explicit, big_endian }
}

/// A transfer syntax for people: `JPEG Baseline (Process 1), 1.2.840.10008.1.2.4.50`.
pub(super) fn describe(syntax: &str) -> String {
    format!("{}, {syntax}", name(syntax))
}

/// A transfer syntax's name: `JPEG Baseline (Process 1)`.
pub(super) fn name(syntax: &str) -> &'static str {
    TransferSyntaxRegistry.get(syntax).map_or("unknown transfer syntax", |known| known.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_beginning() {
        let mut file = vec![7; 128];
        file.extend_from_slice(b"DICM\x02\x00\x00\x00");
        assert_eq!(start(&file), Some(Start::Preamble));
        assert_eq!(start(b"\x02\0\0\0UL\x04\0"), Some(Start::Meta));
        assert_eq!(start(b"\x08\0\x05\0CS\x0a\0"), Some(Start::Bare(uids::EXPLICIT_VR_LITTLE_ENDIAN)));
        assert_eq!(start(b"\0\x08\0\x05CS\0\x0a"), Some(Start::Bare(EXPLICIT_VR_BIG_ENDIAN)));
        assert_eq!(start(b"\x08\0\0\0\x04\0\0\0rest"), Some(Start::Bare(uids::IMPLICIT_VR_LITTLE_ENDIAN)));
        let unmarked = |rest: &[u8]| start(&[&[0; 128], rest].concat());
        assert_eq!(unmarked(b"\x02\0\0\0UL\x04\0"), Some(Start::Unmarked));
        assert_eq!(unmarked(b"\x08\0\x05\0CS\x0a\0"), Some(Start::Unmarked));
        assert_eq!(unmarked(&[0; 64]), None);
        for other in [&b""[..], b"ImageId,EncodedPixels", b"\x89PNG\r\n\x1a\n", b"\x08\0\0\0\xff\xff\xff\xff"] {
            assert_eq!(start(other), None, "{other:?}");
        }
    }
}
