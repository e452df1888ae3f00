//! Invalid manifests and their diagnostics.

use std::path::Path;

use super::{Diagnostic, Gate, Intensity, Lint, Manifest, ManifestError, Merge, Sides};

/// A valid manifest; the lines in the tables below are its own.
const SOUND: &str = r#"schema = 1
name = "sound"

[[segmenter.members]]
name = "unet"
model = "unet.onnx"
input = { name = "x", size = [512, 512], channels = 1 }
map = { output = "y", values = "logits" }

[[postprocess]]
plugin = "threshold"
"#;

/// The valid manifest with one text replaced by another.
fn with(old: &str, new: &str) -> String {
    assert!(SOUND.contains(old), "{old}");
    SOUND.replacen(old, new, 1)
}

fn diagnostics(text: &str) -> Vec<Diagnostic> {
    Lint::of_text(text, Path::new("x.toml")).diagnostics
}

pub fn told(text: &str) -> Vec<String> {
    diagnostics(text).iter().map(Diagnostic::to_string).collect()
}

#[test]
fn a_sound_manifest_is_read_with_its_defaults() {
    let manifest = Manifest::parse(SOUND, Path::new("x.toml")).unwrap();
    let member = &manifest.segmenter.members[0];
    assert_eq!((member.weight, member.identity, member.input.scale), (1.0, true, 1.0));
    assert_eq!((manifest.segmenter.merge.clone(), member.intensity), (Merge::Mean, Intensity::Stored));
    assert_eq!(diagnostics(SOUND), []);
}

#[test]
fn a_full_manifest_round_trips() {
    let text = with("map = {", "tta = [{ plugin = \"flip\", params = { a = 1, b = 0.5, c = [true] } }]\nmap = {")
        .replace("name = \"sound\"", "name = \"sound\"\noutput.size = [1024, 1024]\nexit = \"full\"")
        + r#"
[classifier]
merge = { kind = "vote", above = 0.5 }
gate = { kind = "any", of = [{ kind = "score", at_least = 0.5 }, { kind = "area", above = 0.5, at_least = 9, at = [8, 8] }] }

[[classifier.members]]
name = "c"
model = "c.onnx"
sha256 = "0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef"
weight = 2
input = { name = "x", size = [64, 32], channels = 3, layout = "nhwc", mean = [0, 0.5, 1e-3], std = [0.2], resize = "area" }
intensity = { kind = "percentiles", low = 1, high = 99.5 }
map = { output = "m", values = "probabilities", resize_as = "logits", channel = 1 }
score_from_map = { kind = "top", fraction = 0.01 }
"#;
    let manifest = Manifest::parse(&text, Path::new("x.toml")).unwrap();
    assert_eq!(manifest.output.size, Some([1024, 1024] as Sides));
    assert!(matches!(manifest.classifier.as_ref().unwrap().gate, Some(Gate::Any { ref of }) if of.len() == 2));
    let again = toml::to_string(&manifest).unwrap();
    assert_eq!(Manifest::parse(&again, Path::new("x.toml")).unwrap(), manifest, "{again}");
    // The linter reads the same as serde.
    assert_eq!(toml::from_str::<Manifest>(&text).unwrap(), manifest);
}

