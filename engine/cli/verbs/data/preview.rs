//! `pleura data preview`: a recipe's images before and after augmentation, in a grid.

use std::path::PathBuf;

use anyhow::{Context, Result};
use image::{ImageFormat, RgbImage};
use ndarray::Array2;
use pleura::ensemble::resize;
use pleura::manifest::Resize;
use pleura::overlay::{self, Tile};
use pleura::{Mask, Size, mask_image};
use pleura_files::atomic;
use pleura_train::data::Sample;
use pleura_train::fit::{self, Preview, Shown};

use crate::decode::DecodeArgs;
use crate::engine::start_threads;
use crate::exit::Exit;
use crate::outputs::check_writable;
use crate::paths::{Checked, Command, Paths};
use crate::term;

/// The longest side of a tile, in pixels.
const SIDE: usize = 256;

#[derive(clap::Args)]
pub struct Args {
    /// Recipe (TOML) of networks.
    recipe: PathBuf,

    /// PNG file to write: a row for each image, first as it is, then augmented, with the mask tinted.
    #[arg(short, long, value_name = "PNG")]
    out: PathBuf,

    /// Number of images; half of them positive, if there are enough.
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u32).range(1..=100))]
    images: u32,

    /// Number of augmented copies of each image: those of its first epochs.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    copies: u32,

    /// The recipe's phase, whose size and crop are used, from 1.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    phase: u32,

    #[command(flatten)]
    decode: DecodeArgs,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_recipe("RECIPE", &self.recipe);
        paths.writes("--out", &self.out);
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        check_writable(&self.out)?;
        start_threads(0)?;
        let shown = Shown { images: self.images as usize, copies: self.copies, phase: self.phase - 1 };
        let previews = fit::preview(&self.recipe, shown, self.decode.limits())?;
        write(&self.out, &draw(&previews))?;
        for (row, preview) in (1..).zip(&previews) {
            term::note(format_args!("row {row}: {}", preview.id));
        }
        term::result(self.out.display());
        Ok(Exit::Good)
    }
}

/// A row for each image.
fn draw(previews: &[Preview]) -> RgbImage {
    let across = previews.iter().map(|preview| 1 + preview.after.len()).max().unwrap_or(1);
    let tiles = previews.iter().flat_map(|preview| {
        let after = preview.after.iter().zip(1..).map(|(sample, epoch)| tile(sample, format!("epoch {epoch}")));
        std::iter::once(tile(&preview.before, "before".into())).chain(after)
    });
    overlay::grid(&tiles.collect::<Vec<_>>(), across)
}

fn tile(sample: &Sample, caption: String) -> Tile {
    let Size { height, width } = sample.image.dim().into();
    let longest = height.max(width).max(1);
    let side = |length: usize| if longest > SIDE { (length * SIDE / longest).max(1) } else { length };
    let size = Size::new(side(height), side(width));
    let marked: Array2<bool> = sample.mask.mapv(|marked| marked != 0);
    let mask = mask_image::resized(&Mask::from(marked), size);
    Tile { intensities: resize(sample.image.view(), size, Resize::Area).into_owned(), mask, caption }
}

fn write(path: &std::path::Path, picture: &RgbImage) -> Result<()> {
    let failed = || format!("cannot write `{}`", path.display());
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, ImageFormat::Png).with_context(failed)?;
    let mut file = atomic::beside(path).with_context(failed)?;
    std::io::Write::write_all(&mut file, png.get_ref()).with_context(failed)?;
    atomic::place(file, path).with_context(failed)
}
