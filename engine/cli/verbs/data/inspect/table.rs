//! tags.csv: a row per file.
//!
//! Columns named by DICOM keywords have the file's values; those in lower case are computed.

use std::path::Path;

use anyhow::{Context, Result};
use pleura_train::files;

use super::Image;

const TAGS: [&str; 19] = [
    "ImageId",
    "file",
    "PatientSex",
    "PatientAge",
    "years",
    "ViewPosition",
    "Modality",
    "BodyPartExamined",
    "Rows",
    "Columns",
    "BitsStored",
    "BitsAllocated",
    "PhotometricInterpretation",
    "TransferSyntaxUID",
    "PixelSpacingRow",
    "PixelSpacingColumn",
    "WindowCenter",
    "WindowWidth",
    "NumberOfFrames",
];
const TRUTH: [&str; 4] = ["positive", "masks", "area", "share"];
/// Columns that identify the patient: only on request.
const PATIENT: [&str; 2] = ["PatientID", "PatientName"];

/// Writes the table, with the truth's columns if there is a truth and the patients' columns if requested. Unknown
/// values are empty.
pub fn write(path: &Path, images: &[Image], truth: bool, patient: bool) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let columns = [(&TAGS[..], true), (&TRUTH, truth), (&PATIENT, patient)];
    writer.write_record(columns.iter().filter(|(_, wanted)| *wanted).flat_map(|(names, _)| *names))?;
    for image in images {
        let mut row = tags(image);
        if truth {
            row.extend(marked(image));
        }
        if patient {
            row.extend([&image.tags.patient_id, &image.tags.patient_name].map(|text| text.clone().unwrap_or_default()));
        }
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error).context("cannot make the table")?;
    Ok(files::write(path, bytes)?)
}

fn tags(image: &Image) -> Vec<String> {
    let tags = &image.tags;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    vec![
        tags.id.clone(),
        image.path.display().to_string(),
        text(&tags.sex),
        text(&tags.age),
        cell(tags.years().map(|years| (years * 100.0).round() / 100.0)),
        text(&tags.view),
        text(&tags.modality),
        text(&tags.body_part),
        cell(tags.size.map(|size| size.height)),
        cell(tags.size.map(|size| size.width)),
        cell(tags.bits_stored),
        cell(tags.bits_allocated),
        text(&tags.photometric),
        tags.syntax.as_ref().map(|(uid, _)| uid.clone()).unwrap_or_default(),
        cell(tags.spacing.map(|spacing| spacing.0)),
        cell(tags.spacing.map(|spacing| spacing.1)),
        cell(tags.window.map(|window| window.0)),
        cell(tags.window.map(|window| window.1)),
        cell(tags.frames),
    ]
}

fn marked(image: &Image) -> [String; 4] {
    let marked = image.truth;
    [
        cell(marked.map(|_| u8::from(image.positive()))),
        cell(marked.map(|marked| marked.masks)),
        cell(marked.map(|marked| marked.area)),
        marked.map_or(String::new(), |marked| format!("{:.6}", marked.share)),
    ]
}

fn cell(value: Option<impl ToString>) -> String {
    value.map_or(String::new(), |value| value.to_string())
}
