//! What manifests in a shorter way come to, and where their faults are.

use std::fs;
use std::path::{Path, PathBuf};

use crate::manifest::tests::told;
use crate::manifest::{Lint, Manifest, lint};

/// Its members, written out.
const LONG: &str = r#"
schema = 1
name = "long"

[[segmenter.members]]
name = "a"
input = { name = "x", size = [8, 8], channels = 1, mean = [0.5] }
map = { output = "y", values = "logits", channel = 1 }
snapshots = [
    { fold = 3, model = "m/a-fold3.onnx", weight = 2 },
    { fold = 3, model = "m/a-fold3-top2.onnx", weight = 2 },
    { fold = 4, model = "m/a-fold4.onnx", weight = 2 },
    { fold = 4, model = "m/a-fold4-top2.onnx", weight = 2 },
]

[[segmenter.members]]
name = "b"
model = "b.onnx"
input = { name = "x", size = [8, 8], channels = 3 }
map = { output = "z", values = "logits" }

[[postprocess]]
plugin = "threshold"
"#;

/// The same.
const SHORT: &str = r#"
schema = 1
name = "long"

[segmenter.defaults]
input = { name = "x", size = [8, 8], channels = 1 }
map = { output = "y", values = "logits" }

[[segmenter.members]]
name = "a"
input.mean = [0.5]
map.channel = 1
snapshots = { model = "m/a-fold{fold}{top}.onnx", top = ["", "-top2"], fold = [3, 4], weight = 2 }

[[segmenter.members]]
name = "b"
model = "b.onnx"
input.channels = 3
map.output = "z"

[[postprocess]]
plugin = "threshold"
"#;

fn parsed(text: &str) -> Manifest {
    Manifest::parse(text, Path::new("x.toml")).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn defaults_and_patterns_come_to_what_they_stand_for() {
    assert_eq!(parsed(SHORT), parsed(LONG));
    let [long, short] = [LONG, SHORT].map(|text| Lint::of_text(text, Path::new("x.toml")));
    assert_eq!((long.is_shorter(), short.is_shorter()), (false, true));
    assert_eq!(long.resolved(), short.resolved());
    assert_eq!(parsed(&short.resolved()), parsed(LONG));
}

#[test]
fn a_kind_replaces_the_whole_table_and_what_excludes_another_replaces_it() {
    let with = |defaults: &str, member: &str| {
        let text = SHORT.replace("[segmenter.defaults]\n", &format!("[segmenter.defaults]\n{defaults}\n"));
        parsed(&text.replace("name = \"b\"\n", &format!("name = \"b\"\n{member}\n"))).segmenter.members.remove(1)
    };
    let percentiles = "intensity = { kind = \"percentiles\", low = 1, high = 99 }";
    let member = with(percentiles, "intensity = { kind = \"stored\" }");
    assert_eq!(member.intensity, crate::manifest::Intensity::Stored);
    let member = with("sha256 = \"0\"\nsnapshots = [{ model = \"c.onnx\" }]", "");
    assert!(member.snapshots.is_empty() && member.sha256.is_none(), "{member:?}");
    let scored = "score_from_map = { kind = \"max\" }";
    let member = with(scored, "score = { output = \"s\", values = \"logits\" }");
    assert!(member.score.is_some() && member.score_from_map.is_none(), "{member:?}");
}

struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn messages(&self, name: &str) -> Vec<String> {
        let folder = format!("{}/", self.0.path().display());
        let lint = lint(&self.at(name)).unwrap();
        lint.diagnostics.iter().map(|it| it.to_string().replace(&folder, "")).collect()
    }
}

#[test]
fn a_manifest_extends_another_in_another_folder() {
    let change = r#"
extends = "../base/long.toml"
name = "changed"

[[segmenter.members]]
name = "new"
model = "n.onnx"
input = { name = "x", size = [4, 4], channels = 1 }
map = { output = "y", values = "logits" }

[[segmenter.members]]
name = "b"
weight = 3

[[postprocess]]
plugin = "min_area"
params = { model = "not a path" }
"#;
    let extended = LONG.replace("plugin = \"threshold\"", "plugin = \"./plugins/own.so\"");
    let files = Files::new(&[
        ("own/change.toml", change),
        ("base/long.toml", &extended),
        ("own/again.toml", "extends = \"change.toml\"\npostprocess = [{ plugin = \"threshold\" }]\n"),
        ("base/own.toml", "extends = \"long.toml\"\n"),
    ]);
    let manifest = Manifest::read(&files.at("own/change.toml")).unwrap();
    assert_eq!(manifest.name, "changed");
    let names: Vec<_> = manifest.segmenter.members.iter().map(|member| (member.name.as_str(), member.weight)).collect();
    assert_eq!(names, [("a", 1.0), ("b", 3.0), ("new", 1.0)]);
    let models: Vec<_> = manifest.files().into_iter().map(|(_, file)| file.to_str().unwrap().to_owned()).collect();
    assert_eq!(models[0], "../base/m/a-fold3.onnx");
    assert_eq!(models[4..], ["../base/b.onnx", "n.onnx"]);
    assert_eq!(manifest.postprocess[0].params["model"], "not a path");

    let again = Manifest::read(&files.at("own/again.toml")).unwrap();
    assert_eq!((again.segmenter, again.postprocess[0].plugin.as_str()), (manifest.segmenter, "threshold"));
    let own = Manifest::read(&files.at("base/own.toml")).unwrap();
    assert_eq!(
        (own.postprocess[0].plugin.as_str(), own.segmenter.members[1].model.as_deref()),
        ("./plugins/own.so", Some(Path::new("b.onnx")))
    );
}

