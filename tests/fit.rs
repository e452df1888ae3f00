//! Images of another shape than a network's input: on it and back, as the source's library would.

mod support;

use std::fs;
use std::path::Path;

use ndarray::{Array2, array, s};
use pleura::ensemble::{Ensemble, Finding};
use pleura::onnx::{Dim, ElementType, GraphBuilder, attribute};
use pleura::runtime::Device;
use pleura::{Radiograph, Size};
use support::case::{POST, chain};
use support::toy::{noise, png};

fn dims() -> [Dim; 4] {
    [Dim::from("batch"), 1.into(), "height".into(), "width".into()]
}

/// A network whose map is its input, `shift` added; its score is the input's first pixel.
fn network(path: &Path, shift: f32) {
    let mut g = GraphBuilder::new("same");
    let image = g.input("image", ElementType::Float, &dims());
    let shift = g.scalar(shift);
    let map = g.node("Add", &[&image, &shift], vec![]);
    let (zero, one, axes) = (g.integers("zero", &[0, 0]), g.integers("one", &[1, 1]), g.integers("axes", &[2, 3]));
    let first = g.node("Slice", &[&map, &zero, &one, &axes], vec![]);
    let score = g.node("Flatten", &[&first], vec![attribute::int("axis", 1)]);
    g.output(&map, "map", ElementType::Float, &dims());
    g.output(&score, "score", ElementType::Float, &["batch".into(), 1.into()]);
    g.build().write(path).unwrap();
}

struct Case {
    folder: tempfile::TempDir,
}

impl Case {
    fn new(shift: f32) -> Self {
        support::runtime();
        let folder = tempfile::tempdir().unwrap();
        network(&folder.path().join("n.onnx"), shift);
        Self { folder }
    }

    /// A manifest with further keys of the input and of the map.
    fn manifest(&self, input: &str, map: &str) -> std::path::PathBuf {
        let path = self.folder.path().join("ensemble.toml");
        let toml = format!(
            "schema = 1\nname = \"fit\"\n{POST}\n[classifier]\ngate = {{ kind = \"score\", at_least = 0 }}\n\
             defaults.model = \"n.onnx\"\n\
             defaults.input = {{ name = \"image\", size = [8, 8], channels = 1{input} }}\n\
             [[classifier.members]]\nname = \"c\"\nscore = {{ output = \"score\", values = \"probabilities\" }}\n\
             [[segmenter.members]]\nname = \"n\"\nmodel = \"n.onnx\"\n\
             input = {{ name = \"image\", size = [8, 8], channels = 1{input} }}\n\
             map = {{ output = \"map\", values = \"probabilities\"{map} }}\n"
        );
        fs::write(&path, toml).unwrap();
        path
    }

    fn predict(&self, pixels: &Array2<u8>, input: &str, map: &str) -> Finding {
        let image = Radiograph::open(png(self.folder.path(), "image", pixels)).unwrap();
        let options = Ensemble::options().device(Device::Cpu).threads(1).keep_maps(true);
        let ensemble = options.open(self.manifest(input, map)).unwrap_or_else(|error| panic!("{}", chain(&error)));
        ensemble.predict(&image).unwrap_or_else(|error| panic!("{}", chain(&error)))
    }

    fn check(&self, input: &str, map: &str) -> String {
        let output = support::pleura().arg("check").arg(self.manifest(input, map)).output().unwrap();
        format!("{:?} {}", output.status.code(), String::from_utf8_lossy(&output.stdout))
    }
}

fn near(found: &Array2<f32>, expected: &Array2<f32>) -> bool {
    found.dim() == expected.dim() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-5)
}

fn intensities(pixels: &Array2<u8>) -> Array2<f32> {
    pixels.mapv(|pixel| f32::from(pixel) / 255.0)
}

#[test]
fn a_letterbox_is_taken_off_the_map() {
    let case = Case::new(0.0);
    for size in [Size::new(8, 4), Size::new(3, 8), Size::new(8, 8), Size::new(8, 1)] {
        let pixels = noise(3, size);
        let finding = case.predict(&pixels, ", fit = { kind = \"letterbox\", border = 0.25 }", "");
        assert!(near(finding.map.as_ref().unwrap(), &intensities(&pixels)), "{size}");
        // the first pixel of the input is the border's, unless the image fills it
        let first = if size.area() == 64 { f32::from(pixels[(0, 0)]) / 255.0 } else { 0.25 };
        assert!((finding.score.unwrap().0 - first).abs() < 1e-6, "{size}: {:?}", finding.score);
    }
    // without it, the sides' ratio is lost
    let pixels = noise(3, Size::new(8, 4));
    assert!((case.predict(&pixels, "", "").score.unwrap().0 - f32::from(pixels[(0, 0)]) / 255.0).abs() < 1e-6);
}

