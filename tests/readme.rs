//! The commands of the README and of the guide, run as printed.
#![cfg(unix)]

mod support;

use std::path::Path;
use std::process::Command;

/// The README's headings with commands, in the order of the page.
const README: [&str; 3] = ["Edit a manifest", "Make a submission", "Drop in a plugin"];

/// The pages of `engine/docs` with commands that continue from there, in the order of the guide.
const GUIDE: [&str; 6] = ["submissions.md", "tune.md", "report.md", "data.md", "training.md", "performance.md"];

fn docs() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/docs")
}

/// The `sh` blocks of a text, which must have some.
fn blocks(name: &str, text: &str) -> String {
    let blocks: Vec<_> = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```\n").next()).collect();
    assert!(!blocks.is_empty(), "`{name}` has no commands");
    blocks.concat()
}

/// The README's commands under a heading, up to the next heading.
fn section(readme: &str, heading: &str) -> String {
    let section = readme.split("\n## ").find(|section| section.starts_with(heading));
    blocks(heading, section.unwrap_or_else(|| panic!("the README has no section `{heading}`")))
}

/// All commands, in reading order.
fn script() -> String {
    let readme = std::fs::read_to_string(docs().join("../../README.md")).unwrap();
    let guide = GUIDE.map(|page| blocks(page, &std::fs::read_to_string(docs().join(page)).unwrap()));
    let parts = README.iter().map(|heading| section(&readme, heading)).chain(guide);
    ["set -eux\n".to_owned()].into_iter().chain(parts).collect()
}

#[test]
fn every_page_with_commands_is_run() {
    let pages = std::fs::read_dir(docs()).unwrap().map(|entry| entry.unwrap().path());
    let has_commands = |page: &Path| std::fs::read_to_string(page).is_ok_and(|text| text.contains("```sh\n"));
    let mut with_commands: Vec<_> = pages.filter(|page| has_commands(page)).collect();
    let mut run = GUIDE.map(|page| docs().join(page)).to_vec();
    with_commands.sort();
    run.sort();
    assert_eq!(with_commands, run, "a block that is not to be run is `text`");
    let readme = std::fs::read_to_string(docs().join("../../README.md")).unwrap();
    // the two commands of the first block build the program and run this test
    assert_eq!(readme.matches("```sh\n").count(), README.len() + 1, "the README has a block that is not run");
}

#[test]
fn what_people_do_works_as_written() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    // The output of the first of the two commands, and the header that the plugin includes.
    support::pleura().current_dir(folder.path()).args(["demo", "--images", "8"]).assert().success();
    std::os::unix::fs::symlink(root.join("engine"), folder.path().join("engine")).unwrap();
    let binary = Path::new(env!("CARGO_BIN_EXE_pleura")).parent().unwrap();
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
    let run =
        Command::new("bash").args(["-c", &script()]).env("PATH", path).current_dir(folder.path()).output().unwrap();
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
