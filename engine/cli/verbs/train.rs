//! `pleura train`: trains a recipe's network or stack.

mod curves;
mod find_lr;
mod fold;
mod stack;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use pleura::runtime::Device;
use pleura_train::fit::{self, LrRange, Options, Outcome, TrainError, Watch};
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

    /// Draw the learning curves in the terminal, too: after every epoch, or at the end if there is no terminal.
    #[arg(long, conflicts_with_all = ["check", "find_lr"])]
    pub watch: bool,

    /// Write event files for TensorBoard, too: `tensorboard --logdir OUT/tensorboard`.
    #[arg(long, conflicts_with_all = ["check", "find_lr"])]
    pub tensorboard: bool,

    /// Look for the learning rate, and stop: train some steps at ever higher rates, and draw the loss, in
    /// `OUT/find-lr.svg`. Default range: 1e-7:1:100.
    #[arg(
        long, value_name = "FROM:TO[:STEPS]", num_args = 0..=1, require_equals = true,
        default_missing_value = "1e-7:1:100", conflicts_with_all = ["check", "fold", "fresh"]
    )]
    pub find_lr: Option<LrRange>,

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
            if self.tensorboard {
                paths.writes_tree("--out (TensorBoard's folder)", &folder.join(pleura_train::tensorboard::FOLDER));
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
        tensorboard: args.tensorboard,
        decode: args.decode.limits(),
    };
    let fold = args.fold.map(Fold::number).transpose()?;
    start_threads(args.threads)?;
    if is_stack {
        ensure!(args.find_lr.is_none(), "--find-lr: a stacking model has no learning rate to look for; leave it out");
        ensure!(fold.is_none(), "--fold: a stacking model trains all folds at once; leave it out");
        return stack::run(&args.recipe, &options);
    }
    fetch::ensure(args.onnxruntime.as_deref())?;
    if let Some(range) = args.find_lr {
        return find_lr::run(&args.recipe, range, &options);
    }
    let outcome = shown(args.watch, |screen| match fold {
        Some(fold) => fit::train_fold(&args.recipe, fold, &options, screen),
        None => fit::train(&args.recipe, &options, screen),
    })?;
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
    shown(false, |screen| fit::train(recipe, options, screen))
}

fn shown<T>(watches: bool, train: impl FnOnce(&mut Screen) -> Result<T, TrainError>) -> Result<Option<T>> {
    let mut screen = Screen::new(watches)?;
    let result = train(&mut screen);
    screen.end();
    match result {
        Ok(outcome) => Ok(Some(outcome)),
        Err(error @ (TrainError::Interrupted { .. } | TrainError::Stopped)) => {
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
    /// The epochs so far, if their curves are drawn.
    epochs: Option<Vec<Line>>,
    curves: String,
}

impl Screen {
    fn new(watches: bool) -> Result<Self> {
        let interrupt = interrupt::says(|| "interrupted before the first step: run the same command again".into())?;
        let bar = if watches { term::lines() } else { term::line() };
        let epochs = watches.then(Vec::new);
        Ok(Self { bar, stopped: Arc::default(), interrupt, steps: false, epochs, curves: String::new() })
    }

    /// Leaves the curves behind.
    fn end(&self) {
        self.bar.finish_and_clear();
        if !self.curves.is_empty() {
            term::note(&self.curves);
        }
    }
}

impl Watch for Screen {
    fn step(&mut self, progress: &Progress) {
        if !self.steps {
            self.steps = true;
            self.interrupt.becomes_stop(&self.stopped, "stopping after this step with a checkpoint");
        }
        let status = progress.to_string();
        self.bar.set_message(if self.curves.is_empty() { status } else { format!("{status}\n{}", self.curves) });
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
        if let Some(epochs) = &mut self.epochs {
            epochs.push(line.clone());
            self.curves = curves::draw(epochs);
        }
    }

    fn note(&mut self, text: &str) {
        self.bar.suspend(|| term::note(text));
    }

    fn stops(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }
}
