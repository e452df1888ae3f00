//! `pleura score`: a submission against the truth.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use pleura::atomic;
use pleura::submission::{ImageScore, Score, Submission};

use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::term;
use crate::verbs::submission::size;

#[derive(clap::Args)]
pub struct Args {
    /// The submission: `ImageId,EncodedPixels`, plain or gzip.
    pub submission: PathBuf,

    /// The truth, in the same form; several rows an image are joined.
    pub truth: PathBuf,

    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,

    /// Write each image's Dice, IoU and areas to a CSV file, in the truth's order.
    #[arg(long, value_name = "FILE.csv")]
    pub per_image: Option<PathBuf>,

    /// The size of the masks, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size)]
    pub size: (usize, usize),
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        paths.reads("SUBMISSION", &self.submission);
        paths.reads("TRUTH", &self.truth);
        self.per_image.iter().for_each(|path| paths.writes("--per-image", path));
        Ok(())
    }

    fn run(&self, _: &Checked) -> anyhow::Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> anyhow::Result<Exit> {
    let submission = Submission::read(&args.submission, args.size)?;
    let truth = Submission::read(&args.truth, args.size)?;
    let score = submission
        .score(&truth)
        .with_context(|| format!("cannot score `{}` by `{}`", args.submission.display(), args.truth.display()))?;
    if let Some(path) = &args.per_image {
        write_per_image(path, &score.per_image).with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    if args.json {
        writeln!(term::Results, "{}", serde_json::to_string_pretty(&score)?)?;
    } else {
        write!(term::Results, "{}", table(&score))?;
    }
    Ok(Exit::Good)
}

fn write_per_image(path: &Path, images: &[ImageScore]) -> anyhow::Result<()> {
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
