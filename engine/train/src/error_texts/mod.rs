//! Every text of this crate's errors, in one snapshot.

mod data;
mod files;
mod fit;
mod network;
mod stack;

use pleura::lint::{Diagnostic, DocumentError, Severity};
use pleura::runtime::ModelError;

use crate::texts::Texts;

#[test]
fn every_error_has_its_text() {
    // its errors cannot be made without it
    pleura::runtime::load(None).unwrap();
    let mut texts = Texts::default();
    fit::add(&mut texts);
    data::add(&mut texts);
    network::add(&mut texts);
    files::add(&mut texts);
    stack::add(&mut texts);
    insta::assert_snapshot!("errors", texts.text());
}

fn gone() -> std::io::Error {
    std::io::Error::from_raw_os_error(2)
}

/// A recipe with a problem.
fn invalid() -> DocumentError {
    let problem = Diagnostic {
        severity: Severity::Error,
        path: "unet.toml".into(),
        line: 3,
        column: 1,
        field: "batch".into(),
        message: "is 0, expected 1 or more".into(),
        hint: None,
    };
    DocumentError::Invalid { diagnostics: vec![problem] }
}

fn failed_model() -> ModelError {
    ModelError::NoOutput { path: "a.onnx".into(), name: "map".into() }
}
