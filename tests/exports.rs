//! Networks as exporters leave them: class labels, no axis of the batch, bytes in and out; from `check` to the map.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use pleura::ensemble::{Ensemble, Finding};
use pleura::onnx::{Dim, ElementType, GraphBuilder, attribute};
use pleura::runtime::Device;
use pleura::{Radiograph, Size};
use support::case::{POST, chain};
use support::toy::{noise, png};

/// ONNX's numbers of the types.
const INT32: i64 = 6;
const UINT8: i64 = 2;
const FLOAT: i64 = 1;

fn image_dims(channels: i64) -> [Dim; 4] {
    [Dim::from("batch"), channels.into(), "height".into(), "width".into()]
}

/// The class of a pixel of intensity `x` is 0 below 1/4, 2 above 3/4, and 1 between.
fn class_of(x: f64) -> usize {
    let numbers = [0.25 - x, 0.0, x - 0.75];
    (0..3).fold(0, |best, class| if numbers[class] > numbers[best] { class } else { best })
}

/// The numbers of the three classes of [`class_of`], (N, 3, H, W).
fn numbers(g: &mut GraphBuilder, image: &str) -> String {
    let (weight, bias) =
        (g.constant("w", &[3, 1, 1, 1], &[-1.0, 0.0, 1.0]), g.constant("b", &[3], &[0.25, 0.0, -0.75]));
    g.node("Conv", &[image, &weight, &bias], vec![attribute::ints("kernel_shape", &[1, 1])])
}

fn argmax(g: &mut GraphBuilder, image: &str, keep: bool) -> String {
    let numbers = numbers(g, image);
    g.node("ArgMax", &[&numbers], vec![attribute::int("axis", 1), attribute::int("keepdims", i64::from(keep))])
}

/// A manifest of one segmenter whose network is `n.onnx`.
fn manifest(folder: &Path, input: &str, map: &str) -> PathBuf {
    support::runtime();
    let path = folder.join("ensemble.toml");
    let toml = format!(
        "schema = 1\nname = \"exports\"\n{POST}\n[[segmenter.members]]\nname = \"n\"\nmodel = \"n.onnx\"\n\
         input = {{ name = \"image\", size = [8, 8], channels = 1{input} }}\nmap = {{ output = \"map\", {map} }}\n"
    );
    fs::write(&path, toml).unwrap();
    path
}

fn check(manifest: &Path) -> (Option<i32>, String) {
    let output = support::pleura().arg("check").arg(manifest).output().unwrap();
    (
        output.status.code(),
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
    )
}

/// The findings of two images in one batch.
fn predict(manifest: &Path, files: &[PathBuf]) -> Vec<Finding> {
    let options = Ensemble::options().device(Device::Cpu).threads(1).keep_maps(true);
    let ensemble = options.open(manifest).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let radiographs: Vec<_> = files.iter().map(|file| Radiograph::open(file).unwrap()).collect();
    let found = ensemble.predict_batch(&radiographs);
    found.into_iter().map(|finding| finding.unwrap_or_else(|error| panic!("{}", chain(&error)))).collect()
}

struct Images {
    folder: tempfile::TempDir,
    files: Vec<PathBuf>,
    pixels: Vec<Array2<u8>>,
}

fn images() -> Images {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<_> = (1..=3).map(|seed| noise(seed, Size::new(8, 8))).collect();
    let files = pixels.iter().enumerate().map(|(i, pixels)| png(folder.path(), &format!("i{i}"), pixels)).collect();
    Images { folder, files, pixels }
}

impl Images {
    /// Checks the manifest, and each pixel's probability, from its stored value.
    fn assert_maps(&self, manifest: &Path, expected: impl Fn(f64) -> f64, about: &str) {
        let (code, said) = check(manifest);
        assert_eq!(code, Some(0), "{about}: {said}");
        for (finding, pixels) in predict(manifest, &self.files).into_iter().zip(&self.pixels) {
            for (found, &pixel) in finding.map.unwrap().iter().zip(pixels) {
                let expected = expected(f64::from(pixel));
                assert!((f64::from(*found) - expected).abs() < 1e-5, "{about}: {found} for {pixel}, not {expected}");
            }
        }
    }
}

#[test]
fn labels_of_every_type_and_shape_are_masks_of_a_class() {
    let images = images();
    let file = images.folder.path().join("n.onnx");
    let casts = [(None, ElementType::Int64), (Some(INT32), ElementType::Int32), (Some(UINT8), ElementType::UInt8)];
    for (cast, element) in casts.into_iter().chain([(Some(FLOAT), ElementType::Float)]) {
        for keep in [true, false] {
            let mut g = GraphBuilder::new("labels");
            let image = g.input("image", ElementType::Float, &image_dims(1));
            let mut labels = argmax(&mut g, &image, keep);
            if let Some(to) = cast {
                labels = g.node("Cast", &[&labels], vec![attribute::int("to", to)]);
            }
            let dims = image_dims(1);
            let without = [dims[0].clone(), dims[2].clone(), dims[3].clone()];
            g.output(&labels, "map", element, if keep { &dims } else { &without });
            g.build().write(&file).unwrap();
            for (pick, classes) in [("channel = 1", &[1][..]), ("channels = [1, 2], join = \"sum\"", &[1, 2])] {
                let manifest = manifest(images.folder.path(), "", &format!("values = \"labels\", {pick}"));
                let expected = |pixel: f64| f64::from(u8::from(classes.contains(&class_of(pixel / 255.0))));
                images.assert_maps(&manifest, expected, &format!("{element:?} {keep} {pick}"));
            }
        }
    }
}

