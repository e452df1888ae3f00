//! Keys, shapes and counts of weights.

use pleura_files::digest::hex;
use sha2::{Digest, Sha256};

use super::super::{ENCODER_PREFIX, Summary, assemble, build, summary};
use super::{golden, network};
use crate::recipe::{Heads, Network};

/// The sorted lines `key [shape]` of all weights and running statistics.
fn lines(network: &Network) -> Vec<String> {
    let net = assemble(network).unwrap();
    let mut lines: Vec<_> = net.weights().iter().map(|it| format!("{} {:?}\n", it.name, it.shape)).collect();
    lines.sort();
    lines
}

fn parameters(network: &Network) -> i64 {
    let net = assemble(network).unwrap();
    let trained = net.weights().iter().filter(|it| !it.name.contains(".running_"));
    trained.map(|it| it.shape.iter().product::<i64>()).sum()
}

/// If this fails, compare the printed lines with those of `layout` in `nets.py`.
#[test]
fn weights_have_pytorch_s_keys_and_shapes() {
    let mut wrong = Vec::new();
    for layout in golden().layouts {
        let lines = lines(&layout.network);
        let counted = parameters(&layout.network);
        if counted != layout.parameters || hex(&Sha256::digest(lines.concat())) != layout.sha256 {
            println!("{:?}\n{}", layout.network, lines.concat());
            wrong.push(format!("{:?}: {counted}, not {}", layout.network.architecture, layout.parameters));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn classic_networks_have_their_published_sizes() {
    // Without the label head, as published: torchvision's AlexNet has 2,469,696 parameters in its features, for three
    // channels; the U-Net of Ronneberger et al. 31,030,593 for one channel and one class.
    let mut unet = network(r#"{"kind": "unet-classic"}"#);
    unet.heads = Heads::Map;
    assert_eq!(parameters(&unet), 31_030_593);
    let mut alexnet = network(r#"{"kind": "fcn-alexnet"}"#);
    (alexnet.channels, alexnet.heads) = (3, Heads::Score);
    assert_eq!(parameters(&alexnet), 2_469_696 + 257);
}

#[test]
fn dc_unet_has_its_published_size() {
    // Lou et al. count 10,069,640 for one channel, as Keras does: including running statistics, without scales in the
    // batch norms right after convolutions, and with such a batch norm (three numbers) where the last convolution has
    // its bias here.
    let mut network = network(r#"{"kind": "dc-unet"}"#);
    network.heads = Heads::Map;
    let net = assemble(&network).unwrap();
    let scale = |name: &str| name.ends_with(".1.weight");
    let counted = net.weights().iter().filter(|it| !scale(&it.name));
    assert_eq!(counted.map(|it| it.shape.iter().product::<i64>()).sum::<i64>() - 1 + 3, 10_069_640);
}

#[test]
fn a_score_alone_is_the_encoder_with_the_label_head() {
    for layout in golden().layouts {
        let mut network = layout.network;
        let both = lines(&network);
        network.heads = Heads::Score;
        let kept = |line: &&String| line.starts_with(ENCODER_PREFIX) || line.starts_with("classification_head.");
        assert_eq!(lines(&network), both.iter().filter(kept).cloned().collect::<Vec<_>>(), "{network:?}");
    }
}

#[test]
fn constants_and_statistics_are_no_parameters() {
    let network = network(r#"{"kind": "fpn", "encoder": "resnet18"}"#);
    let model = build(&network, 1).unwrap();
    let counts = summary(&model);
    assert_eq!(counts.parameters, parameters(&network) as u64);
    let mut alone = network;
    alone.heads = Heads::Score;
    // ResNet-18 without its last layer, for one channel; it has as many statistics as weights of batch norms.
    let expected = Summary { parameters: 11_170_240 + 513, encoder: 11_170_240, statistics: 9_600 };
    assert_eq!(summary(&build(&alone, 1).unwrap()), expected);
    assert_eq!((counts.encoder, counts.statistics), (expected.encoder, expected.statistics));
}
