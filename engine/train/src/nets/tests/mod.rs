//! Networks against PyTorch's, and in ONNX Runtime. What PyTorch says was written by `tests/reference/nets.py`.

mod backward;
mod forward;
mod layout;
mod made_up;
mod run;

use serde::Deserialize;

use crate::recipe::Network;

/// `tests/golden/nets.json`.
#[derive(Debug, Deserialize)]
struct Golden {
    layouts: Vec<Layout>,
    forward: Vec<Forward>,
}

/// What a network's weights are.
#[derive(Debug, Deserialize)]
struct Layout {
    network: Network,
    /// Numbers that training changes.
    parameters: i64,
    /// Of the sorted lines `key [shape]`, running statistics among them.
    sha256: String,
}

/// A network's answer to the made-up image with made-up weights.
#[derive(Debug, Deserialize)]
struct Forward {
    name: String,
    network: Network,
    /// Height and width.
    size: [usize; 2],
    /// Weights of n inputs lie within ±√(gain / n).
    gain: f64,
    /// The map's standard deviation.
    spread: f32,
    /// Every 16th row from 3 on, every 24th column from 5 on, of both images.
    map: Vec<f32>,
    score: Vec<f32>,
}

fn golden() -> Golden {
    let golden: Golden = serde_json::from_str(include_str!("../../../tests/golden/nets.json")).unwrap();
    assert!(golden.layouts.len() > 90 && golden.forward.len() > 15, "nets.json is not whole; run nets.py");
    golden
}

/// A network with both heads over one channel, from the recipe's words for the architecture.
fn network(architecture: &str) -> Network {
    serde_json::from_str(&format!(r#"{{"architecture": {architecture}, "heads": "both"}}"#)).unwrap()
}
