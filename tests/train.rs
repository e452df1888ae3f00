//! `pleura train`, as its users run it.
#![cfg(unix)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use image::{GrayImage, Luma};
use support::discs::{SIDE, training, wait_for_lines};

fn stderr(assert: &assert_cmd::assert::Assert) -> String {
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

/// The rows of a submission by image.
fn rows(path: &Path) -> std::collections::BTreeMap<String, String> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().skip(1).filter_map(|row| row.split_once(',')).map(|(id, runs)| (id.into(), runs.into())).collect()
}

#[test]
fn what_is_trained_predicts_as_it_did_out_of_fold() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 2);
    let out = folder.path().join("out");
    let done =
        support::pleura().arg("train").arg(&recipe).arg("--out").arg(&out).args(["--threads", "1"]).assert().success();
    assert!(stderr(&done).contains("16 images, 12 positive"), "{}", stderr(&done));
    let printed = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    assert!(printed.starts_with("out of fold, 16 images: Dice 0.") && printed.contains("AUC "), "{printed}");
    support::pleura().arg("check").arg(out.join("ensemble.toml")).assert().success();

    // without the gate, each image predicted out of fold
    let text = fs::read_to_string(out.join("ensemble.toml")).unwrap();
    let mut manifest: toml::Table = text.parse().unwrap();
    manifest.remove("classifier");
    fs::write(out.join("map.toml"), manifest.to_string()).unwrap();
    let folds = folder.path().join("folds.csv");
    let predict = |folds: Option<&Path>| {
        let csv = folder.path().join("predicted.csv");
        let mut predict = support::pleura();
        predict.arg("predict").arg(out.join("map.toml")).arg(folder.path().join("images")).arg("--out").arg(&csv);
        if let Some(folds) = folds {
            predict.arg("--folds").arg(folds);
        }
        predict.args(["--device", "cpu"]).assert().success();
        rows(&csv)
    };
    let (predicted, out_of_fold) = (predict(Some(&folds)), rows(&out.join("oof-submission.csv")));
    assert_eq!((predicted.len(), &predicted), (16, &out_of_fold));
    assert!(predicted.values().any(|runs| runs.len() > 3), "something is marked");
    assert_ne!(predict(None), out_of_fold, "the mean of both is something else");
}

/// With steps in the recipe, masks of held-out images are those of `pleura predict`, gate and all, and their Dice is
/// what epochs are compared by.
#[test]
fn held_out_images_are_judged_by_the_ensemble_s_own_rule() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 3);
    let rule = "mixup = { alpha = 0.4, p = 0.5 }\nkeep = \"best-dice\"\npostprocess = [\n  { plugin = \"triplet\", params = \
                { top = 0.55, area = 12, at = [48, 48], bottom = 0.4 } },\n  { plugin = \"fill-holes\", isolation = \"process\" },\n]\n";
    let text = fs::read_to_string(&recipe).unwrap().replacen("network = ", &format!("{rule}network = "), 1);
    fs::write(&recipe, &text).unwrap();
    let out = folder.path().join("out");
    let train = || {
        let mut train = support::pleura();
        train.arg("train").arg(&recipe).arg("--out").arg(&out).args(["--threads", "1"]).assert()
    };
    let printed = String::from_utf8(train().success().get_output().stdout.clone()).unwrap();
    support::pleura().arg("check").arg(out.join("ensemble.toml")).assert().success();
    let csv = folder.path().join("predicted.csv");
    let mut predict = support::pleura();
    predict.arg("predict").arg(out.join("ensemble.toml")).arg(folder.path().join("images")).arg("--out").arg(&csv);
    predict.arg("--folds").arg(folder.path().join("folds.csv")).args(["--device", "cpu"]).assert().success();
    let predicted = rows(&csv);
    assert_eq!(predicted, rows(&out.join("oof-submission.csv")));
    assert!(
        predicted.values().any(|runs| runs.len() > 3) && predicted.values().any(|runs| runs == "-1"),
        "{predicted:?}"
    );
    // its Dice is that of the submission
    let truth = folder.path().join("truth.csv");
    let mut convert = support::pleura();
    convert
        .args(["data", "convert", "rle"])
        .arg(folder.path().join("masks"))
        .arg("--out")
        .arg(&truth)
        .assert()
        .success();
    let score = support::pleura().arg("score").arg(&csv).arg(&truth).args(["--size", "48x48"]).assert().success();
    let scored = String::from_utf8(score.get_output().stdout.clone()).unwrap();
    let after = |text: &str, words: &str| -> f64 {
        let rest = text.split_once(words).unwrap().1.trim_start();
        rest[..rest.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap()].parse().unwrap()
    };
    assert!((after(&printed, ": Dice ") - after(&scored, "mean Dice ")).abs() < 6e-5, "{printed} {scored}");

    for (from, to, expected) in [
        ("bottom = 0.4", "botom = 0.4", "postprocess"),
        ("\"fill-holes\"", "\"./fill.so\"", "expected a plugin's name"),
        ("{ kind = \"dice\" }", "{ kind = \"lovasz\" }", "but blended truth is neither"),
    ] {
        assert!(text.contains(from), "{from}");
        fs::write(&recipe, text.replacen(from, to, 1)).unwrap();
        let failed = train().code(2);
        assert!(stderr(&failed).contains(expected), "no `{expected}` in {}", stderr(&failed));
    }
}

