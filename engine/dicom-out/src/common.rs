//! What all objects have: patient, study, series, equipment.

use dicom_core::VR;
use dicom_dictionary_std::tags;

use crate::dataset::{Set, code};
use crate::{Image, Kind, uid, valid};

/// The program, as equipment and as an algorithm.
pub const PROGRAM: &str = "pleura";
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The UID of an object of this kind, or of something else that belongs to it.
pub fn uid_of(image: &Image<'_>, what: &str, of: &str) -> String {
    let origin = image.run.origin;
    let (plugins, folds) = (origin.plugins.as_deref().unwrap_or(""), origin.folds.as_deref().unwrap_or(""));
    uid::derived(&[PROGRAM, VERSION, what, of, &origin.manifest, &origin.models, plugins, folds])
}

/// The UID of an image's object of this kind.
pub fn instance_uid(image: &Image<'_>, kind: Kind) -> String {
    uid_of(image, kind.name(), &image.source.instance)
}

/// The series of an image's objects of this kind: it holds those of one series of the source.
pub fn series_uid(image: &Image<'_>, kind: Kind) -> String {
    uid_of(image, &format!("series of {}", kind.name()), &image.source.series)
}

/// The head of an object: everything but what its kind adds.
pub fn head(image: &Image<'_>, kind: Kind) -> Set {
    let (modality, number, name) = match kind {
        Kind::Segmentation => ("SEG", "9001", "segmentation"),
        Kind::Capture => ("OT", "9002", "capture"),
        Kind::Report => ("SR", "9003", "report"),
        Kind::Presentation => ("PR", "9004", "outline"),
    };
    let source = image.source;
    let instance = source.value(tags::INSTANCE_NUMBER, valid::integer);
    let instance = if instance.is_empty() { "1".into() } else { instance };
    let description = format!("{} (AI {name})", image.run.code.meaning);
    source
        .patient_and_study(Set::new())
        .text(tags::SOP_CLASS_UID, VR::UI, kind.sop_class())
        .text(tags::SOP_INSTANCE_UID, VR::UI, instance_uid(image, kind))
        .text(tags::MODALITY, VR::CS, modality)
        .text(tags::SERIES_INSTANCE_UID, VR::UI, series_uid(image, kind))
        .text(tags::SERIES_NUMBER, VR::IS, number)
        .text(tags::INSTANCE_NUMBER, VR::IS, instance)
        .text(tags::SERIES_DESCRIPTION, VR::LO, cut(&description))
        .with((kind != Kind::Presentation).then_some(image.run.made), |set, (date, time)| {
            set.text(tags::CONTENT_DATE, VR::DA, date).text(tags::CONTENT_TIME, VR::TM, time)
        })
        .text(tags::MANUFACTURER, VR::LO, PROGRAM)
        .text(tags::MANUFACTURER_MODEL_NAME, VR::LO, cut(&image.run.ensemble.replace('\\', "/")))
        .text(tags::DEVICE_SERIAL_NUMBER, VR::LO, &image.run.origin.manifest)
        .text(tags::SOFTWARE_VERSIONS, VR::LO, VERSION)
}

/// The series and image that an object refers to.
pub fn referenced_series(image: &Image<'_>) -> Set {
    Set::new()
        .text(tags::SERIES_INSTANCE_UID, VR::UI, &image.source.series)
        .items(tags::REFERENCED_INSTANCE_SEQUENCE, [image.source.reference()])
}

/// The manifest's code.
pub fn finding(image: &Image<'_>) -> Set {
    let finding = image.run.code;
    code(&finding.code, &finding.scheme, &finding.meaning)
}

/// At most 64 ASCII characters, the limit of a long string; others would need a character set.
pub fn cut(text: &str) -> String {
    text.chars().map(|letter| if letter.is_ascii() && !letter.is_control() { letter } else { '?' }).take(64).collect()
}
