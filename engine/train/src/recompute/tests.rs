use pleura::runtime::Device;

use super::cut::cuts;
use super::live::Span;
use super::recompute;
use crate::backward::gradients;
use crate::device::Place;
use crate::recipe::{Loss, LossTerm, Network, Optimizer, Precision};
use crate::step::{Pass, PassOptions, Source, State, Subject};
use crate::testing::{noise, run, runtime};
use crate::trace::Trace;

/// A chain in which each node reads the value of the node before.
fn chain(count: usize) -> Vec<Span> {
    (0..count).map(|at| Span { from: at, to: at + 1, bytes: 100, is_read_back: true }).collect()
}

#[test]
fn a_chain_is_cut_into_about_as_many_segments_as_each_has_values() {
    let cuts = cuts(&chain(98));
    assert!((8..=16).contains(&cuts.len()), "{cuts:?}");
    let ends = cuts.iter().copied().chain([98]);
    let starts = std::iter::once(0).chain(cuts.iter().copied());
    assert!(starts.zip(ends).all(|(start, end)| end - start <= 12), "{cuts:?}");
}

#[test]
fn cuts_are_where_little_is_alive() {
    // every third value alone is needed by the next block
    let mut spans = chain(60);
    spans.iter_mut().filter(|span| span.from % 3 != 2).for_each(|span| span.bytes = 10_000);
    let cuts = cuts(&spans);
    assert!(cuts.len() > 3 && cuts.iter().all(|cut| cut % 3 == 0), "{cuts:?}");
}

/// Convolutions one after the other, with everything that a step outputs, and the number of nodes.
fn convolutions(recomputes: bool) -> (Vec<Vec<f32>>, [usize; 2]) {
    let mut trace = Trace::new("convolutions");
    let mut value = trace.input("images", &[1, 4, 32, 32]);
    let weights: Vec<String> = (0..16).map(|at| trace.input(&format!("w{at}"), &[4, 4, 3, 3])).collect();
    weights.iter().for_each(|weight| trace.require(weight));
    for weight in &weights {
        let pads = pleura::onnx::attribute::ints("pads", &[1; 4]);
        value = trace.emit("Conv", &[&value, weight], vec![pads]);
        value = trace.unary("Sigmoid", &value);
    }
    let loss = trace.total(&value);
    let forward = trace.nodes().len();
    let found = gradients(&mut trace, &loss, &weights).unwrap();
    if recomputes {
        recompute(&mut trace, forward, &weights, &loss);
    }
    found.iter().flatten().enumerate().for_each(|(at, gradient)| trace.output(gradient, &format!("g{at}")));
    let count = |op: &str| trace.nodes().iter().filter(|node| node.op_type == op).count();
    let counts = ["Sigmoid", "Unsqueeze"].map(count);
    let images = vec![("images".to_owned(), (vec![1, 4, 32, 32], noise(1, 4096)))];
    let weights = (0..).zip(weights).map(|(at, name)| (name, (vec![4, 4, 3, 3], noise(at, 144))));
    (run(&trace.into_model(), &images.into_iter().chain(weights).collect::<Vec<_>>()), counts)
}

#[test]
fn values_between_cuts_are_computed_twice() {
    let (plain, [once, no_gates]) = convolutions(false);
    let (again, [twice, gates]) = convolutions(true);
    assert_eq!((once, no_gates), (16, 0));
    assert!((20..32).contains(&twice) && gates > 16, "{twice} sigmoids, {gates} gates");
    assert!(plain == again && plain.len() == 16);
}