#[test]
fn what_a_change_of_the_base_comes_to_is_another_manifest() {
    let files = Files::new(&[("base.toml", LONG), ("own.toml", "extends = \"base.toml\"\n")]);
    let before = lint(&files.at("own.toml")).unwrap().resolved();
    fs::write(files.at("base.toml"), format!("# a remark\n{LONG}")).unwrap();
    assert_eq!(lint(&files.at("own.toml")).unwrap().resolved(), before);
    fs::write(files.at("base.toml"), LONG.replace("b.onnx", "c.onnx")).unwrap();
    assert_ne!(lint(&files.at("own.toml")).unwrap().resolved(), before);
}

#[test]
fn faults_are_told_once_and_where_they_are_written() {
    let patterns = [
        (
            "{fold}{top}.onnx\", top",
            "{fold}.onnx\", top",
            "segmenter.members[0].snapshots.top: `model` does not name it: `m/a-fold{fold}.onnx`; write `{top}` where it belongs",
        ),
        (
            "top = [\"\", \"-top2\"], ",
            "",
            "segmenter.members[0].snapshots.model: there is no list for `{top}`; add `top = [...]`",
        ),
        (
            "[3, 4]",
            "[]",
            "segmenter.members[0].snapshots.fold: expected at least 1 item in the list, found 0; leave the list out",
        ),
        (
            "[3, 4]",
            "[0.5]",
            "segmenter.members[0].snapshots.fold: expected whole numbers or text in the list; as they appear in the files' names",
        ),
        (
            "weight = 2 }",
            "sha256 = [] }",
            "segmenter.members[0].snapshots.sha256: expected a list of 4 hashes, found 0; one for each file, in order",
        ),
        (
            "model = \"m/a-fold{fold}{top}.onnx\", ",
            "",
            "segmenter.members[0].snapshots.model: missing key; the ONNX files, with the names of lists in braces",
        ),
    ];
    for (old, new, expected) in patterns {
        assert!(SHORT.contains(old), "{old}");
        assert_eq!(told(&SHORT.replacen(old, new, 1)), [format!("x.toml:13:1: {expected}")], "{new}");
    }
    let table = [
        // one fault of the defaults, which two members have
        (
            "name = \"x\", size",
            "name = \"x\", sise",
            "x.toml:6:23: segmenter.members[0].input.sise: unknown key; did you mean `size`?",
        ),
        (
            "channels = 1 }",
            "channels = \"1\" }",
            "x.toml:6:38: segmenter.members[0].input.channels: expected a whole number, found the text `1`; 1, or 3 for the grey image repeated three times",
        ),
        (
            "[segmenter.defaults]\ninput = ",
            "segmenter.defaults = 3\nother = ",
            "x.toml:5:1: segmenter.defaults: expected a table of members' keys",
        ),
    ];
    for (old, new, expected) in table {
        assert!(SHORT.contains(old), "{old}");
        let told = told(&SHORT.replacen(old, new, 1));
        assert_eq!(told.iter().filter(|it| *it == expected).count(), 1, "{told:#?}");
    }
}

#[test]
fn faults_of_what_is_extended_name_its_file() {
    let files = Files::new(&[
        ("own.toml", "name = \"own\"\nextends = \"base/base.toml\"\nexit = \"fully\"\n"),
        ("base/base.toml", &LONG.replace("size = [8, 8], channels = 3", "size = [8], channels = 3")),
        ("loop.toml", "extends = \"loop.toml\"\n"),
        ("none.toml", "extends = \"nowhere.toml\"\n"),
        ("broken.toml", "extends = \"base/broken.toml\"\n"),
        ("base/broken.toml", "schema = \n"),
        ("number.toml", &format!("extends = 3\n{LONG}")),
    ]);
    assert_eq!(
        files.messages("own.toml"),
        [
            "own.toml:3:1: exit: expected one of `exact`, `full`, found `fully`; did you mean `full`?",
            "base/base.toml:19:23: segmenter.members[1].input.size: expected 2 items in the list, found 1; `[height, \
             width]` in pixels",
        ]
    );
    let first = |name: &str| files.messages(name).swap_remove(0);
    assert!(first("loop.toml").contains("extends: expected at most 8 files that extend one another"));
    assert!(first("none.toml").starts_with("none.toml:1:1: extends: cannot read `nowhere.toml`: "));
    assert!(first("broken.toml").starts_with("base/broken.toml:1:"), "{}", first("broken.toml"));
    assert_eq!(files.messages("number.toml"), ["number.toml:1:1: extends: expected the path of a manifest in quotes"]);
}
