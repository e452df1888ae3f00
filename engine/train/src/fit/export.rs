//! Exports trained weights to an ONNX file whose outputs are verified against the trainer's.

use std::path::PathBuf;

use ndarray::{ArrayD, Axis};
use pleura::manifest::Layout;
use pleura::onnx::Model;
use pleura::runtime::{self, SessionOptions};
use tempfile::NamedTempFile;

use super::Watch;
use super::epoch::numbers;
use super::error::TrainError;
use super::fold::Fold;
use super::outcome::Exported;
use super::step::noise;
use super::subject::{shape, stem, training_shape};
use crate::checkpoint::Tensors;
use crate::data::{Batch, Loader, Plan};
use crate::handover::{Form, Port, Trained};
use crate::out_of_fold::OutOfFold;
use crate::recipe::Phase;
use crate::step::{Evaluation, Gathering};

/// The maximum difference between the exported network's outputs and the trainer's: in logits, relative to the largest
/// if that is above 1.
pub const AGREEMENT: f32 = 1e-4;

/// The infix before the rank in the name of a network that is not the fold's best.
pub const TOP: &str = "-top";

impl Fold<'_> {
    /// The network with these weights.
    pub fn model(&self, tensors: &Tensors) -> Model {
        let mut model = self.prepared.subject.model.clone();
        for (name, (_, numbers)) in tensors {
            model.set_floats(name, numbers).expect("the weights are the network's own");
        }
        model
    }

    /// Whether all networks exist.
    pub fn is_exported(&self) -> bool {
        (0..self.exports()).all(|rank| self.exported(rank).exists())
    }

    /// The file of the network of the best epoch (0), the second best (1) and so on.
    fn exported(&self, rank: usize) -> PathBuf {
        self.job.out.join(self.file_name(rank))
    }

    fn file_name(&self, rank: usize) -> String {
        let (stem, fold) = (stem(&self.job.recipe.name), self.held_out);
        if rank == 0 { format!("{stem}-fold{fold}.onnx") } else { format!("{stem}-fold{fold}{TOP}{}.onnx", rank + 1) }
    }

    /// Chooses the weights, exports them, and predicts the held-out images with the best ones.
    pub fn finish(mut self, out_of_fold: &mut OutOfFold, watch: &mut dyn Watch) -> Result<Vec<Exported>, TrainError> {
        let phase = self.job.recipe.phases.last().expect("a recipe has phases").clone();
        // the chosen weights replace the trained ones
        let shape = shape(self.job.recipe, &phase);
        let (place, loss) = (self.job.place, &self.job.recipe.loss);
        let mut evaluation = Evaluation::new(place, &self.prepared.subject, &self.state, shape, loss, false)
            .map_err(self.prepared.failed())?;
        self.sweep()?;
        // the best last, so that they stay
        for rank in (0..self.exports()).rev() {
            // nothing is lost: the checkpoint is after the last epoch, and exports can be repeated
            if watch.stops() {
                return Err(self.interrupted());
            }
            self.choose(rank, &phase, watch)?;
            self.export(rank, &mut evaluation, &phase)?;
        }
        self.predict_held_out(&mut evaluation, &phase, out_of_fold, watch)?;
        self.as_exported()
    }

    /// Replaces the trained weights by those to be exported.
    fn choose(&mut self, rank: usize, phase: &Phase, watch: &mut dyn Watch) -> Result<(), TrainError> {
        let weights = if self.is_swa() {
            watch.note(&format!(
                "fold {}: averaging {} sets of weights and collecting batch-norm statistics",
                self.held_out + 1,
                self.rest.averaged
            ));
            self.gather(phase, watch)?;
            self.state.weights(true)?
        } else if let Some(kept) = self.kept_weights(rank)? {
            kept
        } else {
            self.state.weights(self.looks_at_average())?
        };
        Ok(self.state.set_weights(&weights)?)
    }

    fn gather(&self, phase: &Phase, watch: &dyn Watch) -> Result<(), TrainError> {
        let shape = training_shape(self.job.recipe, phase);
        let gathering = Gathering::new(self.job.place, &self.prepared.subject, &self.state, shape);
        let Some(mut gathering) = gathering.map_err(self.prepared.failed())? else {
            return Ok(());
        };
        let mut random = noise(self.seed(), [u32::MAX, 0, 0]);
        let plan = self.plan(phase, self.job.division.training(self.held_out));
        for batch in Loader::training(self.job.data, plan)? {
            if watch.stops() {
                return Err(self.interrupted());
            }
            gathering.add(numbers(&batch?)[0], || rand::Rng::random(&mut random))?;
        }
        Ok(gathering.finish(&self.state)?)
    }

    /// Writes the network, after the engine itself has run a batch with the trainer's outputs.
    fn export(&self, rank: usize, evaluation: &mut Evaluation, phase: &Phase) -> Result<(), TrainError> {
        let path = self.exported(rank);
        let model = self.model(&self.state.weights(false)?);
        let failed = |source| crate::files::WriteError { path: path.clone(), source };
        let mut temporary = pleura_files::atomic::beside(&path).map_err(failed)?;
        std::io::Write::write_all(&mut temporary, &model.to_bytes()).map_err(failed)?;
        self.agrees(&temporary, evaluation, phase)?;
        pleura_files::atomic::place(temporary, &path).map_err(failed)?;
        Ok(())
    }

    fn agrees(&self, exported: &NamedTempFile, evaluation: &mut Evaluation, phase: &Phase) -> Result<(), TrainError> {
        let batch = self.held_out_batch(phase)?;
        let trainer = evaluation.run(numbers(&batch))?;
        let loaded = runtime::load(self.job.options.onnxruntime.as_deref())?;
        let options = SessionOptions {
            device: self.job.place.device(),
            threads: self.job.options.threads,
            tensorrt: false,
            fp16: false,
            memory: None,
        };
        let engine = runtime::Model::open(loaded, exported.path(), options)?;
        let ports = &self.prepared.ports;
        let images = match ports.layout {
            Layout::Nchw => batch.images.view(),
            Layout::Nhwc => batch.images.view().permuted_axes([0, 2, 3, 1]),
        };
        let images = images.as_standard_layout();
        let answers = [(&ports.map, trainer.map), (&ports.score, trainer.score)];
        for (port, logits) in answers {
            let Some(logits) = logits else { continue };
            let found = engine.run(&ports.input, images.view().into_dyn(), &[&port.output])?.swap_remove(0);
            let found = one_channel(port, ports.layout, found);
            let expected = match port.form {
                Form::Logits | Form::Softmax => logits,
                Form::Probabilities => logits.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect(),
            };
            let worst = worst(found.iter().copied(), &expected);
            if worst.is_none_or(|worst| worst > AGREEMENT) {
                let worst = worst.unwrap_or(f32::INFINITY);
                return Err(TrainError::Disagrees { output: port.output.clone(), worst });
            }
        }
        Ok(())
    }

    fn held_out_batch(&self, phase: &Phase) -> Result<Batch, TrainError> {
        let items = self.job.division.held_out(self.held_out);
        let items = items.into_iter().take(phase.batch as usize).collect();
        let mut loader = Loader::validation(self.job.data, Plan { items, ..self.plan(phase, Vec::new()) })?;
        Ok(loader.next().expect("a fold is not empty")?)
    }

    /// The exported files' names and digests, the best first.
    pub fn as_exported(&self) -> Result<Vec<Exported>, TrainError> {
        let exported = |rank: usize| {
            let path = self.exported(rank);
            let sha256 = pleura_files::digest::file(&path).map_err(|source| TrainError::folder(&path, source))?;
            let trained = Trained { fold: self.held_out, model: self.file_name(rank), sha256 };
            Ok(Exported { trained, ports: self.prepared.ports.clone() })
        };
        (0..self.exports()).map(exported).collect()
    }
}