/// Bits of all that two accumulated passes of a network leave: losses, gradients and running statistics.
fn passes(network: &Network, recompute: bool) -> Vec<(String, Vec<u32>)> {
    let place = Place::new(runtime(), Device::Cpu, 1).unwrap();
    let subject = Subject {
        model: crate::nets::build(network, 1).unwrap(),
        map: Some(Source::logits("map")),
        score: Some(Source::logits("score")),
        channels_last: false,
        freeze_batch_norm: false,
        frozen_prefix: None,
    };
    let bce = || vec![LossTerm::Bce { weight: 1.0, positive: 1.0 }];
    let dice = serde_json::from_str(r#"{ "kind": "dice" }"#).unwrap();
    let loss = Loss { map: vec![bce().remove(0), dice], score: bce() };
    let sgd = Optimizer::Sgd { momentum: 0.0, nesterov: false, weight_decay: 0.0, clip: None };
    let state = State::new(&place, &subject, &sgd, false).unwrap();
    let options =
        PassOptions { shape: [2, 1, 64, 64], loss: &loss, accumulates: true, precision: Precision::Fp32, recompute };
    let mut pass = Pass::new(&place, &subject, &state, options).unwrap();
    let images = noise(3, 2 * 64 * 64);
    let masks: Vec<f32> = images.iter().map(|pixel| f32::from(u8::from(*pixel > 0.2))).collect();
    let mut random = 0;
    let mut dropout = || {
        random = (random * 7 + 3) % 11;
        random as f32 / 11.0
    };
    let bits = |numbers: &[f32]| numbers.iter().map(|number| number.to_bits()).collect();
    let mut left = Vec::new();
    for adds in [false, true] {
        let losses = pass.run([&images, &masks, &[0.0, 1.0]], adds, &mut dropout).unwrap();
        left.push(("loss".to_owned(), bits(&[losses.total])));
    }
    let buffers = state.gradients.tensors().iter().chain(&state.kept);
    left.extend(buffers.map(|(name, buffer)| (name.clone(), bits(&buffer.read().unwrap()))));
    left
}

#[test]
fn networks_have_the_same_bits_if_they_recompute() {
    let networks = [
        r#"{ "kind": "conv-stack", "widths": [4, 4] }"#,
        r#"{ "kind": "encoder-decoder", "widths": [4, 8, 8] }"#,
        r#"{ "kind": "fcn-alexnet" }"#,
        r#"{ "kind": "unet-classic", "width": 4 }"#,
        r#"{ "kind": "unet", "encoder": "resnet18", "scse": true, "aspp": true }"#,
        r#"{ "kind": "unet", "encoder": "resnet18", "attention": "cbam" }"#,
        r#"{ "kind": "unet", "encoder": "se-resnext50", "decoder": [32, 16, 16, 8, 8] }"#,
        r#"{ "kind": "unet", "encoder": "efficientnet-b0", "decoder": [32, 16, 16, 8, 8] }"#,
        r#"{ "kind": "linknet", "encoder": "efficientnet-lite0" }"#,
        r#"{ "kind": "dc-unet", "width": 4 }"#,
        r#"{ "kind": "deeplab-v3", "encoder": "resnet18", "output_stride": 16 }"#,
        r#"{ "kind": "deeplab-v3-plus", "encoder": "resnet50" }"#,
        r#"{ "kind": "deeplab-v3-plus", "encoder": "resnet18", "group_norm": 32 }"#,
        r#"{ "kind": "encnet", "encoder": "resnet18" }"#,
    ];
    let mut wrong = Vec::new();
    for network in networks {
        let text = format!(r#"{{ "architecture": {network}, "heads": "both", "dropout": 0.2 }}"#);
        let read: Network = serde_json::from_str(&text).unwrap();
        let (kept, recomputed) = (passes(&read, false), passes(&read, true));
        assert_eq!(kept.len(), recomputed.len());
        let differs = kept.iter().zip(&recomputed).filter(|(a, b)| a != b).map(|(a, _)| &a.0);
        let differs: Vec<_> = differs.collect();
        if !differs.is_empty() {
            wrong.push(format!(
                "{network}: {} of {}: {:?}",
                differs.len(),
                kept.len(),
                &differs[..differs.len().min(4)]
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// ONNX Runtime adds the lateral sums of an FPN within the convolution before, unless it does not know the shapes.
#[test]
fn an_fpn_differs_by_rounding_if_it_recomputes() {
    let text = r#"{ "architecture": { "kind": "fpn", "encoder": "alexnet" }, "heads": "both", "dropout": 0.2 }"#;
    let network: Network = serde_json::from_str(text).unwrap();
    let floats = |bits: Vec<u32>| bits.into_iter().map(f32::from_bits).collect::<Vec<f32>>();
    for ((name, kept), (_, recomputed)) in passes(&network, false).into_iter().zip(passes(&network, true)) {
        let (kept, recomputed) = (floats(kept), floats(recomputed));
        let norm = kept.iter().map(|number| number * number).sum::<f32>().sqrt();
        let error = kept.iter().zip(&recomputed).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
        assert!(error <= 1e-4 * norm.max(1e-3), "{name}: {error} of {norm}");
    }
}
