//! What a file says that its picture shows, and how it was taken.

use dicom_dictionary_std::tags;

use super::attributes::Attributes;
use super::dataset;

/// What a file says that its picture shows, and how it was taken. Texts are DICOM's codes, in capitals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acquisition {
    /// Modality: `CR`, `DX`, `CT`.
    pub modality: Option<String>,
    /// BodyPartExamined: `CHEST`.
    pub body_part: Option<String>,
    /// ViewPosition: `PA`, `AP`, `LL`.
    pub view: Option<String>,
    /// ImageLaterality, or else Laterality: `L`, `R`, `B` for both sides, `U` for an unpaired part.
    pub laterality: Option<String>,
    /// Whether the picture is grey: by a DICOM file's PhotometricInterpretation, and by the colours themselves in PNG and
    /// JPEG, of whose pixels less than a twentieth may have one.
    pub monochrome: Option<bool>,
}

impl Acquisition {
    pub(super) fn of_dicom(attributes: &Attributes) -> Self {
        let code = |tag| dataset::text(attributes, tag).map(|text| text.trim().to_ascii_uppercase());
        let code = |tag| code(tag).filter(|text| !text.is_empty());
        Self {
            modality: code(tags::MODALITY),
            body_part: code(tags::BODY_PART_EXAMINED),
            view: code(tags::VIEW_POSITION),
            laterality: code(tags::IMAGE_LATERALITY).or_else(|| code(tags::LATERALITY)),
            monochrome: code(tags::PHOTOMETRIC_INTERPRETATION).map(|kind| kind.starts_with("MONOCHROME")),
        }
    }

    /// Of a picture without tags, with this share of pixels in colour.
    pub(super) fn of_picture(coloured: f32) -> Self {
        Self { monochrome: Some(coloured < 0.05), ..Self::default() }
    }
}
