//! The radiograph with the outline and a caption burnt in, for a PACS that shows nothing but pictures.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use image::Rgb;
use pleura::overlay::text::{self, Backing, Style};
use pleura::radiograph::Intensity;

use crate::common;
use crate::{DicomOutError, Image, Kind, Object, valid};

const WARNING: &str = "AI result, not for diagnosis";

pub fn object(image: &Image<'_>) -> Result<Object, DicomOutError> {
    let orientation = image.source.value(tags::PATIENT_ORIENTATION, valid::code);
    let laterality = image.source.value(tags::LATERALITY, valid::code);
    common::head(image, Kind::Capture)
        .text(tags::LATERALITY, VR::CS, laterality)
        .text(tags::CONVERSION_TYPE, VR::CS, "WSD")
        .text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY")
        .text(tags::PATIENT_ORIENTATION, VR::CS, orientation)
        .text(tags::BURNED_IN_ANNOTATION, VR::CS, "YES")
        .text(tags::DERIVATION_DESCRIPTION, VR::ST, WARNING)
        .text(tags::IMAGE_COMMENTS, VR::LT, comment(image))
        .with(image.source.is_dicom.then_some(()), |set, ()| {
            set.items(tags::SOURCE_IMAGE_SEQUENCE, [image.source.reference()])
        })
        .short(tags::SAMPLES_PER_PIXEL, 3)
        .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "RGB")
        .short(tags::PLANAR_CONFIGURATION, 0)
        .pixels(image.mask.size(), 8)
        .bytes(tags::PIXEL_DATA, VR::OB, picture(image)?)
        .write(Kind::Capture, common::instance_uid(image, Kind::Capture))
}

/// Red, green and blue of each pixel, by rows.
fn picture(image: &Image<'_>) -> Result<Vec<u8>, DicomOutError> {
    let finding = image.run.code;
    let color = finding.rgb().ok_or_else(|| DicomOutError::Color(finding.color.clone()))?;
    let shown = image.radiograph.intensities(Intensity::Window);
    let outlined = pleura::overlay::outlined(shown.view(), image.mask, color);
    let mut picture = outlined.unwrap_or_else(|_| unreachable!("the mask was brought to the radiograph's size"));
    let (width, height) = picture.dimensions();
    // legible when the whole picture fills a screen
    let line = (height.min(width) as f32 / 32.0).max(10.0);
    for (number, line_of_text) in caption(image).iter().enumerate() {
        let style = Style { size: line, color: Rgb([255; 3]), backing: Backing::Box(Rgb([0; 3])) };
        let fitted = text::fitted(line_of_text, line, width.saturating_sub(line as u32));
        let at = (line / 2.0) as i64;
        text::draw(&mut picture, &fitted, (at, at + (number as f32 * line * 1.2) as i64), &style);
    }
    Ok(picture.into_raw())
}

/// The lines at the top of the picture.
pub fn caption(image: &Image<'_>) -> Vec<String> {
    let meaning = &image.run.code.meaning;
    let place = if image.radiograph.is_measured_at_detector() { " at the detector" } else { "" };
    let marked = match (image.mask.is_empty(), image.area()) {
        (true, _) => format!("{meaning}: none marked"),
        (false, Some(area)) => format!("{meaning}: {:.1} cm²{place}", area / 100.0),
        (false, None) => format!("{meaning}: marked, size unknown"),
    };
    let referred = image.is_referred().then(|| "uncertain: to be read first".to_owned());
    let score = image.score().map(|score| format!("score {score}"));
    [referred, Some(marked), score, Some(WARNING.to_owned())].into_iter().flatten().collect()
}

/// Who made it, of what.
fn comment(image: &Image<'_>) -> String {
    let id = image.source.original.as_ref().map(|id| format!("; image id {}", common::cut(id)));
    format!("{WARNING}; ensemble {}{}", common::cut(image.run.ensemble), id.unwrap_or_default())
}
