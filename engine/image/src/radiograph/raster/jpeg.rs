//! JPEG files.

use ndarray::Array2;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

use super::{Claim, Colours, Failure, MAX_SIDE, Picture};
use crate::Size;
use crate::radiograph::limits::DecodeLimits;
use crate::radiograph::values::GreyValues;
use crate::radiograph::whole;

type Decoder<'a> = JpegDecoder<ZCursor<&'a [u8]>>;

/// Memory of the decoder besides the picture: rows of blocks, tables.
const BUFFERS: u64 = 2 << 20;
/// Bytes that the decoder holds per pixel of a row: sixteen lines of four components of 16 bits, upsampled too.
const ROW: u64 = 512;

/// A decoder that has read the headers, and outputs grey or red, green and blue.
fn open(bytes: &[u8]) -> Result<Decoder<'_>, Failure> {
    let options = DecoderOptions::default().set_strict_mode(false);
    let options = options.set_max_width(MAX_SIDE as usize).set_max_height(MAX_SIDE as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|error| Failure::Broken(error.to_string()))?;
    let wanted = match decoder.input_colorspace() {
        Some(ColorSpace::Luma) => ColorSpace::Luma,
        _ => ColorSpace::RGB,
    };
    decoder.set_options(options.jpeg_set_out_colorspace(wanted));
    Ok(decoder)
}

/// Reads the headers.
pub(super) fn header(bytes: &[u8]) -> Result<Claim, Failure> {
    claim(&open(bytes)?, bytes)
}

fn claim(decoder: &Decoder<'_>, bytes: &[u8]) -> Result<Claim, Failure> {
    let missing = || Failure::Broken("the header has no size".into());
    let (width, height) = decoder.dimensions().ok_or_else(missing)?;
    let components = decoder.input_colorspace().ok_or_else(missing)?.num_components() as u64;
    let pixels = (width.next_multiple_of(32) * height.next_multiple_of(32)) as u64;
    let colors = decoder.output_colorspace().map_or(3, |space| space.num_components()) as u64;
    // With several scans all coefficients are kept, of 16 bits, plus a bit for each while the codes are checked.
    let coefficients = if whole::in_several_scans(bytes) { 2 * components * pixels } else { 0 };
    Ok(Claim {
        size: Size::new(height, width),
        bits: 8,
        bytes: colors * pixels + coefficients.max(4 * pixels) + ROW * width as u64 + BUFFERS + bytes.len() as u64,
    })
}

/// Decodes the picture, whose claim has been checked.
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Picture, Failure> {
    let mut decoder = open(bytes)?;
    let claim = claim(&decoder, bytes)?;
    limits.check(claim.bytes)?;
    whole::jpeg(bytes).map_err(|fault| Failure::Broken(fault.to_string()))?;
    let samples = decoder.decode().map_err(|error| Failure::Broken(error.to_string()))?;
    let grey = samples.len() == claim.size.area();
    let broken = |error: ndarray::ShapeError| Failure::Broken(error.to_string());
    let colours = Colours::default();
    let values = if grey {
        GreyValues::Bytes(Array2::from_shape_vec(claim.size, samples).map_err(broken)?)
    } else {
        let luma = |rgb: &[u8]| colours.luma_on_black([rgb[0], rgb[1], rgb[2]].map(i32::from), 255, 255);
        let luma = samples.chunks_exact(3).map(luma).collect();
        GreyValues::Floats(Array2::from_shape_vec(claim.size, luma).map_err(broken)?)
    };
    Ok(Picture { values, white: 255.0, coloured: colours.share(claim.size) })
}
