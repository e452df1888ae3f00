//! Checks models: the file, its hash, its inputs and outputs, and a batch of zeros.

use std::path::{Path, PathBuf};

use ndarray::{Array4, ArrayD};

use super::{Checker, Missing, Session};
use crate::ensemble;
use crate::ensemble::compatibility::{self, Mismatch};
use crate::ensemble::model_file;
use crate::manifest::{Layout, Member, Stack, Values};
use crate::onnx::{self, Activation};
use crate::runtime::Model;
use crate::{Size, chain};

impl Checker<'_> {
    /// Opens each set of weights; zeros run through the first that fits, as the others differ only in their numbers.
    pub(super) fn member(&mut self, field: &str, member: &Member) {
        let mut sizes: Option<Vec<Size>> = None;
        let mut ran = false;
        for (index, weights) in member.weights().iter().enumerate() {
            let at = if member.snapshots.is_empty() { field.to_owned() } else { format!("{field}.snapshots[{index}]") };
            let opened = self.model(&at, &weights.model, weights.sha256.as_deref(), member.recipe.as_deref());
            let Some((path, model)) = opened else { continue };
            let sizes = sizes.get_or_insert_with(|| self.view_sizes(field, member, model.inputs()));
            let misfits = compatibility::member(member, model.inputs(), model.outputs());
            let fits = misfits.is_empty();
            self.misfits(field, misfits);
            self.activations(field, member, &path);
            if fits && !ran {
                self.zeros(field, member, &model, sizes);
                ran = true;
            }
        }
        if sizes.is_none() {
            // The plugins can be tested without a model.
            self.view_sizes(field, member, &[]);
        }
    }

    fn activations(&mut self, field: &str, member: &Member, path: &Path) {
        if let Some(map) = &member.map {
            self.activation(&format!("{field}.map.values"), path, &map.output, map.values);
        }
        if let Some(score) = &member.score {
            self.activation(&format!("{field}.score.values"), path, &score.output, score.values);
        }
    }

    pub(super) fn stack(&mut self, stage: &str, stack: &Stack, members: usize, maps: Option<Size>) {
        let field = format!("{stage}.merge");
        let opened = self.model(&field, &stack.model, stack.sha256.as_deref(), stack.recipe.as_deref());
        let Some((path, model)) = opened else { return };
        let misfits = compatibility::stack(stack, members, maps.is_some(), model.inputs(), model.outputs());
        let fits = misfits.is_empty();
        self.misfits(stage, misfits);
        self.activation(&format!("{stage}.merge.values"), &path, &stack.output, stack.values);
        if fits {
            let input = match maps {
                Some(Size { height, width }) => ArrayD::zeros(vec![1, members, height, width]),
                None => ArrayD::zeros(vec![1, members]),
            };
            if let Err(error) = model.run(&stack.input, input.view(), &[&stack.output]) {
                self.error(&format!("{stage}.merge.model"), format!("with zeros: {}", chain(&error)), None);
            }
        }
    }

    fn misfits(&mut self, field: &str, misfits: Vec<Mismatch>) {
        for Mismatch { key, message } in misfits {
            self.error(&format!("{field}.{key}"), message, None);
        }
    }

    /// Checks that the model's file, if it exists, is the declared one and loads.
    fn model(
        &mut self,
        field: &str,
        file: &Path,
        sha256: Option<&str>,
        recipe: Option<&Path>,
    ) -> Option<(PathBuf, Model)> {
        let path = self.resolve(file);
        let key = format!("{field}.model");
        if self.outside.contains(&key) {
            return None;
        }
        match model_file::sha256(&path, &self.folder, self.most_bytes) {
            Ok(found) => self.hash(field, &path, &found, sha256),
            Err(error) if error.is_missing(&path) => {
                self.no_file(key, path, recipe);
                return None;
            }
            Err(error) => {
                if let (Some(found), Some(_)) = (error.sha256(), sha256) {
                    self.hash(field, &path, found, sha256);
                }
                self.error(&key, chain(&error), None);
                return None;
            }
        }
        self.session(field, path)
    }

    /// Opens the model, if an ONNX Runtime was found.
    fn session(&mut self, field: &str, path: PathBuf) -> Option<(PathBuf, Model)> {
        let (runtime, options) = self.engine?;
        match Model::open(runtime, &path, options) {
            Ok(model) => {
                let nodes = model.providers().iter().map(|(name, nodes)| format!("{name} {nodes} nodes"));
                let providers = nodes.collect::<Vec<_>>().join(", ");
                self.report.sessions.push(Session { field: field.into(), path: path.clone(), providers });
                Some((path, model))
            }
            Err(error) => {
                let hint = Some("expected a complete ONNX model of opset 24 or less".into());
                self.error(&format!("{field}.model"), chain(&error), hint);
                None
            }
        }
    }

    /// Reports a model without a file: it is still to be trained if there is a recipe.
    fn no_file(&mut self, key: String, path: PathBuf, recipe: Option<&Path>) {
        if let Some(recipe) = recipe {
            let recipe = self.resolve(recipe);
            self.report.missing.push(Missing { field: key, path, recipe });
        } else {
            let hint = Some("train it, or correct the path, which is relative to the manifest".into());
            self.error(&key, format!("`{}` does not exist", path.display()), hint);
        }
    }

    /// Compares a file's hash with the declared one.
    fn hash(&mut self, field: &str, path: &Path, found: &str, declared: Option<&str>) {
        match declared {
            Some(declared) if declared.eq_ignore_ascii_case(found) => {}
            Some(_) => self.changed(field, path, found),
            None => {
                let hint = Some(format!("add sha256 = \"{found}\""));
                let message = "no sha256 is declared, so a changed file is not detected".into();
                self.warn(&format!("{field}.model"), message, hint);
            }
        }
    }

    fn changed(&mut self, field: &str, path: &Path, found: &str) {
        let hint = Some(format!("if the change is wanted, declare sha256 = \"{found}\""));
        self.error(
            &format!("{field}.sha256"),
            format!("`{}` has changed: its sha256 differs from the declared one", path.display()),
            hint,
        );
    }

    /// Warns if the graph's last node contradicts the declaration.
    fn activation(&mut self, field: &str, path: &Path, output: &str, values: Values) {
        // An unreadable model has already been reported by the session.
        let Some(last) = onnx::read(path).ok().and_then(|model| model.last_activation(output)) else { return };
        match (values, last) {
            (Values::Probabilities, Activation::Other(op)) => {
                let message = format!("declared as probabilities, but output `{output}` comes from {op}");
                let hint = "export the model with a final sigmoid or softmax, or declare \"logits\" (one channel) or \
                            \"softmax\"";
                self.warn(field, message, Some(hint.into()));
            }
            (Values::Logits | Values::Softmax, Activation::Probability(op)) => {
                let (declared, squash) =
                    if values == Values::Logits { ("logits", "sigmoid") } else { ("softmax", "softmax") };
                let message = format!("declared as {declared}, but output `{output}` comes from {op}");
                let hint = format!("the engine would apply a second {squash}; declare \"probabilities\"");
                self.warn(field, message, Some(hint));
            }
            (Values::Logits, Activation::Other(op)) if op == "LogSoftmax" => {
                let message = format!("declared as logits, but output `{output}` comes from {op}");
                self.warn(field, message, Some("a sigmoid does not invert it; declare \"softmax\"".into()));
            }
            _ => {}
        }
    }

    /// Warns if one of several channels, or its sigmoid, is used by default; `named` is how many are named.
    fn channels(&mut self, field: &str, (output, values): (&str, Values), named: usize, channels: Option<usize>) {
        let Some(channels) = channels.filter(|&channels| channels > 1) else { return };
        if named == 0 {
            let message = format!("output `{output}` has {channels} channels, and channel 0 is used");
            self.warn(&format!("{field}.channel"), message, Some("declare `channel`, counted from 0".into()));
        }
        // several logits are joined as independent labels
        if values != Values::Logits || named > 1 {
            return;
        }
        let message = format!("applies a sigmoid to one channel alone, but output `{output}` has {channels} channels");
        let hint = "declare \"softmax\" for a network trained with cross-entropy over its channels; ignore this if \
                    each channel is an independent label";
        self.warn(&format!("{field}.values"), message, Some(hint.into()));
    }

    /// Runs a batch of zeros of each view's size, and reads the outputs as a run would.
    fn zeros(&mut self, field: &str, member: &Member, model: &Model, sizes: &[Size]) {
        let len = compatibility::fixed_batch(member, model.inputs(), model.outputs()).unwrap_or(1);
        let channels = member.input.channels as usize;
        for (nth, &size) in sizes.iter().enumerate() {
            let Size { height, width } = size;
            let shape = match member.input.layout {
                Layout::Nchw => (len, channels, height, width),
                Layout::Nhwc => (len, height, width, channels),
            };
            let input = Array4::zeros(shape).into_dyn();
            match ensemble::read_batch(member, model, input.view(), len) {
                Err((key, message)) => {
                    self.error(&format!("{field}.{key}"), format!("with zeros of {size}: {message}"), None);
                }
                Ok(channels) if nth == 0 => {
                    if let Some(map) = &member.map {
                        let about = (map.output.as_str(), map.values);
                        let named = map.channels.len() + usize::from(map.channel.is_some());
                        self.channels(&format!("{field}.map"), about, named, channels.map);
                    }
                    if let Some(score) = &member.score {
                        let about = (score.output.as_str(), score.values);
                        let named = score.channels.len() + usize::from(score.channel.is_some());
                        self.channels(&format!("{field}.score"), about, named, channels.score);
                    }
                }
                Ok(_) => {}
            }
        }
    }
}
