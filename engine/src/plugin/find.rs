//! Finds plugins: by path, or by name.
//!
//! A name is searched for in the folders of `PLEURA_PLUGINS` and the manifest's, then among the built-in plugins, then
//! in the program's own folders: a library that people put somewhere wins over the program's own plugins, and these win
//! over files that an older version may have left beside it.

use std::collections::HashSet;
use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::path::{Path, PathBuf};

use super::{About, Origin, OwnPlugins, PluginError, process};
use crate::manifest::{Step, is_path};

/// A plugin found by [`list`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Found {
    /// Where its code is.
    pub origin: Origin,
    /// The content of its table, or why it cannot be used.
    pub about: Result<About, PluginError>,
}

/// The existing folders that are searched for plugin libraries by name, in this order: those of `PLEURA_PLUGINS`, the
/// manifest's and its `plugins`, the program's `deps`, its own and its parent, and `../lib/pleura/plugins` from there.
#[must_use]
pub fn folders(manifest_dir: &Path) -> Vec<PathBuf> {
    Folders::new(manifest_dir, &[]).all()
}

/// Folders of libraries.
struct Folders {
    /// Folders chosen by people.
    chosen: Vec<PathBuf>,
    /// The program's folders.
    program: Vec<PathBuf>,
}

impl Folders {
    /// `first` precede all others.
    fn new(manifest_dir: &Path, first: &[PathBuf]) -> Self {
        let named = env::var_os("PLEURA_PLUGINS").unwrap_or_default();
        let named = env::split_paths(&named).filter(|folder| !folder.as_os_str().is_empty());
        // A manifest named without a folder has an empty parent path.
        let own = [Path::new(".").join(manifest_dir), manifest_dir.join("plugins")];
        let mut program = Vec::new();
        if let Some(home) = env::current_exe().ok().as_deref().and_then(Path::parent) {
            // Cargo builds in `deps` and does not always copy to the folder above, which may hold an older build.
            program.extend([home.join("deps"), home.to_owned()]);
            if let Some(parent) = home.parent() {
                program.extend([parent.to_owned(), parent.join("lib/pleura/plugins")]);
            }
        }
        let mut seen = Vec::new();
        let mut existing = |folders: &mut dyn Iterator<Item = PathBuf>| -> Vec<PathBuf> {
            folders
                .filter(|folder| match folder.canonicalize() {
                    Ok(place) if place.is_dir() && !seen.contains(&place) => {
                        seen.push(place);
                        true
                    }
                    _ => false,
                })
                .collect()
        };
        let chosen = existing(&mut first.iter().cloned().chain(named).chain(own));
        Self { chosen, program: existing(&mut program.into_iter()) }
    }

    fn all(&self) -> Vec<PathBuf> {
        [self.chosen.as_slice(), &self.program].concat()
    }

    /// The plugin that a name refers to.
    fn find(&self, plugin: &str) -> Option<Origin> {
        let library = |folders: &[PathBuf]| library_in(plugin, folders).map(Origin::Library);
        library(&self.chosen).or_else(|| Origin::built_in(plugin)).or_else(|| library(&self.program))
    }
}

/// Additional plugin folders, and the program that runs isolated plugins.
#[derive(Debug, Clone, Default)]
pub struct PluginOptions {
    /// Folders that are searched for libraries by name, before all others.
    pub folders: Vec<PathBuf>,
    /// The program whose verb `plugin-worker` runs isolated plugins; `None` searches for it.
    pub worker: Option<PathBuf>,
    /// The program's own plugins, which come before all others of their names.
    pub own: OwnPlugins,
}

/// The plugin of a manifest's step: if `plugin` contains a separator, the library at this path relative to the
/// manifest's folder (the file need not exist), otherwise a name to search for. A step that declares a `sha256` refers
/// to a library.
///
/// # Errors
/// [`PluginError::NotFound`] if there is no plugin of that name.
pub fn resolve(step: &Step, manifest_dir: &Path, options: &PluginOptions) -> Result<Origin, PluginError> {
    let name = || step.plugin.clone();
    if step.is_path() {
        return Ok(Origin::Library(manifest_dir.join(&step.plugin)));
    }
    let folders = Folders::new(manifest_dir, &options.folders);
    if step.sha256.is_some() {
        let searched = folders.all();
        let library = library_in(&step.plugin, &searched).map(Origin::Library);
        return library.ok_or_else(|| PluginError::NoLibrary { name: name(), searched });
    }
    folders.find(&step.plugin).ok_or_else(|| {
        let searched = folders.all();
        PluginError::NotFound { name: name(), near: nearest(&step.plugin, manifest_dir, &searched), searched }
    })
}

