//! Invalid files among valid ones.

use std::fs;
use std::path::{Path, PathBuf};

use pleura_demo::{Encoding, Phantom};

use crate::support::toy::{noise, png};
use crate::{itself, predict};
use pleura::Size;

const GOOD: u32 = 1000;

/// A folder of valid images, each with its own noise.
fn good() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..GOOD {
        png(folder.path(), &format!("image-{seed:04}"), &noise(seed, Size::new(8, 8)));
    }
    folder
}

/// A DICOM file of a phantom, as bytes.
fn dicom(folder: &Path) -> Vec<u8> {
    let path = folder.join("phantom.dcm");
    Phantom::new(1, 3, 64).write(&path, Encoding::Plain).unwrap();
    let bytes = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    bytes
}

/// A DICOM file whose header claims 65535 × 65535 pixels.
fn claims(mut bytes: Vec<u8>) -> Vec<u8> {
    for tag in [&b"\x28\0\x10\0US\x02\0"[..], b"\x28\0\x11\0US\x02\0"] {
        let at = bytes.windows(tag.len()).position(|at| at == tag).expect("Rows and Columns are there") + tag.len();
        bytes[at..at + 2].copy_from_slice(&u16::MAX.to_le_bytes());
    }
    bytes
}

/// A PNG file whose header claims 65535 × 65535 pixels, with the right checksum.
fn huge_png(folder: &Path) -> Vec<u8> {
    let path = png(folder, "huge", &noise(1, Size::new(8, 8)));
    let mut bytes = fs::read(&path).unwrap();
    fs::remove_file(path).unwrap();
    bytes[16..24].copy_from_slice(&[0, 0, 255, 255, 0, 0, 255, 255]);
    let mut crc = flate2::Crc::new();
    crc.update(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    bytes
}

#[test]
fn bad_files_among_a_thousand_good_ones_cost_nothing_but_themselves() {
    let case = itself();
    let folder = good();
    let clean = predict(&case.manifest, &[folder.path()], &[]);
    assert_eq!(clean.code, Some(0), "{}", clean.stderr);
    assert_eq!(clean.csv.lines().count(), GOOD as usize + 1);

    let whole = dicom(folder.path());
    let good_png = fs::read(folder.path().join("image-0000.png")).unwrap();
    let mut jpeg = Vec::new();
    let pixels = image::GrayImage::from_fn(128, 128, |x, y| image::Luma([(x * y % 251) as u8]));
    pixels.write_to(&mut std::io::Cursor::new(&mut jpeg), image::ImageFormat::Jpeg).unwrap();
    // The name, the bytes, and the message; names sort before, among and after the valid ones.
    let cut = |to: usize| jpeg[..to].to_vec();
    let bad: [(&str, Vec<u8>, &str); 13] = [
        ("a-empty.dcm", Vec::new(), "is empty"),
        ("image-0001-truncated.dcm", whole[..whole.len() / 2].to_vec(), "claims"),
        ("image-0002-header-only.dcm", whole[..140].to_vec(), "broken data set"),
        ("image-0003-third.jpg", cut(jpeg.len() / 3), "the image is cut off: a scan ends after"),
        ("image-0004-start.jpg", cut(700), "the image is cut off"),
        ("image-0005-no-end.jpg", cut(jpeg.len() - 2), "expected the end marker EOI"),
        ("image-0500-huge.dcm", claims(whole.clone()), "Rows is 65535: expected 1 to 16384"),
        ("image-0500-huge.png", huge_png(folder.path()), "(PNG)"),
        ("image-0501-text.dcm", b"ImageId,EncodedPixels\n1.2.3,-1\n".to_vec(), "is not a DICOM, PNG or JPEG file"),
        ("image-0502-zeros.dcm", vec![0; 1 << 20], "is not a DICOM, PNG or JPEG file"),
        ("image-0999-truncated.png", good_png[..good_png.len() - 20].to_vec(), "(PNG)"),
        ("z-archive.dcm", b"PK\x03\x04rubbish".to_vec(), "is not a DICOM, PNG or JPEG file"),
        ("z-page.jpg", b"<html></html>".to_vec(), "is not a DICOM, PNG or JPEG file"),
    ];
    for (name, bytes, _) in &bad {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    for options in [&["--threads", "1", "--batch", "1"][..], &["--threads", "2", "--batch", "7"]] {
        let ran = predict(&case.manifest, &[folder.path()], options);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert_eq!(ran.csv, clean.csv, "the good rows, byte for byte");
        assert_eq!(ran.skipped().len(), bad.len(), "one line each: {}", ran.stderr);
        for (name, _, says) in &bad {
            let lines: Vec<_> = ran.skipped().into_iter().filter(|line| line.contains(name)).collect();
            assert!(lines.len() == 1 && lines[0].contains(says), "{name}: {lines:?}");
        }
    }
}

/// No receipt is written that could list them.
#[test]
fn where_every_input_is_skipped_nothing_points_to_a_file_that_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..25 {
        fs::write(folder.path().join(format!("{number:02}.png")), "no picture").unwrap();
    }
    let ran = predict(&itself().manifest, &[folder.path()], &[]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("5 more skipped files are not shown: all are listed with `-v`"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("receipt"), "{}", ran.stderr);
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_and_pipes_end() {
    use std::os::unix::fs::symlink;
    let case = itself();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    png(folder.path(), "good", &noise(1, Size::new(8, 8)));
    fs::create_dir(at("below")).unwrap();
    png(&at("below"), "too", &noise(2, Size::new(8, 8)));
    symlink(folder.path(), at("below/up")).unwrap();
    symlink("itself.dcm", at("itself.dcm")).unwrap();
    symlink("nowhere.dcm", at("nowhere.dcm")).unwrap();
    let pipe: PathBuf = at("pipe.dcm");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());

    let ran = predict(&case.manifest, &[folder.path()], &[]);
    assert_eq!(ran.code, Some(0), "what is no file is no input: {}", ran.stderr);
    let ids: Vec<_> = ran.csv.lines().skip(1).filter_map(|row| row.split(',').next()).collect();
    assert_eq!(ids, ["good", "too"]);
    for name in ["up", "itself.dcm", "nowhere.dcm"] {
        assert!(ran.stderr.lines().any(|line| line.contains("skipped a link") && line.contains(name)), "{name}");
    }
    // Named directly, a pipe is an input, and reading it would never end.
    let ran = predict(&case.manifest, &[&at("good.png"), &pipe], &[]);
    assert_eq!((ran.code, ran.csv.lines().count()), (Some(1), 2), "{}", ran.stderr);
    assert!(
        ran.skipped()[0].contains("pipe.dcm`: cannot read: expected a regular file, found a pipe"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_name_that_would_steer_the_terminal_is_shown_and_not_obeyed() {
    let case = itself();
    let folder = tempfile::tempdir().unwrap();
    png(folder.path(), "good", &noise(1, Size::new(8, 8)));
    fs::write(folder.path().join("\u{1b}[2Jgone.dcm"), "text").unwrap();
    let ran = predict(&case.manifest, &[folder.path()], &[]);
    assert_eq!(ran.code, Some(1));
    assert!(!ran.stderr.contains('\u{1b}') && ran.stderr.contains("\\u001b[2Jgone.dcm"), "{}", ran.stderr);
}
