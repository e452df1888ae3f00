//! `pleura submission`: checks, compares and merges submissions.

mod merge;
mod parts;

use std::io::Write;
use std::path::PathBuf;

use pleura::submission::{self, CheckOptions, Diff, Problem, Report, Submission};

use crate::exit::Exit;
use crate::paths::{Checked, Command, Kind, Paths};
use crate::term;
use pleura::Size;

/// Number of lines of a kind that are printed.
const SHOWN: usize = 20;

#[derive(clap::Subcommand)]
pub enum Args {
    /// Check format, bounds, one row per image, and ids against a sample; exits with 2 on a fault.
    Check(CheckArgs),
    /// Compare two submissions image by image; exits with 1 if any mask changed.
    Diff(DiffArgs),
    /// Merge the shards of `predict --shard`; writes the same bytes as one run over all images.
    Merge(merge::Args),
}

#[derive(clap::Args)]
pub struct CheckArgs {
    /// The submission.
    submission: PathBuf,

    /// Sample submission with the expected ids.
    #[arg(long)]
    sample: Option<PathBuf>,

    /// Accept a submission that lacks ids of the sample, such as a shard.
    #[arg(long, requires = "sample")]
    subset: bool,

    /// The size of the masks, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size)]
    size: Size,
}

#[derive(clap::Args)]
pub struct DiffArgs {
    /// The submission before.
    before: PathBuf,

    /// The submission after.
    after: PathBuf,

    /// Compare only images in both submissions; the others are counted, but are not a difference.
    #[arg(long)]
    subset: bool,

    /// Print JSON, with every changed image, instead of a table.
    #[arg(long)]
    json: bool,

    /// The size of the masks, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size)]
    size: Size,
}

impl Args {
    pub fn command(&self) -> &dyn Command {
        match self {
            Self::Check(args) => args,
            Self::Diff(args) => args,
            Self::Merge(args) => args,
        }
    }
}

impl Command for CheckArgs {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        paths.reads_as(Kind::Csv, "SUBMISSION", &self.submission);
        paths.reads_any("--sample", &self.sample);
        Ok(())
    }

    fn run(&self, _: &Checked) -> anyhow::Result<Exit> {
        check(self)
    }
}

impl Command for DiffArgs {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        paths.reads_as(Kind::Csv, "BEFORE", &self.before);
        paths.reads_as(Kind::Csv, "AFTER", &self.after);
        Ok(())
    }

    fn run(&self, _: &Checked) -> anyhow::Result<Exit> {
        diff(self)
    }
}

/// Parses `HxW`, the height first.
pub fn size(text: &str) -> Result<Size, String> {
    let side = |side: &str| side.parse::<u16>().ok().filter(|&side| side > 0).map(usize::from);
    text.split_once(['x', 'X', '×'])
        .and_then(|(height, width)| Some(Size::new(side(height)?, side(width)?)))
        .ok_or_else(|| "expected HEIGHTxWIDTH, each from 1 to 65535, such as 1024x1024".to_owned())
}

fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    let options = CheckOptions { size: args.size, sample: args.sample.as_deref(), subset: args.subset };
    let report = submission::check(&args.submission, options)?;
    report.remarks.iter().for_each(term::warning);
    print_report(args, &report)?;
    Ok(if report.problems.is_empty() { Exit::Good } else { Exit::Wrong })
}

fn print_report(args: &CheckArgs, report: &Report) -> std::io::Result<()> {
    let path = args.submission.display();
    let mut out = term::Results;
    report.problems.iter().take(SHOWN).try_for_each(|problem| writeln!(out, "{path}: {}", pleura::chain(problem)))?;
    and_more(&mut out, report.problems.len())?;
    writeln!(out, "{path}: {} rows, {} images, {} with a mask", report.rows, report.images, report.positives)?;
    match (report.problems.len(), &args.sample) {
        (0, Some(sample)) if report.unanswered > 0 => {
            let (left, sample) = (report.unanswered, sample.display());
            writeln!(out, "{path}: valid, with ids of `{sample}`, of which {left} have no row")?;
        }
        (0, Some(sample)) => writeln!(out, "{path}: valid, with the ids of `{}`", sample.display())?,
        (0, None) => writeln!(out, "{path}: valid; the ids were not checked, as no `--sample` was given")?,
        (1, _) => writeln!(out, "{path}: 1 fault")?,
        (faults, _) => writeln!(out, "{path}: {faults} faults")?,
    }
    let missing = report.problems.iter().filter(|problem| matches!(problem, Problem::Missing { .. })).count();
    if missing > 0 {
        term::note(format_args!("{missing} images of the sample have no row: add `--subset` to accept that"));
    }
    if report.in_sample_order == Some(false) {
        term::note("the ids are not in the sample's order (scoring ignores the order)");
    }
    Ok(())
}

fn diff(args: &DiffArgs) -> anyhow::Result<Exit> {
    let before = Submission::read_single(&args.before, args.size)?;
    let diff = before.diff_file(&args.after)?;
    if args.json {
        writeln!(term::Results, "{}", serde_json::to_string_pretty(&diff)?)?;
    } else {
        print_diff(&diff, args.subset)?;
    }
    let same = if args.subset { diff.changed.is_empty() } else { diff.is_empty() };
    Ok(if same { Exit::Good } else { Exit::Skipped })
}

fn print_diff(diff: &Diff<'_>, subset: bool) -> std::io::Result<()> {
    let mut out = term::Results;
    let width = diff.changed.iter().take(SHOWN).map(|change| change.id.len()).max().unwrap_or(0).max(7);
    if !diff.changed.is_empty() {
        writeln!(out, "{:<width$}  {:>9}  {:>9}  {:>6}", "ImageId", "before", "after", "Dice")?;
    }
    for change in diff.changed.iter().take(SHOWN) {
        let (before, after) = (change.before, change.after);
        writeln!(out, "{:<width$}  {before:>9}  {after:>9}  {:>6.4}", change.id, change.dice)?;
    }
    and_more(&mut out, diff.changed.len())?;
    let only_after: Vec<&str> = diff.only_after.iter().map(String::as_str).collect();
    for (side, ids) in [("first", &diff.only_before), ("second", &only_after)] {
        if subset {
            if !ids.is_empty() {
                writeln!(out, "{} images only in the {side}", ids.len())?;
            }
            continue;
        }
        ids.iter().take(SHOWN).try_for_each(|id| writeln!(out, "{id}: only in the {side}"))?;
        and_more(&mut out, ids.len())?;
    }
    let strangers = diff.only_before.len() + diff.only_after.len();
    if strangers > 0 && !subset {
        term::note("with `--subset` only the images that both have are compared");
    }
    let (changed, appeared, vanished) = (diff.changed.len(), diff.appeared, diff.vanished);
    write!(out, "{changed} of {} images changed: {appeared} gained a mask, {vanished} lost it", diff.common)?;
    match diff.mean_dice {
        Some(dice) => writeln!(out, "; mean Dice between the two {dice:.6}"),
        None => writeln!(out),
    }
}

fn and_more(out: &mut impl Write, count: usize) -> std::io::Result<()> {
    if count > SHOWN { writeln!(out, "and {} more", count - SHOWN) } else { Ok(()) }
}
