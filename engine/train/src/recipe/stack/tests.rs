//! Invalid recipes of stacks and their diagnostics.

use super::*;
use std::path::Path;

const SOUND: &str = r#"schema = 1
name = "sound"
stack = { kind = "conv" }
[[members]]
name = "a"
oof = "a/oof.csv"
[[members]]
name = "b"
oof = "b/oof.csv"
"#;

fn told(text: &str) -> Vec<String> {
    StackLint::of_text(text, Path::new("x.toml")).diagnostics.iter().map(ToString::to_string).collect()
}

#[test]
fn a_sound_recipe_is_read_with_its_defaults() {
    assert_eq!(told(SOUND), Vec::<String>::new());
    let recipe = StackRecipe::parse(SOUND, Path::new("x.toml")).unwrap();
    let expected = Stack::Conv {
        over: Window::Neighbours,
        activation: Activation::Relu,
        channels: 16,
        epochs: 50,
        batch: 64,
        lr: 5e-4,
        weight_decay: 0.0,
        schedule: Schedule::Constant,
        keep: KeepHead::Last,
    };
    assert_eq!(recipe.stack, expected);
    assert_eq!((recipe.seed, recipe.join, recipe.folds), (1, Join::All, None));
    let logistic = SOUND.replace("\"conv\"", "\"logistic\"");
    let recipe = StackRecipe::parse(&logistic, Path::new("x.toml")).unwrap();
    assert_eq!(recipe.stack, Stack::Logistic { of: FeatureScale::Logits, l2: 1.0 });
}

/// One fault each: the text replaced in the valid recipe, its replacement, and the diagnostic.
#[rustfmt::skip]
const FAULTS: &[(&str, &str, &str)] = &[
    ("kind = \"conv\"", "kind = \"convolution\"", "3:11: stack.kind: expected one of `conv`, `logistic`, found `convolution`"),
    ("kind = \"conv\"", "kind = \"conv\", l2 = 1", "3:26: stack.l2: unknown key; did you mean `lr`?"),
    ("kind = \"conv\"", "kind = \"logistic\", l2 = 0", "3:30: stack.l2: must be above 0, found 0"),
    ("kind = \"conv\"", "kind = \"conv\", lr = 50", "3:26: warning: stack.lr: a learning rate of 50 is unusually high; Adam takes about 5e-4"),
    ("kind = \"conv\"", "kind = \"conv\", epochs = 4, schedule = { kind = \"step\", at = [4] }", "3:72: stack.schedule.at[0]: there is no epoch 4; epochs are counted from 0 to 3"),
    ("schema = 1", "schema = 1\njoin = \"outer\"", "2:1: join: expected one of `all`, `inner`, found `outer`"),
    ("schema = 1", "schema = 1\nfolds = { count = 1 }", "2:11: folds.count: must be between 2 and 100, found 1"),
    ("\"sound\"", "\"a/b\"", "2:1: name: must not be a path or start with a dot; it is the stem of the files written by the training"),
    ("name = \"b\"", "name = \"a\"", "8:1: members[1].name: `a` is the name of another member; names must be unique"),
    ("b/oof.csv", "a/oof.csv", "9:1: members[1].oof: is another member's file as well; name each member's own file"),
    ("[[members]]\nname = \"b\"\noof = \"b/oof.csv\"\n", "", "4:3: members: this kind compares members, and there is only one; add a member, or choose `logistic`, which calibrates a single member"),
];

#[test]
fn each_fault_is_told_at_its_place() {
    let mut wrong = Vec::new();
    for (old, new, expected) in FAULTS {
        assert!(SOUND.contains(old), "{old}");
        let told = told(&SOUND.replacen(old, new, 1));
        if told.len() != 1 || !told[0].starts_with(&format!("x.toml:{expected}")) {
            wrong.push(format!("{new}\n  expected x.toml:{expected}\n  told     {}", told.join("\n           ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn stacks_are_told_from_networks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.toml");
    let cases = [
        (SOUND, true),
        ("name = \"broken\n[stack]\nkind = \"conv\"", true),
        ("name = \"broken\n stack = { kind = \"conv\" }", true),
        ("name = \"broken\nstacked = 1", false),
        ("schema = 1\n[network]\n", false),
        ("name = \"broken\n[network]\narchitecture = { kind = \"conv-stack\" }", false),
    ];
    for (text, expected) in cases {
        std::fs::write(&path, text).unwrap();
        assert_eq!(is_stack(&path), expected, "{text}");
    }
    assert!(!is_stack(&folder.path().join("none.toml")));
}

#[test]
fn the_committed_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ensembles/stack.schema.json");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, json_schema()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == json_schema(),
        "ensembles/stack.schema.json is not what the types say: run `UPDATE=1 cargo test -p pleura-train schema`"
    );
}
