//! What a manifest may not do: name files outside its folder, or models of any size.

#[path = "support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;

use pleura::Size;
use pleura::ensemble::Ensemble;
use pleura::onnx::proto::{StringStringEntryProto, TensorProto};
use pleura::runtime::Device;
use support::case::{Case, POST, chain, member};
use support::toy::{Toy, stack};

/// The error on opening a manifest; `None` if it opens.
fn open(manifest: &Path, allow_outside: bool) -> Option<String> {
    let options = Ensemble::options().device(Device::Cpu).threads(1).allow_outside(allow_outside);
    options.open(manifest).err().map(|error| chain(&error))
}

/// The output of `pleura check`, and its exit code.
fn check(manifest: &Path, options: &[&str]) -> (Option<i32>, String) {
    let output = support::pleura().args(["check", "--device", "cpu"]).args(options).arg(manifest).output().unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// A valid ensemble in `home/`, with a toy network, a stack, a recipe and a folder beside it.
fn case(toml: &str) -> Case {
    let mut case = Case::new(&[("toy", Toy::default())], "");
    let home = case.folder.path().join("home");
    fs::create_dir(&home).unwrap();
    fs::copy(case.folder.path().join("toy.onnx"), home.join("toy.onnx")).unwrap();
    stack(&case.folder.path().join("stack.onnx"), 1, true);
    fs::write(case.folder.path().join("recipe.toml"), "").unwrap();
    case.manifest = home.join("ensemble.toml");
    fs::write(&case.manifest, format!("schema = 1\nname = \"case\"\n{toml}")).unwrap();
    case
}

#[test]
fn every_key_that_names_a_file_outside_is_told_and_nothing_is_opened() {
    let inside = member("segmenter", "toy", "");
    let merge = r#"segmenter.merge = { kind = "stack", model = "MODEL", recipe = "RECIPE", input = "answers", output = "merged", values = "probabilities" }"#;
    let merge = |model, recipe| merge.replace("MODEL", model).replace("RECIPE", recipe);
    let snapshots = inside.replace("model = \"toy.onnx\"", "snapshots = [{ model = \"../toy.onnx\" }]");
    let faults = [
        ("segmenter.members[0].model", POST, inside.replace("\"toy.onnx\"", "\"../toy.onnx\"")),
        ("segmenter.members[0].snapshots[0].model", POST, snapshots),
        ("segmenter.members[0].recipe", POST, inside.clone() + "recipe = \"../recipe.toml\"\n"),
        ("segmenter.members[0].tta[0].plugin", POST, inside.clone() + "tta = [{ plugin = \"../libturn.so\" }]\n"),
        ("segmenter.merge.model", POST, merge("../stack.onnx", "stack.toml") + "\n" + &inside),
        ("segmenter.merge.recipe", POST, merge("stack.onnx", "../recipe.toml") + "\n" + &inside),
        ("postprocess[0].plugin", "postprocess = [{ plugin = \"../../lib/evil.so\" }]", inside.clone()),
    ];
    for (key, post, toml) in faults {
        let case = case(&format!("{post}\n{toml}"));
        let says = open(&case.manifest, false).expect(key);
        assert!(says.contains(&format!("at `{key}`: `../")) && says.contains("--allow-outside"), "{key}: {says}");
        let (code, says) = check(&case.manifest, &[]);
        assert_eq!(code, Some(2), "{says}");
        let line = says.lines().find(|line| line.contains(&format!("{key}: `../"))).unwrap_or_default();
        assert!(line.contains("lies outside the manifest's folder"), "{key}: {says}");
    }
}

#[test]
fn a_manifest_outside_is_extended_only_where_it_is_allowed() {
    let case = case(&format!("{POST}\n{}", member("segmenter", "toy", "")));
    let text = fs::read_to_string(&case.manifest).unwrap();
    fs::write(case.folder.path().join("base.toml"), &text).unwrap();
    fs::write(&case.manifest, "extends = \"../base.toml\"\n").unwrap();
    let says = open(&case.manifest, false).unwrap();
    assert!(says.contains("at `extends`: `../base.toml` lies outside the manifest's folder"), "{says}");
    let (code, says) = check(&case.manifest, &[]);
    assert!(code == Some(2) && says.contains("extends: `../base.toml` lies outside"), "{says}");
    assert_eq!(open(&case.manifest, true), None);
    // in the folder, it is one of the inputs, which no output replaces
    fs::write(case.manifest.with_file_name("base.toml"), &text).unwrap();
    fs::write(&case.manifest, "extends = \"base.toml\"\n").unwrap();
    assert_eq!(open(&case.manifest, false), None);
    let image = support::toy::png(case.folder.path(), "image", &support::case::ramp());
    let mut predict = support::pleura();
    predict.arg("predict").arg(&case.manifest).arg(image).arg("--out").arg(case.manifest.with_file_name("base.toml"));
    let output = predict.output().unwrap();
    let says = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && says.contains("`extends`"), "{says}");
    assert_eq!(fs::read_to_string(case.manifest.with_file_name("base.toml")).unwrap(), text);
}

