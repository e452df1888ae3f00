//! An ensemble in a new folder: the manifest with other models, and the other files that it names.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use toml_edit::{DocumentMut, Item, TableLike, Value};

use super::error::OptimizeError;
use crate::manifest::is_path;
use crate::onnx::Skeleton;
use crate::plugin::{self, Origin};
use crate::{atomic, regular};

/// The new places of a manifest's files, by their names in the manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// Models: their place relative to the new manifest.
    pub models: BTreeMap<String, PathBuf>,
    /// Plugins whose libraries are copied: the library, and its place relative to the new manifest. Plugins found by
    /// name elsewhere are also found from the new folder.
    pub plugins: BTreeMap<String, (PathBuf, PathBuf)>,
}

impl Layout {
    /// Plans the places of the files of a manifest in `folder`.
    pub fn plan(document: &DocumentMut, folder: &Path) -> Self {
        let mut layout = Self::default();
        let mut taken = Vec::new();
        visit(document.as_table(), &mut |table| {
            if let Some(model) = text(table, "model").filter(|model| !layout.models.contains_key(*model)) {
                layout.models.insert(model.to_owned(), place(model, "models", &mut taken));
            }
            if let Some(name) = text(table, "plugin").filter(|name| !layout.plugins.contains_key(*name)) {
                let library = plugin::locate(name, folder);
                let lies_here = |it: &PathBuf| is_path(name) || lies_in(it, folder);
                if let Some(library) = library.and_then(Origin::into_library).filter(lies_here) {
                    let named = if is_path(name) { name.to_owned() } else { below(&library, folder) };
                    layout.plugins.insert(name.to_owned(), (library, place(&named, "plugins", &mut taken)));
                }
            }
        });
        layout
    }

    /// Writes the new places into the manifest, and the models' new hashes; comments are kept. Recipes are dropped,
    /// because they make the original.
    pub fn rewrite(&self, document: &mut DocumentMut, sha256: &BTreeMap<String, String>) {
        visit_mut(document.as_table_mut(), &mut |table| {
            let model = text(table, "model").map(str::to_owned);
            if let Some((model, to)) = model.and_then(|model| self.models.get_key_value(&model)) {
                set(table, "model", slashed(to));
                if let Some(sha256) = sha256.get(model) {
                    set(table, "sha256", sha256.clone());
                }
            }
            let plugin = text(table, "plugin").filter(|plugin| is_path(plugin)).map(str::to_owned);
            if let Some((_, to)) = plugin.and_then(|plugin| self.plugins.get(&plugin)) {
                set(table, "plugin", format!("./{}", slashed(to)));
            }
            if table.contains_key("model") || table.contains_key("snapshots") {
                table.remove("recipe");
            }
        });
    }
}

/// Calls `each` for every table of a manifest, except plugins' own parameters.
fn visit(table: &dyn TableLike, each: &mut dyn FnMut(&dyn TableLike)) {
    each(table);
    for (_, item) in table.iter().filter(|(key, _)| *key != "params") {
        match item {
            Item::Table(table) => visit(table, each),
            Item::ArrayOfTables(tables) => tables.iter().for_each(|table| visit(table, each)),
            Item::Value(value) => visit_value(value, each),
            Item::None => {}
        }
    }
}

fn visit_value(value: &Value, each: &mut dyn FnMut(&dyn TableLike)) {
    match value {
        Value::InlineTable(table) => visit(table, each),
        Value::Array(values) => values.iter().for_each(|value| visit_value(value, each)),
        _ => {}
    }
}

/// As [`visit`], with mutable tables.
fn visit_mut(table: &mut dyn TableLike, each: &mut dyn FnMut(&mut dyn TableLike)) {
    each(table);
    for (key, item) in table.iter_mut() {
        match item {
            _ if key == "params" => {}
            Item::Table(table) => visit_mut(table, each),
            Item::ArrayOfTables(tables) => tables.iter_mut().for_each(|table| visit_mut(table, each)),
            Item::Value(value) => visit_value_mut(value, each),
            Item::None => {}
        }
    }
}

