//! Writes the result of a training for `pleura predict`: a manifest of the trained networks.
//!
//! Networks with a map make a complete ensemble; if they also have a score, the score is the gate. Networks with only a
//! score cannot mark anything: theirs is the classifier stage of a manifest, to be pasted into one that has segmenters.

use std::fmt::Write;

use pleura::manifest::Intensity;
use toml::Value;

use crate::recipe::{Heads, Recipe};

/// A trained and exported network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trained {
    /// The fold that was held out, from 0.
    pub fold: u32,
    /// The ONNX file, relative to the manifest, with `/` between folders.
    pub model: String,
    /// The file's SHA-256 in hexadecimal.
    pub sha256: String,
}

/// An output of the exported networks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name in the graph.
    pub output: String,
    /// What its numbers are.
    pub form: Form,
    /// The trained channel: the class if it has two; otherwise 0.
    pub channel: u32,
}

/// What the numbers of a trained output are: those of a manifest's [`Values`](pleura::manifest::Values) that have a gradient.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A sigmoid makes them probabilities.
    Logits,
    /// Probabilities, made inside the network.
    Probabilities,
    /// A softmax over the channels makes them probabilities.
    Softmax,
}

/// The names of the exported networks' input and outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// The input.
    pub input: String,
    /// The map; unused if the recipe's heads have none.
    pub map: Port,
    /// The score; unused if the recipe's heads have none.
    pub score: Port,
}

impl Default for Ports {
    /// The ports of this crate's exported networks: `image` to the logits `map` and `score`.
    fn default() -> Self {
        let logits = |output: &str| Port { output: output.into(), form: Form::Logits, channel: 0 };
        Self { input: "image".into(), map: logits("map"), score: logits("score") }
    }
}

/// The name of the file for [`manifest`]'s text.
#[must_use]
pub fn file_name(heads: Heads) -> &'static str {
    if heads.map() { "ensemble.toml" } else { "classifier.toml" }
}

/// The manifest of an ensemble of one network, with the weights of all folds and epochs as its snapshots; or only its
/// classifier stage if there is no map. The input's size is that of the recipe's last phase.
///
/// # Panics
/// If there are no models, or the recipe has no phases.
#[must_use]
pub fn manifest(recipe: &Recipe, ports: &Ports, models: &[Trained]) -> String {
    assert!(!models.is_empty(), "a member has weights");
    let heads = recipe.network.heads;
    let mut toml = if heads.map() { preamble(recipe) } else { FRAGMENT.to_owned() };
    if heads.score() {
        toml.push_str(CLASSIFIER);
        member(&mut toml, "classifier", recipe, &ports.input, ("score", &ports.score), models);
    }
    if heads.map() {
        toml.push_str(SEGMENTER);
        if recipe.data.positives_only {
            toml.push_str(POSITIVES_ONLY);
        }
        toml.push_str("[segmenter]\nmerge = { kind = \"mean\" }\n");
        member(&mut toml, "segmenter", recipe, &ports.input, ("map", &ports.map), models);
        toml.push_str(POSTPROCESS);
    }
    toml
}

const FRAGMENT: &str = "\
# Written by `pleura train`: networks that classify images without segmenting them. This is not a complete manifest:
# copy it into one with a [segmenter] stage, in place of its [classifier]. Paths are relative to that file.
";

const CLASSIFIER: &str = "

# ---- Classify ----

[classifier]
# Members' probabilities are averaged.
merge = { kind = \"mean\" }
# Only images with a score above this are segmented; choose the value from `oof.csv` or with `pleura tune`.
gate = { kind = \"score\", above = 0.5 }
";

const SEGMENTER: &str = "

# ---- Segment ----

";

const POSITIVES_ONLY: &str = "\
# These networks were trained on positives only and mark something on most images: add a [classifier] before them.
";

const SNAPSHOTS: &str = "\
# Sets of weights of one network. `fold` was held out: with `pleura predict --folds`, only these weights predict its
# images.
";

const POSTPROCESS: &str = "

# ---- From the map to the mask ----

# Pixels with a probability above this are marked.
[[postprocess]]
plugin = \"threshold\"
params = { above = 0.5 }
";

/// Everything before the stages.
fn preamble(recipe: &Recipe) -> String {
    let description = match recipe.description.as_str() {
        "" => "Trained by `pleura train`.",
        text => text,
    };
    format!(
        "# Written by `pleura train`. Check it with `pleura check`, run it with `pleura predict`.\n\
         schema = 1\nname = {}\ndescription = {}\n\n\
         # The size at which maps are merged and submitted. Default: each radiograph's own size.\n\
         # output.size = [1024, 1024]\n",
        quoted(&recipe.name),
        quoted(description)
    )
}

fn member(
    toml: &mut String,
    stage: &str,
    recipe: &Recipe,
    input: &str,
    (kind, port): (&str, &Port),
    models: &[Trained],
) {
    let values = match port.form {
        Form::Logits => "\"logits\"".to_owned(),
        Form::Probabilities => "\"probabilities\"".to_owned(),
        Form::Softmax => format!("\"softmax\"\nchannel = {}", port.channel),
    };
    let (name, intensity) = (quoted(&recipe.name), intensity(recipe.data.intensity));
    let lines = [
        format!("\n[[{stage}.members]]\nname = {name}\nintensity = {intensity}\n{SNAPSHOTS}snapshots = [\n"),
        models.iter().map(snapshot).collect(),
        format!("]\n\n[{stage}.members.input]\nname = {}\n", quoted(input)),
        fed(recipe),
        format!("\n[{stage}.members.{kind}]\noutput = {}\nvalues = {values}\n", quoted(&port.output)),
    ];
    lines.iter().for_each(|part| toml.push_str(part));
}

/// A line of a member's snapshots.
fn snapshot(Trained { fold, model, sha256 }: &Trained) -> String {
    format!("    {{ fold = {fold}, model = {}, sha256 = {} }},\n", quoted(model), quoted(sha256))
}

/// A network's input: the same as in training.
fn fed(recipe: &Recipe) -> String {
    let [height, width] = recipe.phases.last().expect("a recipe has phases").size;
    let data = &recipe.data;
    let resize = Value::try_from(data.resize).expect("a unit variant is a string");
    let (channels, scale) = (recipe.network.channels, data.scale);
    let mut text = format!("size = [{height}, {width}]\nchannels = {channels}\nresize = {resize}\nscale = {scale:?}\n");
    for (key, numbers) in [("mean", &data.mean), ("std", &data.std)] {
        if !numbers.is_empty() {
            writeln!(text, "{key} = {numbers:?}").expect("writing to a string cannot fail");
        }
    }
    text
}

/// Single precision in as few digits as necessary; `toml` would write the nearest double.
fn intensity(intensity: Intensity) -> String {
    match intensity {
        Intensity::Stored => "{ kind = \"stored\" }".into(),
        Intensity::Window => "{ kind = \"window\" }".into(),
        Intensity::Fixed { center, width } => {
            format!("{{ kind = \"fixed\", center = {center:?}, width = {width:?} }}")
        }
        Intensity::Percentiles { low, high } => {
            format!("{{ kind = \"percentiles\", low = {low:?}, high = {high:?} }}")
        }
    }
}

/// A TOML string for any text.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests;
