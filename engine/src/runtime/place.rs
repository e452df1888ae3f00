//! Chooses the device.

use std::path::Path;

use super::provider::numbered;
use super::{Device, Loaded, Placement, Provider, find, probe};

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

/// Resolves a device. A GPU is tried with a small network: a provider that is there need not work.
///
/// # Errors
/// If a device is requested by name but unavailable.
pub fn place(runtime: &Loaded, device: Device) -> Result<Placement, DeviceError> {
    let refused = |reason: String, next: String| DeviceError { device, reason, next };
    match device {
        Device::Cpu => Ok(Placement { device, reason: "as requested".into() }),
        Device::Cuda(number) => match cuda(runtime, number) {
            Ok(()) => Ok(Placement { device, reason: "as requested".into() }),
            Err(reason) => Err(refused(reason.clone(), next_step(&reason))),
        },
        Device::Provider(provider, number) => match provided(runtime, provider, number) {
            Ok(hardware) => Ok(Placement { device, reason: format!("{hardware}, as requested") }),
            Err(reason) => Err(refused(reason, provider_step(provider))),
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
    probe::works(runtime, Device::Cuda(number))
}

/// The hardware of a provider's device that works, or what is missing.
fn provided(runtime: &Loaded, provider: Provider, number: u32) -> Result<String, String> {
    // a library that crashes does so in the child
    probe::works(runtime, Device::Provider(provider, number))?;
    numbered(runtime.devices_of(provider)?, number)
}

fn next_step(reason: &str) -> String {
    if reason.contains("libcuda.so") {
        "install the NVIDIA driver".into()
    } else if reason.contains("ordinal") || reason.contains("device ID") {
        "name a device that `nvidia-smi -L` lists".into()
    } else {
        "run `pleura runtime install --cuda`".into()
    }
}

fn provider_step(provider: Provider) -> String {
    match provider.package() {
        Some(_) => {
            format!("see `pleura runtime show`, and run `pleura runtime install --{provider}` if it is not installed")
        }
        None => format!("it needs {}", provider.needs()),
    }
}