#[test]
fn ctrl_c_leaves_a_checkpoint_that_goes_on() {
    support::runtime();
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 400);
    let out = folder.path().join("out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
    command.arg("train").arg(&recipe).arg("--out").arg(&out).args(["--threads", "1"]).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for_lines(&out.join("metrics.jsonl"), 3);
    support::signal(&child, libc::SIGINT);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(
        said.contains("run the same command again to continue from") && said.contains("checkpoint.safetensors"),
        "{said}"
    );
    let epochs = fs::read_to_string(out.join("metrics.jsonl")).unwrap().lines().count();

    // with a changed recipe, training is not continued
    let text = fs::read_to_string(&recipe).unwrap();
    fs::write(&recipe, text.replace("lr = 0.03", "lr = 0.02")).unwrap();
    let again = |recipe: &Path| {
        support::pleura().arg("train").arg(recipe).arg("--out").arg(&out).timeout(Duration::from_secs(300)).assert()
    };
    let refused = again(&recipe).code(2);
    assert!(stderr(&refused).contains("phases[0].lr"), "{}", stderr(&refused));
    fs::write(&recipe, &text).unwrap();

    let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
    command.arg("train").arg(&recipe).arg("--out").arg(&out).args(["--threads", "1"]).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait_for_lines(&out.join("metrics.jsonl"), epochs + 2);
    // as schedulers end jobs
    support::signal(&child, libc::SIGTERM);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{said}");
    assert!(said.contains("continuing at phase 1, epoch"), "{said}");
    let lines = fs::read_to_string(out.join("metrics.jsonl")).unwrap();
    let told: Vec<u64> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["epoch"].as_u64().unwrap())
        .collect();
    assert_eq!(told, (0..told.len() as u64).collect::<Vec<_>>(), "no epoch is told twice, and none is missing");
}

/// Epochs of one update have no point between two updates: signals are checked between epochs, too.
#[test]
fn ctrl_c_ends_a_training_whose_epochs_are_one_update() {
    support::runtime();
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 100_000);
    let text = fs::read_to_string(&recipe).unwrap();
    let out = folder.path().join("out");
    // of 8 images: one batch per epoch, or two that are accumulated into one update
    for (batch, lines) in [("batch = 8", 3), ("batch = 4\naccumulate = 2", 3)] {
        fs::write(&recipe, text.replace("batch = 4", batch)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
        command.arg("train").arg(&recipe).arg("--out").arg(&out).args(["--threads", "1", "--fresh"]);
        let child = command.stderr(Stdio::piped()).spawn().unwrap();
        wait_for_lines(&out.join("metrics.jsonl"), lines);
        support::signal(&child, libc::SIGINT);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(75), "{batch}: {said}");
        assert!(said.contains("run the same command again to continue from"), "{batch}: {said}");
        let epochs = fs::read_to_string(out.join("metrics.jsonl")).unwrap().lines().count();
        assert!(epochs < 50_000, "{batch}: it went on for {epochs} epochs");
        fs::remove_file(out.join("metrics.jsonl")).unwrap();
    }
}

