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

/// Reads a manifest and reports every problem. Unlike [`Manifest::read`], it continues with the readable part.
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