/// The numbers of the trained channel, (N, …); of a softmax, the log-odds of the class.
fn one_channel(port: &Port, layout: Layout, numbers: ArrayD<f32>) -> ArrayD<f32> {
    // (N, height, width) has none
    let Some(channel) = port.channel.filter(|_| numbers.ndim() != 3) else { return numbers };
    let axis = if layout == Layout::Nhwc && numbers.ndim() == 4 { Axis(3) } else { Axis(1) };
    let own = numbers.index_axis(axis, channel as usize);
    if port.form != Form::Softmax {
        return own.to_owned();
    }
    let mut others = ArrayD::<f32>::from_elem(own.raw_dim(), f32::NEG_INFINITY);
    let lanes = numbers.axis_iter(axis).enumerate().filter(|(at, _)| *at != channel as usize);
    for (_, other) in lanes {
        others.zip_mut_with(&other, |sum, &x| *sum = sum.max(x) + (-(*sum - x).abs()).exp().ln_1p());
    }
    &own - &others
}

/// The largest difference, relative to the largest expected number if that is above 1; `None` if the lengths differ, or
/// a number is NaN.
pub fn worst(found: impl ExactSizeIterator<Item = f32>, expected: &[f32]) -> Option<f32> {
    if found.len() != expected.len() {
        return None;
    }
    let scale = expected.iter().fold(1.0_f32, |most, number| most.max(number.abs()));
    let mut worst = 0.0_f32;
    for (found, expected) in found.zip(expected) {
        let difference = (found - expected).abs();
        if difference.is_nan() {
            return None;
        }
        worst = worst.max(difference);
    }
    Some(worst / scale)
}
