//! The search for the ONNX Runtime library. Nothing is loaded or downloaded here.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use super::cuda::{cuda_libraries, driver_version, loads, missing_cuda, needed_cuda, preload_cuda};

/// The environment variable that names the library, or its folder.
pub const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";

/// The oldest supported ONNX Runtime is 1.`OLDEST`.
pub const OLDEST: u32 = ort::MINOR_VERSION;

/// A library that may be ONNX Runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The library, absolute.
    pub path: PathBuf,
    /// Why it is a candidate.
    pub origin: Origin,
}

/// Why a library is a candidate, in the order of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Named by the caller (`--onnxruntime`).
    Named,
    /// Named by `ORT_DYLIB_PATH`.
    Environment,
    /// Beside the executable.
    Executable,
    /// In the cache folder, where `pleura runtime install` puts it.
    Cache,
    /// In the `onnxruntime` package of the Python on PATH.
    Python,
    /// Loaded by the program itself; see [`adopt`](super::adopt).
    Program,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "--onnxruntime",
            Self::Environment => LIBRARY_VARIABLE,
            Self::Executable => "beside the executable",
            Self::Cache => "the cache folder",
            Self::Python => "Python's onnxruntime",
            Self::Program => "the program's own",
        })
    }
}

/// The libraries to try, in order. One that is named, by `explicit` or `ORT_DYLIB_PATH`, is the only one, whether it
/// exists or not: replacing it silently would be a surprise. Python is run only if nothing else is found.
pub fn candidates(explicit: Option<&Path>) -> Vec<Candidate> {
    if let Some(path) = explicit {
        return vec![named(path, Origin::Named)];
    }
    if let Some(path) = env::var_os(LIBRARY_VARIABLE).filter(|path| !path.is_empty()) {
        return vec![named(Path::new(&path), Origin::Environment)];
    }
    let mut found = in_folders(executable_folder(), Origin::Executable);
    found.extend(in_folders(cached_folders(), Origin::Cache));
    if found.is_empty() {
        found = in_folders(python_folder(), Origin::Python);
    }
    found
}

/// The places that [`candidates`] searches, for people.
pub fn places() -> Vec<String> {
    let shown = |path: Option<PathBuf>| path.map_or_else(|| "unknown".into(), |path| path.display().to_string());
    vec![
        "--onnxruntime (not given)".into(),
        format!("{LIBRARY_VARIABLE} (not set)"),
        format!("beside the executable ({})", shown(executable_folder())),
        format!("the cache folder ({})", shown(cache_folder())),
        "the onnxruntime package of the Python on PATH".into(),
    ]
}

/// The folder for downloads: `$PLEURA_CACHE`, else `$XDG_CACHE_HOME/pleura`, else `~/.cache/pleura`.
/// `None` if the environment names no home.
pub fn cache_folder() -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value: &OsString| !value.is_empty()).map(PathBuf::from);
    let folder = variable("PLEURA_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("pleura")))
        .or_else(|| env::home_dir().map(|home| home.join(".cache/pleura")))?;
    Some(std::path::absolute(&folder).unwrap_or(folder))
}

/// The ONNX Runtime library of a folder, if it holds one.
pub fn library_in(folder: &Path) -> Option<PathBuf> {
    let mut libraries: Vec<_> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_library))
        .collect();
    libraries.sort();
    libraries.into_iter().next()
}

/// `libonnxruntime.so`, `libonnxruntime.so.1.24.4`, `libonnxruntime.1.24.4.dylib`, `onnxruntime.dll`; not a provider.
fn is_library(name: &str) -> bool {
    name == "onnxruntime.dll"
        || name.starts_with("libonnxruntime.so")
        || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
}

/// A candidate from a named path; a folder stands for the library in it.
fn named(path: &Path, origin: Origin) -> Candidate {
    let path = library_in(path).unwrap_or_else(|| path.to_path_buf());
    // `ort` resolves a relative path from the executable's folder; users mean the working directory.
    Candidate { path: std::path::absolute(&path).unwrap_or(path), origin }
}

fn in_folders(folders: impl IntoIterator<Item = PathBuf>, origin: Origin) -> Vec<Candidate> {
    folders.into_iter().filter_map(|folder| library_in(&folder)).map(|path| Candidate { path, origin }).collect()
}

fn executable_folder() -> Option<PathBuf> {
    env::current_exe().ok()?.parent().map(Path::to_path_buf)
}

/// The cache's `onnxruntime-VERSION[-gpu]` folders: those for the GPU first (they run on the CPU as well), then the
/// newest.
fn cached_folders() -> Vec<PathBuf> {
    let Some(entries) = cache_folder().and_then(|folder| fs::read_dir(folder).ok()) else { return Vec::new() };
    let mut folders: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((rank(path.file_name()?.to_str()?)?, path))
        })
        .collect();
    folders.sort_by(|a, b| b.cmp(a));
    folders.into_iter().map(|(_, path)| path).collect()
}

/// Whether a cache folder's library is for the GPU, and its version; `None` for any other folder.
fn rank(name: &str) -> Option<(bool, Vec<u32>)> {
    let version = name.strip_prefix("onnxruntime-")?;
    let (version, gpu) = version.strip_suffix("-gpu").map_or((version, false), |version| (version, true));
    let numbers: Result<_, _> = version.split('.').map(str::parse).collect();
    Some((gpu, numbers.ok()?))
}

/// The folder of the libraries in Python's `onnxruntime`.
fn python_folder() -> Option<PathBuf> {
    Some(python_package("onnxruntime")?.join("capi"))
}

/// The folder of a package of the Python on PATH.
pub(super) fn python_package(module: &str) -> Option<PathBuf> {
    let ask = format!(
        "import importlib.util as u; s = u.find_spec('{module}'); \
         print(s.submodule_search_locations[0] if s and s.submodule_search_locations else '')"
    );
    ask_python(&ask).map(PathBuf::from)
}

/// The output of the Python on PATH for `code`; `None` if there is no Python, it fails, or it prints nothing.
pub(super) fn ask_python(code: &str) -> Option<String> {
    // The user's packages count, files in the working directory do not: the result is loaded into this process.
    let code = format!("import sys; sys.path = [p for p in sys.path if p]; {code}");
    let output =
        Command::new("python3").args(["-c", &code]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let answer = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !answer.is_empty()).then_some(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_library_is_the_only_candidate() {
        let found = candidates(Some(Path::new("nowhere/libonnxruntime.so")));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].origin, Origin::Named);
        assert!(found[0].path.is_absolute() && found[0].path.ends_with("nowhere/libonnxruntime.so"));
    }

    #[test]
    fn a_folder_stands_for_its_library_and_providers_are_none() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("libonnxruntime_providers_shared.so"), "").unwrap();
        assert_eq!(library_in(folder.path()), None);
        fs::write(folder.path().join("libonnxruntime.so.1.24.4"), "").unwrap();
        let found = candidates(Some(folder.path()));
        assert_eq!(found[0].path, folder.path().join("libonnxruntime.so.1.24.4"));
    }

    #[test]
    fn cache_folders_rank_gpu_first_then_newest() {
        let mut names = ["onnxruntime-1.9.0", "onnxruntime-1.24.4", "onnxruntime-1.24.4-gpu"];
        names.sort_by_key(|name| std::cmp::Reverse(rank(name)));
        assert_eq!(names, ["onnxruntime-1.24.4-gpu", "onnxruntime-1.24.4", "onnxruntime-1.9.0"]);
        for other in ["cmake-3.31.6", "onnxruntime-1.24.4.part", "onnxruntime-"] {
            assert_eq!(rank(other), None, "{other}");
        }
    }
}
