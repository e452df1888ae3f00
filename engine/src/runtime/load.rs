//! Loads ONNX Runtime, once per process.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::arena::Arena;
use super::find::{self, Candidate, Origin};
use super::provider::Registry;
use super::record::{self, RecordError};
use super::whole;

/// The loaded ONNX Runtime, with the environment of its sessions.
#[derive(Debug)]
pub struct Loaded {
    /// The library.
    pub path: PathBuf,
    /// Its version, such as `1.24.4`.
    pub version: String,
    /// Why it was chosen.
    pub origin: Origin,
    /// The process's one environment.
    pub environment: Environment,
    /// The memory of its sessions on the CPU.
    pub(super) arena: Arena,
    /// The provider libraries that are registered with it.
    pub(super) registry: Registry,
}

impl Loaded {
    /// The execution providers that are compiled in, such as `CUDAExecutionProvider`, whether or not they work on this
    /// machine.
    pub fn providers(&self) -> Vec<String> {
        let api = ort::api(); // made by `load`
        let (mut names, mut count) = (std::ptr::null_mut(), 0);
        // SAFETY: the call fills in an array of `count` strings, which we own until it is released below.
        let failed = unsafe { (api.GetAvailableProviders)(&raw mut names, &raw mut count) };
        if !failed.0.is_null() || names.is_null() {
            return Vec::new();
        }
        // SAFETY: as above; each of the strings is terminated.
        let name = |i| unsafe { CStr::from_ptr(*names.add(i)) }.to_string_lossy().into_owned();
        let providers = (0..usize::try_from(count).unwrap_or(0)).map(name).collect();
        // SAFETY: the array is the one that was filled in, with its length; nothing refers to it any more.
        _ = unsafe { (api.ReleaseAvailableProviders)(names, count) };
        providers
    }
}

/// Why ONNX Runtime is unavailable.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// No library was found.
    #[error("no ONNX Runtime found; searched: {}; run `pleura runtime install`", places.join(", "))]
    NotFound {
        /// The places that were searched.
        places: Vec<String>,
    },
    /// The named library does not exist.
    #[error("no ONNX Runtime at `{path}` (from {origin}): correct the path, or run `pleura runtime install`")]
    Missing {
        /// The path that was named.
        path: PathBuf,
        /// Where the name came from.
        origin: Origin,
    },
    /// Another library is already loaded.
    #[error(
        "cannot load ONNX Runtime from `{path}`: this process has already loaded `{loaded}`, and can load only one; \
         name the library before ONNX Runtime is first used"
    )]
    Another {
        /// The library that was named.
        path: PathBuf,
        /// The one that is loaded.
        loaded: PathBuf,
    },
    /// The library does not load, or is something else.
    #[error("cannot load ONNX Runtime from `{path}` ({origin}): {reason}")]
    Unusable {
        /// The library.
        path: PathBuf,
        /// Why it was tried.
        origin: Origin,
        /// The loader's message.
        reason: String,
    },
    /// The library, or a file installed with it, has changed since installation.
    #[error("ONNX Runtime `{path}` is damaged: {reason}; run `pleura runtime install`, which replaces it")]
    Damaged {
        /// The library.
        path: PathBuf,
        /// What is missing or differs.
        reason: String,
    },
    /// The library is older than this engine needs.
    #[error(
        "ONNX Runtime `{path}` ({origin}) is version {version}, expected 1.{needed} or newer; run `pleura runtime \
         install`"
    )]
    TooOld {
        /// The library.
        path: PathBuf,
        /// Why it was tried.
        origin: Origin,
        /// Its version.
        version: String,
        /// The minor version that is needed.
        needed: u32,
    },
}

static LOADED: OnceLock<Loaded> = OnceLock::new();
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Loads ONNX Runtime from the first candidate that works; see [`find::candidates`] for the order. A process holds only
/// one: once it is loaded, every later call returns it.
///
/// # Errors
/// [`RuntimeError::NotFound`] if there is no candidate; otherwise the fault of the first one. If one is already
/// loaded and `explicit` names a file that is missing, or another library.
pub fn load(explicit: Option<&Path>) -> Result<&'static Loaded, RuntimeError> {
    // The mutex guards no data, so a panic elsewhere does no harm.
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(loaded) = LOADED.get() {
        return explicit.map_or(Ok(()), |path| is_loaded(loaded, path)).map(|()| loaded);
    }
    let loaded = first_that_loads(find::candidates(explicit))?;
    tracing::info!("ONNX Runtime {} from `{}` ({})", loaded.version, loaded.path.display(), loaded.origin);
    Ok(LOADED.get_or_init(|| loaded))
}

