//! The learning rate over a phase, and when a phase ends early.
//!
//! Schedules change once per epoch, as in the code of the competition's winners, and as PyTorch's schedulers do when
//! they are stepped once per epoch: every step of an epoch has the same rate. Only [`Warmup`] changes with each step,
//! and multiplies the schedule's rate.
//!
//! All of it is `f64` arithmetic, rounded once to `f32`. The state of a schedule ([`Plateau`], [`Patience`]) can be
//! written to a checkpoint and read again without loss.

mod patience;
mod plateau;
#[cfg(test)]
mod tests;

use std::f64::consts::PI;

use crate::recipe::{Phase, Schedule, Warmup};

pub use patience::Patience;
pub use plateau::Plateau;

/// The learning rate of one phase.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    lr: f64,
    epochs: u32,
    schedule: Schedule,
    warmup: Option<Warmup>,
    steps_per_epoch: u32,
    plateau: Option<Plateau>,
}

impl Rate {
    /// The rate of a phase from its start. `steps_per_epoch` counts optimiser steps (batches over `accumulate`), of the
    /// first epoch if epochs differ; only a warm-up longer than an epoch depends on it.
    #[must_use]
    pub fn new(phase: &Phase, steps_per_epoch: u32) -> Self {
        Self {
            lr: f64::from(phase.lr),
            epochs: phase.epochs,
            schedule: phase.schedule.clone(),
            warmup: phase.warmup,
            steps_per_epoch,
            plateau: Plateau::new(phase),
        }
    }

    /// Restores the plateau state of a checkpoint. No effect on other schedules.
    pub fn resume(&mut self, plateau: Option<Plateau>) {
        if let (Some(fresh), Some(kept)) = (&mut self.plateau, plateau) {
            *fresh = kept;
        }
    }

    /// The learning rate of a step of the optimiser: the phase's epoch and the epoch's step, both from 0.
    #[must_use]
    pub fn at(&self, epoch: u32, step: u32) -> f32 {
        let steps = u64::from(epoch) * u64::from(self.steps_per_epoch) + u64::from(step);
        (self.scheduled(epoch) * self.warmup.map_or(1.0, |warmup| rise(warmup, steps))) as f32
    }

    /// Observes the validation loss at an epoch's end. Only `plateau` uses it.
    pub fn observe(&mut self, loss: f64) {
        if let Some(plateau) = &mut self.plateau {
            plateau.observe(loss);
        }
    }

    /// The state for a checkpoint; `None` for schedules that depend only on the epoch.
    #[must_use]
    pub fn plateau(&self) -> Option<Plateau> {
        self.plateau
    }

    fn scheduled(&self, epoch: u32) -> f64 {
        let from_epoch = f64::from(epoch);
        match &self.schedule {
            Schedule::Constant => self.lr,
            Schedule::Cosine { min, period } => {
                self.cosine(f64::from(*min), from_epoch / f64::from(period.unwrap_or(self.epochs).max(1)))
            }
            Schedule::Sgdr { period, factor, min } => self.cosine(f64::from(*min), cycle(epoch, *period, *factor)),
            Schedule::Plateau { .. } => self.plateau.map_or(self.lr, |plateau| plateau.lr()),
            Schedule::Step { at, factor } => {
                let passed = at.iter().filter(|&&start| start <= epoch).count();
                (0..passed).fold(self.lr, |lr, _| lr * f64::from(*factor))
            }
        }
    }

    /// Half a cosine down to `min` at `share` 1, and back up to the phase's rate at 2.
    fn cosine(&self, min: f64, share: f64) -> f64 {
        min + (self.lr - min) * (1.0 + (PI * share).cos()) / 2.0
    }
}

/// The position of an epoch within its cycle, in 0..1; each cycle is `factor` times as long as the one before.
fn cycle(epoch: u32, period: u32, factor: u32) -> f64 {
    let (mut into, mut length) = (u64::from(epoch), u64::from(period.max(1)));
    if factor <= 1 {
        return (into % length) as f64 / length as f64;
    }
    while into >= length {
        into -= length;
        length *= u64::from(factor);
    }
    into as f64 / length as f64
}

/// The factor of a warm-up after a number of steps, as in PyTorch's `LinearLR`: `from` at step 0, 1 from `steps` on.
fn rise(warmup: Warmup, steps: u64) -> f64 {
    let share = (steps as f64 / f64::from(warmup.steps.max(1))).min(1.0);
    let from = f64::from(warmup.from);
    from + (1.0 - from) * share
}
