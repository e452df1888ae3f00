//! What CUDA needs on this machine, and what is missing.
//!
//! ONNX Runtime's CUDA provider is a separate library, which needs the NVIDIA driver, CUDA's libraries and cuDNN. They
//! come with the system, with `pleura runtime install --cuda` (beside the provider), or with Python's `nvidia-*`
//! packages. The loader does not search the latter two places, so their libraries are loaded before the provider.

use std::fs;
use std::path::{Path, PathBuf};

use object::Endianness;
use object::elf::DT_NEEDED;
use object::read::ReadCache;
use object::read::elf::{Dyn, ElfFile64};

use super::find::ask_python;
use super::whole;

/// The CUDA provider, beside ONNX Runtime's library.
pub const PROVIDER: &str = "libonnxruntime_providers_cuda.so";

/// The NVIDIA driver's library.
pub const DRIVER: &str = "libcuda.so.1";

/// CUDA's libraries in dependency order. cuDNN opens its parts by name on first use.
const ORDER: [&str; 16] = [
    "libcudart.so",
    "libnvJitLink.so",
    "libnvrtc-builtins.so",
    "libnvrtc.so",
    "libcublasLt.so",
    "libcublas.so",
    "libcurand.so",
    "libcufft.so",
    "libcudnn_graph.so",
    "libcudnn_ops.so",
    "libcudnn_heuristic.so",
    "libcudnn_adv.so",
    "libcudnn_cnn.so",
    "libcudnn_engines_precompiled.so",
    "libcudnn_engines_runtime_compiled.so",
    "libcudnn.so",
];

/// CUDA's libraries to load before the provider, in order: those in `library_dir`, ONNX Runtime's folder; if there are
/// none, those of Python's `nvidia-*` packages; empty if they must come from the system.
pub fn cuda_libraries(library_dir: &Path) -> Vec<PathBuf> {
    let own = in_order(&[library_dir.to_path_buf()]);
    if own.is_empty() { in_order(&python_folders()) } else { own }
}

/// Loads those of CUDA's libraries that the loader would not find: the ones in `library_dir`, and if something is still
/// missing, the ones of Python's packages. They stay loaded.
pub fn preload_cuda(library_dir: &Path) {
    in_order(&[library_dir.to_path_buf()]).iter().for_each(|library| keep(library));
    if first_missing(&needed(&library_dir.join(PROVIDER)).unwrap_or_default()).is_some() {
        in_order(&python_folders()).iter().for_each(|library| keep(library));
    }
}

/// The library that keeps the CUDA provider in `library_dir` from loading, as "`libcudnn.so.9` is missing": the
/// provider itself, the driver, or the first of those that the provider needs. `None` if nothing is missing; libraries
/// that were found stay loaded, so that the provider loads, too.
pub fn missing_cuda(library_dir: &Path) -> Option<String> {
    let provider = library_dir.join(PROVIDER);
    if !provider.is_file() {
        return Some(format!("`{PROVIDER}` is missing"));
    }
    if let Some(damaged) = damaged(library_dir) {
        return Some(damaged);
    }
    if open(Path::new(DRIVER)).is_err() {
        return Some(format!("`{DRIVER}` is missing"));
    }
    // The provider itself cannot be tried: it requires ONNX Runtime as soon as it is loaded.
    let Some(needed) = needed(&provider) else { return Some(format!("`{PROVIDER}` cannot be read")) };
    preload_cuda(library_dir);
    first_missing(&needed).map(|name| format!("`{name}` is missing"))
}

/// The first incomplete library in ONNX Runtime's folder that CUDA would load, as "`libcudnn.so.9`: …".
fn damaged(library_dir: &Path) -> Option<String> {
    let mut libraries = vec![library_dir.join(PROVIDER)];
    // ONNX Runtime loads it before any provider.
    libraries.extend(Some(library_dir.join("libonnxruntime_providers_shared.so")).filter(|path| path.exists()));
    libraries.extend(in_order(&[library_dir.to_path_buf()]));
    libraries.iter().find_map(|library| {
        let name = library.file_name()?.to_string_lossy().into_owned();
        whole::check(library).err().map(|reason| format!("`{name}`: {reason}"))
    })
}

/// The libraries of CUDA and cuDNN that the CUDA provider in `library_dir` needs, by their loader names; empty if there
/// is no provider.
pub fn needed_cuda(library_dir: &Path) -> Vec<String> {
    let needed = needed(&library_dir.join(PROVIDER)).unwrap_or_default();
    needed.into_iter().filter(|name| name.starts_with("libcu") || name.starts_with("libnv")).collect()
}

/// The newest CUDA, (major, minor), that the NVIDIA driver supports; `None` if there is no driver.
pub fn driver_version() -> Option<(u32, u32)> {
    let driver = open(Path::new(DRIVER)).ok()?;
    let mut version = 0;
    // SAFETY: the driver's API declares `CUresult cuDriverGetVersion(int *)`, which may be called before `cuInit`.
    let status = unsafe {
        let ask = driver.get::<unsafe extern "C" fn(*mut i32) -> i32>(c"cuDriverGetVersion").ok()?;
        ask(&raw mut version)
    };
    // 13020 is 13.2.
    let version = u32::try_from(version).ok().filter(|_| status == 0)?;
    Some((version / 1000, version % 1000 / 10))
}

