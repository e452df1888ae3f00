//! PNG and JPEG files.

use std::io::Cursor;
use std::path::Path;

use image::{ColorType, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};
use ndarray::{Array2, ShapeError};

use super::error::RadiographError;
use super::samples::luma;
use super::{Glance, Radiograph, Tags};

/// The largest height or width, in pixels.
const MAX_SIDE: u32 = 16_384;
/// What a decoder may allocate: enough for RGBA of 16 bits at that size.
const MAX_BYTES: u64 = 8 * (MAX_SIDE as u64).pow(2);

fn format(bytes: &[u8]) -> Option<(ImageFormat, &'static str)> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some((ImageFormat::Png, "PNG"))
    } else if bytes.starts_with(b"\xFF\xD8\xFF") {
        Some((ImageFormat::Jpeg, "JPEG"))
    } else {
        None
    }
}

/// Whether the bytes begin as a PNG or a JPEG file does.
pub(super) fn is_raster(bytes: &[u8]) -> bool {
    format(bytes).is_some()
}

/// Decodes a PNG or JPEG file's bytes. Colours become luma (ITU-R BT.601, not rounded); what is transparent is
/// laid on black. Orientation tags and colour profiles are not applied.
pub(super) fn decode(bytes: &[u8], path: &Path) -> Result<Radiograph, RadiographError> {
    let (reader, name) = reader(bytes, path)?;
    let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reader.decode()));
    let reason = match decoded {
        Ok(Ok(image)) => match grey(&image) {
            Ok((values, white)) => {
                return Ok(Radiograph::new(super::id::stem(path), path.into(), values, (0.0, white)));
            }
            Err(error) => error.to_string(),
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the decoder broke off".to_string(),
    };
    Err(RadiographError::Raster { path: path.into(), format: name, reason })
}

/// Reads the size from a PNG or JPEG file's header.
pub(super) fn glance(bytes: &[u8], path: &Path) -> Result<Glance, RadiographError> {
    header(bytes, path).map(|(size, _)| Glance { id: super::id::stem(path), size })
}

/// Reads size and bits from a PNG or JPEG file's header.
pub(super) fn tags(bytes: &[u8], path: &Path) -> Result<Tags, RadiographError> {
    let (size, bits) = header(bytes, path)?;
    Ok(Tags {
        id: super::id::stem(path),
        size: Some(size),
        bits_allocated: Some(bits),
        bits_stored: Some(bits),
        ..Tags::default()
    })
}

/// (height, width) in pixels, and bits a sample.
fn header(bytes: &[u8], path: &Path) -> Result<((usize, usize), u32), RadiographError> {
    let (reader, format) = reader(bytes, path)?;
    let read = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let decoder = reader.into_decoder()?;
        Ok::<_, ImageError>((decoder.dimensions(), decoder.color_type()))
    }));
    let reason = match read {
        Ok(Ok(((width, height), color))) => {
            let bits = u32::from(color.bits_per_pixel() / u16::from(color.channel_count()));
            return Ok(((height as usize, width as usize), bits));
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the decoder broke off".to_string(),
    };
    Err(RadiographError::Raster { path: path.into(), format, reason })
}

type Named<'a> = (ImageReader<Cursor<&'a [u8]>>, &'static str);

/// A decoder within limits, with the format's name.
fn reader<'a>(bytes: &'a [u8], path: &Path) -> Result<Named<'a>, RadiographError> {
    let Some((format, name)) = format(bytes) else {
        return Err(RadiographError::Unrecognized { path: path.into(), empty: bytes.is_empty() });
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    Ok((reader, name))
}

/// Values, (height, width), and the one that is white.
fn grey(image: &DynamicImage) -> Result<(Array2<f32>, f32), ShapeError> {
    let deep = matches!(image.color(), ColorType::L16 | ColorType::La16 | ColorType::Rgb16 | ColorType::Rgba16);
    let (values, white) = if deep { (grey16(image), 65535.0) } else { (grey8(image), 255.0) };
    let values = Array2::from_shape_vec((image.height() as usize, image.width() as usize), values)?;
    Ok((values, white))
}

fn grey8(image: &DynamicImage) -> Vec<f32> {
    match image {
        DynamicImage::ImageLuma8(image) => image.as_raw().iter().map(|&value| value.into()).collect(),
        image => image.to_rgba8().pixels().map(|pixel| on_black(pixel.0.map(i32::from), 255)).collect(),
    }
}

fn grey16(image: &DynamicImage) -> Vec<f32> {
    match image {
        DynamicImage::ImageLuma16(image) => image.as_raw().iter().map(|&value| value.into()).collect(),
        image => image.to_rgba16().pixels().map(|pixel| on_black(pixel.0.map(i32::from), 65535)).collect(),
    }
}

/// Luma, weakened by transparency.
fn on_black([red, green, blue, alpha]: [i32; 4], opaque: i32) -> f32 {
    let luma = luma([red, green, blue]);
    if alpha == opaque { luma } else { luma * alpha as f32 / opaque as f32 }
}

#[cfg(test)]
mod tests {
    use image::{GrayAlphaImage, GrayImage, Luma, LumaA, Rgb, RgbImage, Rgba};

    use super::*;
    use crate::manifest::Intensity;

    fn open(image: impl Into<DynamicImage>, format: ImageFormat) -> Radiograph {
        let mut bytes = Vec::new();
        image.into().write_to(&mut Cursor::new(&mut bytes), format).unwrap();
        decode(&bytes, Path::new("folder/ID_1.2.png")).unwrap()
    }

    fn values(radiograph: &Radiograph) -> Vec<f32> {
        radiograph.values().iter().copied().collect()
    }

    #[test]
    fn grey_of_eight_and_sixteen_bits_is_exact() {
        let eight = open(GrayImage::from_fn(2, 3, |x, y| Luma([(100 * y + x) as u8])), ImageFormat::Png);
        assert_eq!((eight.size(), eight.id()), ((3, 2), "ID_1.2"));
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
        assert_eq!(flat.size(), (5, 9));
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
        let message = decode(&png, Path::new("x.png")).unwrap_err().to_string();
        assert!(message.starts_with("`x.png` (PNG): "), "{message}");
    }
}
