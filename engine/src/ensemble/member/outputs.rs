//! Reads a model's outputs: planes and scores, checked against the manifest.

use ndarray::{Array2, Array3, ArrayD, ArrayView2, ArrayView3, ArrayViewD, Axis};

use super::classes::{log_odds, log_odds_map};
use super::map::Map;
use super::probability::{logit, sigmoid};
use crate::chain;
use crate::manifest::{Join, Layout, MapOutput, Member, Pick, ScoreFromMap, ScoreOutput, Values};
use crate::planes;
use crate::runtime::Model;

/// How far rounding, in half precision at worst, may move a probability out of 0..=1.
const SLACK: f32 = 1e-3;
/// Unreachable: the manifest's rules refuse this fault first.
const ONE_CHANNEL: &str = "has one channel, but a softmax needs two or more";

/// The map of image `index` of a batch of `len`, (N, C, h, w), (N, h, w, C) or (N, h, w), in the form that is resized.
pub fn map(
    output: &ArrayD<f32>,
    index: usize,
    len: usize,
    declared: &MapOutput,
    layout: Layout,
) -> Result<Map, String> {
    let (pick, place_as) = (declared.pick(), declared.resize_as.unwrap_or(declared.values));
    if declared.values != Values::Softmax {
        let map = joined(all_planes(output, index, len, layout)?, &pick, declared.values, place_as)?;
        return Ok(if place_as == Values::Logits { Map::LogOdds(map) } else { Map::Probabilities(map) });
    }
    let numbers = classes(output, index, len, &pick, layout)?;
    Ok(match place_as {
        Values::Softmax => Map::of_classes(&numbers, pick),
        Values::Logits => Map::LogOdds(log_odds_map(numbers.view(), &pick)),
        Values::Probabilities => Map::Probabilities(Map::LogOdds(log_odds_map(numbers.view(), &pick)).probabilities()),
    })
}

/// The picked channels of (C, h, w) as one map of `to`.
fn joined(planes: ArrayView3<'_, f32>, pick: &Pick, from: Values, to: Values) -> Result<Array2<f32>, String> {
    let sums = pick.join == Join::Sum && pick.channels.len() > 1;
    // only probabilities can be added
    let form = if sums { Values::Probabilities } else { to };
    let mut channels = pick.channels.iter().map(|&channel| convert(channel_of(planes, channel)?, from, form));
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

fn channel_of(planes: ArrayView3<'_, f32>, channel: usize) -> Result<Array2<f32>, String> {
    let channels = planes.len_of(Axis(0));
    if channel >= channels {
        return Err(no_channel(channels, channel));
    }
    Ok(planes.index_axis_move(Axis(0), channel).as_standard_layout().into_owned())
}

/// Refuses a sum of probabilities above 1: the channels are not exclusive.
fn check_sum(sum: f32) -> Result<(), String> {
    if sum > 1.0 + SLACK {
        return Err(format!("has channels that add up to {sum}: they are not exclusive; try `join = \"max\"`"));
    }
    Ok(())
}

/// The numbers of all classes of image `index` of a batch of `len`, (C, h, w), checked to be finite.
fn classes(output: &ArrayD<f32>, index: usize, len: usize, pick: &Pick, layout: Layout) -> Result<Array3<f32>, String> {
    let planes = all_planes(output, index, len, layout)?;
    enough_classes(planes.len_of(Axis(0)), pick)?;
    let numbers = planes.as_standard_layout().into_owned();
    if planes::not_finite(&numbers) > 0 {
        numbers.iter().try_for_each(|&number| check(number, Values::Softmax))?;
    }
    Ok(numbers)
}

/// All planes of image `index` of a batch of `len`, (C, h, w).
fn all_planes(output: &ArrayD<f32>, index: usize, len: usize, layout: Layout) -> Result<ArrayView3<'_, f32>, String> {
    let mut image = batch(output.view(), len)?.index_axis_move(Axis(0), index);
    match (image.ndim(), layout) {
        (2, _) => image.insert_axis_inplace(Axis(0)),
        (3, Layout::Nchw) => {}
        (3, Layout::Nhwc) => image = image.permuted_axes(vec![2, 0, 1]),
        _ => return Err(shape_error("expected a map of (N, C, H, W) or (N, H, W)", output)),
    }
    if image.is_empty() {
        return Err(shape_error("expected at least one pixel", output));
    }
    image.into_dimensionality().map_err(|_| shape_error("expected two spatial axes", output))
}

