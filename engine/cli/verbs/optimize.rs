//! `pleura optimize`: an ensemble in half precision and in 8 bits, compared with the original.

mod print;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use clap::ValueEnum;
use pleura::ensemble::{Decision, Ensemble, Finding, ImageError};
use pleura::manifest::Exit as Early;
use pleura::optimize::{Answers, Comparison, Form, OptimizeError, Optimizer, Variant, compare};
use pleura::submission::Submission;
use pleura::{Radiograph, Size};
use serde::Serialize;

use crate::engine::EngineArgs;
use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::term::{self, Skips};
use crate::verbs::submission::size;
use crate::{interrupt, scratch};

/// Number of images for calibration, if as many are left to compare on.
const CALIBRATE: usize = 32;

#[derive(clap::Args)]
pub struct Args {
    /// The ensemble's manifest.
    ensemble: PathBuf,

    /// DICOM, PNG or JPEG files, folders (searched recursively), globs, or `-` for a list on standard input. Some are
    /// used for calibration, the others to compare the variants with the original.
    #[arg(required = true)]
    inputs: Vec<PathBuf>,

    /// Output folder; each variant gets a subfolder, `fp16` and `int8`.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,

    /// Variants to write.
    #[arg(long, value_name = "FORM,…", value_delimiter = ',', default_value = "fp16,int8")]
    form: Vec<Wanted>,

    /// Number of inputs used for calibration, evenly spaced. If all are used, the comparison runs on the calibration
    /// images. Default: 32, and at most half of the inputs.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    calibrate: Option<u32>,

    /// Ground truth, `ImageId,EncodedPixels`, to score the original and each variant.
    #[arg(long, value_name = "CSV")]
    truth: Option<PathBuf>,

    /// The size of the truth's masks, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size, requires = "truth")]
    truth_size: Size,

    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    engine: EngineArgs,
}

/// What numbers are kept in.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// 16-bit floats.
    Fp16,
    /// 8-bit integers.
    Int8,
}

impl From<Wanted> for Form {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Fp16 => Self::Fp16,
            Wanted::Int8 => Self::Int8,
        }
    }
}

/// The results.
#[derive(Serialize)]
struct Report<'a> {
    ensemble: &'a Path,
    /// Files used for calibration.
    calibrated: Vec<&'a Path>,
    /// Files that original and variants are compared on.
    compared: Vec<&'a Path>,
    /// Whether the compared images exclude those used for calibration.
    held_out: bool,
    /// Files for which the original failed, and why.
    skipped: &'a [(PathBuf, String)],
    variants: Vec<Compared>,
}

/// A variant compared with its original.
#[derive(Serialize)]
struct Compared {
    #[serde(flatten)]
    variant: Variant,
    #[serde(flatten)]
    comparison: Comparison,
    /// Half precision on a CPU: compared also with every value rounded to a half, as on hardware that computes with
    /// them.
    #[serde(skip_serializing_if = "Option::is_none")]
    rounded: Option<Comparison>,
}

impl Args {
    /// The forms of the variants, without repetition.
    fn forms(&self) -> Vec<Form> {
        let mut forms = Vec::new();
        for form in self.form.iter().map(|&wanted| wanted.into()) {
            if !forms.contains(&form) {
                forms.push(form);
            }
        }
        forms
    }
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_ensemble("ENSEMBLE", &self.ensemble);
        paths.reads_any("--truth", &self.truth);
        self.forms().iter().for_each(|form| paths.writes_tree("--out", &self.out.join(form.to_string())));
        self.engine.paths(paths);
        paths.images("INPUTS", &self.inputs)
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        run(self, checked.images())
    }
}

