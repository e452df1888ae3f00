//! Networks with an output per class, trained with cross-entropy: `values = "softmax"`, from `check` to the CSV.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, array};
use pleura::ensemble::{Ensemble, Finding, Form, Inferences};
use pleura::manifest::Exit;
use pleura::onnx::{Dim, ElementType, GraphBuilder, attribute};
use pleura::runtime::Device;
use pleura::{Radiograph, Size, mask_image};
use support::case::{POST, chain};
use support::toy::{noise, png};

/// Class `c` is `gains[c] * x + shifts[c]` at a pixel of intensity `x`; the score's classes are the means of that.
fn network(path: &Path, gains: &[f32], shifts: &[f32]) {
    let classes = gains.len() as i64;
    let mut g = GraphBuilder::new("classes");
    let dims = |c: i64| [Dim::from("batch"), c.into(), "height".into(), "width".into()];
    let image = g.input("image", ElementType::Float, &dims(1));
    let (weight, bias) = (g.constant("weight", &[classes, 1, 1, 1], gains), g.constant("bias", &[classes], shifts));
    let map = g.node("Conv", &[&image, &weight, &bias], vec![attribute::ints("kernel_shape", &[1, 1])]);
    let axes = g.integers("axes", &[2, 3]);
    let score = g.node("ReduceMean", &[&map, &axes], vec![attribute::int("keepdims", 0)]);
    g.output(&map, "map", ElementType::Float, &dims(classes));
    g.output(&score, "score", ElementType::Float, &["batch".into(), classes.into()]);
    g.build().write(path).unwrap();
}

fn member(stage: &str, name: &str, keys: &str) -> String {
    format!(
        "[[{stage}.members]]\nname = \"{name}\"\nmodel = \"{name}.onnx\"\n\
         input = {{ name = \"image\", size = [8, 8], channels = 1 }}\n{keys}\n"
    )
}

fn manifest(folder: &Path, toml: &str) -> PathBuf {
    support::runtime();
    let path = folder.join("ensemble.toml");
    fs::write(&path, format!("schema = 1\nname = \"classes\"\n{toml}")).unwrap();
    path
}

fn predict(manifest: &Path, image: &Path) -> Finding {
    let options = Ensemble::options().device(Device::Cpu).threads(1).keep_maps(true);
    let ensemble = options.open(manifest).unwrap_or_else(|error| panic!("{}", chain(&error)));
    ensemble.predict(&Radiograph::open(image).unwrap()).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

fn softmax(numbers: &[f64], class: usize) -> f64 {
    let highest = numbers.iter().copied().fold(f64::MIN, f64::max);
    (numbers[class] - highest).exp() / numbers.iter().map(|number| (number - highest).exp()).sum::<f64>()
}

#[test]
fn the_probability_of_a_class_is_its_softmax() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = noise(3, Size::new(8, 8));
    let image = png(folder.path(), "image", &pixels);
    let networks: [(&[f32], &[f32]); 3] =
        [(&[-4.0, 4.0], &[1.0, -3.0]), (&[3.0, -9.0, 5.0], &[0.0, 2.0, -1.0]), (&[200.0, -300.0], &[0.0, 9.0])];
    for (gains, shifts) in networks {
        network(&folder.path().join("n.onnx"), gains, shifts);
        for class in 0..gains.len() {
            for resize_as in ["", ", resize_as = \"probabilities\"", ", resize_as = \"logits\""] {
                let map = format!("map = {{ output = \"map\", values = \"softmax\", channel = {class}{resize_as} }}");
                let score = format!("score = {{ output = \"score\", values = \"softmax\", channel = {class} }}");
                let toml = format!(
                    "{POST}\n[classifier]\ngate = {{ kind = \"score\", at_least = 0 }}\n{}{}",
                    member("classifier", "n", &score),
                    member("segmenter", "n", &map)
                );
                let finding = predict(&manifest(folder.path(), &toml), &image);
                let numbers = |x: f64| -> Vec<f64> {
                    gains.iter().zip(shifts).map(|(&gain, &shift)| f64::from(gain) * x + f64::from(shift)).collect()
                };
                for (found, &pixel) in finding.map.unwrap().iter().zip(&pixels) {
                    let expected = softmax(&numbers(f64::from(pixel) / 255.0), class);
                    assert!((f64::from(*found) - expected).abs() < 1e-5, "{gains:?} {class}: {found}, not {expected}");
                }
                let mean = pixels.iter().map(|&pixel| f64::from(pixel) / 255.0).sum::<f64>() / pixels.len() as f64;
                let (found, expected) = (finding.score.unwrap().0, softmax(&numbers(mean), class));
                assert!((f64::from(found) - expected).abs() < 1e-5, "{gains:?} {class}: score {found}, not {expected}");
            }
        }
    }
}

