//! `pleura data inspect`: statistics of a collection.

mod pictures;
mod summary;
mod table;
mod text;

use std::path::PathBuf;

use anyhow::{Context, Result};
use pleura::radiograph::Tags;
use pleura_train::files;

use super::read_tags;
use super::truth::Truth;
use crate::decode::DecodeArgs;
use crate::engine::start_threads;
use crate::exit::Exit;
use crate::interrupt;
use crate::paths::{Checked, Command, Paths};
use crate::term;
use crate::verbs::submission::size;
use pleura::Size;
use summary::Summary;

#[derive(clap::Args)]
pub struct Args {
    /// DICOM, PNG or JPEG files, folders (searched recursively), globs, or `-` for a list on standard input. Without
    /// inputs, only the truth is summarised.
    #[arg(required_unless_present = "truth")]
    inputs: Vec<PathBuf>,

    /// Ground truth, `ImageId,EncodedPixels`, plain or gzip; each row of an image is one of its masks.
    #[arg(long, value_name = "CSV")]
    truth: Option<PathBuf>,

    /// Output folder for tags.csv, summary.json and the charts ages.svg, positives.svg, areas.svg, heatmap.svg and
    /// mosaic.svg; charts without data are not written.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,

    /// Mask size of the run lengths, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size)]
    size: Size,

    /// Write PatientID and PatientName to tags.csv, too. They are left out by default because they may identify the
    /// patient.
    #[arg(long)]
    patient: bool,

    /// Write tags and summary only; pixels are not decoded and nothing is drawn.
    #[arg(long)]
    tags_only: bool,

    #[command(flatten)]
    decode: DecodeArgs,
}

/// The files written into the folder.
const OUTPUTS: [&str; 7] =
    ["tags.csv", "summary.json", "ages.svg", "positives.svg", "areas.svg", "heatmap.svg", "mosaic.svg"];

/// A file with its tags and its truth.
struct Image {
    path: PathBuf,
    tags: Tags,
    /// `None` if the truth is not given, or has no row of this image.
    truth: Option<Marked>,
}

/// The marked area of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Marked {
    masks: usize,
    /// In pixels of the size that run lengths refer to.
    area: usize,
    /// As a share of the image, in 0..=1.
    share: f64,
}

impl Image {
    fn positive(&self) -> bool {
        self.truth.is_some_and(|marked| marked.area > 0)
    }
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_any("--truth", &self.truth);
        paths.writes_like("--out", &self.out, OUTPUTS);
        match self.inputs.is_empty() {
            true => Ok(()),
            false => paths.images("INPUTS", &self.inputs),
        }
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        start_threads(0)?;
        let _interrupt = interrupt::again()?;
        run(self, checked.images().to_vec())
    }
}

fn run(args: &Args, files: Vec<PathBuf>) -> Result<Exit> {
    let truth = args.truth.as_ref().map(|csv| Truth::read(csv, args.size)).transpose()?;
    let read = read_tags(files)?;
    if let (Some(csv), Some(truth)) = (&args.truth, &truth) {
        let ids: Vec<_> = read.images.iter().map(|(_, tags)| tags.id.as_str()).collect();
        truth.ensure_any(csv, &ids)?;
    }
    let images: Vec<_> = read.images.into_iter().map(|(path, tags)| joined(path, tags, truth.as_ref())).collect();
    std::fs::create_dir_all(&args.out).with_context(|| format!("cannot make folder `{}`", args.out.display()))?;
    let summary = Summary::new(&images, read.skipped, truth.as_ref());
    if !images.is_empty() {
        table::write(&args.out.join("tags.csv"), &images, truth.is_some(), args.patient)?;
    }
    files::write(&args.out.join("summary.json"), serde_json::to_string_pretty(&summary)? + "\n")?;
    let undrawn = match args.tags_only {
        true => 0,
        false => pictures::draw(&args.out, &images, truth.as_ref(), args.decode.limits())?,
    };
    text::print(&summary)?;
    term::note(format_args!("wrote `{}`", args.out.display()));
    Ok(if read.skipped + undrawn > 0 { Exit::Skipped } else { Exit::Good })
}

fn joined(path: PathBuf, tags: Tags, truth: Option<&Truth>) -> Image {
    let marks = truth.and_then(|truth| truth.images.get(&tags.id).map(|marks| (truth, marks)));
    let marked = marks.map(|(truth, marks)| {
        let area = marks.runs.area();
        Marked { masks: marks.masks, area, share: truth.share(area) }
    });
    Image { path, tags, truth: marked }
}
