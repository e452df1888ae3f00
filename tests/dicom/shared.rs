//! Real files: every one gives pydicom's pixels or a clear error.
//!
//! Looked for in `$PLEURA_DATA` or `../shared/data`.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use pleura::manifest::Intensity;
use pleura::radiograph::find_with;
use pleura::{Radiograph, Size};
use sha2::{Digest, Sha256};

use crate::support::data;

/// The expected result of a file.
#[derive(Debug)]
enum Expected {
    /// Exactly the reference's values.
    Exact,
    /// Values that differ from the reference's by at most the first number, and in the mean by the second.
    Within(f32, f32),
    /// Values whose mean difference from another file's, of the same image, is at most this: the reference cannot read
    /// it.
    Near(&'static str, f32),
    /// An error that contains this text.
    Refused(&'static str),
}

use Expected::{Exact, Near, Refused, Within};

/// The reference decoders round the inverse DCT differently: by one grey level here and there.
const JPEG: Expected = Within(1.0, 0.05);
/// Both decoders are OpenJPEG, one of them a translation, and agree on the author's machine. Irreversible wavelets are
/// in single precision, whose rounding may differ between processors: by one of 32,768 levels.
const JPEG_2000: Expected = Within(1.0, 0.01);

const FILES: [(&str, Expected); 22] = [
    ("JPEG2000_UNC", Exact), // named so, but not compressed; 16 bits, signed
    ("JPGLosslessP14SV1_1s_1f_8b", Exact),
    ("OT-PAL-8-face", Exact), // no preamble, no meta, a palette
    ("RG1_J2KI", JPEG_2000),
    ("RG1_J2KR", Exact),
    ("RG1_JLSN", Exact), // near-lossless, but its decoding leaves no choice
    ("RG1_UNCR", Exact),
    ("RG3_J2KR", Exact),
    ("RG3_JLSL", Exact),
    ("RG3_JPLL", Exact),
    ("RG3_RLE", Exact),
    ("RG3_UNC", Exact),
    ("XA1_JPLL", Exact),
    ("XA1_JPLY", Near("XA1_UNC", 12.0)), // 12 bits, with scan parameters that pylibjpeg refuses
    ("XA1_RLE", Exact),
    ("XA1_UNC", Exact),
    ("bad_sequence", Exact), // a sequence whose end is misplaced
    ("emri_small_RLE", Refused("RLE Lossless, 1.2.840.10008.1.2.5): 10 frames")),
    ("emri_small_jpeg_2k_lossless_too_short", Refused("10 frames")), // and broken beyond its header
    ("mlut_18", Exact),
    ("siim_tagged_monochrome1", JPEG),
    ("vlut_04", Exact),
];

/// Height, width and modality values of the reference.
struct Reference {
    size: Size,
    values: Vec<i32>,
}

impl Reference {
    fn read(path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let mut numbers = bytes.chunks_exact(4).map(|b| i32::from_le_bytes(b.try_into().unwrap()));
        let size = Size::new(numbers.next()? as usize, numbers.next()? as usize);
        Some(Self { size, values: numbers.collect() })
    }
}

/// Values as integers: only a palette's luma has fractions.
fn whole(radiograph: &Radiograph) -> Vec<i32> {
    radiograph.values().iter().map(|value| value.round_ties_even() as i32).collect()
}

fn sha256(values: &[i32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Means of 8 by 8 blocks, split as by numpy's `array_split`: the first blocks are one larger if sizes do not divide.
fn means(values: &[i32], Size { height: rows, width: cols }: Size) -> Vec<f64> {
    let cut = |length: usize, block: usize| block * (length / 8) + block.min(length % 8);
    let mut means = Vec::new();
    for (down, across) in (0..64).map(|block| (block / 8, block % 8)) {
        let (top, bottom) = (cut(rows, down), cut(rows, down + 1));
        let (left, right) = (cut(cols, across), cut(cols, across + 1));
        let block = (top..bottom).flat_map(|row| &values[row * cols + left..row * cols + right]);
        let sum: i64 = block.map(|&value| i64::from(value)).sum();
        means.push(sum as f64 / ((bottom - top) * (right - left)) as f64);
    }
    means
}

/// Opens each file of the table; `check` returns the error in one that is not to be refused.
fn each_file(folder: &Path, mut check: impl FnMut(&str, &Expected, &Radiograph) -> Result<(), String>) {
    let mut faults = Vec::new();
    for (stem, expected) in &FILES {
        let path = folder.join(stem).with_extension("dcm");
        let fault = match (expected, Radiograph::open(&path)) {
            (Refused(part), Err(error)) => {
                let message = error.to_string();
                (!message.contains(part) || !message.contains(*stem)).then_some(message)
            }
            (Refused(_), Ok(_)) => Some("it was to be refused".into()),
            (_, Err(error)) => Some(error.to_string()),
            (Near(other, limit), Ok(radiograph)) => {
                let other = Radiograph::open(folder.join(other).with_extension("dcm")).unwrap();
                let off = (&radiograph.values() - &other.values()).mapv(f32::abs).mean().unwrap();
                (off > *limit).then(|| format!("off by {off} in the mean"))
            }
            (_, Ok(radiograph)) => check(stem, expected, &radiograph).err(),
        };
        faults.extend(fault.map(|fault| format!("{stem}: {fault}")));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn the_table_has_every_file() {
    let data = data();
    let found = find_with(&[data.join("dicom")], std::io::empty()).unwrap();
    let found: Vec<_> = found.iter().map(|path| path.file_stem().unwrap().to_str().unwrap()).collect();
    assert_eq!(found, FILES.map(|(stem, _)| stem));
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn every_file_agrees_with_the_digests_of_pydicom() {
    let data = data();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/dicom/reference.json");
    let golden: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(golden).unwrap()).unwrap();
    each_file(&data.join("dicom"), |stem, expected, radiograph| {
        let golden = &golden[stem];
        let Size { height, width } = radiograph.size();
        let size = [height, width];
        if golden["size"] != serde_json::json!(size) {
            return Err(format!("size {size:?}, not {}", golden["size"]));
        }
        let values = whole(radiograph);
        let Within(_, mean) = expected else {
            return if golden["sha256"] == sha256(&values) { Ok(()) } else { Err("other values".into()) };
        };
        let theirs = golden["means"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap());
        let off = means(&values, radiograph.size())
            .iter()
            .zip(theirs)
            .map(|(ours, theirs)| (ours - theirs.as_f64().unwrap()).abs())
            .fold(0.0, f64::max);
        // the digest's own means have two decimals; a block's error may be several times the image's
        if off <= f64::from(*mean) * 4.0 + 0.01 { Ok(()) } else { Err(format!("a block's mean is off by {off}")) }
    });
}

#[test]
#[cfg_attr(any(no_real_data, no_pydicom), ignore = "no real data, or no pydicom: set PLEURA_DATA and PLEURA_PYTHON")]
fn every_pixel_agrees_with_pydicom() {
    let data = data();
    let python = super::python("import numpy, pydicom, libjpeg, openjpeg, rle, jpeg_ls");
    let out = tempfile::tempdir().unwrap();
    let folder = data.join("dicom");
    let made = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference/dicom.py"))
        .arg(out.path())
        .args(FILES.iter().map(|(stem, _)| folder.join(stem).with_extension("dcm")))
        .status();
    assert!(made.unwrap().success());
    each_file(&folder, |stem, expected, radiograph| {
        let Some(reference) = Reference::read(&out.path().join(format!("{stem}.i32"))) else {
            let reason = std::fs::read_to_string(out.path().join(format!("{stem}.error"))).unwrap();
            return Err(format!("pydicom cannot read it: {reason}"));
        };
        if radiograph.size() != reference.size {
            return Err(format!("size {}, not {}", radiograph.size(), reference.size));
        }
        let ours = whole(radiograph);
        let off: Vec<u32> = ours.iter().zip(&reference.values).map(|(ours, theirs)| ours.abs_diff(*theirs)).collect();
        let worst = off.iter().copied().max().unwrap_or(0) as f32;
        let mean = off.iter().map(|&off| f64::from(off)).sum::<f64>() as f32 / off.len() as f32;
        let (most, most_mean) = if let Within(most, mean) = *expected { (most, mean) } else { (0.0, 0.0) };
        let fault = format!("off by {worst} at most, {mean} in the mean");
        if worst <= most && mean <= most_mean { Ok(()) } else { Err(fault) }
    });
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn one_radiograph_in_several_syntaxes_is_one_picture() {
    let data = data();
    let open = |stem: &str| Radiograph::open(data.join("dicom").join(stem).with_extension("dcm")).unwrap();
    for (plain, others) in
        [("RG3_UNC", &["RG3_J2KR", "RG3_JLSL", "RG3_JPLL", "RG3_RLE"][..]), ("XA1_UNC", &["XA1_JPLL", "XA1_RLE"])]
    {
        let plain = open(plain).intensities(Intensity::Stored);
        for other in others {
            assert!(plain == open(other).intensities(Intensity::Stored), "{other}");
        }
    }
    // the chest is MONOCHROME1: lung has high stored values, and is shown darker than the heart
    let chest = open("RG1_UNCR");
    assert!(chest.is_inverted() && chest.has_window());
    let (lung, heart) = ([320, 660], [1200, 1200]);
    assert!(chest.values()[lung] > chest.values()[heart] + 3000.0);
    let shown = chest.intensities(Intensity::Window);
    assert!(shown[lung] + 0.1 < shown[heart], "{} {}", shown[lung], shown[heart]);
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn broken_streams_of_every_codec_are_refused() {
    let data = data();
    for stem in ["RG3_J2KR", "RG3_JLSL", "RG3_JPLL", "RG3_RLE", "XA1_JPLL", "RG1_J2KI", "siim_tagged_monochrome1"] {
        let path = data.join("dicom").join(stem).with_extension("dcm");
        let mut object = dicom_object::open_file(&path).unwrap();
        let pixels = object.element(dicom_dictionary_std::tags::PIXEL_DATA).unwrap();
        let frame = pixels.value().fragments().unwrap().concat();
        for keep in [0.5, 0.98] {
            let length = (frame.len() as f64 * keep) as usize / 2 * 2;
            super::made::fragments(&mut object, &[&frame[..length]]);
            let mut bytes = Vec::new();
            object.write_all(&mut bytes).unwrap();
            let opened = Radiograph::decode(&bytes, "x.dcm");
            assert!(opened.is_err(), "{stem}: {keep} of the stream is taken for an image");
        }
    }
}

#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn siim_images_are_exactly_as_stored() {
    let data = data();
    for (folder, count, prefix) in [("train_dicom", 38, "1.2.276."), ("stage2_dicom", 120, "ID_")] {
        let files = find_with(&[data.join("siim").join(folder)], std::io::empty()).unwrap();
        assert_eq!(files.len(), count, "{folder}");
        for file in files {
            let radiograph = Radiograph::open(&file).unwrap();
            assert_eq!(radiograph.size(), Size::new(1024, 1024), "{}", file.display());
            assert!(radiograph.id().starts_with(prefix), "{}", radiograph.id());
            assert_eq!(Some(radiograph.id()), file.file_stem().unwrap().to_str());
            assert_eq!(radiograph.range(), (0.0, 255.0));
            let intensities = radiograph.intensities(Intensity::Stored);
            let exact = radiograph.values().iter().zip(&intensities).all(|(&value, &intensity)| {
                value.fract() == 0.0 && (0.0..=255.0).contains(&value) && intensity == value / 255.0
            });
            assert!(exact, "{}", file.display());
        }
    }
}

/// A second reference without Python: `dicom-pixeldata`'s own reading and rescaling. It refuses some files that are
/// read here; otherwise the values must agree.
#[test]
#[cfg_attr(no_real_data, ignore = "no real data: set PLEURA_DATA")]
fn dicom_pixeldata_reads_the_same_values() {
    use dicom_pixeldata::{ConvertOptions, PixelDecoder};

    let folder = data().join("dicom");
    let mut compared = Vec::new();
    each_file(&folder, |name, expected, radiograph| {
        let Ok(object) = dicom_object::open_file(folder.join(format!("{name}.dcm"))) else { return Ok(()) };
        // Its modality LUT, and its grey of palettes, differ.
        if ["mlut_18", "OT-PAL-8-face"].contains(&name) {
            return Ok(());
        }
        let Ok(decoded) = object.decode_pixel_data() else { return Ok(()) };
        let Ok(values) = decoded.to_ndarray_with_options::<f32>(&ConvertOptions::new()) else { return Ok(()) };
        let limit = if let Within(limit, _) = expected { *limit } else { 0.0 };
        let worst = values.iter().zip(radiograph.values()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        compared.push(name.to_owned());
        if values.len() != radiograph.values().len() || worst > limit {
            return Err(format!("dicom-pixeldata differs by up to {worst}"));
        }
        Ok(())
    });
    assert!(compared.len() >= 12, "it read only {compared:?}");
}