/// One fault each: the text replaced in the valid manifest, its replacement, and the diagnostic.
#[rustfmt::skip]
const FAULTS: &[(&str, &str, &str)] = &[
    // Keys.
    ("name = \"unet\"", "name = \"unet\"\nweigth = 2", "6:1: segmenter.members[0].weigth: unknown key; did you mean `weight`?"),
    ("[[postprocess]]", "[output]\nfoo = 1\n[[postprocess]]", "11:1: output.foo: unknown key; the keys here are `mask_size`, `size`"),
    ("schema = 1\n", "", "1:1: schema: missing key; The manifest format: 1"),
    ("model = \"unet.onnx\"\n", "", "4:1: segmenter.members[0].model: neither `model` nor `snapshots` is given; name the ONNX file, or several as `snapshots`"),
    // Types.
    ("model = \"unet.onnx\"", "model = 3", "6:1: segmenter.members[0].model: expected text in quotes, found the number 3; The ONNX file, relative to the manifest"),
    ("model = ", "weight = \"2\"\nmodel = ", "6:1: segmenter.members[0].weight: expected a number, found the text `2`; The member's weight in a weighted merge"),
    ("map = {", "identity = 1\nmap = {", "8:1: segmenter.members[0].identity: expected true or false, found the number 1; Whether the unchanged image is one of the views"),
    ("[512, 512]", "512", "7:23: segmenter.members[0].input.size: expected a list, found the number 512; `[height, width]` in pixels"),
    ("[512, 512]", "[512, 5.5]", "7:36: segmenter.members[0].input.size[1]: expected a whole number, found the number 5.5"),
    // Lengths.
    ("[512, 512]", "[512]", "7:23: segmenter.members[0].input.size: expected 2 items in the list, found 1; `[height, width]` in pixels"),
    ("channels = 1", "channels = 1, mean = [1, 2, 3, 4]", "7:56: segmenter.members[0].input.mean: expected at most 3 items in the list, found 4; Subtracted after scaling: one number, or one per channel"),
    ("[[postprocess]]\nplugin = \"threshold\"", "[postprocess]", "10:2: postprocess: expected a list, found a table; Plugins from the merged probability map to the mask, in order"),
    ("\"unet\"", "\"\"", "5:1: segmenter.members[0].name: must not be empty; Name of the member in reports and errors; unique within its stage"),
    // Ranges.
    ("schema = 1", "schema = 2", "1:1: schema: must be 1, found 2; The manifest format: 1"),
    ("[512, 512]", "[0, 512]", "7:31: segmenter.members[0].input.size[0]: must be between 1 and 16384, found 0"),
    ("channels = 1", "channels = 2", "7:42: segmenter.members[0].input.channels: must be 1 or 3, found 2; 1, or 3 for the grey image repeated three times"),
    ("model = ", "weight = -1\nmodel = ", "6:1: segmenter.members[0].weight: must be at least 0, found -1; The member's weight in a weighted merge"),
    ("model = ", "weight = nan\nmodel = ", "6:1: segmenter.members[0].weight: must be a finite number of ordinary size; The member's weight in a weighted merge"),
    ("model = ", "weight = 1e300\nmodel = ", "6:1: segmenter.members[0].weight: must be a finite number of ordinary size; The member's weight in a weighted merge"),
    ("values = \"logits\"", "values = \"logits\", channel = 4294967296", "8:42: segmenter.members[0].map.channel: must be between 0 and 4294967295, found 4294967296; Channel of the output that is the map, counted from 0; with `softmax` and `labels`, the class"),
    ("map = {", "score_from_map = { kind = \"top\", fraction = 0 }\nmap = {", "8:34: segmenter.members[0].score_from_map.fraction: must be above 0 and up to 1, found 0; The fraction, above 0 and up to 1"),
    // Words.
    ("\"logits\"", "\"logit\"", "8:23: segmenter.members[0].map.values: expected one of `logits`, `probabilities`, `softmax`, `labels`, found `logit`; did you mean `logits`?"),
    ("\"logits\"", "1", "8:23: segmenter.members[0].map.values: expected one of `logits`, `probabilities`, `softmax`, `labels`, found the number 1"),
    ("map = {", "sha256 = \"abc\"\nmap = {", "8:1: segmenter.members[0].sha256: expected 64 hexadecimal digits, found 3 characters; `sha256sum FILE` prints it"),
    // Kinds.
    ("[[segmenter.", "segmenter.merge.kind = \"vot\"\n[[segmenter.", "4:17: segmenter.merge.kind: expected one of `mean`, `mean-logits`, `geometric`, `max`, `min`, `vote`, `stack`, found `vot`; did you mean `vote`?"),
    ("[[segmenter.", "segmenter.merge = \"max\"\n[[segmenter.", "4:11: segmenter.merge: expected a table, found the text `max`; write { kind = \"...\" } with `mean`, `mean-logits`, `geometric`, `max`, `min`, `vote`, `stack`"),
    ("[[segmenter.", "segmenter.merge = { above = 0.5 }\n[[segmenter.", "4:11: segmenter.merge.kind: missing key; one of `mean`, `mean-logits`, `geometric`, `max`, `min`, `vote`, `stack`"),
    ("[[segmenter.", "segmenter.merge = { kind = \"max\", above = 0.5 }\n[[segmenter.", "4:35: segmenter.merge.above: unknown key; the keys here are `kind`"),
    ("[[segmenter.", "segmenter.merge = { kind = \"vote\" }\n[[segmenter.", "4:11: segmenter.merge.above: missing key; The probability that a member's output must exceed"),
    // Parameters.
    ("plugin = \"threshold\"", "plugin = \"threshold\"\nparams = { a = inf }", "12:12: postprocess[0].params.a: must be a finite number"),
    ("plugin = \"threshold\"", "plugin = \"threshold\"\nparams = { a = [2020-01-01] }", "12:17: postprocess[0].params.a[0]: parameters cannot be dates; write it as text, in quotes"),
    ("plugin = \"threshold\"", "plugin = \"threshold\"\nisolation = \"process\"\ntimeout = 0", "13:1: postprocess[0].timeout: must be between 1 and 86400, found 0; Time limit in seconds for loading the plugin, for its parameters, and for each call, with `isolation = \"process\"`; default: 60"),
    ("plugin = \"threshold\"", "plugin = \"threshold\"\nsha256 = \"abc\"", "12:1: postprocess[0].sha256: expected 64 hexadecimal digits, found 3 characters; `sha256sum FILE` prints it"),
    // Rules.
    ("plugin = \"threshold\"", "plugin = \"threshold\"\ntimeout = 5", "12:1: postprocess[0].timeout: only an isolated plugin has a timeout; add isolation = \"process\", or leave this out"),
    ("map = {", "tta = [{ plugin = \"flip\", timeout = 5 }]\nmap = {", "8:27: segmenter.members[0].tta[0].timeout: only an isolated plugin has a timeout; add isolation = \"process\", or leave this out"),
    ("channels = 1", "channels = 3, mean = [1, 2]", "7:56: segmenter.members[0].input.mean: has 2 numbers, but the input has 3 channel(s); write one number, or one per channel"),
    ("channels = 1", "channels = 3, std = [1, 0, 1]", "7:66: segmenter.members[0].input.std[1]: must not be 0: intensities are divided by it"),
    ("channels = 1", "channels = 1, scale = 0", "7:56: segmenter.members[0].input.scale: must not be 0: every image would look the same; write 1, or 255 for a model that takes 0..=255"),
    ("map = {", "intensity = { kind = \"percentiles\", low = 9, high = 9 }\nmap = {", "8:37: segmenter.members[0].intensity.low: must be below `high`: 9 is not below 9"),
    ("map = {", "identity = false\nmap = {", "8:1: segmenter.members[0].identity: there is no view to run: `identity` is false and `tta` is empty"),
    ("map = {", "score_from_map = { kind = \"max\" }\nscore = { output = \"s\", values = \"logits\" }\nmap = {", "8:1: segmenter.members[0].score_from_map: `score` is declared as well; keep one of the two"),
    ("map = { output = \"y\", values = \"logits\" }", "score_from_map = { kind = \"max\" }", "8:1: segmenter.members[0].score_from_map: no `map` is declared to compute it from; declare the `map` output"),
    ("map = { output = \"y\", values = \"logits\" }", "", "4:1: segmenter.members[0].map: the member has neither a `map` nor a `score` output; declare its output"),
    ("map = {", "score = {", "4:1: segmenter.members[0].map: a segmenter needs a `map` output; declare it, or leave the member out"),
    ("values = \"logits\"", "values = \"logits\", resize_as = \"softmax\"", "8:42: segmenter.members[0].map.resize_as: only a map of `softmax` values can be resized as such; leave it out"),
    ("values = \"logits\"", "values = \"logits\", channels = [0, 1]", "8:42: segmenter.members[0].map.channels: several channels, and `join` does not say how they become one; add `join = \"sum\"` for exclusive classes, or `join = \"max\"`"),
    ("values = \"logits\"", "values = \"logits\", channels = [0, 1], join = \"sum\"", "8:61: segmenter.members[0].map.join: logits are independent channels, whose probabilities may add up to more than 1; write `join = \"max\"`, or `values = \"softmax\"` if the classes are exclusive"),
    ("values = \"logits\"", "values = \"logits\", channels = [1, 1], join = \"max\"", "8:42: segmenter.members[0].map.channels: a channel appears twice"),
    ("values = \"logits\"", "values = \"logits\", channels = [1]", "8:42: segmenter.members[0].map.channels: expected two or more channels; write `channel` for a single one"),
    ("values = \"logits\"", "values = \"logits\", join = \"max\"", "8:42: segmenter.members[0].map.join: there are no `channels` to join; add them, or leave it out"),
    ("values = \"logits\"", "values = \"logits\", channel = 1, channels = [0, 1], join = \"max\"", "8:42: segmenter.members[0].map.channel: expected one of the two; leave one out"),
    ("[[segmenter.", "segmenter.merge = { kind = \"stack\", model = \"s\", input = \"x\", output = \"y\", values = \"softmax\" }\n[[segmenter.", "4:77: segmenter.merge.values: a stack has one channel, of logits or probabilities; write \"logits\" or \"probabilities\""),
    ("map = {", "weight = 0\nmap = {", "8:1: segmenter.members[0].weight: every member has weight 0: none runs; give at least one a weight above 0"),
    ("[[segmenter.", "segmenter.gate = { kind = \"any-pixel\", above = 1 }\n[[segmenter.", "4:40: warning: segmenter.gate.above: no probability is above 1: no image passes"),
    ("[[segmenter.", "segmenter.gate = { kind = \"area\", above = 0.5, at_least = 5, at = [2, 2] }\n[[segmenter.", "4:48: warning: segmenter.gate.at_least: 2 x 2 pixels are fewer than 5: no image passes"),
    ("[[segmenter.", "runtime.fp16 = true\n[[segmenter.", "4:9: warning: runtime.fp16: has no effect without `tensorrt`, except on OpenVINO"),
    // Broken TOML.
    ("\"sound\"", "\"sound", "2:14: invalid basic string, expected `\"`"),
];

