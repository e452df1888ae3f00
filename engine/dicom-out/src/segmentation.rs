//! The mask as a Segmentation of one binary frame (PS3.3, A.51), in the form that viewers have been found to show.

use dicom_core::VR;
use dicom_dictionary_std::tags;

use crate::common::{self, PROGRAM, VERSION, cut};
use crate::dataset::{Set, code};
use crate::{DicomOutError, Image, Kind, Object};

pub fn object(image: &Image<'_>) -> Result<Object, DicomOutError> {
    let dimensions = common::uid_of(image, "dimensions", &image.source.instance);
    let dimension = Set::new()
        .text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &dimensions)
        .pointer(tags::DIMENSION_INDEX_POINTER, tags::REFERENCED_SEGMENT_NUMBER)
        .pointer(tags::FUNCTIONAL_GROUP_POINTER, tags::SEGMENT_IDENTIFICATION_SEQUENCE)
        .text(tags::DIMENSION_DESCRIPTION_LABEL, VR::LO, "Referenced Segment Number");
    let organization = Set::new().text(tags::DIMENSION_ORGANIZATION_UID, VR::UI, &dimensions);
    common::head(image, Kind::Segmentation)
        .text(tags::IMAGE_TYPE, VR::CS, "DERIVED\\PRIMARY")
        .with(image.source.frame_of_reference.as_ref(), |set, uid| {
            set.text(tags::FRAME_OF_REFERENCE_UID, VR::UI, uid).text(tags::POSITION_REFERENCE_INDICATOR, VR::LO, "")
        })
        .text(tags::CONTENT_LABEL, VR::CS, "PLEURA")
        .text(tags::CONTENT_DESCRIPTION, VR::LO, cut(&image.run.code.meaning))
        .text(tags::CONTENT_CREATOR_NAME, VR::PN, format!("{PROGRAM}^"))
        .text(tags::SEGMENTATION_TYPE, VR::CS, "BINARY")
        .text(tags::SEGMENTS_OVERLAP, VR::CS, "NO")
        .text(tags::LOSSY_IMAGE_COMPRESSION, VR::CS, "00")
        .short(tags::SAMPLES_PER_PIXEL, 1)
        .text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2")
        .text(tags::NUMBER_OF_FRAMES, VR::IS, "1")
        .pixels(image.mask.size(), 1)
        .items(tags::DIMENSION_ORGANIZATION_SEQUENCE, [organization])
        .items(tags::DIMENSION_INDEX_SEQUENCE, [dimension])
        .items(tags::SEGMENT_SEQUENCE, [segment(image)?])
        .items(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, [shared(image)])
        .items(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, [of_frame(image)])
        .items(tags::REFERENCED_SERIES_SEQUENCE, [common::referenced_series(image)])
        .bytes(tags::PIXEL_DATA, VR::OB, bits(image))
        .write(Kind::Segmentation, common::instance_uid(image, Kind::Segmentation))
}

/// What the marked pixels are, and who marked them.
fn segment(image: &Image<'_>) -> Result<Set, DicomOutError> {
    let finding = image.run.code;
    let rgb = finding.rgb().ok_or_else(|| DicomOutError::Color(finding.color.clone()))?;
    let algorithm = Set::new()
        .items(tags::ALGORITHM_FAMILY_CODE_SEQUENCE, [code("123110", "DCM", "Artificial Intelligence")])
        .text(tags::ALGORITHM_NAME, VR::LO, PROGRAM)
        .text(tags::ALGORITHM_VERSION, VR::LO, VERSION);
    let category = code("49755003", "SCT", "Morphologically Abnormal Structure");
    Ok(Set::new()
        .short(tags::SEGMENT_NUMBER, 1)
        .text(tags::SEGMENT_LABEL, VR::LO, &finding.meaning)
        .text(tags::SEGMENT_ALGORITHM_TYPE, VR::CS, "AUTOMATIC")
        .text(tags::SEGMENT_ALGORITHM_NAME, VR::LO, PROGRAM)
        .shorts(tags::RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &lab(rgb))
        .items(tags::SEGMENTATION_ALGORITHM_IDENTIFICATION_SEQUENCE, [algorithm])
        .items(tags::SEGMENTED_PROPERTY_CATEGORY_CODE_SEQUENCE, [category])
        .items(tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE, [common::finding(image)]))
}

