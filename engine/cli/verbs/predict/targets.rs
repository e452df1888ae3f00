//! What a run writes, by the names of its shard.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use pleura::Shard;

use super::{Args, journal};
use crate::outputs::check_writable;
use crate::{receipt, term};

/// The files that a run writes.
pub struct Targets {
    pub out: PathBuf,
    pub findings: Option<PathBuf>,
    pub report: Option<PathBuf>,
}

impl Targets {
    /// As the user names them, and the shard.
    ///
    /// # Errors
    /// Where two of them are one file.
    pub fn of(args: &Args, shard: Shard) -> Result<Self> {
        let name = |path: &PathBuf| shard.name(path);
        let targets = Self {
            out: name(&args.out),
            findings: args.findings.as_ref().map(name),
            report: args.report.as_ref().map(name),
        };
        let mut files: Vec<(&str, &Path)> = vec![("--out", &targets.out)];
        files.extend(targets.findings.iter().map(|path| ("--findings", &**path)));
        files.extend(targets.report.iter().map(|path| ("--report", &**path)));
        let (journal, receipt) = (journal::path(&targets.out), receipt::path(&targets.out));
        files.extend([("the journal", &*journal), ("the receipt", &*receipt)]);
        for (place, (what, path)) in files.iter().enumerate() {
            let same = files[..place].iter().find(|(_, other)| other == path);
            ensure!(
                same.is_none(),
                "{what} and {} name the same file, `{}`",
                same.map_or("", |(other, _)| other),
                path.display()
            );
        }
        Ok(targets)
    }

    /// Tells what was made, once it is all there: whoever reads standard output may hang up after the first line.
    pub fn tell(&self) {
        term::result(format_args!("{}", self.out.display()));
        for page in self.report.iter().filter(|page| page.exists()) {
            term::result(format_args!("{}", page.display()));
        }
    }

    /// Fails early where one cannot be written.
    ///
    /// # Errors
    /// Where one cannot be written.
    pub fn check_writable(&self) -> Result<()> {
        check_writable(&self.out)?;
        self.report.iter().chain(&self.findings).try_for_each(|path| check_writable(path))
    }
}
