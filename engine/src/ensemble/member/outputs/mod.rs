//! Reads a model's outputs: planes and scores, checked against the manifest.

mod from_map;
mod shape;
#[cfg(test)]
mod tests;
mod values;

use ndarray::{Array2, Array3, ArrayD, ArrayView2, ArrayView3, ArrayViewD, Axis};

use super::channels::ChannelFault;
use super::classes::{log_odds, log_odds_map};
use super::map::Map;
use super::probability::{logit, sigmoid};
use crate::chain;
use crate::manifest::{Join, Layout, MapOutput, Member, Pick, ScoreOutput, Values};
use crate::planes;
use crate::runtime::Model;
pub use from_map::score_from_map;
use values::{check, check_sum, converted, is_picked};
pub use values::{convert, probabilities, to_probability};

/// The map of image `index` of a batch of `len`, in the form that is resized; see [`MapOutput`] for its shape. Channels
/// of logits are joined here or, if `late`, where logits become probabilities.
pub fn map(
    output: &ArrayD<f32>,
    index: usize,
    len: usize,
    declared: &MapOutput,
    (layout, late): (Layout, bool),
) -> Result<Map, String> {
    let (pick, values, place_as) = (declared.pick(), declared.values, declared.resized_as());
    let planes = shape::planes(output, index, len, layout)?;
    has_channels(planes.len_of(Axis(0)), &pick, values)?;
    match values {
        Values::Softmax => classes(planes, pick, place_as),
        Values::Labels => labelled(planes, &pick).map(Map::Probabilities),
        Values::Logits if late && place_as == Values::Logits && pick.channels.len() > 1 => {
            let logits = pick.channels.iter().map(|&channel| converted(plane_of(planes, channel), values, place_as));
            Ok(Map::Independent(logits.collect::<Result<_, _>>()?, pick))
        }
        Values::Logits | Values::Probabilities => {
            let map = joined(planes, &pick, values, place_as)?;
            Ok(if place_as == Values::Logits { Map::LogOdds(map) } else { Map::Probabilities(map) })
        }
    }
}

fn has_channels(channels: usize, pick: &Pick, values: Values) -> Result<(), String> {
    ChannelFault::among(channels, pick, values).map_or(Ok(()), |fault| Err(fault.to_string()))
}

/// The picked channels of (C, h, w) as one map of `to`.
fn joined(planes: ArrayView3<'_, f32>, pick: &Pick, from: Values, to: Values) -> Result<Array2<f32>, String> {
    let sums = pick.join == Join::Sum && pick.channels.len() > 1;
    // only probabilities can be added
    let form = if sums { Values::Probabilities } else { to };
    let mut channels = pick.channels.iter().map(|&channel| converted(plane_of(planes, channel), from, form));
    let mut map = channels.next().ok_or("has no channel")??;
    for other in channels {
        let other = other?;
        map.zip_mut_with(&other, |a, &b| *a = if sums { *a + b } else { a.max(b) });
    }
    if sums {
        map.iter().try_for_each(|&sum| check_sum(sum))?;
        map = convert(map, Values::Probabilities, to)?;
    }
    if pick.complement {
        map.mapv_inplace(|value| if to == Values::Logits { -value } else { 1.0 - value });
    }
    Ok(map)
}

