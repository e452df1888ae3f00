//! Fetches ONNX Runtime, CUDA's libraries and those of other providers into the cache folder.
//!
//! Only the command line does this, never the library. Downloads are pinned: a version and a SHA-256 per wheel.

mod pins;
mod pip;
mod unpack;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use pleura::runtime::find::{self, Origin};
use pleura::runtime::{self, Loaded, Provider, RuntimeError, record};

use crate::{scratch, term};
use pins::{Build, Wheel};

/// The file that lists the wheels in a folder of the cache.
const CONTENTS: &str = "wheels.txt";

/// Prefix of temporary folders for unfinished downloads.
const UNFINISHED: &str = ".fetch-";

/// Loads ONNX Runtime, fetching it first if there is none: the GPU build if there is an NVIDIA driver. Prints what it
/// did.
pub fn ensure(explicit: Option<&Path>) -> anyhow::Result<&'static Loaded> {
    match runtime::load(explicit) {
        Ok(loaded) => return Ok(loaded),
        Err(RuntimeError::NotFound { .. }) => {}
        // A copy among Python's packages was not meant for this program: if it does not load, fetch one.
        Err(
            error @ (RuntimeError::TooOld { origin: Origin::Python, .. }
            | RuntimeError::Unusable { origin: Origin::Python, .. }),
        ) => {
            term::warning(&error);
        }
        Err(error) => return Err(error.into()),
    }
    let build = pins::fitting()?;
    refuse_offline(&build)?;
    term::note(format_args!("no ONNX Runtime found: downloading {} {}", build.package(), build.version()));
    let (folder, _) = install(&build, false)?;
    term::note(format_args!("ONNX Runtime {} is now in {}", build.version(), folder.display()));
    Ok(runtime::load(explicit)?)
}

/// Fetches the pinned ONNX Runtime, with `cuda` its GPU build with CUDA's libraries, and prints its folder.
pub fn install_pinned(cuda: bool, force: bool) -> anyhow::Result<()> {
    let build = if cuda { pins::with_cuda()? } else { pins::fitting()? };
    let (folder, fetched) = install(&build, force)?;
    let what = if fetched { "is now in" } else { "was already in" };
    let with = if cuda { " with CUDA's libraries" } else { "" };
    term::note(format_args!("{} {}{with} {what} {}", build.package(), build.version(), folder.display()));
    if cuda && let Some(missing) = find::missing_cuda(&folder) {
        let hint = if missing.contains("libcuda.so") { "; install the NVIDIA driver" } else { "" };
        term::warning(format_args!("CUDA will not work yet: {missing}{hint}"));
    }
    Ok(())
}

/// Fetches the pinned library of a provider, and prints its folder.
pub fn install_provider(provider: Provider, force: bool) -> anyhow::Result<()> {
    let build = pins::of(provider)?;
    let (folder, fetched) = install(&build, force)?;
    let what = if fetched { "is now in" } else { "was already in" };
    term::note(format_args!("{} {} {what} {}", build.package(), build.version(), folder.display()));
    Ok(())
}

/// Installs a build into the cache folder, unless it is there; returns the folder, and whether anything was fetched.
///
/// All files are prepared in a temporary folder that is then renamed: other processes see all files or none, and of two
/// that install the same build one wins and both succeed.
fn install(build: &Build, force: bool) -> anyhow::Result<(PathBuf, bool)> {
    let cache = find::cache_folder().context("no cache folder: set PLEURA_CACHE or HOME")?;
    let target = cache.join(build.folder());
    if !force && holds(&target, build) {
        return Ok((target, false));
    }
    // before anything is announced
    refuse_offline(build)?;
    if lists(&target, build)
        && let Err(error) = record::check(&target)
    {
        term::warning(format_args!("replacing {}: {}", target.display(), pleura::chain(&error)));
    }
    let made = || format!("cannot write to the cache folder `{}`", cache.display());
    fs::create_dir_all(&cache).with_context(made)?;
    sweep(&cache);
    let work = scratch::folder_in(&cache, UNFINISHED).with_context(made)?;
    let ready = work.path().join("ready");
    fs::create_dir(&ready).with_context(made)?;
    let spinner = term::spinner("fetching");
    for wheel in build.wheels() {
        fetch_wheel(wheel, build, work.path(), &ready, &spinner)?;
    }
    fs::write(ready.join(CONTENTS), contents(build)).with_context(made)?;
    record::write(&ready).with_context(made)?;
    spinner.finish_and_clear();
    put_in_place(&ready, &target, work.path(), build, force)?;
    Ok((target, true))
}

fn fetch_wheel(wheel: &Wheel, build: &Build, work: &Path, ready: &Path, spinner: &ProgressBar) -> anyhow::Result<()> {
    spinner.set_message(format!("downloading {} {}", wheel.package, wheel.version));
    let file = pip::download(wheel, build, work)?;
    spinner.set_message(format!("unpacking {} {}", wheel.package, wheel.version));
    unpack::verify(&file, wheel)?;
    unpack::libraries(&file, ready)?;
    // The largest wheels have half a gigabyte: remove each before the next download.
    fs::remove_file(&file).with_context(|| format!("cannot remove `{}`", file.display()))
}

