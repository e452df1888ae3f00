//! The verbs.

mod bench;
mod check;
mod completions;
mod data;
mod demo;
mod explain;
mod man;
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
use crate::paths::{self, Command};

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
    /// Print the script by which a shell completes the command line.
    Completions(completions::Args),
    /// Write the manual, a page a verb.
    Man(man::Args),
}

impl Verb {
    /// Whether it is the child process of a plugin.
    pub fn is_worker(&self) -> bool {
        matches!(self, Self::PluginWorker(_))
    }

    /// Runs the verb, once its outputs are known to replace none of its inputs.
    pub fn run(&self) -> anyhow::Result<Exit> {
        paths::run(self.command())
    }

    /// The command itself; a verb with subcommands gives the one chosen.
    pub fn command(&self) -> &dyn Command {
        match self {
            Self::Demo(args) => args,
            Self::Check(args) => args,
            Self::Predict(args) => args,
            Self::Bench(args) => args,
            Self::Explain(args) => args,
            Self::Score(args) => args,
            Self::Report(args) => args,
            Self::Submission(args) => args.command(),
            Self::Data(args) => args.command(),
            Self::Tune(args) => args,
            Self::Optimize(args) => args,
            Self::Train(args) => args,
            Self::Plugins(args) => args,
            Self::PluginWorker(args) => args,
            Self::Runtime(args) => args,
            Self::Completions(args) => args,
            Self::Man(args) => args,
        }
    }
}
