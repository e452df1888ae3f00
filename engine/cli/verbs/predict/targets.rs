//! The outputs of a run, by the names of its shard.

use std::path::PathBuf;

use anyhow::Result;
use pleura::Shard;

use super::{Args, journal};
use crate::outputs::check_writable;
use crate::paths::Paths;
use crate::{receipt, term};

/// The files that a run writes.
pub struct Targets {
    pub out: PathBuf,
    pub findings: Option<PathBuf>,
    pub report: Option<PathBuf>,
}

impl Targets {
    /// The outputs that the user named, for this shard.
    pub fn new(args: &Args, shard: Shard) -> Self {
        let name = |path: &PathBuf| shard.name(path);
        Self {
            out: name(&args.out),
            findings: args.findings.as_ref().map(name),
            report: args.report.as_ref().map(name),
        }
    }

    /// Declares all outputs: these files, and the journal and the receipt beside the submission.
    pub fn paths(&self, paths: &mut Paths) {
        paths.writes("--out", &self.out);
        self.findings.iter().for_each(|path| paths.writes("--findings", path));
        self.report.iter().for_each(|path| paths.writes("--report", path));
        paths.writes("--out's journal", &journal::path(&self.out));
        paths.writes("--out's receipt", &receipt::path(&self.out));
    }

    /// Prints the outputs, once all are written: the reader of standard output may close it after the first line.
    pub fn tell(&self) {
        term::result(format_args!("{}", self.out.display()));
        for page in self.report.iter().filter(|page| page.exists()) {
            term::result(format_args!("{}", page.display()));
        }
    }

    /// Fails early if an output cannot be written.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn check_writable(&self) -> Result<()> {
        check_writable(&self.out)?;
        self.report.iter().chain(&self.findings).try_for_each(|path| check_writable(path))
    }
}
