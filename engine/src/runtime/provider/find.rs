//! The search for a provider's library. Nothing is loaded or downloaded here.

use std::cmp::Reverse;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::{LibraryFacts, Provider};
use crate::runtime::{find, record, whole};

/// The environment variable that names folders with provider libraries, separated as in `PATH`.
pub const LIBRARIES_VARIABLE: &str = "PLEURA_PROVIDERS";

/// A provider's library.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderLibrary {
    /// The library.
    pub path: PathBuf,
    /// The place where it was found, for people.
    pub origin: &'static str,
}

/// A provider's library: in a folder of `PLEURA_PROVIDERS`, beside ONNX Runtime (in `runtime`), beside the executable, in
/// the cache folder, or in the provider's Python package; the first of them, without a search for another if it is
/// damaged.
///
/// # Errors
/// Why there is none, as a fragment.
pub fn library(provider: Provider, runtime: &Path) -> Result<ProviderLibrary, String> {
    let Some(facts) = &provider.facts().library else { return Err("it is part of ONNX Runtime".into()) };
    let name = file_name(facts.stem);
    let places = places(facts, runtime);
    let found = places.into_iter().find_map(|(origin, folder)| {
        let path = folder()?.into_iter().map(|folder| folder.join(&name)).find(|path| path.is_file())?;
        Some(ProviderLibrary { path, origin })
    });
    let Some(found) = found else { return Err(format!("`{name}` is missing")) };
    if found.origin == CACHE {
        let folder = found.path.parent().unwrap_or(Path::new(""));
        record::check_quickly(folder, &name).map_err(|error| crate::chain(&error))?;
    }
    whole::check(&found.path).map_err(|reason| format!("`{}`: {reason}", found.path.display()))?;
    Ok(found)
}

const CACHE: &str = "the cache folder";

/// A search of folders, which may cost something.
type Folders<'a> = Box<dyn FnOnce() -> Option<Vec<PathBuf>> + 'a>;

/// The places, in the order of the search.
fn places<'a>(facts: &'a LibraryFacts, runtime: &'a Path) -> [(&'static str, Folders<'a>); 5] {
    [
        (LIBRARIES_VARIABLE, Box::new(|| env::var_os(LIBRARIES_VARIABLE).map(|it| env::split_paths(&it).collect()))),
        ("beside ONNX Runtime", Box::new(|| Some(vec![runtime.to_owned()]))),
        ("beside the executable", Box::new(|| Some(vec![env::current_exe().ok()?.parent()?.to_owned()]))),
        (CACHE, Box::new(|| Some(cached(&find::cache_folder()?, facts.package)))),
        ("its Python package", Box::new(|| Some(vec![find::python_package(facts.module)?]))),
    ]
}

/// The cache's folders of a package, newest first.
fn cached(cache: &Path, package: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    let mut folders: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.path();
            let version = path.file_name()?.to_str()?.strip_prefix(package)?.strip_prefix('-')?;
            let numbers: Result<Vec<u32>, _> = version.split('.').map(str::parse).collect();
            Some((numbers.ok()?, path))
        })
        .collect();
    folders.sort_by_key(|(version, _)| Reverse(version.clone()));
    folders.into_iter().map(|(_, path)| path).collect()
}

/// `libNAME.so`, `libNAME.dylib` or `NAME.dll`.
fn file_name(stem: &str) -> String {
    format!("{}{stem}{}", env::consts::DLL_PREFIX, env::consts::DLL_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_of_the_cache_comes_first_and_others_are_none() {
        let cache = tempfile::tempdir().unwrap();
        for name in [
            "onnxruntime-ep-webgpu-0.9.0",
            "onnxruntime-ep-webgpu-0.10.0",
            "onnxruntime-ep-webgpu-0.11.0.part",
            "onnxruntime-ep-openvino-1.0.0",
            "onnxruntime-1.24.4",
        ] {
            fs::create_dir(cache.path().join(name)).unwrap();
        }
        let found = cached(cache.path(), "onnxruntime-ep-webgpu");
        let names: Vec<_> = found.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
        assert_eq!(names, ["onnxruntime-ep-webgpu-0.10.0", "onnxruntime-ep-webgpu-0.9.0"]);
    }

    #[test]
    fn the_library_beside_onnx_runtime_is_found_and_a_short_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file_name("onnxruntime_providers_webgpu"));
        fs::write(&path, "no ELF file: its loader will say so").unwrap();
        let found = library(Provider::WebGpu, folder.path()).unwrap();
        assert_eq!(found, ProviderLibrary { path: path.clone(), origin: "beside ONNX Runtime" });
        #[cfg(target_os = "linux")]
        {
            let whole = fs::read(env::current_exe().unwrap()).unwrap();
            fs::write(&path, &whole[..whole.len() / 2]).unwrap();
            let error = library(Provider::WebGpu, folder.path()).unwrap_err();
            assert!(error.contains(&*path.to_string_lossy()) && error.contains("cut short"), "{error}");
        }
    }
}
