//! Optional tables of a report, computed by replaying cached maps.

use ndarray::Array2;

use super::error::ReportError;

/// The mean Dice over two thresholds.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// The name of the horizontal axis.
    pub x_name: String,
    /// Its values, ascending.
    pub x: Vec<f64>,
    /// The name of the vertical axis.
    pub y_name: String,
    /// Its values, ascending.
    pub y: Vec<f64>,
    /// Mean Dice, (values of y, values of x); NaN if a plugin refuses the combination.
    pub dice: Array2<f64>,
    /// The manifest's point: (index into x, index into y).
    pub chosen: (usize, usize),
}

/// The ablation of one member of a stage: its quality alone, and the ensemble's without it.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberRow {
    /// `classifier` or `segmenter`.
    pub stage: String,
    /// The member's name.
    pub name: String,
    /// Mean Dice with it as the stage's only member; `None` if that is impossible: a stack needs all its members, and a
    /// gate those that it names.
    pub alone: Option<f64>,
    /// Mean Dice without it; `None` if that is impossible.
    pub without: Option<f64>,
    /// The area under the ROC curve of its own score; `None` if it has none, or there are no positives or no negatives.
    pub auc: Option<f64>,
}

impl HeatMap {
    /// The best value, with its (index into x, index into y).
    pub(super) fn best(&self) -> Option<((usize, usize), f64)> {
        let known = self.dice.indexed_iter().filter(|(_, dice)| !dice.is_nan());
        let best = known.max_by(|a, b| a.1.total_cmp(b.1));
        best.map(|((y, x), &dice)| ((x, y), dice))
    }

    pub(super) fn check(&self) -> Result<(), ReportError> {
        let ((rows, columns), (x, y)) = (self.dice.dim(), (self.x.len(), self.y.len()));
        let fault = if (rows, columns) != (y, x) {
            format!("expected {y} × {x} values of Dice (one per pair of thresholds), found {rows} × {columns}")
        } else if self.dice.is_empty() {
            "expected at least one threshold".into()
        } else if self.chosen.0 >= x || self.chosen.1 >= y {
            format!("the chosen ({}, {}) is not among {x} × {y} thresholds", self.chosen.0, self.chosen.1)
        } else if self.dice[(self.chosen.1, self.chosen.0)].is_nan() {
            "the chosen point has no Dice".into()
        } else if self.dice.iter().any(|dice| !dice.is_nan() && !(0.0..=1.0).contains(dice)) {
            "expected values of Dice from 0 to 1".into()
        } else {
            return Ok(());
        };
        Err(ReportError::HeatMap { x_name: self.x_name.clone(), y_name: self.y_name.clone(), fault })
    }
}
