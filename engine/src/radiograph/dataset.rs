//! DICOM data sets: telling them from other files, parsing them, and reading attributes.

use std::io::{Cursor, Read};

use dicom_core::value::{PrimitiveValue, Value};
use dicom_core::{DicomValue, Tag};
use dicom_dictionary_std::{tags, uids};
use dicom_object::mem::InMemElement;
use dicom_object::{FileMetaTable, InMemDicomObject};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};

use flate2::read::DeflateDecoder;

use super::claims::{self, Encoding};
use super::error::DicomFault;

/// Where the letters `DICM` are, after a preamble of any content.
const MAGIC_AT: usize = 128;

const MAGIC: &[u8] = b"DICM";
const EXPLICIT: Encoding = Encoding { explicit: true, big_endian: false };
/// The largest image allowed, in three samples of 16 bits, and as much again.
const MAX_INFLATED: u64 = 3 << 30;

/// A parsed file.
pub(super) struct Dataset {
    pub(super) object: InMemDicomObject,
    /// The transfer syntax's UID.
    pub(super) syntax: String,
    pub(super) remarks: Vec<String>,
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

/// Parses a file, or a data set without file meta.
///
/// # Errors
/// The parser's reason, with what is known of the syntax.
pub(super) fn parse(bytes: &[u8]) -> Result<Dataset, (String, DicomFault)> {
    match start(bytes) {
        Some(Start::Bare(syntax)) => parse_bare(bytes, syntax).map_err(|fault| (describe(syntax), fault)),
        Some(Start::Preamble) => parse_file(&bytes[MAGIC_AT..]),
        _ => {
            let mut whole = MAGIC.to_vec();
            whole.extend_from_slice(bytes);
            let mut dataset = parse_file(&whole)?;
            dataset.remarks.push("it has no DICOM preamble".into());
            Ok(dataset)
        }
    }
}

fn parse_file(from_magic: &[u8]) -> Result<Dataset, (String, DicomFault)> {
    let unnamed = |fault| ("DICOM".to_string(), fault);
    let group = from_magic.get(MAGIC.len()..).unwrap_or_default();
    claims::check(meta(group), EXPLICIT).map_err(|claim| unnamed(DicomFault::Parse(claim)))?;
    let mut cursor = Cursor::new(from_magic);
    let meta = FileMetaTable::from_reader(&mut cursor).map_err(|error| unnamed(DicomFault::Parse(chain(&error))))?;
    let syntax = uid(meta.transfer_syntax()).to_string();
    let rest = &from_magic[cursor.position() as usize..];
    let object = parse_object(rest, &syntax).map_err(|fault| (describe(&syntax), fault))?;
    Ok(Dataset { object, syntax, remarks: Vec::new() })
}

/// The elements of file meta, by the group length that comes first: (0002,0000) UL 4.
fn meta(group: &[u8]) -> &[u8] {
    let length = group.get(8..12).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    group.get(..12 + length).unwrap_or(group)
}

fn parse_bare(bytes: &[u8], syntax: &'static str) -> Result<Dataset, DicomFault> {
    let object = parse_object(bytes, syntax)?;
    let remark = format!("it has no DICOM file meta: read as {}", describe(syntax));
    Ok(Dataset { object, syntax: syntax.into(), remarks: vec![remark] })
}

/// Parses what follows the file meta.
fn parse_object(bytes: &[u8], syntax: &str) -> Result<InMemDicomObject, DicomFault> {
    if syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
        return parse_object(&inflate(bytes)?, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    }
    let known = TransferSyntaxRegistry.get(syntax).ok_or_else(|| DicomFault::Unsupported("this syntax".into()))?;
    let encoding =
        Encoding { explicit: syntax != uids::IMPLICIT_VR_LITTLE_ENDIAN, big_endian: syntax == EXPLICIT_VR_BIG_ENDIAN };
    claims::check(bytes, encoding).map_err(DicomFault::Parse)?;
    InMemDicomObject::read_dataset_with_ts(Cursor::new(bytes), known).map_err(|error| DicomFault::Parse(chain(&error)))
}

fn inflate(bytes: &[u8]) -> Result<Vec<u8>, DicomFault> {
    let mut inflated = Vec::new();
    let read = DeflateDecoder::new(bytes).take(MAX_INFLATED + 1).read_to_end(&mut inflated);
    read.map_err(|error| DicomFault::Parse(format!("cannot inflate: {error}")))?;
    if inflated.len() as u64 > MAX_INFLATED {
        return Err(DicomFault::Parse(format!("more than {MAX_INFLATED} bytes when inflated")));
    }
    Ok(inflated)
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
    text.trim_matches(|letter: char| letter == '\0' || letter.is_whitespace())
}

/// An error and its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// An attribute that is present and not empty.
pub(super) fn element(object: &InMemDicomObject, tag: Tag) -> Option<&InMemElement> {
    object.get(tag).filter(|element| !matches!(element.value(), Value::Primitive(PrimitiveValue::Empty)))
}

/// The first item of a sequence.
pub(super) fn item(object: &InMemDicomObject, tag: Tag) -> Option<&InMemDicomObject> {
    object.get(tag)?.items()?.first()
}

/// The object that holds the attributes of a functional group: the data set itself, or in enhanced objects an item of
/// the shared or of the first frame's functional groups.
pub(super) fn group(object: &InMemDicomObject, sequence: Tag, tag: Tag) -> Option<&InMemDicomObject> {
    if element(object, tag).is_some() {
        return Some(object);
    }
    [tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE]
        .into_iter()
        .filter_map(|groups| item(item(object, groups)?, sequence))
        .find(|group| element(group, tag).is_some())
}

/// A whole number.
pub(super) fn integer(object: &InMemDicomObject, (tag, name): (Tag, &'static str)) -> Result<Option<u32>, DicomFault> {
    let Some(element) = element(object, tag) else { return Ok(None) };
    let number = element
        .to_int()
        .map_err(|_| DicomFault::invalid(name, element.to_str().unwrap_or_default(), "a whole number is needed"))?;
    Ok(Some(number))
}

/// Decimal numbers, at least one.
pub(super) fn decimals(
    object: &InMemDicomObject,
    tag: Tag,
    name: &'static str,
) -> Result<Option<Vec<f64>>, DicomFault> {
    let Some(element) = element(object, tag) else { return Ok(None) };
    match element.to_multi_float64() {
        Ok(numbers) if numbers.is_empty() => Ok(None),
        Ok(numbers) if numbers.iter().all(|number| number.is_finite()) => Ok(Some(numbers)),
        _ => Err(DicomFault::invalid(name, element.to_str().unwrap_or_default(), "decimal numbers are needed")),
    }
}

/// A text without its padding.
pub(super) fn text(object: &InMemDicomObject, tag: Tag) -> Option<String> {
    let text = element(object, tag)?.to_str().ok()?;
    Some(uid(&text).to_string()).filter(|text| !text.is_empty())
}

/// 16-bit words, with the bits of negative numbers kept.
pub(super) fn words(object: &InMemDicomObject, tag: Tag) -> Option<Vec<u16>> {
    let bytes = bytes(object, tag)?;
    Some(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
}

/// The bytes of a binary attribute, little endian whatever the file's order was.
pub(super) fn bytes(object: &InMemDicomObject, tag: Tag) -> Option<Vec<u8>> {
    let DicomValue::Primitive(value) = element(object, tag)?.value() else { return None };
    match value {
        PrimitiveValue::U8(bytes) => Some(bytes.to_vec()),
        PrimitiveValue::U16(words) => Some(words.iter().flat_map(|word| word.to_le_bytes()).collect()),
        PrimitiveValue::I16(words) => Some(words.iter().flat_map(|word| word.to_le_bytes()).collect()),
        _ => None,
    }
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
