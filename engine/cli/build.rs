//! Sets `PLEURA_COMMIT`, the commit that the program is built from, and declares to the tests what this machine lacks.
//!
//! Builds from an archive set that variable themselves; without it and without git it is `unknown`. Git is asked again
//! when a source changes, which compiles the program anyway, and for a release when another commit is checked out. A
//! development build made before its changes were committed keeps saying `COMMIT+`, which is what it was made from: a
//! commit alone recompiles nothing.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

#[path = "../../tests/support/lacking.rs"]
mod lacking;

const VARIABLE: &str = "PLEURA_COMMIT";
/// Paths of the program's sources, relative to the repository.
const SOURCES: [&str; 4] = ["engine", "plugins", "Cargo.toml", "Cargo.lock"];

fn main() {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-changed=engine/cli/build.rs");
    println!("cargo::rerun-if-changed=tests/support/lacking.rs");
    let root = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    lacking::declare_all(&root);
    let given = env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty());
    let commit = given.or_else(|| commit(&root)).unwrap_or_else(|| "unknown".into());
    // one word: it becomes part of a line
    println!("cargo::rustc-env={VARIABLE}={}", commit.split_whitespace().collect::<Vec<_>>().join(" "));
}

/// The commit that is checked out, with a `+` if sources differ from it; `None` without git, or if the sources are not
/// a checkout of their own, such as an archive unpacked within another repository.
fn commit(root: &Path) -> Option<String> {
    let top = PathBuf::from(git(root, &["rev-parse", "--show-toplevel"])?);
    if top.canonicalize().ok()? != root.canonicalize().ok()? {
        return None;
    }
    watch(root);
    let commit = git(root, &["rev-parse", "--short=12", "HEAD"])?;
    let words = [&["status", "--porcelain", "--untracked-files=no", "--"][..], &SOURCES].concat();
    let changed = git(root, &words).is_none_or(|changes| !changes.is_empty());
    Some(format!("{commit}{}", if changed { "+" } else { "" }))
}

/// Makes cargo rerun this script when a source changes, and for a release when `HEAD` or its branch does. Paths that do
/// not exist are left out: cargo would rerun it every time.
fn watch(root: &Path) {
    let branch = git(root, &["symbolic-ref", "--quiet", "HEAD"]);
    let names = ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref());
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let heads = names.filter(|_| is_release).filter_map(|name| git(root, &["rev-parse", "--git-path", name]));
    let paths = SOURCES.iter().map(|source| root.join(source)).chain(heads.map(|path| root.join(path)));
    for path in paths.filter(|path| path.exists()) {
        println!("cargo::rerun-if-changed={}", path.display());
    }
}

/// The output of git; `None` if it fails or is missing.
fn git(root: &Path, words: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .arg("--no-optional-locks")
        .arg("-C")
        .arg(root)
        .args(words)
        .env_remove("GIT_DIR")
        .output()
        .ok()?;
    let text = output.status.success().then(|| String::from_utf8(output.stdout).ok())??;
    Some(text.trim().to_owned())
}
