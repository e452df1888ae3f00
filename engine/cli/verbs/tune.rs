//! `pleura tune`: optimizes a manifest's numbers on its members' outputs and the truth.

mod print;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Result, ensure};
use pleura::Size;
use pleura::ensemble::{Ensemble, ImageError, Options};
use pleura::manifest::{self, WrittenOut};
use pleura::submission::Submission;
use pleura::tune::{
    self, Axis, Choice, Choose, Collected, Evaluator, Found, Grid, Method, Metric, Space, TuneError, Watch,
};

use crate::engine::{EngineArgs, given};
use crate::exit::Exit;
use crate::outputs::check_writable;
use crate::paths::{Checked, Command, Paths};
use crate::term::{self, Skips};
use crate::verbs::submission::size;
use crate::{answers, interrupt};

#[derive(clap::Args)]
#[command(mut_arg("cache", |cache| cache.required(true).help(CACHE)))]
pub struct Args {
    /// The ensemble's manifest.
    ensemble: PathBuf,

    /// DICOM, PNG or JPEG files, folders (searched recursively), globs, or `-` for a list on standard input.
    #[arg(required_unless_present = "images")]
    inputs: Vec<PathBuf>,

    /// Images, in addition to INPUTS; may be given several times.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    images: Vec<PathBuf>,

    /// Ground truth, `ImageId,EncodedPixels`, plain or gzip; several rows of an image are merged.
    #[arg(long, value_name = "CSV")]
    truth: PathBuf,

    /// The size of the truth's masks, in pixels.
    #[arg(long, value_name = "HxW", default_value = "1024x1024", value_parser = size)]
    truth_size: Size,

    /// Merge maps and make masks at this size instead of the manifest's: a smaller size is faster and nearly as
    /// accurate.
    #[arg(long, value_name = "HxW", value_parser = size)]
    size: Option<Size>,

    /// CSV of `ImageId,fold`: snapshots that name a fold run on the images of that fold only, and the cross-validation
    /// uses these folds.
    #[arg(long, value_name = "CSV", help_heading = "Search")]
    folds: Option<PathBuf>,

    /// Without `--folds`: number of cross-validation folds, stratified by positives.
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=100), conflicts_with = "folds", help_heading = "Search")]
    nested: u32,

    /// Values to try for a key of the manifest: `KEY=FROM:TO:STEP`, `KEY=VALUE` (fixed) or `KEY=VALUE,VALUE`; quote
    /// keys with brackets. May be given several times.
    #[arg(long, value_name = "KEY=FROM:TO:STEP", help_heading = "Search")]
    grid: Vec<String>,

    /// Search the members' weights, too, in both stages.
    #[arg(long, help_heading = "Search")]
    weights: bool,

    /// Fit calibrated probabilities to the classifier stage's scores, too: `temperature` (one number, for few images) or
    /// `isotonic` (any shape, from some hundred images); scored on the folds that the fit has not seen.
    #[arg(long, value_name = "METHOD", conflicts_with = "weights", help_heading = "Search")]
    calibrate: Option<Method>,

    /// Metric to maximize: `dice` (mean over all images, the competition's) or `dice-positives` (images with a mask in
    /// truth).
    #[arg(long, value_name = "METRIC", default_value = "dice", value_parser = metric, help_heading = "Search")]
    metric: Metric,

    /// Choose the centre of the plateau (the points within 0.001 of the best) instead of the best point.
    #[arg(long, help_heading = "Search")]
    center: bool,

    /// Write the best values into the manifest; comments stay.
    #[arg(long, conflicts_with = "out", help_heading = "Outputs")]
    write: bool,

    /// Write the manifest with the best values to another file in the same folder, because model paths are relative to
    /// it. If nothing is better, it is a copy.
    #[arg(long, value_name = "TOML", help_heading = "Outputs")]
    out: Option<PathBuf>,

    #[command(flatten)]
    engine: EngineArgs,
}

/// Help of `--cache`, which is required here.
const CACHE: &str = "Cache the members' outputs in this folder; missing outputs are inferred once and added";

fn metric(text: &str) -> Result<Metric, String> {
    match text {
        "dice" => Ok(Metric::Dice),
        "dice-positives" => Ok(Metric::DicePositives),
        _ => Err("`dice` or `dice-positives`".into()),
    }
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_ensemble("ENSEMBLE", &self.ensemble);
        paths.reads("--truth", &self.truth);
        paths.reads_any("--folds", &self.folds);
        self.out.iter().for_each(|path| paths.writes("--out", path));
        if self.write {
            paths.updates("--write", &self.ensemble, "ENSEMBLE");
        }
        self.engine.paths(paths);
        let what = match (self.inputs.is_empty(), self.images.is_empty()) {
            (true, _) => "--images",
            (_, true) => "INPUTS",
            _ => "INPUTS or --images",
        };
        paths.images(what, &[&*self.inputs, &self.images].concat())
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        run(self, checked.images())
    }
}

