//! Planes and scores of outputs made here.

use ndarray::{Array3, Array4, array};

use super::*;
use crate::manifest::{Against, MapResize, ScoreFromMap};

fn plane(
    output: &ArrayD<f32>,
    index: usize,
    len: usize,
    channel: usize,
    layout: Layout,
) -> Result<Array2<f32>, String> {
    let planes = shape::planes(output, index, len, layout)?;
    let pick = Pick { channels: vec![channel], join: Join::Max, against: Against::All, complement: false };
    has_channels(planes.len_of(Axis(0)), &pick, Values::Logits)?;
    Ok(plane_of(planes, channel).to_owned())
}

fn picked(values: Values, channels: &[u32], join: Option<Join>, complement: bool) -> ScoreOutput {
    let (channel, channels) = match channels {
        [one] => (Some(*one), vec![]),
        several => (None, several.to_vec()),
    };
    ScoreOutput { output: "s".into(), values, channel, channels, join, complement }
}

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
    assert!(plane(&output, 0, 1, 2, Layout::Nchw).unwrap_err().contains("the manifest declares 2"));
    let third = picked(Values::Probabilities, &[2], None, false);
    assert!(score(&array![[0.5, 0.5]].into_dyn(), 0, 1, &third).unwrap_err().contains("the manifest declares 2"));
}

#[test]
fn logits_declared_as_probabilities_are_refused() {
    let map = array![[0.2, 3.5]];
    assert!(convert(map.clone(), Values::Probabilities, Values::Probabilities).unwrap_err().contains("logits"));
    assert!(convert(map, Values::Logits, Values::Probabilities).is_ok());
    assert!(to_probability(f32::NAN, Values::Logits).is_err());
}

fn softmax(class: u32, resize_as: Option<Values>) -> MapOutput {
    map_of(picked(Values::Softmax, &[class], None, false), resize_as)
}

fn map_of(score: ScoreOutput, resize_as: Option<Values>) -> MapOutput {
    let ScoreOutput { output, values, channel, channels, join, complement } = score;
    MapOutput {
        output,
        values,
        resize_as,
        channel,
        channels,
        join,
        against: Against::All,
        complement,
        resize: MapResize::Linear,
        zero_below: None,
    }
}

#[test]
fn channels_are_joined_and_complemented() {
    use Values::{Logits, Probabilities, Softmax};
    let odds = |p: f32| (p / (1.0 - p)).ln();
    // exclusive classes, also as logarithms, and independent labels
    let exclusive = [0.5, 0.3, 0.2];
    let cases = [
        (Probabilities, exclusive, &[1, 2][..], Some(Join::Sum), 0.5),
        (Probabilities, exclusive, &[1, 2], Some(Join::Max), 0.3),
        (Probabilities, exclusive, &[0], None, 0.5),
        (Softmax, exclusive.map(f32::ln), &[1, 2], Some(Join::Sum), 0.5),
        (Softmax, exclusive.map(f32::ln), &[1, 2], Some(Join::Max), 0.3),
        (Softmax, exclusive.map(f32::ln), &[2], None, 0.2),
        (Logits, [0.9, 0.4, 0.7].map(odds), &[1, 2], Some(Join::Max), 0.7),
        (Logits, [0.9, 0.4, 0.7].map(odds), &[0], None, 0.9),
    ];
    for (values, numbers, channels, join, expected) in cases {
        for (complement, expected) in [(false, expected), (true, 1.0 - expected)] {
            let declared = picked(values, channels, join, complement);
            let near = |found: f32| (found - expected).abs() < 1e-6;
            let output = array![numbers].into_dyn();
            let found = score(&output, 0, 1, &declared).unwrap();
            assert!(near(found), "{declared:?}: {found}, {expected}");
            let planes = Array4::from_shape_fn((1, 3, 2, 2), |(_, channel, ..)| numbers[channel]).into_dyn();
            let forms = [None, Some(Logits), Some(Probabilities)];
            for resize_as in forms {
                let map_declared = map_of(declared.clone(), resize_as);
                let found = map(&planes, 0, 1, &map_declared, (Layout::Nchw, false)).unwrap();
                let resized = found.clone().placed(crate::Size::new(3, 3), MapResize::Linear);
                let found = found.probabilities();
                assert!(found.iter().chain(&resized).all(|&p| near(p)), "{map_declared:?}: {found}, {expected}");
            }
        }
    }
}

#[test]
fn sums_that_are_no_probability_are_refused() {
    let declared = picked(Values::Probabilities, &[0, 1], Some(Join::Sum), false);
    let output = array![[0.8, 0.7]].into_dyn();
    assert!(score(&output, 0, 1, &declared).unwrap_err().contains("add up to 1.5"));
    let planes = Array4::from_elem((1, 2, 1, 1), 0.75).into_dyn();
    let message = map(&planes, 0, 1, &map_of(declared, None), (Layout::Nchw, false)).unwrap_err();
    assert!(message.contains("add up to 1.5") && message.contains("join = \"max\""), "{message}");
    let all = picked(Values::Softmax, &[0, 1], Some(Join::Sum), false);
    assert!(score(&output, 0, 1, &all).unwrap_err().contains("always 1"));
    let message = map(&planes, 0, 1, &map_of(all, None), (Layout::Nchw, false)).unwrap_err();
    assert!(message.contains("always 1"), "{message}");
    let none = picked(Values::Probabilities, &[0, 5], Some(Join::Max), false);
    assert!(score(&output, 0, 1, &none).unwrap_err().contains("the manifest declares 5"));
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
                let found = map(&output.clone().into_dyn(), 0, 1, &declared, (layout, false)).unwrap().probabilities();
                assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{class} {found}");
            }
        }
    }
}

