//! Images of every kind, truncated everywhere.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::jpeg2000::Blocks;
use super::*;

/// A JPEG image with a pattern and noise in it.
fn encode(color: ColorType, size: (u16, u16), choose: impl FnOnce(&mut Encoder<&mut Vec<u8>>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 90);
    choose(&mut encoder);
    let samples = usize::from(size.0) * usize::from(size.1) * if color == ColorType::Luma { 1 } else { 3 };
    let noise = |i: usize| (i.wrapping_mul(2_654_435_761) >> 13) as u8 / 3 + (i / 7) as u8 / 2;
    let pixels: Vec<u8> = (0..samples).map(noise).collect();
    encoder.encode(&pixels, size.0, size.1, color).unwrap();
    bytes
}

fn kinds() -> Vec<Vec<u8>> {
    use SamplingFactor::{F_1_1, F_2_2, F_4_1};
    let mut images = Vec::new();
    for (color, sampling) in
        [(ColorType::Luma, F_1_1), (ColorType::Rgb, F_1_1), (ColorType::Rgb, F_2_2), (ColorType::Rgb, F_4_1)]
    {
        for (progressive, interval) in [(false, 0), (false, 1), (false, 3), (true, 0), (true, 2)] {
            images.push(encode(color, (37, 29), |encoder| {
                encoder.set_sampling_factor(sampling);
                encoder.set_progressive(progressive);
                if interval > 0 {
                    encoder.set_restart_interval(interval);
                }
            }));
        }
    }
    images.push(encode(ColorType::Luma, (64, 48), |encoder| encoder.set_optimized_huffman_tables(true)));
    images.push(encode(ColorType::Rgb, (64, 48), |encoder| encoder.set_progressive_scans(20)));
    images
}

#[test]
fn jpeg_images_are_whole_up_to_their_last_byte() {
    for (kind, image) in kinds().iter().enumerate() {
        assert_eq!(jpeg(image), Ok(()), "image {kind}");
        assert_eq!(jpeg(&[image, &b"trailing bytes, \xFF\xD8 and more"[..]].concat()), Ok(()), "image {kind}");
        for length in 2..image.len() {
            assert!(jpeg(&image[..length]).is_err(), "image {kind}, {length} of {} bytes", image.len());
        }
    }
}

#[test]
fn a_cut_is_found_behind_an_end_marker_and_behind_zeros() {
    for (kind, image) in kinds().iter().enumerate() {
        let scan = image.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        // the last byte or two may hold only padding bits
        for length in scan..image.len() - 5 {
            let with_end = [&image[..length], &[0xFF, 0xD9]].concat();
            assert!(jpeg(&with_end).is_err(), "image {kind}, {length} of {} bytes and EOI", image.len());
        }
        for length in scan..image.len() - 1 {
            let mut zeros = image.clone();
            zeros[length..].fill(0);
            assert!(jpeg(&zeros).is_err(), "image {kind}, zeros from {length} of {}", image.len());
        }
    }
}

#[test]
fn a_missing_restart_interval_is_found() {
    let image = encode(ColorType::Luma, (64, 64), |encoder| encoder.set_restart_interval(4));
    let restarts: Vec<usize> =
        (0..image.len() - 1).filter(|&at| image[at] == 0xFF && matches!(image[at + 1], 0xD0..=0xD7)).collect();
    assert_eq!(restarts.len(), 15);
    for (first, last) in [(0, 1), (3, 4), (13, 14), (2, 10)] {
        let without = [&image[..restarts[first]], &image[restarts[last]..]].concat();
        assert!(matches!(jpeg(&without), Err(Incomplete::Cut { of: 64, .. })), "intervals {first} to {last}");
    }
}

#[test]
fn a_thumbnails_end_marker_is_not_the_images() {
    let image = encode(ColorType::Luma, (64, 64), |_| {});
    let thumbnail = encode(ColorType::Luma, (8, 8), |_| {});
    let length = (thumbnail.len() as u16 + 2).to_be_bytes();
    let with = [&image[..2], &[0xFF, 0xE1], &length[..], &thumbnail, &image[2..]].concat();
    assert_eq!(jpeg(&with), Ok(()));
    for length in 2..with.len() {
        assert!(jpeg(&with[..length]).is_err(), "{length} of {} bytes", with.len());
    }
}

#[test]
fn what_is_missing_is_said() {
    let image = encode(ColorType::Luma, (64, 64), |_| {});
    let message = |bytes: &[u8]| jpeg(bytes).unwrap_err().to_string();
    let scan = image.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
    assert!(message(&image[..image.len() / 2 + scan / 2]).contains(" of 64 blocks"));
    let end = "the image is cut off: expected the end marker EOI, found the end of the data";
    assert_eq!(message(&image[..image.len() - 2]), end);
    let progressive = encode(ColorType::Luma, (64, 64), |encoder| encoder.set_progressive(true));
    let last = progressive.windows(2).rposition(|pair| pair == [0xFF, 0xDA]).unwrap();
    let message = message(&[&progressive[..last], &[0xFF, 0xD9]].concat());
    assert!(message.contains("component 1 lacks scans for"), "{message}");
}

/// A codestream of two tiles, each of one part.
fn codestream() -> Vec<u8> {
    let u32s = |numbers: [u32; 8]| numbers.map(u32::to_be_bytes).concat();
    let part = |tile: u8| [&[0xFF, 0x90, 0, 10, 0, tile, 0, 0, 0, 17, 0, 1, 0xFF, 0x93][..], &[1, 2, 3]].concat();
    [
        &[0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0][..],
        &u32s([16, 8, 0, 0, 8, 8, 0, 0]),
        &[0, 1, 7, 1, 1],
        // code-blocks of 64×32; precincts of 32×32 in the whole image, which are 16×16 in its bands
        &[0xFF, 0x52, 0, 13, 1, 0, 0, 1, 0, 1, 4, 3, 0, 0, 0x55],
        &part(0),
        &part(1),
        &[0xFF, 0xD9],
    ]
    .concat()
}

#[test]
fn jpeg_2000_has_all_its_tiles_and_its_end() {
    let stream = codestream();
    assert_eq!(jpeg2000(&stream), Ok(Blocks { tiles: 2, smallest: 256 }));
    assert_eq!(jpeg2000(&[&stream, &[0_u8; 3][..]].concat()), Ok(Blocks { tiles: 2, smallest: 256 }));
    for length in 2..stream.len() {
        assert!(jpeg2000(&stream[..length]).is_err(), "{length} of {} bytes", stream.len());
    }
    let one = [&stream[..stream.len() - 19], &[0xFF, 0xD9]].concat();
    assert_eq!(jpeg2000(&one), Err(Incomplete::Tile(1)));
}
