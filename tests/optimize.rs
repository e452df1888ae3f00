//! `pleura optimize`: variants run, and differ by as much as it reports.

mod support;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Zip};
use pleura::ensemble::Ensemble;
use pleura::onnx::{self, ElementType, GraphBuilder};
use pleura::runtime::Device;
use pleura::submission::{SIIM_SIZE, Submission};
use pleura::{Radiograph, Size};
use pleura_train::nets;
use serde_json::Value;
use support::case::{Case, POST, member};
use support::toy::{self, Toy, noise, png};

/// Runs `pleura optimize --json` on the CPU; returns standard output and standard error.
fn optimize(code: i32, manifest: &Path, inputs: &[&Path], out: &Path, more: &[&str]) -> (Value, String) {
    let mut command = support::pleura();
    command.arg("optimize").arg(manifest).args(inputs).arg("--out").arg(out).args(["--json", "--device", "cpu"]);
    let done = command.args(more).assert().code(code);
    let said = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    (serde_json::from_slice(&done.get_output().stdout).unwrap_or_default(), said)
}

fn check(manifest: &Path) {
    support::pleura().arg("check").arg(manifest).args(["--device", "cpu"]).assert().success();
}

fn predict(manifest: &Path, files: &[&str], out: &Path) -> Submission {
    let mut command = support::pleura();
    command.arg("predict").arg(manifest).args(files).arg("--out").arg(out).args(["--device", "cpu"]);
    command.assert().success();
    Submission::read(out, SIIM_SIZE).unwrap()
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect()
}

/// Mean Dice of a submission against the truth.
fn dice(submission: &Submission, truth: &Submission) -> f64 {
    let each = submission.iter().map(|(id, runs)| runs.dice(truth.runs(id).unwrap()));
    each.sum::<f64>() / submission.len() as f64
}

#[test]
fn variants_of_the_demo_run_and_are_what_is_told_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let demo = folder.path().join("demo");
    let made = ["demo", "--seed", "271828", "--images", "12", "--device", "cpu", "--out"];
    support::pleura().args(made).arg(&demo).assert().success();
    let (manifest, out) = (demo.join("ensemble/demo.toml"), folder.path().join("out"));
    let truth = demo.join("truth.csv");
    let more = ["--truth", truth.to_str().unwrap()];
    let (told, _) = optimize(0, &manifest, &[&demo.join("radiographs")], &out, &more);
    let compared = strings(&told["compared"]);
    assert_eq!((told["held_out"].as_bool(), strings(&told["calibrated"]).len(), compared.len()), (Some(true), 6, 6));
    assert!(strings(&told["calibrated"]).iter().all(|file| !compared.contains(file)));
    let truth = Submission::read(&truth, SIIM_SIZE).unwrap();
    let original = predict(&manifest, &compared, &folder.path().join("original.csv"));
    for (variant, (form, sizes)) in
        told["variants"].as_array().unwrap().iter().zip([("fp16", 0.45..0.55), ("int8", 0.2..0.4)])
    {
        let manifest = out.join(form).join("demo.toml");
        assert_eq!((variant["form"].as_str(), variant["manifest"].as_str()), (Some(form), manifest.to_str()));
        check(&manifest);
        let masks = predict(&manifest, &compared, &folder.path().join(form).with_extension("csv"));
        let diff = original.diff(&masks).unwrap();
        let near = |told: &Value, found: f64| (told.as_f64().unwrap() - found).abs() < 1e-12;
        assert!(near(&variant["mean_dice"], diff.mean_dice.unwrap()), "{form}: {variant}");
        assert!(diff.mean_dice.unwrap() > 0.98, "{form}: {variant}");
        assert_eq!(variant["changed"].as_u64(), Some(diff.changed.len() as u64), "{form}");
        assert!(near(&variant["truth"]["before"], dice(&original, &truth)), "{form}: {variant}");
        assert!(near(&variant["truth"]["after"], dice(&masks, &truth)), "{form}: {variant}");
        for model in variant["models"].as_array().unwrap() {
            let share = model["bytes_after"].as_f64().unwrap() / model["bytes_before"].as_f64().unwrap();
            assert!(sizes.contains(&share), "{form}: {model}");
            assert!(model["seconds_after"].as_f64().unwrap() > 0.0, "{form}: {model}");
            // the variant has the inputs and outputs of the original
            let ports = |path: PathBuf| {
                let model = onnx::read(path).unwrap();
                (model.inputs(), model.outputs())
            };
            let to = out.join(form).join(model["to"].as_str().unwrap());
            assert_eq!(fs::metadata(&to).unwrap().len(), model["bytes_after"].as_u64().unwrap());
            let found = ports(to);
            assert_eq!(found, ports(model["file"].as_str().unwrap().into()), "{form}");
            assert_eq!(found.0[0].element, Some(ElementType::Float));
        }
        let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
        let (before, after) = (lines(&demo.join("ensemble/demo.toml")), lines(&manifest));
        let changed = before.iter().zip(&after).filter(|(before, after)| before != after);
        assert!(before.len() == after.len() && changed.clone().all(|(it, _)| it.starts_with("sha256")), "{form}");
        assert_eq!(changed.count(), 2, "{form}");
    }
}

