//! Reads manifests.

use std::path::Path;

use toml::de::DeTable;

use super::{Lint, Manifest, ManifestError, compose, rules, schema};
use crate::lint::{Document, Findings, Locations, Schema};

impl Document for Manifest {
    const NOUN: &'static str = "manifest";

    fn schema() -> &'static Schema {
        &schema::SCHEMA
    }

    const EXTENDS: bool = true;

    fn move_paths(tables: &mut DeTable<'_>, folder: &Path) {
        compose::move_paths(tables, folder);
    }

    fn put_over<'t>(own: DeTable<'t>, base: DeTable<'t>) -> DeTable<'t> {
        compose::put_over(own, base)
    }

    fn write_out(tables: &mut DeTable<'_>, findings: &mut Findings) -> bool {
        compose::write_out(tables, findings)
    }

    fn check(&self, findings: &mut Findings) {
        rules::check(self, findings);
    }
}

/// Reads a manifest and reports every problem. Unlike [`Manifest::read`], it continues with the readable part.
///
/// # Errors
/// [`ManifestError::Read`] where the file cannot be read.
pub fn lint(path: &Path) -> Result<Lint, ManifestError> {
    Lint::of_file(path)
}

/// The text of a manifest in which every key stands that counts.
#[derive(Debug, Clone)]
pub struct WrittenOut {
    /// The file's text; if that says it in a shorter way, what it comes to.
    pub text: String,
    /// Whether it is not the file's.
    pub is_resolved: bool,
}

/// Reads a manifest's text, to change it: what the file extends, a stage's defaults and patterns are written out.
///
/// # Errors
/// As [`Manifest::read`].
pub fn written_out(path: &Path) -> Result<WrittenOut, ManifestError> {
    let lint = lint(path)?;
    if !lint.is_shorter() {
        let unreadable = |source| ManifestError::Read { noun: Manifest::NOUN, path: path.to_owned(), source };
        return Ok(WrittenOut { text: crate::regular::read_to_string(path).map_err(unreadable)?, is_resolved: false });
    }
    let text = lint.resolved();
    lint.accept()?;
    Ok(WrittenOut { text, is_resolved: true })
}

impl Manifest {
    /// Reads a manifest. Warnings are logged.
    ///
    /// # Errors
    /// [`ManifestError::Read`] where the file cannot be read, [`ManifestError::Invalid`] with every problem otherwise.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        Ok(Self::read_located(path)?.0)
    }

    /// Reads a manifest and the positions of its keys, so that later errors can name a line.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn read_located(path: &Path) -> Result<(Self, Locations), ManifestError> {
        lint(path)?.accept()
    }

    /// Reads a manifest from its text; `path` is used in problems, and relative paths start from its folder.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`] with every problem.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        Ok(Lint::of_text(text, path).accept()?.0)
    }

    /// Checks a manifest whose fields were set by code, by the same rules as a file; lines in problems refer to the
    /// manifest serialized as TOML.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn checked(self, path: &Path) -> Result<Self, ManifestError> {
        let text = toml::to_string(&self).map_err(|error| {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string());
            ManifestError::Read { path: path.to_owned(), noun: <Self as Document>::NOUN, source }
        })?;
        Self::parse(&text, path)
    }
}
