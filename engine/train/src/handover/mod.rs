//! Writes the result of a training for `pleura predict`: a manifest of the trained networks.
//!
//! Networks with a map make a complete ensemble; if they also have a score, the score is the gate. Networks with only a
//! score cannot mark anything: theirs is the classifier stage of a manifest, to be pasted into one that has segmenters.

use std::fmt::Write;

use pleura::manifest::{Intensity, Isolation, Layout};
use toml::Value;

use crate::recipe::{Heads, Recipe};
pub use crate::step::Form;
use crate::step::Source;

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
    /// The trained channel or class; `None` if it has only one.
    pub channel: Option<u32>,
}

impl Port {
    /// The output as training takes it.
    #[must_use]
    pub fn source(&self) -> Source {
        let channel = self.channel.map(|channel| channel as usize);
        Source { output: self.output.clone(), form: self.form, channel }
    }
}

/// The names of the exported networks' input and outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports {
    /// The input.
    pub input: String,
    /// The order of the input's and the maps' axes.
    pub layout: Layout,
    /// The map; unused if the recipe's heads have none.
    pub map: Port,
    /// The score; unused if the recipe's heads have none.
    pub score: Port,
}

impl Default for Ports {
    /// The ports of this crate's exported networks: `image` to the logits `map` and `score`.
    fn default() -> Self {
        let logits = |output: &str| Port { output: output.into(), form: Form::Logits, channel: None };
        Self { input: "image".into(), layout: Layout::Nchw, map: logits("map"), score: logits("score") }
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
        writeln!(toml, "gate = {{ kind = \"score\", above = {GATE:?} }}").expect("writing to a string cannot fail");
        member(&mut toml, "classifier", recipe, ports, ("score", &ports.score), models);
    }
    if heads.map() {
        toml.push_str(SEGMENTER);
        if recipe.data.positives_only {
            toml.push_str(POSITIVES_ONLY);
        }
        toml.push_str("[segmenter]\nmerge = { kind = \"mean\" }\n");
        member(&mut toml, "segmenter", recipe, ports, ("map", &ports.map), models);
        postprocess(&mut toml, recipe);
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
";

const THRESHOLD: &str = "
# Pixels with a probability above this are marked.
[[postprocess]]
plugin = \"threshold\"
params = { above = 0.5 }
";

/// The score above which the written manifest's gate lets an image pass.
pub const GATE: f32 = 0.5;

/// A recipe's steps, or a threshold.
fn postprocess(toml: &mut String, recipe: &Recipe) {
    toml.push_str(POSTPROCESS);
    if recipe.postprocess.is_empty() {
        toml.push_str(THRESHOLD);
    }
    for step in &recipe.postprocess {
        let params = Value::try_from(&step.params).expect("a recipe's parameters were read from TOML");
        write!(toml, "\n[[postprocess]]\nplugin = {}\nparams = {params}\n", quoted(&step.plugin))
            .expect("writing to a string cannot fail");
        let process = (step.isolation == Isolation::Process).then(|| "isolation = \"process\"\n".to_owned());
        let timeout = step.timeout.map(|seconds| format!("timeout = {seconds}\n"));
        let sha256 = step.sha256.as_ref().map(|sha256| format!("sha256 = {}\n", quoted(sha256)));
        let symbols = step.global_symbols.then(|| "global_symbols = true\n".to_owned());
        [process, timeout, sha256, symbols].into_iter().flatten().for_each(|line| toml.push_str(&line));
    }
}

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
    ports: &Ports,
    (kind, port): (&str, &Port),
    models: &[Trained],
) {
    let mut values = match port.form {
        Form::Logits => "\"logits\"".to_owned(),
        Form::Probabilities => "\"probabilities\"".to_owned(),
        Form::Softmax => "\"softmax\"".to_owned(),
    };
    if let Some(channel) = port.channel {
        write!(values, "\nchannel = {channel}").expect("writing to a string cannot fail");
    }
    if port.form == Form::Softmax && kind == "map" {
        // as out-of-fold maps are: the log-odds of the class
        values.push_str("\nresize_as = \"logits\"");
    }
    let (name, intensity) = (quoted(&recipe.name), intensity(recipe.data.intensity));
    let lines = [
        format!("\n[[{stage}.members]]\nname = {name}\nintensity = {intensity}\n{SNAPSHOTS}snapshots = [\n"),
        models.iter().map(snapshot).collect(),
        format!("]\n\n[{stage}.members.input]\nname = {}\n", quoted(&ports.input)),
        fed(recipe, ports.layout),
        format!("\n[{stage}.members.{kind}]\noutput = {}\nvalues = {values}\n", quoted(&port.output)),
    ];
    lines.iter().for_each(|part| toml.push_str(part));
}

/// A line of a member's snapshots.
fn snapshot(Trained { fold, model, sha256 }: &Trained) -> String {
    format!("    {{ fold = {fold}, model = {}, sha256 = {} }},\n", quoted(model), quoted(sha256))
}

/// A network's input: the same as in training.
fn fed(recipe: &Recipe, layout: Layout) -> String {
    let [height, width] = recipe.phases.last().expect("a recipe has phases").size;
    let data = &recipe.data;
    let resize = Value::try_from(data.resize).expect("a unit variant is a string");
    let (channels, scale) = (recipe.network.channels, data.scale);
    let mut text = format!("size = [{height}, {width}]\nchannels = {channels}\nresize = {resize}\nscale = {scale:?}\n");
    if layout == Layout::Nhwc {
        text.push_str("layout = \"nhwc\"\n");
    }
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
