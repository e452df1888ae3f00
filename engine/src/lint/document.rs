//! The trait of types that can be linted.

use std::path::Path;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use toml::de::DeTable;

use super::{Schema, Severity};

/// A type that is read from TOML and linted.
pub trait Document: DeserializeOwned + JsonSchema {
    /// The document's name in errors: `manifest`.
    const NOUN: &'static str;

    /// Its JSON Schema, built once.
    fn schema() -> &'static Schema;

    /// Whether the key `extends` names a document of which this one is a change.
    const EXTENDS: bool = false;

    /// Makes the paths of a document that is extended, and lies in `folder`, relative to the one that extends it.
    #[doc(hidden)]
    fn move_paths(_tables: &mut DeTable<'_>, _folder: &Path) {}

    /// The tables of a document put over those of the one that it extends.
    #[doc(hidden)]
    fn put_over<'t>(own: DeTable<'t>, _base: DeTable<'t>) -> DeTable<'t> {
        own
    }

    /// Writes out what the tables say in a shorter way, and reports what cannot be written out; tells whether there was
    /// any.
    #[doc(hidden)]
    fn write_out(_tables: &mut DeTable<'_>, _findings: &mut Findings) -> bool {
        false
    }

    /// Reports every rule that it breaks, beyond the shape of its keys.
    fn check(&self, findings: &mut Findings);
}

/// The broken rules of a document.
#[derive(Debug, Default)]
pub struct Findings {
    pub(super) all: Vec<Finding>,
}

/// A broken rule.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// The keys on which the finding is based; it is reported at the first.
    pub(super) about: Vec<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Findings {
    /// Adds an error, because of which the document cannot be used. It is based on the keys in `about` and reported at
    /// the first; if one of them is itself invalid, it is not reported.
    pub fn error(&mut self, about: impl IntoIterator<Item = String>, message: impl Into<String>, hint: Option<&str>) {
        self.add(Severity::Error, about.into_iter().collect(), message.into(), hint);
    }

    /// As [`Findings::error`], for a document that can be used, but probably does not say what was intended.
    pub fn warn(&mut self, about: impl IntoIterator<Item = String>, message: impl Into<String>, hint: Option<&str>) {
        self.add(Severity::Warning, about.into_iter().collect(), message.into(), hint);
    }

    fn add(&mut self, severity: Severity, mut about: Vec<String>, message: String, hint: Option<&str>) {
        if about.is_empty() {
            about.push(String::new()); // the document as a whole
        }
        self.all.push(Finding { severity, about, message, hint: hint.map(str::to_owned) });
    }
}
