//! Compressed images of kinds that no Rust crate encodes, from tests/reference/streams.py: decoded exactly, and refused
//! with a clear error if anything is missing.

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use pleura::{Radiograph, Size};

use super::made::{file, fragments, grey, text};

const JPEG_12: &[u8] = include_bytes!("../golden/dicom/extended-12.jpg");
const HTJ2K: &[u8] = include_bytes!("../golden/dicom/htj2k-lossless.j2c");
const HTJ2K_LOSSY: &[u8] = include_bytes!("../golden/dicom/htj2k-lossy.j2c");
const J2K: &[u8] = include_bytes!("../golden/dicom/j2k-lossless.j2c");
const JP2: &[u8] = include_bytes!("../golden/dicom/j2k-lossless.jp2");

/// A DICOM file around a stream.
fn around(stream: &[u8], syntax: &str) -> Vec<u8> {
    let mut object = grey(20, 24, 16, 12, false);
    text(&mut object, tags::SOP_INSTANCE_UID, VR::UI, "1.2.3");
    fragments(&mut object, &[&[stream, &vec![0; stream.len() % 2]].concat()]);
    with_syntax(file(&object, uids::JPEG2000), syntax)
}

/// The file with another JPEG 2000 transfer syntax: the writer does not support all.
fn with_syntax(mut bytes: Vec<u8>, syntax: &str) -> Vec<u8> {
    let at = bytes.windows(uids::JPEG2000.len()).position(|uid| uid == uids::JPEG2000.as_bytes()).unwrap();
    let mut uid = syntax.as_bytes().to_vec();
    uid.resize(uid.len().next_multiple_of(2), 0);
    let old = uids::JPEG2000.len().next_multiple_of(2);
    bytes.splice(at - 2..at + old, (uid.len() as u16).to_le_bytes().into_iter().chain(uid.iter().copied()));
    let grown = uid.len() as i32 - old as i32;
    let length = u32::from_le_bytes(bytes[140..144].try_into().unwrap()).wrapping_add_signed(grown);
    bytes[140..144].copy_from_slice(&length.to_le_bytes());
    bytes
}

/// The largest difference between a radiograph's values and the original ones.
fn distance(radiograph: &Radiograph) -> f32 {
    let made = |row: usize, column: usize| ((97 * row + 331 * column + row * column) % 5120).min(4095) as f32;
    assert_eq!(radiograph.size(), Size::new(20, 24));
    let distance = |((row, column), &value): ((usize, usize), &f32)| (value - made(row, column)).abs();
    radiograph.values().indexed_iter().map(distance).fold(0.0, f32::max)
}

/// The streams: name, bytes, transfer syntax, tolerance of values, number of remarks.
fn kinds() -> Vec<(&'static str, &'static [u8], &'static str, f32, usize)> {
    vec![
        ("JPEG of 12 bits", JPEG_12, uids::JPEG_EXTENDED12_BIT, 120.0, 0),
        ("HTJ2K lossless", HTJ2K, uids::HTJ2K_LOSSLESS, 0.0, 0),
        ("HTJ2K lossless, RPCL", HTJ2K, uids::HTJ2K_LOSSLESS_RPCL, 0.0, 0),
        ("HTJ2K", HTJ2K_LOSSY, uids::HTJ2K, 120.0, 0),
        ("JPEG 2000", J2K, uids::JPEG2000_LOSSLESS, 0.0, 0),
        ("JP2", JP2, uids::JPEG2000_LOSSLESS, 0.0, 1),
    ]
}

#[test]
fn streams_are_read_as_they_were_made() {
    for (name, stream, syntax, limit, remarks) in kinds() {
        let radiograph = Radiograph::decode(&around(stream, syntax), "x.dcm").unwrap();
        let off = distance(&radiograph);
        assert!(off <= limit, "{name}: off by {off}");
        assert_eq!(radiograph.remarks().len(), remarks, "{name}: {:?}", radiograph.remarks());
    }
}

#[test]
fn a_stream_of_another_kind_than_the_transfer_syntax_names_is_read_and_remarked() {
    let other = |named, found| format!("expected {named} data by the transfer syntax, found {found}");
    let lossy = |named| format!("expected lossless {named} data by the transfer syntax, found lossy ones");
    let mislabelled = [
        (J2K, uids::JPEGLS_LOSSLESS, other("JPEG-LS", "JPEG 2000")),
        (J2K, uids::HTJ2K, other("HTJ2K", "JPEG 2000")),
        (HTJ2K, uids::JPEG2000, other("JPEG 2000", "HTJ2K")),
        (HTJ2K_LOSSY, uids::HTJ2K_LOSSLESS, lossy("HTJ2K")),
        (JPEG_12, uids::JPEG_LOSSLESS_SV1, other("JPEG Lossless", "JPEG")),
    ];
    for (stream, syntax, remark) in mislabelled {
        let radiograph = Radiograph::decode(&around(stream, syntax), "x.dcm").unwrap();
        assert_eq!(radiograph.remarks(), [remark], "{syntax}");
        assert!(distance(&radiograph) <= 120.0, "{syntax}");
    }
}

#[test]
fn what_is_cut_off_is_refused_by_name() {
    for (name, stream, syntax, ..) in kinds() {
        // EOI or EOC
        let end = &stream[stream.len() - 2..];
        for length in 0..stream.len() - 1 {
            let message = |cut: &[u8]| match Radiograph::decode(&around(cut, syntax), "folder/x.dcm") {
                Ok(_) => panic!("{name}: {length} of {} bytes are taken for an image", stream.len()),
                Err(error) => error.to_string(),
            };
            let said = message(&stream[..length]);
            assert!(said.starts_with("`folder/x.dcm` (") && said.contains(syntax), "{name}: {said}");
            // the last byte or two of codes may be padding
            if length + 8 < stream.len() {
                message(&[&stream[..length], end].concat());
            }
        }
    }
}