/// Uses the environment of a program that runs ONNX Runtime itself, by the crate `ort`: a process has only one. `library`
/// is the file that the program named to [`ort::init_from`]. Call it before the engine is first used. A program that
/// starts ONNX Runtime later takes [`Loaded::environment`] instead.
///
/// # Errors
/// If the library is missing, is not ONNX Runtime or is too old; [`RuntimeError::Another`] if one is loaded already.
pub fn adopt(library: &Path, environment: Environment) -> Result<&'static Loaded, RuntimeError> {
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(loaded) = LOADED.get() {
        return Err(RuntimeError::Another { path: library.into(), loaded: loaded.path.clone() });
    }
    let candidate = Candidate { path: library.into(), origin: Origin::Program };
    let version = version(&candidate)?;
    let arena = Arena::new(&environment).map_err(|error| unusable(&candidate, error.to_string()))?;
    let Candidate { path, origin } = candidate;
    Ok(LOADED.get_or_init(|| Loaded { path, version, origin, environment, arena, registry: Registry::default() }))
}

/// ONNX Runtime if [`load`] has loaded it already.
pub fn loaded() -> Option<&'static Loaded> {
    LOADED.get()
}

/// Whether the loaded library is the one that a caller names.
fn is_loaded(loaded: &Loaded, named: &Path) -> Result<(), RuntimeError> {
    for Candidate { path, origin } in find::candidates(Some(named)) {
        if !path.is_file() {
            return Err(RuntimeError::Missing { path, origin });
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.into());
        if real(&path) != real(&loaded.path) {
            return Err(RuntimeError::Another { path, loaded: loaded.path.clone() });
        }
    }
    Ok(())
}

