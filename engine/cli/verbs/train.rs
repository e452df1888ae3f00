//! `pleura train`: trains a recipe's network or stack.

mod fold;
mod stack;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use pleura::runtime::Device;
use pleura_train::fit::{self, Options, Outcome, TrainError, Watch};
use pleura_train::journal::Line;
use pleura_train::progress::{Progress, short};
use pleura_train::recipe;

use crate::decode::DecodeArgs;
use crate::engine::start_threads;
use crate::exit::Exit;
use crate::interrupt::{self, InForce};
use crate::paths::{Checked, Command, Paths};
use crate::{fetch, term};
use fold::Fold;

#[derive(clap::Args)]
pub struct Args {
    /// Recipe (TOML) of networks, or, with a `[stack]` table, of a stacking model.
    pub recipe: PathBuf,

    /// Output folder; an interrupted training in it is resumed. Default: the recipe's name.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Device: `auto`, `cpu`, `cuda` or `cuda:N`.
    #[arg(long, default_value_t)]
    pub device: Device,

    /// Number of threads per operator; 0 is ONNX Runtime's default.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,

    /// Train this fold only, by its number in file names: 0 is `fold0`, the first. `auto` takes the scheduler's array
    /// index (`SLURM_ARRAY_TASK_ID`, `JOB_COMPLETION_INDEX`). Folds may be trained in parallel into one folder;
    /// afterwards run the same command without `--fold` to write the manifest.
    #[arg(long, value_name = "K", conflicts_with = "check")]
    pub fold: Option<Fold>,

    /// Train from the start, discarding what the folder holds.
    #[arg(long)]
    pub fresh: bool,

    /// Check the recipe, its files, network, weights and data, report all faults, and stop.
    #[arg(long)]
    pub check: bool,

    /// Path of the ONNX Runtime library. Default: searched for.
    #[arg(long, value_name = "LIBRARY")]
    pub onnxruntime: Option<PathBuf>,

    #[command(flatten)]
    pub decode: DecodeArgs,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_recipe("RECIPE", &self.recipe);
        paths.reads_any("--onnxruntime", &self.onnxruntime);
        if let (false, Some((folder, names))) = (self.check, fit::outputs(&self.recipe, self.out.as_deref())) {
            for fold in folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.path()) {
                if fold.is_dir() && fold.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fold")) {
                    paths.writes_tree("--out (a fold's folder)", &fold);
                }
            }
            paths.writes_like("--out", &folder, names);
        }
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> Result<Exit> {
    let is_stack = recipe::stack::is_stack(&args.recipe);
    if args.check {
        return if is_stack { stack::check(&args.recipe) } else { check(args) };
    }
    let options = Options {
        out: args.out.clone(),
        device: args.device,
        threads: args.threads,
        onnxruntime: args.onnxruntime.clone(),
        fresh: args.fresh,
        decode: args.decode.limits(),
    };
    let fold = args.fold.map(Fold::number).transpose()?;
    start_threads(args.threads)?;
    if is_stack {
        ensure!(fold.is_none(), "--fold: a stacking model trains all folds at once; leave it out");
        return stack::run(&args.recipe, &options);
    }
    fetch::ensure(args.onnxruntime.as_deref())?;
    let outcome = match fold {
        Some(fold) => shown(|screen| fit::train_fold(&args.recipe, fold, &options, screen))?,
        None => train(&args.recipe, &options)?,
    };
    let Some(outcome) = outcome else { return Ok(Exit::Transient) };
    term::result(format_args!("out of fold, {} images: {}", outcome.images, figures(&outcome)));
    match &outcome.manifest {
        Some(manifest) => term::result(manifest.display()),
        None => term::note("once every fold is trained, run the same command without --fold to write the manifest"),
    }
    Ok(Exit::Good)
}

/// Trains by a recipe and shows the progress; `None` if Ctrl-C stopped it, which is printed.
pub fn train(recipe: &Path, options: &Options) -> Result<Option<Outcome>> {
    shown(|screen| fit::train(recipe, options, screen))
}

fn shown(train: impl FnOnce(&mut Screen) -> Result<Outcome, TrainError>) -> Result<Option<Outcome>> {
    let mut screen = Screen::new()?;
    let result = train(&mut screen);
    screen.bar.finish_and_clear();
    match result {
        Ok(outcome) => Ok(Some(outcome)),
        Err(error @ TrainError::Interrupted { .. }) => {
            term::note(error);
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The networks' metrics on images held out of training, as text.
pub fn figures(outcome: &Outcome) -> String {
    let figure = |name: &str, value: Option<f64>| value.map(|value| format!("{name} {value:.4}"));
    let figures =
        [figure("Dice", outcome.dice), figure("Dice of positives", outcome.dice_positives), figure("AUC", outcome.auc)];
    figures.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// All faults of the recipe, and of the files, the network and the data that it names.
fn check(args: &Args) -> Result<Exit> {
    let found = fit::check(&args.recipe)?;
    found.diagnostics.iter().for_each(term::result);
    found.remarks.iter().for_each(term::result);
    if let Some(parameters) = found.parameters {
        term::result(format_args!("{parameters} parameters"));
    }
    if let Some((images, positive)) = found.images {
        term::result(format_args!("{images} images, {positive} positive"));
    }
    Ok(if found.is_good() { Exit::Good } else { Exit::Wrong })
}

/// The terminal during a training.
struct Screen {
    bar: term::Bar,
    stopped: Arc<AtomicBool>,
    /// The handling of Ctrl-C: before the first step, everything trained is on disk.
    interrupt: InForce,
    steps: bool,
}

impl Screen {
    fn new() -> Result<Self> {
        let interrupt = interrupt::says(|| "interrupted before the first step: run the same command again".into())?;
        Ok(Self { bar: term::line(), stopped: Arc::default(), interrupt, steps: false })
    }
}

impl Watch for Screen {
    fn step(&mut self, progress: &Progress) {
        if !self.steps {
            self.steps = true;
            self.interrupt.becomes_stop(&self.stopped);
        }
        self.bar.set_message(progress.to_string());
    }

    fn epoch(&mut self, line: &Line, is_best: bool) {
        let figure =
            |name: &str, value: Option<f64>| value.map_or(String::new(), |value| format!("  {name} {value:.4}"));
        let text = format!(
            "fold {} phase {} epoch {:>3}  lr {:.2e}  loss {:.4}{}{}{}{}{}  {:.1} images/s  {}{}",
            line.fold + 1,
            line.phase + 1,
            line.epoch + 1,
            line.lr,
            line.loss,
            figure("validation", line.validation_loss),
            figure("dice", line.dice),
            figure("positives", line.dice_positives),
            figure("iou", line.iou),
            figure("auc", line.auc),
            line.images_per_second,
            short(Duration::from_secs_f64(line.seconds)),
            if is_best { "  best" } else { "" },
        );
        self.bar.suspend(|| term::note(text));
    }

    fn note(&mut self, text: &str) {
        self.bar.suspend(|| term::note(text));
    }

    fn stops(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}
