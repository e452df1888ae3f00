//! Compares hulls with scikit-image's pixel for pixel; `tests/reference/scikit_plugins.py` made the references.

use ndarray::Array2;
use pleura_image::regions::drawn;
use pleura_plugin::{Context, Postprocess};
use pleura_steps::ConvexHull;
use serde_json::{Value, json};

fn mask(rows: &Value) -> Array2<bool> {
    let rows: Vec<_> = rows.as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
    drawn(&rows)
}

#[test]
fn agrees_with_scikit_image() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("convex_hull.json")).unwrap();
    let kinds =
        [("whole", json!({ "per_component": false })), ("corners", json!({})), ("sides", json!({ "connectivity": 4 }))];
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let mask_in = mask(&case["mask"]);
        let size = mask_in.dim();
        for (kind, params) in &kinds {
            let context = Context::new("", size.into());
            let (map, mut out) = (Array2::zeros(size), Array2::from_elem(size, false));
            let hull = ConvexHull::create(serde_json::from_value(params.clone()).unwrap()).unwrap();
            hull.apply(&context, map.view(), Some(mask_in.view()), out.view_mut()).unwrap();
            let expected = mask(&case[*kind]);
            let differ: Vec<_> = out.indexed_iter().filter(|(at, it)| expected[*at] != **it).collect();
            if !differ.is_empty() {
                wrong.push(format!("case {number}, {kind}: {differ:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), 3 * cases.len(), wrong.join("\n"));
}
