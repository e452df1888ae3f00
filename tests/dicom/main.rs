//! DICOM in, pixels or a named error out.
//!
//! - `shared`: real files, against pydicom where Python has it, and against its digests in any case;
//! - `made`: files written here, for the kinds that the real ones lack;
//! - `broken`: files that must be refused;
//! - `unknown`: attributes with a value representation that is not theirs;
//! - `cases`: odd files as they are met;
//! - `streams`: kinds of compression that no Rust crate writes;
//! - `folders`: images among other files;
//! - `generated`: files that combine oddities at random.

mod broken;
mod cases;
mod folders;
mod generated;
mod made;
mod shared;
mod streams;
#[path = "../support/mod.rs"]
mod support;
mod unknown;

use std::process::Command;

/// The Python that has the packages of tests/reference/requirements.txt: `$PLEURA_PYTHON`, which must then have them,
/// or `python3`. `import` is what is needed of them.
fn python(import: &str) -> Option<String> {
    let named = std::env::var("PLEURA_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".into());
    let has = Command::new(&python).args(["-c", import]).output().is_ok_and(|output| output.status.success());
    assert!(has || named.is_none(), "{python} lacks packages: -m pip install -r tests/reference/requirements.txt");
    if !has {
        eprintln!("skipped: python3 has no pydicom with pylibjpeg (tests/reference/requirements.txt)");
    }
    has.then_some(python)
}
