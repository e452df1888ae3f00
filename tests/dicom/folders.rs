//! Folders from practice: images with any name among reports and other files, and many with one oddity.

use std::fs;
use std::path::Path;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;

use super::made::{bytes, file, grey, text};
use crate::support;

fn image(id: &str) -> Vec<u8> {
    let mut object = grey(1, 2, 8, 8, false);
    text(&mut object, tags::SOP_INSTANCE_UID, VR::UI, id);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    file(&object, uids::EXPLICIT_VR_LITTLE_ENDIAN)
}

fn report() -> Vec<u8> {
    let mut object = InMemDicomObject::new_empty();
    text(&mut object, tags::SOP_CLASS_UID, VR::UI, uids::BASIC_TEXT_SR_STORAGE);
    text(&mut object, tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.99");
    file(&object, uids::EXPLICIT_VR_LITTLE_ENDIAN)
}

/// Converts an input; returns the exit code, the pictures, and standard error.
fn convert(input: &Path) -> (Option<i32>, Vec<String>, String) {
    let out = tempfile::tempdir().unwrap();
    let mut command = support::pleura();
    let output = command.args(["data", "convert", "images", "--out"]).arg(out.path()).arg(input).output().unwrap();
    let mut pictures: Vec<String> =
        fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    pictures.sort();
    (output.status.code(), pictures, String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn what_is_no_image_of_a_folder_is_named_and_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for (name, id) in [("IM0001", "1.2.3.1"), ("b.IMA", "1.2.3.2"), ("c.dcm", "1.2.3.3")] {
        fs::write(at(name), image(id)).unwrap();
    }
    for number in 0..7 {
        fs::write(at(&format!("SR{number}")), report()).unwrap();
    }
    let (code, pictures, said) = convert(folder.path());
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(pictures, ["1.2.3.1.png", "1.2.3.2.png", "1.2.3.3.png"], "{said}");
    assert_eq!(said.matches("a Basic Text SR, which has no pixels").count(), 5, "{said}");
    assert!(said.contains("SR4`: a Basic") && said.contains("left out 2 more files: `-v` names them"), "{said}");
    // named directly, it is an input that fails
    let (code, _, said) = convert(&at("SR0"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("SR0`: a Basic Text SR, which has no pixels (Explicit VR"), "{said}");
    fs::remove_file(at("IM0001")).unwrap();
    for name in ["b.IMA", "c.dcm"] {
        fs::remove_file(at(name)).unwrap();
    }
    let (code, _, said) = convert(folder.path());
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("holds no DICOM, PNG or JPEG image: left out is") && said.contains("6 more files"), "{said}");
}

#[test]
fn one_oddity_of_many_files_is_said_of_three() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..9 {
        let sound = image(&format!("1.2.3.{number}"));
        let without_group_length = [&sound[..132], &sound[144..]].concat();
        fs::write(folder.path().join(format!("{number}.dcm")), without_group_length).unwrap();
    }
    let (code, pictures, said) = convert(folder.path());
    assert_eq!((code, pictures.len()), (Some(0), 9), "{said}");
    assert_eq!(said.matches("the group length is missing").count(), 4, "{said}");
    assert!(said.contains("6 more files: the file meta"), "{said}");
}
