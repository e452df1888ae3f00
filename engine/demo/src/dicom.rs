//! Phantoms as DICOM files, in the usual encodings of radiographs.

use std::path::{Path, PathBuf};

use dicom_core::smallvec::smallvec;
use dicom_core::value::{PixelFragmentSequence, PrimitiveValue};
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use ndarray::ArrayView2;

use crate::phantom::Phantom;
use pleura::Size;

/// How pixels are stored. Read with the full range of the stored bits, all give the same picture, except for JPEG's
/// losses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// 8 bits, JPEG Baseline: SIIM's.
    Jpeg,
    /// 8 bits, uncompressed.
    Plain,
    /// 8 bits, uncompressed, MONOCHROME1: 0 is white.
    Inverted,
    /// 12 bits of 16, uncompressed.
    TwelveBit,
}

/// Why a phantom cannot be stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The file cannot be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: Box<dicom_object::WriteError>,
    },
    /// The pixels cannot be compressed.
    #[error("cannot compress the pixels of `{}`", path.display())]
    Compress {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: image::ImageError,
    },
}

impl Encoding {
    /// The encoding of phantom `number`: mostly JPEG, with the others in between.
    #[must_use]
    pub fn new(number: u64) -> Self {
        match number % 8 {
            2 => Self::Inverted,
            4 => Self::TwelveBit,
            7 => Self::Plain,
            _ => Self::Jpeg,
        }
    }

    fn transfer_syntax(self) -> &'static str {
        if self == Self::Jpeg { uids::JPEG_BASELINE8_BIT } else { uids::EXPLICIT_VR_LITTLE_ENDIAN }
    }
}

impl Phantom {
    /// Writes a DICOM file.
    pub fn write(&self, path: &Path, encoding: Encoding) -> Result<(), WriteError> {
        let mut object = InMemDicomObject::new_empty();
        self.describe(&mut object, encoding);
        let pixels = self.pixel_data(encoding);
        object.put(pixels.map_err(|source| WriteError::Compress { path: path.to_owned(), source })?);
        let meta = FileMetaTableBuilder::new().transfer_syntax(encoding.transfer_syntax());
        let failed =
            |source: dicom_object::WriteError| WriteError::Write { path: path.to_owned(), source: source.into() };
        let file = object.with_meta(meta).expect("class and instance UID are in the data set");
        file.write_to_file(path).map_err(failed)
    }

    fn describe(&self, object: &mut InMemDicomObject, encoding: Encoding) {
        let mut text = |tag: Tag, vr: VR, value: &str| {
            object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
        };
        text(tags::SOP_CLASS_UID, VR::UI, uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION);
        text(tags::SOP_INSTANCE_UID, VR::UI, &self.uid);
        text(tags::STUDY_INSTANCE_UID, VR::UI, &format!("{}.1", self.uid));
        text(tags::SERIES_INSTANCE_UID, VR::UI, &format!("{}.2", self.uid));
        text(tags::MODALITY, VR::CS, "DX");
        text(tags::PATIENT_NAME, VR::PN, "Phantom^Made Up");
        text(tags::PATIENT_ID, VR::LO, "PHANTOM");
        text(tags::BODY_PART_EXAMINED, VR::CS, "CHEST");
        text(tags::VIEW_POSITION, VR::CS, "PA");
        text(tags::PIXEL_SPACING, VR::DS, "0.35\\0.35");
        let inverted = encoding == Encoding::Inverted;
        text(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, if inverted { "MONOCHROME1" } else { "MONOCHROME2" });
        let mut number = |tag: Tag, value: u16| {
            object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
        };
        let (allocated, stored) = if encoding == Encoding::TwelveBit { (16, 12) } else { (8, 8) };
        let (rows, columns) = self.intensities.dim();
        number(tags::SAMPLES_PER_PIXEL, 1);
        number(tags::ROWS, rows as u16);
        number(tags::COLUMNS, columns as u16);
        number(tags::BITS_ALLOCATED, allocated);
        number(tags::BITS_STORED, stored);
        number(tags::HIGH_BIT, stored - 1);
        number(tags::PIXEL_REPRESENTATION, 0);
    }

    fn pixel_data(&self, encoding: Encoding) -> Result<DataElement<InMemDicomObject>, image::ImageError> {
        let bytes = |white: f32| bytes(self.intensities.view(), white);
        Ok(match encoding {
            Encoding::Jpeg => {
                let mut stream = jpeg(self.intensities.dim().into(), &bytes(255.0))?;
                // fragments have even lengths
                stream.resize(stream.len().next_multiple_of(2), 0);
                let fragments: PixelFragmentSequence<Vec<u8>> = PixelFragmentSequence::new(vec![], smallvec![stream]);
                DataElement::new(tags::PIXEL_DATA, VR::OB, fragments)
            }
            Encoding::Plain => uncompressed(bytes(255.0)),
            Encoding::Inverted => uncompressed(bytes(255.0).iter().map(|value| 255 - value).collect()),
            Encoding::TwelveBit => {
                let words: Vec<u16> = self.intensities.iter().map(|value| (value * 4095.0).round() as u16).collect();
                DataElement::new(tags::PIXEL_DATA, VR::OW, PrimitiveValue::U16(words.into()))
            }
        })
    }
}

fn bytes(intensities: ArrayView2<f32>, white: f32) -> Vec<u8> {
    intensities.iter().map(|value| (value * white).round() as u8).collect()
}

fn uncompressed(mut bytes: Vec<u8>) -> DataElement<InMemDicomObject> {
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::U8(bytes.into()))
}

fn jpeg(size: Size, pixels: &[u8]) -> Result<Vec<u8>, image::ImageError> {
    let mut stream = Vec::new();
    let encoder = &mut image::codecs::jpeg::JpegEncoder::new_with_quality(&mut stream, 92);
    encoder.encode(pixels, size.width as u32, size.height as u32, image::ExtendedColorType::L8)?;
    Ok(stream)
}