#[test]
fn what_is_wrong_is_told_with_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = training(folder.path(), 1);
    let text = fs::read_to_string(&recipe).unwrap();
    let out = folder.path().join("out");
    let check = |text: &str| {
        fs::write(&recipe, text).unwrap();
        support::pleura().arg("train").arg("--check").arg(&recipe).assert()
    };
    let good = check(&text).success();
    let said = String::from_utf8_lossy(&good.get_output().stdout).into_owned();
    assert!(said.contains("parameters") && said.contains("16 images, 12 positive"), "{said}");

    let faults =
        check(&text.replace("lr = 0.03", "lr = 0.0\nepoch = 3").replace("heads = \"both\"", "heads = \"score\""))
            .code(2);
    let said = String::from_utf8_lossy(&faults.get_output().stdout).into_owned();
    for part in ["recipe.toml:14:", "phases[0].lr", "phases[0].epoch: unknown key", "loss.map"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert!(!out.exists());

    // all missing files are reported
    let absent = text
        .replace("images = [\"images\"]", "images = [\"nowhere\"]")
        .replace("folder = \"masks\"", "folder = \"none\"")
        .replace("loss = {", "weights = { file = \"none.safetensors\" }\nloss = {");
    let faults = check(&absent).code(2);
    let said = String::from_utf8_lossy(&faults.get_output().stdout).into_owned();
    for part in ["data.truth.folder: `", "none` does not exist", "data.images: ", "weights.file: `"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }

    // a truncated picture is found now, and not during training
    let picture = fs::read_dir(folder.path().join("images")).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&picture).unwrap();
    fs::write(&picture, &whole[..whole.len() - 20]).unwrap();
    let said = check(&text).code(2);
    let said = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
    assert!(said.contains("data.images: ") && said.contains(&*picture.to_string_lossy()), "{said}");
    fs::write(&picture, &whole).unwrap();

    // faults of the keys, the weights, the folds and the batch; none hides another
    let several = text
        .replace("count = 2", "count = 50")
        .replace("lr = 0.03", "lr = 0.03\nepoch = 3")
        .replace("loss = {", "weights = { file = \"none.safetensors\" }\nloss = {");
    let faults = check(&several).code(2);
    let said = String::from_utf8_lossy(&faults.get_output().stdout).into_owned();
    for part in [
        "recipe.toml:6:13: weights.file: `",
        "none.safetensors` does not exist",
        "recipe.toml:5:11: folds.count: 16 images cannot fill 50 folds",
        "phases[0].epoch: unknown key",
        "16 images, 12 positive",
    ] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    let faults = check(&text.replace("batch = 4", "batch = 12").replace("\"masks\" }", "\"mask\" }")).code(2);
    let said = String::from_utf8_lossy(&faults.get_output().stdout).into_owned();
    assert!(
        said.contains("data.truth.folder: `") && said.contains("` does not exist") && said.contains("parameters"),
        "{said}"
    );
    let said = check(&text.replace("batch = 4", "batch = 12")).code(2);
    let said = String::from_utf8_lossy(&said.get_output().stdout).into_owned();
    assert!(said.contains("phases[0].batch: an epoch has 8 images, fewer than a batch of 12"), "{said}");
    assert!(!folder.path().join("folds.csv").exists(), "a check writes nothing");

    let train = |text: &str| {
        fs::write(&recipe, text).unwrap();
        support::pleura().arg("train").arg(&recipe).arg("--out").arg(&out).assert().code(2)
    };
    let cases = [
        (text.replace("folder = \"masks\"", "folder = \"mask\""), "data.truth.folder: `"),
        (text.replace("[\"images\"]", "[\"image\"]"), "data.images"),
        (text.replace("batch = 4", "batch = 12"), "8 images"),
        (text.replace("widths = [8]", "widths = []"), "widths"),
    ];
    for (text, expected) in cases {
        let failed = train(&text);
        assert!(stderr(&failed).contains(expected), "no `{expected}` in {}", stderr(&failed));
    }
    fs::remove_file(folder.path().join("masks/case-03.png")).unwrap();
    GrayImage::new(SIDE, SIDE + 1).save(folder.path().join("masks/case-05.png")).unwrap();
    let failed = stderr(&train(&text));
    assert!(failed.contains("case-03") && failed.contains("case-05") && failed.contains("49"), "{failed}");
}

