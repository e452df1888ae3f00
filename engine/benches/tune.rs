//! The triplet rule at 1,000 points over 2,000 maps of 256²: by counting, and by running the plugin at every point.
//!
//! `cargo bench -p pleura --bench tune`. Running is timed on a few maps, and extrapolated to all.

use std::path::Path;
use std::time::Instant;

use ndarray::Array2;
use pleura::manifest::Step;
use pleura::plugin::Context;
use pleura::submission::Runs;
use pleura::tune::{Chain, Target};
use pleura::{Mask, Size};
use rayon::prelude::*;
use serde_json::json;

const SIZE: Size = Size::new(256, 256);
const MAPS: usize = 2000;
const RUN: usize = 4;

/// The steps after the triplet rule.
fn cases() -> [(&'static str, serde_json::Value, Option<Step>); 3] {
    let none = json!({});
    let contours = json!({ "contour_min_area": 100 });
    let after = step("min-area", json!({ "area": 500, "at": [1024, 1024], "per_component": true }));
    [
        ("triplet", none.clone(), None),
        ("triplet with contours", contours, None),
        ("triplet, min-area", none, Some(after)),
    ]
}

fn step(plugin: &str, params: serde_json::Value) -> Step {
    serde_json::from_value(json!({ "plugin": plugin, "params": params })).expect("a step is well formed")
}

/// 10 × 10 × 10 choices.
fn choices(more: &serde_json::Value) -> Vec<Step> {
    let choice = |number: usize| {
        let (top, area, bottom) = (number / 100, number / 10 % 10, number % 10);
        let mut params = json!({
            "top": 0.5 + 0.05 * top as f64, "area": 300 * (area + 1), "at": [1024, 1024], "bottom": 0.05 * (bottom + 1) as f64,
        });
        let table = params.as_object_mut().expect("a table");
        more.as_object().into_iter().flatten().for_each(|(key, value)| drop(table.insert(key.clone(), value.clone())));
        step("triplet", params)
    };
    (0..1000).map(choice).collect()
}

/// Soft spots on a quiet background, like a network's: three maps in four have next to none.
fn map(number: usize) -> Array2<f32> {
    let mut state = (number as u32).wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let spots: Vec<_> = (0..3).map(|_| (random() * 256.0, random() * 256.0, 8.0 + random() * 20.0, random())).collect();
    let strength = if number.is_multiple_of(4) { 1.0 } else { 0.15 };
    Array2::from_shape_fn(SIZE, |(row, column)| {
        let spot = |&(y, x, radius, peak): &(f32, f32, f32, f32)| {
            let distance = (row as f32 - y).powi(2) + (column as f32 - x).powi(2);
            peak * strength * (-distance / (radius * radius)).exp()
        };
        (spots.iter().map(spot).fold(0.0, f32::max) + 0.02 * random()).min(1.0)
    })
}

fn main() {
    // `cargo test --benches` only checks that it starts.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let context = Context::new("bench", SIZE);
    let maps: Vec<(Array2<f32>, Target)> = (0..MAPS)
        .into_par_iter()
        .map(|number| {
            let map = map(number);
            let truth = Runs::from(&Mask::from(map.mapv(|p| p > 0.35)));
            (map, Target::new(&truth, SIZE, SIZE, SIZE))
        })
        .collect();
    for (name, more, after) in cases() {
        let steps: Vec<Vec<Step>> = std::iter::once(choices(&more)).chain(after.map(|step| vec![step])).collect();
        let chain = Chain::open(&steps, Path::new("")).expect("stock plugins are there");
        let start = Instant::now();
        let counted: Vec<Vec<f32>> = maps
            .par_iter()
            .map(|(map, target)| chain.dice(map.view(), target, &context).expect("no plugin fails"))
            .collect();
        let fast = start.elapsed().as_secs_f64();
        let start = Instant::now();
        (0..RUN).into_par_iter().for_each(|number| {
            let (map, target) = &maps[number];
            for (point, &expected) in counted[number].iter().enumerate() {
                let mask = chain.mask(point, map.view(), &context).expect("no plugin fails").expect("none is refused");
                let one = Target::dice(target, target.sums(&mask)) as f32;
                assert_eq!(one, expected, "{name}: map {number}, point {point}");
            }
        });
        let plain = start.elapsed().as_secs_f64() * MAPS as f64 / RUN as f64;
        let ratio = plain / fast;
        println!(
            "{name}: {MAPS} maps × {} points: counted {fast:.2} s, run {plain:.0} s, {ratio:.0} to 1",
            chain.points()
        );
    }
}
