//! Keys of a file as names of a network: a recipe's own replacements, and the names that packages give.

use std::collections::HashSet;

use regex::Regex;

use super::efficientnet::{Layout, Stages};
use crate::recipe::{Package, Weights};

/// From keys to names, for one network.
pub(super) struct Names<'w> {
    weights: &'w Weights,
    rename: Vec<(Regex, &'w str)>,
    stages: Stages,
}

/// What a key becomes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// A name.
    As(String),
    /// A layer of the package's that no network here has.
    Unused,
}

impl<'w> Names<'w> {
    /// # Errors
    /// If a replacement is not a regular expression.
    pub(super) fn new<'n>(weights: &'w Weights, network: impl Iterator<Item = &'n str>) -> Result<Self, regex::Error> {
        let rename = weights.rename.iter().map(|rule| Ok((Regex::new(&rule.from)?, rule.to.as_str())));
        Ok(Self { weights, rename: rename.collect::<Result<_, regex::Error>>()?, stages: Stages::of(network) })
    }

    /// The network's name for a file's key.
    pub(super) fn of(&self, key: &str) -> Named {
        let Weights { strip_prefix, add_prefix, names, .. } = self.weights;
        let mut name = key.strip_prefix(strip_prefix).unwrap_or(key).to_owned();
        for (from, to) in &self.rename {
            name = from.replace_all(&name, *to).into_owned();
        }
        let named = names.map_or(Named::As(name.clone()), |package| by_package(package, &name, &self.stages));
        match named {
            Named::As(name) => Named::As(format!("{add_prefix}{name}")),
            Named::Unused => Named::Unused,
        }
    }
}

/// A package's key as the name of a network with these stages.
pub(super) fn by_package(package: Package, key: &str, stages: &Stages) -> Named {
    let named = match package {
        Package::Smp => smp(key, stages),
        Package::Timm => classifier(key, &["fc", "classifier", "head", "last_linear", "conv_head", "bn2"]),
        Package::Torchvision => torchvision(key),
        Package::Monai => monai(key, stages),
        Package::HuggingFace => hugging_face(key, stages),
    };
    named.map_or(Named::Unused, Named::As)
}

/// A classifier's key as an encoder's name; `None` for its last layers.
fn classifier(key: &str, last: &[&str]) -> Option<String> {
    let layer = key.split('.').next().unwrap_or_default();
    (!last.contains(&layer)).then(|| format!("encoder.{key}"))
}

fn smp(key: &str, stages: &Stages) -> Option<String> {
    let Some(inner) = key.strip_prefix("encoder.") else { return Some(key.to_owned()) };
    match Layout::Flat.name(inner, stages) {
        Some(name) => name.map(|name| format!("encoder.{name}")),
        // timm's last convolution, which no decoder uses
        None if inner.starts_with("conv_head.") || inner.starts_with("bn2.") => None,
        None => Some(key.to_owned()),
    }
}

fn torchvision(key: &str) -> Option<String> {
    let key = key.strip_prefix("backbone.").unwrap_or(key);
    match Layout::Torchvision.name(key, &Stages::default()) {
        Some(name) => name.map(|name| format!("encoder.{name}")),
        None => classifier(key, &["fc", "classifier", "aux_classifier"]),
    }
}

fn monai(key: &str, stages: &Stages) -> Option<String> {
    let inner = key.strip_prefix("encoder.").unwrap_or(key);
    if let Some(name) = Layout::Nested.name(inner, stages) {
        return name.map(|name| format!("encoder.{name}"));
    }
    if key.starts_with("decoder.") || key.starts_with("segmentation_head.") {
        return Some(key.to_owned());
    }
    // a convolution is a module with its norm beside it
    let parts: Vec<&str> = inner.split('.').collect();
    let name = match parts.as_slice() {
        [layer, block, "project", "conv", rest @ ..] => [&[*layer, *block, "downsample", "0"], rest].concat(),
        [layer, block, "project", "adn", "N", rest @ ..] => [&[*layer, *block, "downsample", "1"], rest].concat(),
        [layer, block, "se_layer", "fc", "0", rest @ ..] => [&[*layer, *block, "se_module", "fc1"], rest].concat(),
        [layer, block, "se_layer", "fc", "2", rest @ ..] => [&[*layer, *block, "se_module", "fc2"], rest].concat(),
        [layer, block, conv, "conv", rest @ ..] => [&[*layer, *block, *conv], rest].concat(),
        [layer, block, conv, "adn", "N", rest @ ..] => {
            let norm = conv.replace("conv", "bn");
            return Some(format!("encoder.{layer}.{block}.{norm}.{}", rest.join(".")));
        }
        whole => whole.to_vec(),
    };
    classifier(&name.join("."), &["fc", "_fc", "last_linear"])
}

fn hugging_face(key: &str, stages: &Stages) -> Option<String> {
    if let Some(key) = key.strip_prefix("timm_model.").or_else(|| key.strip_prefix("timm_backbone.")) {
        return classifier(key, &["fc", "classifier", "head", "last_linear", "conv_head", "bn2"]);
    }
    if let Some(key) = key.strip_prefix("efficientnet.") {
        return Layout::HuggingFace.name(key, stages).flatten().map(|name| format!("encoder.{name}"));
    }
    let inner = key.strip_prefix("resnet.").unwrap_or(key);
    let module = |name: &str| match name {
        "convolution" => Some("conv"),
        "normalization" => Some("bn"),
        _ => None,
    };
    let parts: Vec<&str> = inner.split('.').collect();
    let name = match parts.as_slice() {
        ["embedder", "embedder", kind, rest @ ..] => format!("{}1.{}", module(kind)?, rest.join(".")),
        ["encoder", "stages", stage, "layers", block, "shortcut", kind, rest @ ..] => {
            let place = u8::from(module(kind)? == "bn");
            format!("layer{}.{block}.downsample.{place}.{}", stage.parse::<u32>().ok()? + 1, rest.join("."))
        }
        ["encoder", "stages", stage, "layers", block, "layer", number, kind, rest @ ..] => {
            let (stage, number) = (stage.parse::<u32>().ok()? + 1, number.parse::<u32>().ok()? + 1);
            format!("layer{stage}.{block}.{}{number}.{}", module(kind)?, rest.join("."))
        }
        _ => return classifier(inner, &["classifier", "pooler"]),
    };
    Some(format!("encoder.{name}"))
}

/// The number of keys that a package's names, after a prefix is removed, match with each of `missing`.
pub(super) fn matches(package: Package, strip: &str, keys: &[String], missing: &[String]) -> usize {
    let stages = Stages::of(missing.iter().map(String::as_str));
    let wanted: HashSet<&str> = missing.iter().map(String::as_str).collect();
    let named = keys.iter().map(|key| by_package(package, key.strip_prefix(strip).unwrap_or(key), &stages));
    named.filter(|named| matches!(named, Named::As(name) if wanted.contains(name.as_str()))).count()
}
