//! Identity of runs: whether two runs would have the same outputs.

use std::path::PathBuf;

use pleura::Shard;
use serde::{Deserialize, Serialize};

use super::{Model, Plugin, Receipt, Sum};

/// Everything that a run's rows depend on, apart from the images.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    pub pleura: String,
    pub onnxruntime: Option<String>,
    /// The device without its number, such as `cpu` or `cuda`: they round differently.
    pub device: String,
    pub manifest: Sum,
    pub models: Vec<Sum>,
    pub plugins: Vec<Plugin>,
    pub sample: Option<Sum>,
    pub folds: Option<Sum>,
    pub shard: Shard,
    /// The folder of maps: with one, segmentation never exits early, and images finished earlier have their maps there.
    pub maps: Option<PathBuf>,
}

/// One difference between two runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// What differs: `manifest`, `model 2`.
    pub what: String,
    /// Its value in the first run.
    pub left: String,
    /// Its value in the second run.
    pub right: String,
    /// Whether it changes masks by rounding at most.
    pub rounding: bool,
}

impl From<&Receipt> for Identity {
    fn from(receipt: &Receipt) -> Self {
        let sum = |model: &Model| Sum { path: model.path.clone(), sha256: model.sha256.clone() };
        let device = receipt.device.split([' ', ':', ',']).next().unwrap_or_default();
        Self {
            pleura: receipt.pleura.clone(),
            onnxruntime: receipt.onnxruntime.clone(),
            device: device.into(),
            manifest: receipt.manifest.clone(),
            models: receipt.models.iter().map(sum).collect(),
            plugins: receipt.plugins.clone(),
            sample: receipt.sample.clone(),
            folds: receipt.folds.clone(),
            shard: receipt.shard,
            maps: receipt.maps.clone(),
        }
    }
}

impl Identity {
    /// The differences between two runs. Files are compared by their contents, not their paths.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut compare = |what: &str, left: String, right: String, rounding: bool| {
            if left != right {
                found.push(Difference { what: what.into(), left, right, rounding });
            }
        };
        let maybe = |sum: &Option<Sum>| sum.as_ref().map_or("none".into(), file_text);
        compare("manifest", file_text(&self.manifest), file_text(&other.manifest), false);
        compare("number of models", self.models.len().to_string(), other.models.len().to_string(), false);
        for (left, right) in self.models.iter().zip(&other.models) {
            let name = right.path.file_name().unwrap_or_default().to_string_lossy();
            compare(&format!("model `{name}`"), file_text(left), file_text(right), false);
        }
        compare("number of plugins", self.plugins.len().to_string(), other.plugins.len().to_string(), false);
        for (left, right) in self.plugins.iter().zip(&other.plugins) {
            compare(&format!("plugin `{}`", right.name), plugin_text(left), plugin_text(right), false);
        }
        compare("sample", maybe(&self.sample), maybe(&other.sample), false);
        compare("list of folds", maybe(&self.folds), maybe(&other.folds), false);
        compare("shard", self.shard.to_string(), other.shard.to_string(), false);
        let maps =
            |identity: &Self| identity.maps.as_ref().map_or("none".into(), |maps| format!("`{}`", maps.display()));
        compare("folder of maps", maps(self), maps(other), false);
        compare("version of pleura", self.pleura.clone(), other.pleura.clone(), false);
        let runtime = |identity: &Self| identity.onnxruntime.clone().unwrap_or_else(|| "none".into());
        compare("version of ONNX Runtime", runtime(self), runtime(other), true);
        compare("device", self.device.clone(), other.device.clone(), true);
        found
    }
}

/// The part of a file's record that is compared.
fn file_text(sum: &Sum) -> String {
    format!("sha256 {}", sum.sha256.get(..12).unwrap_or(&sum.sha256))
}

fn plugin_text(plugin: &Plugin) -> String {
    format!("{} {}, sha256 {}", plugin.name, plugin.version, plugin.sha256.get(..12).unwrap_or(&plugin.sha256))
}

/// Differences as a list for people; `left` and `right` are the names of the two runs.
pub fn differences_text(differences: &[Difference], left: &str, right: &str) -> String {
    let sentence = |d: &Difference| format!("the {}: {left} {}, {right} {}", d.what, d.left, d.right);
    differences.iter().map(sentence).collect::<Vec<_>>().join("; ")
}
