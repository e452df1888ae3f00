//! The devices on which an ensemble's models are opened.

use std::path::Path;

use super::Options;
use crate::ensemble::member::weights::Opener;
use crate::manifest::Manifest;
use crate::runtime::{self, Device, DeviceError, Loaded, Placement, SessionOptions};

/// Resolves the requested devices; [`Device::Auto`] if there are none.
pub fn placements(runtime: &Loaded, devices: &[Device]) -> Result<Vec<Placement>, DeviceError> {
    let asked = if devices.is_empty() { &[Device::Auto][..] } else { devices };
    asked.iter().map(|&device| runtime::place(runtime, device)).collect()
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
    Opener { runtime, sessions, may_fall_back: device_is_ours(&options.devices) }
}

/// The number of images in a batch; 0 lets the device decide.
pub fn batch(asked: usize, device: Device) -> usize {
    match (asked, device) {
        (0, Device::Cuda(_)) => 8,
        (0, _) => 2,
        (batch, _) => batch,
    }
}

/// Whether no device was requested by name, so that a model that one refuses may run on another.
fn device_is_ours(devices: &[Device]) -> bool {
    devices.iter().all(|&device| device == Device::Auto)
}