#[test]
fn a_map_is_zero_outside_of_the_centre() {
    let case = Case::new(0.0);
    let pixels = noise(5, Size::new(12, 14)).mapv(|pixel| pixel.max(1));
    let finding = case.predict(&pixels, ", fit = { kind = \"center-crop\", short_side = 12 }", "");
    let mut expected = Array2::zeros((12, 14));
    expected.slice_mut(s![2..10, 3..11]).assign(&intensities(&pixels).slice(s![2..10, 3..11]));
    assert!(near(&finding.map.unwrap(), &expected));
}

#[test]
fn a_centre_that_cannot_be_is_refused() {
    let case = Case::new(0.0);
    let short = ", fit = { kind = \"center-crop\", short_side = 7 }";
    let said = case.check(short, "");
    assert!(
        said.starts_with("Some(2)") && said.contains("expected at least 8, the longer side of `size`, found 7"),
        "{said}"
    );
    let said = case.check(", fit = { kind = \"center-crop\", short_side = 8 }", ", resize_as = \"logits\"");
    assert!(said.starts_with("Some(2)") && said.contains("which only probabilities can be"), "{said}");
    let strip = Radiograph::from_values("strip", Array2::zeros((1, 16_384)), (0.0, 1.0)).unwrap();
    let path = case.manifest(", fit = { kind = \"center-crop\", short_side = 256 }", "");
    let error = Ensemble::options().device(Device::Cpu).open(path).unwrap().predict(&strip).unwrap_err();
    assert!(chain(&error).contains("256×4194304, more than 16384 a side"), "{}", chain(&error));
}

#[test]
fn an_image_is_normalized_by_its_own_pixels() {
    // what comes out is a probability for two pixels of three: -1, and twice 1/2 with the shift
    let case = Case::new(0.5);
    let pixels = Array2::from_shape_fn((8, 8), |(y, x)| if (y + x) % 2 == 0 { 40 } else { 120 });
    let finding = case.predict(&pixels, ", normalize = { kind = \"z-score\" }, std = [2.0]", "");
    // (x - 80) / 40 / 2 + 0.5
    let expected = pixels.mapv(|pixel| if pixel == 40 { 0.0 } else { 1.0 });
    assert!(near(&finding.map.unwrap(), &expected));
}

#[test]
fn maps_are_resized_as_they_were_made() {
    let case = Case::new(0.0);
    let pixels = array![[0_u8, 51, 102, 255]];
    let found = |resize: &str| {
        let path = case.manifest("", &format!(", resize = \"{resize}\""));
        let toml = fs::read_to_string(&path).unwrap().replace("size = [8, 8]", "size = [1, 4]");
        fs::write(&path, toml.replace("name = \"fit\"\n", "name = \"fit\"\noutput = { size = [1, 7] }\n")).unwrap();
        let image = Radiograph::open(png(case.folder.path(), "image", &pixels)).unwrap();
        let options = Ensemble::options().device(Device::Cpu).threads(1).keep_maps(true);
        options.open(path).unwrap().predict(&image).unwrap().map.unwrap()
    };
    // torch.nn.functional.interpolate(x, size=(1, 7), mode=…), by its definitions
    assert!(near(&found("nearest"), &array![[0.0, 0.0, 0.2, 0.2, 0.4, 0.4, 1.0]]));
    assert!(near(&found("linear-align-corners"), &array![[0.0, 0.1, 0.2, 0.3, 0.4, 0.7, 1.0]]));
    assert!(!near(&found("linear"), &found("linear-align-corners")));
}

#[test]
fn a_network_may_take_the_values_of_files() {
    // value / 256 + 0.25 of an 8-bit file
    let case = Case::new(0.25);
    let pixels = noise(7, Size::new(8, 8)) / 4;
    let finding = case.predict(&pixels, ", unit = \"stored\", std = [256.0]", "");
    assert!(near(&finding.map.unwrap(), &pixels.mapv(|pixel| f32::from(pixel) / 256.0 + 0.25)));
    let stored = case.manifest(", unit = \"stored\"", "");
    let toml = fs::read_to_string(&stored).unwrap().replace("map = {", "intensity = { kind = \"window\" }\nmap = {");
    fs::write(&stored, toml).unwrap();
    let output = support::pleura().arg("check").arg(&stored).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.code() == Some(2) && said.contains("input.unit: only `intensity = { kind = \"stored\" }`"),
        "{said}"
    );
}
