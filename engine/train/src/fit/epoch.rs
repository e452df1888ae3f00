//! Phases and epochs.

use std::time::Instant;

use super::error::TrainError;
use super::fold::{Fold, Job};
use super::subject::{shape, training_shape};
use super::validate::Validation;
use super::{Watch, outcome};
use crate::checkpoint::{Best, Position};
use crate::data::{Batch, Draw, Loader, Plan, sample};
use crate::journal::Journal;
use crate::progress::Progress;
use crate::recipe::{Average, Keep, Phase};
use crate::schedule::{Patience, Rate};
use crate::step::{Evaluation, Losses, Pass, PassOptions};
use pleura::Size;

/// The name under which the weighted sum of all terms is reported.
pub const TOTAL: &str = "loss";

impl Fold<'_> {
    /// Trains the next phase to its end.
    pub fn phase(&mut self, journal: &mut Journal, watch: &mut dyn Watch) -> Result<(), TrainError> {
        let job = self.job;
        let number = self.rest.at.phase;
        let phase = &job.recipe.phases[number as usize];
        let options = PassOptions {
            shape: training_shape(job.recipe, phase),
            loss: &job.recipe.loss,
            accumulates: phase.accumulate > 1,
            precision: job.recipe.precision,
            recompute: phase.recompute,
        };
        let mut pass =
            Pass::new(job.place, &self.prepared.subject, &self.state, options).map_err(self.prepared.failed())?;
        let mut evaluation = self.evaluation(shape(job.recipe, phase))?;
        if self.rest.at.epoch == 0 && self.rest.at.step == 0 {
            self.rest.patience = Patience::new(phase);
            self.rest.plateau = None;
        }
        while self.rest.at.epoch < phase.epochs {
            if self.epoch(phase, &mut pass, &mut evaluation, journal, watch)? {
                break;
            }
        }
        Ok(())
    }

    /// Trains and validates an epoch, and saves its results. Returns whether the phase has ended.
    fn epoch(
        &mut self,
        phase: &Phase,
        pass: &mut Pass,
        evaluation: &mut Evaluation,
        journal: &mut Journal,
        watch: &mut dyn Watch,
    ) -> Result<bool, TrainError> {
        let started = Instant::now();
        let epoch = self.rest.at.epoch;
        let items = self.items(phase)?;
        let steps = (items.len() / phase.batch as usize) as u32;
        let mut rate = Rate::new(phase, steps.div_ceil(phase.accumulate));
        rate.resume(self.rest.plateau);
        self.train_epoch(pass, phase, &rate, items, watch)?;
        watch.step(&Progress { validating: true, ..self.progress(phase, steps) });
        let validation = self.validate(evaluation, phase, watch)?;
        let is_best = self.judge(&validation)?;
        rate.observe(validation.loss);
        self.rest.plateau = rate.plateau();
        self.average()?;
        let line = self.line(rate.at(epoch, steps.saturating_sub(1) / phase.accumulate), &validation, started);
        journal.append(&line)?;
        let is_over = self.advance(phase, validation.loss);
        self.save()?;
        self.sweep()?;
        outcome::curves(self.job)?;
        self.tell_board(&line, watch);
        watch.epoch(&line, is_best);
        // here, too: if an epoch has a single update, there is no step between two of them
        if watch.stops() { Err(self.interrupted()) } else { Ok(is_over) }
    }

    /// Moves to the next epoch, or to the next phase if this one has ended; returns whether it has.
    fn advance(&mut self, phase: &Phase, validation_loss: f64) -> bool {
        self.rest.losses.clear();
        (self.rest.epoch_seconds, self.rest.epoch_images) = (0.0, 0);
        let gives_up = self.rest.patience.as_mut().is_some_and(|patience| {
            patience.observe(validation_loss);
            patience.is_over()
        });
        let Position { phase: number, epoch, .. } = self.rest.at;
        let is_over = gives_up || epoch + 1 == phase.epochs;
        let (phase, epoch) = if is_over { (number + 1, 0) } else { (number, epoch + 1) };
        self.rest.at = Position { fold: self.held_out, phase, epoch, step: 0 };
        is_over
    }

    pub fn evaluation(&self, shape: [usize; 4]) -> Result<Evaluation, TrainError> {
        let averaged = self.looks_at_average();
        let (place, loss) = (self.job.place, &self.job.recipe.loss);
        let evaluation = Evaluation::new(place, &self.prepared.subject, &self.state, shape, loss, averaged);
        evaluation.map_err(self.prepared.failed())
    }

    fn draw(&self) -> Draw {
        Draw { seed: self.seed(), phase: self.rest.at.phase, epoch: self.rest.at.epoch }
    }

    /// The epoch's images.
    fn items(&self, phase: &Phase) -> Result<Vec<usize>, TrainError> {
        self.job.items(self.held_out, phase, self.draw())
    }

    pub fn plan(&self, phase: &Phase, items: Vec<usize>) -> Plan {
        self.job.plan(phase, items, self.draw())
    }

    /// Trains the rest of the epoch, which may be empty.
    fn train_epoch(
        &mut self,
        pass: &mut Pass,
        phase: &Phase,
        rate: &Rate,
        items: Vec<usize>,
        watch: &mut dyn Watch,
    ) -> Result<(), TrainError> {
        let steps = (items.len() / phase.batch as usize) as u32;
        let plan = Plan { shown: self.rest.at.step as usize, ..self.plan(phase, items) };
        let mut passes = 0;
        let mut started = Instant::now();
        for batch in Loader::training(self.job.data, plan)? {
            let batch = batch.map_err(|source| self.unreadable(source))?;
            let losses = self.pass(pass, &batch, passes > 0)?;
            passes += 1;
            self.rest.losses.add(named(&losses), phase.batch as usize);
            self.rest.at.step += 1;
            let is_update = passes == phase.accumulate || self.rest.at.step == steps;
            if is_update {
                let step = (self.rest.at.step - 1) / phase.accumulate;
                self.update(rate.at(self.rest.at.epoch, step), passes)?;
                passes = 0;
            }
            let took = started.elapsed();
            self.speed.observe(phase.batch, took);
            self.rest.epoch_seconds += took.as_secs_f64();
            self.rest.epoch_images += u64::from(phase.batch);
            started = Instant::now();
            watch.step(&self.progress(phase, steps));
            // between updates, partially accumulated gradients would be lost
            if is_update && self.rest.at.step < steps && watch.stops() {
                self.save()?;
                return Err(self.interrupted());
            }
        }
        Ok(())
    }

    /// Compares the epoch with the previous ones, and keeps its weights if it is one of the best.
    fn judge(&mut self, validation: &Validation) -> Result<bool, TrainError> {
        let Position { phase, epoch, .. } = self.rest.at;
        let loss = validation.loss;
        if !loss.is_finite() {
            return Err(TrainError::ValidationNotFinite { loss, fold: self.held_out, phase, epoch, kept: self.kept() });
        }
        let value = self.figure(validation)?;
        let this = Best { value, phase, epoch };
        let is_best = self.rest.best.is_none_or(|best| value > best.value);
        if is_best {
            self.rest.best = Some(this);
        }
        self.keep(this)?;
        Ok(is_best)
    }

    /// The metric by which epochs are compared: the higher the better.
    fn figure(&self, validation: &Validation) -> Result<f64, TrainError> {
        let (figure, name) = match self.job.recipe.keep {
            Keep::Best | Keep::Last => (Some(-validation.loss), "loss"),
            Keep::BestDice => (validation.dice, "Dice"),
            Keep::BestAuc => (validation.auc, "area under the ROC curve"),
        };
        figure.ok_or(TrainError::NoFigure { fold: self.held_out, name })
    }

    /// Adds the weights to the stochastic weight average, after the epochs that the recipe lists.
    fn average(&mut self) -> Result<(), TrainError> {
        let Some(Average::Swa { epochs }) = &self.job.recipe.average else { return Ok(()) };
        let before: u32 = self.job.recipe.phases[..self.rest.at.phase as usize].iter().map(|phase| phase.epochs).sum();
        if epochs.contains(&(before + self.rest.at.epoch)) {
            self.state.average_in(self.rest.averaged)?;
            self.rest.averaged += 1;
        }
        Ok(())
    }
}

