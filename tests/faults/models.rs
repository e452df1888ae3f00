//! Models that fail for one image or one batch, and models that have changed.

use std::fs;
use std::path::Path;

use ndarray::Array2;
use pleura::onnx::{Dim, ElementType, GraphBuilder, attribute as a};

use crate::support::case::{Case, POST, member};
use crate::support::toy::{noise, png};
use crate::{itself, predict};
use pleura::Size;

/// A network from `image` to `map`, with the layers that `body` adds.
fn network(path: &Path, body: impl FnOnce(&mut GraphBuilder, &str) -> String) {
    let dims: [Dim; 4] = ["batch".into(), 1.into(), 8.into(), 8.into()];
    let mut g = GraphBuilder::new("faulty");
    let image = g.input("image", ElementType::Float, &dims);
    let map = body(&mut g, &image);
    g.output(&map, "map", ElementType::Float, &["n".into(), "c".into(), "h".into(), "w".into()]);
    g.build().write(path).unwrap();
}

/// A network whose map is the image, but NaN wherever an image is all black: 0 / 0.
fn nan_for_black(path: &Path) {
    network(path, |g, image| {
        let axes = g.integers("axes", &[1, 2, 3]);
        let most = g.node("ReduceMax", &[image, &axes], vec![a::int("keepdims", 1)]);
        let scaled = g.node("Mul", &[image, &most], vec![]);
        g.node("Div", &[&scaled, &most], vec![])
    });
}

/// A network that drops the last image of a batch of three.
fn forgets_the_third(path: &Path) {
    network(path, |g, image| {
        let shape = g.node("Shape", &[image], vec![a::int("end", 1)]);
        let three = g.integers("three", &[3]);
        let is_three = g.node("Equal", &[&shape, &three], vec![]);
        let is_three = g.node("Cast", &[&is_three], vec![a::int("to", 7)]);
        let end = g.node("Sub", &[&shape, &is_three], vec![]);
        let (start, axis) = (g.integers("start", &[0]), g.integers("axis", &[0]));
        g.node("Slice", &[image, &start, &end, &axis], vec![])
    });
}

fn case(write: impl FnOnce(&Path)) -> Case {
    let case = itself();
    write(&case.folder.path().join("toy.onnx"));
    case
}

#[test]
fn nan_for_one_image_costs_that_image() {
    let (case, healthy) = (case(nan_for_black), itself());
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..12 {
        png(folder.path(), &format!("image-{seed:02}"), &noise(seed, Size::new(8, 8)));
    }
    let clean = predict(&healthy.manifest, &[folder.path()], &[]);
    assert_eq!(clean.code, Some(0), "{}", clean.stderr);
    png(folder.path(), "image-05-black", &Array2::zeros((8, 8)));
    for batch in ["1", "4", "13"] {
        let ran = predict(&case.manifest, &[folder.path()], &["--batch", batch]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        assert_eq!(ran.csv, clean.csv, "batch {batch}");
        assert_eq!(ran.skipped().len(), 1, "{}", ran.stderr);
        let line = ran.skipped()[0].to_owned();
        assert!(line.contains("image-05-black.png") && line.contains("member `toy`, output `map`"), "{line}");
        assert!(line.contains("NaN"), "{line}");
    }
}

#[test]
fn a_wrong_shape_for_one_batch_costs_no_row_and_makes_no_wrong_one() {
    let (case, healthy) = (case(forgets_the_third), itself());
    let folder = tempfile::tempdir().unwrap();
    for seed in 0..8 {
        png(folder.path(), &format!("image-{seed}"), &noise(seed, Size::new(8, 8)));
    }
    let clean = predict(&healthy.manifest, &[folder.path()], &[]);
    for batch in ["1", "2", "3"] {
        let ran = predict(&case.manifest, &[folder.path()], &["--batch", batch]);
        let rows: Vec<_> = ran.csv.lines().collect();
        assert!(rows.iter().all(|row| clean.csv.lines().any(|other| other == *row)), "a wrong row: {}", ran.csv);
        // Every image has its row, or a line with the reason that it has none.
        assert_eq!(rows.len() - 1 + ran.skipped().len(), 8, "batch {batch}: {}", ran.stderr);
        assert_eq!(ran.code, Some(i32::from(!ran.skipped().is_empty())));
        let says = |line: &&str| line.contains("member `toy`, output `map`");
        assert!(ran.skipped().iter().all(says), "{}", ran.stderr);
    }
}

/// A manifest that declares its model's hash.
fn pinned() -> Case {
    let case = itself();
    let sum = pleura_files::digest::file(&case.folder.path().join("toy.onnx")).unwrap();
    let toml = format!("{POST}\n{}", member("segmenter", "toy", &format!("sha256 = \"{sum}\"")));
    fs::write(&case.manifest, format!("schema = 1\nname = \"case\"\n{toml}")).unwrap();
    case
}

#[test]
fn a_model_that_is_deleted_or_changed_after_the_check_leaves_no_submission() {
    type Harm = fn(&Path);
    let harms: [(Harm, &str); 4] = [
        (|model| fs::remove_file(model).unwrap(), "segmenter.members[0].model`: cannot read"),
        (|model| fs::write(model, "").unwrap(), "segmenter.members[0].sha256`: "),
        (nan_for_black, "segmenter.members[0].sha256`: "),
        (
            |model| {
                let bytes = fs::read(model).unwrap();
                fs::write(model, &bytes[..bytes.len() / 2]).unwrap();
            },
            "segmenter.members[0].sha256`: ",
        ),
    ];
    for (harm, says) in harms {
        let case = pinned();
        let model = case.folder.path().join("toy.onnx");
        let image = png(case.folder.path(), "image", &noise(1, Size::new(8, 8)));
        let ran = predict(&case.manifest, &[&image], &[]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        harm(&model);
        let ran = predict(&case.manifest, &[&image], &[]);
        assert_eq!((ran.code, ran.csv.as_str()), (Some(2), ""), "{}", ran.stderr);
        assert!(ran.stderr.contains(says) && ran.stderr.contains("toy.onnx"), "{}", ran.stderr);
    }
}
