//! Graphs that run on one device, with all inputs and outputs staying in its memory.

mod buffer;
mod flat;
mod program;
mod transfer;

use std::sync::Arc;

use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use pleura::runtime::{Device, Loaded, SessionOptions};

pub use buffer::Buffer;
pub use flat::Flat;
#[cfg(test)]
pub(crate) use flat::cut;
pub use program::Program;
use transfer::Transfer;

use crate::trace::Target;

/// Where training runs.
pub struct Place {
    runtime: &'static Loaded,
    options: SessionOptions,
    /// The device's memory and its copier; `None` for the CPU.
    memory: Option<(Allocator, Arc<Transfer>)>,
}

/// A graph or an allocation that the device refuses.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct DeviceError {
    what: String,
    source: ort::Error,
}

impl DeviceError {
    pub(crate) fn new(what: impl Into<String>) -> impl FnOnce(ort::Error) -> Self {
        let what = what.into();
        move |source| Self { what, source }
    }
}

impl Place {
    /// Training on a device, by `threads` threads (0 leaves the choice to ONNX Runtime).
    ///
    /// # Errors
    /// If the device is unavailable.
    pub fn new(runtime: &'static Loaded, device: Device, threads: usize) -> Result<Self, DeviceError> {
        let options = SessionOptions { device, threads, tensorrt: false, fp16: false, memory: None };
        let memory = match device {
            Device::Auto | Device::Cpu => None,
            Device::Cuda(number) => Some(device_memory(runtime, options, number)?),
            Device::Provider(..) => return Err(no_training(device)),
        };
        Ok(Self { runtime, options, memory })
    }

    /// The device.
    #[must_use]
    pub fn device(&self) -> Device {
        self.options.device
    }

    /// The kind of the device, for which graphs are written.
    #[must_use]
    pub fn target(&self) -> Target {
        self.options.device.into()
    }

    /// Allocates memory for floats of a shape, initially zero.
    ///
    /// # Errors
    /// If there is not enough.
    pub fn buffer(&self, shape: &[usize]) -> Result<Arc<Buffer>, DeviceError> {
        let standard = Allocator::default();
        let allocator = self.memory.as_ref().map_or(&standard, |(allocator, _)| allocator);
        let transfer = self.memory.as_ref().map(|(_, transfer)| Arc::clone(transfer));
        Buffer::new(allocator, shape, transfer).map(Arc::new)
    }
}

/// The optimiser updates tensors in place that are parts of one block: it computes addresses, and WebGPU's buffers have
/// none.
fn no_training(device: Device) -> DeviceError {
    let reason =
        ort::Error::new("only the CPU and CUDA update weights in place; use `--device cpu` or `--device cuda`");
    DeviceError::new(format!("{device} trains no networks"))(reason)
}

fn device_memory(
    runtime: &Loaded,
    options: SessionOptions,
    number: u32,
) -> Result<(Allocator, Arc<Transfer>), DeviceError> {
    let open = || {
        let transfer = Transfer::new(runtime, options)?;
        let number = i32::try_from(number).unwrap_or(i32::MAX);
        let info = MemoryInfo::new(AllocationDevice::CUDA, number, AllocatorType::Device, MemoryType::Default)?;
        let allocator = transfer.session(|session| Allocator::new(session, info))?;
        Ok((allocator, Arc::new(transfer)))
    };
    open().map_err(DeviceError::new(format!("device {} gives no memory", options.device)))
}