/// A plane of (C, h, w).
fn plane_of(planes: ArrayView3<'_, f32>, channel: usize) -> ArrayView2<'_, f32> {
    planes.index_axis_move(Axis(0), channel)
}

/// The picked classes of (C, h, w), in the form that is resized.
fn classes(planes: ArrayView3<'_, f32>, pick: Pick, place_as: Values) -> Result<Map, String> {
    let numbers: Array3<f32> = planes.as_standard_layout().into_owned();
    if planes::not_finite(&numbers) > 0 {
        numbers.iter().try_for_each(|&number| check(number, Values::Softmax))?;
    }
    Ok(match place_as {
        Values::Logits => Map::LogOdds(log_odds_map(numbers.view(), &pick)),
        Values::Probabilities => Map::Probabilities(Map::LogOdds(log_odds_map(numbers.view(), &pick)).probabilities()),
        Values::Softmax | Values::Labels => Map::of_classes(&numbers, pick),
    })
}

/// Where (1, h, w) of class labels has one of the picked classes: 1, elsewhere 0.
fn labelled(planes: ArrayView3<'_, f32>, pick: &Pick) -> Result<Array2<f32>, String> {
    let mut map = plane_of(planes, 0).as_standard_layout().into_owned();
    for label in &mut map {
        *label = is_picked(*label, pick)?;
    }
    Ok(map)
}

/// The probability of image `index` of a batch of `len`; see [`ScoreOutput`] for its shape.
pub fn score(output: &ArrayD<f32>, index: usize, len: usize, declared: &ScoreOutput) -> Result<f32, String> {
    let view = shape::numbers(output, index, len)?;
    let numbers: Vec<f32> = view.iter().copied().collect();
    let (pick, values) = (declared.pick(), declared.values);
    if values == Values::Softmax && view.shape().iter().filter(|&&side| side > 1).count() > 1 {
        return Err(shape::error("expected class scores of (N, C) or (N, C, 1, 1)", output));
    }
    has_channels(numbers.len(), &pick, values)?;
    match values {
        Values::Labels => is_picked(numbers[0], &pick),
        Values::Softmax => {
            numbers.iter().try_for_each(|&number| check(number, values))?;
            Ok(sigmoid(log_odds(&numbers, &pick)))
        }
        Values::Logits | Values::Probabilities => joined_score(&numbers, &pick, values),
    }
}

/// The log-odds of `probability`, a [`score`], without rounding to a probability where the output has them.
pub fn score_odds(
    output: &ArrayD<f32>,
    index: usize,
    len: usize,
    declared: &ScoreOutput,
    probability: f32,
) -> Result<f32, String> {
    let numbers: Vec<f32> = shape::numbers(output, index, len)?.iter().copied().collect();
    let pick = declared.pick();
    Ok(match (declared.values, pick.channels.as_slice()) {
        (Values::Softmax, _) => log_odds(&numbers, &pick),
        (Values::Logits, [channel]) if pick.complement => -numbers[*channel],
        (Values::Logits, [channel]) => numbers[*channel],
        _ => logit(probability),
    })
}

fn joined_score(numbers: &[f32], pick: &Pick, values: Values) -> Result<f32, String> {
    let each = pick.channels.iter().map(|&channel| to_probability(numbers[channel], values));
    let each: Vec<f32> = each.collect::<Result<_, _>>()?;
    let joined = match pick.join {
        Join::Sum => each.iter().sum(),
        Join::Max => each.into_iter().fold(0.0, f32::max),
    };
    check_sum(joined)?;
    let probability = joined.min(1.0);
    Ok(if pick.complement { 1.0 - probability } else { probability })
}

/// The numbers of channels of a member's outputs, if they have channels.
#[derive(Debug, Clone, Copy, Default)]
pub struct Channels {
    pub map: Option<usize>,
    pub score: Option<usize>,
}

/// Runs a batch of `len` through a member's model and reads the first image of each declared output; an error names the
/// key that does not match.
pub fn read_batch(
    member: &Member,
    model: &Model,
    input: ArrayViewD<'_, f32>,
    len: usize,
) -> Result<Channels, (&'static str, String)> {
    let mut channels = Channels::default();
    let names: Vec<&str> = member.map.iter().map(|map| map.output.as_str()).collect();
    let names: Vec<&str> = names.into_iter().chain(member.score.as_ref().map(|score| score.output.as_str())).collect();
    let mut outputs = model.run(&member.input.name, input, &names).map_err(|e| ("model", chain(&e)))?.into_iter();
    if let (Some(declared), Some(output)) = (&member.map, member.map.as_ref().and_then(|_| outputs.next())) {
        map(&output, 0, len, declared, (member.input.layout, false))
            .map_err(|message| ("map.output", format!("output `{}` {message}", declared.output)))?;
        channels.map = shape::planes(&output, 0, len, member.input.layout).ok().map(|planes| planes.len_of(Axis(0)));
    }
    if let (Some(declared), Some(output)) = (&member.score, outputs.next()) {
        score(&output, 0, len, declared)
            .map_err(|message| ("score.output", format!("output `{}` {message}", declared.output)))?;
        channels.score = Some(output.len() / len);
    }
    Ok(channels)
}

/// Reads a stack's map, (N, H, W) or (N, 1, H, W), like a member's.
pub fn stacked_map(output: &ArrayD<f32>, values: Values) -> Result<Array2<f32>, String> {
    let planes = shape::planes(output, 0, 1, Layout::Nchw)?;
    if planes.len_of(Axis(0)) != 1 {
        return Err(shape::error("expected one channel", output));
    }
    converted(plane_of(planes, 0), values, Values::Probabilities)
}

/// Reads a stack's score, (N,) or (N, 1), like a member's.
pub fn stacked_score(output: &ArrayD<f32>, values: Values) -> Result<f32, String> {
    let view = shape::numbers(output, 0, 1)?;
    let mut numbers = view.iter();
    match (numbers.next(), numbers.next()) {
        (Some(&value), None) => to_probability(value, values),
        _ => Err(shape::error("expected one number", output)),
    }
}
