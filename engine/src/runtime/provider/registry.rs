//! The provider libraries that are registered with ONNX Runtime.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use ort::AsPointer;
use ort::device::Device as EpDevice;
use ort::memory::DeviceType;

use super::{Provider, find};
use crate::runtime::Loaded;

/// The libraries that were registered, or why one was not: each is tried once in a process.
#[derive(Debug, Default)]
pub struct Registry(Mutex<BTreeMap<Provider, Result<(), String>>>);

impl Registry {
    /// The devices of a provider: GPUs first, then other accelerators, then CPUs.
    ///
    /// # Errors
    /// Why there is none, as a fragment.
    pub fn devices<'a>(&self, runtime: &'a Loaded, provider: Provider) -> Result<Vec<EpDevice<'a>>, String> {
        // The mutex guards a finished value: a panic elsewhere does no harm.
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // a program may have registered the library itself
        if devices_of(runtime, provider).is_empty() {
            tried.entry(provider).or_insert_with(|| register(runtime, provider)).clone()?;
        }
        let mut devices = devices_of(runtime, provider);
        if devices.is_empty() {
            return Err(format!("it finds no device; it needs {}", provider.needs()));
        }
        devices.sort_by_key(|device| match device.hardware_device().ty() {
            DeviceType::GPU => 0,
            DeviceType::NPU => 1,
            _ => 2,
        });
        Ok(devices)
    }
}

fn register(runtime: &Loaded, provider: Provider) -> Result<(), String> {
    let folder = runtime.path.parent().unwrap_or(Path::new(""));
    let library = find::library(provider, folder)?;
    tracing::info!("{provider} from `{}` ({})", library.path.display(), library.origin);
    let registered = runtime.environment.register_ep_library(provider.name(), &library.path);
    registered.map_err(|error| format!("cannot load `{}`: {}", library.path.display(), first_line(error.message())))
}

/// The devices by the provider's plain name: those with a suffix, such as OpenVINO's `.AUTO`, stand for several.
fn devices_of(runtime: &Loaded, provider: Provider) -> Vec<EpDevice<'_>> {
    let is_its = |device: &EpDevice<'_>| device.ep().is_ok_and(|name| name == provider.facts().registered_as);
    let mut devices: Vec<_> = runtime.environment.devices().filter(is_its).collect();
    devices.dedup_by_key(|device| device.ptr());
    devices
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}
