//! `pleura data convert images`: radiographs as PNG.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::{ImageBuffer, ImageFormat, Luma};
use ndarray::ArrayView2;
use pleura::ensemble::resize;
use pleura::manifest::{Intensity, Resize};
use pleura::radiograph::Tags;
use pleura::{Radiograph, Size, radiograph};

use super::{Folder, each};
use crate::decode::DecodeArgs;
use crate::engine::start_threads;
use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::remarks::Remarks;
use crate::verbs::submission::size;
use crate::{interrupt, term};

#[derive(clap::Args)]
pub struct Args {
    /// DICOM, PNG or JPEG files, folders (searched recursively), globs, or `-` for a list on standard input.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,

    /// The folder for the PNG files.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,

    /// Mapping of pixel values to grey: `stored` (full range of the stored bits), `window` (the file's own),
    /// `fixed:CENTER,WIDTH` (in modality units) or `percentiles:LOW,HIGH` (of each image).
    #[arg(long, value_name = "HOW", default_value = "stored", value_parser = intensity)]
    intensity: Intensity,

    /// Resize images to this size, in pixels, without keeping the aspect ratio. Default: each image's own size.
    #[arg(long, visible_alias = "size", value_name = "HxW", value_parser = size)]
    to: Option<Size>,

    /// Resize filter: `area` (OpenCV's INTER_AREA, for shrinking), `box` (Pillow's BOX), `linear`, `linear-antialias`,
    /// `cubic`, `cubic-antialias` or `nearest`.
    #[arg(long, value_name = "HOW", default_value = "area", value_parser = resizing)]
    resize: Resize,

    /// Bit depth of the PNG files. Default: 16 for files with more than 8 stored bits, otherwise 8.
    #[arg(long, value_name = "8|16", value_parser = bits)]
    bits: Option<u32>,

    #[command(flatten)]
    decode: DecodeArgs,
}

/// A converted file.
struct Converted {
    id: String,
    png: Vec<u8>,
    remarks: Vec<String>,
    has_window: bool,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.writes_pictures("--out", &self.out);
        paths.images("INPUTS", &self.inputs)
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        start_threads(0)?;
        let _interrupt = interrupt::again()?;
        run(self, checked.images())
    }
}

fn run(args: &Args, files: &[PathBuf]) -> Result<Exit> {
    let mut folder = Folder::create(&args.out)?;
    let (mut windowless, mut remarks) = (0, Remarks::default());
    let skipped = each(
        files,
        |path| convert(path, args),
        |path, converted| {
            remarks.tell(path, &converted.remarks);
            windowless += usize::from(!converted.has_window);
            folder.put(&converted.id, path, &converted.png)
        },
    )?;
    remarks.finish();
    if windowless > 0 && args.intensity == Intensity::Window {
        term::warning(format_args!(
            "{} without a window: the full range of stored bits was used",
            term::quantity(windowless, "file")
        ));
    }
    folder.finish();
    term::note(format_args!("images: {}, {skipped} skipped", files.len() - skipped));
    term::result(args.out.display());
    Ok(if skipped > 0 { Exit::Skipped } else { Exit::Good })
}

fn convert(path: &Path, args: &Args) -> Result<Converted> {
    let bytes = radiograph::read_with(path, args.decode.limits())?;
    let radiograph = Radiograph::decode_with(&bytes, path, args.decode.limits())?;
    let stored = Tags::decode(&bytes, path)?.bits_stored.unwrap_or(16);
    let image = radiograph.intensities(args.intensity);
    let image = resize(image.view(), args.to.unwrap_or(radiograph.size()), args.resize);
    let bits = args.bits.unwrap_or(if stored > 8 { 16 } else { 8 });
    Ok(Converted {
        id: radiograph.id().to_owned(),
        png: png(image.view(), bits)?,
        remarks: radiograph.remarks().to_vec(),
        has_window: radiograph.has_window(),
    })
}

/// Intensities in 0..=1, (height, width), as a PNG of 8 or 16 bits. Cubic weights may leave 0..=1, and are clipped.
fn png(image: ArrayView2<'_, f32>, bits: u32) -> Result<Vec<u8>> {
    let (height, width) = (image.nrows() as u32, image.ncols() as u32);
    let grey = |white: f32| image.iter().map(move |value| (value.clamp(0.0, 1.0) * white).round());
    let mut png = Cursor::new(Vec::new());
    let enough = "an image has as many pixels as its size";
    if bits == 8 {
        let pixels = grey(255.0).map(|value| value as u8).collect();
        let picture: ImageBuffer<Luma<u8>, Vec<u8>> = ImageBuffer::from_raw(width, height, pixels).context(enough)?;
        picture.write_to(&mut png, ImageFormat::Png)?;
    } else {
        let pixels = grey(65535.0).map(|value| value as u16).collect();
        let picture: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::from_raw(width, height, pixels).context(enough)?;
        picture.write_to(&mut png, ImageFormat::Png)?;
    }
    Ok(png.into_inner())
}

fn intensity(text: &str) -> Result<Intensity, String> {
    let pair = |numbers: &str| {
        let (first, second) = numbers.split_once(',')?;
        let number = |text: &str| text.trim().parse::<f32>().ok().filter(|number| number.is_finite());
        number(first).zip(number(second))
    };
    match text.split_once(':') {
        None if text == "stored" => Ok(Intensity::Stored),
        None if text == "window" => Ok(Intensity::Window),
        Some(("fixed", numbers)) => match pair(numbers) {
            Some((center, width)) if width >= 1.0 => Ok(Intensity::Fixed { center, width }),
            _ => Err("expected fixed:CENTER,WIDTH with a width of 1 or more, such as fixed:2048,4096".into()),
        },
        Some(("percentiles", numbers)) => match pair(numbers) {
            Some((low, high)) if 0.0 <= low && low < high && high <= 100.0 => Ok(Intensity::Percentiles { low, high }),
            _ => Err("expected percentiles:LOW,HIGH from 0 to 100, such as percentiles:1,99".into()),
        },
        _ => Err("expected stored, window, fixed:CENTER,WIDTH or percentiles:LOW,HIGH".into()),
    }
}

fn resizing(text: &str) -> Result<Resize, String> {
    Ok(match text {
        "area" => Resize::Area,
        "box" => Resize::Box,
        "linear" => Resize::Linear,
        "linear-antialias" => Resize::LinearAntialias,
        "cubic" => Resize::Cubic,
        "cubic-antialias" => Resize::CubicAntialias,
        "spline" => Resize::Spline,
        "nearest" => Resize::Nearest,
        _ => {
            return Err(
                "expected area, box, linear, linear-antialias, cubic, cubic-antialias, spline or nearest".into()
            );
        }
    })
}

fn bits(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|bits| matches!(bits, 8 | 16)).ok_or_else(|| "8 or 16".into())
}
