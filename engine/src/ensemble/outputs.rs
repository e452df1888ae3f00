//! Reading a model's outputs: planes and scores, checked against what the manifest says they are.

use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD, Axis};

use super::merge::{logit, sigmoid};
use crate::manifest::{Layout, Member, ScoreFromMap, Values};
use crate::planes;
use crate::runtime::Model;

/// How far rounding, in half precision at worst, may carry a probability out of 0..=1.
const SLACK: f32 = 1e-3;

/// The map of image `index` of a batch of `len`: (N, C, h, w), (N, h, w, C) or (N, h, w) to (h, w).
pub fn plane(
    output: &ArrayD<f32>,
    index: usize,
    len: usize,
    channel: usize,
    layout: Layout,
) -> Result<Array2<f32>, String> {
    let view = batch(output.view(), len)?;
    let image = view.index_axis(Axis(0), index);
    let image = match (image.ndim(), layout) {
        (2, _) => image,
        (3, Layout::Nchw) => pick(image, Axis(0), channel)?,
        (3, Layout::Nhwc) => pick(image, Axis(2), channel)?,
        _ => return Err(shape_error("a map is (N, C, H, W) or (N, H, W)", output)),
    };
    let plane = image.into_dimensionality().map_err(|_| shape_error("a map has two sides", output))?;
    if plane.is_empty() {
        return Err(shape_error("a map has at least one pixel", output));
    }
    Ok(plane.as_standard_layout().into_owned())
}

/// The score of image `index` of a batch of `len`: (N,), (N, C) or (N, C, 1, 1).
pub fn score(output: &ArrayD<f32>, index: usize, len: usize, channel: usize) -> Result<f32, String> {
    let view = batch(output.view(), len)?;
    let image = view.index_axis(Axis(0), index);
    let channels = image.len();
    let value = image.iter().nth(channel).copied();
    value.ok_or_else(|| format!("has {channels} channels, and no channel {channel}"))
}

/// Logits or probabilities to probabilities, refusing what cannot be either.
pub fn to_probability(value: f32, values: Values) -> Result<f32, String> {
    check(value, values)?;
    Ok(match values {
        Values::Logits => sigmoid(value),
        Values::Probabilities => value.clamp(0.0, 1.0),
    })
}

/// Brings a map from what it is to what is wanted, refusing numbers that it cannot hold.
pub fn convert(mut map: Array2<f32>, from: Values, to: Values) -> Result<Array2<f32>, String> {
    if from == Values::Probabilities || planes::not_finite(&map) > 0 {
        map.iter().try_for_each(|&value| check(value, from))?;
    }
    match (from, to) {
        (Values::Logits, Values::Probabilities) => probabilities(&mut map),
        (Values::Probabilities, Values::Logits) => map.mapv_inplace(logit),
        (Values::Probabilities, Values::Probabilities) => map.mapv_inplace(|p| p.clamp(0.0, 1.0)),
        (Values::Logits, Values::Logits) => {}
    }
    Ok(map)
}

/// A map of logits to one of probabilities, where it is.
pub fn probabilities(logits: &mut Array2<f32>) {
    match logits.as_slice_memory_order_mut() {
        Some(logits) => planes::sigmoid(logits),
        None => logits.iter_mut().for_each(|logit| planes::sigmoid(std::slice::from_mut(logit))),
    }
}

/// A map of probabilities to a score in 0..=1.
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

/// Runs a batch of `len` through a member's model and reads the first image of each declared output; an error names the
/// key that does not fit.
pub fn read_batch(
    member: &Member,
    model: &Model,
    input: ArrayViewD<'_, f32>,
    len: usize,
) -> Result<(), (&'static str, String)> {
    let names: Vec<&str> = member.map.iter().map(|map| map.output.as_str()).collect();
    let names: Vec<&str> = names.into_iter().chain(member.score.as_ref().map(|score| score.output.as_str())).collect();
    let mut outputs = model.run(&member.input.name, input, &names).map_err(|e| ("model", e.with_cause()))?.into_iter();
    if let (Some(declared), Some(output)) = (&member.map, member.map.as_ref().and_then(|_| outputs.next())) {
        plane(&output, 0, len, declared.channel as usize, member.input.layout)
            .and_then(|map| convert(map, declared.values, Values::Probabilities))
            .map_err(|message| ("map.output", format!("output `{}` {message}", declared.output)))?;
    }
    if let (Some(declared), Some(output)) = (&member.score, outputs.next()) {
        score(&output, 0, len, declared.channel as usize)
            .and_then(|value| to_probability(value, declared.values))
            .map_err(|message| ("score.output", format!("output `{}` {message}", declared.output)))?;
    }
    Ok(())
}

fn check(value: f32, values: Values) -> Result<(), String> {
    if !value.is_finite() {
        return Err(format!("holds {value}: the model failed on this image"));
    }
    if values == Values::Probabilities && !(-SLACK..=1.0 + SLACK).contains(&value) {
        return Err(format!("holds {value}, which is no probability; does `values = \"logits\"` fit?"));
    }
    Ok(())
}

fn batch<'a>(view: ArrayViewD<'a, f32>, len: usize) -> Result<ArrayViewD<'a, f32>, String> {
    match view.shape().first() {
        Some(&found) if found == len => Ok(view),
        _ => Err(format!("has shape {:?} for a batch of {len}", view.shape())),
    }
}

fn pick(image: ArrayViewD<'_, f32>, axis: Axis, channel: usize) -> Result<ArrayViewD<'_, f32>, String> {
    let channels = image.len_of(axis);
    if channel < channels {
        Ok(image.index_axis_move(axis, channel))
    } else {
        Err(format!("has {channels} channels, and no channel {channel}"))
    }
}

fn shape_error(expected: &str, output: &ArrayD<f32>) -> String {
    format!("has shape {:?}; {expected}", output.shape())
}

/// Stacks' outputs, (N, H, W) or (N, 1, H, W), are read like members'.
pub fn stacked_plane(output: &ArrayD<f32>) -> Result<Array2<f32>, String> {
    plane(output, 0, 1, 0, Layout::Nchw)
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
        assert!(score(&array![[0.5, 0.5]].into_dyn(), 0, 1, 2).unwrap_err().contains("no channel 2"));
    }

    #[test]
    fn logits_declared_as_probabilities_are_refused() {
        let map = array![[0.2, 3.5]];
        assert!(convert(map.clone(), Values::Probabilities, Values::Probabilities).unwrap_err().contains("logits"));
        assert!(convert(map, Values::Logits, Values::Probabilities).is_ok());
        assert!(to_probability(f32::NAN, Values::Logits).is_err());
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