#[test]
fn each_fault_is_told_once_at_its_place() {
    let mut wrong = Vec::new();
    for (old, new, expected) in FAULTS.iter().filter(|(.., expected)| !expected.is_empty()) {
        let told = told(&with(old, new));
        if told != [format!("x.toml:{expected}")] {
            wrong.push(format!("{new}\n  expected x.toml:{expected}\n  told     {}", told.join("\n           ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_score_gate_has_one_bound_and_members_with_scores() {
    let gated = |gate| told(&with("[[segmenter.", &format!("segmenter.gate = {gate}\n[[segmenter.")));
    let no_score = "x.toml:5:1: segmenter.members[0].score: the gate `segmenter.gate` needs a score from every member; \
                    declare `score`, or `score_from_map`";
    let bound = "x.toml:4:11: segmenter.gate: neither `above` nor `at_least` is given; write `above` (strict) or \
                 `at_least`";
    assert_eq!(gated("{ kind = \"score\" }"), [bound, no_score]);
    let bound = "x.toml:4:11: segmenter.gate: both `above` and `at_least` are given; keep one";
    assert_eq!(gated("{ kind = \"score\", above = 0.1, at_least = 0.2 }"), [bound, no_score]);
    let nested = gated("{ kind = \"all\", of = [{ kind = \"any-pixel\", above = 0.5 }, { kind = \"score\" }] }");
    assert!(nested[0].starts_with("x.toml:4:77: segmenter.gate.of[1]: neither"), "{nested:?}");
}

/// A classifier of two members, the first with only a score, the second with only a map.
fn mixed_classifier(stage: &str) -> String {
    let input = "input = { name = \"x\", size = [8, 8], channels = 1 }";
    format!(
        "{SOUND}[classifier]\n{stage}\n\
         [[classifier.members]]\nname = \"a\"\nmodel = \"a.onnx\"\n{input}\n\
         score = {{ output = \"s\", values = \"logits\" }}\n\
         [[classifier.members]]\nname = \"b\"\nmodel = \"b.onnx\"\n{input}\n\
         map = {{ output = \"m\", values = \"logits\" }}\n"
    )
}

#[test]
fn gates_and_merges_ask_for_what_members_have() {
    let score = "gate = { kind = \"score\", above = 0.5 }";
    let table = [
        (
            score,
            vec![
                "19:1: classifier.members[1].score: the gate `classifier.gate` needs a score from every member; \
                      declare `score`, or `score_from_map`",
            ],
        ),
        (
            "gate = { kind = \"any-pixel\", above = 0.5 }",
            vec![
                "14:1: classifier.members[0].map: the gate `classifier.gate` counts pixels, and needs a `map` output; \
             declare it, or leave the member out",
                "19:1: classifier.members[1].score: other members have a score; their merge needs a score from every member; \
             declare `score`, or `score_from_map`",
            ],
        ),
    ];
    for (stage, expected) in table {
        let expected: Vec<_> = expected.iter().map(|it| format!("x.toml:{it}")).collect();
        assert_eq!(told(&mixed_classifier(stage)), expected, "{stage}");
    }
    // Nothing is required of a member that does not run.
    let text = mixed_classifier(score).replace("name = \"b\"", "name = \"b\"\nweight = 0");
    assert_eq!(told(&text), Vec::<String>::new());
    let ungated = told(&text.replace(score, ""));
    assert!(ungated[0].contains("warning: classifier.gate: without a gate the classifier has no effect"));
}

#[test]
fn members_are_told_apart_and_weights_must_count() {
    let stage = "gate = { kind = \"score\", above = 0.5 }\nmerge = { kind = \"max\" }";
    let text = mixed_classifier(stage)
        .replace("name = \"b\"", "name = \"a\"")
        .replace("map = { output = \"m\"", "score = { output = \"m\"");
    let text = text.replace("\"a.onnx\"", "\"a.onnx\"\nweight = 2");
    let expected = [
        "x.toml:18:1: warning: classifier.members[0].weight: has no effect: this merge has no weights",
        "x.toml:22:1: classifier.members[1].name: `a` is the name of another member; names must be unique within a stage",
    ];
    assert_eq!(told(&text), expected);
    let stack = "merge = { kind = \"stack\", model = \"s\", input = \"x\", output = \"y\", values = \"logits\" }";
    let text = text.replace("merge = { kind = \"max\" }", stack).replace("weight = 2", "weight = 0");
    assert!(
        told(&text)[0].contains("members[0].weight: a stacking model needs every member's output"),
        "{:?}",
        told(&text)
    );
}

const TEN_FAULTS: &str = r#"schema = 1
name = "ten faults"
output = { size = [1024] }
exit = "exakt"

[segmenter]
merge = { kind = "vote", above = 1.5 }
gate = { kind = "score", above = 0.5, at_least = 0.5 }

[[segmenter.members]]
name = "a"
model = "a.onnx"
weigth = 2
input = { name = "x", size = [512, 512], channels = 3, mean = [0.5, 0.5] }
intensity = { kind = "percentiles", low = 99, high = 1 }
map = { output = "y", values = "logits" }
score_from_map = { kind = "max" }

[[segmenter.members]]
name = "a"
model = "b.onnx"
sha256 = "abc"
input = { name = "x", size = [512, 512], channels = "3", std = [1, 2, 3] }
mapp = { output = "y", values = "logits" }
score_from_map = { kind = "max" }

[[postprocess]]
plugin = 7
"#;

#[test]
fn ten_planted_faults_and_two_more_are_told_in_one_go() {
    let expected = [
        "3:12: output.size: expected 2 items in the list, found 1; `[height, width]`; default: each radiograph's own size",
        "4:1: exit: expected one of `exact`, `full`, found `exakt`; did you mean `exact`?",
        "7:26: segmenter.merge.above: must be between 0 and 1, found 1.5; The probability that a member's output must exceed",
        "8:1: segmenter.gate: both `above` and `at_least` are given; keep one",
        "13:1: segmenter.members[0].weigth: unknown key; did you mean `weight`?",
        "14:56: segmenter.members[0].input.mean: has 2 numbers, but the input has 3 channel(s); write one number, or one per channel",
        "15:37: segmenter.members[0].intensity.low: must be below `high`: 99 is not below 1",
        "20:1: segmenter.members[1].name: `a` is the name of another member; names must be unique within a stage",
        "22:1: segmenter.members[1].sha256: expected 64 hexadecimal digits, found 3 characters; `sha256sum FILE` prints it",
        // No consequential problems: with `channels` broken nothing is said of `std`, with `mapp` nothing of a missing
        // map.
        "23:42: segmenter.members[1].input.channels: expected a whole number, found the text `3`; 1, or 3 for the grey image repeated three times",
        "24:1: segmenter.members[1].mapp: unknown key; did you mean `map`?",
        "28:1: postprocess[0].plugin: expected text in quotes, found the number 7; A plugin's name (`threshold`), or the path of its library, relative to the manifest (`./libmine.so`)",
    ];
    assert_eq!(told(TEN_FAULTS), expected.map(|it| format!("x.toml:{it}")));
    let error = Manifest::parse(TEN_FAULTS, Path::new("x.toml")).unwrap_err();
    assert_eq!(error.diagnostics().len(), expected.len());
    assert_eq!(error.to_string().lines().count(), expected.len());
}

#[test]
fn what_is_sound_beside_a_fault_is_still_read() {
    let lint = Lint::of_text(TEN_FAULTS, Path::new("x.toml"));
    let manifest = lint.document.as_ref().unwrap();
    assert_eq!(manifest.segmenter.members[1].model, Some("b.onnx".into()));
    assert!(lint.has_errors());
    for (field, replaced) in [("postprocess[0].plugin", true), ("segmenter.members[1].map.output", true)] {
        assert_eq!(lint.is_replaced(field), replaced, "{field}");
    }
    assert!(!lint.is_replaced("segmenter.members[1].model"));
}

#[test]
fn broken_toml_is_told_with_what_stands_beside_it() {
    let text = with("\"sound\"", "\"sound").replace("channels = 1", "channels = 2") + "colour = 1\n";
    let told = told(&text);
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].starts_with("x.toml:2:14: ") && told[1].starts_with("x.toml:7:42: "), "{told:?}");
    assert!(told[2].starts_with("x.toml:12:1: postprocess[0].colour: unknown key"), "{told:?}");
    // After a broken header nothing can be trusted.
    assert_eq!(diagnostics(&SOUND.replace("[[postprocess]]", "[[postprocess]")).len(), 1);
    assert_eq!(diagnostics(&with("name = \"sound\"", "schema = 1")).len(), 1);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Manifest::read(Path::new("nowhere/x.toml")).unwrap_err();
    assert!(matches!(error, ManifestError::Read { .. }));
    assert_eq!(error.to_string(), "cannot read manifest `nowhere/x.toml`");
}

#[test]
fn locations_serve_what_is_checked_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    std::fs::write(&path, SOUND).unwrap();
    let (_, locations) = Manifest::read_located(&path).unwrap();
    let located = |field| locations.locate(field);
    assert_eq!(located("segmenter.members[0].model"), (path.as_path(), 6, 1));
    assert_eq!(located("segmenter.members[0].map.output"), (path.as_path(), 8, 9));
    assert_eq!(located("postprocess[0].params"), (path.as_path(), 10, 1));
}
