//! `pleura demo`, as a new user runs it.

mod support;

use std::fs;
use std::path::Path;

use assert_cmd::assert::Assert;
use pleura::Radiograph;
use pleura::manifest::Intensity;
use pleura_demo::committed::{MANIFEST, NETWORKS};
use pleura_demo::{Encoding, Phantom, training};

/// Runs the demo with a seed that differs from the networks' training data and the demo's default.
fn demo(out: &Path, images: u32) -> Assert {
    let images = images.to_string();
    support::pleura()
        .args(["demo", "--seed", "271828", "--images", &images, "--device", "cpu", "--out"])
        .arg(out)
        .assert()
}

fn count(folder: &Path, extension: &str) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == extension)).count()
}

fn score(out: &Path) -> serde_json::Value {
    let files = [out.join("submission.csv"), out.join("truth.csv")];
    let scored = support::pleura().args(["score", "--json"]).args(files).assert().success();
    serde_json::from_slice(&scored.get_output().stdout).unwrap()
}

#[test]
fn a_folder_of_ones_own_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("truth.csv"), "mine").unwrap();
    let said = demo(folder.path(), 2).code(2);
    let said = String::from_utf8_lossy(&said.get_output().stderr).into_owned();
    assert!(said.contains("is not empty, and not a demo's folder: name another with `--out`"), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("truth.csv")).unwrap(), "mine");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_demo_finds_what_it_drew() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("demo");
    let done = demo(&out, 20).success();
    let said = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(said.contains("overlays/") && said.contains("pleura predict"), "{said}");
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("Mean Dice"));
    assert_eq!((count(&out.join("radiographs"), "dcm"), count(&out.join("overlays"), "png")), (20, 20));
    for (name, lines) in [("submission.csv", 21), ("truth.csv", 21), ("findings.jsonl", 20)] {
        assert_eq!(fs::read_to_string(out.join(name)).unwrap().lines().count(), lines, "{name}");
    }
    // real networks: good on radiographs outside their training data, but not perfect
    let score = score(&out);
    let number = |key: &str| score[key].as_f64().unwrap();
    let right = number("true_positives") + number("true_negatives");
    assert!(right / number("images") >= 0.9, "{score}");
    assert!((0.6..1.0).contains(&number("mean_dice_positives")), "{score}");
}

#[test]
fn a_second_run_uses_the_edited_manifest_and_leaves_other_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path();
    demo(out, 4).success();
    fs::write(out.join("radiographs/mine.txt"), "mine").unwrap();
    let manifest = out.join("ensemble/demo.toml");
    let strict = fs::read_to_string(&manifest)
        .unwrap()
        .replace("kind = \"score\", above = 0.5", "kind = \"score\", above = 1.0");
    fs::write(&manifest, strict).unwrap();
    let again = demo(out, 3).success();
    let said = String::from_utf8_lossy(&again.get_output().stderr).into_owned();
    assert!(said.contains("running your `demo.toml`"), "{said}");
    assert_eq!((count(&out.join("radiographs"), "dcm"), count(&out.join("radiographs"), "txt")), (3, 1));
    let rows = fs::read_to_string(out.join("submission.csv")).unwrap();
    assert!(rows.lines().skip(1).all(|row| row.ends_with(",-1")), "no score is above 1: {rows}");
}

/// Ctrl-C prints how to continue, and that works: the journal left behind does no harm.
#[test]
#[cfg(unix)]
fn an_interrupted_demo_can_be_run_again() {
    support::runtime();
    let folder = tempfile::tempdir().unwrap();
    for attempt in 0..10 {
        let out = folder.path().join(format!("{attempt}"));
        let journal = out.join("submission.csv.journal");
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pleura"));
        command.args(["demo", "--images", "40", "--out"]).arg(&out).stderr(std::process::Stdio::piped());
        let mut child = command.args(["--device", "cpu", "--batch", "1"]).spawn().unwrap();
        let finished = |path: &Path| fs::read_to_string(path).unwrap_or_default().lines().count().saturating_sub(1);
        while finished(&journal) < 1 && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        support::signal(&child, libc::SIGINT);
        let ended = child.wait_with_output().unwrap();
        if ended.status.success() {
            continue; // it had ended before
        }
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(75), "{said}");
        assert!(said.contains("interrupted: run the same command again"), "{said}");
        if finished(&journal) > 0 {
            demo(&out, 40).success();
            return;
        }
    }
    panic!("no demo was caught between its first image and its end");
}

