//! Unusual files from practice, each with its expected picture.
//!
//! Looked for in `../shared/cases/dicom`, with the pictures in `expected`; all are synthetic.

use std::path::Path;

use ndarray::Array2;
use pleura::Radiograph;
use pleura::manifest::Intensity;
use pleura::radiograph::{ImageHeader, Tags, id_of};

use crate::support;

/// Files that must be read. Others in the folder may be refused.
const READ: [&str; 29] = [
    "00-plain",
    "01-un-rescale",
    "03-un-id",
    "10-un-sequence-uid",
    "12-un-sequence-huge",
    "20-meta-instance-not-a-uid",
    "23-meta-ae-long",
    "24-meta-no-group-length",
    "26-meta-group-length-too-large",
    "30-implicit-labelled-explicit",
    "40-trailing-zeros-008",
    "40-trailing-zeros-126",
    "50-pixels-padded-128",
    "78-voilut-empty-item",
    "79-modality-lut-empty-item",
    "7c-voilut-says-16-has-12",
    "b8-j2k-overlay-in-high-bits",
    "b9-jp2-wrapper",
    "f1-ljpeg-p1-restart-1rows",
    "f1-ljpeg-p6-restart-8rows",
    "f4-ljpeg-p1-12bit-wrap",
    "f5-ljpeg-p1-pt2",
    "f6-ljpeg-p1-16bit-restart-8rows",
    "f8-ljpeg-signed16-restart",
    "h0-implicit-private-like-item",
    "j3-jpegls-zero-before-eoi",
    "j4-delimiter-is-9-zeros",
    "k0-gdcm-jpll",
    "k1-un-voilut-sequence",
];

/// The largest difference between intensities and a picture of 16 bits.
fn distance(intensities: &Array2<f32>, picture: &Path) -> f32 {
    let picture = image::open(picture).unwrap().into_luma16();
    assert_eq!((picture.height() as usize, picture.width() as usize), intensities.dim());
    let distance = |(ours, &right): (&f32, &u16)| (ours - f32::from(right) / 65535.0).abs();
    intensities.iter().zip(picture.as_raw()).map(distance).fold(0.0, f32::max)
}

/// The error in a file's picture, if there is one.
fn fault(folder: &Path, name: &str) -> Option<String> {
    let path = folder.join(name).with_extension("dcm");
    let radiograph = match Radiograph::open(&path) {
        Ok(radiograph) => radiograph,
        Err(error) => return READ.contains(&name).then(|| error.to_string()),
    };
    for (intensity, kind) in [(Intensity::Stored, "stored"), (Intensity::Window, "window")] {
        let picture = folder.join("expected").join(format!("{name}.{kind}.png"));
        let off = if picture.exists() { distance(&radiograph.intensities(intensity), &picture) } else { 0.0 };
        if off > 1.6 / 255.0 {
            return Some(format!("{kind} is off by {off}"));
        }
    }
    let (id, tags) = (id_of(&path).unwrap(), Tags::open(&path).unwrap());
    let glance = ImageHeader::open(&path).unwrap();
    let agree = [&id, &tags.id, &glance.id].iter().all(|id| *id == radiograph.id()) && id.starts_with("1.2.3.");
    (!agree).then(|| format!("ids: {} {id} {} {}", radiograph.id(), tags.id, glance.id))
}

#[test]
#[cfg_attr(no_cases, ignore = "no cases: set PLEURA_CASES")]
fn every_case_is_right_or_refused() {
    let folder = support::cases("dicom");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dcm"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    for name in READ {
        assert!(names.iter().any(|found| found == name), "{name} is not in {}", folder.display());
    }
    let faults: Vec<String> =
        names.iter().filter_map(|name| Some(format!("{name}: {}", fault(&folder, name)?))).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
