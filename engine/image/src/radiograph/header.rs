//! The attributes that describe how samples are stored: size, bits, sign, photometric interpretation.

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::attributes::Attributes;
use super::dataset;
use super::error::DicomFault;

/// The largest height or width, in pixels. No detector comes close; a header that claims more is broken.
const MAX_SIDE: u32 = 16_384;

/// The meaning of a pixel's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Photometric {
    /// One sample, the lowest being white.
    Monochrome1,
    /// One sample, the lowest being black.
    Monochrome2,
    /// One sample, an index into three tables.
    Palette,
    /// Red, green, blue.
    Rgb,
    /// Luma and two chroma samples for every pixel.
    YbrFull,
    /// As `YbrFull`, with chroma shared by two pixels: `Y Y Cb Cr` if uncompressed.
    YbrFull422,
    /// JPEG 2000's transforms of red, green, blue, which its decoder reverts.
    YbrJpeg2000,
}

/// How the samples of an image are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Samples per pixel: 1 or 3.
    pub(super) samples: usize,
    /// Bits allocated: 8 or 16.
    pub(super) allocated: u32,
    /// Bits stored, at most those allocated.
    pub(super) stored: u32,
    /// The highest bit stored.
    pub(super) high: u32,
    /// Whether samples are two's complement.
    pub(super) signed: bool,
    pub(super) photometric: Photometric,
    /// Whether uncompressed samples are ordered by plane (`RRR GGG BBB`), not by pixel.
    pub(super) planar: bool,
}

impl Header {
    /// Reads and checks the attributes.
    pub(super) fn read(attributes: &Attributes) -> Result<Self, DicomFault> {
        single_frame(attributes)?;
        let photometric = photometric(attributes)?;
        let allocated = required(attributes, (tags::BITS_ALLOCATED, "BitsAllocated"))?;
        let stored = required(attributes, (tags::BITS_STORED, "BitsStored"))?;
        let header = Self {
            rows: side(attributes, (tags::ROWS, "Rows"))?,
            cols: side(attributes, (tags::COLUMNS, "Columns"))?,
            samples: required(attributes, (tags::SAMPLES_PER_PIXEL, "SamplesPerPixel"))? as usize,
            allocated,
            stored,
            high: dataset::integer(attributes, (tags::HIGH_BIT, "HighBit"))?.unwrap_or(stored.saturating_sub(1)),
            signed: required(attributes, (tags::PIXEL_REPRESENTATION, "PixelRepresentation"))? == 1,
            photometric,
            planar: dataset::integer(attributes, (tags::PLANAR_CONFIGURATION, "PlanarConfiguration"))? == Some(1),
        };
        header.check()?;
        Ok(header)
    }

    fn check(&self) -> Result<(), DicomFault> {
        if !matches!(self.allocated, 8 | 16) {
            return Err(DicomFault::Unsupported(format!("BitsAllocated of {} (8 and 16 are)", self.allocated)));
        }
        if self.stored == 0 || self.stored > self.allocated {
            let reason = format!("between 1 and BitsAllocated ({})", self.allocated);
            return Err(DicomFault::invalid("BitsStored", self.stored, reason));
        }
        if self.high + 1 < self.stored || self.high >= self.allocated {
            let reason =
                format!("expected the high bit of {} stored bits in {} allocated bits", self.stored, self.allocated);
            return Err(DicomFault::invalid("HighBit", self.high, reason));
        }
        let needed = if self.is_color() { 3 } else { 1 };
        if self.samples != needed {
            let reason = format!("expected {needed} for {:?}", self.photometric);
            return Err(DicomFault::invalid("SamplesPerPixel", self.samples, reason));
        }
        if self.is_color() && self.signed {
            return Err(DicomFault::invalid("PixelRepresentation", 1, "expected 0 (unsigned) for colours"));
        }
        Ok(())
    }

    /// Whether a pixel has three samples.
    pub(super) fn is_color(&self) -> bool {
        use Photometric::{Rgb, YbrFull, YbrFull422, YbrJpeg2000};
        matches!(self.photometric, Rgb | YbrFull | YbrFull422 | YbrJpeg2000)
    }

    /// The number of pixels.
    pub(super) fn pixels(&self) -> usize {
        self.rows * self.cols
    }

    /// The number of bytes of the uncompressed image.
    pub(super) fn native_bytes(&self) -> usize {
        let samples = match self.photometric {
            Photometric::YbrFull422 => 2 * self.pixels(),
            _ => self.samples * self.pixels(),
        };
        samples * (self.allocated as usize / 8)
    }

    /// The lowest and the highest value that the stored bits can hold.
    pub(super) fn stored_range(&self) -> (i32, i32) {
        if self.signed {
            (-(1 << (self.stored - 1)), (1 << (self.stored - 1)) - 1)
        } else {
            (0, (1 << self.stored) - 1)
        }
    }
}

fn required(attributes: &Attributes, attribute: (Tag, &'static str)) -> Result<u32, DicomFault> {
    dataset::integer(attributes, attribute)?.ok_or(DicomFault::Missing(attribute.1))
}

fn side(attributes: &Attributes, attribute: (Tag, &'static str)) -> Result<usize, DicomFault> {
    match required(attributes, attribute)? {
        side @ 1..=MAX_SIDE => Ok(side as usize),
        side => Err(DicomFault::invalid(attribute.1, side, format!("expected 1 to {MAX_SIDE}"))),
    }
}

fn single_frame(attributes: &Attributes) -> Result<(), DicomFault> {
    match dataset::integer(attributes, (tags::NUMBER_OF_FRAMES, "NumberOfFrames"))? {
        None | Some(0 | 1) => Ok(()),
        Some(frames) => Err(DicomFault::MultiFrame(frames)),
    }
}

fn photometric(attributes: &Attributes) -> Result<Photometric, DicomFault> {
    let name = dataset::code(attributes, tags::PHOTOMETRIC_INTERPRETATION)
        .ok_or(DicomFault::Missing("PhotometricInterpretation"))?;
    Ok(match name.as_str() {
        "MONOCHROME1" => Photometric::Monochrome1,
        "MONOCHROME2" => Photometric::Monochrome2,
        "PALETTE COLOR" => Photometric::Palette,
        "RGB" => Photometric::Rgb,
        "YBR_FULL" => Photometric::YbrFull,
        "YBR_FULL_422" => Photometric::YbrFull422,
        "YBR_RCT" | "YBR_ICT" => Photometric::YbrJpeg2000,
        other => return Err(DicomFault::Unsupported(format!("PhotometricInterpretation {other}"))),
    })
}