fn first_that_loads(candidates: Vec<Candidate>) -> Result<Loaded, RuntimeError> {
    let mut first_error = None;
    for candidate in candidates {
        match open(&candidate) {
            Ok(loaded) => {
                if let Some(error) = first_error {
                    tracing::warn!("{error}; using `{}` instead", loaded.path.display());
                }
                return Ok(loaded);
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    Err(first_error.unwrap_or_else(|| RuntimeError::NotFound { places: find::places() }))
}

fn open(candidate: &Candidate) -> Result<Loaded, RuntimeError> {
    let version = version(candidate)?;
    let failed = |error: String| unusable(candidate, error);
    let builder = ort::init_from(&candidate.path).map_err(|error| failed(error.to_string()))?;
    let builder = builder.with_name("pleura").with_telemetry(false).with_logger(Arc::new(log));
    // it fails if the program has an environment of its own
    let adopted = |error| failed(format!("{error}: hand in the program's with `pleura::runtime::adopt`"));
    let environment = builder.build().map_err(adopted)?;
    // With a logger, `ort` requests every message of ONNX Runtime: each run would write thousands of unused lines.
    let listened = tracing::enabled!(target: "onnxruntime", tracing::Level::DEBUG);
    environment.set_log_level(if listened { LogLevel::Info } else { LogLevel::Error });
    let arena = Arena::new(&environment).map_err(|error| failed(error.to_string()))?;
    let Candidate { path, origin } = candidate.clone();
    Ok(Loaded { path, version, origin, environment, arena, registry: Registry::default() })
}

/// The version of a library that is whole, is ONNX Runtime, and is new enough.
fn version(candidate: &Candidate) -> Result<String, RuntimeError> {
    let Candidate { path, origin } = candidate.clone();
    if !path.is_file() {
        return Err(RuntimeError::Missing { path, origin });
    }
    if origin == Origin::Cache {
        let damaged = |reason| RuntimeError::Damaged { path: path.clone(), reason };
        is_as_installed(&path).map_err(damaged)?;
    }
    whole::check(&path).map_err(|reason| unusable(candidate, reason))?;
    let version = probe(&path).map_err(|reason| unusable(candidate, reason))?;
    if minor(&version).is_none_or(|minor| minor < find::OLDEST) {
        return Err(RuntimeError::TooOld { path, origin, version, needed: find::OLDEST });
    }
    Ok(version)
}

fn unusable(candidate: &Candidate, reason: String) -> RuntimeError {
    RuntimeError::Unusable { path: candidate.path.clone(), origin: candidate.origin, reason }
}

/// Checks a library of the cache folder, and the files beside it.
fn is_as_installed(library: &Path) -> Result<(), String> {
    let (Some(folder), Some(name)) = (library.parent(), library.file_name()) else { return Ok(()) };
    let name = name.to_string_lossy();
    record::check_quickly(folder, &name).map_err(|error| match error {
        // the library itself is named already
        RecordError::Changed { file, expected, found } if file == name => format!("expected {expected}, found {found}"),
        other => crate::chain(&other),
    })?;
    whole::check(library)
}

/// Logs ONNX Runtime's messages, which would otherwise go to standard error, including names of a model's nodes:
/// failures are reported by the failing call, and other messages are for debugging.
fn log(level: LogLevel, _category: &str, _id: &str, place: &str, message: &str) {
    tracing::debug!(target: "onnxruntime", "{level:?} at {place}: {message}");
}

/// The version of the ONNX Runtime at `path`, from the library itself, or why it cannot be determined.
fn probe(path: &Path) -> Result<String, String> {
    // SAFETY: loading runs the library's initialisers; its user named or installed it as ONNX Runtime.
    let library = unsafe { libloading::Library::new(path) }.map_err(|error| error.to_string())?;
    // SAFETY: ONNX Runtime's C API declares this symbol with this type.
    let base = unsafe { library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(c"OrtGetApiBase") }
        .map_err(|_| "it does not export `OrtGetApiBase`".to_owned())?;
    // SAFETY: the function takes nothing and returns a pointer to a static table, or null.
    let base = unsafe { base().as_ref() }.ok_or("`OrtGetApiBase` returns nothing")?;
    // SAFETY: `GetVersionString` returns a static, terminated string; the library is still loaded.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) };
    version.to_str().map(str::to_owned).map_err(|_| "its version is not text".to_owned())
}

/// The minor number of `1.MINOR.PATCH`.
fn minor(version: &str) -> Option<u32> {
    version.split('.').nth(1)?.parse().ok()
}

/// ONNX Runtime for this crate's tests, which cannot install it; `None` if there is none.
///
/// # Panics
/// If there is none in CI, where every test must run.
#[cfg(test)]
pub fn for_tests() -> Option<&'static Loaded> {
    let loaded = load(None).ok();
    assert!(loaded.is_some() || std::env::var_os("CI").is_none(), "no ONNX Runtime");
    if loaded.is_none() {
        eprintln!("skipped: no ONNX Runtime");
    }
    loaded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_library_that_is_missing_is_an_error_that_names_it() {
        let named = Path::new("/nowhere/libonnxruntime.so");
        let error = first_that_loads(find::candidates(Some(named))).unwrap_err();
        assert!(matches!(error, RuntimeError::Missing { .. }), "{error}");
        assert!(error.to_string().contains("`/nowhere/libonnxruntime.so` (from --onnxruntime)"), "{error}");
    }

    #[test]
    fn a_file_that_is_no_library_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        std::fs::write(&path, "not a library").unwrap();
        let error = first_that_loads(find::candidates(Some(&path))).unwrap_err();
        assert!(matches!(error, RuntimeError::Unusable { .. }), "{error}");
    }

    #[test]
    fn without_candidates_the_places_and_the_command_are_named() {
        let error = first_that_loads(Vec::new()).unwrap_err().to_string();
        assert!(error.contains("ORT_DYLIB_PATH") && error.contains("`pleura runtime install`"), "{error}");
    }

    #[test]
    fn versions_are_compared_by_their_minor_number() {
        for (version, expected) in [("1.24.4", Some(24)), ("1.9.0", Some(9)), ("1", None), ("1.x", None)] {
            assert_eq!(minor(version), expected, "{version}");
        }
    }
}
