//! Walks through a data set, and into its sequences where necessary.
//!
//! The dictionary determines an attribute's type, not the value representation in the file: `UN` is written for
//! attributes of every kind (PS3.5 6.2.2). The content of `UN` is little endian, and the items of a sequence that is
//! `UN` have implicit value representations (CP-246); within items the bytes themselves decide, as both occur.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::{Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};

use super::attributes::{Attribute, Attributes, Value};
use super::element::{Cursor, ElementHeader, Encoding, ITEM, ITEM_END, ITEMS, SEQUENCE_END};

/// The maximum nesting of sequences; a radiograph has a handful.
const MAX_DEPTH: usize = 64;
/// Attributes are kept down to items of sequences in items: rescale in the functional groups of enhanced objects.
const KEPT_DEPTH: usize = 2;

/// A walk through a data set.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Harmless oddities found on the way.
    pub(super) remarks: Vec<String>,
}

impl Walk {
    /// Reads elements up to the first for which `stops` holds, or to the end.
    ///
    /// # Errors
    /// If the bytes end too soon, or are not elements.
    pub(super) fn until<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        stops: impl Fn(Tag) -> bool,
    ) -> Result<Attributes<'a>, String> {
        let mut attributes = Attributes::default();
        while !cursor.rest.is_empty() {
            if cursor.only_zeros() {
                self.remarks.push(format!("ignoring {} zero bytes after the data set", cursor.rest.len()));
                cursor.rest = &[];
                break;
            }
            if cursor.peek().is_some_and(&stops) {
                break;
            }
            let header = cursor.header()?;
            if header.tag == Tag(0, 0) {
                return Err(format!("expected an element, found {} bytes that are not all zero", cursor.rest.len()));
            }
            self.element(cursor, header, 0, &mut attributes)?;
        }
        Ok(attributes)
    }

    /// Reads an item's elements, to the end of the bytes or of the item.
    fn item<'a>(&mut self, cursor: &mut Cursor<'a>, depth: usize, delimited: bool) -> Result<Attributes<'a>, String> {
        let mut attributes = Attributes::default();
        while !cursor.rest.is_empty() {
            if delimited && cursor.peek() == Some(SEQUENCE_END) {
                // the item's own delimiter is missing: left to the sequence
                return Ok(attributes);
            }
            let header = cursor.header()?;
            if header.tag == ITEM_END && delimited {
                return Ok(attributes);
            }
            self.element(cursor, header, depth, &mut attributes)?;
        }
        if delimited { Err("the file ends within an item of a sequence".into()) } else { Ok(attributes) }
    }

    /// Reads an element's value, and keeps it if its tag is kept.
    fn element<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        header: ElementHeader,
        depth: usize,
        attributes: &mut Attributes<'a>,
    ) -> Result<(), String> {
        let ElementHeader { tag, vr, length } = header;
        let kept = depth <= KEPT_DEPTH && Attributes::keeps(tag);
        let value = match length {
            // a delimiter without an open item or sequence
            _ if tag.group() == ITEMS && tag != ITEM => return Ok(()),
            Some(length) => {
                let bytes = cursor.value(tag, length)?;
                if kept && is_sequence(tag) {
                    let mut inside = Cursor { rest: bytes, encoding: of_items(header, *cursor, bytes) };
                    Value::Item(self.items(&mut inside, tag, depth + 1, false)?)
                } else {
                    Value::Bytes(bytes)
                }
            }
            None if tag == tags::PIXEL_DATA => Value::Fragments(self.fragments(cursor, depth)?),
            None => {
                let mut inside = Cursor { rest: cursor.rest, encoding: of_items(header, *cursor, cursor.rest) };
                let item = self.items(&mut inside, tag, depth + 1, true)?;
                cursor.rest = inside.rest;
                Value::Item(item)
            }
        };
        if kept {
            let big_endian = cursor.encoding.big_endian && vr != Some(VR::UN);
            attributes.put(Attribute { tag, vr, big_endian, value });
        }
        Ok(())
    }

    /// Reads a sequence's items, to the end of the bytes or of the sequence, and returns the first non-empty one; an
    /// empty one if all are.
    fn items<'a>(
        &mut self,
        cursor: &mut Cursor<'a>,
        sequence: Tag,
        depth: usize,
        delimited: bool,
    ) -> Result<Option<Box<Attributes<'a>>>, String> {
        if depth > MAX_DEPTH {
            return Err(format!("sequences are nested more than {MAX_DEPTH} deep"));
        }
        let kept = depth <= KEPT_DEPTH && Attributes::keeps(sequence);
        let mut first: Option<Box<Attributes<'a>>> = None;
        let is_found = |first: &Option<Box<Attributes>>| first.as_ref().is_some_and(|item| !item.is_empty());
        while !cursor.rest.is_empty() {
            if !delimited && cursor.only_zeros() {
                return Ok(first);
            }
            let header = cursor.header()?;
            let item = match (header.tag, header.length) {
                (SEQUENCE_END, _) if delimited => return Ok(first),
                (SEQUENCE_END | ITEM_END, _) => continue,
                (ITEM, Some(length)) => {
                    let bytes = cursor.value(ITEM, length)?;
                    if is_found(&first) || !kept {
                        continue;
                    }
                    self.item(&mut Cursor { rest: bytes, encoding: of_elements(*cursor, bytes) }, depth, false)?
                }
                (ITEM, None) => {
                    let mut inside = Cursor { rest: cursor.rest, encoding: of_elements(*cursor, cursor.rest) };
                    let item = self.item(&mut inside, depth, true)?;
                    cursor.rest = inside.rest;
                    item
                }
                (tag, _) => return Err(format!("expected an item of sequence {sequence}, found {tag}")),
            };
            if !is_found(&first) {
                first = Some(Box::new(item));
            }
        }
        if delimited { Err(format!("the file ends within sequence {sequence}")) } else { Ok(first) }
    }

    /// The items of a compressed image, without the sequence delimiter.
    fn fragments<'a>(&mut self, cursor: &mut Cursor<'a>, depth: usize) -> Result<&'a [u8], String> {
        let start = cursor.rest;
        let mut items = Cursor { rest: start, encoding: Encoding::IMPLICIT };
        loop {
            let length = start.len() - items.rest.len();
            if depth == 0 && items.only_zeros() {
                self.remarks.push("the end of the pixel data is not marked".into());
                cursor.rest = &[];
                return Ok(&start[..length]);
            }
            let header = items.header()?;
            match (header.tag, header.length) {
                (ITEM, Some(bytes)) => items.value(ITEM, bytes)?,
                (SEQUENCE_END, _) => {
                    cursor.rest = items.rest;
                    return Ok(&start[..length]);
                }
                (tag, _) => return Err(format!("expected a fragment of pixel data of defined length, found {tag}")),
            };
        }
    }
}