/// As [`resolve`], by the plugin's name only.
///
/// # Errors
/// As [`resolve`].
pub fn named(plugin: &str, manifest_dir: &Path) -> Result<Origin, PluginError> {
    resolve(&Step { plugin: plugin.to_owned(), ..Step::default() }, manifest_dir, &PluginOptions::default())
}

/// As [`named`], without suggestions of similar names, for which all libraries would be read.
#[must_use]
pub fn locate(plugin: &str, manifest_dir: &Path) -> Option<Origin> {
    if is_path(plugin) {
        return Some(Origin::Library(manifest_dir.join(plugin)));
    }
    Folders::new(manifest_dir, &[]).find(plugin)
}

/// The name by which manifests refer to a plugin.
fn name(origin: &Origin) -> Option<String> {
    match origin {
        Origin::BuiltIn(name) => Some((*name).to_owned()),
        Origin::Library(path) => name_of(path),
        Origin::Program => None,
    }
}

fn library_in(plugin: &str, folders: &[PathBuf]) -> Option<PathBuf> {
    let mut candidates = folders.iter().flat_map(|folder| file_names(plugin).map(|name| folder.join(name)));
    candidates.find(|path| path.is_file())
}

/// All plugins that a manifest in `manifest_dir` can name, in search order; of several with one name, the one that is
/// used. Each library is loaded in a child process, so that none can do harm.
#[must_use]
pub fn list(manifest_dir: &Path) -> Vec<Found> {
    let folders = Folders::new(manifest_dir, &[]);
    let mut origins: Vec<Origin> = libraries(&folders.chosen).into_iter().map(Origin::Library).collect();
    let mut names: HashSet<_> = origins.iter().map(name).collect();
    let others = libraries(&folders.program).into_iter().map(Origin::Library);
    origins.extend(Origin::all_built_in().chain(others).filter(|origin| names.insert(name(origin))));
    origins.into_iter().map(|origin| Found { about: process::describe(&origin), origin }).collect()
}

/// The file names of a plugin's library: a stock plugin's crate `plugin-min-area` builds `libplugin_min_area.so`,
/// another crate `min-area` builds `libmin_area.so`, and `cc` writes any name, such as `libmin-area.so`.
fn file_names(plugin: &str) -> [String; 3] {
    let snake = plugin.replace('-', "_");
    [
        format!("{DLL_PREFIX}plugin_{snake}{DLL_SUFFIX}"),
        format!("{DLL_PREFIX}{snake}{DLL_SUFFIX}"),
        format!("{DLL_PREFIX}{plugin}{DLL_SUFFIX}"),
    ]
}

/// The plugin name of a library's file name.
fn name_of(library: &Path) -> Option<String> {
    let stem = library.file_name()?.to_str()?.strip_suffix(DLL_SUFFIX)?.strip_prefix(DLL_PREFIX)?;
    Some(stem.strip_prefix("plugin_").unwrap_or(stem).replace('_', "-"))
}

/// Whether a library is named like those of the crates of `plugins/`.
fn is_stock(library: &Path) -> bool {
    let name = library.file_name().unwrap_or_default().to_string_lossy();
    name.strip_prefix(DLL_PREFIX).is_some_and(|name| name.starts_with("plugin_"))
}

/// The libraries in the folders that contain the exported symbol's name: only plugins do. None is loaded.
fn libraries(folders: &[PathBuf]) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for folder in folders {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> =
            entries.map(|entry| entry.path()).filter(|path| name_of(path).is_some()).collect();
        paths.sort();
        let known = |path: &Path| found.iter().any(|other| other.file_name() == path.file_name());
        // Cargo's build folder also contains the libraries of tests.
        let stock = |path: &Path| !folder.ends_with("deps") || is_stock(path);
        paths.retain(|path| stock(path) && !known(path) && mentions_symbol(path));
        found.extend(paths);
    }
    found
}

fn mentions_symbol(library: &Path) -> bool {
    let symbol = pleura_plugin::abi::SYMBOL.as_bytes();
    let Ok(bytes) = crate::regular::read(library) else { return false };
    memchr::memmem::find(&bytes, symbol).is_some()
}

/// Suggestions: the file itself, similar names, or else all names.
fn nearest(plugin: &str, manifest_dir: &Path, folders: &[PathBuf]) -> Vec<String> {
    if manifest_dir.join(plugin).is_file() {
        return vec![format!("./{plugin}")];
    }
    let mut names: Vec<String> = libraries(folders).iter().filter_map(|path| name_of(path)).collect();
    names.extend(pleura_steps::tables().iter().map(|(name, _)| (*name).to_owned()));
    let likeness = |name: &String| strsim::jaro_winkler(plugin, name);
    names.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    names.dedup();
    let near = names.iter().take_while(|name| likeness(name) > 0.7).count();
    names.truncate(if near > 0 { near.min(3) } else { names.len() });
    names
}
