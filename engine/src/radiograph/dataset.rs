//! DICOM files: telling them from others, taking them apart, and looking up attributes.

use std::borrow::Cow;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};

use super::attributes::{Attribute, Attributes, Value};
use super::deflate;
use super::element::{Cursor, Encoding};
use super::error::DicomFault;
use super::limits::DecodeLimits;
use super::value::is_padding;
use super::walk::{self, Walk};

/// Where the letters `DICM` are, after a preamble of any content.
const MAGIC_AT: usize = 128;

const MAGIC: &[u8] = b"DICM";

/// A file's attributes.
pub(super) struct Dataset<'a> {
    pub(super) attributes: Attributes<'a>,
    /// The transfer syntax's UID.
    pub(super) syntax: String,
    pub(super) remarks: Vec<String>,
}

/// A file without its file meta.
pub(super) struct Encoded<'a> {
    /// The data set, inflated if need be.
    bytes: Cow<'a, [u8]>,
    /// How the data set is written; the file may say otherwise.
    pub(super) encoding: Encoding,
    /// The transfer syntax's UID.
    pub(super) syntax: String,
    /// Whether the bytes end somewhere in the pixel data: more has not been inflated.
    before_pixels: bool,
    remarks: Vec<String>,
}

/// What of a data set is needed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Extent {
    /// All of it, within a limit of memory.
    Whole(DecodeLimits),
    /// The attributes before the pixel data; of a deflated data set no more is inflated.
    BeforePixels,
}

/// How a file begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// 128 bytes, `DICM`, file meta, data set: the standard's file.
    Preamble,
    /// File meta without a preamble.
    Meta,
    /// A bare data set, in a transfer syntax that its first element gives away.
    Bare(&'static str),
}

/// Whether the bytes begin as a DICOM file, or as a data set without file meta, does.
pub(super) fn is_dicom(bytes: &[u8]) -> bool {
    start(bytes).is_some()
}

/// Whether the bytes have DICOM's own mark; 132 of them are enough.
pub(super) fn has_magic(bytes: &[u8]) -> bool {
    bytes.get(MAGIC_AT..).is_some_and(|rest| rest.starts_with(MAGIC))
}

fn start(bytes: &[u8]) -> Option<Start> {
    if has_magic(bytes) {
        return Some(Start::Preamble);
    }
    let &[a, b, c, d, v, w, x, y, ..] = bytes else { return None };
    let explicit = v.is_ascii_uppercase() && w.is_ascii_uppercase();
    // a bare data set begins with group 0008, whose first elements are short
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

/// Retired, yet met.
pub(super) const EXPLICIT_VR_BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// Takes a file, or a data set without file meta, apart.
///
/// # Errors
/// What is wrong with its meta or its compression, with what is known of the syntax.
pub(super) fn open(bytes: &[u8], extent: Extent) -> Result<Encoded<'_>, (String, DicomFault)> {
    let mut encoded = before_inflation(bytes)?;
    if encoded.is_deflated() {
        let inflated = match extent {
            Extent::Whole(limits) => deflate::inflate(&encoded.bytes, encoded.encoding, limits),
            Extent::BeforePixels => deflate::inflate_before_pixels(&encoded.bytes, encoded.encoding),
        };
        encoded.bytes = inflated.map_err(|fault| (describe(&encoded.syntax), fault))?.into();
        encoded.before_pixels = matches!(extent, Extent::BeforePixels);
    }
    Ok(encoded)
}

/// As [`open`], but a deflated data set is left as it is. The first bytes of a file are enough.
///
/// # Errors
/// As [`open`].
pub(super) fn before_inflation(bytes: &[u8]) -> Result<Encoded<'_>, (String, DicomFault)> {
    let unnamed = |fault| ("DICOM".to_string(), fault);
    let (remark, rest) = match start(bytes) {
        Some(Start::Bare(syntax)) => {
            let remark = format!("it has no DICOM file meta: read as {}", describe(syntax));
            return Encoded::new(bytes, syntax.into(), vec![remark]);
        }
        Some(Start::Preamble) => (None, &bytes[MAGIC_AT + MAGIC.len()..]),
        _ => (Some("it has no DICOM preamble".to_string()), bytes),
    };
    let (mut walk, mut cursor) = (Walk::default(), Cursor { rest, encoding: Encoding::EXPLICIT });
    // up to the first element of another group: the meta's own length is wrong, or missing, in files that are sound
    let meta = walk.until(&mut cursor, |tag| tag.group() != 2).map_err(|fault| unnamed(DicomFault::Parse(fault)))?;
    let mut remarks = Vec::from_iter(remark);
    let syntax = match (text(&meta, tags::TRANSFER_SYNTAX_UID), start(cursor.rest)) {
        (Some(syntax), _) => syntax,
        (None, Some(Start::Bare(syntax))) => {
            remarks.push(format!("its file meta names no transfer syntax: read as {}", describe(syntax)));
            syntax.into()
        }
        (None, _) => return Err(unnamed(DicomFault::Missing("TransferSyntaxUID"))),
    };
    Encoded::new(cursor.rest, syntax, remarks)
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
        let mut encoded =
            Self { bytes: bytes.into(), encoding: labelled, syntax, before_pixels: false, remarks: Vec::new() };
        if !encoded.is_deflated() {
            encoded.encoding = written(bytes, labelled);
        }
        if encoded.encoding != labelled {
            remarks.push(format!(
                "its data set is not in the transfer syntax that it names: read as {}",
                encoded.encoding
            ));
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
    /// Where the data set is cut off, or broken otherwise; with the syntax.
    pub(super) fn parse(&self) -> Result<Dataset<'_>, (String, DicomFault)> {
        let mut walk = Walk::default();
        let attributes = walk
            .until(&mut self.cursor(), |tag| self.before_pixels && tag >= tags::PIXEL_DATA)
            .map_err(|fault| (describe(&self.syntax), DicomFault::Parse(fault)))?;
        let remarks = [self.remarks.clone(), walk.remarks].concat();
        Ok(Dataset { attributes, syntax: self.syntax.clone(), remarks })
    }
}

