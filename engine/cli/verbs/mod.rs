//! The verbs.

mod bench;
mod check;
mod completions;
mod data;
mod demo;
mod explain;
mod export;
mod import;
mod man;
mod models;
mod optimize;
mod plugin_worker;
mod plugins;
mod predict;
mod report;
mod runtime;
mod score;
#[cfg(feature = "serve")]
mod serve;
mod submission;
mod train;
mod tune;

use clap::Subcommand;

use crate::exit::Exit;
use crate::paths::{self, Command};

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    /// Try everything on synthetic radiographs.
    Demo(demo::Args),
    /// Lint a manifest, load its models and plugins, and run them on zeros.
    Check(check::Args),
    /// Run an ensemble over radiographs and write a submission.
    Predict(predict::Args),
    /// Measure the time of a run, stage by stage.
    Bench(bench::Args),
    /// Show what each gate and step does to one image.
    Explain(explain::Args),
    /// Listen for radiographs over DICOM and HTTP, and send the findings on.
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    /// Score a submission against the ground truth.
    Score(score::Args),
    /// Write findings and truth as one offline HTML page: metrics, charts and cases, worst first.
    Report(report::Args),
    /// Check and compare submissions.
    #[command(subcommand)]
    Submission(submission::Args),
    /// Inspect and convert a dataset, and split it into folds.
    #[command(subcommand)]
    Data(data::Args),
    /// Search for the best thresholds, areas, gates and weights on images with ground truth.
    Tune(tune::Args),
    /// Write smaller, faster variants of an ensemble (16-bit floats, 8-bit integers), and report what each changes.
    Optimize(optimize::Args),
    /// Train networks from a recipe and export them as ONNX.
    Train(train::Args),
    /// Write a recipe's network with given weights as ONNX, without training.
    Export(export::Args),
    /// Make a manifest of a network as nnU-Net, segmentation_models_pytorch, timm or torchxrayvision describe it.
    #[command(subcommand)]
    Import(import::Args),
    /// Show what an ONNX file is.
    #[command(subcommand)]
    Models(models::Args),
    /// List and test plugins.
    #[command(subcommand)]
    Plugins(plugins::Args),
    /// Run an isolated plugin in this process.
    #[command(hide = true)]
    PluginWorker(plugin_worker::Args),
    /// Show or install ONNX Runtime.
    #[command(subcommand)]
    Runtime(runtime::Args),
    /// Print a shell completion script.
    Completions(completions::Args),
    /// Write the manual pages, one per verb.
    Man(man::Args),
}

impl Verb {
    /// Whether it may be the child process of an engine: of a plugin, or trying a device.
    pub fn is_worker(&self) -> bool {
        matches!(self, Self::PluginWorker(_) | Self::Runtime(runtime::Args::Probe { .. }))
    }

    /// Runs the verb, after checking that its outputs replace none of its inputs.
    pub fn run(&self) -> anyhow::Result<Exit> {
        paths::run(self.command())
    }

    /// The command itself; for a verb with subcommands, the chosen one.
    pub fn command(&self) -> &dyn Command {
        match self {
            Self::Demo(args) => args,
            Self::Check(args) => args,
            Self::Predict(args) => args,
            Self::Bench(args) => args,
            Self::Explain(args) => args,
            #[cfg(feature = "serve")]
            Self::Serve(args) => args,
            Self::Score(args) => args,
            Self::Report(args) => args,
            Self::Submission(args) => args.command(),
            Self::Data(args) => args.command(),
            Self::Tune(args) => args,
            Self::Optimize(args) => args,
            Self::Train(args) => args,
            Self::Export(args) => args,
            Self::Import(args) => args,
            Self::Models(args) => args,
            Self::Plugins(args) => args,
            Self::PluginWorker(args) => args,
            Self::Runtime(args) => args,
            Self::Completions(args) => args,
            Self::Man(args) => args,
        }
    }
}
