//! `pleura data`: on made-up DICOM files, and on the competition's own data.

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

/// Runs a verb that is to end with `code`; gives what it wrote to standard output and to standard error.
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

/// Writes a DICOM file of 8×6 pixels that have the values 0, 1, 2, … of `bits` stored bits.
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
    // a file's meta must hold a legal UID, which ids of the second stage are not
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN)
        .media_storage_sop_class_uid(uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("1.2.3.4");
    let file = object.with_exact_meta(meta.build().unwrap());
    file.write_to_file(path).unwrap();
}

/// Six files, of which one is no image, and a truth of five images: `a` has two masks, one file has no row.
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

/// A CSV's rows by their first field, each by the names of its columns.
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

#[test]
fn inspect_tells_tags_and_truth() {
    let folder = collection();
    let arguments = ["inspect", "dicom", "--truth", "truth.csv", "--size", "8x6", "--out", "out"];
    let (out, err) = run(folder.path(), 1, &arguments);
    assert!(err.contains("skipped `dicom/6.dcm`: `dicom/6.dcm` is not a DICOM, PNG or JPEG file"), "{err}");
    for line in [
        "truth: 6 rows, 5 ids: 3 positive (60.0 %), 2 negative",
        "masks: 4; 1 ids have several, up to 2",
        "area of positives: mean 6 px (13.19 % of 8×6), median 8, 1 to 10",
        "images: 5 read, 1 skipped, of 3 patients; 4 have a row in the truth: 2 positive (50.0 %)",
        "odd: 1 ages are none, or of nobody's years; they count as unknown",
    ] {
        assert!(out.lines().any(|said| said == line), "no `{line}` in\n{out}");
    }
    let tags = table(&folder.path().join("out/tags.csv"));
    let told =
        |id: &str, columns: &[&str]| -> Vec<String> { columns.iter().map(|&name| tags[id][name].clone()).collect() };
    let columns =
        ["PatientSex", "PatientAge", "years", "ViewPosition", "BitsStored", "positive", "masks", "area", "share"];
    assert_eq!(told("a", &columns), ["F", "045Y", "45", "PA", "8", "1", "2", "10", "0.208333"]);
    assert_eq!(told("b", &columns), ["M", "6M", "0.5", "AP", "8", "0", "0", "0", "0.000000"]);
    assert_eq!(told("c", &columns), ["", "412", "", "PA", "12", "1", "1", "8", "0.166667"]);
    assert_eq!(told("e", &columns), ["F", "", "", "PA", "8", "", "", "", ""]);
    let columns = ["file", "Rows", "Columns", "Modality", "PixelSpacingRow", "PixelSpacingColumn", "TransferSyntaxUID"];
    assert_eq!(told("d", &columns), ["dicom/4.dcm", "8", "6", "DX", "0.5", "0.25", "1.2.840.10008.1.2.1"]);
    let summary = json(folder.path().join("out/summary.json"));
    assert_eq!(summary["images"]["sex"][0]["group"], "F");
    assert_eq!(
        (&summary["images"]["sex"][0]["images"], &summary["images"]["sex"][0]["with_truth"]),
        (&3.into(), &2.into())
    );
    assert_eq!(summary["images"]["sex"][0]["area"]["mean"], 10.0);
    assert_eq!(summary["images"]["age"][0]["group"], "00-09");
    assert_eq!(summary["images"]["view"][2]["group"], "unknown");
}

#[test]
fn inspect_tells_no_patient_unless_asked_to() {
    let folder = collection();
    run(folder.path(), 1, &["inspect", "dicom", "--out", "out"]);
    for file in fs::read_dir(folder.path().join("out")).unwrap() {
        let path = file.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("Doe") && !text.contains("p1"), "{}", path.display());
    }
    run(folder.path(), 1, &["inspect", "dicom", "--out", "out", "--patient"]);
    let tags = table(&folder.path().join("out/tags.csv"));
    assert_eq!((tags["c"]["PatientID"].as_str(), tags["c"]["PatientName"].as_str()), ("p1", "Doe^Jane"));
    assert_eq!(tags["e"]["PatientID"], "");
}