#[test]
fn what_lies_outside_is_used_where_it_is_allowed() {
    let case = case(&format!("{POST}\n{}", member("segmenter", "toy", "").replace("\"toy.onnx\"", "\"../toy.onnx\"")));
    assert_eq!(open(&case.manifest, true), None);
    let (code, says) = check(&case.manifest, &["--allow-outside"]);
    assert_eq!(code, Some(0), "{says}");
    let image = support::toy::png(case.folder.path(), "image", &support::case::ramp());
    let predict = |options: &[&str]| {
        let out = case.folder.path().join("submission.csv");
        let mut command = support::pleura();
        command.args(["predict", "--device", "cpu"]).args(options).arg(&case.manifest).arg(&image);
        command.arg("--out").arg(out).output().unwrap().status.code()
    };
    assert_eq!((predict(&[]), predict(&["--allow-outside"])), (Some(2), Some(0)));
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_no_way_round() {
    let case = case(&format!("{POST}\n{}", member("segmenter", "toy", "").replace("\"toy.onnx\"", "\"link.onnx\"")));
    std::os::unix::fs::symlink("../toy.onnx", case.manifest.with_file_name("link.onnx")).unwrap();
    let says = open(&case.manifest, false).unwrap();
    assert!(says.contains("`link.onnx` lies outside the manifest's folder"), "{says}");
}

/// Rewrites a model so that one of its constants is kept in another file.
fn keep_elsewhere(model: &Path, location: &str) {
    let mut read = pleura::onnx::read(model).unwrap();
    let mut constants = read.graph_mut().initializer.iter_mut();
    // Axes are needed to infer shapes, and ONNX Runtime requires those in the file.
    let tensor: &mut TensorProto = constants.find(|tensor| tensor.data_type == 1).unwrap();
    let entry = |key: &str, value: &str| StringStringEntryProto { key: key.into(), value: value.into() };
    tensor.external_data = vec![entry("location", location)];
    tensor.data_location = Some(1);
    let data = tensor.raw_data.take().unwrap_or_default();
    let floats: Vec<u8> = tensor.float_data.drain(..).flat_map(f32::to_le_bytes).collect();
    fs::write(model.parent().unwrap().join(location), [data, floats].concat()).unwrap();
    read.write(model).unwrap();
}

#[test]
fn weights_in_another_file_are_looked_for_where_they_may_lie() {
    let case = case(&format!("{POST}\n{}", member("segmenter", "toy", "")));
    let model = case.manifest.with_file_name("toy.onnx");
    keep_elsewhere(&model, "weights.data");
    assert_eq!(open(&case.manifest, false), None);
    // The reported sum is of all files.
    let (_, says) = check(&case.manifest, &[]);
    let (_, sum) = says.split_once("add sha256 = \"").unwrap();
    let pinned = format!("sha256 = \"{}\"", &sum[..64]);
    let text = fs::read_to_string(&case.manifest).unwrap();
    fs::write(&case.manifest, text.replace("model = \"toy.onnx\"", &format!("model = \"toy.onnx\"\n{pinned}")))
        .unwrap();
    assert_eq!(open(&case.manifest, false), None);
    let mut weights = fs::read(model.with_file_name("weights.data")).unwrap();
    weights[0] ^= 1;
    fs::write(model.with_file_name("weights.data"), weights).unwrap();
    let says = open(&case.manifest, false).unwrap();
    assert!(says.contains("toy.onnx` has changed: expected sha256 "), "{says}");
    fs::write(&case.manifest, text).unwrap();
    fs::remove_file(model.with_file_name("weights.data")).unwrap();
    let (code, says) = check(&case.manifest, &[]);
    assert!(code == Some(2) && says.contains("weights.data`: No such file"), "{says}");
    Toy::default().write(&model);
    keep_elsewhere(&model, "../weights.data");
    let says = open(&case.manifest, false).unwrap();
    assert!(says.contains("keeps weights in another file: `../weights.data` lies outside"), "{says}");
    let (code, says) = check(&case.manifest, &[]);
    assert!(code == Some(2) && says.contains("`../weights.data` lies outside"), "{says}");
}

#[test]
fn an_optimised_ensemble_with_weights_in_another_file_opens() {
    let case = case(&format!("{POST}\n{}", member("segmenter", "toy", "")));
    keep_elsewhere(&case.manifest.with_file_name("toy.onnx"), "weights.data");
    let images = case.folder.path().join("images");
    fs::create_dir(&images).unwrap();
    for seed in 0..4 {
        support::toy::png(&images, &format!("image{seed}"), &support::toy::noise(seed, Size::new(8, 8)));
    }
    let out = case.folder.path().join("smaller");
    let mut command = support::pleura();
    command.args(["optimize", "--device", "cpu"]).arg(&case.manifest).arg(&images).arg("--out").arg(&out);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    for variant in ["fp16", "int8"] {
        let (code, says) = check(&out.join(variant).join("ensemble.toml"), &[]);
        assert_eq!(code, Some(0), "{variant}: {says}");
    }
}

#[test]
fn a_model_that_is_too_large_is_refused_by_what_all_its_files_have() {
    let case = case(&format!("{POST}\n{}", member("segmenter", "toy", "")));
    let model = case.manifest.with_file_name("toy.onnx");
    let open = |most| {
        let options = Ensemble::options().device(Device::Cpu).threads(1).max_model_bytes(most);
        options.open(&case.manifest).err().map(|error| chain(&error))
    };
    let bytes = fs::metadata(&model).unwrap().len();
    assert_eq!(open(bytes), None);
    let says = open(bytes - 1).unwrap();
    assert!(says.contains(&format!("has {bytes} bytes, more than the limit of {} bytes", bytes - 1)), "{says}");
    keep_elsewhere(&model, "weights.data");
    let bytes = fs::metadata(&model).unwrap().len();
    let more = fs::metadata(model.with_file_name("weights.data")).unwrap().len();
    assert_eq!(open(bytes + more), None);
    let says = open(bytes + more - 1).unwrap();
    assert!(says.contains(&format!("has {} bytes with its external data", bytes + more)), "{says}");
}

#[test]
fn a_model_of_five_gibibytes_is_refused_before_it_is_read() {
    let case = case(&format!("{POST}\n{}", member("segmenter", "toy", "")));
    // A sparse file: reading it would take more time and memory than a test has.
    fs::OpenOptions::new()
        .write(true)
        .open(case.manifest.with_file_name("toy.onnx"))
        .unwrap()
        .set_len(5 << 30)
        .unwrap();
    let says = open(&case.manifest, false).unwrap();
    assert!(says.contains("has 5368709120 bytes, more than the limit of 4294967296 bytes"), "{says}");
    let (code, says) = check(&case.manifest, &[]);
    assert!(code == Some(2) && says.contains("has 5368709120 bytes"), "{says}");
}

#[cfg(unix)]
#[test]
fn a_model_that_is_no_file_is_refused_at_once() {
    let case = case(&format!("{POST}\n{}", member("segmenter", "toy", "")));
    let model = case.manifest.with_file_name("toy.onnx");
    fs::remove_file(&model).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&model).status().unwrap().success());
    let says = open(&case.manifest, false).unwrap();
    assert!(says.contains("toy.onnx`: expected a regular file, found a"), "{says}");
}
