//! What an ONNX model's input and outputs are: classes, channels, layouts, fixed sizes, folded batch norms.

use pleura::manifest::{Layout, Values};
use pleura::onnx::proto::StringStringEntryProto;
use pleura::onnx::{Dim, ElementType, GraphBuilder, Model, attribute};

use super::*;

/// What follows a network's last convolution.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Logits,
    Sigmoid,
    Softmax,
    /// A sigmoid that cannot be taken off, as the map is resized after it.
    ResizedSigmoid,
}

/// A convolution, ReLU, and one to this number of channels. `last` puts channels last.
fn network(channels: i64, last: bool, end: End, dims: [Dim; 4]) -> Model {
    let mut g = GraphBuilder::new("network");
    let turned = |perm: &[i64]| vec![attribute::ints("perm", perm)];
    let place = |[n, c, h, w]: [Dim; 4]| if last { [n, h, w, c] } else { [n, c, h, w] };
    let mut x = g.input("image", ElementType::Float, &place(dims));
    if last {
        x = g.node("Transpose", &[&x], turned(&[0, 3, 1, 2]));
    }
    let (first, bias) =
        (g.constant("first.weight", &[8, 1, 3, 3], &noise(1, 72)), g.constant("first.bias", &[8], &[0.1; 8]));
    x = g.node("Conv", &[&x, &first, &bias], vec![attribute::ints("pads", &[1; 4])]);
    x = g.node("Relu", &[&x], vec![]);
    let kernel = g.constant("last.weight", &[channels, 8, 1, 1], &noise(2, 8 * channels as usize));
    x = g.node("Conv", &[&x, &kernel], vec![]);
    if last {
        x = g.node("Transpose", &[&x], turned(&[0, 2, 3, 1]));
    }
    let map = match end {
        End::Logits => x,
        End::Softmax => g.node("Softmax", &[&x], vec![attribute::int("axis", if last { -1 } else { 1 })]),
        End::Sigmoid | End::ResizedSigmoid => g.node("Sigmoid", &[&x], vec![]),
    };
    let map = if end == End::ResizedSigmoid {
        let scales = g.constant("scales", &[4], &[1.0; 4]);
        g.node("Resize", &[&map, "", &scales], vec![attribute::string("mode", "linear")])
    } else {
        map
    };
    g.output(
        &map,
        "map",
        ElementType::Float,
        &place(["batch".into(), channels.into(), "height".into(), "width".into()]),
    );
    g.build()
}

fn free() -> [Dim; 4] {
    ["batch".into(), 1.into(), "height".into(), "width".into()]
}

/// A recipe for `net.onnx` with these keys beside `model`.
fn of(folder: &Path, model: &Model, keys: &str, phases: &str) -> PathBuf {
    model.write(folder.join("net.onnx")).unwrap();
    recipe(folder, DICE, &format!("architecture = {{ kind = \"onnx\", model = \"net.onnx\", {keys} }}"), phases)
}

fn refusal(model: &Model, keys: &str, phases: &str) -> String {
    let folder = data(12);
    let path = of(folder.path(), model, keys, phases);
    message(&train(&path, &options(&folder.path().join("out")), &mut Quiet::new(0)).unwrap_err())
}

#[test]
fn classes_and_layouts_are_trained_as_manifests_name_them() {
    let cases = [
        (3, true, End::Logits, "{ output = \"map\", values = \"softmax\", channel = 2 }", Values::Softmax),
        (3, false, End::Softmax, "{ output = \"map\", channel = 1 }", Values::Probabilities),
        (2, true, End::Sigmoid, "{ output = \"map\", channel = 0 }", Values::Probabilities),
        (2, false, End::Logits, "{ output = \"map\", values = \"logits\", channel = 1 }", Values::Logits),
    ];
    for (channels, last, end, map, values) in cases {
        let folder = data(12);
        let layout = if last { "nhwc" } else { "nchw" };
        let keys = format!("map = {map}, layout = \"{layout}\"");
        let model = network(channels, last, end, free());
        let recipe = of(folder.path(), &model, &keys, &phase(10, "").replace("0.01", "0.05"));
        // the exported network's numbers are compared with the trainer's on the way
        let outcome = run(&recipe, &folder.path().join("out"));
        assert!(outcome.dice_positives.unwrap() > 0.3, "{map}: {outcome:?}");
        let manifest = Manifest::read(outcome.manifest.as_deref().unwrap()).unwrap();
        let member = &manifest.segmenter.members[0];
        let map = member.map.as_ref().unwrap();
        let layout = if last { Layout::Nhwc } else { Layout::Nchw };
        assert_eq!((member.input.layout, map.values, map.channel.is_some()), (layout, values, true));
    }
}

