//! From stored samples to grey values: bits masked, sign extended, colours to luma.

use ndarray::Array2;

use super::error::DicomFault;
use super::header::{Header, Photometric};
use super::lut::Palette;
use super::values::GreyValues;

/// One number for each sample.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Numbers {
    Bytes(Vec<u8>),
    Words(Vec<u16>),
}

impl Numbers {
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Words(words) => words.len(),
        }
    }

    fn get(&self, index: usize) -> u16 {
        match self {
            Self::Bytes(bytes) => bytes[index].into(),
            Self::Words(words) => words[index],
        }
    }

    /// Every bit that some number has.
    pub(super) fn used(&self) -> u16 {
        match self {
            Self::Bytes(bytes) => bytes.iter().fold(0, |all, &byte| all | byte).into(),
            Self::Words(words) => words.iter().fold(0, |all, &word| all | word),
        }
    }

    pub(super) fn into_words(self) -> Vec<u16> {
        match self {
            Self::Bytes(bytes) => widen(&bytes, 8),
            Self::Words(words) => words,
        }
    }
}

/// Samples from a codec or from the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Samples {
    pub(super) numbers: Numbers,
    /// Whether three samples per pixel are ordered by plane, not by pixel.
    pub(super) planar: bool,
    /// The meaning of the samples once decompressed.
    pub(super) photometric: Photometric,
    /// The number of bits stored: the header's, or fewer if the compressed image has fewer.
    pub(super) stored: u32,
    /// The highest of these bits.
    pub(super) high: u32,
}

impl Samples {
    /// Samples of an uncompressed image, as the header describes them.
    pub(super) fn native(header: &Header, bytes: &[u8]) -> Self {
        Self {
            numbers: match header.allocated {
                8 => Numbers::Bytes(bytes.to_vec()),
                allocated => Numbers::Words(widen(bytes, allocated)),
            },
            planar: header.planar,
            photometric: header.photometric,
            stored: header.stored,
            high: header.high,
        }
    }

    /// One value per pixel; `palette` is for PALETTE COLOR.
    ///
    /// The grey of a colour is its luma by ITU-R BT.601, `0.299 R + 0.587 G + 0.114 B`, not rounded: the Y of YBR_FULL.
    pub(super) fn grey(self, header: &Header, palette: Option<&Palette>) -> Result<GreyValues, DicomFault> {
        let pixels = header.pixels();
        let need = if header.samples == 1 { pixels } else { self.needed(pixels) };
        if self.numbers.len() < need {
            return Err(DicomFault::Length { expected: need as u64, actual: self.numbers.len() as u64 });
        }
        let plain = matches!(self.photometric, Photometric::Monochrome1 | Photometric::Monochrome2);
        let lowest_bits = !header.signed && self.high + 1 == self.stored;
        let size = (header.rows, header.cols);
        let broken = |error: ndarray::ShapeError| DicomFault::Codec(error.to_string());
        Ok(match self.numbers {
            Numbers::Bytes(mut bytes) if plain && lowest_bits => {
                let mask = u8::MAX >> (8 - self.stored.min(8));
                bytes.truncate(pixels);
                bytes.iter_mut().for_each(|byte| *byte &= mask);
                GreyValues::Bytes(Array2::from_shape_vec(size, bytes).map_err(broken)?)
            }
            Numbers::Words(mut words) if plain && lowest_bits => {
                let mask = u16::MAX >> (16 - self.stored.min(16));
                words.truncate(pixels);
                words.iter_mut().for_each(|word| *word &= mask);
                GreyValues::Words(Array2::from_shape_vec(size, words).map_err(broken)?)
            }
            _ => GreyValues::Floats(Array2::from_shape_vec(size, self.floats(header, palette)?).map_err(broken)?),
        })
    }

    /// One number per pixel.
    fn floats(&self, header: &Header, palette: Option<&Palette>) -> Result<Vec<f32>, DicomFault> {
        let pixels = header.pixels();
        let value = |index: usize| field(self.numbers.get(index), self.high, self.stored, header.signed);
        let at = |pixel: usize, sample: usize| if self.planar { sample * pixels + pixel } else { 3 * pixel + sample };
        Ok(match (self.photometric, palette) {
            (Photometric::Palette, Some(palette)) => (0..pixels)
                .map(&value)
                .map(|index| luma([&palette.red, &palette.green, &palette.blue].map(|lut| lut.get(index).into())))
                .collect(),
            (Photometric::Palette, None) => return Err(DicomFault::Missing("RedPaletteColorLookupTableData")),
            (Photometric::Monochrome1 | Photometric::Monochrome2, _) => {
                (0..pixels).map(|pixel| value(pixel) as f32).collect()
            }
            (Photometric::Rgb | Photometric::YbrJpeg2000, _) => {
                (0..pixels).map(|pixel| luma([0, 1, 2].map(|sample| value(at(pixel, sample))))).collect()
            }
            (Photometric::YbrFull, _) => (0..pixels).map(|pixel| value(at(pixel, 0)) as f32).collect(),
            // Y Y Cb Cr, for two pixels
            (Photometric::YbrFull422, _) => {
                (0..pixels).map(|pixel| value(4 * (pixel / 2) + pixel % 2) as f32).collect()
            }
        })
    }

    /// Numbers needed for three samples per pixel.
    fn needed(&self, pixels: usize) -> usize {
        if self.photometric == Photometric::YbrFull422 { 4 * (pixels / 2) + pixels % 2 } else { 3 * pixels }
    }
}

/// Bytes as 16-bit words, little endian.
pub(super) fn widen(bytes: &[u8], allocated: u32) -> Vec<u16> {
    if allocated == 8 {
        bytes.iter().map(|&byte| byte.into()).collect()
    } else {
        bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
    }
}

/// The `stored` bits up to bit `high` of a word. Other bits (old overlays, for example) are dropped.
fn field(word: u16, high: u32, stored: u32, signed: bool) -> i32 {
    let bits = (u32::from(word) << (31 - high)) >> (32 - stored);
    if signed { (bits << (32 - stored)).cast_signed() >> (32 - stored) } else { bits.cast_signed() }
}

/// Luma of red, green and blue by ITU-R BT.601; equal parts keep their value exactly.
pub(super) fn luma([red, green, blue]: [i32; 3]) -> f32 {
    (0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_words() {
        assert_eq!(field(0xF0AB, 11, 12, false), 0x0AB);
        assert_eq!(field(0x0FFF, 11, 12, true), -1);
        assert_eq!(field(0x07FF, 11, 12, true), 2047);
        assert_eq!(field(0xABC0, 15, 12, false), 0xABC);
        assert_eq!(field(0x8000, 15, 16, true), -32768);
        assert_eq!(field(0xFFFF, 15, 16, false), 65535);
        assert_eq!(field(0x0080, 7, 8, true), -128);
    }

    #[test]
    fn grey_colours_keep_their_value() {
        for value in 0..=65535 {
            assert_eq!(luma([value; 3]), value as f32);
        }
        assert_eq!(luma([255, 0, 0]), 76.245);
    }
}
