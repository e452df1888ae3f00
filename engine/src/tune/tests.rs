//! Counting gives the same results as the plugins, and choosing finds the expected points.

use std::path::Path;

use ndarray::Array2;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::chain::Chain;
use super::grid::Grid;
use super::nested::{Folds, interval};
use super::search::{Choose, choose, plateau};
use super::space::Answered;
use super::target::Target;
use super::{Axis, TuneError, heat_map};
use crate::manifest::Step;
use crate::plugin::Context;
use crate::submission::Runs;
use crate::{Mask, Size};

/// A step at each of several parameters.
fn step(plugin: &str, params: &[Value]) -> Vec<Step> {
    params.iter().map(|params| serde_json::from_value(json!({ "plugin": plugin, "params": params })).unwrap()).collect()
}

/// Chains that use every way of counting; thresholds are among the maps' values, areas are counted at other sizes.
fn chains() -> Vec<Vec<Vec<Step>>> {
    let above: Vec<Value> = (0..=10).map(|tenth| json!({ "above": f64::from(tenth) / 10.0 })).collect();
    let at_least: Vec<Value> = (0..=10).map(|tenth| json!({ "at_least": f64::from(tenth) / 10.0 })).collect();
    let areas = |more: Value| -> Vec<Value> {
        let area = |area: u32| {
            let mut params = json!({ "area": area, "at": [18, 27] });
            params.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            params
        };
        [1, 2, 7, 9, 18, 31, 80, 200, 486].map(area).to_vec()
    };
    let triplets = |contour: Option<f64>| -> Vec<Value> {
        let mut all = Vec::new();
        for (top, area, bottom) in (0..75).map(|n| (n % 5, n / 5 % 3, n / 15)) {
            let mut params = json!({ "top": 0.5 + 0.1 * f64::from(top), "area": ([1, 20, 90][area as usize]),
                "at": [12, 12], "bottom": 0.2 * f64::from(bottom) });
            if let Some(contour) = contour {
                params["contour_min_area"] = json!(contour);
            }
            all.push(params);
        }
        all
    };
    let means: Vec<Value> =
        (0..=10).map(|tenth| json!({ "above": f64::from(tenth) / 10.0, "connectivity": 4 })).collect();
    let none = [json!({})];
    vec![
        vec![step("threshold", &above), step("min-area", &areas(json!({})))],
        vec![
            step("threshold", &at_least),
            step("min-area", &areas(json!({ "per_component": true, "connectivity": 4 }))),
            step("fill-holes", &none),
        ],
        vec![step("triplet", &triplets(None)), step("min-area", &areas(json!({ "per_component": true })))],
        vec![step("triplet", &triplets(Some(3.0))), step("fill-holes", &none), step("min-area", &areas(json!({})))],
        vec![
            step("threshold", &above[..4]),
            step("component-mean", &means),
            step("dilate", &[json!({ "radius": 1 }), json!({ "radius": 2 })]),
            step("min-area", &areas(json!({ "per_component": true }))[..3]),
        ],
        vec![step("threshold", &above[..2]), step("threshold", &at_least[..3])],
    ]
}

