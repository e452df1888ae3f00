//! Harmless faults of a file's meta information (PS3.10 7.1).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::attributes::Attributes;
use super::dataset::{self, attribute};

/// The bytes of the group length's element.
const GROUP_LENGTH: usize = 12;
/// The longest AE title and the longest UID.
const AE_TITLE: usize = 16;
const UID: usize = 64;

const UIDS: [(Tag, &str); 3] = [
    (tags::MEDIA_STORAGE_SOP_CLASS_UID, "MediaStorageSOPClassUID"),
    (tags::MEDIA_STORAGE_SOP_INSTANCE_UID, "MediaStorageSOPInstanceUID"),
    (tags::IMPLEMENTATION_CLASS_UID, "ImplementationClassUID"),
];
const AE_TITLES: [(Tag, &str); 3] = [
    (tags::SOURCE_APPLICATION_ENTITY_TITLE, "SourceApplicationEntityTitle"),
    (tags::SENDING_APPLICATION_ENTITY_TITLE, "SendingApplicationEntityTitle"),
    (tags::RECEIVING_APPLICATION_ENTITY_TITLE, "ReceivingApplicationEntityTitle"),
];

/// A remark on the faults of file meta of `length` bytes, if any. It contains no values, so that files of one vendor
/// get the same remark.
pub(super) fn remark(meta: &Attributes, length: usize) -> Option<String> {
    if length == 0 {
        return None;
    }
    let mut faults: Vec<String> = group_length(meta, length).map(str::to_owned).into_iter().collect();
    for (tag, name) in UIDS {
        if dataset::text(meta, tag).is_some_and(|uid| !is_uid(&uid)) {
            faults.push(format!("{name} is not a UID"));
        }
    }
    for (tag, name) in AE_TITLES {
        // blanks count, too
        if attribute(meta, tag).and_then(|it| it.bytes()).is_some_and(|title| title.len() > AE_TITLE) {
            faults.push(format!("{name} is longer than {AE_TITLE} characters"));
        }
    }
    (!faults.is_empty()).then(|| format!("the file meta information is not valid: {}", faults.join(", ")))
}

/// The fault of the group length, which counts the bytes after it.
fn group_length(meta: &Attributes, length: usize) -> Option<&'static str> {
    let Some(stated) = attribute(meta, tags::FILE_META_INFORMATION_GROUP_LENGTH).and_then(|it| it.numbers()) else {
        return Some("the group length is missing");
    };
    (stated != [length.saturating_sub(GROUP_LENGTH) as f64]).then_some("the group length is wrong")
}

/// Whether a text is a UID (PS3.5 9.1): numbers between points.
fn is_uid(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.len() <= UID && text.split('.').all(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radiograph::element::{Cursor, Encoding};
    use crate::radiograph::walk::Walk;

    fn element(number: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        [&[2, 0][..], &number.to_le_bytes(), vr, &(value.len() as u16).to_le_bytes(), value].concat()
    }

    fn remark_on(elements: &[Vec<u8>]) -> Option<String> {
        let bytes = elements.concat();
        let mut cursor = Cursor { rest: &bytes, encoding: Encoding::EXPLICIT };
        let meta = Walk::default().until(&mut cursor, |_| false).unwrap();
        remark(&meta, bytes.len())
    }

    #[test]
    fn each_fault_is_named() {
        let group = |length: u32| element(0, b"UL", &length.to_le_bytes());
        let syntax = element(0x10, b"UI", b"1.2.840.10008.1.2\0");
        assert_eq!(remark_on(&[]), None);
        assert_eq!(remark_on(&[group(26), syntax.clone()]), None);
        let instance = |uid: &[u8]| element(3, b"UI", uid);
        let title = element(0x16, b"AE", b"A STATION OF 17 CHARACTERS");
        let cases = [
            (vec![syntax.clone()], "the group length is missing"),
            (vec![group(0), syntax.clone()], "the group length is wrong"),
            (vec![group(999), syntax], "the group length is wrong"),
            (vec![group(14), instance(b"ID_abc")], "MediaStorageSOPInstanceUID is not a UID"),
            (vec![group(12), instance(b"1..2")], "MediaStorageSOPInstanceUID is not a UID"),
            (vec![group(34), title], "SourceApplicationEntityTitle is longer than 16 characters"),
            (
                vec![group(26), element(0x16, b"AE", &[b' '; 18])],
                "SourceApplicationEntityTitle is longer than 16 characters",
            ),
        ];
        for (elements, fault) in cases {
            let expected = format!("the file meta information is not valid: {fault}");
            assert_eq!(remark_on(&elements), Some(expected));
        }
    }
}
