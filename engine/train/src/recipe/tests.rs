//! Invalid recipes and their diagnostics.

use std::path::Path;

use super::{Architecture, Augment, Encoder, Lint, Optimizer, Recipe, RecipeError, Sampling, Transform, json_schema};

/// A valid recipe; the lines in the tables below are its own.
const SOUND: &str = r#"schema = 1
name = "sound"
network = { architecture = { kind = "unet", encoder = "resnet34" } }
data = { images = ["*.dcm"], truth = { kind = "rle", csv = "train.csv" } }
optimizer = { kind = "adam" }
loss.map = [{ kind = "bce" }]
[[phases]]
epochs = 10
size = [512, 512]
batch = 2
lr = 1e-4
"#;

/// The valid recipe with one text replaced by another.
fn with(old: &str, new: &str) -> String {
    assert!(SOUND.contains(old), "{old}");
    SOUND.replacen(old, new, 1)
}

fn told(text: &str) -> Vec<String> {
    let lint = Lint::of_text(text, Path::new("x.toml"));
    lint.diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn a_sound_recipe_is_read_with_its_defaults() {
    assert_eq!(told(SOUND), Vec::<String>::new());
    let recipe = Recipe::parse(SOUND, Path::new("x.toml")).unwrap();
    let decoder = [256, 128, 64, 32, 16];
    let unet = Architecture::Unet { encoder: Encoder::Resnet34, scse: false, attention: None, aspp: false, decoder };
    assert_eq!(recipe.network.architecture, unet);
    let betas = [0.9, 0.999];
    assert_eq!(recipe.optimizer, Optimizer::Adam { betas, epsilon: 1e-8, weight_decay: 0.0, clip: None });
    assert_eq!((recipe.seed, recipe.folds.count, recipe.phases[0].accumulate), (1, 5, 1));
}

#[test]
fn a_full_recipe_round_trips() {
    let text = with("loss.map", "seed = 7\nloss.map")
        .replace("{ kind = \"bce\" }", "{ kind = \"bce\", weight = 3 }, { kind = \"lovasz\", over = \"batch\" }")
        .replace("\"unet\", encoder", "\"unet\", scse = true, decoder = [64, 32, 16, 8, 4], encoder")
        .replace("} }\ndata", "}, heads = \"both\", dropout = 0.5, channels = 3, freeze_encoder = true }\ndata")
        + r#"schedule = { kind = "sgdr", period = 5, factor = 2, min = 1e-6 }
warmup = { steps = 100 }
sampling = { kind = "positive-share", share = 0.8, to = 0.22 }
patience = 3
[[phases]]
epochs = 2
size = [1024, 512]
crop = [512, 256]
batch = 1
lr = 1
schedule = { kind = "step", at = [0, 1] }
[[loss.score]]
kind = "cross-entropy"
classes = [1, 2.5]
[average]
kind = "ema"
decay = 0.99
[weights]
file = "resnet34.pth"
add_prefix = "encoder."
missing = ["decoder."]
[folds]
count = 8
train = [0, 7]
patients = "p.csv"
[[augment]]
one_of = [{ kind = "hflip" }]
[[augment]]
p = 0.3
one_of = [{ kind = "gamma", range = [0.8, 1.2] }, { kind = "crop", keep = [0.5, 1] }, { kind = "blur", limit = 4 }]
[[augment]]
one_of = [
    { kind = "shift-scale-rotate", border = "reflect-101" },
    { kind = "optical-distortion", limit = 2, border = "constant" },
    { kind = "brightness", limit = 0.2, of = "mean" },
    { kind = "contrast", limit = 0.2, about = "zero" },
    { kind = "brightness-contrast", brightness = 0.2, contrast = 0.1 },
]
"#;
    let recipe = Recipe::parse(&text, Path::new("x.toml")).unwrap();
    assert_eq!(recipe.phases[0].sampling, Sampling::PositiveShare { share: 0.8, to: Some(0.22) });
    assert_eq!(recipe.augment[0], Augment { p: 1.0, one_of: vec![Transform::Hflip {}] });
    let again = toml::to_string(&recipe).unwrap();
    assert_eq!(Recipe::parse(&again, Path::new("x.toml")).unwrap(), recipe, "{again}");
    // The linter reads the same as serde.
    assert_eq!(toml::from_str::<Recipe>(&text).unwrap(), recipe);
    let files = recipe.files(Path::new("home")).into_iter().map(|(key, file)| format!("{key} {}", file.display()));
    let expected = ["weights.file home/resnet34.pth", "data.truth.csv home/train.csv", "folds.patients home/p.csv"];
    assert_eq!(files.collect::<Vec<_>>(), expected);
}

/// One fault each: the text replaced in the valid recipe, its replacement, and the diagnostic.
#[rustfmt::skip]
const FAULTS: &[(&str, &str, &str)] = &[
    // Shapes.
    ("epochs = 10", "epoch = 10", "8:1: phases[0].epoch: unknown key; did you mean `epochs`?"),
    ("lr = 1e-4\n", "", "7:1: phases[0].lr: missing key; The learning rate that the schedule starts from"),
    ("lr = 1e-4", "lr = 0", "11:1: phases[0].lr: must be above 0, found 0; The learning rate that the schedule starts from"),
    ("\"resnet34\"", "\"resnet43\"", "3:45: network.architecture.encoder: expected one of `alexnet`, `resnet18`, `resnet34`, `resnet50`, `resnet101`, `se-resnext50`, `se-resnext101`, `senet154`, `efficientnet-b0`, `efficientnet-b1`, `efficientnet-b2`, `efficientnet-b3`, `efficientnet-b4`, `efficientnet-b5`, `efficientnet-lite0`, `smp-efficientnet-b0`, `smp-efficientnet-b1`, `smp-efficientnet-b2`, `smp-efficientnet-b3`, `smp-efficientnet-b4`, `smp-efficientnet-b5`, `smp-efficientnet-b6`, `smp-efficientnet-b7`, found `resnet43`; did you mean `resnet34`?"),
    ("encoder = \"resnet34\"", "encoder = \"resnet34\", decoder = [8, 4, 2, 1]", "3:67: network.architecture.decoder: expected 5 items in the list, found 4; The decoder's channels, from the smallest size to the full one"),
    ("encoder = \"resnet34\"", "encoder = \"resnet34\", decoder = [8, 4, 2, 1, 0]", "3:90: network.architecture.decoder[4]: must be at least 1, found 0"),
    ("{ kind = \"unet\", encoder = \"resnet34\" }", "{ kind = \"deeplab-v3\", encoder = \"resnet34\", output_stride = 32 }", "3:73: network.architecture.output_stride: must be 8 or 16, found 32; Stride of the last features relative to the image: 8 or 16"),
    ("{ kind = \"adam\" }", "{ kind = \"adam\", betas = [0.9, -1] }", "5:44: optimizer.betas[1]: must be between 0 and 1, found -1"),
    ("{ kind = \"adam\" }", "{ kind = \"adam\", clip = 0 }", "5:30: optimizer.clip: must be above 0, found 0; Maximum norm of the gradient over all weights"),
    ("{ kind = \"adam\" }", "\"adam\"", "5:1: optimizer: expected a table, found the text `adam`; write { kind = \"...\" } with `sgd`, `adam`, `adamw`"),
    ("{ kind = \"bce\" }", "{ kind = \"bce\", weight = -1 }", "6:29: loss.map[0].weight: must be at least 0, found -1; The term's factor"),
    ("batch = 2", "batch = 2\nsampling = { kind = \"positive-share\", share = 0.5, to = 1.5 }", "11:52: phases[0].sampling.to: must be above 0 and up to 1, found 1.5; The fraction in the phase's last epoch, reached in equal steps; default: constant"),
    // The network.
    ("\"sound\"", "\"a/b\"", "2:1: name: must not be a path or start with a dot; it is the stem of the files written by the training"),
    ("{ architecture = { kind = \"unet\", encoder = \"resnet34\" } }", "{ freeze_encoder = true, architecture = { kind = \"unet-classic\" } }", "3:13: network.freeze_encoder: this architecture has no separate encoder; leave it out, or choose an architecture over an encoder, such as `unet`"),
    ("encoder = \"resnet34\"", "encoder = \"resnet34\", scse = true, attention = \"cbam\"", "3:67: network.architecture.scse: `attention` is given as well; keep `attention`"),
    ("{ architecture = { kind = \"unet\", encoder = \"resnet34\"", "{ freeze_batch_norm = true, architecture = { kind = \"deeplab-v3-plus\", encoder = \"resnet34\", group_norm = 32", "3:13: warning: network.freeze_batch_norm: has no effect: the network uses group norms instead of batch norms"),
    ("{ architecture", "{ freeze_encoder = true, architecture", "3:13: warning: network.freeze_encoder: would freeze random weights; name a file in `weights`"),
    ("schema = 1", "schema = 1\nkeep = \"best-auc\"", "2:1: keep: there is no area under the ROC curve without a score; write `best`, or choose other `heads`"),
    ("{ architecture", "{ dropout = 0.5, architecture", "3:13: warning: network.dropout: has no effect: it is part of the label head, and `heads` has none"),
    ("{ kind = \"unet\", encoder = \"resnet34\" }", "{ kind = \"onnx\", model = \"a.onnx\" }", "3:13: network.architecture.map: `heads` has a map, but no output is named for it; name the output that holds the map, or choose other `heads`"),
    ("{ kind = \"unet\", encoder = \"resnet34\" }", "{ kind = \"onnx\", model = \"a.onnx\", map = \"m\", score = \"s\" }", "3:74: warning: network.architecture.score: is not trained: `heads` has no score; write `heads = \"both\"`"),
    ("optimizer", "weights = { file = \"a.h5\" }\noptimizer", "5:13: weights.file: unknown file name extension; expected .pth, .pt, .bin or .ckpt (PyTorch), .safetensors or .onnx"),
    ("optimizer", "weights = { file = \"a.pt\", missing = [\"\"] }\noptimizer", "5:39: warning: weights.missing[0]: every key starts with the empty text, so nothing would be checked"),
    // Images.
    ("data = {", "data = { mean = [0.5, 0.5, 0.5],", "4:10: data.mean: has 3 numbers, but the network has 1 channel(s); write one number, or one per channel"),
    ("data = {", "data = { std = [0.0],", "4:17: data.std[0]: must not be 0: intensities are divided by it"),
    ("data = {", "data = { scale = 0,", "4:10: data.scale: must not be 0: every image would look the same; write 1, or 255 for a network that takes 0..=255"),
    ("data = {", "data = { intensity = { kind = \"percentiles\", low = 99, high = 1 },", "4:46: data.intensity.low: must be below `high`: 99 is not below 1"),
    ("optimizer", "folds = { count = 4, train = [0, 4] }\noptimizer", "5:34: folds.train[1]: there is no fold 4; folds are counted from 0 to 3"),
    ("optimizer", "folds = { train = [1, 1] }\noptimizer", "5:23: folds.train[1]: fold 1 is listed twice"),
    ("optimizer", "folds = { train = [] }\noptimizer", "5:11: folds.train: names no fold: nothing is trained; leave it out to train all of them"),
    ("optimizer", "folds.patient_column = \"P\"\noptimizer", "5:7: warning: folds.patient_column: has no effect without `patients`, the CSV with that column"),
    ("optimizer", "augment = [{ one_of = [{ kind = \"crop\", keep = [1, 0.5] }] }]\noptimizer", "5:41: augment[0].one_of[0].keep: expected the minimum, then the maximum: 1 is above 0.5"),
    ("optimizer", "augment = [{ one_of = [{ kind = \"gamma\", range = [1.2, 0.8] }] }]\noptimizer", "5:42: augment[0].one_of[0].range: expected the minimum, then the maximum: 1.2 is above 0.8"),
    ("optimizer", "augment = [{ p = 0, one_of = [{ kind = \"hflip\" }] }]\noptimizer", "5:14: warning: augment[0].p: has no effect: its probability is 0"),
    // The loss.
    ("loss.map = [{ kind = \"bce\" }]", "loss = {}", "6:1: loss.map: nothing trains the network's map; add a term, such as { kind = \"bce\" }, or choose other `heads`"),
    ("loss.map", "loss.score = [{ kind = \"bce\" }]\nloss.map", "6:6: loss.score: the network has no score (`network.heads`); leave it out, or write `heads = \"both\"`"),
    ("{ kind = \"bce\" }", "{ kind = \"bce\", weight = 0 }", "6:29: loss.map[0].weight: every term has weight 0: nothing is minimised; give at least one a weight above 0"),
    ("{ kind = \"bce\" }", "{ kind = \"cross-entropy\", classes = [0, 0] }", "6:39: loss.map[0].classes: must not both be 0: the term is divided by their sum"),
    // The optimiser.
    ("{ kind = \"adam\" }", "{ kind = \"adam\", betas = [0.9, 1] }", "5:44: optimizer.betas[1]: must be below 1: the moment would stay 0; [0.9, 0.999] is usual"),
    ("{ kind = \"adam\" }", "{ kind = \"sgd\", momentum = 1 }", "5:29: optimizer.momentum: must be below 1: steps would only grow"),
    ("{ kind = \"adam\" }", "{ kind = \"sgd\", nesterov = true }", "5:29: optimizer.nesterov: there is no `momentum` to look ahead by; 0.9 is usual"),
    ("optimizer", "average = { kind = \"ema\", decay = 1 }\noptimizer", "5:27: average.decay: must be below 1: the average would never move; 0.99 and 0.999 are usual"),
    ("optimizer", "keep_top = 3\naverage = { kind = \"swa\", epochs = [9] }\noptimizer", "5:1: keep_top: stochastic weight averaging makes one set of weights; leave it out, or `average`"),
    ("optimizer", "keep_top = 0\noptimizer", "5:1: keep_top: must be between 1 and 100, found 0; Number of epochs per fold whose weights are exported: the best by `keep`, best first, or the last with `keep = \"last\"`"),
    ("optimizer", "average = { kind = \"swa\", epochs = [9, 10] }\noptimizer", "5:40: average.epochs[1]: there is no epoch 10; the phases have 10 in all, counted from 0 to 9"),
    ("optimizer", "average = { kind = \"swa\", epochs = [9, 9] }\noptimizer", "5:40: average.epochs[1]: epoch 9 is listed twice"),
    // Phases.
    ("[512, 512]", "[512, 500]", "9:14: phases[0].size[1]: must be a multiple of 32 for this architecture, found 500; such as 480 or 512"),
    ("[512, 512]", "[8, 512]", "9:9: phases[0].size[0]: must be a multiple of 32 for this architecture, found 8; such as 32"),
    ("lr = 1e-4", "lr = 11", "11:1: warning: phases[0].lr: a learning rate of 11 is unusually high; Adam takes about 1e-4, SGD about 1e-2"),
    ("batch = 2", "batch = 2\nschedule = { kind = \"cosine\", min = 1e-3 }", "11:31: phases[0].schedule.min: must not be above `lr`: 0.001 is above 0.0001"),
    ("batch = 2", "batch = 2\ncrop = [250, 256]", "11:9: phases[0].crop[0]: must be a multiple of 32 for this architecture, found 250; such as 224 or 256"),
    ("batch = 2", "batch = 2\ncrop = [256, 544]", "11:14: phases[0].crop[1]: must not be above the image's side, 512, found 544"),
    ("batch = 2", "batch = 2\ncrop = [512, 512]", "11:1: warning: phases[0].crop: has no effect: it is the whole image"),
    ("optimizer", "augment = [{ one_of = [{ kind = \"shift-scale-rotate\", border = \"reflect101\" }] }]\noptimizer", "5:55: augment[0].one_of[0].border: expected one of `constant`, `replicate`, `reflect`, `reflect-101`, `wrap`, found `reflect101`; did you mean `reflect-101`?"),
    ("batch = 2", "batch = 2\nschedule = { kind = \"step\", at = [5, 10] }", "11:38: phases[0].schedule.at[1]: there is no epoch 10; epochs are counted from 0 to 9"),
    ("batch = 2", "batch = 2\nschedule = { kind = \"step\", at = [5, 5] }", "11:38: phases[0].schedule.at[1]: epoch 5 is listed twice"),
    ("batch = 2", "batch = 2\nschedule = { kind = \"plateau\", patience = 10 }", "11:32: warning: phases[0].schedule.patience: has no effect: the phase ends before"),
    ("batch = 2", "batch = 2\npatience = 10", "11:1: warning: phases[0].patience: has no effect: the phase ends before"),
    ("epochs = 10", "epochs = 1\nsampling = { kind = \"positive-share\", share = 0.8, to = 0.4 }", "9:52: warning: phases[0].sampling.to: has no effect: the phase's first epoch is its last"),
    // Broken TOML.
    ("\"sound\"", "\"sound", "2:14: invalid basic string, expected `\"`"),
];

#[test]
fn each_fault_is_told_once_at_its_place() {
    let mut wrong = Vec::new();
    for (old, new, expected) in FAULTS {
        let told = told(&with(old, new));
        if told != [format!("x.toml:{expected}")] {
            wrong.push(format!("{new}\n  expected x.toml:{expected}\n  told     {}", told.join("\n           ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_rests_on_two_keys_is_told_of_either() {
    let positives = with("data = {", "data = { positives_only = true,")
        .replace("batch = 2", "batch = 2\nsampling = { kind = \"positive-share\", share = 0.5 }");
    let message = "x.toml:11:1: warning: phases[0].sampling: has no effect: with `data.positives_only` there are no \
                   negatives to draw; keep one of the two";
    assert_eq!(told(&positives), [message]);

    let scores = with("{ architecture", "{ heads = \"score\", architecture")
        .replace("loss.map = [{ kind = \"bce\" }]", "loss.score = [{ kind = \"dice\" }]")
        .replace("data = {", "data = { positives_only = true,")
        .replace("[512, 512]", "[500, 333]"); // a score is pooled from features of any size
    let expected = [
        "x.toml:4:10: warning: data.positives_only: a score cannot learn from positives alone; leave it out, or write \
         `heads = \"map\"`",
        "x.toml:6:17: warning: loss.score[0].kind: compares areas, but a score has none; `bce`, `cross-entropy` and \
         `focal` are for scores",
    ];
    assert_eq!(told(&scores), expected);

    let swa = with("batch = 2", "batch = 2\npatience = 3") + "[average]\nkind = \"swa\"\nepochs = [9]\n";
    let message = "x.toml:11:1: warning: phases[0].patience: the phase may end before the epochs that `average` names \
                   are reached";
    assert_eq!(told(&swa), [message]);

    let onnx =
        with("{ kind = \"unet\", encoder = \"resnet34\" }", "{ kind = \"onnx\", model = \"a.onnx\", map = \"m\" }")
            .replace("{ architecture", "{ dropout = 0.1, architecture");
    let message = "x.toml:3:13: warning: network.dropout: has no effect: an ONNX model has its own layers";
    assert_eq!(told(&onnx), [message]);
}

#[test]
fn faults_are_told_in_one_go_and_without_echoes() {
    let text = SOUND
        .replace("schema = 1", "schema = 2")
        .replace("\"unet\"", "\"unett\"") // nothing is said of sizes: who knows the stride
        .replace("[512, 512]", "[511, 512]")
        .replace("epochs = 10", "epochs = \"10\"") // nor of a patience beyond them
        .replace("batch = 2", "batch = 0\npatience = 99\nsampling = \"all\"")
        .replace("loss.map", "los.map");
    let expected = [
        "x.toml:1:1: schema: must be 1, found 2; The recipe format: 1",
        "x.toml:3:30: network.architecture.kind: expected one of `conv-stack`, `encoder-decoder`, `fcn-alexnet`, \
         `unet-classic`, `unet`, `linknet`, `dc-unet`, `deeplab-v3`, `deeplab-v3-plus`, `encnet`, `fpn`, `onnx`, found \
         `unett`; did you mean `unet`?",
        "x.toml:6:1: los: unknown key; did you mean `loss`?",
        "x.toml:8:1: phases[0].epochs: expected a whole number, found the text `10`; Maximum number of epochs",
        "x.toml:10:1: phases[0].batch: must be at least 1, found 0; Images per step",
        "x.toml:12:1: phases[0].sampling: expected a table, found the text `all`; write { kind = \"...\" } with `all`, \
         `positive-share`",
    ];
    assert_eq!(told(&text), expected);
    let error = Recipe::parse(&text, Path::new("x.toml")).unwrap_err();
    assert_eq!(error.diagnostics().len(), expected.len());
}

#[test]
fn strides_are_those_of_the_architectures() {
    let encoder = Encoder::Resnet18;
    let table = [
        (Architecture::ConvStack { widths: vec![8; 9] }, 1),
        (Architecture::EncoderDecoder { widths: vec![8; 4] }, 8),
        (Architecture::EncoderDecoder { widths: vec![8; 40] }, u32::MAX),
        (Architecture::FcnAlexnet {}, 32),
        (Architecture::UnetClassic { width: 64, batch_norm: false }, 16),
        (Architecture::Linknet { encoder }, 32),
        (Architecture::DeeplabV3 { encoder, output_stride: 16 }, 16),
        (Architecture::DeeplabV3Plus { encoder, output_stride: 8, group_norm: None }, 8),
        (Architecture::Encnet { encoder, codes: 32 }, 8),
        (toml::from_str("kind = \"onnx\"\nmodel = \"x.onnx\"").unwrap(), 1),
    ];
    for (architecture, stride) in table {
        assert_eq!(architecture.stride(), stride, "{architecture:?}");
    }
}

#[test]
fn the_committed_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ensembles/recipe.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, json_schema()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == json_schema(),
        "ensembles/recipe.schema.json is not what the types say: run `UPDATE=1 cargo test -p pleura-train schema`"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Recipe::read(Path::new("nowhere/x.toml")).unwrap_err();
    assert!(matches!(error, RecipeError::Read { .. }));
    assert_eq!(error.to_string(), "cannot read recipe `nowhere/x.toml`");
}

#[test]
fn the_recipes_that_are_handed_out_are_sound() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ensembles/recipes");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let recipes: Vec<_> = files.filter(|path| path.extension().is_some_and(|it| it == "toml")).collect();
    assert!(recipes.len() >= 3, "{recipes:?}");
    for path in recipes {
        let diagnostics = match super::stack::is_stack(&path) {
            true => super::stack::lint(&path).unwrap().diagnostics,
            false => super::lint(&path).unwrap().diagnostics,
        };
        assert!(diagnostics.is_empty(), "{}: {diagnostics:?}", path.display());
    }
}
