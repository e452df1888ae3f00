//! Inflates a deflated data set, no further than needed.

use std::io::Read;

use flate2::read::DeflateDecoder;

use dicom_dictionary_std::tags;

use super::attributes::Attributes;
use super::element::{Cursor, Encoding};
use super::error::DicomFault;
use super::header::Header;
use super::limits::Extent;
use super::walk::Walk;

/// Bytes besides the pixels that any data set may have: lookup tables, overlays, private elements.
const BESIDE: usize = 16 << 20;
/// Additional bytes besides the pixels, per byte of the file.
const BESIDE_RATIO: usize = 8;
/// The largest compression ratio of Deflate.
const MAX_RATIO: usize = 1032;
/// Bytes that are inflated before the first search for the header.
const FIRST: usize = 1 << 16;

/// Inflates a data set. With [`Extent::BeforePixels`], up to somewhat past the start of its pixel data, or to its end
/// if it has none.
///
/// # Errors
/// If the stream is broken, or is longer than the pixels that the data set's own header claims plus the allowance
/// besides them, or than the extent's limits.
pub(super) fn inflate(deflated: &[u8], encoding: Encoding, extent: Extent) -> Result<Vec<u8>, DicomFault> {
    let beside = BESIDE + BESIDE_RATIO * deflated.len();
    let mut stream = DeflateDecoder::new(deflated);
    let mut inflated = Vec::new();
    let mut pixels = None;
    loop {
        if pixels.is_none()
            && let Some(attributes) = before_pixels(&inflated, encoding)
        {
            let Extent::Whole(limits) = extent else { return Ok(inflated) };
            let claimed = Header::read(&attributes)?.native_bytes();
            limits.check(claimed as u64)?;
            let reserved = inflated.try_reserve_exact(claimed.min(MAX_RATIO * deflated.len()));
            reserved.map_err(|error| DicomFault::Codec(error.to_string()))?;
            pixels = Some(claimed);
        }
        let limit = pixels.unwrap_or(0) + beside;
        let step = inflated.len().max(FIRST).min(limit + 1 - inflated.len());
        let read = (&mut stream).take(step as u64).read_to_end(&mut inflated);
        if read.map_err(|error| DicomFault::Parse(format!("cannot inflate: {error}")))? == 0 {
            return Ok(inflated);
        }
        if let Extent::Whole(limits) = extent {
            limits.check(inflated.len() as u64)?;
        }
        if inflated.len() > limit {
            return Err(DicomFault::Parse(match pixels {
                Some(pixels) => format!("more than {limit} bytes when inflated, but the image has {pixels}"),
                None => format!("more than {limit} bytes when inflated, without pixel data"),
            }));
        }
    }
}

/// The attributes before the pixel data; `None` if they are not all inflated yet.
fn before_pixels(inflated: &[u8], encoding: Encoding) -> Option<Attributes<'_>> {
    let mut cursor = Cursor { rest: inflated, encoding };
    let attributes = Walk::default().until(&mut cursor, |tag| tag >= tags::PIXEL_DATA).ok()?;
    (!cursor.rest.is_empty()).then_some(attributes)
}
