//! `pleura score`: scores a submission against the truth.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use pleura::Size;
use pleura::submission::{ImageScore, Score, Scores, Submission, SubmissionError};
use pleura_files::atomic;

use crate::exit::Exit;
use crate::outputs::short;
use crate::paths::{Checked, Command, Kind, Paths};
use crate::term;
use crate::verbs::submission::size;

/// Number of ids that a message names.
const SHOWN: usize = 3;

#[derive(clap::Args)]
pub struct Args {
    /// Submission, `ImageId,EncodedPixels`, plain or gzip.
    pub submission: PathBuf,

    /// Ground truth in the same format; several rows of an image are merged.
    pub truth: PathBuf,

    /// Score only the images in the submission; the truth may have more.
    #[arg(long)]
    pub subset: bool,

    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,

    /// Write each image's Dice, IoU and areas to a CSV file, in the truth's order.
    #[arg(long, value_name = "FILE.csv")]
    pub per_image: Option<PathBuf>,

    /// The size of the masks, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size)]
    pub size: Size,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        paths.reads_as(Kind::Csv, "SUBMISSION", &self.submission);
        paths.reads_as(Kind::Csv, "TRUTH", &self.truth);
        self.per_image.iter().for_each(|path| paths.writes("--per-image", path));
        Ok(())
    }

    fn run(&self, _: &Checked) -> anyhow::Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> anyhow::Result<Exit> {
    let submission = read(args)?;
    let scores = submission.scores_of_file(&args.truth)?;
    let score = scores.summary(args.subset).map_err(|error| explained(error, args, &submission, &scores))?;
    if score.unanswered > 0 {
        let (scored, all) = (score.images, score.images + score.unanswered);
        term::note(format_args!("scored {scored} of the {all} images in the truth: those that the submission has"));
    }
    if let Some(path) = &args.per_image {
        write_per_image(path, &scores.images).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    if args.json {
        writeln!(term::Results, "{}", serde_json::to_string_pretty(&score)?)?;
    } else {
        write!(term::Results, "{}", table(&score))?;
    }
    Ok(Exit::Good)
}

/// Reads the submission, which has one row per image; if it has several and the truth does not, the two are probably
/// swapped. If both are the same file, it is read as a truth and compared with itself.
fn read(args: &Args) -> anyhow::Result<Submission> {
    if args.submission == args.truth {
        return Ok(Submission::read(&args.truth, args.size)?);
    }
    match Submission::read_single(&args.submission, args.size) {
        Err(error @ SubmissionError::Twice { .. }) => {
            let swapped = Submission::read_single(&args.truth, args.size).is_ok();
            let hint = "only a truth may have several rows per image: swap the two files if the truth comes first";
            Err(if swapped { anyhow!("{error}; {hint}") } else { error.into() })
        }
        submission => Ok(submission?),
    }
}

/// Adds which file lacks images of the other, and what to do about it.
fn explained(error: SubmissionError, args: &Args, submission: &Submission, scores: &Scores<'_>) -> anyhow::Error {
    let (answers, truths) = (args.submission.display(), args.truth.display());
    let all = scores.images.len() + scores.missing().len();
    match &error {
        SubmissionError::Missing { ids } => {
            let (missing, left) = (ids.len(), submission.len());
            anyhow!(
                "`{answers}` has no row for {missing} of the {all} images in `{truths}`: {}; add `--subset` to score \
                 the {left} that it has",
                some(ids)
            )
        }
        SubmissionError::Extra { ids } => {
            let swapped = all > 0 && scores.missing().len() == 0;
            let hint = if swapped {
                "; all images of the second are in the first: if the second is the submission, swap the two and add \
                 `--subset`"
            } else {
                ""
            };
            let (extra, all) = (ids.len(), submission.len());
            anyhow!("`{truths}` has no row for {extra} of the {all} images in `{answers}`: {}{hint}", some(ids))
        }
        _ => anyhow::Error::new(error).context(format!("cannot score `{answers}` against `{truths}`")),
    }
}

/// The first of some ids.
fn some(ids: &[String]) -> String {
    let shown: Vec<_> = ids.iter().take(SHOWN).map(|id| format!("`{}`", short(id))).collect();
    let more = ids.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn write_per_image(path: &Path, images: &[ImageScore<'_>]) -> anyhow::Result<()> {
    let mut writer = csv::Writer::from_writer(atomic::beside(path)?);
    images.iter().try_for_each(|image| writer.serialize(image))?;
    Ok(atomic::place(writer.into_inner().map_err(csv::IntoInnerError::into_error)?, path)?)
}

fn table(score: &Score) -> String {
    let negatives = score.images - score.positives;
    let row = |name: &str, value: Option<f64>, note: String| {
        let value = value.map_or("-".to_owned(), |value| format!("{value:.6}"));
        format!("{name:<22}{value:>9}  {note}\n")
    };
    let share = |part: usize, whole: usize, interval: Option<(f64, f64)>| match interval {
        Some((low, high)) => format!("{part} of {whole}; 95 % interval {low:.3} to {high:.3}"),
        None => format!("{part} of {whole}"),
    };
    let mut sensitivity = share(score.true_positives, score.positives, score.sensitivity_interval);
    if score.found_elsewhere > 0 {
        sensitivity.push_str(&format!("; {} more found elsewhere, without overlap", score.found_elsewhere));
    }
    let specificity = share(score.true_negatives, negatives, score.specificity_interval);
    [
        row("mean Dice", Some(score.mean_dice), format!("{} images, both empty = 1", score.images)),
        row("mean Dice, positives", score.mean_dice_positives, format!("{} with a mask in truth", score.positives)),
        row("mean IoU", Some(score.mean_iou), String::new()),
        row("mean IoU, positives", score.mean_iou_positives, String::new()),
        row("sensitivity", score.sensitivity, sensitivity),
        row("specificity", score.specificity, specificity),
    ]
    .map(|line| format!("{}\n", line.trim_end()))
    .concat()
}
