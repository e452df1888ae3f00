//! The inputs of networks, for tools that inspect the networks.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::sync::Arc;

use ndarray::Array4;

use super::prepare::PreparedImage;
use super::tensor::{self, Plane};
use super::weights::{Opener, Source};
use crate::Radiograph;
use crate::ensemble::Ensemble;
use crate::ensemble::Finding;
use crate::ensemble::ImageError;
use crate::runtime::{Model, ModelError};

/// A network's input for one view of one image.
pub struct ModelInput<'a> {
    /// The ONNX file.
    pub file: &'a Path,
    /// The input's name.
    pub input: &'a str,
    /// The view, repeated to the network's fixed batch size; in the member's channels and layout.
    pub tensor: Array4<f32>,
}

/// A member's network with the names of its input and outputs.
#[derive(Clone)]
pub(crate) struct Network {
    pub source: Arc<Source>,
    /// The outputs that members read.
    pub outputs: Vec<String>,
}

impl Ensemble {
    /// The networks of all members that run, each once, without stacking models.
    pub(crate) fn networks(&self) -> Vec<Network> {
        let mut networks: Vec<Network> = Vec::new();
        for member in self.stages().flat_map(|stage| &stage.members) {
            let map = member.manifest.map.iter().map(|map| &map.output);
            let outputs: Vec<&String> = map.chain(member.manifest.score.iter().map(|score| &score.output)).collect();
            for weights in &member.weights {
                let known = networks.iter().position(|network| network.source.path() == weights.source.path());
                let place = known.unwrap_or_else(|| {
                    networks.push(Network { source: Arc::clone(&weights.source), outputs: Vec::new() });
                    networks.len() - 1
                });
                for output in &outputs {
                    if !networks[place].outputs.contains(output) {
                        networks[place].outputs.push((*output).clone());
                    }
                }
            }
        }
        networks
    }

    /// Calls `each` with every network's input for an image that has been predicted, view by view; including the
    /// segmentation stage if `segmented`.
    ///
    /// # Errors
    /// If the image cannot be prepared, or what `each` returns.
    pub(crate) fn fed<E: From<ImageError>>(
        &self,
        radiograph: &Radiograph,
        finding: &Finding,
        segmented: bool,
        mut each: impl FnMut(&ModelInput<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut prepared: HashMap<usize, PreparedImage> = HashMap::new();
        // The segmentation stage is the last.
        let count = self.stages().count() - usize::from(!segmented);
        for member in self.stages().take(count).flat_map(|stage| &stage.members) {
            let image = match prepared.entry(member.recipe) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => {
                    let recipe = &self.recipes[member.recipe];
                    place.insert(self.pool.run(|| recipe.apply(radiograph, finding.crop))?)
                }
            };
            for (view, window) in member.views.iter().flat_map(|view| (0..image.count()).map(move |w| (view, w))) {
                let window = image.window(window);
                let seen = self.pool.run(|| view.forward(window))?;
                let pixels = seen.as_ref().map_or(window, |seen| seen.view());
                for weights in &member.weights {
                    // Zeros, which pad a batch in prediction, are not an image.
                    let len = weights.fixed_batch(&member.manifest).unwrap_or(1);
                    let planes = vec![Plane { pixels, range: radiograph.range(), own: image.own }; len];
                    let tensor = self.pool.run(|| tensor::batch_of(&planes, len, &member.manifest.input));
                    each(&ModelInput { file: weights.source.path(), input: &member.manifest.input.name, tensor })?;
                }
            }
        }
        Ok(())
    }
}

impl Network {
    /// The session that the ensemble runs.
    pub fn model(&self) -> Result<&Arc<Model>, Arc<ModelError>> {
        self.source.model(0)
    }

    /// The options with which it was opened.
    pub fn opener(&self) -> &Opener {
        self.source.opener()
    }
}
