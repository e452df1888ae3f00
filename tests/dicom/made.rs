//! Files written by these tests, and their exact values.

use dicom_core::value::{DataSetSequence, PixelFragmentSequence, Value};
use dicom_core::{DataElement, PrimitiveValue, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use pleura::manifest::Intensity;
use pleura::{Radiograph, Size};

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

fn open(object: &InMemDicomObject) -> Radiograph {
    Radiograph::decode(&file(object, uids::EXPLICIT_VR_LITTLE_ENDIAN), "folder/image.dcm").unwrap()
}

fn values(radiograph: &Radiograph) -> Vec<f32> {
    radiograph.values().iter().copied().collect()
}

fn shown(radiograph: &Radiograph, intensity: Intensity) -> Vec<f32> {
    radiograph.intensities(intensity).into_iter().collect()
}

#[test]
fn twelve_bits_in_sixteen_in_every_byte_order() {
    let mut object = grey(2, 3, 16, 12, false);
    // the highest four bits do not belong to the image
    words(&mut object, tags::PIXEL_DATA, VR::OW, &[0, 1, 0x0100, 0xF0FF, 2048, 0x1FFF]);
    let syntaxes =
        [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN];
    for syntax in syntaxes.into_iter().chain([BIG_ENDIAN]) {
        let radiograph = Radiograph::decode(&file(&object, syntax), "a.dcm").unwrap();
        assert_eq!(values(&radiograph), [0.0, 1.0, 256.0, 255.0, 2048.0, 4095.0], "{syntax}");
        assert_eq!((radiograph.size(), radiograph.range()), (Size::new(2, 3), (0.0, 4095.0)), "{syntax}");
        assert_eq!(radiograph.id(), "ID_0a1b2c3d4", "{syntax}");
    }
}

#[test]
fn signed_values_of_sixteen_and_of_twelve_bits() {
    let mut object = grey(1, 3, 16, 16, true);
    words(&mut object, tags::PIXEL_DATA, VR::OW, &[0x8000, 0xFFFF, 0x7FFF]);
    let radiograph = open(&object);
    assert_eq!(values(&radiograph), [-32768.0, -1.0, 32767.0]);
    assert_eq!(shown(&radiograph, Intensity::Stored), [0.0, (32767.0 / 65535.0), 1.0]);

    let mut object = grey(1, 3, 16, 12, true);
    words(&mut object, tags::PIXEL_DATA, VR::OW, &[0x0800, 0x0FFF, 0x07FF]);
    assert_eq!(values(&open(&object)), [-2048.0, -1.0, 2047.0]);
}

#[test]
fn bits_stored_at_the_top_of_the_word() {
    let mut object = grey(1, 2, 16, 12, false);
    number(&mut object, tags::HIGH_BIT, 15);
    words(&mut object, tags::PIXEL_DATA, VR::OW, &[0xABC7, 0xFFF0]);
    assert_eq!(values(&open(&object)), [f32::from(0xABC_u16), 4095.0]);
}

#[test]
fn eight_bits_of_an_odd_number_of_pixels_in_words() {
    let mut object = grey(1, 3, 8, 8, false);
    words(&mut object, tags::PIXEL_DATA, VR::OW, &[0x0201, 0x0003]);
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, BIG_ENDIAN] {
        let radiograph = Radiograph::decode(&file(&object, syntax), "a.dcm").unwrap();
        assert_eq!(values(&radiograph), [1.0, 2.0, 3.0], "{syntax}");
    }
}

