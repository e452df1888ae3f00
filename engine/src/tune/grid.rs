//! The search grid: numbers of the manifest, and the values at which each is tried.

use std::path::Path;

use serde_json::Value;

use super::axis::Axis;
use super::defaults;
use super::error::TuneError;
use super::knob::{Knob, Place, knob, thin, wrong};
use super::path;
use super::write::edited;
use crate::manifest::{Gate, Lint, Manifest, Severity, Step};

/// The maximum number of points of a grid.
const MOST: usize = 4_000_000;

/// All knobs with their values. Points are numbered with the last knob running fastest.
#[derive(Debug, Clone)]
pub struct Grid {
    /// In pipeline order: the classifier's gate, the segmenter's gate, postprocessing.
    pub knobs: Vec<Knob>,
    manifest: Manifest,
    value: Value,
}

impl Grid {
    /// The numbers of a manifest, at values around its own, or for those named in `axes` at the given values.
    ///
    /// # Errors
    /// If the manifest is invalid, an axis names no number that can be searched or an invalid value, or there are no
    /// points or too many.
    pub fn new(text: &str, path: &Path, axes: &[Axis]) -> Result<Self, TuneError> {
        let manifest = Manifest::parse(text, path)?;
        let value =
            toml::from_str(text).map_err(|error| TuneError::Write { path: path.into(), message: error.to_string() })?;
        let mut axes_left: Vec<&Axis> = Vec::new();
        for axis in axes {
            if axes_left.iter().any(|other| other.key == axis.key) {
                return Err(wrong(&axis.key, "the key has two grids"));
            }
            axes_left.push(axis);
        }
        let mut knobs = Vec::new();
        let found = defaults::axes(&value);
        for default in &found {
            let axis = axes_left.iter().position(|axis| axis.key == default.key).map(|place| axes_left.remove(place));
            let named = axis.is_some();
            knobs.push(Knob { named, ..knob(axis.unwrap_or(default), &value, &found)? });
        }
        for axis in axes_left {
            knobs.push(knob(axis, &value, &found)?);
        }
        knobs.sort_by_key(|knob| knob.place);
        thin(&mut knobs);
        let grid = Self { knobs, manifest, value };
        grid.check(text, path)?;
        Ok(grid)
    }

    /// The number of points.
    #[must_use]
    pub fn points(&self) -> usize {
        self.knobs.iter().map(|knob| knob.values.len()).product()
    }

    /// The index of each knob's value at a point.
    #[must_use]
    pub fn places(&self, mut point: usize) -> Vec<usize> {
        let mut places: Vec<usize> = self
            .knobs
            .iter()
            .rev()
            .map(|knob| {
                let place = point % knob.values.len();
                point /= knob.values.len();
                place
            })
            .collect();
        places.reverse();
        places
    }

    /// The point at which each knob has the value of the given index.
    #[must_use]
    pub fn point(&self, places: &[usize]) -> usize {
        self.knobs.iter().zip(places).fold(0, |point, (knob, place)| point * knob.values.len() + place)
    }

    /// The point of the manifest's own values; `None` if the grid lacks one of them.
    #[must_use]
    pub fn current(&self) -> Option<usize> {
        let place = |knob: &Knob| knob.values.iter().position(|value| Some(*value) == knob.current);
        Some(self.point(&self.knobs.iter().map(place).collect::<Option<Vec<_>>>()?))
    }

    /// Each knob's value at a point.
    #[must_use]
    pub fn values(&self, point: usize) -> Vec<f64> {
        self.knobs.iter().zip(self.places(point)).map(|(knob, place)| knob.values[place]).collect()
    }

    /// The same knobs, each with only its value at a point.
    #[must_use]
    pub(super) fn alone(&self, point: usize) -> Self {
        let mut grid = self.clone();
        grid.knobs.iter_mut().zip(self.values(point)).for_each(|(knob, value)| knob.values = vec![value]);
        grid
    }

    /// The manifest's value of a key, as written there.
    #[must_use]
    pub fn now(&self, key: &str) -> Option<&Value> {
        path::get(&self.value, &path::parse(key)?)
    }

    /// The current manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The classifier's gate at each choice of its knobs; empty without a gate.
    pub(super) fn classifier(&self) -> Result<Vec<Gate>, TuneError> {
        self.gates(Place::Classifier, "classifier.gate")
    }

    /// The segmenter's gate at each choice of its knobs; empty without a gate.
    pub(super) fn segmenter(&self) -> Result<Vec<Gate>, TuneError> {
        self.gates(Place::Segmenter, "segmenter.gate")
    }

    /// Each step of postprocessing at each choice of its knobs.
    pub(super) fn steps(&self) -> Result<Vec<Vec<Step>>, TuneError> {
        let steps = 0..self.manifest.postprocess.len();
        steps.map(|index| self.choices(Place::Step(index), &format!("postprocess[{index}]"))).collect()
    }

    fn gates(&self, place: Place, key: &str) -> Result<Vec<Gate>, TuneError> {
        let parts = path::parse(key).unwrap_or_default();
        if path::get(&self.value, &parts).is_none() { Ok(Vec::new()) } else { self.choices(place, key) }
    }

    /// The value of a key, at each choice of the knobs of its place.
    fn choices<T: serde::de::DeserializeOwned>(&self, place: Place, key: &str) -> Result<Vec<T>, TuneError> {
        let parts = path::parse(key).unwrap_or_default();
        let whole = path::get(&self.value, &parts).cloned().unwrap_or_default();
        let knobs: Vec<&Knob> = self.knobs.iter().filter(|knob| knob.place == place).collect();
        let count: usize = knobs.iter().map(|knob| knob.values.len()).product();
        let choice = |mut number: usize| {
            let mut value = whole.clone();
            for knob in knobs.iter().rev() {
                let number_of = knob.values[number % knob.values.len()];
                number /= knob.values.len();
                let within = path::parse(&knob.key).unwrap_or_default().split_off(parts.len());
                path::set(&mut value, &within, knob.json(number_of));
            }
            serde_json::from_value(value).map_err(|error| wrong(key, error.to_string()))
        };
        (0..count).map(choice).collect()
    }

    /// Checks that every knob's lowest and highest value is valid in the manifest.
    fn check(&self, text: &str, path: &Path) -> Result<(), TuneError> {
        if self.knobs.is_empty() {
            return Err(TuneError::NoKnob);
        }
        let points = self.knobs.iter().try_fold(1_usize, |points, knob| points.checked_mul(knob.values.len()));
        if points.is_none_or(|points| points > MOST) {
            let each: Vec<_> = self.knobs.iter().map(|knob| format!("`{}` {}", knob.key, knob.values.len())).collect();
            let what = format!("the grid has too many points ({})", each.join(" × "));
            return Err(TuneError::TooMany { what, most: MOST });
        }
        for knob in &self.knobs {
            for value in [knob.values.first(), knob.values.last()].into_iter().flatten() {
                let edited = edited(text, path, &[(knob.key.clone(), knob.number(*value))])?;
                let lint: Lint = Lint::of_text(&edited, path);
                let fault = lint.diagnostics.iter().find(|it| it.severity == Severity::Error);
                if let Some(fault) = fault {
                    return Err(wrong(&knob.key, format!("{value} is invalid: {}", fault.message)));
                }
            }
        }
        Ok(())
    }
}
