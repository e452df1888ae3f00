//! The numbers of an output as probabilities; anything that is not what the manifest declares is an error.

use ndarray::{Array2, ArrayView2};

use crate::ensemble::member::probability::{logit, sigmoid};
use crate::manifest::{Pick, Values};
use crate::planes;

/// How far rounding, in half precision at worst, may move a probability out of 0..=1.
const SLACK: f32 = 1e-3;
/// Unreachable: the manifest's rules refuse this fault first.
const NOT_ALONE: &str = "has no number that is a probability by itself";

/// Converts a logit or probability to a probability; anything that is neither is an error.
pub fn to_probability(value: f32, values: Values) -> Result<f32, String> {
    check(value, values)?;
    match values {
        Values::Logits => Ok(sigmoid(value)),
        Values::Probabilities => Ok(value.clamp(0.0, 1.0)),
        Values::Softmax | Values::Labels => Err(NOT_ALONE.into()),
    }
}

/// As [`convert`], of a plane that is borrowed.
pub fn converted(plane: ArrayView2<'_, f32>, from: Values, to: Values) -> Result<Array2<f32>, String> {
    let logits = plane.to_slice().filter(|_| (from, to) == (Values::Logits, Values::Probabilities));
    let Some(logits) = logits else { return convert(plane.as_standard_layout().into_owned(), from, to) };
    let mut map = Array2::uninit(plane.dim());
    // one pass instead of a copy, a check and a conversion
    let finite = planes::sigmoid_into(logits, map.as_slice_mut().expect("a new array is dense"));
    if !finite {
        logits.iter().try_for_each(|&logit| check(logit, from))?;
    }
    // SAFETY: the pass has written all of it.
    Ok(unsafe { map.assume_init() })
}

/// Converts a map between forms; values outside of the form are an error.
pub fn convert(mut map: Array2<f32>, from: Values, to: Values) -> Result<Array2<f32>, String> {
    if from == Values::Probabilities || planes::not_finite(&map) > 0 {
        map.iter().try_for_each(|&value| check(value, from))?;
    }
    match (from, to) {
        (Values::Logits, Values::Probabilities) => probabilities(&mut map),
        (Values::Probabilities, Values::Logits) => map.mapv_inplace(logit),
        (Values::Probabilities, Values::Probabilities) => map.mapv_inplace(|p| p.clamp(0.0, 1.0)),
        (Values::Logits, Values::Logits) => {}
        (Values::Softmax | Values::Labels, _) | (_, Values::Softmax | Values::Labels) => return Err(NOT_ALONE.into()),
    }
    Ok(map)
}

/// Converts a map of logits to probabilities, in place.
pub fn probabilities(logits: &mut Array2<f32>) {
    match logits.as_slice_memory_order_mut() {
        Some(logits) => planes::sigmoid(logits),
        None => logits.iter_mut().for_each(|logit| planes::sigmoid(std::slice::from_mut(logit))),
    }
}

/// Refuses a sum of probabilities above 1: the channels are not exclusive.
pub(super) fn check_sum(sum: f32) -> Result<(), String> {
    if sum > 1.0 + SLACK {
        return Err(format!("has channels that add up to {sum}: they are not exclusive; try `join = \"max\"`"));
    }
    Ok(())
}

/// Whether a class label is one of the picked classes, as 1 or 0.
pub(super) fn is_picked(label: f32, pick: &Pick) -> Result<f32, String> {
    check(label, Values::Labels)?;
    let picked = pick.channels.iter().any(|&class| class as f32 == label);
    Ok(if picked == pick.complement { 0.0 } else { 1.0 })
}

/// Refuses a number that is not one of `values`.
pub(super) fn check(value: f32, values: Values) -> Result<(), String> {
    if !value.is_finite() {
        return Err(format!("holds {value}: the model failed on this image"));
    }
    if values == Values::Probabilities && !(-SLACK..=1.0 + SLACK).contains(&value) {
        return Err(format!("holds {value}, which is not a probability; try `values = \"logits\"` or `\"softmax\"`"));
    }
    if values == Values::Labels && value.fract() != 0.0 {
        return Err(format!(
            "holds {value}, which is no class label; try `values = \"probabilities\"` or `\"logits\"`"
        ));
    }
    Ok(())
}
