//! A ResNet34 that classifies, with random weights: the encoder of [`super::unet`] and a score.

use pleura::onnx::{ElementType, Model, attribute as a};

use super::unet::{Draw, Net};

/// The network: `image` (N, 3, H, W) to `score` (N, 1), a logit.
pub fn resnet34(draw: Draw) -> Model {
    let mut net = Net::new("resnet34", draw);
    let (features, channels) = net.encoder().pop().expect("the encoder has stages");
    let pooled = net.graph.node("GlobalAveragePool", &[&features], vec![]);
    let (logit, _) = net.head(&(pooled, channels), 1);
    let score = net.graph.node("Flatten", &[&logit], vec![a::int("axis", 1)]);
    net.graph.output(&score, "score", ElementType::Float, &["batch".into(), 1.into()]);
    net.graph.build()
}
