//! `pleura data`, on synthetic DICOM files and on the competition's own data.

mod convert;
mod inspect;
mod real;
mod split;
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use pleura::submission::Submission;
use pleura_train::data::Division;
use serde_json::Value;

fn pleura(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pleura")).current_dir(folder).arg("data").args(arguments).output().unwrap()
}

/// Runs a verb and expects exit code `code`; returns standard output and standard error.
#[track_caller]
fn run(folder: &Path, code: i32, arguments: &[&str]) -> (String, String) {
    let output = pleura(folder, arguments);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    (out, err)
}

/// A patient's tags: sex, age, view and PatientID, each of which may be missing.
type Patient = [Option<&'static str>; 4];

/// Writes a DICOM file of 8×6 pixels with the values 0, 1, 2, … in `bits` stored bits.
fn dicom(path: &Path, id: &str, bits: u16, photometric: &str, [sex, age, view, patient]: Patient) {
    let mut object = InMemDicomObject::new_empty();
    let mut text = |tag: Tag, vr: VR, value: Option<&str>| {
        if let Some(value) = value {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        }
    };
    text(tags::SOP_CLASS_UID, VR::UI, Some(uids::SECONDARY_CAPTURE_IMAGE_STORAGE));
    text(tags::SOP_INSTANCE_UID, VR::UI, Some(id));
    text(tags::MODALITY, VR::CS, Some("DX"));
    text(tags::PATIENT_NAME, VR::PN, Some("Doe^Jane"));
    text(tags::PATIENT_ID, VR::LO, patient);
    text(tags::PATIENT_SEX, VR::CS, sex);
    text(tags::PATIENT_AGE, VR::AS, age);
    text(tags::VIEW_POSITION, VR::CS, view);
    text(tags::PIXEL_SPACING, VR::DS, Some("0.5\\0.25"));
    text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, Some(photometric));
    let allocated = if bits > 8 { 16 } else { 8 };
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, 8),
        (tags::COLUMNS, 6),
        (tags::BITS_ALLOCATED, allocated),
        (tags::BITS_STORED, bits),
        (tags::HIGH_BIT, bits - 1),
        (tags::PIXEL_REPRESENTATION, 0),
    ] {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    object.put(if allocated == 16 {
        let words: Vec<u16> = (0..48).map(|pixel| pixel * 87).collect();
        DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into()))
    } else {
        let bytes: Vec<u8> = (0..48).collect();
        DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.into()))
    });
    // a file's meta must hold a valid UID, unlike ids of the second stage
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("1.2.3.4");
    let file = object.with_exact_meta(meta.build().unwrap());
    file.write_to_file(path).unwrap();
}

/// Six files, one of which is not an image, and a truth of five images: `a` has two masks, one file has no row.
fn collection() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join("dicom").join(name);
    fs::create_dir(folder.path().join("dicom")).unwrap();
    dicom(&at("1.dcm"), "a", 8, "MONOCHROME2", [Some("F"), Some("045Y"), Some("PA"), Some("p1")]);
    dicom(&at("2.dcm"), "b", 8, "MONOCHROME1", [Some("M"), Some("6M"), Some("AP"), Some("p2")]);
    dicom(&at("3.dcm"), "c", 12, "MONOCHROME2", [None, Some("412"), Some("PA"), Some("p1")]);
    dicom(&at("4.dcm"), "d", 8, "MONOCHROME2", [Some("F"), Some("49"), None, Some("p3")]);
    dicom(&at("5.dcm"), "e", 8, "MONOCHROME2", [Some("F"), None, Some("PA"), None]);
    fs::write(at("6.dcm"), "no image").unwrap();
    // down the columns of 8: two masks that overlap by 2 pixels
    let truth = "ImageId, EncodedPixels\na, 0 8\na, 6 4\nb, -1\nc, 40 8\nd, -1\nz, 1 1\n";
    fs::write(folder.path().join("truth.csv"), truth).unwrap();
    folder
}

/// A CSV's rows by their first field, as maps from column names.
fn table(path: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let rows = reader.deserialize().map(|row| row.unwrap());
    rows.map(|row: BTreeMap<String, String>| (row["ImageId"].clone(), row)).collect()
}

fn json(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn grey(path: PathBuf) -> Vec<u8> {
    image::open(path).unwrap().as_luma8().expect("8 bits of grey").as_raw().clone()
}
