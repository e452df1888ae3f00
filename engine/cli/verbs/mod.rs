//! The verbs.

mod bench;
mod check;
mod data;
mod demo;
mod explain;
mod optimize;
mod plugin_worker;
mod plugins;
mod predict;
mod report;
mod runtime;
mod score;
mod submission;
mod train;
mod tune;

use clap::Subcommand;

use crate::exit::Exit;

/// What to do.
#[derive(Subcommand)]
pub enum Verb {
    /// All of it on made-up radiographs, from nothing.
    Demo(demo::Args),
    /// Lint a manifest, load every model and plugin, push zeros through.
    Check(check::Args),
    /// Run an ensemble over radiographs and write a submission.
    Predict(predict::Args),
    /// Where the time of a run goes, stage by stage.
    Bench(bench::Args),
    /// Which gate or step did what to one image.
    Explain(explain::Args),
    /// Score a submission against the truth.
    Score(score::Args),
    /// Findings and truth as one page that opens offline: numbers, charts and cases, the worst first.
    Report(report::Args),
    /// Check and compare submissions.
    #[command(subcommand)]
    Submission(submission::Args),
    /// Look at a collection of radiographs, convert it, divide it into folds.
    #[command(subcommand)]
    Data(data::Args),
    /// Find thresholds, areas, gates and weights by the members' answers and the truth.
    Tune(tune::Args),
    /// Write smaller, faster variants of an ensemble (16-bit floats, 8-bit integers), and tell what each changes.
    Optimize(optimize::Args),
    /// Train networks by a recipe, and export them as ONNX.
    Train(train::Args),
    /// List and test plugins.
    #[command(subcommand)]
    Plugins(plugins::Args),
    /// The child process of an isolated plugin.
    #[command(hide = true)]
    PluginWorker(plugin_worker::Args),
    /// Show or install ONNX Runtime.
    #[command(subcommand)]
    Runtime(runtime::Args),
}

impl Verb {
    /// Whether it is the child process of a plugin.
    pub fn is_worker(&self) -> bool {
        matches!(self, Self::PluginWorker(_))
    }

    /// Does it.
    pub fn run(self) -> anyhow::Result<Exit> {
        match self {
            Self::Demo(args) => demo::run(&args),
            Self::Check(args) => check::run(&args),
            Self::Predict(args) => predict::run(&args),
            Self::Bench(args) => bench::run(&args),
            Self::Explain(args) => explain::run(&args),
            Self::Score(args) => score::run(&args),
            Self::Report(args) => report::run(&args),
            Self::Submission(args) => submission::run(&args),
            Self::Data(args) => data::run(&args),
            Self::Tune(args) => tune::run(&args),
            Self::Optimize(args) => optimize::run(&args),
            Self::Train(args) => train::run(&args),
            Self::Plugins(args) => plugins::run(&args),
            Self::PluginWorker(args) => plugin_worker::run(&args),
            Self::Runtime(args) => runtime::run(&args),
        }
    }
}