/// A network whose map is an eighth of its input, plus 0 as the difference of two values 60,000 times the input.
fn steep(path: &Path) {
    let dims = ["batch".into(), 1.into(), "height".into(), "width".into()];
    let mut g = GraphBuilder::new("steep");
    let image = g.input("image", ElementType::Float, &dims);
    let steep = g.constant("steep", &[2, 1, 1, 1], &[60_000.0, 60_000.0]);
    let difference = g.constant("difference", &[1, 2, 1, 1], &[1.0, -1.0]);
    let both = g.node("Conv", &[&image, &steep], vec![]);
    let both = g.node("Relu", &[&both], vec![]);
    let zero = g.node("Conv", &[&both, &difference], vec![]);
    let eighth = g.scalar(0.125);
    let small = g.node("Mul", &[&image, &eighth], vec![]);
    let map = g.node("Add", &[&small, &zero], vec![]);
    g.output(&map, "map", ElementType::Float, &dims);
    g.build().write(path).unwrap();
}

/// An ensemble of [`steep`], with one image per brightness, named to sort in this order.
fn steep_case(brightness: &[u8]) -> (Case, PathBuf) {
    let member = member("segmenter", "steep", "").replace("channels = 1", "channels = 1, scale = 8.0");
    let case = Case::new(&[], &format!("{POST}\n{member}"));
    steep(&case.folder.path().join("steep.onnx"));
    let images = case.folder.path().join("images");
    fs::create_dir(&images).unwrap();
    for (number, &value) in brightness.iter().enumerate() {
        png(&images, &format!("{number}"), &Array2::from_elem((8, 8), value));
    }
    (case, images)
}

#[test]
fn values_beyond_a_half_are_kept_in_single_precision_where_calibration_meets_them() {
    let (case, images) = steep_case(&[255, 255, 10, 250]);
    let out = case.folder.path().join("out");
    let (told, said) = optimize(0, &case.manifest, &[&images], &out, &["--form", "fp16"]);
    let variant = &told["variants"][0];
    assert!(said.contains("`conv_1` (Conv) stays in single precision: `conv_1` reaches 480000"), "{said}");
    assert_eq!(variant["mean_dice"].as_f64(), Some(1.0), "{variant}");
    assert_eq!(variant["rounded"]["mean_dice"].as_f64(), Some(1.0), "{variant}");
    assert_eq!(variant["failed"].as_array().map(Vec::len), Some(0), "{variant}");
    check(&out.join("fp16/ensemble.toml"));
}

#[test]
fn what_a_manifest_extends_is_written_out_in_the_new_folder() {
    let (case, images) = steep_case(&[255, 10]);
    let folder = case.folder.path();
    fs::rename(&case.manifest, folder.join("base.toml")).unwrap();
    fs::write(&case.manifest, "extends = \"base.toml\"\nname = \"changed\"\n").unwrap();
    let out = folder.join("out");
    optimize(0, &case.manifest, &[&images], &out, &["--form", "fp16"]);
    check(&out.join("fp16/ensemble.toml"));
    let text = fs::read_to_string(out.join("fp16/ensemble.toml")).unwrap();
    assert!(text.contains("name = \"changed\"") && !text.contains("extends"), "{text}");
}