/// How a data set is written, by its first element, if that is not as it is labelled.
fn written(bytes: &[u8], labelled: Encoding) -> Encoding {
    let explicit = walk::names_representation(bytes).unwrap_or(labelled.explicit);
    // data sets begin with a group below 0100
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

/// A UID without its padding.
pub(super) fn uid(text: &str) -> &str {
    text.trim_matches(is_padding)
}

/// An attribute that is present and not empty.
pub(super) fn attribute<'o, 'a>(attributes: &'o Attributes<'a>, tag: Tag) -> Option<&'o Attribute<'a>> {
    attributes.get(tag).filter(|attribute| attribute.bytes().is_some())
}

/// The first item of a sequence that holds anything.
pub(super) fn item<'o, 'a>(attributes: &'o Attributes<'a>, tag: Tag) -> Option<&'o Attributes<'a>> {
    match &attributes.get(tag)?.value {
        Value::Item(item) => item.as_deref(),
        _ => None,
    }
}

/// What holds the attributes of a functional group: the data set itself, or in enhanced objects an item of the shared
/// or of the first frame's functional groups.
pub(super) fn group<'o, 'a>(attributes: &'o Attributes<'a>, sequence: Tag, tag: Tag) -> Option<&'o Attributes<'a>> {
    if attribute(attributes, tag).is_some() {
        return Some(attributes);
    }
    [tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE]
        .into_iter()
        .filter_map(|groups| item(item(attributes, groups)?, sequence))
        .find(|group| attribute(group, tag).is_some())
}

/// A whole number.
pub(super) fn integer(attributes: &Attributes, (tag, name): (Tag, &'static str)) -> Result<Option<u32>, DicomFault> {
    let Some(numbers) = numbers(attributes, tag, name, "a whole number is needed")? else { return Ok(None) };
    let number = numbers[0];
    if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
        Ok(Some(number as u32))
    } else {
        Err(DicomFault::invalid(name, number, "a whole number is needed"))
    }
}

/// Decimal numbers, at least one.
pub(super) fn decimals(attributes: &Attributes, tag: Tag, name: &'static str) -> Result<Option<Vec<f64>>, DicomFault> {
    numbers(attributes, tag, name, "decimal numbers are needed")
}

fn numbers(attributes: &Attributes, tag: Tag, name: &'static str, need: &str) -> Result<Option<Vec<f64>>, DicomFault> {
    let Some(attribute) = attribute(attributes, tag) else { return Ok(None) };
    match attribute.numbers() {
        Some(numbers) if numbers.iter().all(|number| number.is_finite()) => Ok(Some(numbers)),
        None if attribute.is_blank() => Ok(None),
        _ => Err(DicomFault::invalid(name, attribute.excerpt(), need)),
    }
}

/// A text without its padding.
pub(super) fn text(attributes: &Attributes, tag: Tag) -> Option<String> {
    let bytes = attribute(attributes, tag)?.bytes()?;
    let charset = attribute(attributes, tags::SPECIFIC_CHARACTER_SET).and_then(Attribute::bytes).and_then(charset);
    let text = charset.unwrap_or_default().decode(bytes).ok()?;
    Some(uid(&text).to_string()).filter(|text| !text.is_empty())
}

/// The first character set named, if it is known.
fn charset(value: &[u8]) -> Option<SpecificCharacterSet> {
    let first = value.split(|&byte| byte == b'\\').next()?;
    SpecificCharacterSet::from_code(uid(str::from_utf8(first).ok()?))
}

/// 16-bit words, with the bits of negative numbers kept.
pub(super) fn words(attributes: &Attributes, tag: Tag) -> Option<Vec<u16>> {
    let bytes = bytes(attributes, tag)?;
    Some(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
}

/// The bytes of an attribute in words, little endian whatever the file's order was.
pub(super) fn bytes<'a>(attributes: &Attributes<'a>, tag: Tag) -> Option<Cow<'a, [u8]>> {
    attribute(attributes, tag)?.words()
}

/// The bytes of pixel data that are not compressed, in samples of so many bits, little endian whatever the file's order
/// was.
pub(super) fn samples<'a>(attributes: &Attributes<'a>, allocated: u32) -> Option<Cow<'a, [u8]>> {
    attribute(attributes, tags::PIXEL_DATA)?.samples(allocated)
}

/// The bytes of compressed pixel data: all fragments, one after another.
pub(super) fn frame<'a>(attributes: &Attributes<'a>) -> Option<Cow<'a, [u8]>> {
    let Value::Fragments(items) = attributes.get(tags::PIXEL_DATA)?.value else { return None };
    let mut cursor = Cursor { rest: items, encoding: Encoding::IMPLICIT };
    // checked by the walk; the first item is the offset table
    let fragments = std::iter::from_fn(|| {
        let header = cursor.header().ok()?;
        cursor.value(header.tag, header.length?).ok()
    });
    let mut fragments: Vec<&[u8]> = fragments.skip(1).filter(|fragment| !fragment.is_empty()).collect();
    Some(if fragments.len() == 1 { fragments.remove(0).into() } else { fragments.concat().into() })
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
        for other in [&b""[..], b"ImageId,EncodedPixels", b"\x89PNG\r\n\x1a\n", b"\x08\0\0\0\xff\xff\xff\xff"] {
            assert_eq!(start(other), None, "{other:?}");
        }
    }
}