#[test]
fn inspect_draws_what_there_is_to_draw() {
    let folder = collection();
    let pictures = |out: &str| -> Vec<String> {
        let names = fs::read_dir(folder.path().join(out)).unwrap().map(|file| file.unwrap().file_name());
        let names = names.map(|name| name.into_string().unwrap()).filter(|name| name.ends_with(".svg"));
        names.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
    };
    run(folder.path(), 1, &["inspect", "dicom", "--truth", "truth.csv", "--size", "8x6", "--out", "out"]);
    assert_eq!(pictures("out"), ["ages.svg", "areas.svg", "heatmap.svg", "mosaic.svg", "positives.svg"]);
    let read = |name: &str| fs::read_to_string(folder.path().join("out").join(name)).unwrap();
    // four tags, of which one is no age
    assert!(read("ages.svg").contains("Ages of patients, 3 images"), "{}", read("ages.svg"));
    assert!(read("ages.svg").contains("45 to 49 years, mask: 1<"), "{}", read("ages.svg"));
    assert!(read("positives.svg").contains(">1 of 1<"), "{}", read("positives.svg"));
    assert!(read("heatmap.svg").contains("Where the masks of 3 images lie"), "{}", read("heatmap.svg"));
    let mosaic = read("mosaic.svg");
    assert_eq!(mosaic.matches("<image ").count(), 5);
    assert!(mosaic.contains(">F, 45 years, PA<") && mosaic.contains(">2 masks, 10 px (20.83 %)<"), "{mosaic}");
    assert!(mosaic.contains(">M, 6 months, AP<"), "{mosaic}");
    // what the next run cannot draw does not stay behind
    run(folder.path(), 0, &["inspect", "--truth", "truth.csv", "--size", "8x6", "--out", "out"]);
    assert_eq!(pictures("out"), ["areas.svg", "heatmap.svg"]);
    // PNG files have no tags; what is a mask of one has its id below
    let id = "1.2.826.0.1.3680043.2.1143.6455556726214900995651753669640998622";
    image::GrayImage::new(6, 8).save(folder.path().join(format!("{id}.png"))).unwrap();
    fs::write(folder.path().join("one.csv"), format!("ImageId,EncodedPixels\n{id},0 4\n")).unwrap();
    let png = format!("{id}.png");
    let (out, _) = run(folder.path(), 0, &["inspect", &png, "--truth", "one.csv", "--size", "8x6", "--out", "out"]);
    assert_eq!(pictures("out"), ["areas.svg", "heatmap.svg", "mosaic.svg"]);
    assert!(read("mosaic.svg").contains(">…726214900995651753669640998622<"), "{}", read("mosaic.svg"));
    assert!(out.ends_with("BitsStored: 8 (1)\nsize: 8x6 (1)\n"), "{out}");
    run(folder.path(), 1, &["inspect", "dicom", "--out", "tags", "--tags-only"]);
    assert_eq!(pictures("tags"), [""; 0]);
}

#[test]
fn inspect_refuses_what_does_not_fit() {
    let folder = collection();
    let (_, err) = run(folder.path(), 2, &["inspect", "--out", "out"]);
    assert!(err.contains("required") && err.contains("INPUTS"), "{err}");
    let (_, err) = run(folder.path(), 2, &["inspect", "dicom/6.dcm", "--out", "out"]);
    assert!(err.contains("every one of 1 inputs was skipped"), "{err}");
    let (_, err) =
        run(folder.path(), 2, &["inspect", "dicom/5.dcm", "--truth", "truth.csv", "--size", "8x6", "--out", "o"]);
    assert!(err.contains("none of the 1 images has a row in `truth.csv`: an image is `e`, a row `a`"), "{err}");
    let (_, err) = run(folder.path(), 2, &["inspect", "--truth", "truth.csv", "--size", "4x4", "--out", "o"]);
    assert!(err.contains("`truth.csv`: line 5: run 1 ends at pixel 48, 32 past 4×4"), "{err}");
    assert!(!folder.path().join("o").exists());
}

#[test]
fn images_become_png_of_the_same_values() {
    let folder = collection();
    let (out, err) = run(folder.path(), 1, &["convert", "images", "dicom", "--out", "png"]);
    assert_eq!(out, "png\n");
    assert!(err.contains("skipped `dicom/6.dcm`") && err.contains("images: 5, 1 skipped"), "{err}");
    let at = |name: &str| folder.path().join("png").join(name);
    assert_eq!(grey(at("a.png")), (0..48).collect::<Vec<u8>>());
    // MONOCHROME1
    assert_eq!(grey(at("b.png")), (0..48).map(|value| 255 - value).collect::<Vec<u8>>());
    let deep = image::open(at("c.png")).unwrap();
    let expected: Vec<u16> = (0..48).map(|pixel| (f64::from(pixel * 87) / 4095.0 * 65535.0).round() as u16).collect();
    assert_eq!(deep.as_luma16().expect("16 bits of grey").as_raw(), &expected);
    // a PNG of a PNG is the same PNG
    run(folder.path(), 0, &["convert", "images", "png", "--out", "again"]);
    assert_eq!(fs::read(at("c.png")).unwrap(), fs::read(folder.path().join("again/c.png")).unwrap());
}

