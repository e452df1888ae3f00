//! What a type must tell to be linted.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{Schema, Severity};

/// A type that is read from TOML and linted.
pub trait Document: DeserializeOwned + JsonSchema {
    /// What errors call it: `manifest`.
    const NOUN: &'static str;

    /// Its JSON Schema; made once and kept.
    fn schema() -> &'static Schema;

    /// Tells every rule that it breaks, beyond the shape of its keys.
    fn check(&self, findings: &mut Findings);
}

/// Rules that a document breaks.
#[derive(Debug, Default)]
pub struct Findings {
    pub(super) all: Vec<Finding>,
}

/// A rule that is broken.
#[derive(Debug)]
pub(super) struct Finding {
    pub(super) severity: Severity,
    /// The keys that the finding rests on; it is told at the first.
    pub(super) about: Vec<String>,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl Findings {
    /// Adds what keeps the document from being used. It rests on the keys in `about` and is told at the first of them;
    /// where one of them is broken itself, it is not told.
    pub fn error(&mut self, about: impl IntoIterator<Item = String>, message: impl Into<String>, hint: Option<&str>) {
        self.add(Severity::Error, about.into_iter().collect(), message.into(), hint);
    }

    /// As [`Findings::error`], for what can be used, but is probably not what is meant.
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
