//! The peak memory for decoding a DICOM file's pixel data, from its headers: the decoders' estimated allocation per
//! sample, 16-bit words, and 32-bit grey values.

use super::codestream::{Codestream, Kind};
use super::error::DicomFault;
use super::header::Header;
use super::whole;

/// Tables and rows of a decoder, besides the samples.
const BUFFERS: u64 = 2 << 20;
/// Bytes per sample in OpenJPEG: the tile's coefficients and the image, of 32 bits each, and the buffer for copying
/// between them.
const JPEG2000_SAMPLE: u64 = 10;
/// Bytes per tile and component in OpenJPEG, allocated from the main header on.
const JPEG2000_TILE: u64 = 6 << 10;
const JPEG2000_TILE_COMPONENT: u64 = 2 << 10;
/// Bytes per code-block in OpenJPEG, with its share of precincts and tag trees.
const JPEG2000_BLOCK: u64 = 600;

fn pixels(header: &Header) -> u64 {
    header.pixels() as u64
}

fn samples(header: &Header) -> u64 {
    pixels(header) * header.samples as u64
}

/// Grey values and the words from which they are made.
fn grey(header: &Header) -> u64 {
    4 * pixels(header) + 2 * samples(header)
}

/// Bytes for uncompressed pixel data, which are copied once more.
pub(super) fn native(header: &Header) -> u64 {
    grey(header).max(header.native_bytes() as u64 + 2 * samples(header)) + header.native_bytes() as u64
}

/// Bytes for RLE: a plane of bytes in addition to the words.
pub(super) fn rle(header: &Header) -> u64 {
    grey(header) + pixels(header)
}

/// Bytes for JPEG in all its kinds; the stream's size must be the header's.
///
/// # Errors
/// If a JPEG 2000 codestream is truncated or damaged.
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
    // a block at the edge of a tile and resolution is smaller
    let pieces = 2 * samples / blocks.smallest.max(1) + blocks.tiles * components * 32;
    let tiles = blocks.tiles * (JPEG2000_TILE + components * JPEG2000_TILE_COMPONENT);
    Ok(JPEG2000_SAMPLE * samples + tiles + JPEG2000_BLOCK * pieces)
}