#[test]
fn images_are_brought_to_size_bits_and_window() {
    let folder = collection();
    let convert = |options: &[&str]| {
        let arguments = [&["convert", "images", "dicom/1.dcm", "--out", "png"][..], options].concat();
        run(folder.path(), 0, &arguments);
        image::open(folder.path().join("png/a.png")).unwrap()
    };
    // rows of 6: a block of 4×3 pixels from (r, c) on has the mean 6(r + 1.5) + c + 1, rounded
    assert_eq!(convert(&["--to", "2x2"]).as_luma8().unwrap().as_raw(), &[10, 13, 34, 37]);
    assert_eq!(convert(&["--size", "2x2", "--resize", "nearest"]).as_luma8().unwrap().as_raw().len(), 4);
    assert_eq!(convert(&["--bits", "16"]).as_luma16().unwrap().as_raw()[..3], [0, 257, 514]);
    let window = convert(&["--intensity", "fixed:10.5,11"]);
    assert_eq!(window.as_luma8().unwrap().as_raw()[4..17], [0, 0, 26, 51, 77, 102, 128, 153, 179, 204, 230, 255, 255]);
    for (option, value, message) in [
        ("--intensity", "fixed:1", "fixed:CENTER,WIDTH"),
        ("--intensity", "percentiles:9,1", "percentiles:LOW,HIGH"),
        ("--intensity", "bone", "one of stored, window"),
        ("--resize", "best", "one of area, linear"),
        ("--bits", "12", "8 or 16"),
        ("--to", "8", "HEIGHTxWIDTH"),
    ] {
        let (_, err) = run(folder.path(), 2, &["convert", "images", "dicom", "--out", "png", option, value]);
        assert!(err.contains(message), "{err}");
    }
    let (_, err) =
        run(folder.path(), 0, &["convert", "images", "dicom/1.dcm", "--out", "png", "--intensity", "window"]);
    assert!(err.contains("1 files state no window"), "{err}");
    fs::copy(folder.path().join("dicom/1.dcm"), folder.path().join("dicom/7.dcm")).unwrap();
    let (_, err) = run(folder.path(), 1, &["convert", "images", "dicom/1.dcm", "dicom/7.dcm", "--out", "png"]);
    assert!(err.contains("skipped `dicom/7.dcm`: its id `a` is already that of `dicom/1.dcm`"), "{err}");
}

#[test]
fn masks_become_png_and_run_lengths_again() {
    let folder = collection();
    let (_, err) = run(folder.path(), 0, &["convert", "masks", "truth.csv", "--out", "masks", "--size", "8x6"]);
    assert!(err.contains("masks: 5, 3 of them not empty, 8×6"), "{err}");
    // both masks of `a`: the first column, and two pixels of the second
    let marked = |pixel: usize| if pixel.is_multiple_of(6) || matches!(pixel, 1 | 7) { 255 } else { 0 };
    assert_eq!(grey(folder.path().join("masks/a.png")), (0..48).map(marked).collect::<Vec<u8>>());
    assert_eq!(grey(folder.path().join("masks/b.png")), [0; 48]);
    run(folder.path(), 0, &["convert", "rle", "masks", "--out", "back.csv"]);
    let back = fs::read_to_string(folder.path().join("back.csv")).unwrap();
    assert_eq!(back, "ImageId,EncodedPixels\na,0 10\nb,-1\nc,40 8\nd,-1\nz,1 1\n");

    let positives =
        ["convert", "masks", "truth.csv", "--out", "few", "--size", "8x6", "--positives-only", "--to", "16x12"];
    run(folder.path(), 0, &positives);
    assert_eq!(fs::read_dir(folder.path().join("few")).unwrap().count(), 3);
    let rle = ["convert", "rle", "few", "--out", "back.csv", "--sample", "truth.csv", "--to", "8x6"];
    let (_, err) = run(folder.path(), 0, &rle);
    assert!(err.contains("2 images of the sample have no mask image: they are empty"), "{err}");
    assert_eq!(fs::read_to_string(folder.path().join("back.csv")).unwrap(), back);
}

