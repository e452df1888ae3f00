//! Chooses the device.

use std::path::Path;

use ort::session::Session;
use ort::value::TensorRef;

use super::session::execution_providers;
use super::{Device, Loaded, Placement, SessionOptions, find};
use crate::onnx::{ElementType, GraphBuilder};

/// Why a device that was requested by name is unavailable.
#[derive(Debug, thiserror::Error)]
#[error("device {device} is unavailable: {reason}; {next}, or use `--device cpu`")]
pub struct DeviceError {
    /// The requested device.
    pub device: Device,
    /// What is missing.
    pub reason: String,
    /// How to get it.
    pub next: String,
}

/// Resolves a device: CUDA, if allowed, is tried with a session of one node.
///
/// # Errors
/// If CUDA is requested by name but unavailable.
pub fn place(runtime: &Loaded, device: Device) -> Result<Placement, DeviceError> {
    match device {
        Device::Cpu => Ok(Placement { device, reason: "as requested".into() }),
        Device::Cuda(number) => match cuda(runtime, number) {
            Ok(()) => Ok(Placement { device, reason: "as requested".into() }),
            Err(reason) => Err(DeviceError { device, next: next_step(&reason), reason }),
        },
        Device::Auto => Ok(match cuda(runtime, 0) {
            Ok(()) => Placement { device: Device::Cuda(0), reason: "CUDA works here".into() },
            Err(reason) => Placement { device: Device::Cpu, reason: format!("no CUDA: {reason}") },
        }),
    }
}

/// Whether a CUDA device works, or what is missing.
fn cuda(runtime: &Loaded, number: u32) -> Result<(), String> {
    let folder = runtime.path.parent().unwrap_or(Path::new(""));
    if let Some(missing) = find::missing_cuda(folder) {
        return Err(missing);
    }
    probe(runtime, number).map_err(|error| error.message().lines().next().unwrap_or_default().to_owned())
}

/// Runs a session of one node on the device: a compiled-in provider need not work.
fn probe(runtime: &Loaded, number: u32) -> ort::Result<()> {
    let options =
        SessionOptions { device: Device::Cuda(number), threads: 1, tensorrt: false, fp16: false, memory: None };
    let mut graph = GraphBuilder::new("probe");
    let input = graph.input("x", ElementType::Float, &[1.into()]);
    let output = graph.node("Neg", &[&input], vec![]);
    graph.output(&output, "y", ElementType::Float, &[1.into()]);
    let mut session = Session::builder(&runtime.environment)?
        .with_execution_providers(execution_providers(options, false))?
        .commit_from_memory(&graph.build().to_bytes())?;
    // A device for which the provider has no kernels opens sessions, but fails when they run.
    session.run(ort::inputs![TensorRef::from_array_view(([1usize], &[1.0_f32][..]))?])?;
    Ok(())
}

fn next_step(reason: &str) -> String {
    if reason.contains("libcuda.so") {
        "install the NVIDIA driver".into()
    } else if reason.contains("ordinal") || reason.contains("device_id") {
        "name a device that `nvidia-smi -L` lists".into()
    } else {
        "run `pleura runtime install --cuda`".into()
    }
}
