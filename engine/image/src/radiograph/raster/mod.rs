//! PNG and JPEG files.

mod jpeg;
mod png;

use std::cell::Cell;
use std::panic;
use std::path::Path;

use super::acquisition::Acquisition;
use super::error::RadiographError;
use super::limits::{DecodeLimits, OverLimit};
use super::samples::luma;
use super::values::GreyValues;
use super::{ImageHeader, Radiograph, Tags};
use crate::Size;

/// The largest height or width, in pixels.
const MAX_SIDE: u32 = 16_384;

/// The two formats.
#[derive(Debug, Clone, Copy)]
enum Format {
    Png,
    Jpeg,
}

impl Format {
    /// The format of a file, by its first bytes.
    fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            Some(Self::Png)
        } else if bytes.starts_with(b"\xFF\xD8\xFF") {
            Some(Self::Jpeg)
        } else {
            None
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
        }
    }
}

/// What a header states.
struct Claim {
    /// Height and width in pixels.
    size: Size,
    /// Bits per sample.
    bits: u32,
    /// The peak memory of decoding, without the file's own bytes.
    bytes: u64,
}

/// A decoded picture.
struct Picture {
    /// (height, width); 0 is black.
    values: GreyValues,
    /// The value that is white.
    white: f32,
    /// The share of pixels in colour.
    coloured: f32,
}

/// Why a file cannot be decoded.
enum Failure {
    Memory(OverLimit),
    Broken(String),
}

impl Failure {
    fn broke_off() -> Self {
        Self::Broken("the decoder panicked".into())
    }

    fn too_wide(width: u32, height: u32) -> Self {
        Self::Broken(format!("expected at most {MAX_SIDE} pixels per side, found {width}×{height}"))
    }

    fn named(self, path: &Path, format: Format) -> RadiographError {
        match self {
            Self::Memory(over) => RadiographError::Memory { path: path.into(), over },
            Self::Broken(reason) => RadiographError::Raster { path: path.into(), format: format.name(), reason },
        }
    }
}

impl From<OverLimit> for Failure {
    fn from(over: OverLimit) -> Self {
        Self::Memory(over)
    }
}

/// Whether the bytes start like a PNG or a JPEG file.
pub(super) fn is_raster(bytes: &[u8]) -> bool {
    Format::new(bytes).is_some()
}

/// Decodes a PNG or JPEG file's bytes. Colours become luma (ITU-R BT.601, not rounded); transparent pixels are blended
/// with black. Orientation tags and colour profiles are not applied.
///
/// # Errors
/// If the file is damaged or truncated, or decoding it takes more memory than allowed.
pub(super) fn decode(bytes: &[u8], path: &Path, limits: DecodeLimits) -> Result<Radiograph, RadiographError> {
    let Picture { values, white, coloured } = read(bytes, path, |format| match format {
        Format::Png => png::decode(bytes, limits),
        Format::Jpeg => jpeg::decode(bytes, limits),
    })?;
    let radiograph = Radiograph::new(super::id::stem(path), path.into(), values, (0.0, white));
    Ok(Radiograph { acquisition: Acquisition::of_picture(coloured), ..radiograph })
}

/// Reads the size from a PNG or JPEG file's header.
pub(super) fn glance(bytes: &[u8], path: &Path) -> Result<ImageHeader, RadiographError> {
    header(bytes, path).map(|claim| ImageHeader { id: super::id::stem(path), size: claim.size })
}

/// Reads size and bits from a PNG or JPEG file's header.
pub(super) fn tags(bytes: &[u8], path: &Path) -> Result<Tags, RadiographError> {
    let Claim { size, bits, .. } = header(bytes, path)?;
    Ok(Tags {
        id: super::id::stem(path),
        size: Some(size),
        bits_allocated: Some(bits),
        bits_stored: Some(bits),
        ..Tags::default()
    })
}

fn header(bytes: &[u8], path: &Path) -> Result<Claim, RadiographError> {
    read(bytes, path, |format| match format {
        Format::Png => png::header(bytes),
        Format::Jpeg => jpeg::header(bytes),
    })
}

