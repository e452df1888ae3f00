//! Whether a device computes: three operators that every segmentation network needs, in a child process if there is a
//! program for it, so that a crash of a driver is an answer, too.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ndarray::ArrayD;
use ort::session::Session;
use ort::value::TensorRef;

use super::device_options::with_device;
use super::port::floats;
use super::{Device, Loaded, SessionOptions};
use crate::exit_status;
use crate::onnx::{ElementType, GraphBuilder, Model, attribute as a};

/// How long a device may take: the first use of one may compile its kernels.
const PATIENCE: Duration = Duration::from_secs(300);
/// The height and width of the image.
const SIDE: i64 = 8;

/// The program of [`probe_with`].
static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Lets devices be tried in child processes of a program, which must answer `runtime probe DEVICE --onnxruntime LIBRARY`
/// as `pleura` does. Without it, or after an earlier call with another program, this process tries them itself.
pub fn probe_with(program: PathBuf) {
    _ = PROGRAM.set(program);
}

/// Tries a device in this process: runs a convolution, a transposed one and a resize on it.
///
/// # Errors
/// What fails, as a fragment.
pub fn probe(runtime: &Loaded, device: Device) -> Result<(), String> {
    run(runtime, device).map_err(|error| reason(error.message()).to_owned())
}

/// The part of a provider's message that is for people: without ONNX Runtime's source files, and this machine's name.
fn reason(message: &str) -> &str {
    let line = message.lines().next().unwrap_or_default();
    let line = line.rsplit_once(" was false. ").map_or(line, |(_, rest)| rest);
    let line = line.rsplit_once("operator() ").map_or(line, |(_, rest)| rest);
    let line = line.find("CUDA failure").map_or(line, |start| &line[start..]);
    line.split(" ; GPU=").next().unwrap_or(line).trim()
}

/// Tries a device, in a child process if possible.
pub(super) fn works(runtime: &Loaded, device: Device) -> Result<(), String> {
    match PROGRAM.get() {
        Some(program) => in_child(program, &runtime.path, device),
        None => probe(runtime, device),
    }
}

fn run(runtime: &Loaded, device: Device) -> ort::Result<()> {
    let builder = Session::builder(&runtime.environment)?;
    let builder = with_device(runtime, builder, SessionOptions::on(device, 1), false)?;
    let mut session = builder.with_intra_threads(1)?.commit_from_memory(&network().to_bytes())?;
    // A device for which the provider has no kernels opens sessions, but fails when they run.
    let side = SIDE as usize;
    let image = ArrayD::from_elem(vec![1, 1, side, side], 1.0_f32);
    let outputs = session.run(ort::inputs![TensorRef::from_array_view(image.view())?])?;
    let map = floats(&outputs[0])?;
    if map.shape() != [1, 1, 4 * side, 4 * side] {
        return Err(ort::Error::new(format!("a network of three operators gave a map of {:?}", map.shape())));
    }
    Ok(())
}

/// Conv, ConvTranspose and Resize. On CUDA they need cuDNN, which opening a session does not.
fn network() -> Model {
    let mut graph = GraphBuilder::new("probe");
    let dims = |side: i64| [1.into(), 1.into(), side.into(), side.into()];
    let image = graph.input("image", ElementType::Float, &dims(SIDE));
    let (kernel, up) =
        (graph.constant("kernel", &[4, 1, 3, 3], &[0.1; 36]), graph.constant("up", &[4, 1, 2, 2], &[0.1; 16]));
    let scales = graph.constant("scales", &[4], &[1.0, 1.0, 2.0, 2.0]);
    let features = graph.node("Conv", &[&image, &kernel], vec![a::ints("pads", &[1, 1, 1, 1])]);
    let twice = graph.node("ConvTranspose", &[&features, &up], vec![a::ints("strides", &[2, 2])]);
    let map = graph.node("Resize", &[&twice, "", &scales], vec![a::string("mode", "linear")]);
    graph.output(&map, "map", ElementType::Float, &dims(4 * SIDE));
    graph.build()
}