#[test]
fn rescale_comes_before_the_window_and_inversion_last() {
    let mut object = grey(1, 4, 16, 12, false);
    words(&mut object, tags::PIXEL_DATA, VR::OW, &[0, 1000, 1200, 4095]);
    text(&mut object, tags::RESCALE_SLOPE, VR::DS, "2");
    text(&mut object, tags::RESCALE_INTERCEPT, VR::DS, "-1000");
    text(&mut object, tags::WINDOW_CENTER, VR::DS, "1200\\7");
    text(&mut object, tags::WINDOW_WIDTH, VR::DS, "401\\8");
    let radiograph = open(&object);
    assert_eq!(values(&radiograph), [-1000.0, 1000.0, 1400.0, 7190.0]);
    assert_eq!(radiograph.range(), (-1000.0, 7190.0));
    assert!(radiograph.has_window() && !radiograph.is_inverted());
    // from c - 0.5 - 200 = 999.5 to 1399.5
    let window = [0.0, 0.5 / 400.0, 1.0, 1.0];
    assert_eq!(shown(&radiograph, Intensity::Window), window);
    assert_eq!(shown(&radiograph, Intensity::Fixed { center: 1200.0, width: 401.0 }), window);
    assert_eq!(shown(&radiograph, Intensity::Stored), [0.0, (2000.0 / 8190.0), (2400.0 / 8190.0), 1.0]);
    assert_eq!(shown(&radiograph, Intensity::Percentiles { low: 0.0, high: 100.0 })[1], 2000.0 / 8190.0);

    text(&mut object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    let inverted = open(&object);
    assert!(inverted.is_inverted());
    assert_eq!(inverted.values(), radiograph.values());
    for intensity in [Intensity::Stored, Intensity::Window, Intensity::Percentiles { low: 10.0, high: 90.0 }] {
        assert_eq!(inverted.intensities(intensity), radiograph.intensities(intensity).mapv(|v| 1.0 - v));
    }
}

#[test]
fn a_negative_slope_swaps_the_range() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[0, 255]);
    text(&mut object, tags::RESCALE_SLOPE, VR::DS, "-1");
    let radiograph = open(&object);
    assert_eq!((radiograph.range(), shown(&radiograph, Intensity::Stored)), ((-255.0, 0.0), vec![1.0, 0.0]));
}

#[test]
fn window_functions() {
    for (function, middle) in [("LINEAR", 10.0 / 19.0), ("LINEAR_EXACT", 0.5), ("SIGMOID", 0.5)] {
        let mut object = grey(1, 2, 8, 8, false);
        bytes(&mut object, tags::PIXEL_DATA, &[100, 200]);
        text(&mut object, tags::WINDOW_CENTER, VR::DS, "100");
        text(&mut object, tags::WINDOW_WIDTH, VR::DS, "20");
        text(&mut object, tags::VOILUT_FUNCTION, VR::CS, function);
        let shown = shown(&open(&object), Intensity::Window);
        assert!((shown[0] - middle).abs() < 1e-7 && shown[1] > 0.999_999, "{function}: {shown:?}");
    }
}

#[test]
fn a_window_that_makes_no_sense_is_ignored_and_remarked() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[51, 255]);
    text(&mut object, tags::WINDOW_CENTER, VR::DS, "100");
    text(&mut object, tags::WINDOW_WIDTH, VR::DS, "0");
    let radiograph = open(&object);
    assert!(!radiograph.has_window());
    assert_eq!(shown(&radiograph, Intensity::Window), [0.2, 1.0]);
    assert!(radiograph.remarks()[0].contains("WindowWidth is 0"), "{:?}", radiograph.remarks());
}

#[test]
fn lookup_tables_before_rescale_and_windows() {
    let mut object = grey(1, 4, 16, 12, true);
    words(&mut object, tags::PIXEL_DATA, VR::OW, &[0x0FFE, 0x0FFF, 0, 5]);
    // three entries of ten bits from -2 on
    item(&mut object, tags::MODALITY_LUT_SEQUENCE, lut([3, 0xFFFE, 10], &[7, 500, 1000]));
    text(&mut object, tags::RESCALE_SLOPE, VR::DS, "9");
    item(&mut object, tags::VOILUT_SEQUENCE, lut([2, 500, 8], &[51, 255]));
    text(&mut object, tags::WINDOW_CENTER, VR::DS, "1");
    text(&mut object, tags::WINDOW_WIDTH, VR::DS, "1");
    let radiograph = open(&object);
    assert_eq!(values(&radiograph), [7.0, 500.0, 1000.0, 1000.0]);
    assert_eq!(radiograph.range(), (0.0, 1023.0));
    assert_eq!(shown(&radiograph, Intensity::Window), [0.2, 0.2, 1.0, 1.0]);
}

#[test]
fn enhanced_objects_keep_rescale_in_functional_groups() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[0, 10]);
    let (mut transform, mut groups) = (InMemDicomObject::new_empty(), InMemDicomObject::new_empty());
    text(&mut transform, tags::RESCALE_SLOPE, VR::DS, "3");
    text(&mut transform, tags::RESCALE_INTERCEPT, VR::DS, "1");
    item(&mut groups, tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, transform);
    item(&mut object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, groups);
    assert_eq!(values(&open(&object)), [1.0, 31.0]);
}

