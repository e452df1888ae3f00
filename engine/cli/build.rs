//! Tells the program which commit it is built from, as `PLEURA_COMMIT`.
//!
//! Whoever builds from an archive sets that variable; where neither it nor git tells, it is `unknown`. A debug build is
//! called that: with each commit, all tests would be compiled again for a number that nobody asks them for. What git says is
//! looked up again only when another commit is checked out or a source changes, both of which compile the program anyway.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

const VARIABLE: &str = "PLEURA_COMMIT";
/// What the program is compiled from.
const SOURCES: [&str; 4] = ["engine", "plugins", "Cargo.toml", "Cargo.lock"];

fn main() {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-changed=engine/cli/build.rs");
    let root = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).unwrap_or_default();
    let given = env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty());
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let found = || if is_release { commit(&root).unwrap_or_else(|| "unknown".into()) } else { "debug build".into() };
    let commit = given.unwrap_or_else(found);
    // one word: it becomes part of a line
    println!("cargo::rustc-env={VARIABLE}={}", commit.split_whitespace().collect::<Vec<_>>().join(" "));
}

/// The commit that is checked out, with a `+` where sources differ from it; `None` without git, or where the sources are
/// not a checkout of their own, such as an archive unpacked within another repository.
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

/// Has cargo look again once `HEAD`, the branch that it names, or a source changes. A file that is not there would have it
/// look every time.
fn watch(root: &Path) {
    let branch = git(root, &["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "packed-refs"].into_iter().chain(branch.as_deref()) {
        let path = git(root, &["rev-parse", "--git-path", name]).map(|path| root.join(path));
        if let Some(path) = path.filter(|path| path.exists()) {
            println!("cargo::rerun-if-changed={}", path.display());
        }
    }
    for source in SOURCES.iter().filter(|source| root.join(source).exists()) {
        println!("cargo::rerun-if-changed={source}");
    }
}

/// What git prints; `None` where it fails or is not there.
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
