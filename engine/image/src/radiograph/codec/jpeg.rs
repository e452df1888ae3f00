//! Lossy JPEG of 8 bits (`jpeg-decoder`) and 12 bits (libjpeg-turbo), and JPEG Lossless.

use jpeg_decoder::{ColorTransform, Decoder};

use super::super::codestream::Codestream;
use super::super::error::DicomFault;
use super::super::jpeg_lossless;
use super::super::samples::widen;
use super::jpeg12;
use crate::Size;

/// Samples interleaved by pixel, with the stream's colours. `sof` is the start-of-frame marker.
///
/// # Errors
/// If the process is not supported, or the stream is broken.
pub(super) fn decode(
    frame: &[u8],
    sof: u8,
    stream: &Codestream,
    remarks: &mut Vec<String>,
) -> Result<Vec<u16>, DicomFault> {
    match (sof, stream.bits) {
        (0xC3, _) => jpeg_lossless::decode(frame).map_err(DicomFault::Codec),
        (0xC0..=0xC2, 8) => of_8_bits(frame, stream),
        (0xC1..=0xC2, 12) if stream.components == 1 => {
            jpeg12::decode(frame, Size::new(stream.rows, stream.cols), remarks).map_err(DicomFault::Codec)
        }
        (0xC0..=0xC2, 12) => Err(DicomFault::Unsupported("12-bit colour JPEG".into())),
        (0xC0..=0xC2, bits) => Err(DicomFault::Unsupported(format!("lossy JPEG of {bits} bits"))),
        _ => Err(DicomFault::Unsupported(format!("JPEG process 0x{sof:X}"))),
    }
}

fn of_8_bits(frame: &[u8], stream: &Codestream) -> Result<Vec<u16>, DicomFault> {
    let mut decoder = Decoder::new(frame);
    if stream.components == 3 {
        // interleaved without conversion: `None` would leave planes within each line
        decoder.set_color_transform(ColorTransform::RGB);
    }
    let bytes = decoder.decode().map_err(|error| DicomFault::Codec(error.to_string()))?;
    Ok(widen(&bytes, 8))
}
