//! The limit of `--memory`: no file takes more, whatever it claims. It is predicted correctly, or skipped by name.

#![cfg(target_os = "linux")]

mod bombs;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use bombs::{black, chunk, deflated, dicom, dicom_of, htj2k, jp2, jpeg, jpeg_12, jpeg_2000, rle, zeros};
use dicom_dictionary_std::uids;
use pleura::Size;
use support::case::{Case, POST, member};
use support::toy::{Toy, noise, png};

/// The memory for the images of a run, and how much more than with one small image the process may take.
const MEMORY: &str = "256MiB";
const MIB: u64 = 256;

/// A run of `pleura predict`.
struct Ran {
    code: Option<i32>,
    stderr: String,
    csv: String,
    /// Peak resident memory in MiB.
    peak: u64,
}

/// Uses the peak that the process itself reports: the parent's measurement includes its own memory before the start.
fn predict(manifest: &Path, inputs: &[&Path]) -> Ran {
    predict_with(manifest, inputs, &[])
}

fn predict_with(manifest: &Path, inputs: &[&Path], more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("submission.csv");
    let mut command = support::pleura();
    command.args(["predict", "--device", "cpu", "--threads", "2", "--memory", MEMORY]).arg(manifest).args(inputs);
    let output = command.arg("--out").arg(&out).args(more).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let after = stderr.split("peak memory ").nth(1).unwrap_or_else(|| panic!("no peak memory: {stderr}"));
    let peak = after.split(' ').next().unwrap().parse().unwrap();
    Ran { code: output.status.code(), csv: fs::read_to_string(&out).unwrap_or_default(), stderr, peak }
}

#[test]
fn no_file_takes_more_than_the_memory_given() {
    let case = Case::new(
        &[("toy", Toy::default())],
        &format!("output.size = [8, 8]\n{POST}\n{}", member("segmenter", "toy", "")),
    );
    let folder = tempfile::tempdir().unwrap();
    let small = png(folder.path(), "small", &noise(1, Size::new(8, 8)));
    let baseline = predict(&case.manifest, &[&small]);
    assert_eq!(baseline.code, Some(0), "{}", baseline.stderr);

    let inflates = zeros(600 << 20);
    let text = |kind: &[u8; 4]| chunk(kind, &[&b"name\0\0"[..], &inflates].concat());
    // the name, the bytes, and whether it fits
    let bombs: Vec<(&str, Vec<u8>, bool)> = vec![
        ("rgba16.png", black(8192, 16, 6, &[]), false),
        ("grey.png", black(12_288, 8, 0, &[]), false),
        ("fits.png", black(4096, 8, 0, &[]), true),
        ("fits16.png", black(3072, 16, 6, &[]), true),
        ("profile.png", black(64, 8, 0, &text(b"iCCP")), true),
        ("text.png", black(64, 8, 0, &text(b"zTXt")), true),
        ("sequential.jpg", jpeg(8192, false), false),
        ("progressive.jpg", jpeg(8192, true), false),
        ("progressive-fits.jpg", jpeg(3072, true), true),
        ("rle.dcm", dicom(12_288, uids::RLE_LOSSLESS, &rle(12_288)), false),
        ("rle-fits.dcm", dicom(3072, uids::RLE_LOSSLESS, &rle(3072)), true),
        ("jpeg.dcm", dicom(8192, uids::JPEG_BASELINE8_BIT, &jpeg(8192, false)), false),
        ("jpeg2000.dcm", dicom(8192, uids::JPEG2000, &jpeg_2000(8192, 8192)), false),
        ("jp2.dcm", dicom(8192, uids::JPEG2000, &jp2(&jpeg_2000(8192, 8192))), false),
        ("htj2k.dcm", dicom(8192, uids::HTJ2K, &htj2k(8192)), false),
        ("jpeg12.dcm", dicom_of((16, 12), 8192, uids::JPEG_EXTENDED12_BIT, &jpeg_12(8192)), false),
        ("jpeg12-fits.dcm", dicom_of((16, 12), 3072, uids::JPEG_EXTENDED12_BIT, &jpeg_12(3072)), true),
        ("deflated.dcm", deflated(16_384), false),
        ("deflated-fits.dcm", deflated(4096), true),
        ("tiles.dcm", dicom(4096, uids::JPEG2000, &jpeg_2000(4096, 17)), false),
    ];
    let mut all: Vec<PathBuf> = Vec::new();
    for (name, bytes, fits) in bombs {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        check(&case, [&path, &small], fits, baseline.peak);
        all.push(path);
    }
    // mostly a hole
    let hole = folder.path().join("hole.png");
    fs::write(&hole, black(64, 8, 0, &[])).unwrap();
    fs::OpenOptions::new().write(true).open(&hole).unwrap().set_len(1 << 30).unwrap();
    check(&case, [&hole, &small], false, baseline.peak);

    // ids are read first: files outside the sample are not decoded
    let deflated = folder.path().join("deflated.dcm");
    let asked = sample(folder.path());
    let ran = predict_with(&case.manifest, &[&deflated, &small], &["--sample", asked.to_str().unwrap()]);
    assert!(ran.stderr.contains("its id `1.2.4` is not in the sample"), "{}", ran.stderr);
    assert!(ran.peak <= baseline.peak + MIB, "ids: {} MiB, one small image {} MiB", ran.peak, baseline.peak);

    let mut convert = support::pleura();
    convert.args(["data", "convert", "images", "--memory", MEMORY, "--out"]).arg(folder.path().join("png"));
    let output = convert.arg(&deflated).arg(&small).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && stderr.contains("raise it with `--memory`"), "{stderr}");

    // all of them, with those that fit twice
    let inputs: Vec<&Path> = all.iter().map(PathBuf::as_path).chain([small.as_path(), &hole]).collect();
    let ran = predict(&case.manifest, &inputs);
    assert_eq!((ran.code, ran.csv.lines().count()), (Some(1), 1 + 9), "{}", ran.stderr);
    assert!(ran.peak <= baseline.peak + MIB, "all: {} MiB, one small image {} MiB", ran.peak, baseline.peak);
}

/// A sample of the small image only.
fn sample(folder: &Path) -> PathBuf {
    let path = folder.join("sample.csv");
    fs::write(&path, "ImageId,EncodedPixels\nsmall,-1\n").unwrap();
    path
}

/// Predicts one file beside a small one: correctly if it fits, or else skipped by name, with the figures and what to
/// do.
fn check(case: &Case, [path, small]: [&Path; 2], fits: bool, baseline: u64) {
    let name = path.file_name().unwrap().to_string_lossy();
    let ran = predict(&case.manifest, &[path, small]);
    assert_eq!(ran.code, Some(i32::from(!fits)), "{name}: {}", ran.stderr);
    if fits {
        // black, where the toy marks nothing
        let row = ran.csv.lines().skip(1).find(|row| !row.starts_with("small,")).unwrap();
        assert!(row.ends_with(",-1") || row.ends_with(','), "{name}: {row}");
        assert_eq!(ran.csv.lines().count(), 3, "{name}: {}", ran.csv);
    } else {
        assert!(ran.stderr.contains(&*name) && ran.stderr.contains("`--memory`"), "{name}: {}", ran.stderr);
    }
    assert!(ran.peak <= baseline + MIB, "{name}: {} MiB, one small image {baseline} MiB", ran.peak);
}
