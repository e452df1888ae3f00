//! Imports agree with their sources' own answers: nnU-Net's probabilities and masks, smp's forward pass.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use pleura::Radiograph;
use pleura::ensemble::Ensemble;
use pleura::import::nnunet::{self, Expected, Options};
use pleura::radiograph::ValuesAbout;
use pleura::runtime::Device;
use support::case::chain;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/import").join(name)
}

/// A radiograph with a spacing, which PNG files do not state.
fn radiograph(path: &Path, spacing: Option<(f32, f32)>) -> Radiograph {
    let read = Radiograph::open(path).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let about = ValuesAbout { id: read.id().into(), range: read.range(), inverted: false, spacing };
    Radiograph::try_from_values(read.values().to_owned(), about).unwrap()
}

/// Imports a case, and compares each image with nnU-Net's own answer.
fn agrees(case: &str, label: Option<&str>, with_postprocessing: bool) {
    support::runtime();
    let folder = tempfile::tempdir().unwrap();
    let source = golden("nnunet").join(case);
    let options = Options { label: label.map(Into::into), no_postprocessing: !with_postprocessing };
    let (imported, target) = nnunet::import(&source, &options).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let path = imported.write(folder.path()).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let ensemble = Ensemble::options().device(Device::Cpu).threads(1).keep_maps(true).open(&path);
    let ensemble = ensemble.unwrap_or_else(|error| panic!("{case}: {}\n{}", chain(&error), imported.manifest));
    let spacings: BTreeMap<String, (f32, f32)> = fs::read_to_string(source.join("spacing.json"))
        .map(|text| serde_json::from_str(&text).unwrap())
        .unwrap_or_default();
    let mut images: Vec<_> = fs::read_dir(source.join("images")).unwrap().map(|entry| entry.unwrap().path()).collect();
    images.sort();
    assert!(!images.is_empty());
    for image in images {
        let name = image.file_stem().unwrap().to_string_lossy().into_owned();
        let expected = Expected::read(&source.join("expected"), &name, &target).unwrap().unwrap();
        let finding = ensemble.predict(&radiograph(&image, spacings.get(&name).copied()));
        let finding = finding.unwrap_or_else(|error| panic!("{case}/{name}: {}", chain(&error)));
        let difference = expected.compare(&finding).unwrap();
        // instance norms enlarge the rounding of a plane of one value
        let bound = if name == "black" { 1e-4 } else { 1e-5 };
        println!("{case}/{name} {label:?}: {difference:?}");
        assert!(difference.probability.unwrap() < bound, "{case}/{name}: {difference:?}");
        if with_postprocessing {
            assert_eq!(difference.pixels.unwrap().0, 0, "{case}/{name}: {difference:?}");
        }
    }
}

#[test]
fn folds_mirrored_windows_and_the_largest_component() {
    agrees("zscore-folds", None, true);
}

#[test]
fn one_of_three_classes() {
    agrees("three-classes", Some("pneumothorax"), true);
    agrees("three-classes", Some("effusion"), true);
}

#[test]
fn regions_that_overwrite_each_other() {
    agrees("regions", Some("whole"), false);
    agrees("regions", Some("core"), false);
}

#[test]
fn normalization_of_what_is_not_black() {
    agrees("nonzero-only", None, true);
}

#[test]
fn clipped_values_resampled_by_their_spacing() {
    agrees("ct-resampled", None, true);
}

#[test]
fn normalization_by_the_lowest_and_the_highest_value() {
    agrees("min-max", None, true);
}

#[test]
fn three_equal_channels() {
    agrees("rgb", None, true);
}

fn pleura(args: &[&str]) -> (Option<i32>, String) {
    let output = support::pleura().arg("import").args(args).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    (output.status.code(), said)
}

