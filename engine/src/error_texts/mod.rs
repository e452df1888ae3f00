//! Every text of this crate's errors, in one snapshot.

mod ensemble;
mod plugin;
mod runtime;
mod submission;
#[cfg(all(feature = "report", feature = "tune", feature = "optimize"))]
mod tools;

use crate::checksum::ChecksumError;
use crate::lint::{Diagnostic, DocumentError, Severity};
use crate::manifest::FolderError;
use crate::texts::Texts;

#[test]
#[cfg(all(feature = "report", feature = "tune", feature = "optimize"))]
fn every_error_has_its_text() {
    // an error of ONNX Runtime cannot be made without it
    let Some(_) = crate::runtime::for_tests() else { return };
    let mut texts = Texts::default();
    documents(&mut texts);
    runtime::add(&mut texts);
    plugin::add(&mut texts);
    ensemble::add(&mut texts);
    submission::add(&mut texts);
    tools::add(&mut texts);
    insta::assert_snapshot!("errors", texts.text());
}

fn gone() -> std::io::Error {
    std::io::Error::from_raw_os_error(2)
}

/// A manifest with a problem and a warning.
fn invalid() -> DocumentError {
    let at = |line, severity, field: &str, message: &str, hint: Option<&str>| Diagnostic {
        severity,
        path: "ensemble.toml".into(),
        line,
        column: 1,
        field: field.into(),
        message: message.into(),
        hint: hint.map(Into::into),
    };
    DocumentError::Invalid {
        diagnostics: vec![
            at(3, Severity::Error, "segmenter.members[0].weight", "is -1, expected a positive number", None),
            at(7, Severity::Warning, "output", "has no size", Some("add size = [1024, 1024]")),
        ],
    }
}

fn documents(texts: &mut Texts) {
    add!(texts, DocumentError {
        Read { noun: "manifest", path: "ensemble.toml".into(), source: gone() },
        Invalid { diagnostics: invalid().diagnostics().to_vec() },
    });
    add!(texts, FolderError {
        Outside { file: "../a.onnx".into(), real: "/models/a.onnx".into() },
        Unknown { file: "a.onnx".into(), source: gone() },
    });
    add!(texts, ChecksumError { Missing {}, Mismatch {} });
}
