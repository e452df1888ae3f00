//! The engine against the usual alternative: a well-written Python script (`peer/peer.py`) with the same manifest,
//! models, ONNX Runtime, batch and threads, over real DICOM files.
//!
//! Run with `cargo bench -p pleura --bench peer`. Each round runs all four sides, one after the other, each in its own
//! process, so that ratios hold on a noisy machine; medians over the rounds are printed. The bench first checks that
//! all sides agree, and fails otherwise. `PLEURA_DATA` names a folder with `siim/stage2_dicom`; `PLEURA_PEER_PYTHON` a
//! Python with the packages of `peer/requirements.txt`, which is otherwise created in `target/peer-python`;
//! `PLEURA_PEER_SIZE`, `_CLASSIFIERS` (of the five networks), `_IMAGES`, `_ROUNDS`, `_BATCH` and `_THREADS` are
//! numbers; with `PLEURA_PEER_KEEP` the folder with the ensemble is kept, and named. `peer/ensemble.rs` describes what is synthetic about the ensemble.

#[path = "peer/ensemble.rs"]
mod ensemble;
#[path = "peer/python.rs"]
mod python;
#[path = "support/resnet.rs"]
mod resnet;
#[path = "peer/side.rs"]
mod side;
#[path = "support/unet.rs"]
mod unet;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use pleura::runtime;
use pleura::submission::{SIIM_SIZE, Submission};
use serde_json::Value;
use side::{Side, Task, Took};

/// The allowed difference of scores: decoders differ by a grey level in places, sums by their order.
const SCORES: f64 = 1e-3;
/// The required Dice between masks, averaged over the images that have one.
const DICE: f64 = 0.99;

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    if args.next().is_some_and(|first| first == side::ENGINE) {
        return side::run_engine(args);
    }
    let shape = ensemble::Shape::new(number("SIZE", 256)?, number("CLASSIFIERS", 3)?)?;
    let rounds = number("ROUNDS", 5)?.max(1);
    let threads = number("THREADS", std::thread::available_parallelism()?.get())?;
    let files = files(number("IMAGES", 60)?)?;
    let python = python::find()?;
    let onnxruntime = python::onnxruntime(&python)?;
    let mut folder = tempfile::tempdir()?;
    folder.disable_cleanup(std::env::var_os("PLEURA_PEER_KEEP").is_some());
    let manifest = folder.path().join("ensemble.toml");
    let batch = number("BATCH", 2)?;
    let task = Task {
        python: &python,
        onnxruntime: &onnxruntime,
        manifest: &manifest,
        files: &files,
        folder: folder.path(),
        batch,
        threads,
    };

    ensemble::make(folder.path(), &files, shape, runtime::load(Some(&onnxruntime))?)?;
    // With a gate at 0 every image passes: its score is read, and the real gate chosen from the scores.
    std::fs::write(&manifest, ensemble::manifest(shape, 0.0))?;
    Side::EngineFull.run(&task)?;
    let scores = scores(Side::EngineFull, &task)?;
    let gate = ensemble::gate(scores.values().map(|&score| score as f32).collect());
    let gate = gate.ok_or("the images' scores are too close for a gate between them: take more images")?;
    std::fs::write(&manifest, ensemble::manifest(shape, gate))?;
    if std::env::var_os("PLEURA_PEER_KEEP").is_some() {
        println!("{}", folder.path().display());
    }
    println!("{} images, {shape:?}, batch {batch}, {threads} threads, score > {gate:.4}", files.len());
    spread(&scores);

    let mut runs = Vec::new();
    for round in 0..=rounds {
        let took = turn(round, &task)?;
        // The first round warms up, and checks that all sides agree.
        if round == 0 {
            agree(&task)?;
            exits(&task)?;
            continue;
        }
        for (side, took) in Side::ALL.iter().zip(&took) {
            let Took { images, seconds, whole, peak_bytes, .. } = took;
            let (rate, peak) = (*images as f64 / seconds, *peak_bytes as f64 / f64::from(1 << 20));
            println!(
                "round {round}: {side:18} {seconds:6.2} s {rate:6.2} images/s, whole {whole:6.2} s, {peak:6.0} MiB"
            );
        }
        runs.push(took);
    }
    summarize(&runs);
    Ok(())
}

/// Runs every side once, each round starting with another; returns their results in the order of [`Side::ALL`].
fn turn(round: usize, task: &Task<'_>) -> Result<[Took; 4], Box<dyn Error>> {
    let mut took = [None; 4];
    for step in 0..4 {
        let at = (round + step) % 4;
        took[at] = Some(Side::ALL[at].run(task)?);
    }
    Ok(took.map(|took| took.expect("each had its turn")))
}

