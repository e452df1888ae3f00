//! `pleura train`: trains what a recipe declares.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context, Result};
use indicatif::ProgressBar;
use pleura::lint::Severity;
use pleura::runtime::Device;
use pleura_train::fit::{self, Options, TrainError, Watch};
use pleura_train::journal::Line;
use pleura_train::progress::{Progress, short};
use pleura_train::recipe;

use crate::exit::Exit;
use crate::{fetch, term};

#[derive(clap::Args)]
pub struct Args {
    /// The recipe, a TOML file.
    pub recipe: PathBuf,

    /// The folder for everything that is made; the recipe's name unless given. A training that was interrupted there
    /// goes on.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Where it runs: `auto`, `cpu`, `cuda` or `cuda:N`.
    #[arg(long, default_value_t)]
    pub device: Device,

    /// Threads within an operator; 0 leaves the choice to ONNX Runtime.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub threads: usize,

    /// Begin anew, whatever the folder holds.
    #[arg(long)]
    pub fresh: bool,

    /// Only say what is wrong with the recipe.
    #[arg(long)]
    pub check: bool,

    /// The ONNX Runtime library, instead of a search for one.
    #[arg(long, value_name = "LIBRARY")]
    pub onnxruntime: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<Exit> {
    if args.check {
        return check(args);
    }
    fetch::ensure(args.onnxruntime.as_deref())?;
    let options = Options {
        out: args.out.clone(),
        device: args.device,
        threads: args.threads,
        onnxruntime: args.onnxruntime.clone(),
        fresh: args.fresh,
    };
    let mut screen = Screen::new()?;
    let result = fit::train(&args.recipe, &options, &mut screen);
    screen.bar.finish_and_clear();
    match result {
        Ok(outcome) => {
            let figure = |name: &str, value: Option<f64>| value.map(|value| format!("{name} {value:.4}"));
            let figures = [
                figure("Dice", outcome.dice),
                figure("Dice of positives", outcome.dice_positives),
                figure("AUC", outcome.auc),
            ];
            let figures: Vec<String> = figures.into_iter().flatten().collect();
            term::result(format_args!("out of fold, {} images: {}", outcome.images, figures.join(", ")));
            term::result(format_args!("{}", outcome.manifest.display()));
            Ok(Exit::Good)
        }
        Err(error @ TrainError::Interrupted { .. }) => {
            term::note(error);
            Ok(Exit::Transient)
        }
        Err(error) => Err(error.into()),
    }
}

/// Everything that is wrong with the recipe, and with the network and the weights that it names.
fn check(args: &Args) -> Result<Exit> {
    let lint = recipe::lint(&args.recipe)?;
    lint.diagnostics.iter().for_each(term::result);
    if lint.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return Ok(Exit::Wrong);
    }
    let Some(recipe) = lint.document else { return Ok(Exit::Wrong) };
    let folder = args.recipe.parent().unwrap_or(std::path::Path::new("."));
    let prepared = fit::prepare(&recipe, folder, recipe.seed)?;
    prepared.remarks.iter().for_each(term::result);
    term::result(format_args!("{} parameters", prepared.parameters()));
    let data = fit::dataset(&recipe, folder)?;
    data.remarks().iter().for_each(term::result);
    term::result(format_args!("{} images, {} positive", data.items().len(), data.positives()));
    Ok(Exit::Good)
}

/// The terminal.
struct Screen {
    bar: ProgressBar,
    stopped: Arc<AtomicBool>,
}

impl Screen {
    fn new() -> Result<Self> {
        Ok(Self { bar: term::line(), stopped: on_interrupt()? })
    }
}

/// Set by Ctrl-C, or by the signal that schedulers send; a second one ends the process at once.
fn on_interrupt() -> Result<Arc<AtomicBool>> {
    static STOPPED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    if let Some(stopped) = STOPPED.get() {
        return Ok(Arc::clone(stopped));
    }
    let stopped = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stopped);
    ctrlc::set_handler(move || {
        if told.swap(true, Ordering::SeqCst) {
            std::process::exit(Exit::Transient as i32);
        }
        term::note("stopping after this step, with a checkpoint; once more ends it at once");
    })
    .context("cannot listen to Ctrl-C")?;
    Ok(Arc::clone(STOPPED.get_or_init(|| stopped)))
}

impl Watch for Screen {
    fn step(&mut self, progress: &Progress) {
        self.bar.set_message(progress.to_string());
    }

    fn epoch(&mut self, line: &Line, is_best: bool) {
        let figure =
            |name: &str, value: Option<f64>| value.map_or(String::new(), |value| format!("  {name} {value:.4}"));
        let text = format!(
            "fold {} phase {} epoch {:>3}  lr {:.2e}  loss {:.4}{}{}{}{}  {:.1} images/s  {}{}",
            line.fold,
            line.phase,
            line.epoch,
            line.lr,
            line.loss,
            figure("validation", line.validation_loss),
            figure("dice", line.dice),
            figure("positives", line.dice_positives),
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