/// The peak memory of decoding a file, from its first bytes; `None` if these do not suffice.
pub(super) fn claimed(start: &[u8]) -> Option<u64> {
    header(start, Path::new("")).ok().map(|claim| claim.bytes)
}

/// Reads a value from a file; errors name the file.
fn read<T>(bytes: &[u8], path: &Path, what: impl FnOnce(Format) -> Result<T, Failure>) -> Result<T, RadiographError> {
    let Some(format) = Format::new(bytes) else {
        return Err(RadiographError::Unrecognized { path: path.into(), empty: bytes.is_empty() });
    };
    // third-party decoders may panic on broken data; no state outlives that
    let read = panic::catch_unwind(panic::AssertUnwindSafe(|| what(format)));
    read.unwrap_or_else(|_| Err(Failure::broke_off())).map_err(|failure| failure.named(path, format))
}

/// Turns colours into luma, and counts them.
#[derive(Default)]
struct Colours(Cell<usize>);

impl Colours {
    /// Luma, blended with black by transparency.
    fn luma_on_black(&self, colors: [i32; 3], alpha: i32, opaque: i32) -> f32 {
        let [red, green, blue] = colors;
        // compression leaves traces of colour in grey pictures
        let range = red.max(green).max(blue) - red.min(green).min(blue);
        self.0.set(self.0.get() + usize::from(range > opaque / 10));
        let luma = luma(colors);
        if alpha == opaque { luma } else { luma * alpha as f32 / opaque as f32 }
    }

    /// The share of pixels in colour.
    fn share(&self, size: Size) -> f32 {
        self.0.get() as f32 / size.area().max(1) as f32
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba};

    use super::*;
    use crate::Intensity;

    fn open(image: impl Into<DynamicImage>, format: ImageFormat) -> Radiograph {
        let mut bytes = Vec::new();
        image.into().write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        decode(&bytes, Path::new("folder/ID_1.2.png"), DecodeLimits::default()).unwrap()
    }

    fn values(radiograph: &Radiograph) -> Vec<f32> {
        radiograph.values().iter().copied().collect()
    }

    #[test]
    fn grey_of_eight_and_sixteen_bits_is_exact() {
        let eight = open(GrayImage::from_fn(2, 3, |x, y| Luma([(100 * y + x) as u8])), ImageFormat::Png);
        assert_eq!((eight.size(), eight.id()), (Size::new(3, 2), "ID_1.2"));
        assert_eq!(values(&eight), [0.0, 1.0, 100.0, 101.0, 200.0, 201.0]);
        assert_eq!(eight.intensities(Intensity::Stored)[[2, 1]], 201.0 / 255.0);

        let deep = image::ImageBuffer::<Luma<u16>, _>::from_raw(2, 1, vec![1, 65535]).unwrap();
        let deep = open(deep, ImageFormat::Png);
        assert_eq!((values(&deep), deep.range()), (vec![1.0, 65535.0], (0.0, 65535.0)));
    }

    #[test]
    fn colors_become_luma_and_transparency_black() {
        let colors = open(RgbImage::from_pixel(1, 1, Rgb([255, 0, 0])), ImageFormat::Png);
        assert_eq!(values(&colors), [76.245]);
        let half = open(GrayAlphaImage::from_fn(2, 1, |x, _| LumaA([200, [255, 51][x as usize]])), ImageFormat::Png);
        assert_eq!(values(&half), [200.0, 40.0]);
        let deep = image::ImageBuffer::<Rgba<u16>, _>::from_raw(1, 1, vec![1000, 1000, 1000, 0]).unwrap();
        assert_eq!(values(&open(deep, ImageFormat::Png)), [0.0]);
    }

    #[test]
    fn jpeg_files_are_read() {
        let flat = open(GrayImage::from_pixel(9, 5, Luma([90])), ImageFormat::Jpeg);
        assert_eq!(flat.size(), Size::new(5, 9));
        assert!(flat.values().iter().all(|value| (value - 90.0).abs() <= 1.0));
    }

