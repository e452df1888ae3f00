//! Values of written files, exactly.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use pleura::manifest::Intensity;
use pleura::{Radiograph, Size};

use super::made::{
    BIG_ENDIAN, bytes, color, file, fragments, grey, item, lut, number, open, shown, text, values, words,
};

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
fn spacing_need_not_be_square() {
    let mut object = grey(1, 2, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[1, 2]);
    text(&mut object, tags::IMAGER_PIXEL_SPACING, VR::DS, "0.2\\0.1");
    assert_eq!(open(&object).spacing(), Some((0.2, 0.1)));
}
