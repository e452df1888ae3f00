//! The documentation: reference pages agree with the schemas, every link resolves, the table of contents is complete.

mod links;
mod render;
mod types;

use std::fs;
use std::path::{Path, PathBuf};

use links::Checker;

/// (schema in `ensembles/`, page in `engine/docs/reference/`, title, what the file is).
const REFERENCE: [(&str, &str, &str, &str); 3] = [
    (
        "manifest.schema.json",
        "manifest.md",
        "Manifest reference",
        "A manifest declares an ensemble; `pleura check FILE.toml` validates it. [Manifests](../manifests.md) is the guide.",
    ),
    (
        "recipe.schema.json",
        "recipe.md",
        "Recipe reference",
        "A recipe declares a training; `pleura train --check FILE.toml` validates it. [Training](../training.md) is the \
         guide.",
    ),
    (
        "stack.schema.json",
        "stack.md",
        "Stacking recipe reference",
        "A stacking recipe declares the training of a model over the members' scores; `pleura train --check FILE.toml` \
         validates it. [Training](../training.md) is the guide.",
    ),
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Markdown files in a folder and below it, sorted.
fn markdown(folder: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            markdown(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Every page of the repository that people read.
fn pages() -> Vec<PathBuf> {
    let mut pages = ["README.md", "engine/CHANGELOG.md", "engine/fuzz/README.md", "tests/gpu/README.md"]
        .map(|page| root().join(page))
        .to_vec();
    for folder in [".github", "engine/docs", "ensembles", "plugins"] {
        markdown(&root().join(folder), &mut pages);
    }
    pages
}

#[test]
fn the_reference_pages_are_current() {
    let mut stale = Vec::new();
    for (schema, page, title, about) in REFERENCE {
        let text = fs::read_to_string(root().join("ensembles").join(schema)).unwrap();
        let rendered = render::page(title, about, schema, &serde_json::from_str(&text).unwrap());
        let path = root().join("engine/docs/reference").join(page);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &rendered).unwrap();
        }
        if fs::read_to_string(&path).unwrap_or_default() != rendered {
            stale.push(page);
        }
    }
    assert!(
        stale.is_empty(),
        "engine/docs/reference: {stale:?} differ from the schemas in ensembles/: run `UPDATE=1 cargo test --test docs`"
    );
}

#[test]
fn every_link_resolves() {
    let checker = Checker::default();
    let broken: Vec<_> = pages().iter().flat_map(|page| checker.broken(page)).collect();
    assert!(broken.is_empty(), "broken links:\n{}", broken.join("\n"));
    assert!(checker.checked() > 100, "found {} links: are they still recognised?", checker.checked());
}

#[test]
fn the_summary_lists_every_page_once() {
    let docs = root().join("engine/docs");
    let mut pages = Vec::new();
    markdown(&docs, &mut pages);
    let mut pages: Vec<_> = pages.iter().map(|page| page.strip_prefix(&docs).unwrap().to_str().unwrap()).collect();
    pages.retain(|page| *page != "SUMMARY.md");
    let summary = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let mut listed = links::targets(&summary);
    listed.sort_unstable();
    pages.sort_unstable();
    assert_eq!(listed, pages, "engine/docs/SUMMARY.md (left) and the pages in engine/docs (right)");
}