/// A member's out-of-fold scores; `factor` spreads them.
fn out_of_fold(path: &Path, factor: u32) {
    let rows = (0..60_u32).map(|row| {
        let label = row % 3 == 0;
        let score = f64::from(row * factor % 53) / 100.0 + if label { 0.4 } else { 0.05 };
        format!("image-{row},{},{},{score:.3},\n", row % 4, u8::from(label))
    });
    let text: String = std::iter::once("ImageId,fold,label,score,dice\n".to_owned()).chain(rows).collect();
    fs::write(path, text).unwrap();
}

#[test]
fn scores_are_stacked() {
    let folder = tempfile::tempdir().unwrap();
    let (recipe, out) = (folder.path().join("recipe.toml"), folder.path().join("out"));
    out_of_fold(&folder.path().join("a.csv"), 7);
    out_of_fold(&folder.path().join("b.csv"), 19);
    let text = "schema = 1\nname = \"pair\"\nstack = { kind = \"logistic\" }\n\
                members = [{ name = \"first\", oof = \"a.csv\" }, { name = \"b\", oof = \"b.csv\" }]\n";
    fs::write(&recipe, text).unwrap();
    let train = |more: &[&str]| support::pleura().arg("train").arg(&recipe).args(more).assert();
    let checked = train(&["--check"]).success();
    let said = String::from_utf8_lossy(&checked.get_output().stdout).into_owned();
    assert_eq!(said, "60 images of 2 members, 20 positive; 4 folds\n");
    let done = train(&["--out", out.to_str().unwrap()]).success();
    let said = String::from_utf8_lossy(&done.get_output().stdout).into_owned();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!((lines[0], lines.len()), ("out of fold, 60 images, 20 positive:", 6), "{said}");
    for (line, name) in lines[1..].iter().zip(["  first  log-loss 0.", "  b      log-loss 0.", "  mean ", "  pair "]) {
        assert!(line.starts_with(name) && line.contains("  AUC 0."), "{line}");
    }
    assert!(lines[5].ends_with("merge.toml"), "{said}");
    let merge: toml::Table = fs::read_to_string(out.join("merge.toml")).unwrap().parse().unwrap();
    assert_eq!(merge["classifier"]["merge"]["model"].as_str(), Some("pair.onnx"));
    assert_eq!(rows(&out.join("oof.csv")).len(), 60);

    fs::write(&recipe, text.replace("a.csv", "none.csv").replace("\"logistic\"", "\"logistics\"")).unwrap();
    let said = String::from_utf8_lossy(&train(&["--check"]).code(2).get_output().stdout).into_owned();
    assert!(said.contains("recipe.toml:3:11") && said.contains("did you mean `logistic`?"), "{said}");
    fs::write(&recipe, text.replace("a.csv", "none.csv")).unwrap();
    let said = String::from_utf8_lossy(&train(&["--check"]).code(2).get_output().stdout).into_owned();
    assert!(
        said.contains("recipe.toml:4:")
            && said.contains("members[0].oof: `")
            && said.contains("none.csv` does not exist"),
        "{said}"
    );
    let said = stderr(&train(&[]).code(2));
    assert!(said.contains("members[0].oof: `") && said.contains("none.csv` does not exist"), "{said}");
}

/// A model that returns one pixel of a 1 × 2 image.
fn pixel(path: &Path, column: i64) {
    use pleura::onnx::{ElementType, GraphBuilder, attribute};
    let mut graph = GraphBuilder::new("pixel");
    let dims = || ["batch".into(), 1.into(), 1.into(), 2.into()];
    let image = graph.input("image", ElementType::Float, &dims());
    let at = graph.integers("at", &[column]);
    let value = graph.node("Gather", &[&image, &at], vec![attribute::int("axis", 3)]);
    let flat = graph.node("Flatten", &[&value], vec![]);
    graph.output(&flat, "score", ElementType::Float, &["batch".into(), 1.into()]);
    graph.output(&image, "map", ElementType::Float, &dims());
    graph.build().write(path).unwrap();
}

