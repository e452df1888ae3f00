//! Reads an image's id from the first bytes of its file, so that selecting from a hundred thousand files on a network
//! drive does not read every pixel.

use std::io::Read;
use std::path::Path;

use dicom_dictionary_std::tags;

use super::dataset;
use super::encoded;
use super::error::RadiographError;
use super::glance::ImageHeader;
use super::raster;
use super::walk::Walk;
use pleura_files::regular;

/// Bytes that are read first. The id is one of the first attributes.
const START: usize = 1 << 14;

/// The id of the image in a file, as [`Radiograph::id`](super::Radiograph::id) returns it; only the start of the file
/// is read if that suffices. Whether the rest is an image is then unknown.
///
/// # Errors
/// If the file cannot be read, or is not a DICOM, PNG or JPEG file.
pub fn id_of(path: impl AsRef<Path>) -> Result<String, RadiographError> {
    let path = path.as_ref();
    let mut start = Vec::with_capacity(START);
    let read = regular::open(path).and_then(|file| file.take(START as u64).read_to_end(&mut start));
    read.map_err(|source| RadiographError::Read { path: path.into(), source })?;
    match sop_instance(&start) {
        Some(id) => Ok(id),
        // unusual, or not DICOM
        None => ImageHeader::open(path).map(|glance| glance.id),
    }
}

/// As [`id_of`], from a file's first bytes, for files that are not on a disk; `path` names the file, and gives the id of
/// a PNG or JPEG file. `None` if the bytes do not suffice: then see [`ImageHeader::decode`].
#[must_use]
pub fn id_of_start(start: &[u8], path: impl AsRef<Path>) -> Option<String> {
    match raster::is_raster(start) {
        true => raster::glance(start, path.as_ref()).ok().map(|header| header.id),
        false => sop_instance(start),
    }
}

/// The SOP Instance UID of a DICOM file, if the elements up to it are among the file's first bytes.
///
/// Other cases are left to [`ImageHeader`]: an id that does not follow its smaller tags, a deflated data set, and text
/// that depends on a character set.
fn sop_instance(start: &[u8]) -> Option<String> {
    if raster::is_raster(start) {
        return None;
    }
    let encoded = encoded::before_inflation(start).ok().filter(|encoded| !encoded.is_deflated())?;
    let attributes = Walk::default().until(&mut encoded.cursor(), |tag| tag > tags::SOP_INSTANCE_UID).ok()?;
    dataset::text(&attributes, tags::SOP_INSTANCE_UID).filter(|id| id.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(group: u16, number: u16, vr: &str, value: &str) -> Vec<u8> {
        let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
        bytes.extend_from_slice(vr.as_bytes());
        match vr {
            "" => bytes.extend((value.len() as u32).to_le_bytes()),
            "OB" | "SQ" | "UN" => {
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
        let undefined =
            [&[8, 0, 6, 0, b'S', b'Q', 0, 0][..], &[255; 4], &[0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0]].concat();
        let unknown = element(8, 0x18, "UN", "ID_1");
        assert_eq!(sop_instance(&file("1.2.840.10008.1.2.1", &[undefined, unknown])), Some("ID_1".into()));
        assert_eq!(sop_instance(&explicit.concat()), Some("1.2.3".into()), "without file meta");
        let implicit = [element(8, 5, "", "ISO_IR 100"), element(8, 0x18, "", "1.2.3\0")];
        assert_eq!(sop_instance(&file("1.2.840.10008.1.2\0", &implicit)), Some("1.2.3".into()));
    }

    #[test]
    fn the_start_of_a_file_gives_the_id_of_the_whole() {
        let mut png = std::io::Cursor::new(Vec::new());
        image::GrayImage::new(64, 64).write_to(&mut png, image::ImageFormat::Png).unwrap();
        let dicom = file("1.2.840.10008.1.2.1", &[element(8, 0x18, "UI", "1.2.3\0"), element(8, 0x20, "DA", "")]);
        assert_eq!(id_of_start(&png.get_ref()[..40], "s3://x/a.b.png"), Some("a.b".into()));
        assert_eq!(id_of_start(&dicom, "s3://x/a.dcm"), Some("1.2.3".into()));
        assert_eq!(id_of_start(&png.get_ref()[..10], "a.png"), None);
        assert_eq!(id_of_start(b"text", "a.png"), None);
    }

    #[test]
    fn what_is_unusual_is_left_to_the_parser() {
        let id = element(8, 0x18, "UI", "1.2.3\0");
        let undefined = [&[8, 0, 6, 0, b'S', b'Q', 0, 0][..], &[255; 4]].concat();
        let explicit = "1.2.840.10008.1.2.1";
        let cases = [
            file("1.2.840.10008.1.2.1.99", std::slice::from_ref(&id)),
            file(explicit, &[undefined, id.clone()]),
            file(explicit, &[element(8, 0x20, "DA", ""), id.clone()]),
            file(explicit, &[element(8, 0x18, "UI", "")]),
            file(explicit, &[element(8, 0x18, "UI", "Jos\u{e9}")]),
            file(explicit, &[id[..9].to_vec()]),
            file(explicit, &[]),
            Vec::new(),
        ];
        for (number, bytes) in cases.iter().enumerate() {
            assert_eq!(sop_instance(bytes), None, "case {number}");
        }
    }
}
