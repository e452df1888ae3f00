//! Outputs against PyTorch's.

use ndarray::{Array4, s};

use super::super::assemble;
use super::made_up::{numbers, weight};
use super::run::Session;
use super::{Forward, golden};

/// Single precision against PyTorch's double, as a share of the map's standard deviation.
const TOLERANCE: f32 = 1e-4;

fn answers(case: &Forward) -> Result<(), String> {
    let model = assemble(&case.network).unwrap().finish(|it| weight(it, case.gain));
    let [height, width] = case.size;
    let shape = (2, case.network.channels as usize, height, width);
    let image = numbers("image", shape.0 * shape.1 * height * width).map(|u| (2.0 * u - 1.0) as f32).collect();
    let (map, score) = Session::open(&model).answer(&Array4::from_shape_vec(shape, image).unwrap());
    let map = map.slice(s![.., 0, 3..;16, 5..;24]);
    compare("map", map.iter(), &case.map, case.spread)?;
    compare("score", score.iter(), &case.score, case.score.iter().fold(0.0, |most: f32, it| most.max(it.abs())))
}

fn compare<'a>(
    what: &str,
    found: impl ExactSizeIterator<Item = &'a f32>,
    expected: &[f32],
    scale: f32,
) -> Result<(), String> {
    assert_eq!(found.len(), expected.len(), "{what}");
    let off: Vec<f32> = found.zip(expected).map(|(found, expected)| (found - expected).abs() / scale).collect();
    println!("  {what}: {:e}", off.iter().copied().fold(0.0, f32::max));
    // NaN is not below the tolerance either
    if off.iter().all(|&off| off < TOLERANCE) { Ok(()) } else { Err(format!("{what} is off by {off:?} of {scale}")) }
}

#[test]
fn networks_answer_as_pytorch_s_do() {
    let mut wrong = Vec::new();
    for case in golden().forward {
        println!("{}", case.name);
        if let Err(reason) = answers(&case) {
            wrong.push(format!("{}: {reason}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
