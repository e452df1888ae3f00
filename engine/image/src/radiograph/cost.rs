//! What decoding a DICOM file's pixel data takes at its peak, by the headers: what the decoders allocate for a sample,
//! by estimate, words of 16 bits, and grey values of 32.

use super::codestream::{Codestream, Kind};
use super::error::DicomFault;
use super::header::Header;
use super::whole;

/// Tables and rows that a decoder holds besides the samples.
const BUFFERS: u64 = 2 << 20;
/// Bytes that OpenJPEG holds for a sample: the tile's coefficients and the image, of 32 bits each, and what it needs to
/// move the one into the other.
const JPEG2000_SAMPLE: u64 = 10;
/// Bytes that OpenJPEG holds for a tile and each of its components, from the main header on.
const JPEG2000_TILE: u64 = 6 << 10;
const JPEG2000_TILE_COMPONENT: u64 = 2 << 10;
/// Bytes that OpenJPEG holds for a code-block and its share of precincts and tag trees.
const JPEG2000_BLOCK: u64 = 600;

fn pixels(header: &Header) -> u64 {
    header.pixels() as u64
}

fn samples(header: &Header) -> u64 {
    pixels(header) * header.samples as u64
}

/// Grey values, and the words that they are made of.
fn grey(header: &Header) -> u64 {
    4 * pixels(header) + 2 * samples(header)
}

/// Of pixel data that are not compressed: the bytes are copied once more.
pub(super) fn native(header: &Header) -> u64 {
    grey(header).max(header.native_bytes() as u64 + 2 * samples(header)) + header.native_bytes() as u64
}

/// Of RLE: a plane of bytes besides the words.
pub(super) fn rle(header: &Header) -> u64 {
    grey(header) + pixels(header)
}

/// Of JPEG in all its kinds; the stream's size is the header's.
///
/// # Errors
/// Where a JPEG 2000 codestream is cut off or damaged.
pub(super) fn compressed(header: &Header, stream: &Codestream, frame: &[u8]) -> Result<u64, DicomFault> {
    let samples = samples(header);
    let decoder = match stream.kind {
        // each component's plane, then all interleaved
        Kind::Jpeg { sof: 0xC3, .. } => 6 * samples,
        Kind::Jpeg { .. } if whole::in_several_scans(frame) => 4 * samples,
        Kind::Jpeg { .. } => 2 * samples,
        Kind::JpegLs { .. } => 2 * samples,
        Kind::Jpeg2000 { .. } => jpeg2000(samples, stream.components as u64, frame)?,
    };
    let decoded = decoder + 2 * samples;
    Ok(decoded.max(grey(header)) + BUFFERS + 2 * frame.len() as u64)
}

fn jpeg2000(samples: u64, components: u64, frame: &[u8]) -> Result<u64, DicomFault> {
    let blocks = whole::jpeg2000(frame)?;
    // a block at the edge of each tile and resolution is smaller
    let pieces = 2 * samples / blocks.smallest.max(1) + blocks.tiles * components * 32;
    let tiles = blocks.tiles * (JPEG2000_TILE + components * JPEG2000_TILE_COMPONENT);
    Ok(JPEG2000_SAMPLE * samples + tiles + JPEG2000_BLOCK * pieces)
}
