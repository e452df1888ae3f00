//! The pipeline: its results depend neither on the number of threads nor on their timing.

#[path = "support/mod.rs"]
mod support;

use std::path::{Path, PathBuf};

use ndarray::Array2;
use pleura::Size;
use pleura::ensemble::{Ensemble, PipelineStep};
use pleura::onnx::{ElementType, GraphBuilder, attribute as a};
use pleura::runtime::Device;
use support::case::{Case, POST, chain, member, ramp, score};
use support::toy::{Toy, noise, png};

/// Runs `pleura predict` with these options; returns the bytes of the submission and the findings.
fn predicted(ensemble: &Path, inputs: &[PathBuf], options: &[&str]) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let (out, findings) = (folder.path().join("s.csv"), folder.path().join("f.jsonl"));
    let mut command = support::pleura();
    command.arg("predict").arg(ensemble).args(inputs).arg("--out").arg(&out).arg("--findings").arg(&findings);
    command.args(["--device", "cpu"]).args(options).assert().success();
    (std::fs::read(out).unwrap(), std::fs::read(findings).unwrap())
}

/// This many radiographs: real ones, or else synthetic ones.
fn radiographs(folder: &Path, count: usize) -> Vec<PathBuf> {
    if cfg!(not(no_real_data)) {
        let folder = support::data().join("siim/stage2_dicom");
        let all = pleura::radiograph::find(&[folder.display().to_string()]).unwrap();
        return all.into_iter().take(count).collect();
    }
    let draw = |seed: usize| png(folder, &format!("image{seed}"), &noise(seed as u32, Size::new(256, 256)));
    (0..count).map(draw).collect()
}

#[test]
fn the_same_bytes_for_any_threads_batch_memory_and_number_of_devices() {
    let folder = tempfile::tempdir().unwrap();
    let images = radiographs(folder.path(), 15);
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles/demo.toml");
    let plain = predicted(&demo, &images, &["--threads", "1", "--batch", "1"]);
    let rows = plain.0.iter().filter(|&&byte| byte == b'\n').count();
    assert_eq!(rows, 16, "a header and 15 rows");
    for options in [
        &["--threads", "2"][..],
        &["--threads", "3", "--batch", "3"],
        &["--batch", "16"],
        &["--batch", "4", "--memory", "80MiB"],
        &["--memory", "150MiB"],
        &["--device", "cpu,cpu,cpu", "--threads", "1"],
    ] {
        let others = predicted(&demo, &images, options);
        assert!(plain.0 == others.0, "another submission with {options:?}");
        assert!(plain.1 == others.1, "other findings with {options:?}");
    }
}

#[test]
fn results_come_in_the_order_of_the_files_whoever_is_quick() {
    let toml = format!("{POST}\n{}", member("segmenter", "a", score()));
    let case = Case::new(&[("a", Toy::default())], &toml);
    // Some take a hundred times as long to decode as others, and some are invalid.
    let draw = |place: usize| match place % 7 {
        3 => {
            let path = case.folder.path().join(format!("bad{place}.png"));
            std::fs::write(&path, "no picture").unwrap();
            path
        }
        5 => png(case.folder.path(), &format!("image{place}"), &noise(place as u32, Size::new(1500, 1500))),
        _ => png(case.folder.path(), &format!("image{place}"), &noise(place as u32, Size::new(9, 9))),
    };
    let files: Vec<PathBuf> = (0..60).map(draw).collect();
    let options = Ensemble::options().devices(&[Device::Cpu, Device::Cpu]).threads(1).batch(2);
    let ensemble = options.open(&case.manifest).unwrap();
    let mut seen = Vec::new();
    let ended = ensemble.predict_files(&files, |path, finding, radiograph| -> Result<(), String> {
        let stem = path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(finding.is_err(), stem.starts_with("bad"), "{stem}");
        assert_eq!(radiograph.is_none(), stem.starts_with("bad"), "{stem}");
        if let Ok(finding) = finding {
            assert_eq!(finding.id, stem);
            let alone = ensemble.predict(radiograph.unwrap()).unwrap();
            assert_eq!(finding, alone);
        }
        seen.push(path.to_owned());
        Ok(())
    });
    assert_eq!((ended, seen), (Ok(()), files));
}