fn visit_value_mut(value: &mut Value, each: &mut dyn FnMut(&mut dyn TableLike)) {
    match value {
        Value::InlineTable(table) => visit_mut(table, each),
        Value::Array(values) => values.iter_mut().for_each(|value| visit_value_mut(value, each)),
        _ => {}
    }
}

fn text<'a>(table: &'a dyn TableLike, key: &str) -> Option<&'a str> {
    table.get(key)?.as_str()
}

/// Replaces or adds a text; surrounding blanks and comments are kept.
fn set(table: &mut dyn TableLike, key: &str, text: String) {
    match table.get_mut(key).and_then(Item::as_value_mut) {
        Some(value) => {
            let decor = value.decor().clone();
            *value = text.into();
            *value.decor_mut() = decor;
        }
        None => {
            let mut value = Value::from(text);
            // The blank before the closing brace of an inline table stays there.
            if let Some(last) = table.iter_mut().last().and_then(|(_, item)| item.as_value_mut()) {
                let blank = last.decor().suffix().and_then(|suffix| suffix.as_str()).filter(|it| it.trim().is_empty());
                let blank = blank.unwrap_or_default().to_owned();
                if !blank.is_empty() {
                    last.decor_mut().set_suffix("");
                    value.decor_mut().set_prefix(" ");
                    value.decor_mut().set_suffix(blank);
                }
            }
            table.insert(key, Item::Value(value));
        }
    }
}

/// Whether a library is below a folder.
fn lies_in(library: &Path, folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    matches!((library.canonicalize(), folder.canonicalize()), (Ok(library), Ok(folder)) if library.starts_with(&folder))
}

/// A library's path relative to its folder.
fn below(library: &Path, folder: &Path) -> String {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let both = library.canonicalize().ok().zip(folder.canonicalize().ok());
    let below = both.and_then(|(library, folder)| library.strip_prefix(folder).ok().map(slashed));
    below.unwrap_or_else(|| slashed(library))
}

/// The new place of a file that a manifest names: its named path, if that stays within the folder.
fn place(named: &str, otherwise: &str, taken: &mut Vec<PathBuf>) -> PathBuf {
    let path = Path::new(named);
    let plain: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    let inside = plain.components().all(|part| matches!(part, Component::Normal(_)));
    let name = path.file_name().unwrap_or_default();
    let mut place = if inside { plain } else { Path::new(otherwise).join(name) };
    let stem = Path::new(name).file_stem().unwrap_or_default().to_owned();
    let end = Path::new(name).extension().map_or(String::new(), |end| format!(".{}", end.display()));
    let mut number = 2;
    while taken.contains(&place) {
        place = Path::new(otherwise).join(format!("{}-{number}{end}", stem.display()));
        number += 1;
    }
    taken.push(place.clone());
    place
}

/// A path with slashes, as in manifests.
fn slashed(path: &Path) -> String {
    path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The names of a model's external files, relative to its folder.
fn external_names(model: &Path) -> Result<BTreeSet<PathBuf>, OptimizeError> {
    let bytes = regular::read(model).map_err(OptimizeError::file("read", model))?;
    // Opening the ensemble has ensured that it is a model, and that its files are in the manifest's folder.
    Ok(Skeleton::read(&bytes).map(|it| it.external_files()).unwrap_or_default())
}

/// A model's external files.
pub fn external_files(model: &Path) -> Result<Vec<PathBuf>, OptimizeError> {
    Ok(external_names(model)?.iter().map(|name| model.with_file_name(name)).collect())
}

/// Copies a model and its external data.
pub fn copy_model(from: &Path, to: &Path) -> Result<(), OptimizeError> {
    for name in external_names(from)? {
        let target = to.with_file_name(&name);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder).map_err(OptimizeError::file("make", folder))?;
        }
        copy(&from.with_file_name(&name), &target)?;
    }
    copy(from, to)
}

/// Copies a file, completely or not at all.
pub fn copy(from: &Path, to: &Path) -> Result<(), OptimizeError> {
    let copied = || -> io::Result<()> {
        let mut temporary = atomic::beside(to)?;
        io::copy(&mut regular::open(from)?, temporary.as_file_mut())?;
        atomic::place(temporary, to)
    };
    copied().map_err(OptimizeError::file("copy to", to))
}

#[cfg(test)]
mod tests;
