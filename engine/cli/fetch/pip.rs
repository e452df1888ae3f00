//! Downloads wheels with the pip of the Python on PATH.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, anyhow, bail};

use super::pins::{Build, Wheel};

/// Downloads a wheel into a new folder in `work`; returns its path.
pub fn download(wheel: &Wheel, build: &Build, work: &Path) -> anyhow::Result<PathBuf> {
    let folder = work.join(wheel.package);
    let output = command(wheel, build, &folder).output().with_context(|| {
        format!(
            "cannot run python3, whose pip downloads ONNX Runtime: install Python 3, or run `{}` by hand",
            build.by_hand()
        )
    })?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let context = format!("cannot download {} {}; run `{}` by hand", wheel.package, wheel.version, build.by_hand());
        return Err(reason(&said).context(context));
    }
    let mut files = fs::read_dir(&folder).with_context(|| format!("pip left nothing in `{}`", folder.display()))?;
    match files.next() {
        Some(file) => Ok(file?.path()),
        None => bail!("pip left nothing in `{}`", folder.display()),
    }
}

fn command(wheel: &Wheel, build: &Build, folder: &Path) -> Command {
    let mut command = Command::new("python3");
    command.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir"]);
    // The digest depends on the Python tag, so the tag is fixed whatever this Python's version.
    command.args(["--no-deps", "--only-binary=:all:", "--python-version", "3.12", "--implementation", "cp"]);
    command.args(["--abi", "cp312", "--abi", "abi3", "--abi", "none"]);
    command.args(build.platforms.iter().flat_map(|platform| ["--platform", platform]));
    command.arg("--dest").arg(folder).arg(format!("{}=={}", wheel.package, wheel.version));
    // `-m` searches the working directory first: use an empty one.
    command.current_dir(folder.parent().unwrap_or(folder)).stdin(Stdio::null());
    command
}

/// The error for pip's output; a full disk and an unreachable index are transient.
fn reason(said: &str) -> anyhow::Error {
    let says = |words: &[&str]| words.iter().any(|word| said.contains(word));
    if says(&["No module named pip"]) {
        return anyhow!(
            "this Python has no pip: install it (`apt-get install python3-pip`, or `python3 -m ensurepip`)"
        );
    }
    let transient = if says(&["No space left on device", "Errno 28"]) {
        Some(io::Error::new(ErrorKind::StorageFull, "no space is left on the disk"))
    } else if says(&["Retrying (", "Connection", "timed out", "name resolution", "ConnectTimeout"]) {
        Some(io::Error::new(ErrorKind::TimedOut, "the package index did not respond"))
    } else {
        None
    };
    let words: Vec<_> = said.lines().map(str::trim).filter(|line| line.starts_with("ERROR")).collect();
    let words = if words.is_empty() { said.trim().to_owned() } else { words.join("; ") };
    match transient {
        Some(error) => anyhow::Error::new(error).context(format!("pip says `{words}`")),
        None => anyhow!("pip says `{words}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pip_s_words_become_reasons_and_what_is_transient_is_known() {
        let table = [
            ("/usr/bin/python3: No module named pip", None, "has no pip"),
            ("ERROR: Could not install: [Errno 28] No space left on device", Some(ErrorKind::StorageFull), "no space"),
            (
                "WARNING: Retrying (Retry(total=4)) after connection broken\nERROR: none",
                Some(ErrorKind::TimedOut),
                "`ERROR: none`",
            ),
            ("noise\nERROR: No matching distribution found", None, "`ERROR: No matching distribution found`"),
        ];
        for (said, kind, word) in table {
            let error = reason(said);
            assert_eq!(
                error.chain().find_map(|it| it.downcast_ref::<io::Error>()).map(io::Error::kind),
                kind,
                "{said}"
            );
            assert!(format!("{error:#}").contains(word), "{error:#}");
        }
    }
}
