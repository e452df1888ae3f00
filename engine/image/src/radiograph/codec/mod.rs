//! From the pixel data element to samples, for every supported transfer syntax.
//!
//! The decoders are those of `dicom-pixeldata`, except JPEG Lossless, which is decoded here, and 12-bit JPEG, which
//! libjpeg-turbo decodes. They are called directly, not through its adapters, because those trust the header: an image
//! smaller than claimed is padded with black, a larger one panics, a JPEG of fewer bits is misread, and colours are
//! converted by guess. Here a compressed image must match the header before it is decoded.

mod compressed;
mod jp2;
mod jpeg;
#[cfg(feature = "jpeg-12")]
mod jpeg12;
#[cfg(not(feature = "jpeg-12"))]
#[path = "without_jpeg12.rs"]
mod jpeg12;
#[cfg(feature = "jpeg-ls")]
mod jpeg_ls;
#[cfg(not(feature = "jpeg-ls"))]
#[path = "without_jpeg_ls.rs"]
mod jpeg_ls;

use std::borrow::Cow;

use dicom_dictionary_std::{tags, uids};

use super::attributes::Attributes;
use super::dataset;
use super::encoded::{Dataset, EXPLICIT_VR_BIG_ENDIAN};
use super::error::DicomFault;
use super::header::{Header, Photometric};
use super::limits::DecodeLimits;
use super::samples::{Numbers, Samples};
use super::{cost, packbits};
use compressed::compressed;

/// Images of more bytes than this may be compressed by at most `MAX_RATIO`.
const LARGE: usize = 64 << 20;
/// Far above any radiograph's ratio; a broken header's claim is above it.
const MAX_RATIO: usize = 1000;

/// Decodes the pixel data of a single frame. Harmless faults are added to `remarks`.
///
/// # Errors
/// If they are missing, do not match the header, or have an unsupported syntax or format.
pub(super) fn decode(
    dataset: &Dataset,
    header: &Header,
    limits: DecodeLimits,
    remarks: &mut Vec<String>,
) -> Result<Samples, DicomFault> {
    match dataset.syntax.as_str() {
        uids::IMPLICIT_VR_LITTLE_ENDIAN
        | uids::EXPLICIT_VR_LITTLE_ENDIAN
        | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
        | EXPLICIT_VR_BIG_ENDIAN => {
            limits.check(cost::native(header))?;
            remarks.extend(padding(&dataset.attributes, header));
            native(&dataset.attributes, header)
        }
        uids::RLE_LOSSLESS => {
            limits.check(cost::rle(header))?;
            rle(&frame(&dataset.attributes, header)?, header)
        }
        uids::JPEG_BASELINE8_BIT
        | uids::JPEG_EXTENDED12_BIT
        | uids::JPEG_LOSSLESS
        | uids::JPEG_LOSSLESS_SV1
        | uids::JPEGLS_LOSSLESS
        | uids::JPEGLS_NEAR_LOSSLESS
        | uids::JPEG2000_LOSSLESS
        | uids::JPEG2000
        | uids::HTJ2K_LOSSLESS
        | uids::HTJ2K_LOSSLESS_RPCL
        | uids::HTJ2K => compressed(&dataset.syntax, &frame(&dataset.attributes, header)?, header, limits, remarks),
        _ => Err(DicomFault::Unsupported("this transfer syntax".into())),
    }
}

/// Uncompressed pixel data. Padding may follow (PS3.5 8.1.1), but not as many bytes as another image would take: then
/// the header does not describe this image.
fn native(attributes: &Attributes, header: &Header) -> Result<Samples, DicomFault> {
    let bytes = dataset::samples(attributes, header.allocated).ok_or_else(|| no_pixels(attributes))?;
    let expected = header.native_bytes();
    match bytes.get(..expected) {
        Some(image) if bytes.len() < 2 * expected || bytes.len() == expected.next_multiple_of(2) => {
            Ok(Samples::native(header, image))
        }
        _ => Err(DicomFault::Length { expected: expected as u64, actual: bytes.len() as u64 }),
    }
}

/// A remark on bytes after an uncompressed image, other than one that makes the length even.
fn padding(attributes: &Attributes, header: &Header) -> Option<String> {
    let padding =
        dataset::attribute(attributes, tags::PIXEL_DATA)?.bytes()?.len().checked_sub(header.native_bytes())?;
    (padding > 1).then(|| format!("ignoring {padding} bytes after the pixels"))
}

fn no_pixels(attributes: &Attributes) -> DicomFault {
    if attributes.get(tags::FLOAT_PIXEL_DATA).is_some() || attributes.get(tags::DOUBLE_FLOAT_PIXEL_DATA).is_some() {
        DicomFault::Unsupported("floating-point pixel data".into())
    } else if dataset::frame(attributes).is_some() {
        DicomFault::Codec("the pixel data are compressed, but the transfer syntax is uncompressed".into())
    } else {
        DicomFault::Missing("PixelData")
    }
}

/// The single frame's bytes, which may be split into several fragments.
fn frame<'a>(attributes: &Attributes<'a>, header: &Header) -> Result<Cow<'a, [u8]>, DicomFault> {
    if attributes.get(tags::PIXEL_DATA).is_none() {
        return Err(no_pixels(attributes));
    }
    let frame = dataset::frame(attributes).ok_or_else(|| {
        DicomFault::Codec("expected compressed pixel data (by the transfer syntax), found uncompressed ones".into())
    })?;
    if header.native_bytes() > LARGE && header.native_bytes() / MAX_RATIO > frame.len() {
        return Err(DicomFault::Codec(format!(
            "{} bytes for an image of {} bytes: no radiograph is compressed that well",
            frame.len(),
            header.native_bytes()
        )));
    }
    Ok(frame)
}

fn rle(frame: &[u8], header: &Header) -> Result<Samples, DicomFault> {
    if header.photometric == Photometric::YbrFull422 {
        return Err(DicomFault::Unsupported("YBR_FULL_422 in RLE".into()));
    }
    let words =
        packbits::decode(frame, header.pixels(), header.samples, header.allocated).map_err(DicomFault::Codec)?;
    let Header { photometric, stored, high, .. } = *header;
    Ok(Samples { numbers: Numbers::Words(words), planar: true, photometric, stored, high })
}
