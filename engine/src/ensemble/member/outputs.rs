//! Reads a model's outputs: planes and scores, checked against the manifest.

use ndarray::{Array2, Array3, ArrayD, ArrayView1, ArrayView2, ArrayView3, ArrayViewD, Axis};

use super::classes::{log_odds, log_odds_map};
use super::map::Map;
use super::probability::{logit, sigmoid};
use crate::chain;
use crate::manifest::{Layout, MapOutput, Member, ScoreFromMap, ScoreOutput, Values};
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
    let (class, place_as) = (declared.channel() as usize, declared.resize_as.unwrap_or(declared.values));
    if declared.values != Values::Softmax {
        let map = convert(plane(output, index, len, class, layout)?, declared.values, place_as)?;
        return Ok(if place_as == Values::Logits { Map::LogOdds(map) } else { Map::Probabilities(map) });
    }
    let numbers = classes(output, index, len, class, layout)?;
    Ok(match place_as {
        Values::Softmax => Map::of_class(&numbers, class),
        Values::Logits => Map::LogOdds(log_odds_map(numbers.view(), class)),
        Values::Probabilities => Map::Probabilities(Map::LogOdds(log_odds_map(numbers.view(), class)).probabilities()),
    })
}

/// The plane of image `index` of a batch of `len`: (N, C, h, w), (N, h, w, C) or (N, h, w) to (h, w).
fn plane(
    output: &ArrayD<f32>,
    index: usize,
    len: usize,
    channel: usize,
    layout: Layout,
) -> Result<Array2<f32>, String> {
    let planes = all_planes(output, index, len, layout)?;
    let channels = planes.len_of(Axis(0));
    if channel >= channels {
        return Err(no_channel(channels, channel));
    }
    Ok(planes.index_axis_move(Axis(0), channel).as_standard_layout().into_owned())
}

/// The numbers of all classes of image `index` of a batch of `len`, (C, h, w), checked to be finite.
fn classes(
    output: &ArrayD<f32>,
    index: usize,
    len: usize,
    class: usize,
    layout: Layout,
) -> Result<Array3<f32>, String> {
    let planes = all_planes(output, index, len, layout)?;
    enough_classes(planes.len_of(Axis(0)), class)?;
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
    let channel = declared.channel() as usize;
    if declared.values == Values::Softmax {
        if view.shape()[1..].iter().filter(|&&side| side > 1).count() > 1 {
            return Err(shape_error("expected class scores of (N, C) or (N, C, 1, 1)", output));
        }
        enough_classes(numbers.len(), channel)?;
        numbers.iter().try_for_each(|&number| check(number, declared.values))?;
        return Ok(sigmoid(log_odds(ArrayView1::from(&numbers), channel)));
    }
    let value = numbers.get(channel).ok_or_else(|| no_channel(numbers.len(), channel))?;
    to_probability(*value, declared.values)
}

/// Refuses a softmax of one class, which is always 1.
fn enough_classes(channels: usize, class: usize) -> Result<(), String> {
    if channels < 2 {
        return Err(format!("has {channels} channel, but a softmax needs two or more; try `values = \"logits\"`"));
    }
    if class < channels { Ok(()) } else { Err(no_channel(channels, class)) }
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
    convert(plane(output, 0, 1, 0, Layout::Nchw)?, values, Values::Probabilities)
}