fn run(args: &Args, files: &[PathBuf]) -> Result<Exit> {
    let truth = args.truth.as_ref().map(|truth| Submission::read(truth, args.truth_size)).transpose()?;
    let forms = args.forms();
    let folders = forms.iter().map(|form| args.out.join(form.to_string())).collect::<Vec<_>>();
    for folder in &folders {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    let _interrupt = interrupt::says(crate::answers::interrupted(&args.engine.cache))?;
    // every member runs, so that scores are exact; the masks are those of an early exit
    let ensemble = args.engine.open(&args.ensemble, Ensemble::options().exit(Early::Full))?;
    let chosen = choose(files.len(), args.calibrate);
    let mut optimizer = Optimizer::new(&ensemble)?;
    let before = original(&ensemble, &mut optimizer, files, &chosen, truth.as_ref(), args)?;
    let compared: Vec<PathBuf> = match chosen.len() < files.len() {
        true => (0..files.len()).filter(|place| !chosen.contains(place)).map(|place| files[place].clone()).collect(),
        false => files.to_vec(),
    };
    let mut report = Report {
        ensemble: &args.ensemble,
        calibrated: (0..files.len()).filter(|place| chosen.contains(place)).map(|place| &*files[place]).collect(),
        compared: compared.iter().map(|file| &**file).collect(),
        held_out: chosen.len() < files.len(),
        skipped: &before.failed,
        variants: Vec::new(),
    };
    for (form, folder) in forms.into_iter().zip(&folders) {
        let variant = optimizer.write(form, folder)?;
        let beside = |manifest: &Path| -> Result<Comparison> {
            Ok(compare(&before, &answers(args, manifest, &compared)?, truth.as_ref())?)
        };
        let comparison = beside(&variant.manifest)?;
        let rounded = (form == Form::Fp16 && optimizer.on_cpu()).then(|| {
            let folder = scratch::folder_in(folder, ".rounding-").context("cannot make a temporary folder")?;
            beside(&optimizer.write_rounding(folder.path())?)
        });
        report.variants.push(Compared { variant, comparison, rounded: rounded.transpose()? });
    }
    print::report(&report, args.json)?;
    let mut compared = report.variants.iter().flat_map(|it| std::iter::once(&it.comparison).chain(&it.rounded));
    let good = report.skipped.is_empty() && compared.all(|it| it.failed.is_empty());
    Ok(if good { Exit::Good } else { Exit::Skipped })
}

/// The inputs used for calibration, spread evenly.
fn choose(files: usize, wanted: Option<u32>) -> HashSet<usize> {
    let count = match wanted {
        Some(count) => count as usize,
        None => CALIBRATE.min(files / 2).max(1),
    };
    let count = count.min(files);
    (0..count).map(|place| place * files / count).collect()
}

/// Runs the original on every input, and records its networks' values on those used for calibration.
fn original(
    ensemble: &Ensemble,
    optimizer: &mut Optimizer<'_>,
    files: &[PathBuf],
    chosen: &HashSet<usize>,
    truth: Option<&Submission>,
    args: &Args,
) -> Result<Answers> {
    let mut answers = Answers::default();
    let mut calibrating: Vec<(&Path, Finding)> = Vec::new();
    let bar = term::progress(files.len() as u64, "original");
    let mut place = 0;
    let calibrates: HashSet<&Path> = chosen.iter().map(|&place| &*files[place]).collect();
    ensemble.predict_files(files, |path, found, radiograph| {
        bar.inc(1);
        place += 1;
        answers.take(path, found.as_ref())?;
        let (Ok(mut finding), Some(radiograph)) = (found, radiograph) else { return Ok(()) };
        check_truth(&finding, truth, args)?;
        if let Some(&path) = calibrates.get(path) {
            optimizer.calibrate(radiograph, &finding, false)?;
            finding.mask = pleura::Mask::empty(Size::new(1, 1));
            calibrating.push((path, finding));
        }
        anyhow::Ok(())
    })?;
    bar.finish_and_clear();
    let skips = Skips::unlisted("skipped files");
    answers.failed.iter().for_each(|(path, error)| skips.file(path, &anyhow!("{error}")));
    if answers.masks().is_empty() {
        bail!("all {} inputs were skipped: no images to compare on", files.len());
    }
    if calibrating.is_empty() {
        bail!("all calibration images were skipped: use more with --calibrate");
    }
    if optimizer.lacks_images() && calibrating.iter().all(|(_, finding)| finding.decision == Decision::ClassifierGate) {
        term::warning("no calibration image passes the classifiers' gate: segmenters are calibrated on all of them");
        for (path, finding) in &calibrating {
            optimizer.calibrate(&Radiograph::open(path)?, finding, true)?;
        }
    }
    optimizer.calibrated();
    Ok(answers)
}

/// Checks that the truth has a row of the image, of the size of its mask.
fn check_truth(finding: &Finding, truth: Option<&Submission>, args: &Args) -> Result<()> {
    let Some(truth) = truth else { return Ok(()) };
    let id = &finding.id;
    ensure!(
        truth.contains(id),
        "the truth has no row for image `{id}`: add one (`-1` for an empty mask), or leave the image out"
    );
    let (found, expected) = (finding.mask.size(), args.truth_size);
    ensure!(
        found == expected,
        "the mask of `{id}` is {found}, the truth's masks are {expected}: give their size with --truth-size, or set \
         `output.size`"
    );
    Ok(())
}

/// Runs an ensemble on files.
fn answers(args: &Args, manifest: &Path, files: &[PathBuf]) -> Result<Answers> {
    let ensemble = args.engine.open(manifest, Ensemble::options().exit(Early::Full))?;
    let mut answers = Answers::default();
    let bar = term::progress(files.len() as u64, "variant");
    ensemble.predict_files(files, |path, found: Result<Finding, ImageError>, _| {
        bar.inc(1);
        answers.take(path, found.as_ref())
    })?;
    bar.finish_and_clear();
    Ok::<_, OptimizeError>(answers).map_err(Into::into)
}