#[test]
fn channels_are_joined_and_what_is_not_wanted_is_turned_round() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = noise(5, Size::new(8, 8));
    let image = png(folder.path(), "image", &pixels);
    network(&folder.path().join("n.onnx"), &[3.0, -9.0, 5.0], &[0.0, 2.0, -1.0]);
    let numbers = |x: f64| [3.0 * x, 2.0 - 9.0 * x, 5.0 * x - 1.0];
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    type Probability = fn([f64; 3], fn(f64) -> f64) -> f64;
    let cases: [(&str, Probability); 5] = [
        ("values = \"softmax\", channels = [0, 2], join = \"sum\"", |z, _| softmax(&z, 0) + softmax(&z, 2)),
        ("values = \"softmax\", channels = [0, 2], join = \"max\"", |z, _| softmax(&z, 0).max(softmax(&z, 2))),
        ("values = \"softmax\", channel = 1, complement = true", |z, _| 1.0 - softmax(&z, 1)),
        ("values = \"logits\", channels = [0, 1], join = \"max\"", |z, sigmoid| sigmoid(z[0]).max(sigmoid(z[1]))),
        ("values = \"logits\", channel = 0, complement = true", |z, sigmoid| 1.0 - sigmoid(z[0])),
    ];
    for (keys, probability) in cases {
        let toml = format!(
            "{POST}\n[classifier]\ngate = {{ kind = \"score\", at_least = 0 }}\n{}{}",
            member("classifier", "n", &format!("score = {{ output = \"score\", {keys} }}")),
            member("segmenter", "n", &format!("map = {{ output = \"map\", {keys} }}"))
        );
        let finding = predict(&manifest(folder.path(), &toml), &image);
        for (found, &pixel) in finding.map.unwrap().iter().zip(&pixels) {
            let expected = probability(numbers(f64::from(pixel) / 255.0), sigmoid);
            assert!((f64::from(*found) - expected).abs() < 1e-5, "{keys}: {found}, not {expected}");
        }
        let mean = pixels.iter().map(|&pixel| f64::from(pixel) / 255.0).sum::<f64>() / pixels.len() as f64;
        let (found, expected) = (finding.score.unwrap().0, probability(numbers(mean), sigmoid));
        assert!((f64::from(found) - expected).abs() < 1e-5, "{keys}: score {found}, not {expected}");
    }
}

#[test]
fn outputs_in_double_precision_and_bfloat16_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let pixels = noise(7, Size::new(8, 8));
    let image = png(folder.path(), "image", &pixels);
    // ONNX's numbers of the types; bfloat16 keeps eight bits
    for (element, number, limit) in [(ElementType::Double, 11, 1e-6), (ElementType::BFloat16, 16, 1.0 / 256.0)] {
        let mut g = GraphBuilder::new("cast");
        let dims = [Dim::from("batch"), 1.into(), "height".into(), "width".into()];
        let x = g.input("image", ElementType::Float, &dims);
        let map = g.node("Cast", &[&x], vec![attribute::int("to", number)]);
        g.output(&map, "map", element, &dims);
        g.build().write(folder.path().join("n.onnx")).unwrap();
        let keys = "map = { output = \"map\", values = \"probabilities\" }";
        let toml = format!("{POST}\n{}", member("segmenter", "n", keys));
        let map = predict(&manifest(folder.path(), &toml), &image).map.unwrap();
        for (found, &pixel) in map.iter().zip(&pixels) {
            assert!((found - f32::from(pixel) / 255.0).abs() <= limit, "{element:?}: {found} for {pixel}");
        }
    }
}

