//! Reads manifests.

use std::path::Path;

use super::{Lint, Manifest, ManifestError, rules, schema};
use crate::lint::{Document, Findings, Locations, Schema};

impl Document for Manifest {
    const NOUN: &'static str = "manifest";

    fn schema() -> &'static Schema {
        &schema::SCHEMA
    }

    fn check(&self, findings: &mut Findings) {
        rules::check(self, findings);
    }
}

/// Reads a manifest and reports every problem. Unlike [`Manifest::read`], it goes on with what can be read.
///
/// # Errors
/// [`ManifestError::Read`] where the file cannot be read.
pub fn lint(path: &Path) -> Result<Lint, ManifestError> {
    Lint::of_file(path)
}

impl Manifest {
    /// Reads a manifest. Warnings are logged.
    ///
    /// # Errors
    /// [`ManifestError::Read`] where the file cannot be read, [`ManifestError::Invalid`] with every problem otherwise.
    pub fn read(path: &Path) -> Result<Self, ManifestError> {
        Ok(Self::read_located(path)?.0)
    }

    /// Reads a manifest, and tells where its keys stand, so that what is found out later can be said with its line.
    ///
    /// # Errors
    /// As [`Manifest::read`].
    pub fn read_located(path: &Path) -> Result<(Self, Locations), ManifestError> {
        lint(path)?.accept()
    }

    /// Reads a manifest from its text; `path` is what problems are reported with, and what models are relative to.
    ///
    /// # Errors
    /// [`ManifestError::Invalid`] with every problem.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
        Ok(Lint::of_text(text, path).accept()?.0)
    }

    /// A manifest whose fields were set by code, checked by the rules of one that is read; lines in problems are those of
    /// the manifest as TOML writes it.
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
