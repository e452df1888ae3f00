//! The outline as a Grayscale Softcopy Presentation State (PS3.3, A.33.1): a PACS draws it over the radiograph itself, and
//! can hide it.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use pleura::radiograph::LutAttributes;

use crate::common::{self, PROGRAM, cut};
use crate::contour::{self, Corner};
use crate::dataset::Set;
use crate::segmentation::lab;
use crate::{DicomOutError, Image, Kind, Object, capture, valid};

const LAYER: &str = "PLEURA";
/// Points of a polyline: their 8 bytes each have to fit into a length of 16 bits.
const POINTS: usize = 8000;

pub fn object(image: &Image<'_>) -> Result<Object, DicomOutError> {
    let finding = image.run.code;
    let rgb = finding.rgb().ok_or_else(|| DicomOutError::Color(finding.color.clone()))?;
    let layer = Set::new()
        .text(tags::GRAPHIC_LAYER, VR::CS, LAYER)
        .text(tags::GRAPHIC_LAYER_ORDER, VR::IS, "1")
        .shorts(tags::GRAPHIC_LAYER_RECOMMENDED_DISPLAY_CIE_LAB_VALUE, &lab(rgb));
    let series = Set::new()
        .text(tags::SERIES_INSTANCE_UID, VR::UI, &image.source.series)
        .items(tags::REFERENCED_IMAGE_SEQUENCE, [image.source.reference()]);
    let set = common::head(image, Kind::Presentation)
        .text(tags::LATERALITY, VR::CS, image.source.value(tags::LATERALITY, valid::code))
        .text(tags::PRESENTATION_CREATION_DATE, VR::DA, image.run.made.0)
        .text(tags::PRESENTATION_CREATION_TIME, VR::TM, image.run.made.1)
        .text(tags::CONTENT_LABEL, VR::CS, LAYER)
        .text(tags::CONTENT_DESCRIPTION, VR::LO, cut(&finding.meaning))
        .text(tags::CONTENT_CREATOR_NAME, VR::PN, format!("{PROGRAM}^"))
        .items(tags::REFERENCED_SERIES_SEQUENCE, [series])
        .items(tags::DISPLAYED_AREA_SELECTION_SEQUENCE, [area(image)])
        .items(tags::GRAPHIC_ANNOTATION_SEQUENCE, [annotation(image)])
        .items(tags::GRAPHIC_LAYER_SEQUENCE, [layer]);
    grey(image, set).write(Kind::Presentation, common::instance_uid(image, Kind::Presentation))
}

/// The whole image, as large as its place.
fn area(image: &Image<'_>) -> Set {
    let size = image.mask.size();
    let set = Set::new()
        .longs(tags::DISPLAYED_AREA_TOP_LEFT_HAND_CORNER, &[1, 1])
        .longs(tags::DISPLAYED_AREA_BOTTOM_RIGHT_HAND_CORNER, &[size.width as i32, size.height as i32])
        .text(tags::PRESENTATION_SIZE_MODE, VR::CS, "SCALE TO FIT");
    match image.radiograph.spacing() {
        Some((row, column)) => set.text(tags::PRESENTATION_PIXEL_SPACING, VR::DS, format!("{row}\\{column}")),
        None => set.text(tags::PRESENTATION_PIXEL_ASPECT_RATIO, VR::IS, "1\\1"),
    }
}

/// The outline, and what the capture says, too.
fn annotation(image: &Image<'_>) -> Set {
    let lines: Vec<String> = capture::caption(image).iter().map(|line| cut(&line.replace('²', "2"))).collect();
    let text = Set::new()
        .text(tags::BOUNDING_BOX_ANNOTATION_UNITS, VR::CS, "DISPLAY")
        .text(tags::UNFORMATTED_TEXT_VALUE, VR::ST, lines.join("\r\n"))
        .floats(tags::BOUNDING_BOX_TOP_LEFT_HAND_CORNER, &[0.0, 0.0])
        .floats(tags::BOUNDING_BOX_BOTTOM_RIGHT_HAND_CORNER, &[0.5, 0.1])
        .text(tags::BOUNDING_BOX_TEXT_HORIZONTAL_JUSTIFICATION, VR::CS, "LEFT");
    let polygons = contour::polygons(image.mask);
    let pieces = polygons.iter().flat_map(|polygon| pieces(polygon));
    Set::new()
        .items(tags::REFERENCED_IMAGE_SEQUENCE, [image.source.reference()])
        .text(tags::GRAPHIC_LAYER, VR::CS, LAYER)
        .items(tags::TEXT_OBJECT_SEQUENCE, [text])
        .items(tags::GRAPHIC_OBJECT_SEQUENCE, pieces.map(polyline))
}

/// A polygon in parts that can be written, each with the last corner of the one before.
fn pieces(polygon: &[Corner]) -> impl Iterator<Item = &[Corner]> {
    let starts = (0..polygon.len() - 1).step_by(POINTS - 1);
    starts.map(move |start| &polygon[start..polygon.len().min(start + POINTS)])
}

