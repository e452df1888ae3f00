//! Files that must be refused, each with an error that has the file, syntax and reason. None may panic.

use std::time::Instant;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use pleura::Radiograph;

use super::made::{bytes, color, file, fragments, grey, number, text, words};

/// Expects an error that names the file and contains all of `parts`.
fn refused(what: &str, file: &[u8], parts: &[&str]) {
    let error = Radiograph::decode(file, "folder/x.dcm").map(|radiograph| radiograph.size()).expect_err(what);
    let message = error.to_string();
    assert!(message.starts_with("`folder/x.dcm`"), "{what}: {message}");
    for part in parts {
        assert!(message.contains(part), "{what}: `{part}` is not in `{message}`");
    }
}

fn native(object: &InMemDicomObject) -> Vec<u8> {
    file(object, uids::EXPLICIT_VR_LITTLE_ENDIAN)
}

fn plain() -> InMemDicomObject {
    let mut object = grey(4, 4, 8, 8, false);
    bytes(&mut object, tags::PIXEL_DATA, &[9; 16]);
    object
}

fn jpeg(rows: u32, cols: u32) -> Vec<u8> {
    let pixels: Vec<u8> = (0..rows * cols).map(|i| (i * 37 % 251) as u8).collect();
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90);
    image::ImageEncoder::write_image(encoder, &pixels, cols, rows, image::ExtendedColorType::L8).unwrap();
    jpeg
}

#[test]
fn not_images() {
    refused("empty", b"", &["is empty"]);
    refused("text", b"ImageId,EncodedPixels\n1.2.3,-1\n", &["is not a DICOM, PNG or JPEG file"]);
    refused("zeros", &[0; 4096], &["is not a DICOM, PNG or JPEG file"]);
    refused("png", b"\x89PNG\r\n\x1a\nrubbish", &["(PNG)"]);
    refused("jpeg", b"\xFF\xD8\xFFrubbish", &["(JPEG)"]);
    let error = Radiograph::open("/no/such/file.dcm").unwrap_err();
    assert_eq!(error.to_string(), "cannot read `/no/such/file.dcm`");
}

#[test]
fn headers_that_claim_the_impossible() {
    let mut object = plain();
    number(&mut object, tags::ROWS, 65535);
    number(&mut object, tags::COLUMNS, 65535);
    refused("huge", &native(&object), &["Rows is 65535", "Explicit VR Little Endian, 1.2.840.10008.1.2.1"]);

    let mut object = grey(16384, 16384, 16, 16, false);
    fragments(&mut object, &[&jpeg(8, 8)]);
    let large = ["for an image of 536870912 bytes", "no radiograph is compressed that well"];
    refused("large", &file(&object, uids::JPEG_BASELINE8_BIT), &large);

    type Claim = fn(&mut InMemDicomObject);
    let claims: [(&str, Claim, &str); 10] = [
        ("no rows", |object| number(object, tags::ROWS, 0), "Rows is 0"),
        ("no columns", |object| assert!(object.remove_element(tags::COLUMNS)), "Columns is missing"),
        ("frames", |object| text(object, tags::NUMBER_OF_FRAMES, VR::IS, "7"), "7 frames"),
        ("bits", |object| number(object, tags::BITS_ALLOCATED, 32), "BitsAllocated of 32"),
        ("stored", |object| number(object, tags::BITS_STORED, 12), "BitsStored is 12"),
        ("high", |object| number(object, tags::HIGH_BIT, 9), "HighBit is 9"),
        ("samples", |object| number(object, tags::SAMPLES_PER_PIXEL, 3), "SamplesPerPixel is 3"),
        ("slope", |object| text(object, tags::RESCALE_SLOPE, VR::DS, "0"), "RescaleSlope is 0"),
        ("steep", |object| text(object, tags::RESCALE_SLOPE, VR::DS, "1e300"), "values would overflow"),
        ("flat", |object| text(object, tags::RESCALE_SLOPE, VR::DS, "1e-300"), "overflow or all be equal"),
    ];
    for (what, claim, part) in claims {
        let mut object = plain();
        claim(&mut object);
        refused(what, &native(&object), &[part]);
    }
}

