//! `pleura check`: all faults of an ensemble at once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bytesize::ByteSize;
use pleura::check::{self, Missing, Report};
use pleura::ensemble::{Ensemble, Options};
use pleura::manifest::{self, Severity};
use pleura::runtime::Device;

use crate::engine::given;
use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::{fetch, term};

#[derive(clap::Args)]
pub struct Args {
    /// The ensemble's manifest.
    ensemble: PathBuf,

    /// Device that models are loaded on: `auto`, `cpu`, `cuda` or `cuda:N`.
    #[arg(long, default_value_t)]
    device: Device,

    /// Memory limit for each model on a CUDA device, or for all models together on the CPU. Default: no limit.
    #[arg(long, value_name = "SIZE")]
    device_memory: Option<ByteSize>,

    /// Path of the ONNX Runtime library. Default: searched for.
    #[arg(long, value_name = "LIBRARY")]
    onnxruntime: Option<PathBuf>,

    /// Allow the manifest to name files outside its folder: models, recipes, plugins.
    #[arg(long)]
    allow_outside: bool,

    /// Print what the manifest comes to, with all that it extends, defaults and patterns written out, and check nothing
    /// beyond its keys.
    #[arg(long)]
    resolved: bool,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_ensemble("ENSEMBLE", &self.ensemble);
        paths.reads_any("--onnxruntime", &self.onnxruntime);
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> Result<Exit> {
    if args.resolved {
        return resolved(&args.ensemble);
    }
    fetch::ensure(args.onnxruntime.as_deref())?;
    let memory = args.device_memory.map(|size| usize::try_from(size.0).unwrap_or(usize::MAX));
    let options = Ensemble::options().device(args.device).allow_outside(args.allow_outside);
    let options = given(options, args.onnxruntime.clone(), Options::onnxruntime);
    let options = given(options, memory, Options::device_memory);
    let bar = term::spinner("loading models and plugins");
    let report = check::check(&args.ensemble, &options);
    bar.finish_and_clear();
    let report = report?;
    print(&report);
    Ok(match (report.is_good(), report.missing.is_empty()) {
        (false, _) => Exit::Wrong,
        (true, false) => Exit::Skipped,
        (true, true) => Exit::Good,
    })
}

/// Prints what a manifest comes to.
fn resolved(path: &Path) -> Result<Exit> {
    let lint = manifest::lint(path)?;
    if lint.has_errors() {
        lint.diagnostics.iter().for_each(term::result);
        return Ok(Exit::Wrong);
    }
    // as it is hashed, with one line's end
    term::result(lint.resolved().trim_end());
    Ok(Exit::Good)
}

fn print(report: &Report) {
    for diagnostic in &report.diagnostics {
        term::result(diagnostic);
    }
    if let Some(placement) = &report.placement {
        term::result(format_args!("device: {placement}"));
    }
    for session in &report.sessions {
        term::result(format_args!("{}: `{}` on {}", session.field, session.path.display(), session.providers));
    }
    if !report.plugins.is_empty() {
        term::result(format_args!("plugins: {}", report.plugins.join(", ")));
    }
    missing(report);
    let count = |severity, what: &str| {
        let found = report.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        format!("{found} {what}{}", if found == 1 { "" } else { "s" })
    };
    term::result(format_args!("{}, {}", count(Severity::Error, "error"), count(Severity::Warning, "warning")));
}

/// Reports missing models, with the command that makes them.
fn missing(report: &Report) {
    let mut recipes: BTreeMap<(&Path, &Path), Vec<&Missing>> = BTreeMap::new();
    for model in &report.missing {
        let folder = model.path.parent().unwrap_or(Path::new(""));
        recipes.entry((&model.recipe, folder)).or_default().push(model);
    }
    for ((recipe, folder), models) in &recipes {
        let names: Vec<_> = models.iter().filter_map(|model| model.path.file_name()).collect();
        let names: Vec<_> = names.iter().map(|name| format!("`{}`", name.display())).collect();
        term::result(format_args!("missing: {}", names.join(", ")));
        term::result(format_args!("  make them: pleura train {} --out {}", recipe.display(), folder.display()));
    }
    if report.is_good() && !recipes.is_empty() {
        let counted = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let (models, files) = (counted(report.missing.len(), "model"), counted(recipes.len(), "recipe"));
        let verb = if report.missing.len() == 1 { "is" } else { "are" };
        term::result(format_args!("{models} of {files} {verb} missing, and nothing else is wrong"));
    }
}
