//! Faults injected into the real binary: nothing is lost, no row is wrong, and each fault has its line.

mod files;
mod models;
mod outputs;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use support::case::{Case, POST, member};
use support::toy::Toy;

/// The outputs of a run.
struct Ran {
    code: Option<i32>,
    stderr: String,
    /// Empty if none was written.
    csv: String,
}

impl Ran {
    /// The lines about skipped inputs.
    fn skipped(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.contains("skipped `")).collect()
    }
}

/// Runs an ensemble on these inputs.
fn predict(manifest: &Path, inputs: &[&Path], options: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("submission.csv");
    let mut command = support::pleura();
    command.args(["predict", "--device", "cpu"]).arg(manifest).args(inputs).args(options).arg("--out").arg(&out);
    let output = command.output().unwrap();
    let csv = fs::read_to_string(&out).unwrap_or_default();
    Ran { code: output.status.code(), stderr: String::from_utf8_lossy(&output.stderr).into_owned(), csv }
}

/// An ensemble of one toy network, whose map is the image itself.
fn itself() -> Case {
    Case::new(&[("toy", Toy::default())], &format!("{POST}\n{}", member("segmenter", "toy", "")))
}
