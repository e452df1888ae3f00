//! `pleura bench`: the time of a run by stage.

mod print;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ndarray::ArrayD;
use pleura::Radiograph;
use pleura::ensemble::{Ensemble, Times};
use pleura::manifest::Exit as EarlyExit;
use pleura::runtime::{Element, Model, Port};
use pleura::submission::Submission;

use crate::engine::EngineArgs;
use crate::exit::Exit;
use crate::interrupt;
use crate::paths::{Checked, Command, Paths};
use crate::{scratch, term};

#[derive(clap::Args)]
pub struct Args {
    /// The ensemble's manifest.
    pub ensemble: PathBuf,

    /// DICOM, PNG or JPEG files, folders (searched recursively), globs, or `-` for a list on standard input.
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,

    /// Number of rounds. Each round runs the ensemble over all inputs, then the models alone over batches of the same
    /// shapes; the median round is reported.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,

    /// Run every member of a stage, even when the gate is decided before (no early exit).
    #[arg(long)]
    pub full: bool,

    /// Print JSON instead of a table.
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub engine: EngineArgs,
}

/// One run over all inputs.
struct Round {
    /// Time from the first file's bytes to the written submission.
    wall: Duration,
    /// Time of the models alone, over batches of the same shapes, on all devices at once.
    bare: Duration,
    times: Times,
    /// Time of collecting and writing the results.
    write: Duration,
    images: usize,
    skipped: usize,
}

impl Round {
    /// The models' bare time over the wall time: 1 means no overhead.
    fn efficiency(&self) -> f64 {
        self.bare.as_secs_f64() / self.wall.as_secs_f64()
    }

    fn images_per_second(&self) -> f64 {
        self.images as f64 / self.wall.as_secs_f64()
    }
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_ensemble("ENSEMBLE", &self.ensemble);
        self.engine.paths(paths);
        paths.images("INPUTS", &self.inputs)
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        let _interrupt = interrupt::again()?;
        run(self, checked.images())
    }
}

fn run(args: &Args, files: &[PathBuf]) -> Result<Exit> {
    let mut options = Ensemble::options();
    if args.full {
        options = options.exit(EarlyExit::Full);
    }
    let ensemble = args.engine.open(&args.ensemble, options)?;
    // The first runs of a session allocate its memory, and are not measured.
    let few = files.len().min(2 * ensemble.batch());
    once(&ensemble, &files[..few])?;
    let bar = term::progress(u64::from(args.rounds), "measuring");
    let mut rounds = Vec::new();
    for _ in 0..args.rounds {
        let round = once(&ensemble, files)?;
        rounds.push(Round { bare: bare(&ensemble, &round.times)?, ..round });
        bar.inc(1);
    }
    bar.finish_and_clear();
    rounds.sort_by_key(|round| round.wall);
    let middle = &rounds[rounds.len() / 2];
    if middle.images == 0 {
        bail!("all {} inputs were skipped: run `pleura predict` for the reasons", middle.skipped);
    }
    let told = if args.json { print::json(&ensemble, &rounds)? } else { print::table(&ensemble, &rounds) };
    term::result(told.trim_end());
    Ok(if middle.skipped > 0 { Exit::Skipped } else { Exit::Good })
}

/// Runs an ensemble over files, into a submission that is discarded.
fn once(ensemble: &Ensemble, files: &[PathBuf]) -> Result<Round> {
    let folder = scratch::folder().context("cannot make a temporary folder")?;
    ensemble.reset_times();
    let start = Instant::now();
    let (mut submission, mut write, mut skipped) = (Submission::any_size(), Duration::ZERO, 0);
    ensemble.predict_files(files, |_, finding, _: Option<&Radiograph>| -> Result<()> {
        let begun = Instant::now();
        match finding {
            // two files of one image have one row
            Ok(finding) if !submission.contains(&finding.id) => submission.insert(finding.id, &finding.mask)?,
            Ok(_) => {}
            Err(_) => skipped += 1,
        }
        write += begun.elapsed();
        Ok(())
    })?;
    let begun = Instant::now();
    submission.sort();
    submission.write(folder.path().join("submission.csv"))?;
    write += begun.elapsed();
    let (wall, images) = (start.elapsed(), files.len() - skipped);
    Ok(Round { wall, bare: Duration::ZERO, times: ensemble.times(), write, images, skipped })
}

/// Runs the models alone, as often and on batches of the same shapes as in the run; several devices at once, each with
/// its share.
fn bare(ensemble: &Ensemble, times: &Times) -> Result<Duration> {
    let shapes = times.models.values().flat_map(|usage| usage.shapes.keys());
    let batches: BTreeMap<&[usize], ArrayD<f32>> = shapes.map(|shape| (shape.as_slice(), plausible(shape))).collect();
    // a model has a session on each device that ran it
    let mut sessions: BTreeMap<&Path, Vec<&Model>> = BTreeMap::new();
    let opened = ensemble.models();
    opened.iter().for_each(|model| sessions.entry(model.path()).or_default().push(model));
    let alone = |device: usize| -> Result<()> {
        for (path, sessions) in &sessions {
            let (Some(model), Some(usage)) = (sessions.get(device), times.models.get(*path)) else { continue };
            let Some(input) = model.inputs().first() else { continue };
            let outputs: Vec<&str> = model.outputs().iter().filter_map(numbers).collect();
            for (shape, runs) in &usage.shapes {
                let end = |device: usize| runs * device / sessions.len();
                for _ in end(device)..end(device + 1) {
                    model.run(&input.name, batches[shape.as_slice()].view(), &outputs)?;
                }
            }
        }
        Ok(())
    };
    let start = Instant::now();
    thread::scope(|scope| {
        let alone = &alone;
        let start = |device| thread::Builder::new().spawn_scoped(scope, move || alone(device));
        let running: Vec<_> = (0..ensemble.placements().count()).map(start).collect();
        running.into_iter().try_for_each(|device| {
            let device = device.context("cannot start one thread per device")?;
            device.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    })?;
    Ok(start.elapsed())
}

/// The name of an output with a type that the engine reads.
fn numbers(port: &Port) -> Option<&str> {
    (!matches!(port.element, Element::Other(_))).then_some(port.name.as_str())
}

/// A tensor of plausible input values: zeros would make some networks faster and others slower.
fn plausible(shape: &[usize]) -> ArrayD<f32> {
    let mut place = 0_usize;
    ArrayD::from_shape_simple_fn(shape, || {
        place = place.wrapping_mul(31).wrapping_add(7) % 1021;
        place as f32 / 510.5 - 1.0
    })
}

/// A path relative to the manifest's folder, if it is in it.
fn beside<'a>(ensemble: &Ensemble, path: &'a Path) -> &'a Path {
    ensemble.path().parent().and_then(|folder| path.strip_prefix(folder).ok()).unwrap_or(path)
}