#[test]
fn numbers_of_all_classes_are_resized_before_the_softmax() {
    let folder = tempfile::tempdir().unwrap();
    network(&folder.path().join("n.onnx"), &[8.0, -4.0, 0.0], &[0.0, 2.0, 1.0]);
    let image = png(folder.path(), "image", &array![[0u8, 255]]);
    let found = |resize_as: &str| {
        let keys = format!("map = {{ output = \"map\", values = \"softmax\", channel = 0{resize_as} }}");
        let toml = format!("output = {{ size = [1, 4] }}\n{POST}\n{}", member("segmenter", "n", &keys));
        let toml = toml.replace("size = [8, 8]", "size = [1, 2]");
        predict(&manifest(folder.path(), &toml), &image).map.unwrap()
    };
    // torch.nn.functional.interpolate(x, size=(1, 4), mode="bilinear"), softmax after it and before it
    let ends = [softmax(&[0.0, 2.0, 1.0], 0), softmax(&[8.0, -2.0, 1.0], 0)];
    let quarter = softmax(&[2.0, 1.0, 1.0], 0);
    let cases = [("", quarter), (", resize_as = \"probabilities\"", 0.75 * ends[0] + 0.25 * ends[1])];
    for (resize_as, expected) in cases {
        let map = found(resize_as);
        assert!((f64::from(map[(0, 1)]) - expected).abs() < 1e-5, "{resize_as}: {map}, not {expected}");
        assert!((f64::from(map[(0, 0)]) - ends[0]).abs() < 1e-5, "{resize_as}: {map}");
    }
}

#[test]
fn check_warns_where_a_sigmoid_is_taken_of_one_class() {
    let folder = tempfile::tempdir().unwrap();
    network(&folder.path().join("n.onnx"), &[1.0, 2.0], &[0.0, 0.0]);
    network(&folder.path().join("one.onnx"), &[1.0], &[0.0]);
    let check = |name: &str, values: &str| {
        let keys = format!(
            "map = {{ output = \"map\", values = {values} }}\nscore = {{ output = \"score\", values = {values} }}"
        );
        let path = manifest(folder.path(), &format!("{POST}\n{}", member("segmenter", name, &keys)));
        let output = support::pleura().arg("check").arg(path).output().unwrap();
        (
            output.status.code(),
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)),
        )
    };
    let (code, said) = check("n", "\"logits\"");
    assert_eq!(code, Some(0), "{said}");
    for field in ["map", "score"] {
        let expected =
            format!("members[0].{field}.values: applies a sigmoid to one channel alone, but output `{field}` has 2");
        assert!(said.contains(&expected) && said.contains("declare \"softmax\""), "{said}");
    }
    assert!(said.contains("members[0].map.channel: output `map` has 2 channels, and channel 0 is used"), "{said}");
    // the class of pneumothorax is not guessed
    let (code, said) = check("n", "\"softmax\"");
    for field in ["map", "score"] {
        let expected =
            format!("{field}.values: a softmax has a probability for each class, and `channel` does not say");
        assert!(code == Some(2) && said.contains(&expected), "{said}");
    }
    for (name, values) in [("n", "\"softmax\", channel = 1"), ("one", "\"logits\"")] {
        let (code, said) = check(name, values);
        assert!(code == Some(0) && !said.contains("sigmoid"), "{name}, {values}: {said}");
    }
    for (values, key) in [
        (
            "\"logits\", channels = [0, 7], join = \"max\"",
            "map.channels: output `map` has 2 channels, numbered from 0; the manifest declares 7",
        ),
        (
            "\"softmax\", channels = [0, 1], join = \"sum\"",
            "score.channels: output `score` has 2 classes, and the sum of all is always 1",
        ),
    ] {
        let (code, said) = check("n", values);
        assert!(code == Some(2) && said.contains(key), "{values}: {said}");
    }
    let (code, said) = check("n", "\"logits\", channels = [0, 1], join = \"max\"");
    assert!(code == Some(0) && !said.contains("sigmoid"), "labels that are joined are independent: {said}");
    let (code, said) = check("one", "\"softmax\", channel = 0");
    assert!(
        code == Some(2) && said.contains("map.values: output `map` has 1 channel, but a softmax needs two or more"),
        "{said}"
    );
}

