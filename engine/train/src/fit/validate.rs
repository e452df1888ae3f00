//! Runs a network on held-out images.

use ndarray::{Array2, ArrayView2};
use pleura::ensemble::resize;
use pleura::manifest::Resize;
use pleura::submission::Runs;

use super::Watch;
use super::epoch::numbers;
use super::error::TrainError;
use super::fold::Fold;
use crate::data::{Item, Loader, Plan};
use crate::handover::Form;
use crate::metrics::{ABOVE, Dices, Running, auc, dice, mark};
use crate::out_of_fold::{Found, OutOfFold, Prediction};
use crate::recipe::Phase;
use crate::step::{Answers, Evaluation};
use pleura::{Mask, Size};

/// The metrics of a validation.
#[derive(Debug, Clone, Copy)]
pub struct Validation {
    pub loss: f64,
    pub dice: Option<f64>,
    pub dice_positives: Option<f64>,
    pub iou: Option<f64>,
    pub auc: Option<f64>,
}

/// The outputs for an image: its index, its label, its score as a probability, and its map of logits with the truth,
/// (height, width).
struct Answer<'a> {
    index: usize,
    label: bool,
    score: Option<f32>,
    map: Option<(Array2<f32>, ArrayView2<'a, f32>)>,
}

impl Answer<'_> {
    /// Dice's coefficient of the marked pixels, at the size of the map.
    fn dice(&self) -> Option<f64> {
        let (map, truth) = self.map.as_ref()?;
        Some(dice(&mark(map.mapv(sigmoid).view(), ABOVE), &mark(*truth, ABOVE)))
    }
}

impl Fold<'_> {
    /// Runs all held-out images through the network. If the watcher stops it, it leaves a checkpoint after the epoch's
    /// last step, from which the validation restarts.
    pub fn validate(
        &mut self,
        evaluation: &mut Evaluation,
        phase: &Phase,
        watch: &dyn Watch,
    ) -> Result<Validation, TrainError> {
        let mut dices = Dices::default();
        let (mut scores, mut labels) = (Vec::new(), Vec::new());
        let loss = self.answers(evaluation, phase, watch, |answer| {
            if let Some(dice) = self.judged(&answer)?.0 {
                dices.add(dice, answer.label);
            }
            if let Some(score) = answer.score {
                scores.push(score);
                labels.push(answer.label);
            }
            Ok(())
        });
        if matches!(loss, Err(TrainError::Interrupted { .. })) {
            self.save()?;
        }
        let loss = loss?;
        let validation = Validation {
            loss,
            dice: dices.mean(),
            dice_positives: dices.mean_of_positives(),
            iou: dices.mean_iou(),
            auc: auc(&scores, &labels),
        };
        self.last = Some((validation.dice, validation.auc));
        Ok(validation)
    }

    /// Adds the network's predictions for the held-out images, at the images' own sizes: as `pleura predict` does with
    /// the exported manifest, which resizes an output in its own form.
    pub fn predict_held_out(
        &self,
        evaluation: &mut Evaluation,
        phase: &Phase,
        out_of_fold: &mut OutOfFold,
        watch: &dyn Watch,
    ) -> Result<(), TrainError> {
        out_of_fold.forget(self.held_out);
        let mut predictions = Vec::new();
        self.answers(evaluation, phase, watch, |answer| {
            let item = &self.job.data.items()[answer.index];
            let (dice, mask) = self.judged(&answer)?;
            let found = answer.map.as_ref().zip(dice).map(|((map, _), dice)| {
                let mask = mask.unwrap_or_else(|| mark(self.full(map, item).view(), ABOVE));
                Found { mask: Runs::from(&mask), dice }
            });
            let (label, score) = (answer.label, answer.score);
            predictions.push((item.id.clone(), Prediction { fold: self.held_out, label, score, found }));
            Ok(())
        })?;
        predictions.into_iter().try_for_each(|(id, prediction)| out_of_fold.add(id, prediction))?;
        Ok(())
    }

    /// Dice's coefficient of an output's mask, and the mask at the image's own size if the recipe says how it is made;
    /// without a rule, at the size of the map.
    fn judged(&self, answer: &Answer<'_>) -> Result<(Option<f64>, Option<Mask>), TrainError> {
        let (Some(rule), Some((map, _))) = (self.job.rule, &answer.map) else { return Ok((answer.dice(), None)) };
        let item = &self.job.data.items()[answer.index];
        let mask = rule.mask(item, &self.full(map, item), answer.score)?;
        Ok((Some(dice(&mask, &item.truth())), Some(mask)))
    }

    /// A map of probabilities at the image's own size, from logits.
    fn full(&self, map: &Array2<f32>, item: &Item) -> Array2<f32> {
        match self.prepared.ports.map.form {
            Form::Logits | Form::Softmax => resize(map.view(), item.size, Resize::Linear).mapv(sigmoid),
            Form::Probabilities => resize(map.mapv(sigmoid).view(), item.size, Resize::Linear).into_owned(),
        }
    }

    /// Passes each held-out image's outputs to a callback; returns the mean loss.
    ///
    /// # Errors
    /// If an image cannot be read, the callback fails, or the watcher stops it after a batch.
    fn answers(
        &self,
        evaluation: &mut Evaluation,
        phase: &Phase,
        watch: &dyn Watch,
        mut tell: impl FnMut(Answer<'_>) -> Result<(), TrainError>,
    ) -> Result<f64, TrainError> {
        let items = self.job.division.held_out(self.held_out);
        let plan = Plan { items: items.clone(), ..self.plan(phase, Vec::new()) };
        let Size { height, width } = plan.size;
        let mut losses = Running::default();
        let mut first = 0;
        for batch in Loader::validation(self.job.data, plan)? {
            if watch.stops() {
                return Err(self.interrupted());
            }
            let batch = batch.map_err(|source| self.unreadable(source))?;
            let Answers { losses: found, map, score } = evaluation.run(numbers(&batch))?;
            losses.add([("loss", found.total)], batch.real);
            for at in 0..batch.real {
                let index = items[first + at];
                let map = map.as_ref().map(|map| {
                    let plane = &map[at * height * width..(at + 1) * height * width];
                    let map = Array2::from_shape_fn((height, width), |(y, x)| plane[y * width + x]);
                    (map, batch.masks.index_axis(ndarray::Axis(0), at).index_axis_move(ndarray::Axis(0), 0))
                });
                let score = score.as_ref().map(|score| sigmoid(score[at]));
                tell(Answer { index, label: self.job.data.items()[index].label, score, map })?;
            }
            first += batch.real;
        }
        Ok(losses.mean("loss").unwrap_or(f64::NAN))
    }
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}