#[test]
fn colors_become_luma() {
    let luma = [76.245, 149.685, 29.07, 200.0];
    let mut object = color(2, 2, "RGB", false);
    bytes(&mut object, tags::PIXEL_DATA, &[255, 0, 0, 0, 255, 0, 0, 0, 255, 200, 200, 200]);
    assert_eq!(values(&open(&object)), luma);

    let mut object = color(2, 2, "RGB", true);
    bytes(&mut object, tags::PIXEL_DATA, &[255, 0, 0, 200, 0, 255, 0, 200, 0, 0, 255, 200]);
    assert_eq!(values(&open(&object)), luma);

    let mut object = color(1, 2, "YBR_FULL", false);
    bytes(&mut object, tags::PIXEL_DATA, &[10, 128, 128, 20, 0, 255]);
    assert_eq!(values(&open(&object)), [10.0, 20.0]);

    let mut object = color(1, 4, "YBR_FULL_422", false);
    bytes(&mut object, tags::PIXEL_DATA, &[10, 20, 128, 128, 30, 40, 0, 255]);
    assert_eq!(values(&open(&object)), [10.0, 20.0, 30.0, 40.0]);
}

#[test]
fn a_palette_becomes_luma() {
    let mut object = grey(1, 3, 8, 8, false);
    text(&mut object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "PALETTE COLOR");
    bytes(&mut object, tags::PIXEL_DATA, &[0, 1, 9]);
    let tables = [
        (tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA, [65535, 1000]),
        (tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA, [65535, 2000]),
        (tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA, [65535, 3000]),
    ];
    for (descriptor, data, entries) in tables {
        words(&mut object, descriptor, VR::US, &[2, 0, 16]);
        words(&mut object, data, VR::OW, &entries);
    }
    let radiograph = open(&object);
    assert_eq!((values(&radiograph), radiograph.range()), (vec![65535.0, 1815.0, 1815.0], (0.0, 65535.0)));
}

#[test]
fn jpeg_colors_become_luma() {
    let pixels: Vec<u8> = (0..64).flat_map(|_| [200, 30, 90]).collect();
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 100);
    image::ImageEncoder::write_image(encoder, &pixels, 8, 8, image::ExtendedColorType::Rgb8).unwrap();
    let luma = 0.299 * 200.0 + 0.587 * 30.0 + 0.114 * 90.0;
    for photometric in ["YBR_FULL_422", "RGB"] {
        let mut object = color(8, 8, photometric, false);
        fragments(&mut object, &[&jpeg]);
        let radiograph = Radiograph::decode(&file(&object, uids::JPEG_BASELINE8_BIT), "a.dcm").unwrap();
        // a flat colour is off only by rounding, to 8 bits and in the transform
        assert!(radiograph.values().iter().all(|value| (value - luma).abs() < 1.5), "{photometric}");
    }
}

#[test]
fn a_frame_may_lie_in_several_fragments() {
    let mut object = grey(2, 2, 8, 8, false);
    let mut frame = vec![0; 64];
    (frame[0], frame[4]) = (1, 64);
    frame.extend([1, 5, 6, 255, 7, 0]);
    fragments(&mut object, &[&frame[..66], &frame[66..]]);
    let radiograph = Radiograph::decode(&file(&object, uids::RLE_LOSSLESS), "a.dcm").unwrap();
    assert_eq!(values(&radiograph), [5.0, 6.0, 7.0, 7.0]);
}

#[test]
fn the_id_is_the_stem_where_the_data_set_has_none() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    object.remove_element(tags::SOP_INSTANCE_UID);
    assert_eq!(open(&object).id(), "image");
}

#[test]
fn padding_after_the_pixels_is_remarked() {
    let mut object = grey(1, 5, 8, 8, false);
    for (length, remarks) in [(6, 0), (8, 1)] {
        bytes(&mut object, tags::PIXEL_DATA, &[1, 2, 3, 4, 5, 9, 9, 9][..length]);
        let radiograph = open(&object);
        assert_eq!((values(&radiograph), radiograph.remarks().len()), (vec![1.0, 2.0, 3.0, 4.0, 5.0], remarks));
    }
}

