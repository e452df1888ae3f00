//! Sliding windows, and means of logits: as MONAI makes them, in batches of any size, from the cache.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Axis};
use pleura::Radiograph;
use pleura::ensemble::{Ensemble, Finding, Form, Options};
use pleura::onnx::{Dim, ElementType, GraphBuilder, attribute};
use pleura::runtime::Device;
use support::case::{POST, chain};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/import").join(name)
}

fn far(found: &Array2<f32>, expected: &Array2<f32>) -> f32 {
    assert_eq!(found.dim(), expected.dim());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

fn options() -> Options {
    support::runtime();
    Ensemble::options().device(Device::Cpu).threads(1).keep_maps(true)
}

fn predict(manifest: &Path, image: &Radiograph, options: Options) -> Finding {
    let ensemble = options.open(manifest).unwrap_or_else(|error| panic!("{}", chain(&error)));
    ensemble.predict(image).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

#[test]
fn windows_are_joined_as_monai_does() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(golden("monai/ramp.onnx"), folder.path().join("ramp.onnx")).unwrap();
    let cases: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(golden("monai/cases.json")).unwrap()).unwrap();
    for case in cases.as_array().unwrap() {
        let array = |key: &str| -> Array2<f32> {
            ndarray_npy::read_npy(golden("monai").join(case[key].as_str().unwrap())).unwrap()
        };
        let image = Radiograph::from_values("image", array("input"), (0.0, 1.0)).unwrap();
        for batch in [1, 4] {
            let path = folder.path().join("ensemble.toml");
            let fit = format!(
                "fit = {{ kind = \"windows\", overlap = {}, weighting = {}, convention = \"monai\" }}",
                case["overlap"], case["mode"]
            );
            let toml = format!(
                "schema = 1\nname = \"m\"\n{POST}\n[[segmenter.members]]\nname = \"m\"\nmodel = \"ramp.onnx\"\n\
                 input = {{ name = \"image\", size = {}, channels = 1, {fit} }}\n\
                 map = {{ output = \"probability\", values = \"probabilities\" }}\n",
                case["window"]
            );
            fs::write(&path, toml).unwrap();
            let found = predict(&path, &image, options().batch(batch));
            let far = far(&found.map.unwrap(), &array("output"));
            assert!(far < 1e-6, "{case}: {far}");
        }
    }
}

/// A network whose logits are `gain` times the image, with `shift` added: one channel, or background and two classes.
fn network(path: &Path, gain: f32, shift: f32, classes: bool) {
    let dims = [Dim::from("batch"), 1.into(), "h".into(), "w".into()];
    let mut g = GraphBuilder::new("net");
    let image = g.input("image", ElementType::Float, &dims);
    let (gain, shift) = (g.scalar(gain), g.scalar(shift));
    let scaled = g.node("Mul", &[&image, &gain], vec![]);
    let mut map = g.node("Add", &[&scaled, &shift], vec![]);
    if classes {
        let square = g.node("Mul", &[&map, &map], vec![]);
        let rest = g.node("Neg", &[&map], vec![]);
        map = g.node("Concat", &[&rest, &map, &square], vec![attribute::int("axis", 1)]);
    }
    let channels = if classes { 3 } else { 1 };
    g.output(&map, "map", ElementType::Float, &[dims[0].clone(), channels.into(), dims[2].clone(), dims[3].clone()]);
    g.build().write(path).unwrap();
}

fn sigmoid(logit: f32) -> f32 {
    1.0 / (1.0 + (-logit).exp())
}

struct Case {
    folder: tempfile::TempDir,
    image: Radiograph,
    intensities: Array2<f32>,
}

impl Case {
    /// Two sets of weights, and an image with a black border.
    fn new(classes: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        network(&folder.path().join("a.onnx"), 4.0, -1.0, classes);
        network(&folder.path().join("b.onnx"), -9.0, 2.0, classes);
        let inside = |y, x| (2..19).contains(&y) && (3..21).contains(&x);
        let value = |(y, x)| if inside(y, x) { 1.0 + ((y * 7 + x * 13) % 40) as f32 } else { 0.0 };
        let intensities = Array2::from_shape_fn((20, 24), value) / 40.0;
        let image = Radiograph::from_values("image", intensities.clone(), (0.0, 1.0)).unwrap();
        Self { folder, image, intensities }
    }

    fn manifest(&self, member: &str) -> PathBuf {
        let path = self.folder.path().join("ensemble.toml");
        let toml = format!(
            "schema = 1\nname = \"m\"\n{POST}\n[[segmenter.members]]\nname = \"m\"\n\
             snapshots = [{{ model = \"a.onnx\", weight = 3 }}, {{ model = \"b.onnx\" }}]\n\
             input.name = \"image\"\ninput.size = [8, 8]\ninput.channels = 1\n\
             input.fit = {{ kind = \"windows\" }}\nmap.output = \"map\"\n{member}\n"
        );
        fs::write(&path, toml).unwrap();
        path
    }
}

