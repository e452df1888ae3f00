//! Inflates a deflated data set, to no more than its image needs.

use std::io::Read;

use flate2::read::DeflateDecoder;

use dicom_dictionary_std::tags;

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

/// The bytes that the image takes, by the attributes before its pixels; none where these are not all inflated yet.
fn claimed(inflated: &[u8], encoding: Encoding) -> Result<Option<usize>, DicomFault> {
    let mut cursor = Cursor { rest: inflated, encoding };
    match Walk::default().until(&mut cursor, |tag| tag >= tags::PIXEL_DATA) {
        Ok(attributes) if !cursor.rest.is_empty() => Ok(Some(Header::read(&attributes)?.native_bytes())),
        _ => Ok(None),
    }
}