#[test]
fn a_table_that_cannot_be_used_leaves_the_window() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[100, 200]);
    text(&mut object, tags::WINDOW_CENTER, VR::DS, "100.5");
    text(&mut object, tags::WINDOW_WIDTH, VR::DS, "101");
    let window = shown(&open(&object), Intensity::Window);
    assert_eq!(window, [0.5, 1.0]);
    let items = [InMemDicomObject::new_empty(), lut([5, 0, 8], &[0, 1])];
    for (broken, remarks) in items.into_iter().zip([0, 1]) {
        item(&mut object, tags::VOILUT_SEQUENCE, broken);
        let radiograph = open(&object);
        assert_eq!(shown(&radiograph, Intensity::Window), window);
        assert_eq!(radiograph.remarks().len(), remarks, "{:?}", radiograph.remarks());
    }
    // an empty modality table is the same as none
    item(&mut object, tags::MODALITY_LUT_SEQUENCE, InMemDicomObject::new_empty());
    text(&mut object, tags::RESCALE_SLOPE, VR::DS, "2");
    assert_eq!(values(&open(&object)), [200.0, 400.0]);
}

#[test]
fn spacing_need_not_be_square() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    text(&mut object, tags::IMAGER_PIXEL_SPACING, VR::DS, "0.2\\0.1");
    assert_eq!(open(&object).spacing(), Some((0.2, 0.1)));
}

#[test]
fn data_sets_without_preamble_or_meta_are_read_and_remarked() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN, BIG_ENDIAN] {
        let whole = file(&object, syntax);
        // file meta: DICM, then the group length's element of 12 bytes, which counts the rest
        let length = u32::from_le_bytes(whole[140..144].try_into().unwrap()) as usize;
        for bare in [&whole[132..], &whole[144 + length..]] {
            let radiograph = Radiograph::decode(bare, "a.dcm").unwrap();
            assert_eq!((values(&radiograph), radiograph.remarks().len()), (vec![1.0, 2.0], 1), "{syntax}");
        }
    }
}

#[test]
fn code_strings_in_small_letters_are_read_and_remarked() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[100, 200]);
    text(&mut object, tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "monochrome1");
    text(&mut object, tags::WINDOW_CENTER, VR::DS, "100");
    text(&mut object, tags::WINDOW_WIDTH, VR::DS, "20");
    text(&mut object, tags::VOILUT_FUNCTION, VR::CS, "linear_exact");
    let radiograph = open(&object);
    assert!(radiograph.is_inverted());
    assert_eq!(shown(&radiograph, Intensity::Window), [0.5, 0.0]);
    assert_eq!(radiograph.remarks(), ["its PhotometricInterpretation is monochrome1: read as MONOCHROME1"]);
}

#[test]
fn sloppy_file_meta_is_remarked() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    let sound = file(&object, uids::EXPLICIT_VR_LITTLE_ENDIAN);
    assert_eq!(Radiograph::decode(&sound, "a.dcm").unwrap().remarks(), [""; 0]);
    // the group length's element is 12 bytes from byte 132 on
    let without = [&sound[..132], &sound[144..]].concat();
    let mut zero = sound.clone();
    zero[140..144].fill(0);
    let mut instance = sound.clone();
    let at = instance.windows(7).position(|uid| uid == b"1.2.3.4").unwrap();
    instance[at..at + 7].copy_from_slice(b"ID_abcd");
    let unmarked = [&[0; 128], &sound[132..]].concat();
    let expected = [
        (without, "the file meta information is not valid: the group length is missing"),
        (zero, "the file meta information is not valid: the group length is wrong"),
        (instance, "the file meta information is not valid: MediaStorageSOPInstanceUID is not a UID"),
        (unmarked, "the preamble lacks the DICM prefix"),
    ];
    for (file, remark) in expected {
        let radiograph = Radiograph::decode(&file, "a.dcm").unwrap();
        assert_eq!((values(&radiograph), radiograph.remarks()), (vec![1.0, 2.0], &[remark.to_string()][..]));
        assert_eq!(radiograph.id(), "ID_0a1b2c3d4");
    }
}

#[test]
fn a_preamble_may_be_followed_by_the_data_set() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    for syntax in [uids::EXPLICIT_VR_LITTLE_ENDIAN, uids::IMPLICIT_VR_LITTLE_ENDIAN, BIG_ENDIAN] {
        let whole = file(&object, syntax);
        let length = u32::from_le_bytes(whole[140..144].try_into().unwrap()) as usize;
        let bare = [&whole[..132], &whole[144 + length..]].concat();
        let radiograph = Radiograph::decode(&bare, "a.dcm").unwrap();
        assert_eq!(values(&radiograph), [1.0, 2.0], "{syntax}");
        let [remark] = radiograph.remarks() else { panic!("{:?}", radiograph.remarks()) };
        assert!(
            remark.starts_with("the DICOM file meta information is missing: read as") && remark.ends_with(syntax),
            "{remark}"
        );
    }
}