/// The input of members that see the same views is made once; under a memory limit, each makes its own.
#[test]
fn members_that_share_an_input_find_what_they_find_with_their_own() {
    let flip = |axis: &str| format!("tta = [{{ plugin = \"flip\", params = {{ axis = \"{axis}\" }} }}]");
    let toml = format!(
        "output.size = [16, 16]\n{POST}\n[classifier]\ngate = {{ kind = \"score\", above = 0.5 }}\n{}{}{}{}",
        member("classifier", "c", &format!("{}\n{}", score(), flip("horizontal"))),
        member("segmenter", "a", &flip("horizontal")),
        member("segmenter", "b", &flip("horizontal")),
        member("segmenter", "d", &flip("vertical")),
    );
    let toy = |gain| Toy { gain, ..Toy::default() };
    let left = Toy { left_only: true, ..toy(0.7) };
    let case = Case::new(&[("c", toy(1.0)), ("a", toy(0.9)), ("b", left), ("d", toy(0.8))], &toml);
    let images: Vec<_> = (0..9).map(|seed| case.image(&noise(seed, Size::new(8, 8)))).collect();
    let found = |options: pleura::ensemble::Options| -> Vec<_> {
        let ensemble = options.device(Device::Cpu).threads(1).keep_maps(true).open(&case.manifest).unwrap();
        ensemble.predict_batch(&images).into_iter().map(|finding| finding.unwrap()).collect()
    };
    let own = found(Ensemble::options().batch(1).memory(1 << 30));
    let passed = own.iter().filter(|finding| finding.map.is_some()).count();
    assert!((1..images.len()).contains(&passed), "{passed} pass the gate");
    for batch in [1, 2, 5, 20] {
        assert_eq!(found(Ensemble::options().batch(batch)), own, "batches of {batch}");
    }
}

/// A network that needs little memory for one image, and `floats` floats for each further one.
fn greedy(path: &Path, floats: i64) {
    let mut g = GraphBuilder::new("greedy");
    let image = g.input("image", ElementType::Float, &["batch".into(), 1.into(), 8.into(), 8.into()]);
    let (zero, one, much) = (g.integers("zero", &[0]), g.integers("one", &[1]), g.integers("much", &[floats]));
    let shape = g.node("Shape", &[&image], vec![]);
    let batch = g.node("Gather", &[&shape, &zero], vec![]);
    let beyond = g.node("Sub", &[&batch, &one], vec![]);
    let beyond = g.node("Mul", &[&beyond, &much], vec![]);
    let length = g.node("Add", &[&beyond, &one], vec![]);
    let zeros = g.node("ConstantOfShape", &[&length], vec![]);
    let nothing = g.node("ReduceMax", &[&zeros], vec![a::int("keepdims", 0)]);
    let map = g.node("Add", &[&image, &nothing], vec![]);
    g.output(&map, "map", ElementType::Float, &["batch".into(), 1.into(), 8.into(), 8.into()]);
    g.build().write(path).unwrap();
}

#[test]
fn a_batch_that_runs_out_of_memory_is_halved_and_the_run_goes_on() {
    let case = Case::new(&[], &format!("{POST}\n{}", member("segmenter", "greedy", "")));
    // 8 TiB
    greedy(&case.folder.path().join("greedy.onnx"), 1 << 41);
    let files: Vec<PathBuf> =
        (0..12).map(|seed| png(case.folder.path(), &format!("image{seed}"), &noise(seed, Size::new(8, 8)))).collect();
    let ensemble = Ensemble::options().device(Device::Cpu).batch(4).open(&case.manifest).unwrap();
    let mut areas = Vec::new();
    let run = ensemble.predict_files(&files, |_, finding, _| finding.map(|finding| areas.push(finding.mask.area())));
    run.unwrap();
    let expected = (0..12).map(|seed| noise(seed, Size::new(8, 8)).iter().filter(|&&v| v > 127).count());
    assert_eq!(areas, expected.collect::<Vec<_>>());
    // Once it is known how many fit, no more are tried: at first 4 and 2, by either lane, then 1 at a time.
    let usage = &ensemble.times().models[&case.folder.path().join("greedy.onnx")];
    let tried_in_vain = usage.runs() - usage.shapes[&vec![1, 1, 8, 8]];
    assert_eq!(usage.shapes[&vec![1, 1, 8, 8]], 12);
    assert!((1..=6).contains(&tried_in_vain), "{usage:?}");
}

