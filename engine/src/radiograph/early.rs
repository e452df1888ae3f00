//! An image's id from the first bytes of its file: of a hundred thousand files on a network drive nobody wants to read
//! every pixel to learn which are his.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};

use super::dataset::{self, uid};
use super::error::RadiographError;
use super::glance::Glance;

/// How much of a file is read first. The id is one of the first attributes.
const START: usize = 1 << 14;

/// The id of the image in a file, as [`Radiograph::id`](super::Radiograph::id) gives it; little of the file is read where
/// that is enough. That the rest is an image is not known then.
///
/// # Errors
/// Where the file cannot be read, or is neither a DICOM, PNG nor JPEG file.
pub fn id_of(path: impl AsRef<Path>) -> Result<String, RadiographError> {
    let path = path.as_ref();
    let mut start = Vec::with_capacity(START);
    let read = File::open(path).and_then(|file| file.take(START as u64).read_to_end(&mut start));
    read.map_err(|source| RadiographError::Read { path: path.into(), source })?;
    match sop_instance(&start) {
        Some(id) => Ok(id),
        // unusual, or no DICOM at all
        None => Glance::open(path).map(|glance| glance.id),
    }
}

/// The SOP Instance UID of a DICOM file with preamble, if nothing unusual stands before it.
fn sop_instance(file: &[u8]) -> Option<String> {
    if !dataset::has_magic(file) {
        return None;
    }
    let mut elements = Elements { rest: file.get(132..)?, explicit: true };
    let syntax = elements.find(tags::TRANSFER_SYNTAX_UID)?;
    let rest = elements.after_group(2)?;
    let explicit = match uid(&syntax) {
        uids::IMPLICIT_VR_LITTLE_ENDIAN => false,
        uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN | dataset::EXPLICIT_VR_BIG_ENDIAN => return None,
        _ => true,
    };
    let id = Elements { rest, explicit }.find(tags::SOP_INSTANCE_UID)?;
    let id = uid(&id);
    id.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.').then(|| id.to_owned()).filter(|id| !id.is_empty())
}

/// Elements one after another, little endian, none of undefined length.
struct Elements<'a> {
    rest: &'a [u8],
    explicit: bool,
}

impl<'a> Elements<'a> {
    /// The value of the first element of a tag; `None` where elements beyond it come first, as they ascend.
    fn find(&mut self, tag: Tag) -> Option<String> {
        loop {
            let (found, value) = self.next()?;
            if found == tag {
                return std::str::from_utf8(value).ok().map(str::to_owned);
            }
            if found > tag {
                return None;
            }
        }
    }

    /// What comes after the elements of a group.
    fn after_group(mut self, group: u16) -> Option<&'a [u8]> {
        loop {
            let before = self.rest;
            if u16::from_le_bytes(*before.first_chunk()?) != group {
                return Some(before);
            }
            self.next()?;
        }
    }

    fn next(&mut self) -> Option<(Tag, &'a [u8])> {
        let (&[a, b, c, d, v, w, x, y], rest) = self.rest.split_first_chunk()?;
        let tag = Tag(u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
        let (length, rest) = if !self.explicit {
            (u32::from_le_bytes([v, w, x, y]), rest)
        } else if matches!(
            &[v, w],
            b"OB" | b"OW" | b"OF" | b"OD" | b"OL" | b"OV" | b"SQ" | b"UC" | b"UN" | b"UR" | b"UT" | b"SV" | b"UV"
        ) {
            // two bytes of nothing, then four of length
            let (&length, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(length), rest)
        } else {
            (u32::from(u16::from_le_bytes([x, y])), rest)
        };
        // an undefined length, 2³² - 1, is more than there is
        let (value, rest) = rest.split_at_checked(length as usize)?;
        self.rest = rest;
        Some((tag, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(group: u16, number: u16, vr: &str, value: &str) -> Vec<u8> {
        let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
        bytes.extend_from_slice(vr.as_bytes());
        match vr {
            "" => bytes.extend((value.len() as u32).to_le_bytes()),
            "OB" | "SQ" => {
                bytes.extend([0, 0]);
                bytes.extend((value.len() as u32).to_le_bytes());
            }
            _ => bytes.extend((value.len() as u16).to_le_bytes()),
        }
        bytes.extend_from_slice(value.as_bytes());
        bytes
    }

    fn file(syntax: &str, elements: &[Vec<u8>]) -> Vec<u8> {
        let meta = [element(2, 1, "OB", "\0\x01"), element(2, 2, "UI", "9.9"), element(2, 0x10, "UI", syntax)];
        [vec![0; 128], b"DICM".to_vec(), meta.concat(), elements.concat()].concat()
    }

    #[test]
    fn the_data_sets_own_id_is_found_in_either_encoding() {
        let explicit =
            [element(8, 5, "CS", "ISO_IR 100"), element(8, 0x18, "UI", "1.2.3\0"), element(8, 0x20, "DA", "")];
        assert_eq!(sop_instance(&file("1.2.840.10008.1.2.4.50", &explicit)), Some("1.2.3".into()));
        let implicit = [element(8, 5, "", "ISO_IR 100"), element(8, 0x18, "", "1.2.3\0")];
        assert_eq!(sop_instance(&file("1.2.840.10008.1.2\0", &implicit)), Some("1.2.3".into()));
    }

    #[test]
    fn what_is_unusual_is_left_to_the_parser() {
        let id = element(8, 0x18, "UI", "1.2.3\0");
        let undefined = [&[8, 0, 6, 0, b'S', b'Q', 0, 0][..], &[255; 4]].concat();
        let explicit = "1.2.840.10008.1.2.1";
        let cases = [
            file("1.2.840.10008.1.2.2", std::slice::from_ref(&id)),
            file("1.2.840.10008.1.2.1.99", std::slice::from_ref(&id)),
            file(explicit, &[undefined, id.clone()]),
            file(explicit, &[element(8, 0x20, "DA", ""), id.clone()]),
            file(explicit, &[element(8, 0x18, "UI", "")]),
            file(explicit, &[element(8, 0x18, "UI", "1.2\\1.3")]),
            file(explicit, &[id[..9].to_vec()]),
            file(explicit, &[]),
            id.clone(),
            Vec::new(),
        ];
        for (number, bytes) in cases.iter().enumerate() {
            assert_eq!(sop_instance(bytes), None, "case {number}");
        }
    }
}