#[test]
fn what_contradicts_the_network_is_refused_in_words() {
    let keys = |map: &str| format!("map = {map}");
    let cases = [
        (2, End::Logits, "\"map\"", "has 2 channels: name the one to train, such as `channel = 1`"),
        (3, End::Softmax, "\"map\"", "has 3 channels: name the one to train"),
        (3, End::Logits, "{ output = \"map\", channel = 3 }", "expected a `channel` below 3, found 3"),
        (1, End::Logits, "{ output = \"map\", values = \"softmax\" }", "a softmax needs two or more"),
        (1, End::Logits, "{ output = \"map\", values = \"probabilities\" }", "does not end in a sigmoid or softmax"),
        (
            1,
            End::Sigmoid,
            "{ output = \"map\", values = \"logits\" }",
            "comes from Sigmoid, but training needs the logits",
        ),
        (1, End::ResizedSigmoid, "\"map\"", "comes from Sigmoid, but training needs the logits"),
        (1, End::Logits, "{ output = \"map\", values = \"labels\" }", "class labels have no gradient"),
        (1, End::Logits, "\"other\"", "has no output `other`; it has `map`"),
    ];
    for (channels, end, map, expected) in cases {
        let told = refusal(&network(channels, false, end, free()), &keys(map), &phase(1, ""));
        assert!(told.contains(expected), "{map}: {told}");
    }
}

#[test]
fn fixed_lengths_are_said_in_the_recipe_s_words() {
    let fixed = |dims: [i64; 4]| network(1, false, End::Logits, dims.map(Dim::Fixed));
    let cases = [
        ([1, 1, 32, 32], "", "has a fixed batch of 1, but the phase's is 4: write `batch = 1`"),
        (
            [4, 1, 32, 64],
            "",
            "has a fixed size of 32 x 64, but the phase's images have 32 x 32: write `size = [32, 64]`",
        ),
        ([4, 1, 32, 32], "crop = [16, 16]", "has a fixed size of 32 x 32, but the phase's images have 16 x 16"),
        ([4, 3, 32, 32], "", "has 3 channels, but `network.channels` is 1: write `channels = 3`"),
    ];
    for (dims, more, expected) in cases {
        let told = refusal(&fixed(dims), "map = \"map\"", &phase(1, more));
        assert!(told.contains(expected), "{dims:?}: {told}");
    }
    let folder = data(12);
    let recipe = of(folder.path(), &fixed([4, 1, 32, 32]), "map = \"map\"", &phase(1, ""));
    run(&recipe, &folder.path().join("out"));
}

#[test]
fn folded_batch_norms_are_told_with_the_way_to_keep_them() {
    let plain = network(1, false, End::Logits, free());
    let mut renamed = plain.clone();
    for tensor in &mut renamed.graph_mut().initializer {
        tensor.name = tensor.name.replace("first.weight", "onnx::Conv_12");
    }
    for node in &mut renamed.graph_mut().node {
        node.input.iter_mut().for_each(|name| *name = name.replace("first.weight", "onnx::Conv_12"));
    }
    let mut noted = plain.clone();
    let conv = noted.graph_mut().node.iter_mut().find(|node| node.op_type == "Conv").unwrap();
    conv.metadata_props = vec![StringStringEntryProto {
        key: "pkg.onnxscript.rewriter.rule_name".into(),
        value: "FuseBatchNormIntoConv".into(),
    }];
    for model in [renamed, noted] {
        let told = refusal(&model, "map = \"map\"", &phase(1, ""));
        assert!(
            told.contains("has no batch norms left in 1 convolutions") && told.contains("optimize=False"),
            "{told}"
        );
        let folder = data(12);
        let recipe = of(folder.path(), &model, "map = \"map\", norm = \"keep\"", &phase(1, ""));
        run(&recipe, &folder.path().join("out"));
    }
}

#[test]
fn half_precision_quantised_and_random_networks_are_refused_by_name() {
    let mut half = network(1, false, End::Logits, free());
    half.graph_mut().initializer[0].data_type = ElementType::Half.into();
    let mut quantised = network(1, false, End::Logits, free());
    quantised.graph_mut().node[0].op_type = "QLinearConv".into();
    let mut random = network(1, false, End::Logits, free());
    random.graph_mut().node[1].op_type = "RandomUniformLike".into();
    let cases = [
        (half, "weight `first.weight` is float16; export it in float32 (`model.float()` in PyTorch)"),
        (quantised, "(QLinearConv) rounds to integers, through which no gradient flows; train the float32 network"),
        (
            random,
            "(RandomUniformLike) draws random numbers, which training does not repeat; export it after `model.eval()`",
        ),
    ];
    for (model, expected) in cases {
        let told = refusal(&model, "map = \"map\"", &phase(1, ""));
        assert!(told.contains(expected), "{told}");
    }
}

/// PyTorch's exporter writes two weights that happen to be equal as one and an `Identity` of it.
#[test]
fn weights_that_were_equal_are_trained_apart() {
    let folder = data(12);
    let mut g = GraphBuilder::new("equal");
    let mut x = g.input("image", ElementType::Float, &free());
    let kernel = g.constant("a.weight", &[1, 1, 3, 3], &noise(3, 9));
    let same = g.node("Identity", &[&kernel], vec![]);
    for kernel in [&kernel, &same] {
        x = g.node("Conv", &[&x, kernel], vec![attribute::ints("pads", &[1; 4])]);
    }
    g.output(&x, "map", ElementType::Float, &free());
    let recipe = of(folder.path(), &g.build(), "map = \"map\"", &phase(3, ""));
    let out = folder.path().join("out");
    run(&recipe, &out);
    let trained = pleura::onnx::read(out.join("discs-fold1.onnx")).unwrap();
    let weights: Vec<_> = trained.graph().initializer.iter().filter_map(|tensor| tensor.floats().ok()).collect();
    assert!(weights.len() == 2 && weights[0] != weights[1], "{weights:?}");
}