#[test]
fn compressed_images_that_are_cut_off() {
    let mut rle = vec![0; 64];
    (rle[0], rle[4]) = (1, 64);
    rle.extend((0..16).flat_map(|row| [15_u8].into_iter().chain((0..16).map(move |col| row * 16 + col))));
    let frames = [(uids::JPEG_BASELINE8_BIT, jpeg(16, 16)), (uids::RLE_LOSSLESS, rle)];
    for (syntax, frame) in frames {
        let with = |frame: &[u8]| {
            let mut object = grey(16, 16, 8, 8, false);
            fragments(&mut object, &[frame]);
            file(&object, syntax)
        };
        assert!(Radiograph::decode(&with(&frame), "x.dcm").is_ok(), "{syntax}");
        // fragments have even lengths
        for length in (0..frame.len()).step_by(2) {
            refused("cut", &with(&frame[..length]), &["x.dcm"]);
        }
    }
    let whole = jpeg(16, 16);
    let mut object = grey(16, 16, 8, 8, false);
    fragments(&mut object, &[&whole[..whole.len() - 20], &[0xFF, 0xD9]]);
    refused("cut, with an end", &file(&object, uids::JPEG_BASELINE8_BIT), &["the image is cut off: a scan ends after"]);
}

#[test]
fn pixel_data_of_another_length() {
    for length in [0, 2, 14, 32, 48] {
        let mut object = grey(4, 4, 8, 8, false);
        bytes(&mut object, tags::PIXEL_DATA, &vec![9; length]);
        refused(
            "length",
            &native(&object),
            if length == 0 { &["PixelData"] } else { &["expected 16 (by the header)"] },
        );
    }
    let mut object = plain();
    object.remove_element(tags::PIXEL_DATA);
    refused("none", &native(&object), &["PixelData is missing"]);
}

#[test]
fn objects_without_pixels_are_called_what_they_are() {
    let cases = [
        (uids::BASIC_TEXT_SR_STORAGE, "a Basic Text SR, which has no pixels"),
        (uids::MEDIA_STORAGE_DIRECTORY_STORAGE, "a DICOMDIR, which has no pixels"),
        (uids::RT_STRUCTURE_SET_STORAGE, "an RT Structure Set, which has no pixels"),
        ("1.3.12.2.1107.5.9.1", "an object of SOP class 1.3.12.2.1107.5.9.1, which has no pixels"),
        // the SOP class does not matter
        (uids::CT_IMAGE_STORAGE, "PixelData is missing"),
    ];
    for (class, what) in cases {
        let mut object = InMemDicomObject::new_empty();
        text(&mut object, tags::SOP_CLASS_UID, VR::UI, class);
        text(&mut object, tags::SOP_INSTANCE_UID, VR::UI, "1.2.3");
        refused(class, &native(&object), &[what]);
    }
}

#[test]
fn syntaxes_and_photometries_that_are_not_read() {
    for (syntax, name) in [
        (uids::MPEG2MPML, "MPEG2"),
        (uids::JPIPHTJ2K_REFERENCED, "JPIP HTJ2K Referenced"),
        ("1.2.3.4.5", "unknown transfer syntax, 1.2.3.4.5"),
    ] {
        let mut object = grey(4, 4, 8, 8, false);
        fragments(&mut object, &[&[1, 2, 3, 4]]);
        let mut bytes = file(&object, uids::RLE_LOSSLESS);
        if let Some(at) = bytes.windows(19).position(|window| window == b"1.2.840.10008.1.2.5") {
            // the writer does not support every syntax: the UID is replaced afterwards, with its length
            let mut uid = syntax.as_bytes().to_vec();
            uid.resize(uid.len().next_multiple_of(2), 0);
            let grown = uid.len() as i32 - 20;
            bytes.splice(at - 2..at + 20, (uid.len() as u16).to_le_bytes().into_iter().chain(uid));
            let length = u32::from_le_bytes(bytes[140..144].try_into().unwrap()).wrapping_add_signed(grown);
            bytes[140..144].copy_from_slice(&length.to_le_bytes());
        }
        refused(name, &bytes, &[syntax]);
    }
    let mut object = color(2, 2, "YBR_PARTIAL_420", false);
    bytes(&mut object, tags::PIXEL_DATA, &[0; 12]);
    refused("420", &native(&object), &["YBR_PARTIAL_420 is not supported"]);
}

