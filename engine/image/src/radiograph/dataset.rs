//! Looks up attributes of a DICOM data set and parses their values.

use std::borrow::Cow;

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_encoding::text::{SpecificCharacterSet, TextCodec};

use super::attributes::{Attribute, Attributes, Value};
use super::element::{Cursor, Encoding};
use super::error::DicomFault;
use super::value::is_padding;

/// A UID without padding.
pub(super) fn uid(text: &str) -> &str {
    text.trim_matches(is_padding)
}

/// An attribute that is present and not empty.
pub(super) fn attribute<'o, 'a>(attributes: &'o Attributes<'a>, tag: Tag) -> Option<&'o Attribute<'a>> {
    attributes.get(tag).filter(|attribute| attribute.bytes().is_some())
}

/// The first non-empty item of a sequence.
pub(super) fn item<'o, 'a>(attributes: &'o Attributes<'a>, tag: Tag) -> Option<&'o Attributes<'a>> {
    any_item(attributes, tag).filter(|item| !item.is_empty())
}

/// Whether a sequence has items, and all are empty.
pub(super) fn has_empty_items(attributes: &Attributes, tag: Tag) -> bool {
    any_item(attributes, tag).is_some_and(Attributes::is_empty)
}

fn any_item<'o, 'a>(attributes: &'o Attributes<'a>, tag: Tag) -> Option<&'o Attributes<'a>> {
    match &attributes.get(tag)?.value {
        Value::Item(item) => item.as_deref(),
        _ => None,
    }
}

/// The attributes of a functional group: the data set itself, or in enhanced objects an item of the shared or the first
/// frame's functional groups.
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
    let Some(numbers) = numbers(attributes, tag, name, "expected a whole number")? else { return Ok(None) };
    let number = numbers[0];
    if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) {
        Ok(Some(number as u32))
    } else {
        Err(DicomFault::invalid(name, number, "expected a whole number"))
    }
}

/// Decimal numbers, at least one.
pub(super) fn decimals(attributes: &Attributes, tag: Tag, name: &'static str) -> Result<Option<Vec<f64>>, DicomFault> {
    numbers(attributes, tag, name, "expected decimal numbers")
}

fn numbers(attributes: &Attributes, tag: Tag, name: &'static str, need: &str) -> Result<Option<Vec<f64>>, DicomFault> {
    let Some(attribute) = attribute(attributes, tag) else { return Ok(None) };
    match attribute.numbers() {
        Some(numbers) if numbers.iter().all(|number| number.is_finite()) => Ok(Some(numbers)),
        None if attribute.is_blank() => Ok(None),
        _ => Err(DicomFault::invalid(name, attribute.excerpt(), need)),
    }
}

/// A text without padding.
pub(super) fn text(attributes: &Attributes, tag: Tag) -> Option<String> {
    let bytes = attribute(attributes, tag)?.bytes()?;
    let charset = attribute(attributes, tags::SPECIFIC_CHARACTER_SET).and_then(Attribute::bytes).and_then(charset);
    let text = charset.unwrap_or_default().decode(bytes).ok()?;
    Some(uid(&text).to_string()).filter(|text| !text.is_empty())
}

/// A code string (VR CS) in capital letters, whatever the file's case.
pub(super) fn code(attributes: &Attributes, tag: Tag) -> Option<String> {
    text(attributes, tag).map(|code| code.to_ascii_uppercase())
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

/// The bytes of an attribute made of words, in little endian, whatever the file's order.
pub(super) fn bytes<'a>(attributes: &Attributes<'a>, tag: Tag) -> Option<Cow<'a, [u8]>> {
    attribute(attributes, tag)?.words()
}

/// The bytes of uncompressed pixel data with `allocated` bits per sample, in little endian, whatever the file's order.
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
