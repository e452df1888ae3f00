//! The README's commands do what it says, copied and pasted.
#![cfg(unix)]

mod support;

use std::path::Path;
use std::process::Command;

/// The `sh` blocks below a heading, up to the next heading.
fn blocks(readme: &str, heading: &str) -> String {
    let section = readme.split("\n## ").find(|section| section.starts_with(heading));
    let section = section.unwrap_or_else(|| panic!("the README has no section `{heading}`"));
    let blocks: Vec<_> = section.split("```sh\n").skip(1).filter_map(|rest| rest.split("```\n").next()).collect();
    assert!(!blocks.is_empty(), "section `{heading}` has no commands");
    blocks.concat()
}

#[test]
fn what_people_do_works_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    // What the first of the two commands leaves, and the header that the plugin includes.
    support::pleura().current_dir(folder.path()).args(["demo", "--images", "8"]).assert().success();
    std::os::unix::fs::symlink(root.join("engine"), folder.path().join("engine")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_pleura")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let mut script = String::from("set -eux\n");
    for heading in [
        "Edit a manifest",
        "Make a submission",
        "Change your mind",
        "Tune the numbers",
        "Look at it",
        "Know your data",
        "Drop in a plugin",
        "Train your own",
        "See where the time goes",
        "Smaller, faster models",
    ] {
        script.push_str(&blocks(&readme, heading));
    }
    let run = Command::new("bash").args(["-c", &script]).env("PATH", path).current_dir(folder.path()).output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let has = |name: &str, text: &str| {
        let found = std::fs::read_to_string(folder.path().join(name)).unwrap().contains(text);
        assert!(found, "`{name}` does not hold {text:?}: a command did not do what it says");
    };
    has("mine/demo.toml", "above = 0.4");
    has("second.csv", "ImageId,EncodedPixels");
    has("second.receipt.json", "\"run\": 0,");
    has("look/tags.csv", "ImageId,");
    has("folds.csv", "ImageId,fold");
    has("mine/demo.toml", "no-border");
    has("mine.csv", "ImageId,EncodedPixels");
    has("merged.receipt.json", "parts.shard-3-of-4.csv");
    has("mine.html", "Mean Dice");
    has("mine.html", "Members");
    has("with-plugin.csv", "ImageId,EncodedPixels");
    has("tiny/trained/metrics.jsonl", "validation_loss");
    has("tiny.csv", "ImageId,EncodedPixels");
    has("int8.csv", "ImageId,EncodedPixels");
    assert!(String::from_utf8_lossy(&run.stdout).contains("no-border 1.0"), "check did not load the plugin");
}