/// Two classifiers with two views each, then a segmenter.
fn two_stages(folder: &Path, values: &str) -> PathBuf {
    network(&folder.join("a.onnx"), &[-6.0, 6.0], &[2.0, -1.5]);
    network(&folder.join("b.onnx"), &[0.0, 8.0, -3.0], &[0.0, -3.0, 1.0]);
    network(&folder.join("s.onnx"), &[0.0, 7.0], &[3.0, 0.0]);
    let score = format!(
        "score = {{ output = \"score\", values = \"{values}\", channel = 1 }}\ntta = [{{ plugin = \"gamma\", params = {{ gamma = 2.0 }} }}]"
    );
    let map = format!("map = {{ output = \"map\", values = \"{values}\", channel = 1 }}");
    let (a, b) = (member("classifier", "a", &score), member("classifier", "b", &score));
    let segmenter = member("segmenter", "s", &map);
    manifest(folder, &format!("{POST}\n[classifier]\ngate = {{ kind = \"score\", above = 0.4 }}\n{a}{b}{segmenter}"))
}

fn images(folder: &Path) -> Vec<PathBuf> {
    let image = |seed: u32| {
        let pixels: Array2<u8> =
            noise(seed, Size::new(8, 8)).mapv(|v| (f32::from(v) * 0.1 * seed as f32).min(255.0) as u8);
        png(folder, &format!("i{seed:02}"), &pixels)
    };
    (0..16).map(image).collect()
}

/// Masks and decisions, and the inferences.
fn run(manifest: &Path, files: &[PathBuf], exit: Exit, cache: Option<&Path>) -> (Vec<String>, Inferences, usize) {
    let options = Ensemble::options().device(Device::Cpu).threads(1).exit(exit);
    let options = match cache {
        Some(cache) => options.cache(cache, Form::Exact),
        None => options,
    };
    let ensemble = options.open(manifest).unwrap();
    let mut found = Vec::new();
    let run = ensemble.predict_files(files, |_, finding, _| {
        finding.map(|f| found.push(format!("{} {:?} {:?}", f.id, f.decision, f.mask)))
    });
    run.unwrap_or_else(|error| panic!("{}", chain(&error)));
    let shapes = ensemble.times().models.into_values().flat_map(|usage| usage.shapes);
    (found, ensemble.inferences(), shapes.map(|(shape, runs)| shape[0] * runs).sum())
}

#[test]
fn early_exit_and_the_cache_change_nothing_but_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let (manifest, files) = (two_stages(folder.path(), "softmax"), images(folder.path()));
    let (full, _, all) = run(&manifest, &files, Exit::Full, None);
    assert!(full.iter().any(|f| f.contains("ClassifierGate")) && full.iter().any(|f| f.contains("Postprocess")));
    let (exact, _, fewer) = run(&manifest, &files, Exit::Exact, None);
    assert_eq!(full, exact);
    assert!(fewer < all, "{fewer} of {all}");

    let cache = folder.path().join("cache");
    let (first, inferred, _) = run(&manifest, &files, Exit::Full, Some(&cache));
    let (second, replayed, _) = run(&manifest, &files, Exit::Full, Some(&cache));
    assert_eq!((&first, &second), (&full, &full));
    assert!(inferred.replayed == 0 && replayed.run == 0 && replayed.replayed == inferred.run, "{replayed:?}");
    // the same files with wrong declarations: nothing may come from the cache
    let (_, other, _) = run(&two_stages(folder.path(), "logits"), &files, Exit::Full, Some(&cache));
    assert!(other.replayed == 0 && other.run > 0, "{other:?}");
}