#[test]
fn models_have_a_limit_on_the_cpu_too_and_each_ensemble_its_own() {
    let case = Case::new(&[], &format!("{POST}\n{}", member("segmenter", "greedy", "")));
    // 64 MiB
    greedy(&case.folder.path().join("greedy.onnx"), 1 << 24);
    let images: Vec<_> = (0..4).map(|seed| case.image(&noise(seed, Size::new(8, 8)))).collect();
    let options = || Ensemble::options().device(Device::Cpu).batch(4);
    let free = options().open(&case.manifest).unwrap();
    let [limited, starved] = [100 << 20, 100].map(|limit| options().device_memory(limit).open(&case.manifest).unwrap());
    let expected: Vec<_> = free.predict_batch(&images).into_iter().map(Result::unwrap).collect();
    let found: Vec<_> = limited.predict_batch(&images).into_iter().map(Result::unwrap).collect();
    assert_eq!(found, expected);
    let batches = |ensemble: &Ensemble| -> Vec<usize> {
        let usage = ensemble.times().models.remove(&case.folder.path().join("greedy.onnx")).unwrap();
        usage.shapes.into_iter().flat_map(|(shape, runs)| vec![shape[0]; runs]).collect()
    };
    assert_eq!((batches(&free), batches(&limited)), (vec![4], vec![2, 2, 4]));
    for finding in starved.predict_batch(&images) {
        let error = chain(&finding.unwrap_err());
        assert!(error.contains("greedy.onnx") && error.contains("Available memory of"), "{error}");
    }
    // ONNX Runtime's own message is not printed, as a node's name could contain control characters.
    let out = case.folder.path().join("out.csv");
    let mut command = support::pleura();
    command.args(["predict", "--device", "cpu", "--device-memory", "100B", "--out"]).arg(out).arg(&case.manifest);
    let run = command.arg(case.folder.path().join("image.png")).assert().code(2);
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(said.contains("greedy.onnx` ran out of memory: ") && !said.contains("[E:onnxruntime"), "{said}");
    assert!(!said.contains("\n\n"), "{said}");
    // Its weights alone need more.
    let options = Ensemble::options().device(Device::Cpu).device_memory(10);
    let error = chain(&options.open(&case.manifest).map(drop).unwrap_err());
    assert!(
        error.contains("greedy.onnx") && error.contains("bytes before they run, more than the limit of 10"),
        "{error}"
    );
}

/// A network that returns one map for two images.
fn forgetful(path: &Path) {
    let mut g = GraphBuilder::new("forgetful");
    let image = g.input("image", ElementType::Float, &["batch".into(), 1.into(), 8.into(), 8.into()]);
    let (start, end, axis) = (g.integers("start", &[0]), g.integers("end", &[1]), g.integers("axis", &[0]));
    let first = g.node("Slice", &[&image, &start, &end, &axis], vec![]);
    g.output(&first, "map", ElementType::Float, &["some".into(), 1.into(), 8.into(), 8.into()]);
    g.build().write(path).unwrap();
}

#[test]
fn a_model_that_gives_too_few_maps_is_asked_one_by_one() {
    let case = Case::new(&[], &format!("{POST}\n{}", member("segmenter", "forgetful", "")));
    forgetful(&case.folder.path().join("forgetful.onnx"));
    let images: Vec<_> = (0..5).map(|seed| case.image(&noise(seed, Size::new(8, 8)))).collect();
    let ensemble = Ensemble::options().device(Device::Cpu).batch(4).open(&case.manifest).unwrap();
    for (seed, finding) in (0..5).zip(ensemble.predict_batch(&images)) {
        assert_eq!(finding.unwrap().mask.area(), noise(seed, Size::new(8, 8)).iter().filter(|&&v| v > 127).count());
    }
}

