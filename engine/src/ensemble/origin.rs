//! Identifies a finding's run by the hashes of the files that it depends on.

use std::io;

use serde::{Deserialize, Serialize};

use crate::digest;
use crate::ensemble::Ensemble;

/// Hexadecimal digits of each hash: the first ones of a SHA-256.
const DIGITS: usize = 16;

/// The identity of a run. Each hash is the first 16 hexadecimal digits of a SHA-256.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The hash of the manifest; see [`Ensemble::manifest_sha256`].
    pub manifest: String,
    /// The hash of the list of the models' SHA-256, one per line, in the manifest's order.
    pub models: String,
    /// The hash of the list of the plugins' names, versions and SHA-256; `None` without plugins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plugins: Option<String>,
    /// The hash of the fold of each image, by id; `None` if the run is not out-of-fold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<String>,
}

impl Origin {
    /// The differences to another run's files, in words: `manifest (sha256 0f1e… there, 9a8b… here)`.
    #[must_use]
    pub fn differences(&self, here: &Self) -> Vec<String> {
        let told = |hash: Option<&String>| hash.map_or("none".to_owned(), |hash| format!("{hash}…"));
        let pairs = [
            ("manifest", Some(&self.manifest), Some(&here.manifest)),
            ("models", Some(&self.models), Some(&here.models)),
            ("plugins", self.plugins.as_ref(), here.plugins.as_ref()),
            ("list of folds", self.folds.as_ref(), here.folds.as_ref()),
        ];
        let differing = pairs.into_iter().filter(|(_, there, here)| there != here);
        differing
            .map(|(what, there, here)| format!("{what} (sha256 {} there, {} here)", told(there), told(here)))
            .collect()
    }
}

impl Ensemble {
    /// The SHA-256 of the manifest's file, as `sha256sum` prints it; if it extends another one, has defaults, or a pattern
    /// for several models, that of what it comes to, which `pleura check --resolved` prints.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn manifest_sha256(&self) -> io::Result<String> {
        self.resolved_sha256.clone().map_or_else(|| digest::file(self.path()), Ok)
    }

    /// The identity of this ensemble's runs.
    ///
    /// # Errors
    /// If the manifest or a plugin's library can no longer be read.
    pub fn origin(&self) -> io::Result<Origin> {
        let models: String = self.files().map(|(_, sha256)| format!("{sha256}\n")).collect();
        let plugin = |plugin: &std::sync::Arc<crate::plugin::Plugin>| {
            let sha256 = plugin.sha256().map_err(io::Error::other)?;
            Ok(format!("{} {} {sha256}\n", plugin.name(), plugin.version()))
        };
        let plugins = self.plugins().iter().map(plugin).collect::<io::Result<Vec<String>>>()?;
        let folds = self.folds.as_ref().map(|folds| {
            let mut folds: Vec<String> = folds.iter().map(|(id, fold)| format!("{fold} {id}\n")).collect();
            folds.sort();
            folds.concat()
        });
        Ok(Origin {
            manifest: short(self.manifest_sha256()?),
            models: short(digest::bytes(models)),
            plugins: (!plugins.is_empty()).then(|| short(digest::bytes(plugins.concat()))),
            folds: folds.map(|folds| short(digest::bytes(folds))),
        })
    }
}

fn short(mut sha256: String) -> String {
    sha256.truncate(DIGITS);
    sha256
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_what_differs_and_both_hashes() {
        let origin = Origin { manifest: "aa".into(), models: "bb".into(), plugins: None, folds: None };
        assert!(origin.differences(&origin).is_empty());
        let other = Origin { manifest: "cc".into(), plugins: Some("dd".into()), ..origin.clone() };
        let expected = ["manifest (sha256 aa… there, cc… here)", "plugins (sha256 none there, dd… here)"];
        assert_eq!(origin.differences(&other), expected);
    }
}