#[test]
fn compressed_images_of_another_kind_than_the_header_says() {
    let baseline = |object: &mut InMemDicomObject, stream: &[u8]| {
        fragments(object, &[stream]);
        file(object, uids::JPEG_BASELINE8_BIT)
    };
    let smaller = baseline(&mut grey(16, 16, 8, 8, false), &jpeg(8, 16));
    refused("smaller", &smaller, &["8×16 pixels of 1 samples", "16×16", "JPEG Baseline", "1.2.840.10008.1.2.4.50"]);
    let larger = baseline(&mut grey(16, 16, 8, 8, false), &jpeg(24, 16));
    refused("larger", &larger, &["24×16"]);
    let colors = baseline(&mut color(16, 16, "RGB", false), &jpeg(16, 16));
    refused("grey for colours", &colors, &["16×16 pixels of 1 samples", "of 3"]);
    let rubbish = baseline(&mut grey(16, 16, 8, 8, false), b"not a JPEG at all");
    refused("rubbish", &rubbish, &["expected JPEG"]);

    let mut object = grey(16, 16, 8, 8, false);
    words(&mut object, tags::PIXEL_DATA, VR::OW, &[0; 128]);
    refused("not compressed", &file(&object, uids::EXPLICIT_VR_LITTLE_ENDIAN).as_slice()[..600], &["broken data set"]);
}

#[test]
fn truncation_anywhere_is_an_error() {
    let mut object = grey(16, 16, 8, 8, false);
    let stream = jpeg(16, 16);
    fragments(&mut object, &[&stream]);
    let whole = file(&object, uids::JPEG_BASELINE8_BIT);
    assert!(Radiograph::decode(&whole, "x.dcm").is_ok());
    // the file is truncated; the last 8 bytes only close the sequence of fragments
    for length in 0..whole.len() - 8 {
        assert!(Radiograph::decode(&whole[..length], "x.dcm").is_err(), "{length} of {} bytes", whole.len());
    }
    // the stream is truncated in a complete file: its last 2 bytes only mark the end
    for length in 0..stream.len() - 4 {
        let mut object = grey(16, 16, 8, 8, false);
        fragments(&mut object, &[&stream[..length]]);
        let file = file(&object, uids::JPEG_BASELINE8_BIT);
        assert!(Radiograph::decode(&file, "x.dcm").is_err(), "{length} of {} bytes", stream.len());
    }
}

#[test]
fn no_change_of_a_byte_panics() {
    let mut object = grey(16, 16, 8, 8, false);
    fragments(&mut object, &[&jpeg(16, 16)]);
    let whole = file(&object, uids::JPEG_BASELINE8_BIT);
    for at in 128..whole.len() {
        for flip in [0x01, 0x80, 0xFF] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            let start = Instant::now();
            // both are fine: many bytes are pixels
            if let Ok(radiograph) = Radiograph::decode(&bytes, "x.dcm") {
                assert_eq!(radiograph.values().len(), radiograph.size().area());
            }
            // a claimed length is not allocated
            assert!(start.elapsed().as_secs() < 5, "byte {at} with {flip:#x}");
        }
    }
}
