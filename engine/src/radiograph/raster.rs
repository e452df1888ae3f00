//! PNG and JPEG files.

use std::io::Cursor;
use std::path::Path;

use image::{ColorType, DynamicImage, ImageFormat, ImageReader, Limits};
use ndarray::{Array2, ShapeError};

use super::Radiograph;
use super::error::RadiographError;
use super::samples::luma;

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
    let Some((format, name)) = format(bytes) else {
        return Err(RadiographError::Unrecognized { path: path.into(), empty: bytes.is_empty() });
    };
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| reader.decode()));
    let reason = match decoded {
        Ok(Ok(image)) => match grey(&image) {
            Ok((values, white)) => {
                let radiograph = Radiograph::from_values(super::stem(path), values, (0.0, white));
                return Ok(Radiograph { path: path.into(), ..radiograph });
            }
            Err(error) => error.to_string(),
        },
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the decoder broke off".to_string(),
    };
    Err(RadiographError::Raster { path: path.into(), format: name, reason })
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