/// Whether a tag is a sequence according to the dictionary.
fn is_sequence(tag: Tag) -> bool {
    StandardDataDictionary.by_tag(tag).is_some_and(|entry| entry.vr() == VirtualVr::Exact(VR::SQ))
}

/// The encoding of an element's items. The first item's tag shows the byte order.
fn of_items(header: ElementHeader, cursor: Cursor, value: &[u8]) -> Encoding {
    let big_endian = match value {
        [0xFE, 0xFF, ..] => false,
        [0xFF, 0xFE, ..] => true,
        _ => cursor.encoding.big_endian,
    };
    Encoding { explicit: cursor.encoding.explicit && header.vr != Some(VR::UN), big_endian }
}

/// The encoding of an item's elements: its sequence's, unless its first element has an unexpected value representation,
/// or lacks an expected one.
fn of_elements(cursor: Cursor, item: &[u8]) -> Encoding {
    let inside = Cursor { rest: item, ..cursor };
    if inside.peek().is_none_or(|tag| tag.group() == ITEMS) {
        return cursor.encoding;
    }
    Encoding { explicit: names_representation(item).unwrap_or(cursor.encoding.explicit), ..cursor.encoding }
}

/// Whether the first element has a value representation; `None` if the bytes can be read either way.
///
/// An implicit length that looks like a known representation is over 16,000 bytes: no first element is that long.
pub(super) fn names_representation(elements: &[u8]) -> Option<bool> {
    let letters: [u8; 2] = elements.get(4..6)?.try_into().ok()?;
    if VR::from_binary(letters).is_some() {
        Some(true)
    } else if letters.iter().all(|letter| letter.is_ascii_uppercase() || b" -?".contains(letter)) {
        None
    } else {
        Some(false)
    }
}