    #[test]
    fn a_size_that_no_image_has_is_an_error() {
        let mut png = Vec::new();
        DynamicImage::from(GrayImage::new(1, 1)).write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
        // the header's width, with its checksum
        png[16..20].copy_from_slice(&0x7FFF_FFFF_u32.to_be_bytes());
        let mut crc = flate2::Crc::new();
        crc.update(&png[12..29]);
        png[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let message = decode(&png, Path::new("x.png"), DecodeLimits::default()).unwrap_err().to_string();
        assert!(message.starts_with("`x.png` (PNG): "), "{message}");
    }

    fn encode(color: ::png::ColorType, depth: ::png::BitDepth, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut bytes, 13, 11);
        encoder.set_color(color);
        encoder.set_depth(depth);
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        bytes
    }

    #[test]
    fn png_files_agree_with_the_whole_decoder_in_every_format_and_cut_nowhere() {
        use ::png::BitDepth::{Eight, Sixteen};
        use ::png::ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
        for (color, depth) in [
            (Grayscale, Eight),
            (GrayscaleAlpha, Sixteen),
            (Rgb, Eight),
            (Rgb, Sixteen),
            (Rgba, Eight),
            (Rgba, Sixteen),
        ] {
            let bytes = 13 * 11 * color.samples() * (depth as usize / 8);
            let data: Vec<u8> = (0..bytes).map(|i| (i * 37 % 251) as u8).collect();
            let file = encode(color, depth, &data);
            let ours = decode(&file, Path::new("x.png"), DecodeLimits::default()).unwrap();
            let theirs = image::load_from_memory(&file).unwrap();
            let opaque = if depth == Sixteen { 65535.0 } else { 255.0 };
            let deep = theirs.to_rgba16();
            for ((row, column), &value) in ours.values().indexed_iter() {
                // from 8 bits, `image` makes 16 by multiplying by 257, exactly
                let [r, g, b, a] = deep.get_pixel(column as u32, row as u32).0.map(|v| f32::from(v) * opaque / 65535.0);
                let expected = (0.299 * r + 0.587 * g + 0.114 * b) * a / opaque;
                assert!((value - expected).abs() <= opaque * 1e-5, "{color:?} {depth:?}: {value} {expected}");
            }
            for length in 8..file.len() {
                assert!(
                    decode(&file[..length], Path::new("x.png"), DecodeLimits::default()).is_err(),
                    "{length} bytes"
                );
            }
        }
    }

    #[test]
    fn rows_of_every_pass_have_their_place() {
        for size in [(1, 1), (8, 8), (5, 3), (2, 9), (17, 4), (1, 4)].map(Size::from) {
            let mut times = ndarray::Array2::<u32>::zeros(size);
            for (line, first, step) in super::png::places(size, true) {
                times.row_mut(line).into_iter().skip(first).step_by(step).for_each(|times| *times += 1);
            }
            assert!(times.iter().all(|&times| times == 1), "{size}: {times:?}");
        }
        assert_eq!(super::png::places(Size::new(2, 5), false).collect::<Vec<_>>(), [(0, 0, 1), (1, 0, 1)]);
    }

    #[test]
    fn what_a_header_claims_is_checked_before_decoding() {
        let png = encode(::png::ColorType::Rgba, ::png::BitDepth::Sixteen, &[7; 13 * 11 * 8]);
        let mut jpeg = Vec::new();
        DynamicImage::from(GrayImage::new(64, 64)).write_to(&mut Cursor::new(&mut jpeg), ImageFormat::Jpeg).unwrap();
        for file in [png, jpeg] {
            let error = decode(&file, Path::new("x"), DecodeLimits::new(1000)).unwrap_err();
            assert!(matches!(error, RadiographError::Memory { .. }), "{error}");
            let message = error.to_string();
            assert!(message.starts_with("`x`: needs ") && message.ends_with("raise it with `--memory`"), "{message}");
        }
    }
}
