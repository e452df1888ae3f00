//! `pleura tune`: optimizes a manifest's numbers on its members' outputs and the truth.

mod print;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use pleura::Size;
use pleura::ensemble::{Ensemble, Options};
use pleura::manifest::{self, WrittenOut};
use pleura::submission::Submission;
use pleura::tune::{
    self, Answered, AnsweredImage, Axis, CachedOutputs, Choose, Evaluator, Folds, Grid, Metric, Number, OutputCache,
    Space, TuneError, Tuned, WeightSearch, Weights,
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
    let target = target(args, folder)?;
    let truth = Submission::read(&args.truth, args.truth_size)?;
    let folds = args.folds.as_deref().map(answers::folds).transpose()?;
    warn_about_folds(&grid, folds.as_ref());
    let space = Space::open(grid, folder)?;
    space.fits(files.len())?;
    let options = given(Ensemble::options(), args.size, Options::output_size);
    let options = given(options, folds.clone(), Options::folds);
    let _interrupt = interrupt::says(answers::interrupted(&args.engine.cache))?;
    let ensemble = args.engine.open(path, options)?;
    let judge = Evaluator { ensemble: &ensemble, truth: &truth, size: args.truth_size };
    let Found { space, images, ballots, kept, skipped } = collect(&judge, space, files, args.weights)?;
    ensure!(!images.is_empty(), "all {} inputs were skipped", files.len());
    let folds = match &folds {
        Some(list) => Folds::listed(&images, list)?,
        None => Folds::stratified(&images, args.nested as usize)?,
    };
    print::counts(&space, &images, skipped, truth.len());
    answers::report(&ensemble, &args.engine.cache);
    let how = if args.center { Choose::Centre } else { Choose::Maximum };
    let (tuned, weights) = if args.weights {
        let bar = term::spinner("weights");
        let weighing = WeightSearch { space: &space, folder, ballots: &ballots, images: &kept, metric: args.metric };
        let weighed = weighing.tune(images, &folds, how)?;
        bar.finish_and_clear();
        print::weights(&space, &weighed);
        (weighed.tuned, Some(weighed.weights))
    } else {
        (tune::tune(&space, &images, args.metric, &folds, how)?, None)
    };
    print::result(&space, &tuned, args.metric);
    write(&space, (&tuned, weights.as_ref()), &text, path, target)?;
    Ok(if skipped > 0 { Exit::Skipped } else { Exit::Good })
}

/// The file to write the result to, if any.
fn target<'a>(args: &'a Args, folder: &Path) -> Result<Option<&'a Path>> {
    let target = if args.write { Some(&args.ensemble) } else { args.out.as_ref() };
    let Some(target) = target else { return Ok(None) };
    let place = |folder: &Path| {
        if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() }.canonicalize()
    };
    let other = target.parent().unwrap_or(Path::new(""));
    match (place(folder), place(other)) {
        (Ok(here), Ok(there)) if here != there => {
            let (out, folder) = (target.display(), here.display());
            bail!("`{out}` is not in the manifest's folder, `{folder}`: models are named relative to it");
        }
        _ => check_writable(target)?,
    }
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

/// Each image's result at every point.
struct Found {
    space: Space,
    images: Vec<Answered>,
    /// The members' maps, if weights are searched.
    ballots: OutputCache,
    kept: Vec<CachedOutputs>,
    skipped: usize,
}

fn collect(judge: &Evaluator<'_>, space: Space, files: &[PathBuf], weights: bool) -> Result<Found> {
    match collect_once(judge, &space, files, weights) {
        Err(TuneError::NotStock) => {
            term::warning(format_args!("{}, which is slower", TuneError::NotStock));
            let space = space.plain();
            let (images, (ballots, kept), skipped) = collect_once(judge, &space, files, weights)?;
            Ok(Found { space, images, ballots, kept, skipped })
        }
        found => {
            let (images, (ballots, kept), skipped) = found?;
            Ok(Found { space, images, ballots, kept, skipped })
        }
    }
}

type Collected = (Vec<Answered>, (OutputCache, Vec<CachedOutputs>), usize);

fn collect_once(
    judge: &Evaluator<'_>,
    space: &Space,
    files: &[PathBuf],
    weights: bool,
) -> Result<Collected, TuneError> {
    let bar = term::progress(files.len() as u64, "answers");
    let skips = Skips::unlisted("skipped files");
    let ballots = OutputCache::new(tune::lowest(space));
    let keep = |seen: &AnsweredImage<'_>| {
        let answered = space.look(seen.image, seen.answers)?;
        let ballot = weights.then(|| ballots.keep(seen.image, seen.answers, &answered)).transpose()?;
        Ok((answered, ballot))
    };
    let found = judge.collect(files, &keep, &|file, error| {
        bar.inc(1);
        if let Some(error) = error {
            bar.suspend(|| skips.file(file, &anyhow::Error::new(error.clone())));
        }
    })?;
    bar.finish_and_clear();
    let (images, kept): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    Ok((images, (ballots, kept.into_iter().flatten().collect()), skips.count()))
}

/// Writes the manifest, and prints what changed. A separate file is written even without changes: the next command will
/// expect it.
fn write(
    space: &Space,
    (tuned, weights): (&Tuned, Option<&Weights>),
    text: &str,
    path: &Path,
    target: Option<&Path>,
) -> Result<()> {
    // the same numbers may differ by rounding in their scores
    let found = changes(space, tuned, weights);
    let better = tuned.best.score > tuned.current && !found.is_empty();
    let changes = if better { found } else { Vec::new() };
    if !better {
        term::note("no point of the grid is better than the manifest's values: nothing to change");
    }
    let changed = if better { tune::changed(text, path, &changes)? } else { text.to_owned() };
    print::changes(space, &changes);
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

/// The numbers that differ from the manifest's.
fn changes(space: &Space, tuned: &Tuned, weights: Option<&Weights>) -> Vec<(String, Number)> {
    let grid = space.grid();
    let values = grid.knobs.iter().zip(grid.values(tuned.best.point));
    let differ = values.filter(|(knob, value)| knob.current != Some(*value));
    let mut changes: Vec<_> = differ.map(|(knob, value)| (knob.key.clone(), knob.number(value))).collect();
    changes.extend(weights.into_iter().flat_map(|weights| weights.changes(grid.manifest())));
    changes
}