/// Whether a library loads, by name or path.
pub fn loads(library: &str) -> bool {
    open(Path::new(library)).is_ok()
}

fn in_order(folders: &[PathBuf]) -> Vec<PathBuf> {
    let files: Vec<_> = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten().collect();
    let of = |stem: &&str| {
        let starts = |name: &str| name.strip_prefix(*stem).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        files.iter().find(|file| file.file_name().to_str().is_some_and(starts)).map(fs::DirEntry::path)
    };
    ORDER.iter().filter_map(of).collect()
}

/// The `lib` folders of Python's `nvidia-*` packages.
fn python_folders() -> Vec<PathBuf> {
    let ask = "import importlib.util as u, glob; s = u.find_spec('nvidia'); \
               print('\\n'.join(f for p in (s.submodule_search_locations if s else []) \
               for f in sorted(glob.glob(p + '/*/lib'))))";
    ask_python(ask).map(|folders| folders.lines().map(PathBuf::from).collect()).unwrap_or_default()
}

/// The libraries that an ELF library needs.
fn needed(library: &Path) -> Option<Vec<String>> {
    let file = ReadCache::new(fs::File::open(library).ok()?);
    let elf = ElfFile64::<Endianness, _>::parse(&file).ok()?;
    let (endian, sections) = (elf.endian(), elf.elf_section_table());
    let (entries, link) = sections.dynamic(endian, &file).ok()??;
    let strings = sections.strings(endian, &file, link).ok()?;
    let names = entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED);
    names.map(|entry| Some(String::from_utf8_lossy(entry.string(endian, strings).ok()?).into_owned())).collect()
}

/// The first of several libraries that does not load, or the library that it lacks. Those that load stay loaded.
fn first_missing(names: &[String]) -> Option<String> {
    names.iter().find_map(|name| match open(Path::new(name)) {
        Ok(library) => {
            std::mem::forget(library);
            None
        }
        Err(reason) => Some(culprit(&reason).unwrap_or(name).to_owned()),
    })
}

/// The library named in the loader's message: `libz.so.1: cannot open shared object file: …`.
fn culprit(reason: &str) -> Option<&str> {
    let (name, _) = reason.split_once(": cannot open shared object file")?;
    Some(name.rsplit('/').next().unwrap_or(name))
}

fn keep(library: &Path) {
    match whole::check(library).and_then(|()| open(library)) {
        Ok(library) => std::mem::forget(library),
        Err(reason) => tracing::debug!("{reason}"),
    }
}

/// Opens a library with its symbols visible to libraries loaded later.
#[cfg(unix)]
fn open(library: &Path) -> Result<libloading::Library, String> {
    use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LAZY};
    // SAFETY: loading runs the library's initialisers; these are NVIDIA's, which the provider would load anyway.
    let opened = unsafe { Library::open(Some(library), RTLD_LAZY | RTLD_GLOBAL) };
    opened
        .map(Into::into)
        .map_err(|error| std::error::Error::source(&error).map_or(error.to_string(), |it| it.to_string()))
}

/// Opens a library.
#[cfg(not(unix))]
fn open(library: &Path) -> Result<libloading::Library, String> {
    // SAFETY: loading runs the library's initialisers; these are NVIDIA's, which the provider would load anyway.
    unsafe { libloading::Library::new(library) }.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_provider_misses_the_provider() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(missing_cuda(folder.path()), Some(format!("`{PROVIDER}` is missing")));
        assert_eq!(needed_cuda(folder.path()), Vec::<String>::new());
    }

    #[test]
    fn libraries_are_listed_in_loading_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["libcudnn.so.9", "libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13", "libother.so"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let names: Vec<_> = cuda_libraries(folder.path()).iter().map(|it| it.file_name().unwrap().to_owned()).collect();
        assert_eq!(names, ["libcudart.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcudnn.so.9"]);
    }

    #[test]
    fn the_loader_s_message_names_the_missing_library() {
        let reason = open(Path::new("libnowhere-at-all.so.7")).unwrap_err();
        #[cfg(target_os = "linux")]
        assert_eq!(culprit(&reason), Some("libnowhere-at-all.so.7"), "{reason}");
        assert_eq!(culprit("invalid ELF header"), None);
    }

    /// This test's own program is an ELF file that needs the C library.
    #[test]
    #[cfg(target_os = "linux")]
    fn needed_libraries_are_read_from_the_file() {
        let needed = needed(&std::env::current_exe().unwrap()).unwrap();
        assert!(needed.iter().any(|name| name.starts_with("libc.so")), "{needed:?}");
        assert_eq!(first_missing(&needed), None);
        assert_eq!(first_missing(&["libnowhere.so.1".into()]).as_deref(), Some("libnowhere.so.1"));
    }
}
