//! DICOM files give pixels or a clear error.
//!
//! - `shared`: real files, against pydicom if Python has it, and against its digests in any case;
//! - `values`: files written by the tests (with `made`), of the kinds that the real ones lack;
//! - `sloppy`: written files with harmless faults, which are remarked;
//! - `broken`: files that must be refused;
//! - `unknown`: attributes with a wrong value representation;
//! - `cases`: unusual files from practice;
//! - `streams`: kinds of compression that no Rust crate writes;
//! - `folders`: images among other files;
//! - `generated`: files with random combinations of oddities.

mod broken;
mod cases;
mod folders;
mod generated;
mod made;
mod shared;
mod sloppy;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod unknown;
mod values;

use std::process::Command;

/// The Python with the packages of tests/reference/requirements.txt: `$PLEURA_PYTHON` or `python3`. `import` names
/// those needed. Tests that need it are ignored `cfg_attr(no_pydicom)`.
fn python(import: &str) -> String {
    let python = std::env::var("PLEURA_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", import]).output().is_ok_and(|output| output.status.success());
    assert!(has, "{python} lacks packages: -m pip install -r tests/reference/requirements.txt");
    python
}
