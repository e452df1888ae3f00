//! One number of the manifest that is searched.

use serde_json::Value;

use super::axis::{Axis, sorted};
use super::error::TuneError;
use super::path::{self, Part};
use super::write::Number;
use crate::lint::nearest;

/// Values that were not given by the user are thinned out if there would be more points than this.
const MANY: usize = 1_000_000;

/// A number of the manifest that is searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Knob {
    /// The manifest's key: `postprocess[0].params.above`.
    pub key: String,
    /// The manifest's value; `None` if the key is absent.
    pub current: Option<f64>,
    /// The values to try, ascending.
    pub values: Vec<f64>,
    /// Whether it is a whole number.
    pub whole: bool,
    /// Whether the user gave its values, so that they must not be changed.
    pub(super) named: bool,
    pub(super) place: Place,
}

/// The part of the manifest that a knob changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Classifier,
    Segmenter,
    Step(usize),
}

impl Knob {
    /// A value as written in the manifest.
    #[must_use]
    pub fn number(&self, value: f64) -> Number {
        if self.whole { Number::Whole(value as i64) } else { Number::Real(value) }
    }

    pub(super) fn json(&self, value: f64) -> Value {
        if self.whole { Value::from(value as i64) } else { Value::from(value) }
    }
}

/// A knob for an axis; `found` are the axes that the manifest has by default.
///
/// # Errors
/// If the axis names no number that can be searched, or invalid values.
pub(super) fn knob(axis: &Axis, value: &Value, found: &[Axis]) -> Result<Knob, TuneError> {
    let key = &axis.key;
    let parts = path::parse(key).ok_or_else(|| wrong(key, "expected a key such as `postprocess[0].params.above`"))?;
    let place = place(&parts, value).ok_or_else(|| wrong(key, unknown(key, found)))?;
    let current = match path::get(value, &parts) {
        None => None,
        Some(Value::Number(number)) => Some(number),
        Some(_) => return Err(wrong(key, "its value is not a number")),
    };
    let whole = current.map_or(axis.whole, |number| number.is_i64() || number.is_u64());
    if let Some(broken) = axis.values.iter().find(|value| whole && value.fract() != 0.0) {
        return Err(wrong(key, format!("expected whole numbers, found {broken}")));
    }
    let current = current.and_then(serde_json::Number::as_f64);
    Ok(Knob { key: key.clone(), current, values: sorted(axis.values.clone()), whole, named: true, place })
}

/// Drops every other value of the knobs whose values the user did not give, the longest first, until there are few
/// enough points. The ends and the manifest's own value are kept.
pub(super) fn thin(knobs: &mut [Knob]) {
    let points = |knobs: &[Knob]| knobs.iter().map(|knob| knob.values.len() as f64).product::<f64>();
    while points(knobs) > MANY as f64 {
        let longest = knobs.iter_mut().filter(|knob| !knob.named && knob.values.len() > 5);
        let Some(knob) = longest.max_by_key(|knob| knob.values.len()) else { return };
        let (last, current) = (knob.values.len() - 1, knob.current);
        let mut place = 0;
        knob.values.retain(|value| {
            place += 1;
            (place - 1_usize).is_multiple_of(2) || place - 1 == last || Some(*value) == current
        });
    }
}

/// The part of the manifest that a key belongs to, if its table exists.
fn place(parts: &[Part], value: &Value) -> Option<Place> {
    let key = |text: &str| Part::Key(text.into());
    let place = match parts {
        [stage, gate, _, ..] if *gate == key("gate") && *stage == key("classifier") => Place::Classifier,
        [stage, gate, _, ..] if *gate == key("gate") && *stage == key("segmenter") => Place::Segmenter,
        [list, Part::Index(index), params, _, ..] if *list == key("postprocess") && *params == key("params") => {
            Place::Step(*index)
        }
        _ => return None,
    };
    path::get(value, &parts[..parts.len() - 1]).map(|_| place)
}

fn unknown(key: &str, found: &[Axis]) -> String {
    let near = nearest(key, found.iter().map(|axis| axis.key.as_str()));
    let near = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
    let keys: Vec<_> = found.iter().map(|axis| format!("`{}`", axis.key)).collect();
    let has = if keys.is_empty() { String::new() } else { format!(" (here {})", keys.join(", ")) };
    format!("expected a number of a gate or of a postprocessing step's `params`{has}{near}")
}

pub(super) fn wrong(key: &str, fault: impl Into<String>) -> TuneError {
    TuneError::Key { key: key.into(), fault: fault.into() }
}
