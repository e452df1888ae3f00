//! The numbers of a manifest that are searched by default, and their values.

use serde_json::Value;

use super::axis::{Axis, sorted};

/// Areas are tried at these multiples of the manifest's value.
const LADDER: [f64; 12] = [0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0];

/// Numbers of the gates and of the stock plugins, in the manifest's order.
pub fn axes(manifest: &Value) -> Vec<Axis> {
    let mut axes = Vec::new();
    for stage in ["classifier", "segmenter"] {
        if let Some(gate) = manifest.get(stage).and_then(|stage| stage.get("gate")) {
            of_gate(&format!("{stage}.gate"), gate, &mut axes);
        }
    }
    let steps = manifest.get("postprocess").and_then(Value::as_array);
    for (index, step) in steps.into_iter().flatten().enumerate() {
        let (Some(plugin), Some(params)) = (step.get("plugin").and_then(Value::as_str), step.get("params")) else {
            continue;
        };
        of_step(&format!("postprocess[{index}].params"), plugin, params, &mut axes);
    }
    axes
}

fn of_gate(at: &str, gate: &Value, axes: &mut Vec<Axis>) {
    let mut add = |key: &str, values: &dyn Fn(f64) -> Vec<f64>| axis(at, key, gate, values, axes);
    match gate.get("kind").and_then(Value::as_str) {
        Some("score") => {
            add("above", &|current| around(current, 0.02, 0.98, 0.02));
            add("at_least", &|current| around(current, 0.02, 0.98, 0.02));
        }
        Some("any-pixel" | "agree") => add("above", &|current| around(current, 0.05, 0.95, 0.05)),
        Some("area" | "component") => {
            add("above", &|current| around(current, 0.1, 0.9, 0.1));
            add("at_least", &|current| areas(current, gate));
        }
        Some("any" | "all") => {
            for (index, gate) in gate.get("of").and_then(Value::as_array).into_iter().flatten().enumerate() {
                of_gate(&format!("{at}.of[{index}]"), gate, axes);
            }
        }
        _ => {}
    }
}

fn of_step(at: &str, plugin: &str, params: &Value, axes: &mut Vec<Axis>) {
    let mut add = |key: &str, values: &dyn Fn(f64) -> Vec<f64>| axis(at, key, params, values, axes);
    match plugin {
        "threshold" => {
            add("above", &|current| around(current, 0.1, 0.9, 0.05));
            add("at_least", &|current| around(current, 0.1, 0.9, 0.05));
        }
        "min-area" => add("area", &|current| areas(current, params)),
        "triplet" => {
            add("top", &|current| around(current, 0.5, 0.95, 0.05));
            add("area", &|current| areas(current, params));
            add("bottom", &|current| around(current, 0.1, 0.5, 0.05));
        }
        "component-mean" => add("above", &|current| around(current, 0.1, 0.9, 0.05)),
        _ => {}
    }
}

/// Adds an axis for a key that the table has, with values derived from its current one.
fn axis(at: &str, key: &str, table: &Value, values: &dyn Fn(f64) -> Vec<f64>, axes: &mut Vec<Axis>) {
    if let Some(current) = table.get(key).and_then(Value::as_f64) {
        let whole = table.get(key).is_some_and(Value::is_i64);
        axes.push(Axis { key: format!("{at}.{key}"), values: sorted(values(current)), whole });
    }
}

/// Probabilities in a range, and the manifest's own.
fn around(current: f64, from: f64, to: f64, step: f64) -> Vec<f64> {
    let steps = ((to - from) / step).round() as usize;
    (0..=steps).map(|index| from + index as f64 * step).chain([current]).collect()
}

/// Multiples of the manifest's own area, from 1 to the pixels of `at`.
fn areas(current: f64, table: &Value) -> Vec<f64> {
    let side = |index: usize| table.get("at").and_then(|at| at.get(index)).and_then(Value::as_f64);
    let most = side(0).zip(side(1)).map_or(f64::MAX, |(height, width)| height * width);
    LADDER.iter().map(|factor| (current * factor).round().clamp(1.0, most)).collect()
}
