//! Follows `plugins/README.md` to the letter.

use std::fs;
use std::path::Path;
use std::process::Command;

use ndarray::Array2;
use pleura::manifest::Isolation;
use pleura::plugin::Plugin;

use crate::{build, context, error, map, step, target};

fn guide() -> String {
    fs::read_to_string(build::root().join("plugins/README.md")).unwrap()
}

/// The first block of that language under that heading.
fn block(guide: &str, heading: &str, language: &str) -> String {
    let section = guide.split_once(&format!("\n## {heading}\n")).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let block = section.split_once(&format!("```{language}\n")).unwrap().1;
    block.split_once("```").unwrap().0.to_owned()
}

/// A shell in a folder, where `PLEURA` is the repository and `pleura` the program.
fn shell(script: &str, folder: &Path) -> String {
    let path = std::env::var("PATH").unwrap();
    build::run(
        Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(folder)
            .env("PLEURA", build::root())
            .env("PATH", format!("{}:{path}", target().display())),
    )
}

/// Clears a border of 2 pixels of a full mask of 6 x 10, and checks that a typo is refused.
fn use_it(plugin: &str, folder: &Path) {
    for isolation in [Isolation::None, Isolation::Process] {
        let plugin_with = |params| Plugin::open(&step(plugin, params, isolation), folder);
        let clear = plugin_with(r#"{"pixels": 2}"#).unwrap();
        let full = Array2::from_elem((6, 10), true).into();
        let mask = clear.postprocess(&context("a"), map().view(), Some(&full)).unwrap();
        let middle = Array2::from_shape_fn((6, 10), |(y, x)| (2..4).contains(&y) && (2..8).contains(&x));
        assert_eq!(mask, middle.into());
        let text = error(clear.postprocess(&context("a"), map().view(), None));
        assert_eq!(text, "plugin `clear-border` (postprocess): needs a mask: put it after `threshold`");
        assert!(error(plugin_with(r#"{"pixel": 2}"#)).contains("plugin `clear-border` rejects its parameters"));
        assert!(error(plugin_with(r#"{"pixels": 5000}"#)).contains("between 0 and 4096"));
    }
}

#[test]
fn the_c_plugin_goes_from_an_empty_folder_into_use() {
    let (guide, folder) = (guide(), tempfile::tempdir().unwrap());
    fs::write(folder.path().join("clear-border.c"), block(&guide, "In C", "c")).unwrap();
    let said = shell(&block(&guide, "In C", "sh"), folder.path());
    assert!(said.starts_with("ok    loads: `clear-border` 1.0.0, postprocess, ABI 1.1\n"), "{said}");
    assert!(!said.contains("FAIL") && said.lines().count() > 50, "{said}");
    use_it("./libclear_border.so", folder.path());
    use_it("clear-border", folder.path());
}

#[test]
fn the_rust_plugin_is_the_one_that_is_built_and_works() {
    let source = fs::read_to_string(build::root().join("tests/plugin-fixtures/guide/src/lib.rs")).unwrap();
    assert_eq!(
        block(&guide(), "In Rust", "rust"),
        source,
        "copy tests/plugin-fixtures/guide/src/lib.rs into the guide"
    );
    let library = target().join("deps/libclear_border.so");
    let said = shell(&format!("pleura plugins test {} --params '{{\"pixels\": 2}}'", library.display()), target());
    assert!(said.starts_with("ok    loads: `clear-border` 0.1.0, postprocess, ABI 1.1\n"), "{said}");
    assert!(!said.contains("FAIL"), "{said}");
    use_it(library.to_str().unwrap(), target());
}

/// (name, role, example) of each row of the guide's last table.
fn stock(guide: &str) -> Vec<(&str, &str, &str)> {
    let table = guide.split_once("\n## Stock plugins\n").unwrap().1;
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        (cells[1], cells[2], cells[4])
    })
    .collect()
}

#[test]
fn the_guide_names_every_stock_plugin() {
    let guide = guide();
    let mut named: Vec<_> = stock(&guide).into_iter().map(|(name, ..)| name.to_owned()).collect();
    let entries = fs::read_dir(build::root().join("plugins")).unwrap().map(|entry| entry.unwrap());
    let is_plugin = |folder: &Path| {
        fs::read_to_string(folder.join("Cargo.toml")).is_ok_and(|manifest| manifest.contains("\"cdylib\""))
    };
    let folders = entries.filter(|entry| is_plugin(&entry.path()));
    let mut there: Vec<_> = folders.map(|entry| entry.file_name().into_string().unwrap()).collect();
    named.sort();
    there.sort();
    assert_eq!(named, there);
}

#[test]
fn every_stock_plugin_but_scale_keeps_the_contract_with_the_guides_example() {
    contract_is_kept(|name| name != "scale");
}

/// By itself, as valgrind does not know an instruction of the library that resizes.
#[test]
fn scale_keeps_the_contract_with_the_guides_example() {
    contract_is_kept(|name| name == "scale");
}

fn contract_is_kept(is_tried: fn(&str) -> bool) {
    let guide = guide();
    let tried: Vec<_> = stock(&guide).into_iter().filter(|(name, ..)| is_tried(name)).collect();
    assert!(!tried.is_empty(), "the guide lists no such plugin");
    for (name, role, example) in tried {
        let output = Command::new(env!("CARGO_BIN_EXE_pleura"))
            .args(["plugins", "test", name, "--params", example])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && !said.contains("FAIL"), "{name}: {said}");
        assert!(
            said.starts_with(&format!("ok    loads: `{name}` ")) && said.contains(&format!(", {role}, ")),
            "{said}"
        );
    }
}
