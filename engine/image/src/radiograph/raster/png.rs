//! PNG files, row by row: colour profiles and texts are ignored, and rows are kept only as grey.

use std::io::Cursor;

use ndarray::Array2;
use png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Reader, Transformations};

use super::{Claim, Colours, Failure, MAX_SIDE, Picture};
use crate::Size;
use crate::radiograph::limits::DecodeLimits;
use crate::radiograph::values::GreyValues;

/// Memory of the decoder besides rows: its windows on the compressed and the inflated data.
const BUFFERS: u64 = 1 << 20;
/// Rows that the decoder holds.
const ROWS: u64 = 16;

impl From<DecodingError> for Failure {
    fn from(error: DecodingError) -> Self {
        match error {
            DecodingError::IoError(_) => Self::Broken("the image is cut off: it ends before IEND".into()),
            error => Self::Broken(error.to_string()),
        }
    }
}

fn decoder(bytes: &[u8]) -> Decoder<Cursor<&[u8]>> {
    // no chunk is longer than the file, and chunks that inflate to more are ignored
    let limits = Limits { bytes: bytes.len() + (64 << 20) };
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_ignore_text_chunk(true);
    // bits to bytes, palettes to colours, a transparent colour to an alpha channel
    decoder.set_transformations(Transformations::EXPAND);
    decoder
}

/// Reads the header.
pub(super) fn header(bytes: &[u8]) -> Result<Claim, Failure> {
    let mut decoder = decoder(bytes);
    let info = decoder.read_header_info()?;
    let (width, height) = info.size();
    if width > MAX_SIDE || height > MAX_SIDE {
        return Err(Failure::too_wide(width, height));
    }
    let pixels = u64::from(width) * u64::from(height);
    let row = 8 * u64::from(width);
    Ok(Claim {
        size: Size::new(height as usize, width as usize),
        // as `EXPAND` outputs them
        bits: (info.bit_depth as u32).max(8),
        // chunks are collected before they are discarded
        bytes: 4 * pixels + ROWS * row + BUFFERS + bytes.len() as u64,
    })
}

/// Decodes the picture, whose claim has been checked.
pub(super) fn decode(bytes: &[u8], limits: DecodeLimits) -> Result<Picture, Failure> {
    let claim = header(bytes)?;
    limits.check(claim.bytes)?;
    let mut reader = decoder(bytes).read_info()?;
    let frame = reader.info().frame_control.map(|frame| Size::new(frame.height as usize, frame.width as usize));
    if frame.is_some_and(|size| size != claim.size) {
        return Err(Failure::Broken("the first frame does not cover the whole picture".into()));
    }
    let (color, depth) = reader.output_color_type();
    let deep = depth == BitDepth::Sixteen;
    let colours = Colours::default();
    let values = match (color, deep) {
        (ColorType::Grayscale, false) => GreyValues::Bytes(rows(&mut reader, claim.size, |pixel| pixel[0])?),
        (ColorType::Grayscale, true) => GreyValues::Words(rows(&mut reader, claim.size, |pixel| word(pixel, 0))?),
        (_, false) => {
            GreyValues::Floats(rows(&mut reader, claim.size, |pixel| grey(&colours, color, |n| pixel[n].into(), 255))?)
        }
        (_, true) => GreyValues::Floats(rows(&mut reader, claim.size, |pixel| {
            grey(&colours, color, |n| word(pixel, n).into(), 65535)
        })?),
    };
    reader.finish()?;
    Ok(Picture { values, white: if deep { 65535.0 } else { 255.0 }, coloured: colours.share(claim.size) })
}

/// Reads all rows; `value` is that of a pixel's bytes.
fn rows<T: Clone + Default>(
    reader: &mut Reader<Cursor<&[u8]>>,
    size: Size,
    value: impl Fn(&[u8]) -> T,
) -> Result<Array2<T>, Failure> {
    let (color, depth) = reader.output_color_type();
    let too_large = || Failure::Broken("a row is too large".into());
    let mut values = Array2::from_elem(size, T::default());
    let mut row = vec![0; reader.output_line_size(reader.info().width).ok_or_else(too_large)?];
    let pixel = color.samples() * if depth == BitDepth::Sixteen { 2 } else { 1 };
    for (line, first, step) in places(size, reader.info().interlaced) {
        reader.read_row(&mut row)?;
        let into = values.row_mut(line).into_iter().skip(first).step_by(step);
        into.zip(row.chunks_exact(pixel)).for_each(|(into, pixel)| *into = value(pixel));
    }
    Ok(values)
}

/// A sample of 16 bits.
fn word(pixel: &[u8], sample: usize) -> u16 {
    u16::from_be_bytes([pixel[2 * sample], pixel[2 * sample + 1]])
}

/// The destination of each row's pixels: the line, the first column, and the column step.
pub(super) fn places(Size { height, width }: Size, interlaced: bool) -> impl Iterator<Item = (usize, usize, usize)> {
    // for each pass the first line and column, and the steps of both (PNG, 8.2); a pass without columns has no rows
    const PASSES: [[usize; 4]; 7] =
        [[0, 0, 8, 8], [0, 4, 8, 8], [4, 0, 8, 4], [0, 2, 4, 4], [2, 0, 4, 2], [0, 1, 2, 2], [1, 0, 2, 1]];
    let passes: &[[usize; 4]] = if interlaced { &PASSES } else { &[[0, 0, 1, 1]] };
    let rows = move |&[top, left, down, across]: &[usize; 4]| {
        (top..height).step_by(down).map(move |line| (line, left, across))
    };
    passes.iter().filter(move |pass| pass[1] < width).flat_map(rows)
}

/// The grey value of a pixel: its own, or its colours' luma, blended with black by transparency.
fn grey(colours: &Colours, color: ColorType, sample: impl Fn(usize) -> i32, opaque: i32) -> f32 {
    match color {
        ColorType::Grayscale | ColorType::Indexed => sample(0) as f32,
        ColorType::GrayscaleAlpha => colours.luma_on_black([sample(0); 3], sample(1), opaque),
        ColorType::Rgb => colours.luma_on_black([sample(0), sample(1), sample(2)], opaque, opaque),
        ColorType::Rgba => colours.luma_on_black([sample(0), sample(1), sample(2)], sample(3), opaque),
    }
}