/// Medians over the rounds of the ratios within a round.
fn summarize(runs: &[[Took; 4]]) {
    let median = |ratio: &dyn Fn(&[Took; 4]) -> f64| {
        let mut ratios: Vec<f64> = runs.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    };
    println!(
        "\nmedians of {} rounds: how many times as many images/s the engine does, and as much memory the peer takes",
        runs.len()
    );
    println!("{:42} {:>9} {:>14} {:>12}", "", "images/s", "with starting", "peak memory");
    for engine in [2, 3] {
        for peer in [0, 1] {
            let rate = median(&|took| took[peer].seconds / took[engine].seconds);
            let whole = median(&|took| took[peer].whole / took[engine].whole);
            let memory = median(&|took| took[peer].peak_bytes as f64 / took[engine].peak_bytes as f64);
            let name = format!("{} against {}", Side::ALL[engine], Side::ALL[peer]);
            println!("{name:42} {rate:>8.2}× {whole:>13.2}× {memory:>11.2}×");
        }
    }
    println!("\nthe floor: the models alone, on batches of the same shapes, over the time of the run");
    for engine in [2, 3] {
        let run = median(&|took| took[engine].bare / took[engine].seconds);
        let whole = median(&|took| (took[engine].bare + opening(&took[engine])) / took[engine].whole);
        println!(
            "{:42} {run:>9.3} {whole:>14.3} with starting, of which opening is a part",
            Side::ALL[engine].to_string()
        );
    }
}

/// Seconds before the first file: the process starts, and opens its models.
fn opening(took: &Took) -> f64 {
    (took.whole - took.seconds).max(0.0)
}

/// Checks that all sides agree, and that the engine's results are the same with and without early exit.
fn agree(task: &Task<'_>) -> Result<(), Box<dyn Error>> {
    let read = |side: Side| Submission::read(side.submission(task.folder), SIIM_SIZE);
    let bytes = |side: Side| std::fs::read(side.submission(task.folder));
    if bytes(Side::EngineFull)? != bytes(Side::EngineExact)? {
        return Err("early exit changes the submission".into());
    }
    let (truth, expected) = (read(Side::EngineFull)?, scores(Side::EngineFull, task)?);
    for peer in [Side::PeerNone, Side::PeerStage] {
        let found = scores(peer, task)?;
        let apart =
            expected.iter().map(|(id, score)| found.get(id).map_or(f64::INFINITY, |other| (score - other).abs()));
        let apart = apart.fold(0.0, f64::max);
        let score = read(peer)?.score(&truth)?;
        let dice = score.mean_dice_positives.ok_or("no mask at all: nothing to compare")?;
        println!(
            "{peer}: scores within {apart:.1e} of the engine's, mean Dice {:.4}, of {} with a mask {dice:.4}",
            score.mean_dice, score.positives
        );
        if apart > SCORES || dice < DICE {
            return Err(format!("{peer} answers otherwise than the engine").into());
        }
    }
    Ok(())
}

/// Prints how many networks run with early exit; the last of them may have run one of its two views.
fn exits(task: &Task<'_>) -> Result<(), Box<dyn Error>> {
    for side in [Side::EngineFull, Side::EngineExact] {
        let findings = findings(side, task)?;
        let mean = |stage: &str| {
            let runs = findings.iter().filter_map(|finding| finding["runs"][stage].as_u64());
            runs.sum::<u64>() as f64 / findings.len() as f64
        };
        println!("{side}: {:.2} classifiers and {:.2} segmenters an image", mean("classifiers"), mean("segmenters"));
    }
    Ok(())
}

/// Each image's score by its id.
fn scores(side: Side, task: &Task<'_>) -> Result<BTreeMap<String, f64>, Box<dyn Error>> {
    let score = |finding: Value| {
        let score = finding["score"].as_f64().or(finding["score"][0].as_f64()).ok_or("a finding has a score")?;
        Ok((finding["id"].as_str().ok_or("a finding has an id")?.to_owned(), score))
    };
    findings(side, task)?.into_iter().map(score).collect()
}

fn findings(side: Side, task: &Task<'_>) -> Result<Vec<Value>, Box<dyn Error>> {
    let text = std::fs::read_to_string(side.findings(task.folder))?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

fn spread(scores: &BTreeMap<String, f64>) {
    let mut sorted: Vec<f64> = scores.values().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let deciles: Vec<String> =
        (0..=10).map(|tenth| format!("{:.2}", sorted[tenth * (sorted.len() - 1) / 10])).collect();
    println!("deciles of the scores: {}", deciles.join(" "));
}

fn files(most: usize) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("PLEURA_DATA").map_or_else(beside, PathBuf::from).join("siim/stage2_dicom");
    if !folder.is_dir() {
        return Err(format!("no DICOM files at `{}`; set PLEURA_DATA", folder.display()).into());
    }
    let mut files = pleura::radiograph::find(&[folder])?;
    files.truncate(most);
    Ok(files)
}

/// The environment variable `PLEURA_PEER_NAME` as a number.
fn number(name: &str, default: usize) -> Result<usize, String> {
    let name = format!("PLEURA_PEER_{name}");
    let Ok(text) = std::env::var(&name) else { return Ok(default) };
    text.parse().map_err(|_| format!("{name} is `{text}`, no number"))
}