#[test]
fn mask_images_that_are_none_are_told() {
    let folder = collection();
    image::GrayImage::from_pixel(6, 8, image::Luma([1])).save(folder.path().join("dim.png")).unwrap();
    image::GrayImage::from_pixel(6, 8, image::Luma([255])).save(folder.path().join("y.png")).unwrap();
    let (_, err) = run(folder.path(), 1, &["convert", "rle", "dim.png", "y.png", "--out", "back.csv"]);
    assert!(err.contains("mask `dim.png` is nowhere above half of its range (1 at most, of 255)"), "{err}");
    assert_eq!(fs::read_to_string(folder.path().join("back.csv")).unwrap(), "ImageId,EncodedPixels\ny,0 48\n");
    let (_, err) = run(folder.path(), 2, &["convert", "rle", "y.png", "--out", "b.csv", "--sample", "truth.csv"]);
    assert!(err.contains("its id `y` is not in the sample") && err.contains("every one of 1 inputs"), "{err}");
}

#[test]
fn split_is_balanced_and_the_same_every_time() {
    let folder = tempfile::tempdir().unwrap();
    // of 40 images every fourth is positive, the i-th by i pixels; a patient has two images
    let row = |i: usize| if i.is_multiple_of(4) { format!("i{i},0 {}\n", i + 1) } else { format!("i{i},-1\n") };
    let truth: String = (0..40).map(row).collect();
    fs::write(folder.path().join("truth.csv"), format!("ImageId,EncodedPixels\n{truth}")).unwrap();
    let patients: String = (0..40).map(|i| format!("i{i},p{}\n", i / 2)).collect();
    fs::write(folder.path().join("patients.csv"), format!("ImageId,PatientID\n{patients}")).unwrap();
    let split = |out: &str, options: &[&str]| {
        run(folder.path(), 0, &[&["split", "truth.csv", "--size", "8x6", "--out", out][..], options].concat()).0
    };
    let table = split("folds.csv", &["--folds", "5", "--patients", "patients.csv"]);
    let expected = "fold    images  patients  positives    share  mean area of positives\n";
    assert!(table.starts_with(expected) && table.lines().count() == 7, "{table}");
    for line in table.lines().skip(1).take(5) {
        let words: Vec<_> = line.split_whitespace().collect();
        assert_eq!(words[1..4], ["8", "4", "2"], "{table}");
        // the mean of all is 19: no fold is further from it than the areas' distance of 4
        assert!((15.0..=23.0).contains(&words[6].parse().unwrap()), "{table}");
    }
    let folds = fs::read_to_string(folder.path().join("folds.csv")).unwrap();
    assert!(folds.starts_with("ImageId,fold\ni0,"), "{folds}");
    let of: Vec<&str> = folds.lines().skip(1).map(|line| line.split_once(',').unwrap().1).collect();
    assert!(of.chunks(2).all(|patient| patient[0] == patient[1]), "{folds}");
    split("again.csv", &["--patients", "patients.csv"]);
    assert_eq!(fs::read_to_string(folder.path().join("again.csv")).unwrap(), folds);
    split("other.csv", &["--patients", "patients.csv", "--seed", "1"]);
    assert_ne!(fs::read_to_string(folder.path().join("other.csv")).unwrap(), folds);
    let (_, err) = run(folder.path(), 2, &["split", "truth.csv", "--size", "8x6", "--out", "x.csv", "--folds", "50"]);
    assert!(err.contains("40 images cannot fill 50 folds"), "{err}");
    let partial = ["split", "truth.csv", "--size", "8x6", "--out", "x.csv", "--patients", "few.csv"];
    fs::write(folder.path().join("few.csv"), "ImageId,PatientID\ni0,p\n").unwrap();
    assert!(
        run(folder.path(), 2, &partial).1.contains("`few.csv` has no `PatientID` for `i1`, `i2`, `i3` and 36 more")
    );
}