/// Tenths, and values around them; constant rows, so that components and holes occur.
fn map() -> impl Strategy<Value = Array2<f32>> {
    let value = prop_oneof![3 => (0_u32..=10).prop_map(|tenth| (f64::from(tenth) / 10.0) as f32), 1 => 0.0_f32..=1.0];
    let run = (value, 1_usize..6);
    prop::collection::vec(run, 120).prop_map(|runs| {
        let values = runs.iter().flat_map(|(value, count)| std::iter::repeat_n(*value, *count));
        let mut values: Vec<f32> = values.take(9 * 13).collect();
        values.resize(9 * 13, 0.9);
        Array2::from_shape_vec((9, 13), values).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn counting_comes_to_what_the_plugins_do(
        map in map(),
        truth in prop::collection::vec(prop::bool::weighted(0.3), 9 * 13),
        larger in any::<bool>(),
        empty in any::<bool>(),
    ) {
        let size = Size::new(9, 13);
        let submitted = if larger { Size::new(20, 31) } else { size };
        let truth = Mask::from(Array2::from_shape_vec(size, truth).unwrap());
        let truth = if empty { Runs::default() } else { Runs::from(&truth) };
        let target = Target::new(&truth, size, size, submitted);
        let context = Context::new("x", size);
        for (number, steps) in chains().iter().enumerate() {
            let chain = Chain::open(steps, Path::new("")).unwrap();
            let dice = chain.dice(map.view(), &target, &context).unwrap();
            prop_assert_eq!(dice.len(), steps.iter().map(Vec::len).product::<usize>());
            for (point, &counted) in dice.iter().enumerate() {
                match chain.mask(point, map.view(), &context).unwrap() {
                    Some(mask) => {
                        let expected = target.dice(target.sums(&mask)) as f32;
                        prop_assert_eq!(counted, expected, "chain {}, point {}", number, point);
                    }
                    None => prop_assert!(counted.is_nan() && !chain.accepted()[point]),
                }
            }
            let plain = Chain::open(steps, Path::new("")).unwrap().plain();
            let run: Vec<u32> = plain.dice(map.view(), &target, &context).unwrap().iter().map(|it| it.to_bits()).collect();
            prop_assert_eq!(run, dice.iter().map(|it| it.to_bits()).collect::<Vec<_>>(), "chain {} run", number);
        }
    }
}

#[test]
fn a_triplet_upside_down_is_refused_and_left_out() {
    let chain = Chain::open(&chains()[2], Path::new("")).unwrap();
    let accepted = chain.accepted();
    assert!(accepted.contains(&true) && accepted.contains(&false));
    let bad = step("threshold", &[json!({ "above": 2 }), json!({ "above": 3 })]);
    let error = Chain::open(&[bad], Path::new("")).err().unwrap();
    assert!(matches!(error, TuneError::Plugin { step: 0, .. }), "{error}");
}

const MANIFEST: &str = r#"schema = 1
name = "x"
postprocess = [
    { plugin = "triplet", params = { top = 0.7, area = 600, at = [1024, 1024], bottom = 0.3 } },
    { plugin = "./libmine.so", params = { mine = 3, text = "x" } },
]
[classifier]
gate = { kind = "any", of = [{ kind = "score", above = 0.65 }, { kind = "agree", above = 0.7 }] }
[[classifier.members]]
name = "a"
model = "a.onnx"
input = { name = "image", size = [8, 8], channels = 1 }
score = { output = "score", values = "probabilities" }
[segmenter]
gate = { kind = "area", above = 0.8, at_least = 800, at = [768, 768] }
[[segmenter.members]]
name = "a"
model = "a.onnx"
input = { name = "image", size = [8, 8], channels = 1 }
map = { output = "map", values = "probabilities" }
"#;

/// A grid of these axes; knobs that are not named have the manifest's value.
fn grid(axes: &[&str]) -> Result<Grid, TuneError> {
    let own = [
        "classifier.gate.of[0].above=0.65",
        "classifier.gate.of[1].above=0.7",
        "segmenter.gate.above=0.8",
        "segmenter.gate.at_least=800",
        "postprocess[0].params.top=0.7",
        "postprocess[0].params.area=600",
        "postprocess[0].params.bottom=0.3",
    ];
    let named = |own: &&&str| !axes.iter().any(|axis| axis.split('=').next() == own.split('=').next());
    let axes: Vec<Axis> = own.iter().filter(named).chain(axes).map(|axis| axis.parse().unwrap()).collect();
    Grid::new(MANIFEST, Path::new("x.toml"), &axes)
}

#[test]
fn knobs_are_the_numbers_of_gates_and_stock_plugins() {
    let grid = grid(&["postprocess[1].params.mine=1:5:2", "postprocess[0].params.contour_min_area=50,100"]).unwrap();
    let keys: Vec<_> = grid.knobs.iter().map(|knob| (knob.key.as_str(), knob.current)).collect();
    let expected = [
        ("classifier.gate.of[0].above", Some(0.65)),
        ("classifier.gate.of[1].above", Some(0.7)),
        ("segmenter.gate.above", Some(0.8)),
        ("segmenter.gate.at_least", Some(800.0)),
        ("postprocess[0].params.top", Some(0.7)),
        ("postprocess[0].params.area", Some(600.0)),
        ("postprocess[0].params.bottom", Some(0.3)),
        ("postprocess[0].params.contour_min_area", None),
        ("postprocess[1].params.mine", Some(3.0)),
    ];
    assert_eq!(keys, expected);
    assert_eq!(grid.points(), 6);
    let point = grid.point(&[0, 0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(grid.values(point)[7..], [100.0, 5.0]);
    let steps = grid.steps().unwrap();
    assert_eq!((steps[0].len(), steps[1].len()), (2, 3));
    assert_eq!(steps[0][1].params["contour_min_area"], json!(100));
    assert_eq!(steps[1][2].params["mine"], json!(5));
    // With the default values, the grid would have millions of points; every knob keeps the manifest's own value.
    let whole =
        Grid::new(MANIFEST, Path::new("x.toml"), &["segmenter.gate.at_least=700:900:10".parse().unwrap()]).unwrap();
    assert!(whole.knobs.iter().all(|knob| knob.values.contains(&knob.current.unwrap()) && knob.values.len() > 2));
    assert!(whole.points() <= 1_000_000, "{}", whole.points());
    assert_eq!(whole.knobs[3].values.len(), 21, "named values are not thinned");
    assert_eq!(whole.values(whole.current().unwrap()), [0.65, 0.7, 0.8, 800.0, 0.7, 600.0, 0.3]);
    assert_eq!(grid.current(), None, "the manifest has no `contour_min_area`");
}

#[test]
fn what_cannot_be_searched_is_told() {
    let table = [
        ("postprocess[0].params.botom=0.1:0.3:0.1", "`botom`"),
        ("postprocess[0].param.bottom=0.1", "did you mean `postprocess[0].params.bottom`?"),
        ("postprocess[7].params.above=0.1", "expected a number of a gate"),
        ("segmenter.members[0].weight=0.1", "expected a number of a gate"),
        ("postprocess[1].params.text=1", "its value is not a number"),
        ("segmenter.gate.at_least=0.5:2:0.5", "expected whole numbers, found 0.5"),
        ("segmenter.gate.above=0:1.5:0.5", "1.5 is invalid"),
        ("segmenter.gate.atleast=5", "is invalid"),
    ];
    for (axis, message) in table {
        // The plugin itself refuses an unknown parameter.
        let error = match grid(&[axis]) {
            Err(error) => error.to_string(),
            Ok(grid) => {
                let stock = &grid.steps().unwrap()[..1];
                let error = Chain::open(stock, Path::new("")).err().unwrap();
                std::error::Error::source(&error).unwrap().to_string()
            }
        };
        assert!(error.contains(message), "{axis}: {error}");
    }
    let twice = Grid::new(MANIFEST, Path::new("x.toml"), &["a=1".parse().unwrap(), "a=2".parse().unwrap()]);
    assert!(twice.unwrap_err().to_string().contains("two grids"));
    let huge = ["classifier.gate.of[0].above=0:1:0.0002", "postprocess[0].params.top=0.3:1:0.0005"];
    assert!(grid(&huge).unwrap_err().to_string().contains("too many points"));
}

#[test]
fn ties_are_chosen_in_their_middle_and_plateaus_told() {
    let grid = grid(&["postprocess[0].params.bottom=0.1:0.5:0.1"]).unwrap();
    let scores = [0.5, 0.8, 0.8, 0.8, 0.7995];
    let chosen = choose(&grid, &scores, Choose::Maximum).unwrap();
    assert_eq!((chosen.point, chosen.score), (2, 0.8));
    let centre = choose(&grid, &[f64::NAN, 0.8, 0.7991, 0.7995, 0.2], Choose::Centre).unwrap();
    assert_eq!((centre.point, centre.score), (2, 0.7991));
    let around = plateau(&grid, &scores, 0.001).unwrap();
    assert_eq!((around.points, around.ranges[6]), (4, (0.2, 0.5)));
    assert!(choose(&grid, &[f64::NAN; 5], Choose::Maximum).is_none());
}

#[test]
fn a_heat_map_is_a_slice_of_the_scores() {
    let grid = grid(&["segmenter.gate.above=0.7:0.8:0.1", "postprocess[0].params.bottom=0.1:0.3:0.1"]).unwrap();
    let scores = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6];
    let map = heat_map(&grid, &scores, (2, 6), grid.current().unwrap());
    assert_eq!((map.x, map.y, map.chosen), (vec![0.7, 0.8], vec![0.1, 0.2, 0.3], (1, 2)));
    assert_eq!(map.dice, ndarray::array![[0.1, 0.4], [0.2, 0.5], [0.3, 0.6]]);
}

#[test]
fn folds_are_stratified_and_the_same_in_any_order() {
    let image = |number: usize| Answered {
        id: format!("image{number}"),
        positive: number.is_multiple_of(4),
        current: 0.0,
        score: None,
        classifier: vec![],
        segmenter: vec![],
        dice: vec![],
    };
    let images: Vec<_> = (0..40).map(image).collect();
    let folds = Folds::stratified(&images, 5).unwrap();
    for fold in 0..5 {
        let own: Vec<_> = images.iter().zip(&folds.of).filter(|(_, of)| **of == fold).collect();
        assert_eq!((own.len(), own.iter().filter(|(image, _)| image.positive).count()), (8, 2));
    }
    let reversed: Vec<_> = images.iter().rev().cloned().collect();
    let again = Folds::stratified(&reversed, 5).unwrap();
    assert!(again.of.iter().rev().eq(&folds.of));
    assert!(Folds::stratified(&images[..3], 5).is_err());
    let list = |fold: fn(usize) -> u32| (0..40).map(|number| (format!("image{number}"), fold(number))).collect();
    assert_eq!(Folds::listed(&images, &list(|number| [7, 9][number % 2])).unwrap().names, [7, 9]);
    assert!(Folds::listed(&images, &list(|_| 3)).is_err());
    assert!(Folds::listed(&images, &std::collections::HashMap::new()).unwrap_err().to_string().contains("`image0`"));
}

#[test]
fn intervals_hold_their_mean() {
    let values: Vec<f64> = (0..200).map(|number| f64::from(number % 7)).collect();
    let found = interval(&values);
    let (low, high) = found.bounds.unwrap();
    assert!(low < found.mean && found.mean < high && high - low < 1.0);
    let same = interval(&[0.25; 9]);
    assert_eq!((same.mean, same.bounds), (0.25, None));
}