impl Job<'_> {
    /// An epoch's images, by index: those that are not held out, sampled as the phase says.
    pub fn items(&self, held_out: u32, phase: &Phase, draw: Draw) -> Result<Vec<usize>, TrainError> {
        sample(phase.sampling, self.data.items(), &self.division.training(held_out), phase.epochs, draw)
            .map_err(|source| TrainError::Sampling { fold: held_out, phase: draw.phase, source })
    }

    /// What the loader provides of these images.
    pub fn plan(&self, phase: &Phase, items: Vec<usize>, draw: Draw) -> Plan {
        Plan {
            items,
            size: phase.size.into(),
            crop: phase.crop.map(Size::from),
            batch: phase.batch as usize,
            shown: 0,
            channels: self.recipe.network.channels,
            augment: self.recipe.augment.clone(),
            mixup: self.recipe.mixup,
            draw,
        }
    }
}

/// A batch as the inputs of graphs.
pub fn numbers(batch: &Batch) -> [&[f32]; 3] {
    let dense = "a batch is laid out row-major";
    [batch.images.as_slice().expect(dense), batch.masks.as_slice().expect(dense), batch.labels.as_slice().expect(dense)]
}

fn named(losses: &Losses) -> impl Iterator<Item = (&str, f32)> {
    let total = std::iter::once((TOTAL, losses.total));
    total.chain(losses.terms.iter().map(|(name, loss)| (name.as_str(), *loss)))
}
