use std::path::Path;

use pleura::manifest::{Gate, Manifest, Resize, Stage, Values};
use proptest::prelude::*;
use serde_json::json;

use super::*;

fn recipe(heads: &str) -> Recipe {
    serde_json::from_value(json!({
        "schema": 1,
        "name": "small",
        "network": {
            "architecture": { "kind": "unet", "encoder": "resnet18" },
            "channels": 3,
            "heads": heads,
        },
        "data": {
            "images": ["*.png"],
            "truth": { "kind": "masks", "folder": "masks" },
            "scale": 255.0,
            "mean": [0.485, 0.456, 0.406],
            "std": [0.229],
            "resize": "area",
        },
        "loss": {},
        "optimizer": { "kind": "adam" },
        "phases": [
            { "epochs": 3, "size": [64, 64], "batch": 2, "lr": 1e-4 },
            { "epochs": 3, "size": [96, 128], "batch": 2, "lr": 3e-5 },
        ],
    }))
    .unwrap()
}

fn models(names: &[&str]) -> Vec<Trained> {
    let model = |(fold, name): (u32, &&str)| Trained { fold, model: format!("{name}.onnx"), sha256: "0f".repeat(32) };
    (0..).zip(names).map(model).collect()
}

fn parse(text: &str) -> Manifest {
    Manifest::parse(text, Path::new("ensemble.toml")).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn assert_fed_as_trained(stage: &Stage, recipe: &Recipe, models: &[Trained]) {
    let [member] = &stage.members[..] else { panic!("{:?}", stage.members) };
    assert_eq!((&member.name, member.intensity), (&recipe.name, recipe.data.intensity));
    let input = &member.input;
    assert_eq!((input.size, input.channels, input.resize), ([96, 128], 3, Resize::Area));
    assert_eq!((input.scale, &input.mean, &input.std), (255.0, &recipe.data.mean, &recipe.data.std));
    assert_eq!(member.snapshots.len(), models.len());
    for (snapshot, model) in member.snapshots.iter().zip(models) {
        assert_eq!((snapshot.fold, snapshot.weight), (Some(model.fold), 1.0));
        assert_eq!((&*snapshot.model, snapshot.sha256.as_ref()), (Path::new(&model.model), Some(&model.sha256)));
    }
}

#[test]
fn a_map_makes_a_segmenter() {
    let (mut recipe, models) = (recipe("map"), models(&["fold-0", "fold-1"]));
    recipe.data.intensity = Intensity::Percentiles { low: 0.1, high: 99.9 };
    let text = manifest(&recipe, &Ports::default(), &models);
    let read = parse(&text);
    assert_eq!((read.name.as_str(), &read.classifier), ("small", &None));
    assert_fed_as_trained(&read.segmenter, &recipe, &models);
    let member = &read.segmenter.members[0];
    let map = member.map.as_ref().unwrap();
    assert_eq!((member.input.name.as_str(), map.output.as_str(), map.values), ("image", "map", Values::Logits));
    assert_eq!(member.score, None);
    assert_eq!((read.postprocess.len(), read.postprocess[0].plugin.as_str()), (1, "threshold"));
    assert_eq!(read.postprocess[0].params["above"], 0.5);
    assert!(!text.contains("positives only"));
    recipe.data.positives_only = true;
    let text = manifest(&recipe, &Ports::default(), &models);
    assert!(text.contains("# These networks were trained on positives only"));
    assert_eq!(parse(&text), read);
}

#[test]
fn both_heads_make_both_stages() {
    let (mut recipe, models) = (recipe("both"), models(&["fold-0"]));
    recipe.description = "Two lines,\n\"quoted\".".into();
    recipe.data.intensity = Intensity::Fixed { center: -600.5, width: 1.0 };
    let read = parse(&manifest(&recipe, &Ports::default(), &models));
    assert_eq!(read.description, recipe.description);
    let classifier = read.classifier.unwrap();
    assert_fed_as_trained(&classifier, &recipe, &models);
    assert_fed_as_trained(&read.segmenter, &recipe, &models);
    assert_eq!(classifier.gate, Some(Gate::Score { above: Some(0.5), at_least: None, member: None }));
    assert_eq!(classifier.members[0].score.as_ref().unwrap().output, "score");
    assert_eq!((&classifier.members[0].map, read.segmenter.gate), (&None, None));
}

#[test]
fn a_score_alone_is_a_stage_to_paste() {
    let (recipe, models) = (recipe("score"), models(&["fold-0", "fold-1"]));
    let fragment = manifest(&recipe, &Ports::default(), &models);
    assert_eq!((file_name(Heads::Score), file_name(Heads::Map)), ("classifier.toml", "ensemble.toml"));
    assert!(Manifest::parse(&fragment, Path::new("classifier.toml")).is_err());

    let segmenters = manifest(&self::recipe("map"), &Ports::default(), &self::models(&["s"]));
    let read = parse(&(segmenters + &fragment));
    assert_fed_as_trained(&read.classifier.unwrap(), &recipe, &models);
}

#[test]
fn fine_tuned_models_keep_their_names() {
    let port = |output: &str, form| Port { output: output.into(), form, channel: None };
    let ports = Ports {
        input: "input:0".into(),
        layout: Layout::Nhwc,
        map: port("Sigmoid \"7\"", Form::Probabilities),
        score: port("", Form::Logits),
    };
    let member = parse(&manifest(&recipe("map"), &ports, &models(&["a"]))).segmenter.members.remove(0);
    let map = member.map.unwrap();
    assert_eq!((member.input.name, member.input.layout), (ports.input, ports.layout));
    assert_eq!((map.output, map.values, map.channel), (ports.map.output, Values::Probabilities, None));
}

#[test]
fn the_class_that_was_trained_is_named() {
    let map = Port { output: "logits".into(), form: Form::Softmax, channel: Some(1) };
    let ports = Ports { map, ..Ports::default() };
    let member = parse(&manifest(&recipe("map"), &ports, &models(&["a"]))).segmenter.members.remove(0);
    let map = member.map.unwrap();
    assert_eq!((&*map.output, map.values, map.channel), ("logits", Values::Softmax, Some(1)));
    assert_eq!(map.resize_as, Some(Values::Logits), "as the trainer resizes it");
}

proptest! {
    #[test]
    fn whatever_things_are_called(
        names in prop::collection::hash_set("[^\u{0}]{1,12}", 1..4), title in ".{1,20}", scale in 1e-6..1e6_f32,
        mean in -1e3..1e3_f32,
    ) {
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let (mut recipe, models) = (recipe("both"), models(&names));
        recipe.name = title;
        (recipe.data.scale, recipe.data.mean) = (scale, vec![mean]);
        let read = parse(&manifest(&recipe, &Ports::default(), &models));
        prop_assert_eq!(&read.name, &recipe.name);
        for stage in [&read.segmenter, read.classifier.as_ref().unwrap()] {
            let member = &stage.members[0];
            prop_assert_eq!((member.input.scale, member.input.mean[0]), (scale, mean));
            prop_assert_eq!((&member.name, member.snapshots.len()), (&recipe.name, models.len()));
            for (snapshot, model) in member.snapshots.iter().zip(&models) {
                prop_assert_eq!(&*snapshot.model, Path::new(&model.model));
            }
        }
    }
}

#[test]
fn odd_names() {
    for name in
        ["a \"b\" 'c'", "''' \"\"\"", "back\\slash", "line\nbreak\r", "# no comment", "tab\t\u{7f}\u{1}", "ü 🫁"]
    {
        let mut recipe = recipe("both");
        recipe.name = name.into();
        let read = parse(&manifest(&recipe, &Ports::default(), &models(&[name])));
        assert_eq!(read.segmenter.members[0].name, name);
        assert_eq!(read.classifier.unwrap().members[0].snapshots[0].model, Path::new(&format!("{name}.onnx")));
    }
}