fn run(args: &Args, files: &[PathBuf]) -> Result<Exit> {
    // check everything that can fail before the first model runs
    let axes = args.grid.iter().map(|text| text.parse::<Axis>()).collect::<Result<Vec<_>, _>>()?;
    let path = &args.ensemble;
    let WrittenOut { text, is_resolved } = manifest::written_out(path)?;
    ensure!(
        !(is_resolved && args.write),
        "`{}` extends another manifest, or has defaults or a pattern: name another file with `--out`, which has them \
         written out",
        path.display()
    );
    let grid = Grid::new(&text, path, &axes)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let target = target(args)?;
    let truth = Submission::read(&args.truth, args.truth_size)?;
    let folds = args.folds.as_deref().map(answers::folds).transpose()?;
    warn_about_folds(&grid, folds.as_ref());
    let space = Space::open(grid, folder)?;
    // before any model is opened
    space.fits(files.len())?;
    let options = given(Ensemble::options(), args.size, Options::output_size);
    let options = given(options, folds.clone(), Options::folds);
    let _interrupt = interrupt::says(answers::interrupted(&args.engine.cache))?;
    let ensemble = args.engine.open(path, options)?;
    let judge = Evaluator { ensemble: &ensemble, truth: &truth, size: args.truth_size };
    let screen = Screen::new(files.len());
    let collected = Collected::collect(&judge, space, files, args.weights, &screen)?;
    screen.end();
    let skipped = collected.skipped;
    print::counts(&collected.space, &collected.images, skipped, truth.len());
    answers::report(&ensemble, &args.engine.cache);
    let how = if args.center { Choose::Centre } else { Choose::Maximum };
    let (nested, calibrate) = (args.nested as usize, args.calibrate);
    let choice = Choice { metric: args.metric, how, folds: folds.as_ref(), nested, calibrate };
    let bar = args.weights.then(|| term::spinner("weights"));
    let found = collected.search(folder, choice)?;
    bar.inspect(|bar| bar.finish_and_clear());
    found.weighed.iter().for_each(|weighed| print::weights(&found.space, weighed));
    print::result(&found.space, &found.tuned, args.metric);
    found.calibrated.iter().for_each(print::calibration);
    write(&found, &text, path, target)?;
    Ok(if skipped > 0 { Exit::Skipped } else { Exit::Good })
}

/// The file to write the result to, if any.
fn target(args: &Args) -> Result<Option<&Path>> {
    let target = if args.write { Some(&args.ensemble) } else { args.out.as_ref() };
    let Some(target) = target else { return Ok(None) };
    tune::check_folder(&args.ensemble, target)?;
    check_writable(target)?;
    Ok(Some(target))
}

/// Warns if members have seen the images that they predict.
fn warn_about_folds(grid: &Grid, folds: Option<&HashMap<String, u32>>) {
    let manifest = grid.manifest();
    let stages = manifest.classifier.iter().chain([&manifest.segmenter]);
    let mut snapshots = stages.flat_map(|stage| &stage.members).flat_map(|member| &member.snapshots);
    if folds.is_none() && snapshots.any(|snapshot| snapshot.fold.is_some()) {
        term::warning(
            "snapshots name the fold held out in their training: without `--folds` they also predict images that they \
             were trained on",
        );
    }
}

/// The terminal while images are answered.
struct Screen {
    images: u64,
    bar: Mutex<Option<term::Bar>>,
    skips: Skips,
}

impl Screen {
    fn new(images: usize) -> Self {
        Self { images: images as u64, bar: Mutex::default(), skips: Skips::unlisted("skipped files") }
    }

    fn end(&self) {
        lock(&self.bar).take().inspect(|bar| bar.finish_and_clear());
    }
}

impl Watch for Screen {
    fn begins(&self, is_plain: bool) {
        self.end();
        if is_plain {
            term::warning(format_args!("{}, which is slower", TuneError::NotStock));
        }
        *lock(&self.bar) = Some(term::progress(self.images, "answers"));
    }

    fn file(&self, file: &Path, error: Option<&ImageError>) {
        let Some(bar) = lock(&self.bar).as_deref().cloned() else { return };
        bar.inc(1);
        if let Some(error) = error {
            bar.suspend(|| self.skips.file(file, &anyhow::Error::new(error.clone())));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes the manifest, and prints what changed. A separate file is written even without changes: the next command will
/// expect it.
fn write(found: &Found, text: &str, path: &Path, target: Option<&Path>) -> Result<()> {
    let changes = found.changes();
    let better = !changes.is_empty();
    if !better {
        term::note("no point of the grid is better than the manifest's values: nothing to change");
    }
    let changed = found.applied(text, path)?;
    print::changes(&found.space, &changes);
    let better = better || found.calibrated.is_some();
    match target {
        // in place, an unchanged manifest needs no write
        Some(target) if better || target != path => {
            tune::write(target, &changed)?;
            if !better {
                term::note(format_args!("`{}` is a copy of `{}`", target.display(), path.display()));
            }
            term::result(format_args!("{}", target.display()));
        }
        None if better => term::note("nothing written: add `--write` or `--out FILE.toml`"),
        _ => {}
    }
    Ok(())
}
