//! DICOM files that are written for a test.

use std::path::{Path, PathBuf};

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use pleura::Size;

use super::toy::noise;

/// A DICOM file of 40×56 pixels, not as wide as high, with these texts; of noise, or black without a seed.
pub fn dicom(folder: &Path, name: &str, seed: Option<u32>, texts: &[(dicom_core::Tag, VR, &str)]) -> PathBuf {
    let mut object = InMemDicomObject::new_empty();
    for &(tag, vr, value) in texts {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    }
    for (tag, vr, value) in [
        (tags::SOP_CLASS_UID, VR::UI, uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION),
        (tags::MODALITY, VR::CS, "DX"),
        (tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2"),
        (tags::PIXEL_SPACING, VR::DS, "0.5\\0.25"),
    ] {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
    }
    let shape = [(tags::SAMPLES_PER_PIXEL, 1), (tags::ROWS, 56), (tags::COLUMNS, 40), (tags::BITS_ALLOCATED, 8)];
    for (tag, value) in
        shape.into_iter().chain([(tags::BITS_STORED, 8), (tags::HIGH_BIT, 7), (tags::PIXEL_REPRESENTATION, 0_u16)])
    {
        object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
    }
    let pixels: Vec<u8> =
        seed.map_or(vec![0; 56 * 40], |seed| noise(seed, Size::new(56, 40)).into_raw_vec_and_offset().0);
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, PrimitiveValue::from(pixels)));
    let path = folder.join(name).with_extension("dcm");
    let meta = FileMetaTableBuilder::new().transfer_syntax(uids::EXPLICIT_VR_LITTLE_ENDIAN);
    object.with_meta(meta).unwrap().write_to_file(&path).unwrap();
    path
}