#[test]
fn an_answer_that_is_no_number_is_told_and_not_hidden() {
    // calibration uses the first and the third, which are dark, and not the last
    let (case, images) = steep_case(&[10, 12, 10, 255]);
    let out = case.folder.path().join("out");
    let (told, said) = optimize(1, &case.manifest, &[&images], &out, &["--form", "fp16", "--calibrate", "2"]);
    // the CPU does not compute in halves: a GPU's result is simulated and reported beside
    let variant = &told["variants"][0]["rounded"];
    let failed = variant["failed"].as_array().unwrap();
    assert_eq!((failed.len(), variant["images"].as_u64()), (1, Some(1)), "{variant}");
    assert!(failed[0][0].as_str().unwrap().ends_with("3.png"), "{variant}");
    assert!(said.contains("fp16 rounded: `") && said.contains("3.png"), "{said}");
}

#[test]
fn an_ensemble_is_whole_in_its_new_folder() {
    let classifier = Toy { half: true, ..Toy::default() };
    let segmenter = Toy { gain: 0.5, ..Toy::default() };
    let plugins =
        "[[postprocess]]\nplugin = \"./own/libplugin_fill_holes.so\"\n[[postprocess]]\nplugin = \"convex-hull\"\n";
    let weightless = member("classifier", "idle", &format!("weight = 0.0\n{}", support::case::score()));
    let toml = format!(
        "[classifier]\ngate = {{ kind = \"score\", above = 0.1 }}\n{}{weightless}\n[segmenter]\nmerge = {{ kind = \"stack\", model = \
         \"stack.onnx\", input = \"answers\", output = \"merged\", values = \"probabilities\" }}\n{}\
         [[postprocess]]\nplugin = \"threshold\"\nparams = {{ above = 0.2 }}\n{plugins}",
        member("classifier", "half", support::case::score()).replace("\nmap = ", "\n# kept\nmap = "),
        member("segmenter", "single", "recipe = \"single.toml\""),
    );
    let models = [("half", classifier), ("single", segmenter), ("idle", segmenter)];
    let case = Case::new(&models, &toml);
    let root = case.folder.path();
    toy::stack(&root.join("stack.onnx"), 1, true);
    let binary = Path::new(env!("CARGO_BIN_EXE_pleura")).parent().unwrap();
    let library = |name: &str| [binary.join(name), binary.join("deps").join(name)].into_iter().find(|it| it.is_file());
    fs::create_dir_all(root.join("own")).unwrap();
    fs::create_dir_all(root.join("plugins")).unwrap();
    fs::copy(library("libplugin_fill_holes.so").unwrap(), root.join("own/libplugin_fill_holes.so")).unwrap();
    fs::copy(library("libplugin_convex_hull.so").unwrap(), root.join("plugins/libplugin_convex_hull.so")).unwrap();
    let images: Vec<_> = (0..4).map(|seed| png(root, &format!("{seed}"), &noise(seed, Size::new(8, 8)))).collect();
    let images: Vec<&Path> = images.iter().map(|path| &**path).collect();
    let other = tempfile::tempdir().unwrap();
    let (told, said) = optimize(0, &case.manifest, &images, other.path(), &[]);
    for (model, why) in [
        ("half.onnx", "it already computes in float16"),
        ("stack.onnx", "it is a small merge model"),
        ("idle.onnx", "its member has weight 0 and does not run"),
    ] {
        assert!(said.contains(&format!("fp16: `{model}`: left unchanged: {why}")), "{said}");
    }
    assert!(
        said.contains("int8: `single.onnx`: left unchanged: it has no layer that can be quantised to 8 bits"),
        "{said}"
    );
    for variant in told["variants"].as_array().unwrap() {
        assert!(variant["mean_dice"].as_f64().unwrap() > 0.9, "{variant}");
    }
    drop(case);
    for form in ["fp16", "int8"] {
        let folder = other.path().join(form);
        check(&folder.join("ensemble.toml"));
        let text = fs::read_to_string(folder.join("ensemble.toml")).unwrap();
        assert!(text.contains("# kept") && !text.contains("recipe"), "{text}");
        assert!(
            folder.join("own/libplugin_fill_holes.so").is_file()
                && folder.join("plugins/libplugin_convex_hull.so").is_file()
        );
    }
}