/// Corners in pixels from the image's top left corner, column and row.
fn polyline(corners: &[Corner]) -> Set {
    let data: Vec<f32> = corners.iter().flat_map(|&(column, row)| [column as f32, row as f32]).collect();
    let set = Set::new()
        .text(tags::GRAPHIC_ANNOTATION_UNITS, VR::CS, "PIXEL")
        .short(tags::GRAPHIC_DIMENSIONS, 2)
        .short(tags::NUMBER_OF_GRAPHIC_POINTS, corners.len() as u16)
        .floats(tags::GRAPHIC_DATA, &data)
        .text(tags::GRAPHIC_TYPE, VR::CS, "POLYLINE");
    let is_closed = corners.first() == corners.last();
    set.with(is_closed.then_some("N"), |set, filled| set.text(tags::GRAPHIC_FILLED, VR::CS, filled))
}

/// How values become grey, as the source says: a display uses the state's instead of the image's own.
fn grey(image: &Image<'_>, set: Set) -> Set {
    let source = image.radiograph.source();
    let (modality, voi) = (source.and_then(|it| it.modality_lut()), source.and_then(|it| it.voi_lut()));
    let number = |tag| image.source.value(tag, first_number);
    let (slope, intercept) = (number(tags::RESCALE_SLOPE), number(tags::RESCALE_INTERCEPT));
    let set = match modality {
        Some(table) => set.items(tags::MODALITY_LUT_SEQUENCE, [lut(table).text(tags::MODALITY_LUT_TYPE, VR::LO, "US")]),
        None if slope.is_empty() || intercept.is_empty() => set,
        None => set.text(tags::RESCALE_INTERCEPT, VR::DS, intercept).text(tags::RESCALE_SLOPE, VR::DS, slope).text(
            tags::RESCALE_TYPE,
            VR::LO,
            "US",
        ),
    };
    let (center, width) = (number(tags::WINDOW_CENTER), number(tags::WINDOW_WIDTH));
    let window = match voi {
        Some(table) => Some(Set::new().items(tags::VOILUT_SEQUENCE, [lut(table)])),
        None if center.is_empty() || !width.parse().is_ok_and(|width: f64| width > 0.0) => None,
        None => {
            let function = Some(image.source.value(tags::VOILUT_FUNCTION, function)).filter(|text| !text.is_empty());
            let set = Set::new().text(tags::WINDOW_CENTER, VR::DS, center).text(tags::WINDOW_WIDTH, VR::DS, width);
            Some(set.with(function, |set, function| set.text(tags::VOILUT_FUNCTION, VR::CS, function)))
        }
    };
    let shape = if image.radiograph.is_inverted() { "INVERSE" } else { "IDENTITY" };
    set.with(window, |set, window| set.items(tags::SOFTCOPY_VOILUT_SEQUENCE, [window])).text(
        tags::PRESENTATION_LUT_SHAPE,
        VR::CS,
        shape,
    )
}

fn lut(table: &LutAttributes) -> Set {
    Set::new().shorts(tags::LUT_DESCRIPTOR, &table.descriptor).words(tags::LUT_DATA, &table.data)
}

/// The first of one or several decimal strings, if it is one.
fn first_number(text: &str) -> Option<String> {
    let first = text.split('\\').next()?.trim();
    let is_number = first.len() <= 16 && first.parse::<f64>().is_ok_and(f64::is_finite);
    is_number.then(|| first.to_owned())
}

fn function(text: &str) -> Option<String> {
    ["LINEAR", "LINEAR_EXACT", "SIGMOID"].into_iter().find(|known| *known == text.trim()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_outlines_are_written_in_parts_that_join() {
        let polygon: Vec<Corner> = (0..20_000).map(|number| (number, 0)).chain([(0, 0)]).collect();
        let parts: Vec<&[Corner]> = pieces(&polygon).collect();
        assert!(parts.len() == 3 && parts.iter().all(|part| (2..=POINTS).contains(&part.len())));
        assert!(parts.windows(2).all(|pair| pair[0].last() == pair[1].first()));
        let joined: Vec<Corner> = parts.iter().flat_map(|part| &part[1..]).copied().collect();
        assert_eq!(joined, polygon[1..]);
        for length in [POINTS, POINTS + 1, 2 * POINTS - 1] {
            assert!(pieces(&polygon[..length]).all(|part| part.len() > 1), "{length}");
        }
    }

    #[test]
    fn windows_are_the_first_valid_numbers() {
        assert_eq!(first_number("2048\\1024"), Some("2048".into()));
        assert_eq!(first_number(" 1.5e2 "), Some("1.5e2".into()));
        assert!(["", "abc", "nan", "\\3"].into_iter().all(|text| first_number(text).is_none()));
    }
}