/// The frame's plane: a viewer without it shows nothing. A projection has no thickness, but the attribute must be there.
fn shared(image: &Image<'_>) -> Set {
    let measures =
        Set::new().text(tags::SLICE_THICKNESS, VR::DS, "1").with(image.radiograph.spacing(), |set, (row, column)| {
            set.text(tags::PIXEL_SPACING, VR::DS, format!("{row}\\{column}"))
        });
    let plane = Set::new().text(tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0");
    let segment = Set::new().short(tags::REFERENCED_SEGMENT_NUMBER, 1);
    Set::new()
        .items(tags::PIXEL_MEASURES_SEQUENCE, [measures])
        .items(tags::PLANE_ORIENTATION_SEQUENCE, [plane])
        .items(tags::SEGMENT_IDENTIFICATION_SEQUENCE, [segment])
}

/// The image that the frame was derived from.
fn of_frame(image: &Image<'_>) -> Set {
    let purpose = code("121322", "DCM", "Source image for image processing operation");
    let source = image
        .source
        .reference()
        .text(tags::SPATIAL_LOCATIONS_PRESERVED, VR::CS, "YES")
        .items(tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE, [purpose]);
    let derivation = Set::new()
        .items(tags::SOURCE_IMAGE_SEQUENCE, [source])
        .items(tags::DERIVATION_CODE_SEQUENCE, [code("113076", "DCM", "Segmentation")]);
    Set::new()
        .items(tags::DERIVATION_IMAGE_SEQUENCE, [derivation])
        .items(tags::FRAME_CONTENT_SEQUENCE, [Set::new().long(tags::DIMENSION_INDEX_VALUES, 1)])
}

/// Pixels by rows, eight to a byte, the first in the lowest bit.
fn bits(image: &Image<'_>) -> Vec<u8> {
    let mut bytes = vec![0; image.mask.size().area().div_ceil(8)];
    for (at, _) in image.mask.pixels().iter().enumerate().filter(|(_, marked)| **marked) {
        bytes[at / 8] |= 1 << (at % 8);
    }
    bytes
}

/// A colour of sRGB in DICOM's CIELab (PS3.3, C.10.7.1.1): L* of 0..=100, a* and b* of -128..=127, as 0..=65535.
pub fn lab(rgb: [u8; 3]) -> [u16; 3] {
    let linear = rgb.map(|value| {
        let value = f64::from(value) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    });
    let row = |weights: [f64; 3], white: f64| weights.iter().zip(linear).map(|(w, v)| w * v).sum::<f64>() / white;
    // to XYZ of D50, the connection space's white
    let (x, y, z) = (
        row([0.436_074_7, 0.385_064_9, 0.143_080_4], 0.964_22),
        row([0.222_504_5, 0.716_878_6, 0.060_616_9], 1.0),
        row([0.013_932_2, 0.097_104_5, 0.714_173_3], 0.825_21),
    );
    let f = |t: f64| if t > 216.0 / 24389.0 { t.cbrt() } else { (24389.0 / 27.0 * t + 16.0) / 116.0 };
    let (l, a, b) = (116.0 * f(y) - 16.0, 500.0 * (f(x) - f(y)), 200.0 * (f(y) - f(z)));
    [l / 100.0, (a + 128.0) / 255.0, (b + 128.0) / 255.0].map(|share| (share.clamp(0.0, 1.0) * 65535.0).round() as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_those_of_the_palette() {
        // white and black have no hue: 128 of 255
        let middle = (128.0_f64 / 255.0 * 65535.0).round() as u16;
        for (rgb, light) in [([255; 3], 65535_u16), ([0; 3], 0)] {
            let found = lab(rgb);
            assert!(found.iter().zip([light, middle, middle]).all(|(a, b)| a.abs_diff(b) < 20), "{found:?}");
        }
        // sRGB's red in D50: L 54.29, a 80.81, b 69.89
        let expected = [54.29 / 100.0, 208.81 / 255.0, 197.89 / 255.0].map(|share: f64| (share * 65535.0) as u16);
        assert!(lab([255, 0, 0]).iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 40));
    }
}
