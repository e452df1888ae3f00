//! Files that claim a huge size, or compress one into a few bytes.

use std::io::Write;

use dicom_dictionary_std::uids;
use flate2::Compression;
use flate2::write::{DeflateEncoder, ZlibEncoder};
use jpeg_encoder::{ColorType, Encoder};

pub fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// Zeros, compressed in small pieces.
pub fn zeros(bytes: u64) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&piece).unwrap();
    }
    encoder.write_all(&piece[..(bytes & ((1 << 20) - 1)) as usize]).unwrap();
    encoder.finish().unwrap()
}

/// A black square PNG file of this side, bit depth and color type, with a chunk before its pixels.
pub fn black(side: u32, bits: u8, color: u8, before: &[u8]) -> Vec<u8> {
    let samples = [1, 0, 3, 1, 2, 0, 4][usize::from(color)];
    let row = 1 + u64::from(side) * samples * u64::from(bits) / 8;
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[bits, color, 0, 0, 0]].concat();
    let pixels = chunk(b"IDAT", &zeros(row * u64::from(side)));
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), before, &pixels, &chunk(b"IEND", &[])].concat()
}

pub fn jpeg(side: u16, progressive: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 50);
    encoder.set_progressive(progressive);
    encoder.encode(&vec![0; usize::from(side).pow(2)], side, side, ColorType::Luma).unwrap();
    bytes
}

/// A square DICOM file with one fragment, explicit VR little endian.
pub fn dicom(side: u16, syntax: &str, fragment: &[u8]) -> Vec<u8> {
    dicom_of((8, 8), side, syntax, fragment)
}

/// The same with these bits (allocated, stored).
pub fn dicom_of(bits: (u16, u16), side: u16, syntax: &str, fragment: &[u8]) -> Vec<u8> {
    let length = fragment.len() + fragment.len() % 2;
    [
        &meta(syntax)[..],
        &attributes(bits, side, &format!("1.2.3.{}", fragment.len())),
        b"\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0",
        &(length as u32).to_le_bytes(),
        fragment,
        &vec![0; length - fragment.len()],
        b"\xFE\xFF\xDD\xE0\0\0\0\0",
    ]
    .concat()
}

/// A black DICOM file of 8 bits with a deflated data set.
pub fn deflated(side: u16) -> Vec<u8> {
    let pixels = u32::from(side).pow(2);
    let mut encoder = DeflateEncoder::new(meta(uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN), Compression::fast());
    encoder.write_all(&attributes((8, 8), side, "1.2.4")).unwrap();
    encoder.write_all(b"\xE0\x7F\x10\0OB\0\0").unwrap();
    encoder.write_all(&pixels.to_le_bytes()).unwrap();
    (0..side).for_each(|_| encoder.write_all(&vec![0; usize::from(side)]).unwrap());
    encoder.finish().unwrap()
}

fn short(group: u16, number: u16, vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
    let value = [value, &vec![0; value.len() % 2]].concat();
    let length = (value.len() as u16).to_le_bytes();
    [&group.to_le_bytes()[..], &number.to_le_bytes(), vr, &length, &value].concat()
}

/// A file's preamble and meta.
fn meta(syntax: &str) -> Vec<u8> {
    let meta = short(2, 0x10, b"UI", syntax.as_bytes());
    [&[0; 128][..], b"DICM", &short(2, 0, b"UL", &(meta.len() as u32).to_le_bytes()), &meta].concat()
}

/// The attributes of a square image with these bits (allocated, stored).
fn attributes((allocated, stored): (u16, u16), side: u16, uid: &str) -> Vec<u8> {
    let number = |element: u16, value: u16| short(0x28, element, b"US", &value.to_le_bytes());
    [
        short(8, 0x18, b"UI", uid.as_bytes()),
        number(0x02, 1),
        short(0x28, 0x04, b"CS", b"MONOCHROME2 "),
        number(0x10, side),
        number(0x11, side),
        number(0x100, allocated),
        number(0x101, stored),
        number(0x102, stored - 1),
        number(0x103, 0),
    ]
    .concat()
}

/// RLE of zeros: runs of 128.
pub fn rle(side: u16) -> Vec<u8> {
    let runs = usize::from(side).pow(2) / 128;
    let mut frame = vec![0; 64];
    (frame[0], frame[4]) = (1, 64);
    frame.extend([129, 0].repeat(runs));
    frame
}

/// A JPEG 2000 codestream with one tile and no code.
pub fn jpeg_2000(side: u32, tile: u32) -> Vec<u8> {
    let size = [side, side, 0, 0, tile, tile, 0, 0].map(u32::to_be_bytes).concat();
    let start = [&[0xFF, 0x4F, 0xFF, 0x51, 0, 41, 0, 0][..], &size, &[0, 1, 7, 1, 1]].concat();
    let style = [0xFF, 0x52, 0, 12, 0, 0, 0, 1, 0, 5, 4, 4, 0, 1];
    let quantization = [&[0xFF, 0x5C, 0, 19, 0x40][..], &[0x40; 16]].concat();
    let parts = (0..side.div_ceil(tile).pow(2)).flat_map(|number| {
        let number = (number as u16).to_be_bytes();
        [0xFF, 0x90, 0, 10, number[0], number[1], 0, 0, 0, 15, 0, 1, 0xFF, 0x93, 0]
    });
    [&start[..], &style, &quantization, &parts.collect::<Vec<u8>>(), &[0xFF, 0xD9]].concat()
}

/// The same in the boxes of a JP2 file.
pub fn jp2(codestream: &[u8]) -> Vec<u8> {
    [b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 \0\0\0\0jp2c", codestream].concat()
}

/// The same as HTJ2K, by its code-blocks' style.
pub fn htj2k(side: u32) -> Vec<u8> {
    let mut stream = jpeg_2000(side, side);
    let style = stream.windows(2).position(|pair| pair == [0xFF, 0x52]).unwrap();
    stream[style + 12] = 0x40;
    stream
}

/// A black JPEG of 12 bits: the first block's difference is the lowest, all others are zero, and so is every coefficient.
pub fn jpeg_12(side: u16) -> Vec<u8> {
    let table = |name: u8, lengths: [u8; 2], symbols: &[u8]| {
        let length = [0, 19 + symbols.len() as u8];
        [&[0xFF, 0xC4][..], &length, &[name], &lengths, &[0; 14], symbols].concat()
    };
    let [high, low] = side.to_be_bytes();
    let blocks = usize::from(side / 8).pow(2);
    [
        &[0xFF, 0xD8, 0xFF, 0xDB, 0, 67, 0][..],
        &[1; 64],
        &[0xFF, 0xC1, 0, 11, 12, high, low, high, low, 1, 1, 0x11, 0],
        // `0` is no difference, `10` one of 15 bits; `0` ends a block
        &table(0x00, [1, 1], &[0, 15]),
        &table(0x10, [1, 0], &[0]),
        &[0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0],
        &[0x9F, 0xFF, 0, 0x80],
        &vec![0; (18 + 2 * (blocks - 1)).div_ceil(8) - 3],
        &[0xFF, 0xD9],
    ]
    .concat()
}
