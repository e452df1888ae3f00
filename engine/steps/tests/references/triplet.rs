//! Compares contours with OpenCV's; `tests/reference/opencv_plugins.py` made the references.

use ndarray::Array2;
use pleura_image::regions::drawn;
use pleura_plugin::{Context, Postprocess};
use pleura_steps::Triplet;
use serde_json::{Value, json};

fn mask(rows: &Value) -> Array2<bool> {
    let rows: Vec<_> = rows.as_array().unwrap().iter().map(|row| row.as_str().unwrap()).collect();
    drawn(&rows)
}

#[test]
fn agrees_with_opencv() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("triplet.json")).unwrap();
    let mut wrong = Vec::new();
    for (number, case) in cases.iter().enumerate() {
        let map = mask(&case["mask"]).mapv(f32::from);
        let params = json!({
            "top": 0.5, "area": 1, "at": [map.nrows(), map.ncols()], "bottom": 0.5, "contour_min_area": case["area"],
        });
        let context = Context::new("", map.dim().into());
        let mut out = Array2::from_elem(map.dim(), false);
        let triplet = Triplet::create(serde_json::from_value(params).unwrap()).unwrap();
        triplet.apply(&context, map.view(), None, out.view_mut()).unwrap();
        if out != mask(&case["kept"]) {
            let differ: Vec<_> =
                out.indexed_iter().filter(|(p, v)| **v != mask(&case["kept"])[*p]).map(|(p, v)| (p, *v)).collect();
            wrong.push(format!("case {number}, area {}: {differ:?}", case["area"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
