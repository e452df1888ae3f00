//! The files that manifests and recipes name.

use std::path::Path;

use pleura::plugin::{self, Origin};
use pleura::{manifest, radiograph};
use pleura_train::recipe::{self, stack};

use super::{Kind, Paths, Read};

impl Paths {
    /// Declares a manifest and every file that it names: models, their weights, plugins. Unreadable files are left for
    /// the command to report.
    pub fn reads_ensemble(&mut self, what: &str, path: &Path) {
        self.reads_as(Kind::Manifest, what, path);
        let Some(lint) = path.is_file().then(|| manifest::lint(path).ok()).flatten() else { return };
        let folder = path.parent().unwrap_or(Path::new(""));
        for base in lint.extended() {
            self.reads(format!("{what}'s `extends`"), &folder.join(base));
        }
        let Some(manifest) = lint.document else { return };
        for (key, file) in manifest.files() {
            let is_model = key.ends_with(".model");
            self.reads.push(Read { what: format!("{what}'s {key}"), path: folder.join(file), is_model });
        }
        for (key, name) in manifest.named_plugins() {
            if let Some(Origin::Library(library)) = plugin::locate(name, folder) {
                self.reads(format!("{what}'s {key}"), &library);
            }
        }
    }

    /// Declares a recipe and every file that it names: images, truth, folds, weights.
    pub fn reads_recipe(&mut self, what: &str, path: &Path) {
        self.reads_as(Kind::Recipe, what, path);
        let folder = path.parent().unwrap_or(Path::new(""));
        if !path.is_file() {
            return;
        }
        if stack::is_stack(path) {
            let recipe = stack::lint(path).ok().and_then(|lint| lint.document);
            for member in recipe.iter().flat_map(|recipe| &recipe.members) {
                self.reads(format!("{what}'s `{}`", member.name), &folder.join(&member.oof));
            }
            return;
        }
        let Some(recipe) = recipe::lint(path).ok().and_then(|lint| lint.document) else { return };
        for (key, file) in recipe.files(folder) {
            self.reads(format!("{what}'s {key}"), &file);
        }
        for file in recipe.folds.csv.iter().map(|csv| folder.join(csv)) {
            let what = format!("{what}'s folds.csv");
            // a missing file is created
            if file.exists() { self.reads(what, &file) } else { self.writes(what, &file) }
        }
        let images: Vec<_> = recipe.data.images.iter().map(|images| folder.join(images)).collect();
        for image in radiograph::find(&images).unwrap_or_default() {
            self.reads(format!("{what}'s data.images"), &image);
        }
    }
}
