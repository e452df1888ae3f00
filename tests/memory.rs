//! What `--memory` promises: no file, whatever it claims, takes more. It is predicted rightly, or skipped by name.

#![cfg(target_os = "linux")]

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use dicom_dictionary_std::uids;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use jpeg_encoder::{ColorType, Encoder};
use support::case::{Case, POST, member};
use support::toy::{Toy, noise, png};

/// What the images of a run may take, and what the process may then take more than with one small image.
const MEMORY: &str = "256MiB";
const MIB: u64 = 256;

/// A run of `pleura predict`.
struct Ran {
    code: Option<i32>,
    stderr: String,
    csv: String,
    /// Peak resident memory in MiB.
    peak: u64,
}

/// The process says its own peak: what a parent measures of a child includes the parent's, before the child began.
fn predict(manifest: &Path, inputs: &[&Path]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("submission.csv");
    let mut command = support::pleura();
    command.args(["predict", "--device", "cpu", "--threads", "2", "--memory", MEMORY]).arg(manifest).args(inputs);
    let output = command.arg("--out").arg(&out).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let after = stderr.split("peak memory ").nth(1).unwrap_or_else(|| panic!("no peak memory: {stderr}"));
    let peak = after.split(' ').next().unwrap().parse().unwrap();
    Ran { code: output.status.code(), csv: fs::read_to_string(&out).unwrap_or_default(), stderr, peak }
}

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    [&(data.len() as u32).to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

/// Zeros, compressed a little at a time.
fn zeros(bytes: u64) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let piece = vec![0; 1 << 20];
    for _ in 0..bytes >> 20 {
        encoder.write_all(&piece).unwrap();
    }
    encoder.write_all(&piece[..(bytes & ((1 << 20) - 1)) as usize]).unwrap();
    encoder.finish().unwrap()
}

/// A black PNG file of this side, bits and color type, with a chunk before its pixels.
fn black(side: u32, bits: u8, color: u8, before: &[u8]) -> Vec<u8> {
    let samples = [1, 0, 3, 1, 2, 0, 4][usize::from(color)];
    let row = 1 + u64::from(side) * samples * u64::from(bits) / 8;
    let header = [&side.to_be_bytes()[..], &side.to_be_bytes(), &[bits, color, 0, 0, 0]].concat();
    let pixels = chunk(b"IDAT", &zeros(row * u64::from(side)));
    [&b"\x89PNG\r\n\x1a\n"[..], &chunk(b"IHDR", &header), before, &pixels, &chunk(b"IEND", &[])].concat()
}

fn jpeg(side: u16, progressive: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, 50);
    encoder.set_progressive(progressive);
    encoder.encode(&vec![0; usize::from(side).pow(2)], side, side, ColorType::Luma).unwrap();
    bytes
}

/// A DICOM file of this side with one fragment, explicit VR little endian.
fn dicom(side: u16, syntax: &str, fragment: &[u8]) -> Vec<u8> {
    dicom_of((8, 8), side, syntax, fragment)
}

/// The same with so many bits (allocated, stored).
fn dicom_of((allocated, stored): (u16, u16), side: u16, syntax: &str, fragment: &[u8]) -> Vec<u8> {
    let short = |group: u16, number: u16, vr: &[u8; 2], value: &[u8]| {
        let value = [value, &vec![0; value.len() % 2]].concat();
        let length = (value.len() as u16).to_le_bytes();
        [&group.to_le_bytes()[..], &number.to_le_bytes(), vr, &length, &value].concat()
    };
    let number = |element: u16, value: u16| short(0x28, element, b"US", &value.to_le_bytes());
    let meta = short(2, 0x10, b"UI", syntax.as_bytes());
    let length = fragment.len() + fragment.len() % 2;
    [
        &[0; 128][..],
        b"DICM",
        &short(2, 0, b"UL", &(meta.len() as u32).to_le_bytes()),
        &meta,
        &short(8, 0x18, b"UI", format!("1.2.3.{}", fragment.len()).as_bytes()),
        &number(0x02, 1),
        &short(0x28, 0x04, b"CS", b"MONOCHROME2 "),
        &number(0x10, side),
        &number(0x11, side),
        &number(0x100, allocated),
        &number(0x101, stored),
        &number(0x102, stored - 1),
        &number(0x103, 0),
        b"\xE0\x7F\x10\0OB\0\0\xFF\xFF\xFF\xFF\xFE\xFF\0\xE0\0\0\0\0\xFE\xFF\0\xE0",
        &(length as u32).to_le_bytes(),
        fragment,
        &vec![0; length - fragment.len()],
        b"\xFE\xFF\xDD\xE0\0\0\0\0",
    ]
    .concat()
}

/// RLE of zeros: runs of 128.
fn rle(side: u16) -> Vec<u8> {
    let runs = usize::from(side).pow(2) / 128;
    let mut frame = vec![0; 64];
    (frame[0], frame[4]) = (1, 64);
    frame.extend([129, 0].repeat(runs));
    frame
}

