//! Compressed images made in the tests.

use charls::{CharLS, FrameInfo};

use super::super::super::values::Values;
use super::*;

fn header(samples: usize, allocated: u32, stored: u32, photometric: Photometric) -> Header {
    let high = stored - 1;
    Header { rows: 2, cols: 3, samples, allocated, stored, high, signed: false, photometric, planar: false }
}

/// Decodes a frame within 4 GiB; returns the samples and the remarks.
fn decode(frame: &[u8], header: &Header) -> Result<(Samples, Vec<String>), DicomFault> {
    let mut remarks = Vec::new();
    let samples = compressed(uids::JPEGLS_LOSSLESS, frame, header, DecodeLimits::default(), &mut remarks)?;
    Ok((samples, remarks))
}

fn encode(samples: i32, bits: i32, bytes: &[u8]) -> Vec<u8> {
    let info = FrameInfo { width: 3, height: 2, bits_per_sample: bits, component_count: samples };
    CharLS::default().encode(info, 0, bytes).unwrap()
}

#[test]
fn jpeg_ls_of_twelve_bits() {
    let words = [0_u16, 1, 4095, 2048, 77, 1000];
    let frame = encode(1, 12, &words.map(u16::to_le_bytes).concat());
    let (decoded, remarks) = decode(&frame, &header(1, 16, 12, Photometric::Monochrome2)).unwrap();
    assert_eq!(remarks, [""; 0]);
    assert_eq!((decoded.numbers.into_words(), decoded.stored, decoded.high), (words.to_vec(), 12, 11));
    // the stream's values have more bits than the header allows
    let fault = decode(&frame, &header(1, 16, 11, Photometric::Monochrome2)).unwrap_err();
    assert!(matches!(fault, DicomFault::Mismatch { .. }), "{fault}");
}

#[test]
fn jpeg_ls_is_cut_nowhere() {
    let words = [0_u16, 1, 4095, 2048, 77, 1000];
    let frame = encode(1, 12, &words.map(u16::to_le_bytes).concat());
    let header = header(1, 16, 12, Photometric::Monochrome2);
    for length in 0..frame.len() {
        let whole = decode(&frame[..length], &header);
        assert!(whole.is_err(), "{length} of {} bytes", frame.len());
    }
    let fault =
        compressed(uids::JPEGLS_LOSSLESS, &frame, &header, DecodeLimits::new(1000), &mut Vec::new()).unwrap_err();
    assert!(matches!(fault, DicomFault::Memory(_)), "{fault}");
}

#[test]
fn jpeg_ls_with_a_zero_before_its_end() {
    let words = [0_u16, 1, 4095, 2048, 77, 1000];
    let frame = encode(1, 12, &words.map(u16::to_le_bytes).concat());
    let header = header(1, 16, 12, Photometric::Monochrome2);
    let end = frame.windows(2).rposition(|pair| pair == [0xFF, 0xD9]).unwrap();
    let with = |zeros: usize, codes: &[u8]| [codes, &vec![0; zeros], &[0xFF, 0xD9]].concat();
    let (decoded, remarks) = decode(&with(1, &frame[..end]), &header).unwrap();
    assert_eq!(decoded.numbers.into_words(), words);
    assert_eq!(remarks, ["the JPEG-LS image has an extra zero byte before its end marker"]);
    // two zeros are not an encoder's slip; and missing codes are not made up for
    assert!(decode(&with(2, &frame[..end]), &header).is_err());
    for length in 25..end - 1 {
        let fault = decode(&with(1, &frame[..length]), &header).map(|(decoded, _)| decoded.numbers.into_words());
        assert!(fault.is_err(), "{length} of {end} bytes: {fault:?}");
    }
}

#[test]
fn jpeg_ls_colors_by_plane() {
    // the encoder's default is one scan per plane
    let planes = [[255, 0, 0, 9, 9, 9], [0, 255, 0, 9, 9, 9], [0, 0, 255, 9, 9, 9]].concat();
    let frame = encode(3, 8, &planes);
    let header = header(3, 8, 8, Photometric::Rgb);
    let (decoded, _) = decode(&frame, &header).unwrap();
    assert!(decoded.planar);
    let grey = Values::from(decoded.grey(&header, None).unwrap());
    assert_eq!(grey.floats().as_slice().unwrap(), [76.245, 149.685, 29.07, 9.0, 9.0, 9.0]);
}

#[test]
fn what_the_markers_say_of_colors_goes_before_the_header() {
    use Photometric::{Rgb, YbrFull, YbrFull422};
    let stream = |sof, jfif, adobe, named_rgb| Codestream {
        rows: 2,
        cols: 3,
        components: 3,
        bits: 8,
        lossy: sof != 0xC3,
        kind: Kind::Jpeg { sof, jfif, adobe, named_rgb },
    };
    let cases = [
        (stream(0xC0, false, None, false), Rgb, Rgb),
        (stream(0xC0, true, None, false), Rgb, YbrFull),
        (stream(0xC0, false, Some(1), false), Rgb, YbrFull),
        (stream(0xC0, false, None, false), YbrFull422, YbrFull),
        (stream(0xC0, false, Some(0), false), YbrFull422, Rgb),
        (stream(0xC0, false, None, true), YbrFull, Rgb),
        (stream(0xC3, true, None, false), Rgb, Rgb),
        (stream(0xC3, false, None, false), YbrFull422, YbrFull),
    ];
    for (stream, header, expected) in cases {
        assert_eq!(colors(&stream, header), Ok(expected), "{stream:?}, {header:?}");
    }
    assert!(colors(&stream(0xC0, false, None, false), Photometric::YbrJpeg2000).is_err());
}