#[test]
fn a_network_of_two_classes_is_trained_by_one_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    network(&path("n.onnx"), &[0.5, -0.5], &[0.1, 0.0]);
    for name in ["images", "masks"] {
        fs::create_dir(path(name)).unwrap();
    }
    for seed in 0..8_u32 {
        let pixels = noise(seed + 1, Size::new(8, 8));
        png(&path("images"), &format!("i{seed}"), &pixels);
        let mask = pleura::Mask::from(pixels.mapv(|value| value > 127));
        mask_image::picture(&mask).save(path("masks").join(format!("i{seed}.png"))).unwrap();
    }
    let train = |keys: &str| {
        let recipe = format!(
            "schema = 1\nname = \"pair\"\n[network]\narchitecture = {{ kind = \"onnx\", {keys} }}\n[data]\n\
             images = [\"images\"]\ntruth = {{ kind = \"masks\", folder = \"masks\" }}\n[folds]\ncount = 2\n\
             [loss]\nmap = [{{ kind = \"bce\" }}]\n[optimizer]\nkind = \"adam\"\n\
             [[phases]]\nepochs = 60\nsize = [8, 8]\nbatch = 4\nlr = 0.2\n"
        );
        fs::write(path("recipe.toml"), recipe).unwrap();
        let mut train = support::pleura();
        train.arg("train").arg(path("recipe.toml")).arg("--out").arg(path("out")).args([
            "--threads",
            "1",
            "--device",
            "cpu",
        ]);
        train.assert()
    };
    let cases = [
        ("model = \"n.onnx\", map = \"map\"", "name the one to train, such as `channel = 1`"),
        (
            "model = \"n.onnx\", map = { output = \"map\", values = \"softmax\", channel = 2 }",
            "expected a `channel` below 2",
        ),
        ("model = \"n.onnx\", map = { output = \"map\", value = \"softmax\" }", "did you mean `values`?"),
    ];
    for (keys, expected) in cases {
        let assert = train(keys).code(2);
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&assert.get_output().stdout),
            String::from_utf8_lossy(&assert.get_output().stderr)
        );
        assert!(said.contains(expected), "{keys}: {said}");
    }
    train("model = \"n.onnx\", map = { output = \"map\", values = \"softmax\", channel = 1 }").success();
    let text = fs::read_to_string(path("out/ensemble.toml")).unwrap();
    assert!(text.contains("output = \"map\"\nvalues = \"softmax\"\nchannel = 1\n"), "{text}");
    let finding = predict(&path("out/ensemble.toml"), &path("images/i3.png"));
    let truth = noise(4, Size::new(8, 8)).mapv(|value| value > 127);
    let differ = finding.mask.pixels().iter().zip(&truth).filter(|(found, truth)| found != truth).count();
    assert!(differ <= 4, "class 1 is what the masks mark: {differ} of 64 pixels differ");
}

/// One of the cases beside the checkout: the first pixels of `ramp.png`.
#[test]
#[cfg_attr(no_cases, ignore = "no cases: set PLEURA_CASES")]
fn the_case_of_two_logits() {
    let case = support::cases("models/softmax2");
    let folder = tempfile::tempdir().unwrap();
    fs::copy(case.join("net.onnx"), folder.path().join("n.onnx")).unwrap();
    let text = fs::read_to_string(case.join("net.toml")).unwrap();
    let toml = text.replace("net.onnx", "n.onnx").replace("\"logits\", channel", "\"softmax\", channel");
    support::runtime();
    let path = folder.path().join("net.toml");
    fs::write(&path, toml).unwrap();
    let map = predict(&path, &case.join("ramp.png")).map.unwrap();
    for (found, expected) in map.iter().zip([0.018, 0.048, 0.120]) {
        assert!((found - expected).abs() < 5e-4, "{found}, not {expected}");
    }
}