/// Each image's merged map.
fn maps(manifest: &Path, images: &[PathBuf]) -> Vec<Array2<f32>> {
    let ensemble = Ensemble::options().device(Device::Cpu).keep_maps(true).open(manifest).unwrap();
    let map = |path: &PathBuf| ensemble.predict(&Radiograph::open(path).unwrap()).unwrap().map.unwrap();
    images.iter().map(map).collect()
}

/// The mean and the largest difference between maps.
fn apart(a: &[Array2<f32>], b: &[Array2<f32>]) -> (f32, f32) {
    let (mut sum, mut most, mut count) = (0.0, 0.0_f32, 0.0);
    for (a, b) in a.iter().zip(b) {
        Zip::from(a).and(b).for_each(|a, b| {
            sum += (a - b).abs();
            most = most.max((a - b).abs());
            count += 1.0;
        });
    }
    (sum / count, most)
}

#[test]
fn networks_that_are_trained_here_keep_their_answers() {
    let architectures = [
        r#"{"kind": "unet", "encoder": "resnet18", "decoder": [32, 16, 8, 8, 4]}"#,
        r#"{"kind": "deeplab-v3-plus", "encoder": "resnet18"}"#,
        r#"{"kind": "deeplab-v3-plus", "encoder": "resnet18", "group_norm": 8}"#,
    ];
    for architecture in architectures {
        let recipe = format!(r#"{{"architecture": {architecture}, "channels": 1, "heads": "map"}}"#);
        let network = nets::build(&serde_json::from_str(&recipe).unwrap(), 7).unwrap();
        let member = member("segmenter", "net", "").replace("[8, 8]", "[64, 64]").replace("probabilities", "logits");
        let case = Case::new(&[], &format!("{POST}\n{member}"));
        network.write(case.folder.path().join("net.onnx")).unwrap();
        let images: Vec<_> =
            (0..4).map(|seed| png(case.folder.path(), &format!("{seed}"), &noise(seed, Size::new(64, 64)))).collect();
        let out = case.folder.path().join("out");
        let inputs: Vec<&Path> = images.iter().map(|path| &**path).collect();
        let (told, said) = optimize(0, &case.manifest, &inputs, &out, &[]);
        let before = maps(&case.manifest, &images);
        let limits = HashMap::from([("fp16", (0.45..0.55, 0.002)), ("int8", (0.2..0.4, 0.05))]);
        for variant in told["variants"].as_array().unwrap() {
            let form = variant["form"].as_str().unwrap();
            let (sizes, limit) = &limits[form];
            let model = &variant["models"][0];
            let share = model["bytes_after"].as_f64().unwrap() / model["bytes_before"].as_f64().unwrap();
            assert!(sizes.contains(&share), "{architecture}, {form}: {share} of the size\n{said}");
            let manifest = out.join(form).join("ensemble.toml");
            check(&manifest);
            let (mean, most) = apart(&before, &maps(&manifest, &images));
            assert!(mean < *limit && most > 0.0, "{architecture}, {form}: {mean} apart, {most} at most\n{said}");
        }
    }
}

#[test]
fn wrong_usage_is_told_before_anything_is_written_over() {
    let case = Case::new(&[("toy", Toy::default())], &format!("{POST}\n{}", member("segmenter", "toy", "")));
    let root = case.folder.path();
    let image = png(root, "a", &noise(1, Size::new(8, 8)));
    let truth = root.join("truth.csv");
    fs::write(&truth, "ImageId,EncodedPixels\nb,-1\n").unwrap();
    let more = ["--truth", truth.to_str().unwrap(), "--truth-size", "8x8"];
    let (_, said) = optimize(2, &case.manifest, &[&image], &root.join("out"), &more);
    assert!(said.contains("the truth has no row for image `a`"), "{said}");
    let own = root.join("int8");
    fs::create_dir(&own).unwrap();
    for name in ["ensemble.toml", "toy.onnx"] {
        fs::copy(root.join(name), own.join(name)).unwrap();
    }
    let (_, said) = optimize(2, &own.join("ensemble.toml"), &[&image], root, &[]);
    assert!(said.contains("--out would overwrite an input, ENSEMBLE"), "{said}");
    // a single image is used for calibration and comparison, which is reported
    let (told, said) = optimize(0, &case.manifest, &[&image], &root.join("out"), &["--form", "fp16"]);
    assert_eq!(told["held_out"].as_bool(), Some(false));
    assert!(said.contains("on the same 1 images"), "{said}");
}