#[test]
fn scores_of_classes() {
    let declared = |channel| picked(Values::Softmax, &[channel], None, false);
    for output in
        [array![[3.0, -1.0]].into_dyn(), Array4::from_shape_vec((1, 2, 1, 1), vec![3.0, -1.0]).unwrap().into_dyn()]
    {
        let found = [0, 1].map(|class| score(&output, 0, 1, &declared(class)).unwrap());
        assert!((found[0] - 0.982_013_8).abs() < 1e-6 && (found[1] - 0.017_986_2).abs() < 1e-7, "{found:?}");
        assert!(score(&output, 0, 1, &declared(2)).unwrap_err().contains("the manifest declares 2"));
    }
    assert!(score(&array![3.0].into_dyn(), 0, 1, &declared(0)).unwrap_err().contains("needs two or more"));
    let map = Array4::<f32>::zeros((1, 2, 1, 3)).into_dyn();
    assert!(score(&map, 0, 1, &declared(0)).unwrap_err().contains("(N, C)"));
    assert!(score(&array![[3.0, f32::NAN]].into_dyn(), 0, 1, &declared(0)).is_err(), "the other class counts too");
}

#[test]
fn a_softmax_of_one_channel_is_refused() {
    for output in [Array4::<f32>::zeros((1, 1, 2, 2)).into_dyn(), Array3::<f32>::zeros((1, 2, 2)).into_dyn()] {
        let message = map(&output, 0, 1, &softmax(0, None), (Layout::Nchw, false)).unwrap_err();
        assert!(message.contains("needs two or more"), "{message}");
    }
    let mut broken = Array4::<f32>::zeros((1, 2, 2, 2));
    broken[(0, 0, 1, 1)] = f32::INFINITY;
    assert!(map(&broken.into_dyn(), 0, 1, &softmax(1, None), (Layout::Nchw, false)).unwrap_err().contains("holds inf"));
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

#[test]
fn labels_are_classes_of_any_shape() {
    let labels = array![[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]];
    let with_channel = labels.clone().into_shape_with_order((1, 1, 2, 3)).unwrap();
    for output in [labels.clone().into_dyn(), labels.insert_axis(Axis(0)).into_dyn(), with_channel.into_dyn()] {
        for (classes, expected) in [(&[1][..], [0.0, 1.0, 0.0]), (&[1, 2], [0.0, 1.0, 1.0])] {
            for complement in [false, true] {
                let declared = map_of(picked(Values::Labels, classes, Some(Join::Sum), complement), None);
                let found = map(&output, 0, 1, &declared, (Layout::Nchw, false)).unwrap().probabilities();
                let expected = expected.map(|p| if complement { 1.0 - p } else { p });
                assert_eq!(found.row(0).to_vec(), expected, "{:?} {classes:?}", output.shape());
            }
        }
    }
    let one = picked(Values::Labels, &[1], None, false);
    assert_eq!([1.0, 0.0].map(|label| score(&array![label].into_dyn(), 0, 1, &one).unwrap()), [1.0, 0.0]);
    assert!(score(&array![0.3].into_dyn(), 0, 1, &one).unwrap_err().contains("0.3, which is no class label"));
    let several = Array4::<f32>::zeros((1, 3, 2, 2)).into_dyn();
    let message = map(&several, 0, 1, &map_of(one, None), (Layout::Nchw, false)).unwrap_err();
    assert!(message.contains("3 channels; expected one, of class labels"), "{message}");
}

#[test]
fn a_single_image_may_lack_the_axis_of_the_batch() {
    let third = picked(Values::Probabilities, &[2], None, false);
    assert_eq!(score(&array![0.1, 0.2, 0.3].into_dyn(), 0, 1, &third).unwrap(), 0.3);
    let first = picked(Values::Probabilities, &[0], None, false);
    assert_eq!(score(&ndarray::arr0(0.25).into_dyn(), 0, 1, &first).unwrap(), 0.25);
    assert_eq!(score(&array![0.5].into_dyn(), 0, 1, &first).unwrap(), 0.5);
    let plane = array![[0.0, 1.0, 0.5]].into_dyn();
    let found = map(&plane, 0, 1, &map_of(first.clone(), None), (Layout::Nchw, false)).unwrap().probabilities();
    assert_eq!(found, array![[0.0, 1.0, 0.5]]);
    // of which image it would be is not known
    assert!(
        map(&plane, 0, 2, &map_of(first.clone(), None), (Layout::Nchw, false)).unwrap_err().contains("a batch of 2")
    );
    assert!(score(&ndarray::arr0(0.25).into_dyn(), 0, 2, &first).unwrap_err().contains("a batch of 2"));
}

#[test]
fn a_stack_of_two_channels_is_refused() {
    let two = Array4::<f32>::zeros((1, 2, 1, 1)).into_dyn();
    assert!(stacked_map(&two, Values::Logits).unwrap_err().contains("expected one channel"));
    assert!(stacked_score(&array![[0.0, 0.0]].into_dyn(), Values::Logits).unwrap_err().contains("expected one number"));
}
