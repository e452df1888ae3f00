//! Trains the convolutional head: with ordinary training steps, on images of one pixel.

use ndarray::{ArrayView2, Axis};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::error::StackError;
use crate::checkpoint::Tensors;
use crate::device::Place;
use crate::nets;
use crate::recipe::stack::{KeepHead, Stack};
use crate::recipe::{Loss, LossTerm, Optimizer, Phase, Precision, Schedule};
use crate::schedule::Rate;
use crate::step::{Evaluation, Pass, PassOptions, Rates, Source, State, StepError, Subject, Update};

/// The settings for training a head.
#[derive(Debug, Clone)]
pub struct Training {
    /// A stack of the convolutional kind.
    pub stack: Stack,
    /// Its epochs, batches and learning rate: a phase of images of one pixel.
    pub phase: Phase,
    pub weight_decay: f32,
    pub keep: KeepHead,
    /// The random seed of weights and batches.
    pub seed: u64,
    /// The fold that is held out, for errors.
    pub fold: u32,
}

/// The scores (images, members) with their labels.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'s> {
    pub scores: ArrayView2<'s, f32>,
    pub labels: &'s [bool],
}

/// A head in training.
pub struct Head<'h> {
    place: &'h Place,
    training: Training,
    subject: Subject,
    pub(super) state: State,
}

impl<'h> Head<'h> {
    /// A head with random weights.
    pub fn new(place: &'h Place, training: Training, members: usize) -> Result<Self, StepError> {
        let model = nets::stacker(&training.stack, members, training.seed);
        let subject = Subject {
            model,
            map: None,
            score: Some(Source::logits("score")),
            channels_last: false,
            freeze_batch_norm: false,
            frozen_prefix: None,
        };
        let state = State::new(place, &subject, &training.optimizer(), false)?;
        Ok(Self { place, training, subject, state })
    }

    /// Trains on these rows. An epoch uses them in a new order, without the rest that fills no batch; `held_out` rows
    /// select the best epoch, if requested.
    pub fn train(&self, of: Scores<'_>, rows: &[usize], held_out: &[usize]) -> Result<(), StackError> {
        let Training { phase, seed, fold, .. } = &self.training;
        let batch = (phase.batch as usize).min(rows.len());
        let (loss, optimizer) = (bce(), self.training.optimizer());
        let options = PassOptions {
            shape: shape(batch, of),
            loss: &loss,
            accumulates: false,
            precision: Precision::Fp32,
            recompute: false,
        };
        let mut pass = Pass::new(self.place, &self.subject, &self.state, options)?;
        let mut update = Update::new(self.place, &self.state, &optimizer, None)?;
        let mut judge = self.judge(of, held_out)?;
        let mut rate = Rate::new(phase, (rows.len() / batch) as u32);
        let mut updates = 0;
        let mut rows = rows.to_vec();
        for epoch in 0..phase.epochs {
            let mut random = ChaCha8Rng::seed_from_u64(*seed);
            random.set_stream(u64::from(epoch));
            rows.shuffle(&mut random);
            for rows in rows.chunks_exact(batch) {
                let (scores, labels) = of.pick(rows);
                let losses = pass.run([&scores, &[], &labels], false, || 0.5)?;
                if !losses.total.is_finite() {
                    return Err(StackError::NotFinite { loss: losses.total, fold: *fold, epoch });
                }
                updates += 1;
                update.run(Rates { lr: rate.at(epoch, 0), updates, passes: 1, scale: 1.0 })?;
            }
            if let Some(judge) = &mut judge {
                rate.observe(judge.epoch(&self.state)?);
            }
        }
        match judge.and_then(|judge| judge.best) {
            Some((_, weights)) if self.training.keep == KeepHead::Best => Ok(self.state.set_weights(&weights)?),
            _ => Ok(()),
        }
    }

    /// The evaluation on the held-out rows after each epoch, if anything depends on it.
    fn judge(&self, of: Scores<'_>, held_out: &[usize]) -> Result<Option<Judge>, StepError> {
        let Training { phase, keep, .. } = &self.training;
        if *keep == KeepHead::Last && !matches!(phase.schedule, Schedule::Plateau { .. }) {
            return Ok(None);
        }
        let shape = shape(held_out.len(), of);
        let evaluation = Evaluation::new(self.place, &self.subject, &self.state, shape, &bce(), false)?;
        let (scores, labels) = of.pick(held_out);
        Ok(Some(Judge { evaluation, scores, labels, best: None }))
    }

    /// The probabilities of all images.
    pub fn answer(&self, of: Scores<'_>) -> Result<Vec<f32>, StepError> {
        let shape = shape(of.labels.len(), of);
        let mut evaluation = Evaluation::new(self.place, &self.subject, &self.state, shape, &bce(), false)?;
        let (scores, labels) = of.pick(&(0..of.labels.len()).collect::<Vec<_>>());
        let logits = evaluation.run([&scores, &[], &labels])?.score.unwrap_or_default();
        Ok(logits.into_iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect())
    }

    /// Its weights.
    pub fn weights(&self) -> Result<Tensors, StepError> {
        Ok(self.state.weights(false)?)
    }
}

/// Evaluates the held-out images after each epoch.
struct Judge {
    evaluation: Evaluation,
    scores: Vec<f32>,
    labels: Vec<f32>,
    /// The lowest log-loss so far, and its weights.
    best: Option<(f64, Tensors)>,
}

impl Judge {
    /// The log-loss after an epoch; the weights are kept if it is the lowest.
    fn epoch(&mut self, state: &State) -> Result<f64, StepError> {
        let loss = f64::from(self.evaluation.run([&self.scores, &[], &self.labels])?.losses.total);
        if self.best.as_ref().map_or(loss.is_finite(), |(best, _)| loss < *best) {
            self.best = Some((loss, state.weights(false)?));
        }
        Ok(loss)
    }
}

impl Training {
    fn optimizer(&self) -> Optimizer {
        Optimizer::Adam { betas: [0.9, 0.999], epsilon: 1e-8, weight_decay: self.weight_decay, clip: None }
    }
}

impl Scores<'_> {
    /// Rows' scores, row-major, and labels.
    fn pick(&self, rows: &[usize]) -> (Vec<f32>, Vec<f32>) {
        let scores = self.scores.select(Axis(0), rows).iter().copied().collect();
        (scores, rows.iter().map(|&row| f32::from(u8::from(self.labels[row]))).collect())
    }
}

fn bce() -> Loss {
    Loss { map: Vec::new(), score: vec![LossTerm::Bce { weight: 1.0, positive: 1.0 }] }
}

/// (images, members, 1, 1).
fn shape(images: usize, of: Scores<'_>) -> [usize; 4] {
    [images, of.scores.ncols(), 1, 1]
}
