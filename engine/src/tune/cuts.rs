//! All thresholds of a search, and what lies above each of them in one map, computed in one pass.

use super::target::{Sums, Target};
use ndarray::ArrayView2;

/// A threshold, and whether a value equal to it passes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cut {
    /// In 0..=1.
    pub at: f32,
    /// `p > at` if true, else `p >= at`.
    pub strict: bool,
}

impl Cut {
    /// `p > at`.
    pub const fn above(at: f32) -> Self {
        Self { at, strict: true }
    }

    /// Whether a probability passes.
    pub fn passes(self, p: f32) -> bool {
        if self.strict { p > self.at } else { p >= self.at }
    }
}

/// Cuts in order, so that a value that passes one also passes all before it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Cuts(Vec<Cut>);

impl Cuts {
    /// The distinct cuts of a search.
    pub fn new(mut cuts: Vec<Cut>) -> Self {
        cuts.sort_by(|a, b| a.at.total_cmp(&b.at).then(a.strict.cmp(&b.strict)));
        cuts.dedup();
        Self(cuts)
    }

    /// A cut's index; the cut must be one of them.
    pub fn place(&self, cut: Cut) -> usize {
        self.0.iter().position(|it| *it == cut).expect("the cuts of a search are collected from its steps")
    }

    /// The lowest; `None` if there are none.
    pub fn lowest(&self) -> Option<Cut> {
        self.0.first().copied()
    }

    /// What passes each cut.
    pub fn sums(&self, map: ArrayView2<'_, f32>, target: &Target) -> Vec<Sums> {
        let mut sums = vec![Sums::default(); self.0.len()];
        let Some(lowest) = self.lowest() else { return sums };
        // Each pixel is counted once, at the last cut that it passes; most pass none.
        for (y, row) in map.rows().into_iter().enumerate() {
            for (x, &p) in row.iter().enumerate() {
                if lowest.passes(p) {
                    let passed = self.0.partition_point(|cut| cut.passes(p));
                    sums[passed - 1].add(target.at(y, x));
                }
            }
        }
        for place in (1..sums.len()).rev() {
            let higher = sums[place];
            sums[place - 1].add(higher);
        }
        sums
    }
}
