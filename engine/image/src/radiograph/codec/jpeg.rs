//! Lossy JPEG of 8 bits (grey by `zune-jpeg`, as JPEG files; colours by `jpeg-decoder`) and 12 bits (libjpeg-turbo), and
//! JPEG Lossless.

use jpeg_decoder::{ColorTransform, Decoder};
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::super::codestream::Codestream;
use super::super::error::DicomFault;
use super::super::jpeg_lossless;
use super::super::samples::Numbers;
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
) -> Result<Numbers, DicomFault> {
    match (sof, stream.bits) {
        (0xC3, _) => jpeg_lossless::decode(frame).map(Numbers::Words).map_err(DicomFault::Codec),
        (0xC0..=0xC2, 8) if stream.components == 1 => grey_of_8_bits(frame, stream),
        (0xC0..=0xC2, 8) => of_8_bits(frame, stream),
        (0xC1..=0xC2, 12) if stream.components == 1 => {
            let words = jpeg12::decode(frame, Size::new(stream.rows, stream.cols), remarks);
            words.map(Numbers::Words).map_err(DicomFault::Codec)
        }
        (0xC0..=0xC2, 12) => Err(DicomFault::Unsupported("12-bit colour JPEG".into())),
        (0xC0..=0xC2, bits) => Err(DicomFault::Unsupported(format!("lossy JPEG of {bits} bits"))),
        _ => Err(DicomFault::Unsupported(format!("JPEG process 0x{sof:X}"))),
    }
}

fn grey_of_8_bits(frame: &[u8], stream: &Codestream) -> Result<Numbers, DicomFault> {
    let options = DecoderOptions::default().set_strict_mode(false).jpeg_set_out_colorspace(ColorSpace::Luma);
    let options = options.set_max_width(stream.cols).set_max_height(stream.rows);
    let bytes = JpegDecoder::new_with_options(ZCursor::new(frame), options).decode();
    bytes.map(Numbers::Bytes).map_err(|error| DicomFault::Codec(error.to_string()))
}

fn of_8_bits(frame: &[u8], stream: &Codestream) -> Result<Numbers, DicomFault> {
    let mut decoder = Decoder::new(frame);
    if stream.components == 3 {
        // interleaved without conversion: `None` would leave planes within each line
        decoder.set_color_transform(ColorTransform::RGB);
    }
    let bytes = decoder.decode().map_err(|error| DicomFault::Codec(error.to_string()))?;
    Ok(Numbers::Bytes(bytes))
}
