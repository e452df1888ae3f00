//! The findings of a finished run, from its journal: as JSON lines, or as Parquet by the name's extension.

#[cfg(feature = "parquet")]
mod parquet;

use std::path::Path;

use anyhow::{Result, bail};

use super::journal::{Journal, Span};
use crate::outputs::Lines;

/// Writes the findings in the order of the inputs.
///
/// # Errors
/// If the journal cannot be read, or the file cannot be written.
pub fn write(path: &Path, journal: &mut Journal, spans: &[Span]) -> Result<()> {
    let lines = spans.iter().map(|span| Ok(journal.read(*span)?.0.finding.get().to_owned()));
    if is_parquet(path) { as_parquet(path, lines) } else { as_lines(path, lines) }
}

/// Whether findings of this name are Parquet.
pub fn is_parquet(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("parquet"))
}

/// Refuses Parquet at the start of a run, if the program cannot write it.
///
/// # Errors
/// If the program was built without it.
pub fn check(path: &Path) -> Result<()> {
    if is_parquet(path) && cfg!(not(feature = "parquet")) {
        bail!(
            "--findings: this program was built without Parquet: build it with `cargo build --release --features \
             parquet`, or name them `.jsonl`"
        );
    }
    Ok(())
}

/// Writes lines unchanged.
fn as_lines(path: &Path, findings: impl Iterator<Item = Result<String>>) -> Result<()> {
    let mut lines = Lines::create(path)?;
    for finding in findings {
        lines.push(&finding?)?;
    }
    lines.finish()
}

#[cfg(feature = "parquet")]
fn as_parquet(path: &Path, findings: impl Iterator<Item = Result<String>>) -> Result<()> {
    parquet::write(path, findings)
}

#[cfg(not(feature = "parquet"))]
fn as_parquet(path: &Path, _: impl Iterator<Item = Result<String>>) -> Result<()> {
    check(path)
}