#[test]
fn memory_has_a_ceiling_that_the_user_sets() {
    let folder = tempfile::tempdir().unwrap();
    let toml = format!("output = {{ size = [2000, 2000] }}\n{POST}\n{}", member("segmenter", "a", ""));
    let case = Case::new(&[("a", Toy::default())], &toml);
    let image = png(case.folder.path(), "image", &Array2::from_elem((2000, 2000), 99));
    let files: Vec<PathBuf> = (0..40).map(|place| folder.path().join(format!("{place}.png"))).collect();
    files
        .iter()
        .for_each(|file| drop(std::fs::hard_link(&image, file).or_else(|_| std::fs::copy(&image, file).map(drop))));
    let peak = |memory: &str| {
        let mut command = support::pleura();
        command.args(["bench", "--json", "--rounds", "1", "--device", "cpu", "--batch", "16", "--memory", memory]);
        let output = command.arg(&case.manifest).args(&files).assert().success().get_output().stdout.clone();
        let told: serde_json::Value = serde_json::from_slice(&output).unwrap();
        assert_eq!(told["rounds"][0]["images"], 40);
        told["peak_memory_bytes"].as_u64()
    };
    // Only if the system reports it. A batch of 16 is held together, however slowly the machine reads files, unless the
    // limit cuts it: an image takes 80 MB on its way.
    let (Some(little), Some(much)) = (peak("200MB"), peak("2GB")) else { return };
    assert!(little < 200 << 20, "{} MiB", little >> 20);
    assert!(2 * little < much, "{} and {} MiB", little >> 20, much >> 20);
}

#[test]
fn the_clock_counts_every_kind_of_work() {
    let toml = format!("{POST}\n{}", member("segmenter", "a", score()));
    let case = Case::new(&[("a", Toy::default())], &toml);
    let file = png(case.folder.path(), "image", &ramp());
    let ensemble = Ensemble::options().device(Device::Cpu).batch(2).open(&case.manifest).unwrap();
    ensemble.predict_files(&vec![file; 3], |_, finding, _| finding.map(drop)).unwrap();
    let times = ensemble.times();
    assert!(times.work.iter().all(|(_, spent)| !spent.is_zero()), "{times:?}");
    assert_eq!(times.work.iter().map(|(work, _)| *work).collect::<Vec<_>>(), PipelineStep::ALL);
    let usage = &times.models[&case.folder.path().join("a.onnx")];
    assert_eq!(usage.shapes.iter().map(|(shape, runs)| shape[0] * runs).sum::<usize>(), 3);
    ensemble.reset_times();
    assert!(ensemble.times().models.is_empty());
}

#[test]
fn bench_tells_where_the_time_goes() {
    let folder = tempfile::tempdir().unwrap();
    let images = radiographs(folder.path(), 4);
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("ensembles/demo.toml");
    let mut command = support::pleura();
    command.arg("bench").arg(&demo).args(&images).args(["--rounds", "2", "--device", "cpu", "--full"]);
    let output = command.assert().success().get_output().stdout.clone();
    let table = String::from_utf8(output).unwrap();
    for line in
        ["images/s", "efficiency", "decode", "prepare", "views", "infer", "read", "merge", "postprocess", "write"]
    {
        assert!(table.lines().any(|found| found.starts_with(line)), "no `{line}` in\n{table}");
    }
    assert!(table.contains(".onnx") && table.contains(" runs"), "{table}");
    // With several devices, models alone are run like images: in parallel.
    let mut command = support::pleura();
    command.arg("bench").arg(&demo).args(&images).args(["--json", "--rounds", "1", "--device", "cpu,cpu"]);
    let output = command.assert().success().get_output().stdout.clone();
    let told: serde_json::Value = serde_json::from_slice(&output).unwrap();
    let round = &told["rounds"][0];
    let (alone, wall) = (round["models_alone_seconds"].as_f64().unwrap(), round["seconds"].as_f64().unwrap());
    assert!(alone > 0.0 && (round["efficiency"].as_f64().unwrap() - alone / wall).abs() < 1e-9, "{round}");
}
