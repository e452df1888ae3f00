//! `pleura data convert`: images, masks, run lengths.

use super::*;

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
    // converting a PNG gives the same PNG
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
        ("--intensity", "bone", "expected stored, window"),
        ("--resize", "best", "expected area, box, linear"),
        ("--bits", "12", "8 or 16"),
        ("--to", "8", "HEIGHTxWIDTH"),
    ] {
        let (_, err) = run(folder.path(), 2, &["convert", "images", "dicom", "--out", "png", option, value]);
        assert!(err.contains(message), "{err}");
    }
    let (_, err) =
        run(folder.path(), 0, &["convert", "images", "dicom/1.dcm", "--out", "png", "--intensity", "window"]);
    assert!(err.contains("1 file without a window"), "{err}");
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
    assert!(err.contains("mask `dim.png` has no pixel above half of its range (1 at most, of 255)"), "{err}");
    assert_eq!(fs::read_to_string(folder.path().join("back.csv")).unwrap(), "ImageId,EncodedPixels\ny,0 48\n");
    let (_, err) = run(folder.path(), 2, &["convert", "rle", "y.png", "--out", "b.csv", "--sample", "truth.csv"]);
    assert!(err.contains("its id `y` is not in the sample") && err.contains("all 1 inputs"), "{err}");
}

#[test]
fn a_radiograph_is_no_mask() {
    let folder = collection();
    let (_, err) = run(folder.path(), 2, &["convert", "rle", "dicom/1.dcm", "--out", "masks.csv"]);
    assert!(err.contains("expected a mask image (PNG or JPEG), found a DICOM file"), "{err}");
    run(
        folder.path(),
        0,
        &["convert", "images", "dicom/1.dcm", "--out", "png", "--bits", "16", "--intensity", "fixed:24,48"],
    );
    let (_, err) = run(folder.path(), 2, &["convert", "rle", "png", "--out", "masks.csv"]);
    assert!(err.contains("expected a mask, black and white, found"), "{err}");
    assert!(!folder.path().join("masks.csv").exists());
}
