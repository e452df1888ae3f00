//! Converts the journal's lines to points.

use std::collections::{BTreeMap, BTreeSet};

use crate::journal::Line;

/// The positions of epochs from left to right.
#[derive(Debug)]
pub(super) struct Timeline {
    /// For each phase: the number of epochs before it, in the folds that took longest.
    starts: BTreeMap<u32, u64>,
    epochs: u64,
}

impl Timeline {
    pub(super) fn new(lines: &[Line]) -> Self {
        let mut lengths = BTreeMap::new();
        for line in lines {
            let length = lengths.entry(line.phase).or_insert(0);
            *length = u64::from(line.epoch).saturating_add(1).max(*length);
        }
        let mut epochs = 0;
        let starts = lengths.into_iter().map(|(phase, length)| {
            epochs += length;
            (phase, epochs - length)
        });
        Self { starts: starts.collect(), epochs }
    }

    /// The phases, with the number of epochs before each.
    pub(super) fn starts(&self) -> impl Iterator<Item = (u32, u64)> {
        self.starts.iter().map(|(&phase, &start)| (phase, start))
    }

    /// The number of all epochs.
    pub(super) fn epochs(&self) -> u64 {
        self.epochs
    }

    /// The position of an epoch, counted from 1 over all phases.
    fn place(&self, line: &Line) -> f64 {
        (self.starts.get(&line.phase).copied().unwrap_or(0) + u64::from(line.epoch) + 1) as f64
    }
}

/// The position of a fold's epoch with the lowest validation loss; of equal ones, the first.
pub(super) fn best_epoch(lines: &[Line], fold: u32, timeline: &Timeline) -> Option<f64> {
    let losses = Series::new(lines, fold, timeline, |line| line.validation_loss);
    losses.points().reduce(|a, b| if b.1 < a.1 { b } else { a }).map(|(place, _)| place)
}

/// The folds, ascending.
pub(super) fn folds(lines: &[Line]) -> Vec<u32> {
    lines.iter().map(|line| line.fold).collect::<BTreeSet<_>>().into_iter().collect()
}

/// One quantity of one fold over time: segments of (epoch, value) without gaps. If a phase ended early, there is a gap.
#[derive(Debug, PartialEq)]
pub(super) struct Series(pub(super) Vec<Vec<(f64, f64)>>);

impl Series {
    pub(super) fn new(lines: &[Line], fold: u32, timeline: &Timeline, value: fn(&Line) -> Option<f64>) -> Self {
        let points: BTreeMap<_, _> = lines
            .iter()
            .filter(|line| line.fold == fold)
            .map(|line| {
                ((line.phase, line.epoch), (timeline.place(line), value(line).filter(|value| value.is_finite())))
            })
            .collect();
        let mut stretches: Vec<Vec<(f64, f64)>> = Vec::new();
        for (place, value) in points.into_values().filter_map(|(place, value)| Some((place, value?))) {
            match stretches.last_mut() {
                Some(stretch) if stretch.last().is_some_and(|(last, _)| last + 1.0 >= place) => {
                    stretch.push((place, value));
                }
                _ => stretches.push(vec![(place, value)]),
            }
        }
        Self(stretches)
    }

    pub(super) fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        self.0.iter().flatten().copied()
    }
}
