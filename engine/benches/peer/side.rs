//! The sides that are compared, each in its own process, so that memory is measured separately and start-up counts.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use ndarray::ArrayD;
use pleura::ensemble::Ensemble;
use pleura::manifest::Exit;
use pleura::runtime::Device;
use pleura::submission::{SIIM_SIZE, Submission};
use serde::{Deserialize, Serialize};

/// The first argument of this program when it runs the engine's side.
pub const ENGINE: &str = "--engine";

/// The program that runs the ensemble, and its mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Every network on every image.
    PeerNone,
    /// Segmenters only on images that pass.
    PeerStage,
    /// Segmenters only on images that pass.
    EngineFull,
    /// As `EngineFull`, and no classifier that cannot change whether an image passes.
    EngineExact,
}

/// The inputs of every side.
pub struct Task<'a> {
    pub python: &'a Path,
    /// The ONNX Runtime library of `python`, also used by the engine.
    pub onnxruntime: &'a Path,
    pub manifest: &'a Path,
    pub files: &'a [PathBuf],
    /// The folder for submissions and findings.
    pub folder: &'a Path,
    pub batch: usize,
    pub threads: usize,
}

/// The measurements of a run.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Took {
    pub images: usize,
    /// From the first file to the CSV, with the models open.
    pub seconds: f64,
    pub peak_bytes: u64,
    /// From the process's start to its end, as the bench sees it, without what is measured afterwards.
    #[serde(default)]
    pub whole: f64,
    /// The engine: seconds that the models alone take afterwards, for as many batches of the same shapes.
    #[serde(default)]
    pub bare: f64,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PeerNone => "peer --gate none",
            Self::PeerStage => "peer --gate stage",
            Self::EngineFull => "engine, exit full",
            Self::EngineExact => "engine, exit exact",
        })
    }
}

impl Side {
    pub const ALL: [Self; 4] = [Self::PeerNone, Self::PeerStage, Self::EngineFull, Self::EngineExact];

    /// Runs the side in its own process.
    pub fn run(self, task: &Task<'_>) -> Result<Took, Box<dyn Error>> {
        let mut command = match self {
            Self::PeerNone => peer(task, "none"),
            Self::PeerStage => peer(task, "stage"),
            Self::EngineFull => engine(task, "full")?,
            Self::EngineExact => engine(task, "exact")?,
        };
        command.arg(self.submission(task.folder)).arg(self.findings(task.folder)).args(task.files);
        command.env("RAYON_NUM_THREADS", task.threads.to_string());
        let start = Instant::now();
        let output = command.stderr(Stdio::inherit()).output()?;
        let whole = start.elapsed().as_secs_f64();
        if !output.status.success() {
            return Err(format!("{self}: {}", output.status).into());
        }
        let took: Took = serde_json::from_slice(&output.stdout)?;
        Ok(Took { whole: whole - took.bare, ..took })
    }

    pub fn submission(self, folder: &Path) -> PathBuf {
        folder.join(format!("{self:?}.csv"))
    }

    /// A line of JSON per image: its id, and its score or, for the engine, the bounds of its score.
    pub fn findings(self, folder: &Path) -> PathBuf {
        folder.join(format!("{self:?}.jsonl"))
    }
}

fn peer(task: &Task<'_>, gate: &str) -> Command {
    let mut command = Command::new(task.python);
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peer/peer.py")).arg(task.manifest);
    command.args(["--gate", gate, "--batch", &task.batch.to_string(), "--threads", &task.threads.to_string()]);
    command
}

fn engine(task: &Task<'_>, exit: &str) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ENGINE).arg(task.manifest).arg(task.onnxruntime);
    command.args([exit, &task.batch.to_string(), &task.threads.to_string()]);
    Ok(command)
}

/// The engine's side, in the measured process: what `pleura predict` does, without its receipt.
pub fn run_engine(mut args: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    pleura::runtime::keep_freed_memory(); // as the command line does
    let mut next = || args.next().ok_or("the bench gives all arguments");
    let (manifest, onnxruntime, exit, batch, threads) = (next()?, next()?, next()?, next()?.parse()?, next()?.parse()?);
    let (out, findings) = (next()?, next()?);
    let files: Vec<PathBuf> = args.map(PathBuf::from).collect();
    let exit = if exit == "full" { Exit::Full } else { Exit::Exact };
    let options = Ensemble::options().device(Device::Cpu).batch(batch).threads(threads).exit(exit);
    let ensemble = options.onnxruntime(onnxruntime).open(manifest)?;
    let start = Instant::now();
    let mut submission = Submission::new(SIIM_SIZE);
    let mut lines = std::io::BufWriter::new(std::fs::File::create(findings)?);
    ensemble.predict_files(&files, |path, finding, _| {
        let finding = finding.map_err(Box::new)?;
        submission.insert(finding.id.clone(), &finding.mask)?;
        writeln!(lines, "{}", finding.to_json(Some(path), None))?;
        Ok::<(), Box<dyn Error>>(())
    })?;
    lines.flush()?;
    submission.sort();
    submission.write(out)?;
    let (seconds, peak_bytes) = (start.elapsed().as_secs_f64(), peak_bytes()?);
    let took = Took { images: files.len(), seconds, peak_bytes, whole: 0.0, bare: bare(&ensemble)? };
    println!("{}", serde_json::to_string(&took)?);
    Ok(())
}

/// Seconds of the models alone, as often and on batches of the same shapes as in the run.
fn bare(ensemble: &Ensemble) -> Result<f64, Box<dyn Error>> {
    let times = ensemble.times();
    let start = Instant::now();
    for model in ensemble.models() {
        let (input, output) = (&model.inputs()[0].name, model.outputs()[0].name.as_str());
        for (shape, &runs) in times.models.get(model.path()).into_iter().flat_map(|usage| &usage.shapes) {
            let batch = ArrayD::from_shape_fn(&shape[..], |place| (place[2] * 7 + place[3]) as f32 % 5.0 - 2.0);
            for _ in 0..runs {
                model.run(input, batch.view(), &[output])?;
            }
        }
    }
    Ok(start.elapsed().as_secs_f64())
}

/// The peak memory of this process. `getrusage` would also count that of the parent process.
fn peak_bytes() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM in /proc/self/status")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}