/// The probability of image `index` of a batch of `len`: (N,), (N, C) or (N, C, 1, 1).
pub fn score(output: &ArrayD<f32>, index: usize, len: usize, declared: &ScoreOutput) -> Result<f32, String> {
    let view = batch(output.view(), len)?;
    let numbers: Vec<f32> = view.index_axis(Axis(0), index).iter().copied().collect();
    let pick = declared.pick();
    if declared.values == Values::Softmax {
        if view.shape()[1..].iter().filter(|&&side| side > 1).count() > 1 {
            return Err(shape_error("expected class scores of (N, C) or (N, C, 1, 1)", output));
        }
        enough_classes(numbers.len(), &pick)?;
        numbers.iter().try_for_each(|&number| check(number, declared.values))?;
        return Ok(sigmoid(log_odds(&numbers, &pick)));
    }
    let each = pick.channels.iter().map(|&channel| {
        let value = numbers.get(channel).ok_or_else(|| no_channel(numbers.len(), channel))?;
        to_probability(*value, declared.values)
    });
    let each: Vec<f32> = each.collect::<Result<_, _>>()?;
    let joined = match pick.join {
        Join::Sum => each.iter().sum(),
        Join::Max => each.into_iter().fold(0.0, f32::max),
    };
    check_sum(joined)?;
    let probability = joined.min(1.0);
    Ok(if pick.complement { 1.0 - probability } else { probability })
}

/// Refuses a softmax of one class, which is always 1, and the sum of all, which is too.
fn enough_classes(channels: usize, pick: &Pick) -> Result<(), String> {
    if channels < 2 {
        return Err(format!("has {channels} channel, but a softmax needs two or more; try `values = \"logits\"`"));
    }
    if let Some(&none) = pick.channels.iter().find(|&&class| class >= channels) {
        return Err(no_channel(channels, none));
    }
    if pick.join == Join::Sum && pick.channels.len() == channels {
        return Err(format!("has {channels} classes, and the sum of all is always 1; leave one out"));
    }
    Ok(())
}

fn no_channel(channels: usize, channel: usize) -> String {
    format!("has {channels} channels (from 0), but no channel {channel}")
}

/// Converts a logit or probability to a probability; anything that is neither is an error.
pub fn to_probability(value: f32, values: Values) -> Result<f32, String> {
    check(value, values)?;
    match values {
        Values::Logits => Ok(sigmoid(value)),
        Values::Probabilities => Ok(value.clamp(0.0, 1.0)),
        Values::Softmax => Err(ONE_CHANNEL.into()),
    }
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
        (Values::Softmax, _) | (_, Values::Softmax) => return Err(ONE_CHANNEL.into()),
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

/// Computes a score in 0..=1 from a map of probabilities.
pub fn score_from_map(map: ArrayView2<'_, f32>, how: ScoreFromMap) -> f32 {
    let pixels = map.len() as f64;
    match how {
        ScoreFromMap::Max => planes::highest(&map),
        ScoreFromMap::Mean => (map.iter().map(|&p| f64::from(p)).sum::<f64>() / pixels) as f32,
        ScoreFromMap::Area { above } => (map.iter().filter(|&&p| p > above).count() as f64 / pixels) as f32,
        ScoreFromMap::Top { fraction } => {
            let count = ((pixels * f64::from(fraction)).round() as usize).clamp(1, map.len());
            let mut values: Vec<f32> = map.iter().copied().collect();
            values.select_nth_unstable_by(count - 1, |a, b| b.total_cmp(a));
            (values[..count].iter().map(|&p| f64::from(p)).sum::<f64>() / count as f64) as f32
        }
    }
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
        map(&output, 0, len, declared, member.input.layout)
            .map_err(|message| ("map.output", format!("output `{}` {message}", declared.output)))?;
        channels.map = all_planes(&output, 0, len, member.input.layout).ok().map(|planes| planes.len_of(Axis(0)));
    }
    if let (Some(declared), Some(output)) = (&member.score, outputs.next()) {
        score(&output, 0, len, declared)
            .map_err(|message| ("score.output", format!("output `{}` {message}", declared.output)))?;
        channels.score = Some(output.len() / len);
    }
    Ok(channels)
}

fn check(value: f32, values: Values) -> Result<(), String> {
    if !value.is_finite() {
        return Err(format!("holds {value}: the model failed on this image"));
    }
    if values == Values::Probabilities && !(-SLACK..=1.0 + SLACK).contains(&value) {
        return Err(format!("holds {value}, which is not a probability; try `values = \"logits\"` or `\"softmax\"`"));
    }
    Ok(())
}

fn batch<'a>(view: ArrayViewD<'a, f32>, len: usize) -> Result<ArrayViewD<'a, f32>, String> {
    match view.shape().first() {
        Some(&found) if found == len => Ok(view),
        _ => Err(format!("has shape {:?} for a batch of {len}", view.shape())),
    }
}

fn shape_error(expected: &str, output: &ArrayD<f32>) -> String {
    format!("has shape {:?}; {expected}", output.shape())
}

/// Reads a stack's map, (N, H, W) or (N, 1, H, W), like a member's.
pub fn stacked_map(output: &ArrayD<f32>, values: Values) -> Result<Array2<f32>, String> {
    convert(channel_of(all_planes(output, 0, 1, Layout::Nchw)?, 0)?, values, Values::Probabilities)
}

/// Reads a stack's score, (N,) or (N, 1), like a member's.
pub fn stacked_score(output: &ArrayD<f32>, values: Values) -> Result<f32, String> {
    let view = batch(output.view(), 1)?;
    let value = view.iter().next().copied().ok_or_else(|| shape_error("expected one number", output))?;
    to_probability(value, values)
}

#[cfg(test)]
mod tests;
