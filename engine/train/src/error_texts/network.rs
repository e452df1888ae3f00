//! Networks, their weights, and the training step.

use super::gone;
use crate::device::DeviceError;
use crate::forward::ForwardError;
use crate::nets::NetError;
use crate::recipe::WeightsFormat;
use crate::step::StepError;
use crate::texts::Texts;
use crate::trace::NodeError;
use crate::weights::{Mismatch, WeightsError};

pub fn add(texts: &mut Texts) {
    let node = || NodeError { node: "conv1".into(), op: "Conv".into(), reason: "has 3 groups, expected 1".into() };
    add!(texts, NetError {
        Onnx {},
        Field { field: "dropout", found: "2".into(), needed: "give a rate from 0 to below 1" },
    });
    add!(texts, ForwardError { Node(node()), Model("opset 9, expected 13 to 23".into()) });
    let shape = |found: &[usize], wanted: &[usize]| StepError::Shape {
        output: "map".into(),
        found: found.into(),
        wanted: wanted.into(),
    };
    add!(texts, StepError {
        Forward(ForwardError::Node(node())),
        Gradient(node()),
        NoOutput { output: "map".into() },
        Unsquashed { output: "map".into() },
        Channels { output: "map".into(), channels: 2, channel: None },
        OneClass { output: "map".into() },
        SoftmaxAxis { output: "map".into(), axis: 3 },
        Shape { output: "map".into(), found: vec![2, 1, 8, 8], wanted: vec![2, 1, 16, 16] },
        Squashed { output: "map".into(), op: "Softmax".into() },
        Device(DeviceError::new("cannot open the training step")(ort::Error::new("out of memory"))),
    });
    for found in [2, 3] {
        texts.add("StepError", "Shape", &shape(&[1, found, 8, 8], &[1, 1, 8, 8]));
    }
    texts.add("StepError", "Shape", &shape(&[1, 1, 8, 8], &[1, 2, 8, 8]));
    weights(texts);
}

fn weights(texts: &mut Texts) {
    let path = || "resnet34.pth".into();
    let malformed = || "invalid magic number".into();
    let mismatch = Mismatch {
        names: None,
        path: path(),
        missing: vec!["conv1.weight".into(), "layer1.0.conv1.weight".into()],
        unused: vec!["encoder.conv1.weight".into(), "fc.bias".into()],
        unfit: vec!["`bn1.weight` has shape [64], expected [32]".into()],
        twice: vec!["`conv2.weight` is given twice".into()],
        wanted: 60,
        found: 61,
    };
    add!(texts, WeightsError {
        Format { path: "weights.h5".into() },
        Read { path: path(), source: gone() },
        Malformed { path: path(), format: WeightsFormat::Pytorch, source: malformed() },
        Malformed { path: path(), format: WeightsFormat::Safetensors, source: malformed() },
        Malformed { path: path(), format: WeightsFormat::Onnx, source: malformed() },
        Empty { path: path() },
        Nothing { path: path() },
        Rename { path: path(), source: regex::Error::Syntax("unclosed group".into()) },
        Mismatch(Box::new(mismatch)),
    });
}
