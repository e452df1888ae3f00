//! Compares with OpenCV pixel for pixel; `tests/reference/opencv_plugins.py` made the references.

use ndarray::Array2;
use pleura_plugin::Prepare;
use pleura_steps::clahe::{Clahe, Params};
use serde_json::{Value, json};

/// The script's picture: two bright blobs on a ramp, with a little grain.
fn radiograph((height, width): (i64, i64)) -> Array2<u8> {
    Array2::from_shape_fn((height as usize, width as usize), |(row, column)| {
        let (row, column) = (row as i64, column as i64);
        let grain = (row * 7919 + column * 104_729 + row * column) % 23;
        let ramp = row * 90 / height + column * 40 / width;
        let blob = |y: i64, x: i64, r: i64| if (row - y).pow(2) + (column - x).pow(2) < r * r { 60 } else { 0 };
        let blobs = blob(height / 3, width / 4, height / 5) + blob(height / 2, 3 * width / 4, height / 4);
        (ramp + blobs + grain).clamp(0, 255) as u8
    })
}

/// 64-bit FNV-1a of the bytes, row by row.
fn digest(pixels: &Array2<u8>) -> String {
    let step = |digest: u64, &byte: &u8| (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    format!("{:016x}", pixels.iter().fold(0xCBF2_9CE4_8422_2325, step))
}

#[test]
fn agrees_with_opencv() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("clahe.json")).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let side = |number: usize| case["size"][number].as_i64().unwrap();
        let image = radiograph((side(0), side(1)));
        assert_eq!(digest(&image), case["image"], "the picture itself, {}", case["size"]);
        let params: Params =
            serde_json::from_value(json!({ "clip_limit": case["clip_limit"], "tiles": case["tiles"] })).unwrap();
        let mut out = Array2::zeros(image.dim());
        let intensities = image.mapv(|grey| f32::from(grey) / 255.0);
        Clahe::create(params).unwrap().apply(intensities.view(), out.view_mut()).unwrap();
        let out = out.mapv(|intensity| (intensity * 255.0).round() as u8);
        if digest(&out) != case["digest"] {
            let middle = json!(out.row(out.nrows() / 2).to_vec());
            wrong.push(format!(
                "{} {} {}: {middle} for {}",
                case["size"], case["clip_limit"], case["tiles"], case["row"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
