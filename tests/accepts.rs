//! `accepts`: images that an ensemble is not for get no mask.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::assert::Assert;
use pleura::Size;
use support::case::{Case, POST, member};
use support::toy::{Toy, noise};

const CHEST: &str = "modality = [\"CR\", \"DX\"]\nbody_part = [\"CHEST\"]\nview = [\"PA\", \"AP\"]\nmonochrome = true";

/// A DICOM file of 8×8 pixels with these codes, as far as they are not empty.
fn dicom(path: &Path, [modality, body_part, view, side]: [&str; 4]) {
    use dicom_core::{DataElement, PrimitiveValue, VR};
    use dicom_dictionary_std::{tags, uids};
    use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
    let mut object = InMemDicomObject::new_empty();
    let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION),
        (tags::SOP_INSTANCE_UID, VR::UI, &id),
        (tags::MODALITY, VR::CS, modality),
        (tags::BODY_PART_EXAMINED, VR::CS, body_part),
        (tags::VIEW_POSITION, VR::CS, view),
        (tags::IMAGE_LATERALITY, VR::CS, side),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
    ] {
        if !value.is_empty() {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        }
    }
    for (tag, value) in [
        (tags::SAMPLES_PER_PIXEL, 1),
        (tags::ROWS, 8),
        (tags::COLUMNS, 8),
        (tags::BITS_ALLOCATED, 8),
        (tags::BITS_STORED, 8),
        (tags::HIGH_BIT, 7),
        (tags::PIXEL_REPRESENTATION, 0_u16),
    ] {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    let pixels: Vec<u8> = noise(3, Size::new(8, 8)).iter().copied().collect();
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(pixels)));
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    object.with_meta(meta).unwrap().write_to_file(path).unwrap();
}

/// A chest, a knee, a CT, one without tags, one in small letters, a grey PNG, and a photograph.
fn images(folder: &Path) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    for (name, codes) in [
        ("chest", ["CR", "CHEST", "PA", "U"]),
        ("knee", ["DX", "KNEE", "AP", "L"]),
        ("ct", ["CT", "CHEST", "", ""]),
        ("silent", ["", "", "", ""]),
        ("small", ["dx", "chest", "ap ", ""]),
    ] {
        paths.push(folder.join(name).with_extension("dcm"));
        dicom(paths.last().unwrap(), codes);
    }
    let grey = noise(5, Size::new(8, 8));
    paths.push(support::toy::png(folder, "grey", &grey));
    let face = image::RgbImage::from_fn(8, 8, |x, y| image::Rgb([200, (20 * x) as u8, (20 * y) as u8]));
    paths.push(folder.join("face.png"));
    face.save(paths.last().unwrap()).unwrap();
    paths
}

fn predict(accepts: &str) -> (Case, Assert) {
    let toml = format!("{POST}\n[accepts]\n{accepts}\n{}", member("segmenter", "s", ""));
    let case = Case::new(&[("s", Toy::default())], &toml);
    let images = images(case.folder.path());
    let mut command = support::pleura();
    command.args(["predict", "--device", "cpu", "--out"]).arg(case.folder.path().join("out.csv"));
    let assert = command.arg(&case.manifest).args(images).assert();
    (case, assert)
}

/// The ids of the submission, sorted.
fn answered(case: &Case) -> Vec<String> {
    let text = fs::read_to_string(case.folder.path().join("out.csv")).unwrap();
    let mut ids: Vec<_> = text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

fn stderr(assert: &Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

#[test]
fn a_knee_a_ct_and_a_photograph_get_no_mask() {
    let (case, assert) = predict(CHEST);
    let said = stderr(&assert.code(1));
    assert_eq!(answered(&case), ["chest", "grey", "silent", "small"]);
    for words in [
        "knee.dcm`: the ensemble is not for such images: BodyPartExamined is KNEE, expected CHEST (`accepts` in the",
        "ct.dcm`: the ensemble is not for such images: Modality is CT, expected CR or DX",
        "face.png`: the ensemble is not for such images: the picture is in colour, expected grey",
        "silent.dcm`: whether the ensemble is for it is unknown: it does not state Modality, BodyPartExamined, View",
        "grey.png`: whether the ensemble is for it is unknown: it does not state Modality, BodyPartExamined, View",
    ] {
        assert!(said.contains(words), "{words} is not in: {said}");
    }
    for (file, words) in [("chest.dcm", "ensemble"), ("small.dcm", "ensemble"), ("ct.dcm", "unknown")] {
        assert!(!said.lines().any(|line| line.contains(file) && line.contains(words)), "{file}: {said}");
    }
}

#[test]
fn a_manifest_may_only_warn_or_refuse_what_does_not_say() {
    let (case, assert) = predict(&format!("{CHEST}\nstrict = false"));
    let said = stderr(&assert.success());
    assert_eq!(answered(&case).len(), 7);
    assert!(said.contains("ct.dcm`: the ensemble is not for such images: Modality is CT"), "{said}");
    let (case, assert) = predict(&format!("{CHEST}\nstrict = \"all\""));
    let said = stderr(&assert.code(1));
    assert_eq!(answered(&case), ["chest", "small"]);
    assert!(
        said.contains("grey.png`: the ensemble is not for such images: its file does not state Modality, Body"),
        "{said}"
    );
    let (_, assert) = predict("strict = \"some\"");
    let said = stderr(&assert.code(2));
    assert!(said.contains("accepts.strict") && said.contains("expected one of `all`, found `some`"), "{said}");
}

#[test]
fn side_and_size_count_where_they_are_named() {
    let (case, assert) = predict("laterality = [\"U\"]\nstrict = \"all\"");
    assert.code(1);
    assert_eq!(answered(&case), ["chest"]);
    let (_, assert) = predict("min_size = [16, 16]");
    assert!(stderr(&assert.code(2)).contains("the picture has 8×8 pixels, expected at least 16×16"));
}