/// A JPEG 2000 codestream of one tile without a code.
fn jpeg_2000(side: u32, tile: u32) -> Vec<u8> {
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
fn jp2(codestream: &[u8]) -> Vec<u8> {
    [b"\0\0\0\x0CjP  \r\n\x87\n\0\0\0\x14ftypjp2 \0\0\0\0jp2 \0\0\0\0jp2c", codestream].concat()
}

/// The same as HTJ2K, by its code-blocks' style.
fn htj2k(side: u32) -> Vec<u8> {
    let mut stream = jpeg_2000(side, side);
    let style = stream.windows(2).position(|pair| pair == [0xFF, 0x52]).unwrap();
    stream[style + 12] = 0x40;
    stream
}

/// A black JPEG of 12 bits: the first block's difference is the lowest, all others are zero, and so is every coefficient.
fn jpeg_12(side: u16) -> Vec<u8> {
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

#[test]
fn no_file_takes_more_than_the_memory_given() {
    let case = Case::new(
        &[("toy", Toy::default())],
        &format!("output.size = [8, 8]\n{POST}\n{}", member("segmenter", "toy", "")),
    );
    let folder = tempfile::tempdir().unwrap();
    let small = png(folder.path(), "small", &noise(1, (8, 8)));
    let baseline = predict(&case.manifest, &[&small]);
    assert_eq!(baseline.code, Some(0), "{}", baseline.stderr);

    let inflates = zeros(600 << 20);
    let text = |kind: &[u8; 4]| chunk(kind, &[&b"name\0\0"[..], &inflates].concat());
    // the name, the bytes, and whether it fits
    let bombs: Vec<(&str, Vec<u8>, bool)> = vec![
        ("rgba16.png", black(8192, 16, 6, &[]), false),
        ("grey.png", black(12_288, 8, 0, &[]), false),
        ("fits.png", black(4096, 8, 0, &[]), true),
        ("fits16.png", black(3072, 16, 6, &[]), true),
        ("profile.png", black(64, 8, 0, &text(b"iCCP")), true),
        ("text.png", black(64, 8, 0, &text(b"zTXt")), true),
        ("sequential.jpg", jpeg(8192, false), false),
        ("progressive.jpg", jpeg(8192, true), false),
        ("progressive-fits.jpg", jpeg(3072, true), true),
        ("rle.dcm", dicom(12_288, uids::RLE_LOSSLESS, &rle(12_288)), false),
        ("rle-fits.dcm", dicom(3072, uids::RLE_LOSSLESS, &rle(3072)), true),
        ("jpeg.dcm", dicom(8192, uids::JPEG_BASELINE8_BIT, &jpeg(8192, false)), false),
        ("jpeg2000.dcm", dicom(8192, uids::JPEG2000, &jpeg_2000(8192, 8192)), false),
        ("jp2.dcm", dicom(8192, uids::JPEG2000, &jp2(&jpeg_2000(8192, 8192))), false),
        ("htj2k.dcm", dicom(8192, uids::HTJ2K, &htj2k(8192)), false),
        ("jpeg12.dcm", dicom_of((16, 12), 8192, uids::JPEG_EXTENDED12_BIT, &jpeg_12(8192)), false),
        ("jpeg12-fits.dcm", dicom_of((16, 12), 3072, uids::JPEG_EXTENDED12_BIT, &jpeg_12(3072)), true),
        ("tiles.dcm", dicom(4096, uids::JPEG2000, &jpeg_2000(4096, 17)), false),
    ];
    let mut all: Vec<PathBuf> = Vec::new();
    for (name, bytes, fits) in bombs {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        check(&case, [&path, &small], fits, baseline.peak);
        all.push(path);
    }
    // a hole of a file, for the most part
    let hole = folder.path().join("hole.png");
    fs::write(&hole, black(64, 8, 0, &[])).unwrap();
    fs::OpenOptions::new().write(true).open(&hole).unwrap().set_len(1 << 30).unwrap();
    check(&case, [&hole, &small], false, baseline.peak);

    // all of them, with what fits twice
    let inputs: Vec<&Path> = all.iter().map(PathBuf::as_path).chain([small.as_path(), &hole]).collect();
    let ran = predict(&case.manifest, &inputs);
    assert_eq!((ran.code, ran.csv.lines().count()), (Some(1), 1 + 8), "{}", ran.stderr);
    assert!(ran.peak <= baseline.peak + MIB, "all: {} MiB, one small image {} MiB", ran.peak, baseline.peak);
}

/// Predicts one file beside a small one: rightly if it fits, and otherwise skipped by name, with the figures and what to do.
fn check(case: &Case, [path, small]: [&Path; 2], fits: bool, baseline: u64) {
    let name = path.file_name().unwrap().to_string_lossy();
    let ran = predict(&case.manifest, &[path, small]);
    assert_eq!(ran.code, Some(i32::from(!fits)), "{name}: {}", ran.stderr);
    if fits {
        // black, where the toy marks nothing
        let row = ran.csv.lines().skip(1).find(|row| !row.starts_with("small,")).unwrap();
        assert!(row.ends_with(",-1") || row.ends_with(','), "{name}: {row}");
        assert_eq!(ran.csv.lines().count(), 3, "{name}: {}", ran.csv);
    } else {
        assert!(ran.stderr.contains(&*name) && ran.stderr.contains("`--memory`"), "{name}: {}", ran.stderr);
    }
    assert!(ran.peak <= baseline + MIB, "{name}: {} MiB, one small image {baseline} MiB", ran.peak);
}