/// Pictures of 64 × 64 pixels in place of those that `--train` would draw.
fn small_pictures(networks: &Path) {
    for number in 0..training::IMAGES {
        let phantom = Phantom::new(training::SEED, number, 64);
        let truth = phantom.truth.pixels().mapv(|marked| f32::from(u8::from(marked)));
        for (name, image) in [(training::RADIOGRAPHS, &phantom.intensities), (training::MASKS, &truth)] {
            fs::create_dir_all(networks.join(name)).unwrap();
            let bytes = image.iter().map(|value| (value * 255.0) as u8).collect();
            let picture = image::GrayImage::from_raw(64, 64, bytes).unwrap();
            picture.save(networks.join(name).join(format!("phantom-{number:03}.png"))).unwrap();
        }
    }
}

/// A recipe with one epoch per phase, at 64 × 64 pixels.
fn shortened(recipe: &[u8]) -> String {
    let mut recipe: toml::Table = std::str::from_utf8(recipe).unwrap().parse().unwrap();
    for phase in recipe["phases"].as_array_mut().unwrap() {
        let phase = phase.as_table_mut().unwrap();
        phase.insert("epochs".into(), 1.into());
        phase.insert("size".into(), vec![64, 64].into());
    }
    recipe.to_string()
}

#[test]
fn networks_are_trained_anew_and_run() {
    let folder = tempfile::tempdir().unwrap();
    let ensemble = folder.path().join("ensemble");
    small_pictures(&ensemble.join("demo"));
    for network in NETWORKS {
        fs::write(ensemble.join(network.recipe.path), shortened(network.recipe.bytes)).unwrap();
    }
    let train = || {
        let args = ["demo", "--train", "--seed", "271828", "--images", "2", "--device", "cpu", "--out"];
        let done = support::pleura().args(args).arg(folder.path()).assert().success();
        let said = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
        let models = NETWORKS.map(|network| fs::read(ensemble.join(network.model.path)).unwrap());
        (said, models, fs::read_to_string(ensemble.join(MANIFEST.path)).unwrap())
    };
    let (said, models, manifest) = train();
    assert!(said.contains("on 60 images that it never saw") && said.contains("curves.svg"), "{said}");
    for (network, model) in NETWORKS.iter().zip(&models) {
        assert_ne!(model, network.model.bytes, "{}", network.name);
        let digest = pleura_files::digest::file(&ensemble.join(network.model.path)).unwrap();
        assert!(manifest.contains(&digest), "{}: {digest}", network.name);
    }
    support::pleura().arg("check").arg(ensemble.join(MANIFEST.path)).assert().success();
    let (said, again, unchanged) = train();
    assert_eq!(said.matches("already trained").count(), 2, "{said}");
    assert!(again == models && unchanged == manifest);
}

#[test]
fn the_seed_of_the_training_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let seed = training::SEED.to_string();
    let refused = support::pleura().args(["demo", "--seed", &seed, "--out"]).arg(folder.path()).assert().code(2);
    assert!(String::from_utf8_lossy(&refused.get_output().stderr).contains("another `--seed`"));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn every_encoding_reads_back_as_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let phantom = Phantom::new(3, 0, 256);
    // half a step of the stored bits; JPEG loses some of the noise, far less than a wrong window would change
    let cases = [
        (Encoding::Plain, 0.5 / 255.0),
        (Encoding::Inverted, 0.5 / 255.0),
        (Encoding::TwelveBit, 0.5 / 4095.0),
        (Encoding::Jpeg, 0.1),
    ];
    for (encoding, tolerance) in cases {
        let path = folder.path().join(format!("{encoding:?}.dcm"));
        phantom.write(&path, encoding).unwrap();
        let radiograph = Radiograph::open(&path).unwrap();
        assert_eq!(radiograph.id(), phantom.uid, "{encoding:?}");
        let read = radiograph.intensities(Intensity::Stored);
        let worst = read.iter().zip(&phantom.intensities).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst <= tolerance + 1e-5, "{encoding:?}: {worst}");
    }
}
