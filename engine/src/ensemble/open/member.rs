//! Opening a member: its sets of weights, its views, its plugins.

use std::sync::Arc;

use super::{EnsembleError, InputKey, Opening, RecipeKey};
use crate::Size;
use crate::ensemble::member::Member;
use crate::ensemble::member::cache;
use crate::ensemble::member::compatibility;
use crate::ensemble::member::inputs::InputGroup;
use crate::ensemble::member::part::Part;
use crate::ensemble::member::prepare::Recipe;
use crate::ensemble::member::views::View;
use crate::ensemble::member::weights::Weights;
use crate::ensemble::member::windows;
use crate::ensemble::task::RequiredOutputs;
use crate::manifest::{self, Fit};
use crate::plugin::{Plugin, Role};
use crate::runtime::ModelError;

impl Opening<'_> {
    pub(super) fn member(
        &mut self,
        field: &str,
        member: &manifest::Member,
        wanted: RequiredOutputs,
    ) -> Result<Member, EnsembleError> {
        let size = Size::from(member.input.size);
        let tta = self.plugins(&format!("{field}.tta"), &member.tta, &[Role::Tta, Role::Prepare])?;
        let named = |source| self.plugin_error(format!("{field}.tta"), source);
        let views = View::list(member.identity, &tta);
        let view_sizes: Vec<_> = views.iter().map(|view| view.size(size)).collect::<Result<_, _>>().map_err(named)?;
        let steps = self.plugins(&format!("{field}.postprocess"), &member.postprocess, &[Role::Postprocess])?;
        let whens = member.postprocess.iter().map(|step| step.when);
        let postprocess: Vec<_> = whens.zip(steps).collect();
        let recipe = self.recipe(field, member)?;
        let weights = self.weights(field, member, &view_sizes)?;
        Ok(Member {
            inputs: self.inputs(member, recipe, weights.len(), &view_sizes),
            weights,
            fingerprint: self.fingerprint(field, member, &self.recipes[recipe].1.plugins, &tta)?,
            recipe,
            manifest: member.clone(),
            views,
            view_sizes,
            window_weights: match member.input.fit {
                Fit::Windows(how) => Some(windows::weights(size, &how)),
                _ => None,
            },
            wanted,
            compare_above: postprocess.iter().find_map(|(when, _)| when.map(|when| when.mask_above)),
            postprocess,
        })
    }

    /// The members that show their networks the same, as this one does.
    fn inputs(&mut self, member: &manifest::Member, recipe: usize, uses: usize, views: &[Size]) -> Option<usize> {
        if matches!(member.input.fit, Fit::Windows(_)) {
            return None;
        }
        let key = InputKey { recipe, input: member.input.clone(), identity: member.identity, tta: member.tta.clone() };
        let known = self.inputs.iter().position(|(other, _)| *other == key);
        let index = known.unwrap_or(self.inputs.len());
        if known.is_none() {
            let pixels: usize = views.iter().map(|size| size.area()).sum();
            let bytes = pixels * member.input.channels as usize * size_of::<f32>();
            self.inputs.push((key, InputGroup { uses: 0, bytes }));
        }
        self.inputs[index].1.uses += uses;
        Some(index)
    }

    fn weights(
        &mut self,
        field: &str,
        member: &manifest::Member,
        views: &[Size],
    ) -> Result<Vec<Weights>, EnsembleError> {
        let mut opened = Vec::new();
        for (index, snapshot) in member.weights().into_iter().enumerate() {
            let at = if member.snapshots.is_empty() { field.to_owned() } else { format!("{field}.snapshots[{index}]") };
            let source = self.source(&at, &snapshot.model, snapshot.sha256.as_deref())?;
            let weights = Weights::new(snapshot, source);
            let devices = if self.lazy { 0 } else { weights.source.devices() };
            for device in 0..devices {
                weights.model(device, member, views).map_err(|error| self.misfit(field, error))?;
            }
            opened.push(weights);
        }
        if self.out_of_fold && opened.iter().all(|weights| weights.manifest.fold.is_none()) {
            tracing::warn!(
                "`{}`: {field} names no folds: it also runs on images that it may have been trained on",
                self.path.display()
            );
        }
        Ok(opened)
    }

    fn misfit(&self, field: &str, error: Arc<ModelError>) -> EnsembleError {
        match &*error {
            ModelError::Mismatch { key, message, .. } => EnsembleError::Model {
                manifest: self.path.into(),
                field: format!("{field}.{key}"),
                message: message.clone(),
            },
            _ => EnsembleError::Load(error),
        }
    }

    fn recipe(&mut self, field: &str, member: &manifest::Member) -> Result<usize, EnsembleError> {
        let key = recipe_key(member);
        if let Some(known) = self.recipes.iter().position(|(other, _)| *other == key) {
            return Ok(known);
        }
        let plugins = self.plugins(&format!("{field}.prepare"), &member.prepare, &[Role::Prepare])?;
        let (intensity, input, part) = (member.intensity, member.input.clone(), key.part);
        self.recipes.push((key, Recipe { intensity, input, plugins, part }));
        Ok(self.recipes.len() - 1)
    }

    /// A hash of what an output depends on besides the weights and the image; only with a cache.
    fn fingerprint(
        &self,
        field: &str,
        member: &manifest::Member,
        prepare: &[Arc<Plugin>],
        tta: &[Arc<Plugin>],
    ) -> Result<String, EnsembleError> {
        if !self.lazy {
            return Ok(String::new());
        }
        let (prepare, tta) = (self.libraries(field, prepare)?, self.libraries(field, tta)?);
        let compared = member.postprocess.iter().find_map(|step| step.when.map(|when| when.mask_above));
        let texts = [
            format!("{:?} {:?} {:?} {}", member.input, member.intensity, Part::of(member), member.identity),
            format!(
                "{:?} {:?} {:?} {:?} {compared:?}",
                member.average, member.map, member.score, member.score_from_map
            ),
            format!("{:?} {prepare:?}", chosen(&member.prepare)),
            format!("{:?} {tta:?}", chosen(&member.tta)),
        ];
        Ok(cache::hash(&texts.each_ref().map(String::as_str)))
    }

    /// The hash of each plugin's library: another build may make other views.
    fn libraries(&self, field: &str, plugins: &[Arc<Plugin>]) -> Result<Vec<String>, EnsembleError> {
        let sum = |plugin: &Arc<Plugin>| {
            plugin.sha256().map(str::to_owned).map_err(|source| self.plugin_error(field.into(), source))
        };
        plugins.iter().map(sum).collect()
    }

    /// Turns mismatches into an error that names their field.
    pub(super) fn fits(&self, field: &str, misfits: Vec<compatibility::Mismatch>) -> Result<(), EnsembleError> {
        match misfits.into_iter().next() {
            None => Ok(()),
            Some(compatibility::Mismatch { key, message }) => {
                Err(EnsembleError::Model { manifest: self.path.into(), field: format!("{field}.{key}"), message })
            }
        }
    }
}

fn recipe_key(member: &manifest::Member) -> RecipeKey {
    let manifest::Input { size, resize, fit, normalize, .. } = member.input;
    let manifest::Input { scale, ref mean, unit, .. } = member.input;
    RecipeKey {
        intensity: member.intensity,
        size,
        resize,
        fit,
        normalize,
        prepare: member.prepare.clone(),
        part: Part::of(member),
        zero: matches!(fit, Fit::Windows(_)).then(|| (scale, mean.clone(), unit)),
    }
}

/// The part of each step that changes an output: not where its plugin runs, nor its timeout.
fn chosen(steps: &[manifest::Step]) -> Vec<(&str, String)> {
    steps.iter().map(|step| (step.plugin.as_str(), serde_json::Value::from(step.params.clone()).to_string())).collect()
}