#[test]
fn an_import_is_proved_on_given_images() {
    support::runtime();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out").to_string_lossy().into_owned();
    let case = |name: &str| golden("nnunet/zscore-folds").join(name).to_string_lossy().into_owned();
    let (images, expected) = (case("images"), case("expected"));
    let proof = ["--images", &images, "--expected", &expected, "--device", "cpu"];
    let args = |out: &str| [&["nnunet", &case(""), "--out", out][..], &proof].concat().join("\n");
    let run = |text: String, more: &[&str]| pleura(&[&text.lines().collect::<Vec<_>>(), more].concat());
    let (code, said) = run(args(&out), &["--tolerance", "0.0001"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("0 of 6300 pixels of the mask differ") && said.contains("3 images compared, 0 beyond"),
        "{said}"
    );
    // it is the ensemble that was compared: another one is beyond
    let (code, said) = run(args(&out), &[]);
    assert!(code == Some(2) && said.contains("exists; import into another folder"), "{said}");
    let elsewhere = folder.path().join("other").to_string_lossy().into_owned();
    let (code, said) = run(args(&elsewhere), &["--tolerance", "0.00000001"]);
    assert!(code == Some(1) && said.contains("3 beyond"), "{said}");
    let (code, said) = pleura(&["script"]);
    assert!(code == Some(0) && said.contains("MODEL_FOLDER"), "{said}");
}

#[test]
fn what_is_not_what_the_script_wrote_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let copy = |case: &str| {
        for entry in fs::read_dir(golden("nnunet").join(case)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
            }
        }
    };
    let source = folder.path().to_string_lossy().into_owned();
    let import = |more: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let out = out.path().to_string_lossy().into_owned();
        let (code, said) = pleura(&[&["nnunet", &source, "--out", &out], more].concat());
        assert_eq!(code, Some(2), "{said}");
        said
    };
    copy("regions");
    assert!(import(&[]).contains("there are `core`, `whole`; choose one with `--label`"));
    assert!(import(&["--label", "rim"]).contains("expected the label `rim`, found `core`, `whole`"));
    let said = import(&["--label", "core"]);
    assert!(said.contains("at `postprocessing[0]`: keeps the largest component of the labels [1, 2]"), "{said}");
    copy("three-classes");
    let json = folder.path().join("nnunet.json");
    let text = fs::read_to_string(&json).unwrap();
    let change = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        fs::write(&json, text.replacen(from, to, 1)).unwrap();
        import(&["--label", "effusion"])
    };
    assert!(change("pleura-nnunet-1", "pleura-nnunet-9").contains("export it again with this version's script"));
    assert!(change("\"order\": 1", "\"order\": 3").contains("expected linear resampling"));
    assert!(change("fold0.onnx", "../fold0.onnx").contains("expected the name of a file beside"));
    assert!(change("\"z-score\"", "\"rank\"").contains("unknown variant `rank`"));
    fs::write(&json, &text).unwrap();
    fs::write(folder.path().join("fold0.onnx"), "other").unwrap();
    assert!(import(&["--label", "effusion"]).contains("has changed: expected sha256"));
}

#[test]
fn an_smp_export_gives_its_own_forward_pass() {
    support::runtime();
    let folder = tempfile::tempdir().unwrap();
    let encoders: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(golden("smp/encoders.json")).unwrap()).unwrap();
    let about = folder.path().join("preprocessing.json");
    fs::write(&about, encoders["tu-mobilenetv3_small_050"].to_string()).unwrap();
    let out = folder.path().join("out");
    let paths = [golden("smp/unet.onnx"), about, out.clone()].map(|path| path.to_string_lossy().into_owned());
    let args = ["smp", &paths[0], "--preprocessing", &paths[1], "--size", "48x40"];
    let (code, said) = pleura(&[&args[..], &["--out", &paths[2]]].concat());
    assert_eq!(code, Some(0), "{said}");
    let ensemble = Ensemble::options().device(Device::Cpu).threads(1).keep_maps(true).open(out.join("ensemble.toml"));
    let found = ensemble.unwrap().predict(&Radiograph::open(golden("smp/image.png")).unwrap()).unwrap().map.unwrap();
    let logits: Array2<f32> = ndarray_npy::read_npy(golden("smp/logits.npy")).unwrap();
    let far = found.iter().zip(&logits).map(|(p, x)| (p - 1.0 / (1.0 + (-x).exp())).abs()).fold(0.0, f32::max);
    assert!(found.dim() == logits.dim() && far < 1e-5, "{far}");
    let (code, said) = pleura(&args);
    assert!(
        code == Some(0) && said.contains("[[segmenter.members]]") && said.contains("input.mean = [0.485"),
        "{said}"
    );
}
