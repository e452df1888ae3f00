//! The attributes of a DICOM file that objects made from it repeat or refer to.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::attributes::Attributes;
use super::dataset;

/// The attributes that objects made from an image repeat or refer to: of its patient, study and series, and what
/// displays need. Texts only.
pub const SOURCE_TAGS: [Tag; 33] = [
    tags::SPECIFIC_CHARACTER_SET,
    tags::SOP_CLASS_UID,
    tags::SOP_INSTANCE_UID,
    tags::STUDY_DATE,
    tags::STUDY_TIME,
    tags::ACCESSION_NUMBER,
    tags::MODALITY,
    tags::REFERRING_PHYSICIAN_NAME,
    tags::STUDY_DESCRIPTION,
    tags::PATIENT_NAME,
    tags::PATIENT_ID,
    tags::ISSUER_OF_PATIENT_ID,
    tags::PATIENT_BIRTH_DATE,
    tags::PATIENT_SEX,
    tags::PATIENT_AGE,
    tags::BODY_PART_EXAMINED,
    tags::IMAGER_PIXEL_SPACING,
    tags::VIEW_POSITION,
    tags::STUDY_INSTANCE_UID,
    tags::SERIES_INSTANCE_UID,
    tags::STUDY_ID,
    tags::SERIES_NUMBER,
    tags::INSTANCE_NUMBER,
    tags::PATIENT_ORIENTATION,
    tags::FRAME_OF_REFERENCE_UID,
    tags::LATERALITY,
    tags::IMAGE_LATERALITY,
    tags::PIXEL_SPACING,
    tags::WINDOW_CENTER,
    tags::WINDOW_WIDTH,
    tags::VOILUT_FUNCTION,
    tags::RESCALE_INTERCEPT,
    tags::RESCALE_SLOPE,
];

/// A DICOM file's attributes for objects made from it, each with its bytes as in the file: nothing is checked, and
/// texts are in the file's own character set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SourceAttributes {
    values: Vec<(Tag, Vec<u8>)>,
    voi_lut: Option<LutAttributes>,
    modality_lut: Option<LutAttributes>,
}

/// A lookup table as in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LutAttributes {
    /// LUTDescriptor: the number of entries, the first value mapped, the bits of an entry.
    pub descriptor: [u16; 3],
    /// LUTData, in words.
    pub data: Vec<u16>,
}

impl SourceAttributes {
    pub(super) fn new(attributes: &Attributes) -> Self {
        let value = |tag: Tag| Some((tag, dataset::attribute(attributes, tag)?.bytes()?.to_vec()));
        Self {
            values: SOURCE_TAGS.into_iter().filter_map(value).collect(),
            voi_lut: lut(attributes, tags::VOILUT_SEQUENCE),
            modality_lut: lut(attributes, tags::MODALITY_LUT_SEQUENCE),
        }
    }

    /// An attribute's bytes; `None` if the file has none, or the tag is not one of [`SOURCE_TAGS`].
    #[must_use]
    pub fn bytes(&self, tag: Tag) -> Option<&[u8]> {
        self.values.iter().find(|(held, _)| *held == tag).map(|(_, bytes)| bytes.as_slice())
    }

    /// An attribute's text without padding, if it is ASCII and not empty.
    #[must_use]
    pub fn ascii(&self, tag: Tag) -> Option<&str> {
        let text = str::from_utf8(self.bytes(tag)?).ok()?;
        Some(dataset::uid(text)).filter(|text| !text.is_empty() && text.is_ascii())
    }

    /// The file's first VOI lookup table.
    #[must_use]
    pub fn voi_lut(&self) -> Option<&LutAttributes> {
        self.voi_lut.as_ref()
    }

    /// The file's modality lookup table.
    #[must_use]
    pub fn modality_lut(&self) -> Option<&LutAttributes> {
        self.modality_lut.as_ref()
    }
}

fn lut(attributes: &Attributes, sequence: Tag) -> Option<LutAttributes> {
    let item = dataset::item(attributes, sequence)?;
    let descriptor = dataset::words(item, tags::LUT_DESCRIPTOR)?.try_into().ok()?;
    Some(LutAttributes { descriptor, data: dataset::words(item, tags::LUT_DATA)? })
}
