//! Builds the DICOM files of these tests.

use dicom_core::value::{DataSetSequence, PixelFragmentSequence, Value};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use pleura::Radiograph;
use pleura::manifest::Intensity;

pub const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";

/// A data set without pixels: one sample per pixel, MONOCHROME2.
pub fn grey(rows: u16, cols: u16, allocated: u16, stored: u16, signed: bool) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    text(&mut object, tags::SOP_CLASS_UID, VR::UI, uids::SECONDARY_CAPTURE_IMAGE_STORAGE);
    text(&mut object, tags::SOP_INSTANCE_UID, VR::UI, "ID_0a1b2c3d4");
    text(&mut object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME2");
    number(&mut object, tags::SAMPLES_PER_PIXEL, 1);
    number(&mut object, tags::ROWS, rows);
    number(&mut object, tags::COLUMNS, cols);
    number(&mut object, tags::BITS_ALLOCATED, allocated);
    number(&mut object, tags::BITS_STORED, stored);
    number(&mut object, tags::HIGH_BIT, stored - 1);
    number(&mut object, tags::PIXEL_REPRESENTATION, signed.into());
    object
}

/// The same with three samples per pixel.
pub fn color(rows: u16, cols: u16, photometric: &str, planar: bool) -> InMemDicomObject {
    let mut object = grey(rows, cols, 8, 8, false);
    number(&mut object, tags::SAMPLES_PER_PIXEL, 3);
    number(&mut object, tags::PLANAR_CONFIGURATION, planar.into());
    text(&mut object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, photometric);
    object
}

pub fn text(object: &mut InMemDicomObject, tag: Tag, vr: VR, value: &str) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(value)));
}

pub fn number(object: &mut InMemDicomObject, tag: Tag, value: u16) {
    object.put(DataElement::new(tag, VR::US, PrimitiveValue::from(value)));
}

pub fn words(object: &mut InMemDicomObject, tag: Tag, vr: VR, words: &[u16]) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::U16(words.into())));
}

pub fn bytes(object: &mut InMemDicomObject, tag: Tag, bytes: &[u8]) {
    object.put(DataElement::new(tag, VR::OB, PrimitiveValue::from(bytes)));
}

pub fn fragments(object: &mut InMemDicomObject, fragments: &[&[u8]]) {
    let fragments: Vec<Vec<u8>> = fragments.iter().map(|fragment| fragment.to_vec()).collect();
    let sequence: PixelFragmentSequence<Vec<u8>> = PixelFragmentSequence::new(Vec::<u32>::new(), fragments);
    object.put(DataElement::new(tags::PIXEL_DATA, VR::OB, Value::from(sequence)));
}

pub fn item(object: &mut InMemDicomObject, tag: Tag, item: InMemDicomObject) {
    object.put(DataElement::new(tag, VR::SQ, DataSetSequence::from(vec![item])));
}

pub fn lut(descriptor: [u16; 3], data: &[u16]) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    words(&mut object, tags::LUT_DESCRIPTOR, VR::US, &descriptor);
    words(&mut object, tags::LUT_DATA, VR::OW, data);
    object
}

/// The file's bytes. Its meta has another instance UID than the data set, as in SIIM's second stage.
pub fn file(object: &InMemDicomObject, syntax: &str) -> Vec<u8> {
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(syntax)
        .media_storage_sop_class_uid(uids::SECONDARY_CAPTURE_IMAGE_STORAGE)
        .media_storage_sop_instance_uid("1.2.3.4");
    let mut bytes = Vec::new();
    object.clone().with_exact_meta(meta.build().unwrap()).write_all(&mut bytes).unwrap();
    bytes
}

pub fn open(object: &InMemDicomObject) -> Radiograph {
    Radiograph::decode(&file(object, uids::EXPLICIT_VR_LITTLE_ENDIAN), "folder/image.dcm").unwrap()
}

pub fn values(radiograph: &Radiograph) -> Vec<f32> {
    radiograph.values().iter().copied().collect()
}

pub fn shown(radiograph: &Radiograph, intensity: Intensity) -> Vec<f32> {
    radiograph.intensities(intensity).into_iter().collect()
}
