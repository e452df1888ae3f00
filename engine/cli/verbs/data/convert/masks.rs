//! `pleura data convert masks`: run lengths as PNG.

use std::io::Cursor;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use image::ImageFormat;
use pleura::submission::{Convention, Runs, Submission};
use pleura::{Mask, Size, mask_image};
use rayon::prelude::*;

use super::{AT_ONCE, Folder, Taken, counted, rle};
use crate::engine::start_threads;
use crate::exit::Exit;
use crate::interrupt;
use crate::outputs::short;
use crate::paths::{Checked, Command, Paths};
use crate::term::{self, Skips};
use crate::verbs::submission::size;

#[derive(clap::Args)]
pub struct Args {
    /// CSV of run lengths, `ImageId,EncodedPixels` or the convention of `--from`, plain or gzip; several rows of an
    /// image are merged.
    csv: PathBuf,

    /// The folder for the PNG files, each named after its ImageId.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,

    /// Convention of the run lengths: siim, airbus, severstal, severstal-column, clouds or hubmap. With classes, each
    /// image and class gets its own PNG file, with the id NAME_CLASS.
    #[arg(long, value_name = "CONVENTION", default_value_t = Convention::Siim, help_heading = "Conventions")]
    from: Convention,

    /// Convert the masks of this class only, with the images' ids; `all` merges the masks of all classes.
    #[arg(long, value_name = "CLASS", help_heading = "Conventions")]
    class: Option<String>,

    /// Mask size of the run lengths, in pixels. Default: the size of the convention's competition, 1024x1024 for SIIM.
    #[arg(long, value_name = "HxW", value_parser = size, help_heading = "Conventions")]
    size: Option<Size>,

    /// Resize masks to this size, in pixels; an output pixel is marked if at least half of its area is.
    #[arg(long, value_name = "HxW", value_parser = size)]
    to: Option<Size>,

    /// Write masks of positive images only. Default: the others get a black PNG file.
    #[arg(long)]
    positives_only: bool,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads("CSV", &self.csv);
        paths.writes_pictures("--out", &self.out);
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        start_threads(0)?;
        let _interrupt = interrupt::again()?;
        run(self)
    }
}

fn run(args: &Args) -> Result<Exit> {
    let size = args.size.or(args.from.size()).with_context(|| {
        format!("masks of {} have no common size: give the size of these with `--size HxW`", args.from.title())
    })?;
    let submission = read(args, size)?;
    let mut folder = Folder::create(&args.out)?;
    let to = args.to.unwrap_or(size);
    // three of four images have no mask: encode the empty one once
    let nothing = png(&Mask::empty(to))?;
    let masks: Vec<_> = submission.iter().filter(|(_, runs)| !args.positives_only || !runs.is_empty()).collect();
    let bar = term::progress(masks.len() as u64, "converting");
    let draw = |runs: &Runs| match runs.is_empty() {
        true => Ok(None),
        false => png(&mask_image::resized(&runs.to_mask(size), to)).map(Some),
    };
    let skips = Skips::unlisted("skipped images");
    for some in masks.chunks(AT_ONCE) {
        let drawn: Vec<_> = some.par_iter().map(|(_, runs)| counted(&bar, || draw(runs))).collect();
        for ((id, _), picture) in some.iter().zip(drawn) {
            let picture = picture?;
            if let Taken::Not(error) = folder.put(id, &args.csv, picture.as_deref().unwrap_or(&nothing))? {
                bar.suspend(|| skips.warn(format_args!("skipped `{}`: {}", short(id), term::chain(&error))));
            }
        }
    }
    bar.finish_and_clear();
    folder.finish();
    let (positives, skipped) = (submission.positives(), skips.count());
    term::note(format_args!("masks: {}, {positives} of them not empty, {to}", masks.len() - skipped));
    term::result(args.out.display());
    Ok(if skipped > 0 { Exit::Skipped } else { Exit::Good })
}

fn read(args: &Args, size: Size) -> Result<Submission> {
    let read = Submission::read_as(&args.csv, args.from, Some(size))?;
    ensure!(
        args.class.is_none() || args.from.has_classes(),
        "--class: masks of {} have no classes; give their convention with `--from`",
        args.from.title()
    );
    Ok(rle::of_class(&read, args.from, args.class.as_deref(), &args.csv)?.unwrap_or(read))
}

fn png(mask: &Mask) -> Result<Vec<u8>> {
    let mut png = Cursor::new(Vec::new());
    mask_image::picture(mask).write_to(&mut png, ImageFormat::Png)?;
    Ok(png.into_inner())
}
