//! A file's tags of its patient, its view and its pixels.

use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::attributes::Attributes;
use super::error::RadiographError;
use super::{age, dataset, dicom, encoded, file, raster};
use crate::Size;

/// A file's tags, any of which may be missing; texts are as in the file. PNG and JPEG files have only a size and bits.
///
/// [`patient_id`](Self::patient_id) and [`patient_name`](Self::patient_name) identify the patient: handle them
/// accordingly when writing tags.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Tags {
    /// As [`Radiograph::id`](super::Radiograph::id).
    pub id: String,
    /// PatientID.
    pub patient_id: Option<String>,
    /// PatientName.
    pub patient_name: Option<String>,
    /// PatientSex: `M`, `F` or `O`.
    pub sex: Option<String>,
    /// PatientAge: `045Y`, `006M`; in some collections a bare number of years.
    pub age: Option<String>,
    /// ViewPosition: `PA`, `AP`, `LL`.
    pub view: Option<String>,
    /// Modality: `CR`, `DX`.
    pub modality: Option<String>,
    /// BodyPartExamined.
    pub body_part: Option<String>,
    /// Height and width in pixels.
    pub size: Option<Size>,
    /// BitsAllocated.
    pub bits_allocated: Option<u32>,
    /// BitsStored.
    pub bits_stored: Option<u32>,
    /// PhotometricInterpretation.
    pub photometric: Option<String>,
    /// UID of the transfer syntax, and its name.
    pub syntax: Option<(String, String)>,
    /// PixelSpacing, or else ImagerPixelSpacing: (row, column) in mm.
    pub spacing: Option<(f32, f32)>,
    /// WindowCenter and WindowWidth, the first of each.
    pub window: Option<(f64, f64)>,
    /// NumberOfFrames, if more than one: such a file is not a single radiograph.
    pub frames: Option<u32>,
}

impl Tags {
    /// Reads a DICOM, PNG or JPEG file's tags, not its pixels: whether they can be decoded remains unknown.
    ///
    /// # Errors
    /// If the file cannot be read, is none of these, or its data set is broken.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RadiographError> {
        let path = path.as_ref();
        let bytes = file::read(path)?;
        Self::decode(&bytes, path)
    }

    /// Reads the tags of a file's bytes; `path` is as in [`Radiograph::decode`](super::Radiograph::decode).
    ///
    /// # Errors
    /// As [`Tags::open`].
    pub fn decode(bytes: &[u8], path: impl AsRef<Path>) -> Result<Self, RadiographError> {
        let path = path.as_ref();
        if raster::is_raster(bytes) {
            raster::tags(bytes, path)
        } else if encoded::is_dicom(bytes) {
            dicom::tags(bytes, path)
        } else {
            Err(RadiographError::Unrecognized { path: path.into(), empty: bytes.is_empty() })
        }
    }

    /// The patient's age in years; `None` if the file states none, or an implausible one.
    #[must_use]
    pub fn years(&self) -> Option<f64> {
        age::years(self.age.as_deref()?)
    }

    /// The tags of a data set; a tag with an invalid value counts as missing.
    pub(super) fn new(attributes: &Attributes, syntax: &str, id: String) -> Self {
        let text = |tag: Tag| dataset::text(attributes, tag);
        let whole = |tag: Tag| dataset::integer(attributes, (tag, "")).ok().flatten();
        let decimal = |tag: Tag| dataset::decimals(attributes, tag, "").ok().flatten().map(|numbers| numbers[0]);
        let side = |tag: Tag| whole(tag).map(|side| side as usize);
        Self {
            id,
            patient_id: text(tags::PATIENT_ID),
            patient_name: text(tags::PATIENT_NAME),
            sex: text(tags::PATIENT_SEX),
            age: text(tags::PATIENT_AGE),
            view: text(tags::VIEW_POSITION),
            modality: text(tags::MODALITY),
            body_part: text(tags::BODY_PART_EXAMINED),
            size: side(tags::ROWS).zip(side(tags::COLUMNS)).map(Size::from),
            bits_allocated: whole(tags::BITS_ALLOCATED),
            bits_stored: whole(tags::BITS_STORED),
            photometric: text(tags::PHOTOMETRIC_INTERPRETATION),
            syntax: Some((syntax.to_owned(), encoded::name(syntax).to_owned())),
            spacing: dicom::spacing(attributes),
            window: decimal(tags::WINDOW_CENTER).zip(decimal(tags::WINDOW_WIDTH)),
            frames: whole(tags::NUMBER_OF_FRAMES).filter(|&frames| frames > 1),
        }
    }
}
