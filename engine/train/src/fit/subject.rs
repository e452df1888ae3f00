//! A recipe's network, with its initial weights.

use std::path::Path;

use pleura::manifest::Layout;
use pleura::onnx::Model;
use sha2::{Digest, Sha256};

use super::TrainError;
use super::foreign::foreign;
use crate::data::{DataError, Dataset, Division, Item};
use crate::handover::Ports;
use crate::nets;
use crate::recipe::{Architecture, Phase, Recipe};
use crate::step::{self, StepError, Subject};
use crate::weights;

/// A network ready to be trained.
pub struct Prepared {
    /// The network.
    pub subject: Subject,
    /// The names of its input and outputs, and the kinds of its outputs.
    pub ports: Ports,
    /// A digest of its graph without its weights.
    pub digest: String,
    /// Remarks on loading its initial weights.
    pub remarks: Vec<String>,
    /// Its name in errors.
    what: String,
}

impl Prepared {
    /// The number of trainable parameters, including frozen ones.
    #[must_use]
    pub fn parameters(&self) -> u64 {
        nets::summary(&self.subject.model).parameters
    }

    /// Turns an error of the step into one that names this network.
    pub(super) fn failed(&self) -> impl Fn(StepError) -> TrainError + '_ {
        |source| TrainError::Step { what: self.what.clone(), source: Box::new(source) }
    }

    /// Builds a phase's step, without running it.
    pub(super) fn check(&self, recipe: &Recipe, phase: usize) -> Result<(), TrainError> {
        let shape = training_shape(recipe, &recipe.phases[phase]);
        step::check(&self.subject, shape, &recipe.loss).map_err(self.failed())
    }
}

/// Checks that every file that the recipe names exists.
pub fn files_are_there(recipe: &Recipe, folder: &Path) -> Result<(), TrainError> {
    match recipe.files(folder).into_iter().find(|(_, path)| !path.exists()) {
        Some((key, path)) => Err(TrainError::Missing { key, path }),
        None => Ok(()),
    }
}

/// Builds or reads a recipe's network and loads its initial weights. `folder` is the recipe's; another `seed` gives
/// other random weights.
///
/// # Errors
/// If the network cannot be built, read or trained, or the file's weights do not belong to it.
pub fn prepare(recipe: &Recipe, folder: &Path, seed: u64) -> Result<Prepared, TrainError> {
    let (mut model, ports) = network(recipe, folder, seed)?;
    let remarks = load(&mut model, recipe, folder)?.into_iter().collect();
    let prepared = assemble(recipe, folder, model, ports, remarks);
    (0..recipe.phases.len()).try_for_each(|phase| prepared.check(recipe, phase))?;
    Ok(prepared)
}

/// A recipe's network before weights are loaded from a file.
pub fn network(recipe: &Recipe, folder: &Path, seed: u64) -> Result<(Model, Ports), TrainError> {
    match &recipe.network.architecture {
        Architecture::Onnx { model, map, score, layout, norm } => {
            foreign(&folder.join(model), (map.as_ref(), score.as_ref()), *layout, *norm)
        }
        _ => Ok((nets::build(&recipe.network, seed)?, Ports::default())),
    }
}

/// Loads the weights of the recipe's file into a network, if it names one; returns a remark.
pub fn load(model: &mut Model, recipe: &Recipe, folder: &Path) -> Result<Option<String>, TrainError> {
    let Some(from) = &recipe.weights else { return Ok(None) };
    let report = weights::apply(model, from, weights::read(&folder.join(&from.file))?)?;
    Ok(Some(format!(
        "weights of `{}`: {} loaded, {} summed over colours, {} spread over colours, {} left at random, {} ignored",
        from.file.display(),
        report.loaded.len(),
        report.summed.len(),
        report.spread.len(),
        report.as_drawn.len(),
        report.passed_over.len()
    )))
}

/// A network in the form for training.
pub fn assemble(recipe: &Recipe, folder: &Path, model: Model, ports: Ports, remarks: Vec<String>) -> Prepared {
    let heads = recipe.network.heads;
    let digest = digest(&model);
    let subject = Subject {
        model,
        map: heads.map().then(|| ports.map.source()),
        score: heads.score().then(|| ports.score.source()),
        channels_last: ports.layout == Layout::Nhwc,
        freeze_batch_norm: recipe.network.freeze_batch_norm,
        frozen_prefix: recipe.network.freeze_encoder.then(|| nets::ENCODER_PREFIX.to_owned()),
    };
    let what = match &recipe.network.architecture {
        Architecture::Onnx { model, .. } => format!("`{}` cannot be trained", folder.join(model).display()),
        _ => "the network cannot be trained".to_owned(),
    };
    Prepared { subject, ports, digest, remarks, what }
}

/// (N, C, H, W) of a phase's batches of whole images.
pub fn shape(recipe: &Recipe, phase: &Phase) -> [usize; 4] {
    let [height, width] = phase.size.map(|side| side as usize);
    [phase.batch as usize, recipe.network.channels as usize, height, width]
}

/// (N, C, H, W) of a phase's training batches.
pub fn training_shape(recipe: &Recipe, phase: &Phase) -> [usize; 4] {
    let [batch, channels, height, width] = shape(recipe, phase);
    let [height, width] = phase.crop.map_or([height, width], |crop| crop.map(|side| side as usize));
    [batch, channels, height, width]
}

/// Opens a recipe's images with their truth. `folder` is the recipe's.
///
/// # Errors
/// If there are none, or images and truth do not match.
pub fn dataset(recipe: &Recipe, folder: &Path) -> Result<Dataset, TrainError> {
    Dataset::open(folder, &recipe.data).map_err(|error| match error {
        DataError::Radiograph(_) => TrainError::Images(Box::new(error)),
        other => other.into(),
    })
}

/// A digest of images' ids, their truth, and their folds.
pub fn digest_of_data(items: &[Item], division: &Division) -> String {
    let mut digest = Sha256::new();
    for (item, fold) in items.iter().zip(division.folds()) {
        digest.update(item.id.as_bytes());
        // ids contain no zero byte
        digest.update([0, u8::from(item.label)]);
        digest.update(item.area.to_bits().to_le_bytes());
        digest.update(fold.to_le_bytes());
    }
    pleura_files::digest::hex(&digest.finalize())
}

/// A recipe's name as a file stem: anything but letters, digits, dots, dashes and underscores becomes an underscore.
pub fn stem(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    name.chars().map(safe).collect()
}

/// The digest of a model without its weights' values.
fn digest(model: &Model) -> String {
    let mut bare = model.clone();
    for tensor in &mut bare.graph_mut().initializer {
        if weights::is_weight(tensor) {
            tensor.raw_data = None;
            tensor.float_data.clear();
        }
    }
    pleura_files::digest::bytes(bare.to_bytes())
}