#[test]
fn logits_are_averaged_over_weights_and_become_probabilities_last() {
    let case = Case::new(false);
    let path = case.manifest("average = \"logits\"\nmap.values = \"logits\"\ncrop_to_nonzero = true");
    let found = predict(&path, &case.image, options()).map.unwrap();
    let logits = |v: f32| (3.0 * (4.0 * v - 1.0) + (-9.0 * v + 2.0)) / 4.0;
    // the border is cut off and comes back as 0
    let expected = case.intensities.mapv(|v| if v == 0.0 { 0.0 } else { sigmoid(logits(v)) });
    assert!(far(&found, &expected) < 1e-6, "{}", far(&found, &expected));
    let path = case.manifest("map.values = \"logits\"");
    let found = predict(&path, &case.image, options()).map.unwrap();
    let expected = case.intensities.mapv(|v| (3.0 * sigmoid(4.0 * v - 1.0) + sigmoid(-9.0 * v + 2.0)) / 4.0);
    assert!(far(&found, &expected) < 1e-6, "{}", far(&found, &expected));
}

#[test]
fn classes_are_averaged_before_the_softmax_and_kept_in_the_cache() {
    let case = Case::new(true);
    for against in ["all", "likeliest"] {
        let member = format!(
            "average = \"logits\"\nmap.values = \"softmax\"\nmap.channel = 1\nmap.against = \"{against}\"\n\
             tta = [{{ plugin = \"flip\", params = {{ axis = \"both\" }} }}]"
        );
        let path = case.manifest(&member);
        let found = predict(&path, &case.image, options()).map.unwrap();
        let expected = case.intensities.mapv(|v| {
            let (a, b) = (4.0 * v - 1.0, -9.0 * v + 2.0);
            let mean = |f: fn(f32) -> f32| (3.0 * f(a) + f(b)) / 4.0;
            let [rest, one, two] = [mean(|x| -x), mean(|x| x), mean(|x| x * x)];
            let others = if against == "all" { (rest.exp() + two.exp()).ln() } else { rest.max(two) };
            sigmoid(one - others)
        });
        assert!(far(&found, &expected) < 3e-6, "{against}: {}", far(&found, &expected));
        let cache = case.folder.path().join(against);
        for _ in 0..2 {
            let again = predict(&path, &case.image, options().cache(&cache, Form::Exact).batch(3)).map.unwrap();
            assert_eq!(again, found, "{against}");
        }
        assert!(fs::read_dir(&cache).unwrap().count() > 0);
    }
}

#[test]
fn channels_of_logits_are_averaged_before_the_highest_counts() {
    let case = Case::new(true);
    let member = "average = \"logits\"\nmap.values = \"logits\"\nmap.channels = [0, 1]\nmap.join = \"max\"";
    let found = predict(&case.manifest(member), &case.image, options()).map.unwrap();
    let expected = case.intensities.mapv(|v| {
        let mean = (3.0 * (4.0 * v - 1.0) + (-9.0 * v + 2.0)) / 4.0;
        sigmoid(mean.abs())
    });
    assert!(far(&found, &expected) < 1e-6, "{}", far(&found, &expected));
}

#[test]
fn a_score_comes_from_the_map_of_the_mean() {
    let case = Case::new(false);
    let member = "average = \"logits\"\nmap.values = \"logits\"\nscore_from_map = { kind = \"max\" }";
    let segmenter = case.manifest(member);
    let toml = fs::read_to_string(&segmenter).unwrap();
    let classifier = toml.split_once("[[segmenter.members]]").unwrap().1;
    fs::write(
        &segmenter,
        format!("{toml}[classifier]\ngate = {{ kind = \"score\", at_least = 0 }}\n[[classifier.members]]{classifier}"),
    )
    .unwrap();
    let found = predict(&segmenter, &case.image, options().keep_maps(true));
    let highest = found.map.unwrap().iter().copied().fold(0.0, f32::max);
    let (low, high) = found.score.unwrap();
    assert!(low == high && (high - highest).abs() < 1e-6, "{low} {high} {highest}");
}

#[test]
fn what_windows_cannot_do_is_refused() {
    let case = Case::new(false);
    let check = |member: &str| {
        let output = support::pleura().arg("check").arg(case.manifest(member)).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let values = "map.values = \"logits\"\n";
    let cases = [
        ("score = { output = \"map\", values = \"logits\" }", "compute it from the map with `score_from_map`"),
        ("input.mean = [0.1]\ninput.normalize = { kind = \"z-score\" }", "each window is normalized by itself"),
        ("average = \"logits\"\nmap.resize_as = \"probabilities\"", "which are no logits"),
        ("average = \"logits\"\nmap.zero_below = 0.1", "views are averaged as logits"),
        ("map.against = \"likeliest\"", "only the classes of a softmax compete"),
    ];
    for (member, expected) in cases {
        let said = check(&format!("{values}{member}"));
        assert!(said.contains(expected), "{member}: {said}");
    }
    // a network of fixed size takes its own windows only
    let spaced = case.manifest(values);
    let toml = fs::read_to_string(&spaced).unwrap().replace("\"windows\" }", "\"windows\", spacing = [0.5, 0.5] }");
    fs::write(&spaced, toml).unwrap();
    let error = options().open(&spaced).unwrap().predict(&case.image).unwrap_err();
    assert!(chain(&error).contains("no pixel spacing"), "{}", chain(&error));
    assert_eq!(case.intensities.len_of(Axis(0)), 20);
}