fn pixel_member(stage: &str, name: &str, answer: &str) -> String {
    format!(
        "[[{stage}.members]]\nname = \"{name}\"\nmodel = \"{name}.onnx\"\nintensity = {{ kind = \"stored\" }}\n\
         input = {{ name = \"image\", size = [1, 2], channels = 1 }}\n\
         {answer} = {{ output = \"{answer}\", values = \"probabilities\" }}\n"
    )
}

#[test]
fn a_stack_is_pasted_into_a_manifest_and_predicts() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("images")).unwrap();
    let images: Vec<[u8; 2]> = (0..40_u32).map(|row| [(row * 97 % 251) as u8, (row * 59 % 256) as u8]).collect();
    for (row, pixels) in images.iter().enumerate() {
        let image = GrayImage::from_fn(2, 1, |x, _| Luma([pixels[x as usize]]));
        image.save(path("images").join(format!("{row}.png"))).unwrap();
    }
    for (member, name) in ["left", "right"].into_iter().enumerate() {
        let rows = images.iter().enumerate().map(|(row, pixels)| {
            let label = u32::from(pixels[0]) + u32::from(pixels[1]) / 2 + (row as u32 % 3) * 20 > 190;
            format!("{row},{},{},{}\n", row % 3, u8::from(label), f32::from(pixels[member]) / 255.0)
        });
        let text: String = std::iter::once("ImageId,fold,label,score\n".to_owned()).chain(rows).collect();
        fs::write(path(&format!("{name}.csv")), text).unwrap();
        pixel(&path(&format!("{name}.onnx")), member as i64);
    }
    let recipe = "schema = 1\nname = \"pair\"\nstack = { kind = \"conv\", channels = 4, lr = 0.05 }\n\
                  members = [{ name = \"left\", oof = \"left.csv\" }, { name = \"right\", oof = \"right.csv\" }]\n";
    fs::write(path("recipe.toml"), recipe).unwrap();
    support::pleura().arg("train").arg(path("recipe.toml")).arg("--out").arg(folder.path()).assert().success();
    let manifest = [
        "schema = 1\nname = \"stacked\"\npostprocess = [{ plugin = \"threshold\", params = { above = 0.5 } }]\n".into(),
        fs::read_to_string(path("merge.toml")).unwrap(),
        "gate = { kind = \"score\", above = 0.5 }\n".into(),
        pixel_member("classifier", "left", "score"),
        pixel_member("classifier", "right", "score"),
        pixel_member("segmenter", "left", "map"),
    ];
    fs::write(path("ensemble.toml"), manifest.concat()).unwrap();
    support::pleura().arg("check").arg(path("ensemble.toml")).assert().success();
    let mut predict = support::pleura();
    predict.arg("predict").arg(path("ensemble.toml")).arg(path("images")).arg("--out").arg(path("submission.csv"));
    predict.arg("--findings").arg(path("findings.jsonl")).args(["--device", "cpu"]).assert().success();

    let options = pleura::runtime::SessionOptions {
        device: pleura::runtime::Device::Cpu,
        threads: 1,
        tensorrt: false,
        fp16: false,
        memory: None,
    };
    let loaded = pleura::runtime::load(None).unwrap();
    let model = pleura::runtime::Model::open(loaded, &path("pair.onnx"), options).unwrap();
    let findings = fs::read_to_string(path("findings.jsonl")).unwrap();
    assert_eq!(findings.lines().count(), images.len());
    for line in findings.lines() {
        let finding: serde_json::Value = serde_json::from_str(line).unwrap();
        let row: usize = finding["id"].as_str().unwrap().parse().unwrap();
        let scores = ndarray::arr2(&[images[row].map(|pixel| f32::from(pixel) / 255.0)]).into_dyn();
        let expected = model.run("scores", scores.view(), &["score"]).unwrap()[0].iter().copied().next().unwrap();
        let found = finding["score"][0].as_f64().unwrap();
        assert!((found - f64::from(expected)).abs() < 1e-5, "{row}: {found}, not {expected}");
        assert_eq!(finding["decision"] == "classifier-gate", expected <= 0.5, "{row}: {finding}");
    }
}
