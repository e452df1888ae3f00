//! `pleura data convert rle`: mask images as run lengths, and run lengths from one convention to another.

mod pictures;
mod table;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use pleura::submission::{Convention, Submission, SubmissionError};
use pleura::{Mask, Size};

use crate::decode::DecodeArgs;
use crate::engine::start_threads;
use crate::exit::Exit;
use crate::outputs::check_writable;
use crate::paths::{Checked, Command, Paths};
use crate::verbs::submission::size;
use crate::{interrupt, term};

pub use table::of_class;

#[derive(clap::Args)]
pub struct Args {
    /// Mask images, folders (searched recursively), globs, or `-` for a list on standard input; a file's stem is its
    /// image's id unless an `ids.csv` beside it, as `convert masks` writes, gives another. With `--from`, one CSV of
    /// run lengths, plain or gzip.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,

    /// The CSV to write.
    #[arg(short, long, value_name = "CSV")]
    out: PathBuf,

    /// Read a CSV of run lengths in this convention: siim, airbus, severstal, severstal-column, clouds or hubmap.
    #[arg(long, value_name = "CONVENTION", conflicts_with_all = ["sample", "to"], help_heading = "Conventions")]
    from: Option<Convention>,

    /// Write run lengths in this convention; the same choices as `--from`.
    #[arg(long = "as", value_name = "CONVENTION", default_value_t = Convention::Siim, help_heading = "Conventions")]
    convention: Convention,

    /// Class of the masks: the class to read from a convention with classes (`all` merges them), or to write in one.
    /// Default: ids are NAME_CLASS.
    #[arg(long, value_name = "CLASS", help_heading = "Conventions")]
    class: Option<String>,

    /// With `--from`, the mask size of the run lengths, in pixels. Default: the size of the convention's competition.
    #[arg(long, value_name = "HxW", value_parser = size, requires = "from", help_heading = "Conventions")]
    size: Option<Size>,

    /// Sample submission: rows are written in its order, and ids without a mask image get an empty mask.
    #[arg(long, value_name = "CSV")]
    sample: Option<PathBuf>,

    /// Resize masks to this size first, in pixels; an output pixel is marked if at least half of its area is.
    #[arg(long, value_name = "HxW", value_parser = size)]
    to: Option<Size>,

    #[command(flatten)]
    decode: DecodeArgs,
}

/// The converted masks.
struct Converted {
    submission: Submission,
    /// The sizes of the masks, if known.
    sizes: BTreeSet<Size>,
    skipped: usize,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_any("--sample", &self.sample);
        paths.writes("--out", &self.out);
        if self.from.is_some() {
            paths.reads_any("INPUTS", &self.inputs);
            return Ok(());
        }
        paths.images("INPUTS", &self.inputs)
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        start_threads(0)?;
        let _interrupt = interrupt::again()?;
        run(self, checked.images())
    }
}

fn run(args: &Args, files: &[PathBuf]) -> Result<Exit> {
    check_class(args)?;
    let sample = args.sample.as_ref().map(|path| Submission::read_ids_as(path, args.convention)).transpose()?;
    check_writable(&args.out)?;
    let Converted { submission, sizes, skipped } = match args.from {
        Some(from) => table::convert(args, from)?,
        None => pictures::convert(args, files, sample.as_deref())?,
    };
    submission.write_as(&args.out, args.convention).map_err(|error| explained(error, args))?;
    report(&submission, &sizes, skipped);
    term::result(args.out.display());
    Ok(if skipped > 0 { Exit::Skipped } else { Exit::Good })
}

/// Checks that `--class` is one of the convention that reads or writes it.
fn check_class(args: &Args) -> Result<()> {
    let Some(class) = args.class.as_deref() else { return Ok(()) };
    let classed = [args.from, Some(args.convention)].into_iter().flatten().find(|it| it.has_classes());
    let classed = classed.context("--class: neither `--from` nor `--as` is a convention with classes")?;
    let joins = class == table::ALL && args.from.is_some_and(Convention::has_classes) && !args.convention.has_classes();
    ensure!(
        joins || class != table::ALL && classed.is_class(class),
        "--class: expected a class of {}{}, found `{class}`",
        classed.title(),
        match classed {
            Convention::Clouds => " (a word, such as Fish)",
            _ => " (a number, such as 1)",
        }
    );
    Ok(())
}

/// Adds what to do if ids have no class.
fn explained(error: SubmissionError, args: &Args) -> anyhow::Error {
    let wants_class = matches!(error, SubmissionError::NoClass { .. }) && args.class.is_none();
    let error = anyhow::Error::new(error);
    if wants_class { error.context("give the class of all masks with `--class`") } else { error }
}

/// An id with the class of all masks, if the written convention has classes.
fn with_class(args: &Args, id: String) -> String {
    match &args.class {
        Some(class) if args.convention.has_classes() => format!("{id}_{class}"),
        _ => id,
    }
}

fn report(submission: &Submission, sizes: &BTreeSet<Size>, skipped: usize) {
    let (images, positives) = (submission.len(), submission.positives());
    let size = sizes.first().map_or(String::new(), |size| format!(", {size}"));
    if sizes.len() > 1 {
        let count = sizes.len();
        term::warning(format_args!(
            "the masks have {count} different sizes, which the CSV does not store: resize them \
                                    to one size with `--to`"
        ));
        term::note(format_args!("masks: {images}, {positives} of them not empty, {skipped} skipped"));
    } else {
        term::note(format_args!("masks: {images}, {positives} of them not empty{size}, {skipped} skipped"));
    }
}

/// An empty mask of any size.
fn empty() -> Mask {
    Mask::empty(Size::new(1, 1))
}
