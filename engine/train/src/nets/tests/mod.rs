//! Networks against PyTorch's, and in ONNX Runtime. `tests/reference/nets.py` wrote PyTorch's results.

mod backward;
mod forward;
mod layout;
mod made_up;
mod run;

use serde::Deserialize;

use crate::recipe::Network;

pub use run::ARCHITECTURES;

/// `tests/golden/nets.json.gz`.
#[derive(Debug, Deserialize)]
struct Golden {
    layouts: Vec<Layout>,
    forward: Vec<Forward>,
}

/// A network's weights.
#[derive(Debug, Deserialize)]
struct Layout {
    network: Network,
    /// Trainable parameters.
    parameters: i64,
    /// The hash of the sorted lines `key [shape]`, including running statistics.
    sha256: String,
}

/// A network's outputs for the made-up image with made-up weights.
#[derive(Debug, Deserialize)]
struct Forward {
    name: String,
    network: Network,
    /// Height and width.
    size: [usize; 2],
    /// Weights with n inputs are within ±√(gain / n).
    gain: f64,
    /// The map's standard deviation.
    spread: f32,
    /// Every 16th row from 3 on, every 24th column from 5 on, of both images.
    map: Vec<f32>,
    score: Vec<f32>,
}

fn golden() -> Golden {
    let golden: Golden = crate::testing::golden("nets");
    assert!(golden.layouts.len() > 90 && golden.forward.len() > 15, "nets.json.gz is not whole; run nets.py");
    golden
}

/// A network with both heads for one channel, from the recipe's text of the architecture.
fn network(architecture: &str) -> Network {
    serde_json::from_str(&format!(r#"{{"architecture": {architecture}, "heads": "both"}}"#)).unwrap()
}
