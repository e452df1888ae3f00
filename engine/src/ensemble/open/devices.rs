//! The devices on which an ensemble's models are opened.

use std::path::Path;

use super::{EnsembleError, Options};
use crate::ensemble::member::weights::Opener;
use crate::manifest::Manifest;
use crate::runtime::{self, Comparison, Device, Loaded, Placement, SessionOptions};

/// The number of inputs of each model whose results are compared with the CPU's.
const COMPARED: usize = 8;

/// Resolves the requested devices; [`Device::Auto`] if there are none.
pub fn placements(runtime: &Loaded, options: &Options) -> Result<Vec<Placement>, EnsembleError> {
    let asked = if options.devices.is_empty() { &[Device::Auto][..] } else { &options.devices };
    let unlimited = asked.iter().find(|device| matches!(device, Device::Provider(..)));
    if let Some(device) = unlimited.filter(|_| options.device_memory.is_some()) {
        let message = format!("the memory of {device} cannot be limited; use smaller batches");
        return Err(EnsembleError::Option { option: "device_memory", message });
    }
    Ok(asked.iter().map(|&device| runtime::place(runtime, device)).collect::<Result<_, _>>()?)
}

/// What opens models: a session on each device.
pub fn opener(
    runtime: &'static Loaded,
    manifest: &Manifest,
    path: &Path,
    placements: &[Placement],
    options: &Options,
) -> Opener {
    let tensorrt = manifest.runtime.tensorrt;
    if tensorrt && placements[0].device == Device::Cpu {
        tracing::warn!("`{}` requests TensorRT, but models run on {}", path.display(), placements[0]);
    }
    let session = |placement: &Placement| SessionOptions {
        device: placement.device,
        threads: options.threads,
        tensorrt,
        fp16: manifest.runtime.fp16,
        memory: options.device_memory,
    };
    let sessions = placements.iter().map(session).collect();
    let inputs = options.verify_device.unwrap_or(COMPARED);
    let comparison = Comparison { inputs, tolerance: manifest.runtime.tolerance };
    Opener { runtime, sessions, may_fall_back: device_is_ours(&options.devices), comparison }
}

/// The number of images in a batch; 0 lets the device decide.
pub fn batch(asked: usize, device: Device) -> usize {
    match (asked, device) {
        (0, Device::Cpu | Device::Auto) => 2,
        (0, Device::Cuda(_) | Device::Provider(..)) => 8,
        (batch, _) => batch,
    }
}

/// Whether no device was requested by name, so that a model that one refuses may run on another.
fn device_is_ours(devices: &[Device]) -> bool {
    devices.iter().all(|&device| device == Device::Auto)
}