#[test]
fn a_mask_of_booleans_is_class_one() {
    let images = images();
    let mut g = GraphBuilder::new("mask");
    let image = g.input("image", ElementType::Float, &image_dims(1));
    let half = g.scalar(0.5);
    let mask = g.node("Greater", &[&image, &half], vec![]);
    g.output(&mask, "map", ElementType::Bool, &image_dims(1));
    g.build().write(images.folder.path().join("n.onnx")).unwrap();
    let labelled = manifest(images.folder.path(), "", "values = \"labels\", channel = 1");
    images.assert_maps(&labelled, |pixel| f64::from(u8::from(pixel > 127.5)), "booleans");
    // numbers that are no probabilities are not taken for some
    for values in ["logits", "probabilities"] {
        let (code, said) = check(&manifest(images.folder.path(), "", &format!("values = \"{values}\"")));
        assert!(code == Some(2) && said.contains("map.values: output `map` is Tensor<bool>"), "{said}");
        assert!(said.contains("class labels are `values = \"labels\"`"), "{said}");
    }
    let (code, said) = check(&manifest(images.folder.path(), "", "values = \"labels\""));
    assert!(code == Some(2) && said.contains("`channel` does not say which is wanted"), "{said}");
}

#[test]
fn outputs_without_the_axis_of_the_batch_are_read_image_by_image() {
    let images = images();
    let file = images.folder.path().join("n.onnx");
    let manifest = manifest(images.folder.path(), "", "values = \"probabilities\"");
    // the first image's plane alone, and what `squeeze()` leaves: of one image (H, W), of several (N, H, W)
    for (op, declared) in [("Gather", true), ("Gather", false), ("Squeeze", false)] {
        let mut g = GraphBuilder::new("plane");
        let image = g.input("image", ElementType::Float, &image_dims(1));
        let zero = g.integers("zero", &[0]);
        let plane = if op == "Gather" {
            let planes = g.node("Gather", &[&image, &zero], vec![attribute::int("axis", 0)]);
            let axes = g.integers("axes", &[0, 1]);
            g.node("Squeeze", &[&planes, &axes], vec![])
        } else {
            g.node("Squeeze", &[&image], vec![])
        };
        let dims = ["height".into(), "width".into()];
        g.output(&plane, "map", ElementType::Float, if declared { &dims } else { &[] });
        g.build().write(&file).unwrap();
        images.assert_maps(&manifest, |pixel| pixel / 255.0, &format!("{op} {declared}"));
    }
}

#[test]
fn bytes_are_intensities_of_0_to_255() {
    let images = images();
    let mut g = GraphBuilder::new("bytes");
    let image = g.input("image", ElementType::UInt8, &image_dims(1));
    let floats = g.node("Cast", &[&image], vec![attribute::int("to", FLOAT)]);
    let most = g.scalar(255.0);
    let map = g.node("Div", &[&floats, &most], vec![]);
    g.output(&map, "map", ElementType::Float, &image_dims(1));
    g.build().write(images.folder.path().join("n.onnx")).unwrap();
    let scaled = manifest(images.folder.path(), ", scale = 255", "values = \"probabilities\"");
    images.assert_maps(&scaled, |pixel| pixel / 255.0, "bytes");
    for input in ["", ", scale = 255, mean = [128.0]", ", scale = 1000"] {
        let (code, said) = check(&manifest(images.folder.path(), input, "values = \"probabilities\""));
        let expected =
            "input.scale: input `image` is Tensor<u8>(batch, 1, height, width), of 0..=255: write `scale = 255`";
        assert!(code == Some(2) && said.contains(expected), "{input}: {said}");
    }
}

#[test]
fn a_fourth_channel_and_a_second_input_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (channels, second, expected) in [
        (4, false, "input `image` has 4 channels, the manifest declares 1; export the model with 1 or 3 channels"),
        (1, true, "the model also needs `age`; the engine feeds one input"),
    ] {
        let mut g = GraphBuilder::new("more");
        let image = g.input("image", ElementType::Float, &image_dims(channels));
        let mut map = g.node("Sigmoid", &[&image], vec![]);
        if second {
            let age = g.input("age", ElementType::Float, &[Dim::from("batch"), 1.into(), 1.into(), 1.into()]);
            map = g.node("Mul", &[&map, &age], vec![]);
        }
        g.output(&map, "map", ElementType::Float, &image_dims(channels));
        g.build().write(folder.path().join("n.onnx")).unwrap();
        let (code, said) = check(&manifest(folder.path(), "", "values = \"probabilities\", channel = 0"));
        assert!(code == Some(2) && said.contains(expected), "{said}");
    }
}
