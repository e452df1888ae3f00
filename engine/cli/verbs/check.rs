//! `pleura check`: everything that is wrong with an ensemble, in one go.

use std::path::PathBuf;

use anyhow::Result;
use pleura::check::{self, Report};
use pleura::manifest::Severity;
use pleura::runtime::Device;

use crate::exit::Exit;
use crate::{fetch, term};

#[derive(clap::Args)]
pub struct Args {
    /// The ensemble's manifest.
    ensemble: PathBuf,

    /// Where models are loaded: `auto`, `cpu`, `cuda` or `cuda:N`.
    #[arg(long, default_value_t)]
    device: Device,

    /// The ONNX Runtime library, instead of a search for one.
    #[arg(long, value_name = "LIBRARY")]
    onnxruntime: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<Exit> {
    fetch::ensure(args.onnxruntime.as_deref())?;
    let bar = term::spinner("loading models and plugins");
    let report = check::check(&args.ensemble, args.device, args.onnxruntime.as_deref());
    bar.finish_and_clear();
    let report = report?;
    print(&report);
    Ok(if report.is_good() { Exit::Good } else { Exit::Wrong })
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
    let count = |severity, what: &str| {
        let found = report.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count();
        format!("{found} {what}{}", if found == 1 { "" } else { "s" })
    };
    term::result(format_args!("{}, {}", count(Severity::Error, "error"), count(Severity::Warning, "warning")));
}
