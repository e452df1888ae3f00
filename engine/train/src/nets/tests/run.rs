//! Networks in ONNX Runtime.

use ndarray::{Array1, Array4, Ix1, Ix4};
use pleura::onnx;
use pleura::runtime::{self, Device, SessionOptions};

use super::super::build;
use super::network;
use crate::recipe::Heads;

/// A model in ONNX Runtime.
pub struct Session(runtime::Model);

impl Session {
    pub fn open(model: &onnx::Model) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("network.onnx");
        model.write(&path).unwrap();
        let options = SessionOptions { device: Device::Cpu, threads: 1, tensorrt: false, fp16: false, memory: None };
        Self(runtime::Model::open(runtime::load(None).unwrap(), &path, options).unwrap())
    }

    /// The map and the score.
    pub fn answer(&self, image: &Array4<f32>) -> (Array4<f32>, Array1<f32>) {
        let mut answers = self.0.run("image", image.view().into_dyn(), &["map", "score"]).unwrap().into_iter();
        let map = answers.next().unwrap().into_dimensionality::<Ix4>().unwrap();
        let score = answers.next().unwrap().into_dimensionality::<Ix1>().unwrap();
        (map, score)
    }
}

/// Every architecture, over the smallest encoder of each family.
pub const ARCHITECTURES: [&str; 25] = [
    r#"{"kind": "conv-stack", "widths": [4, 4]}"#,
    r#"{"kind": "encoder-decoder", "widths": [4, 8, 8, 8]}"#,
    r#"{"kind": "unet-classic", "width": 4}"#,
    r#"{"kind": "unet-classic", "width": 4, "batch_norm": true}"#,
    r#"{"kind": "dc-unet", "width": 4}"#,
    r#"{"kind": "fcn-alexnet"}"#,
    r#"{"kind": "unet", "encoder": "alexnet", "scse": true}"#,
    r#"{"kind": "unet", "encoder": "resnet18", "scse": true, "aspp": true}"#,
    r#"{"kind": "unet", "encoder": "resnet18", "attention": "cbam"}"#,
    r#"{"kind": "unet", "encoder": "efficientnet-b0"}"#,
    r#"{"kind": "unet", "encoder": "efficientnet-lite0"}"#,
    r#"{"kind": "linknet", "encoder": "alexnet"}"#,
    r#"{"kind": "linknet", "encoder": "resnet18"}"#,
    r#"{"kind": "fpn", "encoder": "alexnet"}"#,
    r#"{"kind": "fpn", "encoder": "efficientnet-b0"}"#,
    r#"{"kind": "deeplab-v3", "encoder": "alexnet"}"#,
    r#"{"kind": "deeplab-v3", "encoder": "se-resnext50", "output_stride": 16}"#,
    r#"{"kind": "deeplab-v3", "encoder": "efficientnet-b0"}"#,
    r#"{"kind": "deeplab-v3-plus", "encoder": "resnet18", "output_stride": 8}"#,
    r#"{"kind": "deeplab-v3-plus", "encoder": "efficientnet-b0"}"#,
    r#"{"kind": "deeplab-v3-plus", "encoder": "resnet18", "group_norm": 32}"#,
    r#"{"kind": "encnet", "encoder": "alexnet"}"#,
    r#"{"kind": "encnet", "encoder": "resnet18"}"#,
    r#"{"kind": "encnet", "encoder": "efficientnet-b0", "codes": 8}"#,
    r#"{"kind": "encnet", "encoder": "se-resnext50"}"#,
];

/// The operators that the training step differentiates, and those that move shapes.
const OPERATORS: [&str; 31] = [
    "Add",
    "BatchNormalization",
    "Clip",
    "Concat",
    "Conv",
    "ConvTranspose",
    "Div",
    "Dropout",
    "Exp",
    "Flatten",
    "Gemm",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "Identity",
    "MatMul",
    "MaxPool",
    "Mul",
    "ReduceMax",
    "ReduceMean",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Resize",
    "Shape",
    "Sigmoid",
    "Slice",
    "Softmax",
    "Sqrt",
    "Sub",
    "Transpose",
    "Unsqueeze",
];

#[test]
fn architectures_of_known_operators_run_at_multiples_of_their_stride() {
    for architecture in ARCHITECTURES {
        let mut network = network(architecture);
        (network.channels, network.dropout) = (3, 0.2);
        let stride = network.architecture.stride() as usize;
        let model = build(&network, 1).unwrap();
        let stranger = model.graph().node.iter().find(|node| !OPERATORS.contains(&node.op_type.as_str()));
        assert_eq!(stranger, None, "{architecture}");
        let session = Session::open(&model);
        for size in [[2, 3], [3, 2]] {
            let [height, width] = size.map(|times| times * stride);
            let (map, score) = session.answer(&Array4::ones((2, 3, height, width)));
            assert_eq!((map.dim(), score.dim()), ((2, 1, height, width), 2), "{architecture}");
            assert!(map.iter().chain(&score).all(|number| number.is_finite()), "{architecture}");
        }
    }
}

#[test]
fn heads_say_which_outputs_there_are() {
    let cases = [(Heads::Map, vec!["map"]), (Heads::Score, vec!["score"]), (Heads::Both, vec!["map", "score"])];
    for (heads, expected) in cases {
        let mut network = network(r#"{"kind": "unet", "encoder": "resnet18"}"#);
        network.heads = heads;
        let model = build(&network, 1).unwrap();
        assert_eq!(model.outputs().iter().map(|it| it.name.clone()).collect::<Vec<_>>(), expected);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let network = network(r#"{"kind": "linknet", "encoder": "resnet18"}"#);
    let bytes = |seed| build(&network, seed).unwrap().to_bytes();
    assert_eq!(bytes(7), bytes(7));
    assert_ne!(bytes(7), bytes(8));
}