/// The line that a child prints.
#[must_use]
pub fn probe_answer(device: Device, result: &Result<(), String>) -> String {
    match result {
        Ok(()) => format!("{device} works"),
        Err(reason) => format!("{device} fails: {reason}"),
    }
}

fn in_child(program: &Path, library: &Path, device: Device) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(["runtime", "probe", &device.to_string(), "--onnxruntime"]).arg(library);
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.map_err(|error| format!("cannot start `{}` to try it: {error}", program.display()))?;
    let status = ended(&mut child)?;
    let mut said = String::new();
    if let Some(mut output) = child.stdout.take() {
        // what it has not said is no answer
        _ = output.read_to_string(&mut said);
    }
    // what follows the answer, such as a crash while the driver is unloaded, does not count
    let answer = said.lines().find_map(|line| line.strip_prefix(&device.to_string()));
    match answer.map(|answer| (answer, answer.strip_prefix(" fails: "))) {
        Some((" works", _)) => Ok(()),
        Some((_, Some(reason))) => Err(reason.to_owned()),
        _ => Err(format!("the process that tried it {}", exit_status::text(status))),
    }
}

/// Waits for a child; one that takes too long is killed.
fn ended(child: &mut Child) -> Result<std::process::ExitStatus, String> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => sleep(Duration::from_millis(2)),
            Err(error) => return Err(format!("cannot wait for the process that tried it: {error}")),
        }
    }
    _ = child.kill();
    _ = child.wait();
    Err(format!("it did not answer within {} s", PATIENCE.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::for_tests;

    #[test]
    fn the_cpu_runs_all_three() {
        let Some(runtime) = for_tests() else { return };
        probe(runtime, Device::Cpu).unwrap();
    }

    #[test]
    fn reasons_are_without_source_files_and_host_names() {
        let dawn = "/src/x.cc:63 f() Error: [ONNXRuntimeError] : 11 : EP_FAIL : /src/y.cc:136 g()::<lambda()> r == s was \
                    false. Failed to get a WebGPU adapter: No supported adapters\nmore";
        assert_eq!(reason(dawn), "Failed to get a WebGPU adapter: No supported adapters");
        let cuda = "/src/cuda_call.cc:129 CudaCall CUDA failure 100: no CUDA-capable device is detected ; GPU=-1 ; \
                    hostname=h ; file=/src/a.cc ; line=282 ; expr=cudaSetDevice(id)";
        assert_eq!(reason(cuda), "CUDA failure 100: no CUDA-capable device is detected");
        let option =
            "/src/info.cc:60 f() [ONNXRuntimeError] : 1 : FAIL : info.cc:68 operator() Invalid device ID: 7, must be";
        assert_eq!(reason(option), "Invalid device ID: 7, must be");
        assert_eq!(reason("its only device is number 0"), "its only device is number 0");
    }

    /// A program that answers, refuses, crashes, or says nothing.
    #[test]
    #[cfg(unix)]
    fn a_crash_is_an_answer() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let answer = |script: &str| {
            let program = folder.path().join(format!("child-{}", script.len()));
            std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            in_child(&program, Path::new("libonnxruntime.so"), Device::Cuda(0))
        };
        assert_eq!(answer("echo cuda:0 works"), Ok(()));
        assert_eq!(answer("echo cuda:0 works; kill -SEGV $$"), Ok(()));
        assert_eq!(answer("echo cuda:0 fails: no kernel image"), Err("no kernel image".into()));
        let crashed = answer("kill -SEGV $$").unwrap_err();
        assert!(crashed.contains("was killed by SIGSEGV"), "{crashed}");
        let silent = answer("exit 3").unwrap_err();
        assert!(silent.contains("exited (exit status: 3)"), "{silent}");
    }
}