#[test]
fn split_takes_patients_from_dicom() {
    let folder = collection();
    let arguments = ["split", "truth.csv", "--size", "8x6", "--folds", "2", "--out", "folds.csv", "--images", "dicom"];
    let (out, err) = run(folder.path(), 1, &arguments);
    for said in ["skipped `dicom/6.dcm`", "`e` has no row in `truth.csv`", "no files of 1 images of the truth"] {
        assert!(err.contains(said), "no {said} in {err}");
    }
    assert!(out.ends_with("all          4         3          2   50.0 %          9 px\n"), "{out}");
    let folds = table(&folder.path().join("folds.csv"));
    assert_eq!(folds.keys().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert_eq!(folds["a"]["fold"], folds["c"]["fold"]);
    assert_ne!(folds["a"]["fold"], folds["b"]["fold"]);
}

#[test]
fn a_recipe_takes_the_folds() {
    let folder = collection();
    // without `e`, which the truth leaves out, and the file that is no image
    let files = ["dicom/1.dcm", "dicom/2.dcm", "dicom/3.dcm", "dicom/4.dcm"];
    let split = ["split", "truth.csv", "--size", "8x6", "--folds", "2", "--out", "folds.csv", "--images"];
    run(folder.path(), 0, &[&split[..], &files].concat());
    let data = format!("images = {files:?}\ntruth = {{ kind = 'rle', csv = 'truth.csv' }}");
    let dataset = pleura_train::data::Dataset::open(folder.path(), &toml::from_str(&data).unwrap()).unwrap();
    let folds = toml::from_str("count = 2\ncsv = 'folds.csv'").unwrap();
    let division = Division::open(folder.path(), &folds, dataset.items(), false).unwrap();
    let written = table(&folder.path().join("folds.csv"));
    for (item, fold) in dataset.items().iter().zip(division.folds()) {
        assert_eq!(written[&item.id]["fold"], fold.to_string());
    }
}

#[test]
fn the_whole_truth_counts_as_it_should() {
    let Some(siim) = support::data().map(|data| data.join("siim")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let truth = siim.join("train-rle.csv.gz");
    let (out, _) = run(folder.path(), 0, &["inspect", "--truth", truth.to_str().unwrap(), "--out", "out"]);
    assert!(out.starts_with("truth: 12954 rows, 12047 ids: 2669 positive (22.2 %), 9378 negative\n"), "{out}");
    let summary = json(folder.path().join("out/summary.json"));
    assert_eq!((&summary["truth"]["masks"], &summary["truth"]["ids_with_several_masks"]), (&3576.into(), &624.into()));
    let (out, _) = run(folder.path(), 0, &["split", truth.to_str().unwrap(), "--folds", "5", "--out", "folds.csv"]);
    for line in out.lines().skip(1).take(5) {
        let words: Vec<_> = line.split_whitespace().collect();
        assert!(["2409", "2410"].contains(&words[1]) && ["533", "534"].contains(&words[3]), "{out}");
    }
}

/// What the folder's own table says of each image, the tags say too.
#[test]
fn real_tags_are_those_of_the_labels() {
    let Some(siim) = support::data().map(|data| data.join("siim")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let (dicom, truth) = (siim.join("train_dicom"), siim.join("train-rle.csv.gz"));
    let arguments = ["inspect", dicom.to_str().unwrap(), "--truth", truth.to_str().unwrap(), "--out", "out"];
    let (out, _) = run(folder.path(), 0, &arguments);
    assert!(
        out.contains("images: 38 read, 0 skipped, of 38 patients; 38 have a row in the truth: 10 positive"),
        "{out}"
    );
    let tags = table(&folder.path().join("out/tags.csv"));
    let mut labels = csv::Reader::from_path(dicom.join("labels.csv")).unwrap();
    let mut compared = 0;
    for label in labels.deserialize() {
        let label: BTreeMap<String, String> = label.unwrap();
        let tags = &tags[&label["sop_instance_uid"]];
        for (theirs, ours) in [
            ("pneumothorax", "positive"),
            ("mask_pixels", "area"),
            ("n_annotations", "masks"),
            ("view", "ViewPosition"),
            ("sex", "PatientSex"),
            ("age", "years"),
        ] {
            assert_eq!(label[theirs], tags[ours], "{theirs} of {}", label["sop_instance_uid"]);
        }
        compared += 1;
    }
    assert_eq!(compared, 38);
}

#[test]
fn real_masks_survive_the_way_to_png_and_back() {
    let Some(siim) = support::data().map(|data| data.join("siim")) else { return };
    let folder = tempfile::tempdir().unwrap();
    let truth = Submission::read(siim.join("train-rle.csv.gz"), (1024, 1024)).unwrap();
    // every hundredth positive, and as many of the others
    let (positives, others): (Vec<_>, Vec<_>) = truth.iter().partition(|(_, runs)| !runs.is_empty());
    let some = positives.iter().step_by(100).chain(others.iter().step_by(400));
    let text: String = some.map(|(id, runs)| format!("{id},{}\n", runs.encode())).collect();
    fs::write(folder.path().join("some.csv"), format!("ImageId,EncodedPixels\n{text}")).unwrap();
    run(folder.path(), 0, &["convert", "masks", "some.csv", "--out", "masks"]);
    run(folder.path(), 0, &["convert", "rle", "masks", "--out", "back.csv", "--sample", "some.csv"]);
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("some.csv").lines().count(), 1 + 27 + 24);
    assert_eq!(read("some.csv"), read("back.csv"));
}