/// Reads a stack's score, (N,) or (N, 1), like a member's.
pub fn stacked_score(output: &ArrayD<f32>, values: Values) -> Result<f32, String> {
    let view = batch(output.view(), 1)?;
    let value = view.iter().next().copied().ok_or_else(|| shape_error("expected one number", output))?;
    to_probability(value, values)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Array4, array};

    use super::*;

    #[test]
    fn channels_are_found_in_both_layouts() {
        let first = Array4::from_shape_fn((2, 3, 4, 5), |(n, c, h, w)| (n * 1000 + c * 100 + h * 10 + w) as f32);
        let last = first.clone().permuted_axes([0, 2, 3, 1]).as_standard_layout().into_owned();
        let a = plane(&first.into_dyn(), 1, 2, 2, Layout::Nchw).unwrap();
        let b = plane(&last.into_dyn(), 1, 2, 2, Layout::Nhwc).unwrap();
        assert_eq!(a, b);
        assert_eq!(a[(3, 4)], 1234.0);
        assert_eq!(plane(&Array3::<f32>::zeros((1, 4, 5)).into_dyn(), 0, 1, 0, Layout::Nchw).unwrap().dim(), (4, 5));
    }

    #[test]
    fn a_wrong_batch_or_channel_is_an_error() {
        let output = Array4::<f32>::zeros((1, 2, 4, 4)).into_dyn();
        assert!(plane(&output, 0, 2, 0, Layout::Nchw).unwrap_err().contains("for a batch of 2"));
        assert!(plane(&output, 0, 1, 2, Layout::Nchw).unwrap_err().contains("no channel 2"));
        let third = ScoreOutput { output: "s".into(), values: Values::Probabilities, channel: Some(2) };
        assert!(score(&array![[0.5, 0.5]].into_dyn(), 0, 1, &third).unwrap_err().contains("no channel 2"));
    }

    #[test]
    fn logits_declared_as_probabilities_are_refused() {
        let map = array![[0.2, 3.5]];
        assert!(convert(map.clone(), Values::Probabilities, Values::Probabilities).unwrap_err().contains("logits"));
        assert!(convert(map, Values::Logits, Values::Probabilities).is_ok());
        assert!(to_probability(f32::NAN, Values::Logits).is_err());
    }

    fn softmax(class: u32, resize_as: Option<Values>) -> MapOutput {
        MapOutput { output: "y".into(), values: Values::Softmax, resize_as, channel: Some(class), zero_below: None }
    }

    #[test]
    fn classes_become_probabilities_in_both_layouts() {
        let first = Array4::from_shape_fn((1, 3, 1, 2), |(_, c, _, x)| [[1.0, 2.0, 3.0], [0.0, 0.0, 5.0]][x][c]);
        let last = first.clone().permuted_axes([0, 2, 3, 1]).as_standard_layout().into_owned();
        // scipy.special.softmax
        let expected = [[0.090_030_57, 0.006_648_35], [0.244_728_47, 0.006_648_35], [0.665_240_94, 0.986_703_3]];
        for (class, expected) in (0..).zip(expected) {
            for resize_as in [None, Some(Values::Logits), Some(Values::Probabilities)] {
                let declared = softmax(class, resize_as);
                for (output, layout) in [(&first, Layout::Nchw), (&last, Layout::Nhwc)] {
                    let found = map(&output.clone().into_dyn(), 0, 1, &declared, layout).unwrap().probabilities();
                    assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{class} {found}");
                }
            }
        }
    }

    #[test]
    fn scores_of_classes() {
        let declared = |channel| ScoreOutput { output: "s".into(), values: Values::Softmax, channel: Some(channel) };
        for output in
            [array![[3.0, -1.0]].into_dyn(), Array4::from_shape_vec((1, 2, 1, 1), vec![3.0, -1.0]).unwrap().into_dyn()]
        {
            let found = [0, 1].map(|class| score(&output, 0, 1, &declared(class)).unwrap());
            assert!((found[0] - 0.982_013_8).abs() < 1e-6 && (found[1] - 0.017_986_2).abs() < 1e-7, "{found:?}");
            assert!(score(&output, 0, 1, &declared(2)).unwrap_err().contains("no channel 2"));
        }
        assert!(score(&array![3.0].into_dyn(), 0, 1, &declared(0)).unwrap_err().contains("needs two or more"));
        let map = Array4::<f32>::zeros((1, 2, 1, 3)).into_dyn();
        assert!(score(&map, 0, 1, &declared(0)).unwrap_err().contains("(N, C)"));
        assert!(score(&array![[3.0, f32::NAN]].into_dyn(), 0, 1, &declared(0)).is_err(), "the other class counts too");
    }

    #[test]
    fn a_softmax_of_one_channel_is_refused() {
        for output in [Array4::<f32>::zeros((1, 1, 2, 2)).into_dyn(), Array3::<f32>::zeros((1, 2, 2)).into_dyn()] {
            let message = map(&output, 0, 1, &softmax(0, None), Layout::Nchw).unwrap_err();
            assert!(message.contains("needs two or more"), "{message}");
        }
        let mut broken = Array4::<f32>::zeros((1, 2, 2, 2));
        broken[(0, 0, 1, 1)] = f32::INFINITY;
        assert!(map(&broken.into_dyn(), 0, 1, &softmax(1, None), Layout::Nchw).unwrap_err().contains("holds inf"));
    }

    #[test]
    fn scores_from_maps() {
        let map = array![[0.0, 0.2], [0.6, 1.0]];
        let cases = [
            (ScoreFromMap::Max, 1.0),
            (ScoreFromMap::Mean, 0.45),
            (ScoreFromMap::Area { above: 0.2 }, 0.5),
            (ScoreFromMap::Top { fraction: 0.5 }, 0.8),
            (ScoreFromMap::Top { fraction: 0.0 }, 1.0),
        ];
        for (how, expected) in cases {
            assert!((score_from_map(map.view(), how) - expected).abs() < 1e-6, "{how:?}");
        }
    }
}
