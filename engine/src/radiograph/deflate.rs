//! Inflates a deflated data set, to no more than its image needs.

use std::io::Read;

use flate2::read::DeflateDecoder;

use dicom_dictionary_std::tags;

use super::attributes::Attributes;
use super::element::{Cursor, Encoding};
use super::error::DicomFault;
use super::header::Header;
use super::limits::DecodeLimits;
use super::walk::Walk;

/// Bytes beside the pixels that any data set may have: lookup tables, overlays, private elements.
const BESIDE: usize = 16 << 20;
/// And as many more for a byte of the file.
const BESIDE_RATIO: usize = 8;
/// Deflate makes no byte into more than this.
const MAX_RATIO: usize = 1032;
/// How much is inflated before the first look for the header.
const FIRST: usize = 1 << 16;

/// Inflates a data set.
///
/// # Errors
/// Where the stream is broken, or holds more than the pixels that the data set's own header claims and what may be
/// beside them, or more than `limits` allow.
pub(super) fn inflate(deflated: &[u8], encoding: Encoding, limits: DecodeLimits) -> Result<Vec<u8>, DicomFault> {
    let beside = BESIDE + BESIDE_RATIO * deflated.len();
    let mut stream = DeflateDecoder::new(deflated);
    let mut inflated = Vec::new();
    let mut pixels = None;
    loop {
        if pixels.is_none() {
            pixels = claimed(&inflated, encoding)?;
            limits.check(pixels.unwrap_or(0) as u64)?;
            let expected = pixels.unwrap_or(0).min(MAX_RATIO * deflated.len());
            inflated.try_reserve_exact(expected).map_err(|error| DicomFault::Codec(error.to_string()))?;
        }
        let limit = pixels.unwrap_or(0) + beside;
        let step = inflated.len().max(FIRST).min(limit + 1 - inflated.len());
        let read = (&mut stream).take(step as u64).read_to_end(&mut inflated);
        if read.map_err(|error| DicomFault::Parse(format!("cannot inflate: {error}")))? == 0 {
            return Ok(inflated);
        }
        limits.check(inflated.len() as u64)?;
        if inflated.len() > limit {
            return Err(DicomFault::Parse(match pixels {
                Some(pixels) => format!("more than {limit} bytes when inflated, of which the image claims {pixels}"),
                None => format!("more than {limit} bytes when inflated, and no pixel data among them"),
            }));
        }
    }
}

/// Inflates a data set as far as its pixel data, and somewhat further; what has no pixel data, to its end.
///
/// # Errors
/// Where the stream is broken, or what is before the pixel data takes more than any data set's does.
pub(super) fn inflate_before_pixels(deflated: &[u8], encoding: Encoding) -> Result<Vec<u8>, DicomFault> {
    let limit = BESIDE + BESIDE_RATIO * deflated.len();
    let mut stream = DeflateDecoder::new(deflated);
    let mut inflated = Vec::new();
    loop {
        let step = inflated.len().max(FIRST) as u64;
        let read = (&mut stream).take(step).read_to_end(&mut inflated);
        let read = read.map_err(|error| DicomFault::Parse(format!("cannot inflate: {error}")))?;
        if read == 0 || before_pixels(&inflated, encoding).is_some() {
            return Ok(inflated);
        }
        if inflated.len() > limit {
            return Err(DicomFault::Parse(format!(
                "more than {limit} bytes when inflated, and no pixel data among them"
            )));
        }
    }
}

/// The bytes that the image takes, by the attributes before its pixels; none where these are not all inflated yet.
fn claimed(inflated: &[u8], encoding: Encoding) -> Result<Option<usize>, DicomFault> {
    let attributes = before_pixels(inflated, encoding);
    attributes.map(|attributes| Ok(Header::read(&attributes)?.native_bytes())).transpose()
}

/// The attributes before the pixel data; none where not all of them are inflated yet.
fn before_pixels(inflated: &[u8], encoding: Encoding) -> Option<Attributes<'_>> {
    let mut cursor = Cursor { rest: inflated, encoding };
    let attributes = Walk::default().until(&mut cursor, |tag| tag >= tags::PIXEL_DATA).ok()?;
    (!cursor.rest.is_empty()).then_some(attributes)
}
