//! Paths of a file in another folder.

use std::borrow::Cow;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::manifest::is_path;

/// Puts a folder before each path below a table: of models and recipes, and of plugins named by path.
pub(super) fn moved(table: &mut DeTable<'_>, folder: &Path) {
    for (key, value) in table.iter_mut() {
        match (key.get_ref().as_ref(), value.get_mut()) {
            // a plugin's own
            ("params", _) => {}
            ("model" | "recipe", DeValue::String(path)) => put_before(path, folder),
            ("plugin", DeValue::String(name)) if is_path(name) => put_before(name, folder),
            (_, DeValue::Table(table)) => moved(table, folder),
            (_, DeValue::Array(items)) => {
                for item in items.iter_mut() {
                    if let DeValue::Table(table) = item.get_mut() {
                        moved(table, folder);
                    }
                }
            }
            _ => {}
        }
    }
}

fn put_before(path: &mut Cow<'_, str>, folder: &Path) {
    // with `/` between folders, as manifests write it
    let joined = folder.join(&**path).to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
    *path = Cow::Owned(joined);
}