/// Renames the prepared folder to its final place.
fn put_in_place(ready: &Path, target: &Path, work: &Path, build: &Build, force: bool) -> anyhow::Result<()> {
    // An existing folder is incomplete or unwanted: move it away. It may be gone already.
    if force || !holds(target, build) {
        _ = fs::rename(target, work.join("old"));
    }
    match fs::rename(ready, target) {
        Ok(()) => Ok(()),
        // Another process was faster; its copy is as good.
        Err(_) if holds(target, build) => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot install into `{}`", target.display())),
    }
}

/// Whether a folder of the cache holds every wheel of a build, with all files unchanged since they were unpacked.
fn holds(folder: &Path, build: &Build) -> bool {
    lists(folder, build) && record::check(folder).is_ok()
}

/// Whether a folder of the cache lists every wheel of a build.
fn lists(folder: &Path, build: &Build) -> bool {
    let inside = fs::read_to_string(folder.join(CONTENTS)).unwrap_or_default();
    contents(build).lines().all(|line| inside.lines().any(|it| it == line))
}

/// One line per wheel: package, version and SHA-256.
fn contents(build: &Build) -> String {
    build.wheels().map(|wheel| format!("{} {} {}\n", wheel.package, wheel.version, wheel.sha256)).collect()
}

/// Removes temporary folders of runs killed at least a day ago: they may hold gigabytes.
fn sweep(cache: &Path) {
    let is_old = |entry: &fs::DirEntry| {
        let age = entry.metadata().and_then(|it| it.modified()).ok().and_then(|it| it.elapsed().ok());
        age.is_some_and(|age| age > Duration::from_secs(24 * 60 * 60))
    };
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) && is_old(&entry) {
            _ = fs::remove_dir_all(entry.path()); // the next run tries again
        }
    }
}

fn refuse_offline(build: &Build) -> anyhow::Result<()> {
    if std::env::var_os("PLEURA_OFFLINE").is_some_and(|value| !value.is_empty() && value != "0") {
        bail!(
            "{} {} is not installed, or is incomplete, and PLEURA_OFFLINE forbids downloads; unset it, or run `{}` by \
             hand",
            build.package(),
            build.version(),
            build.by_hand()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(build: &Build) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("libonnxruntime.so.1"), "").unwrap();
        fs::write(folder.path().join(CONTENTS), contents(build)).unwrap();
        record::write(folder.path()).unwrap();
        folder
    }

    #[test]
    fn a_folder_without_cuda_s_libraries_does_not_hold_them() {
        let (small, large) = (pins::gpu(pins::Cuda::Thirteen, false), pins::gpu(pins::Cuda::Thirteen, true));
        let folder = folder_with(&small);
        assert!(holds(folder.path(), &small) && !holds(folder.path(), &large));
        let folder = folder_with(&large);
        assert!(holds(folder.path(), &small) && holds(folder.path(), &large));
        fs::write(folder.path().join("libonnxruntime.so.1"), "changed").unwrap();
        assert!(!holds(folder.path(), &small), "a damaged library is not held");
        fs::remove_file(folder.path().join("libonnxruntime.so.1")).unwrap();
        assert!(!holds(folder.path(), &small));
    }

    #[test]
    fn old_leftovers_are_swept_and_nothing_else() {
        let cache = tempfile::tempdir().unwrap();
        let day_before_yesterday = std::time::SystemTime::now() - Duration::from_secs(48 * 60 * 60);
        for (name, is_old) in [(".fetch-old", true), (".fetch-new", false), ("onnxruntime-1.0.0", true)] {
            fs::create_dir(cache.path().join(name)).unwrap();
            if is_old {
                fs::File::open(cache.path().join(name)).unwrap().set_modified(day_before_yesterday).unwrap();
            }
        }
        sweep(cache.path());
        let mut left: Vec<_> = fs::read_dir(cache.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".fetch-new", "onnxruntime-1.0.0"]);
    }

    #[test]
    fn the_slower_of_two_takes_the_other_s_copy_and_force_replaces_it() {
        let build = pins::gpu(pins::Cuda::Thirteen, false);
        let (target, ready, work) = (folder_with(&build), folder_with(&build), tempfile::tempdir().unwrap());
        fs::write(ready.path().join("new"), "").unwrap();
        put_in_place(ready.path(), target.path(), work.path(), &build, false).unwrap();
        assert!(!target.path().join("new").exists() && ready.path().exists());
        put_in_place(ready.path(), target.path(), work.path(), &build, true).unwrap();
        assert!(target.path().join("new").exists() && !ready.path().exists());
    }
}
