//! DICOM objects that are not images: reports, directories, presentation states, plans.

use dicom_core::dictionary::UidDictionary;
use dicom_dictionary_std::{StandardSopClassDictionary, tags, uids};

use super::attributes::Attributes;
use super::encoded::Dataset;

/// The kind of an object without pixels, with its article: `a Basic Text SR`. `None` if it has pixels, or should have:
/// then the missing attribute is reported instead.
pub(super) fn without_pixels(dataset: &Dataset) -> Option<String> {
    let class = dataset.class.as_deref();
    let known = class.and_then(name);
    let is_image = known.is_some_and(is_image) || (known.is_none() && has_size(&dataset.attributes));
    if is_image || dataset.pixels_follow || has_pixels(&dataset.attributes) {
        return None;
    }
    Some(match (known, class?) {
        (_, uids::MEDIA_STORAGE_DIRECTORY_STORAGE) => "a DICOMDIR".into(),
        (Some(name), _) => with_article(name),
        (None, class) => format!("an object of SOP class {class}"),
    })
}

/// Whether objects of a class may lack pixels: all except those of known image classes.
pub(super) fn may_lack_pixels(class: &str) -> bool {
    !name(class).is_some_and(is_image)
}

/// A class's name without the part common to all names: `Basic Text SR`.
fn name(class: &str) -> Option<&'static str> {
    let name = StandardSopClassDictionary.by_uid(class)?.name;
    let name = name.trim_end_matches(" (Retired)").trim_end_matches(" SOP Class").trim_end_matches(" - Trial");
    Some(name.trim_end_matches(" Storage"))
}

fn is_image(name: &str) -> bool {
    name.ends_with(" Image") || name.contains(" Image ")
}

/// Whether there are pixel data of any kind.
pub(super) fn has_pixels(attributes: &Attributes) -> bool {
    [tags::PIXEL_DATA, tags::FLOAT_PIXEL_DATA, tags::DOUBLE_FLOAT_PIXEL_DATA]
        .into_iter()
        .any(|tag| attributes.get(tag).is_some())
}

fn has_size(attributes: &Attributes) -> bool {
    attributes.get(tags::ROWS).is_some()
}

/// Abbreviations are spelt out: `an RT Plan`, because the letter's name starts with a vowel.
fn with_article(name: &str) -> String {
    let first = name.split([' ', '-', '/']).next().unwrap_or_default();
    let spelt = first.len() <= 3 && first.bytes().all(|byte| byte.is_ascii_uppercase());
    let vowels = if spelt { "AEFHILMNORSX" } else { "AEIOU" };
    let article = if name.starts_with(|letter| vowels.contains(letter)) { "an" } else { "a" };
    format!("{article} {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_have_names_and_articles() {
        let cases = [
            (uids::BASIC_TEXT_SR_STORAGE, "a Basic Text SR"),
            (uids::ENHANCED_SR_STORAGE, "an Enhanced SR"),
            (uids::RT_STRUCTURE_SET_STORAGE, "an RT Structure Set"),
            (uids::ENCAPSULATED_PDF_STORAGE, "an Encapsulated PDF"),
            (uids::GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE, "a Grayscale Softcopy Presentation State"),
            (uids::KEY_OBJECT_SELECTION_DOCUMENT_STORAGE, "a Key Object Selection Document"),
            (
                uids::XAXRF_GRAYSCALE_SOFTCOPY_PRESENTATION_STATE_STORAGE,
                "an XA/XRF Grayscale Softcopy Presentation State",
            ),
            (uids::X_RAY_RADIATION_DOSE_SR_STORAGE, "an X-Ray Radiation Dose SR"),
        ];
        for (class, expected) in cases {
            assert_eq!(with_article(name(class).unwrap()), expected);
            assert!(may_lack_pixels(class), "{class}");
        }
    }

    #[test]
    fn images_have_pixels() {
        for class in [
            uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
            uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
            uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
            uids::CT_IMAGE_STORAGE,
        ] {
            assert!(!may_lack_pixels(class), "{class}");
        }
        // a private class may be anything
        assert!(may_lack_pixels("1.3.12.2.1107.5.9.1"));
    }
}
