//! The kind of device that a graph is written for.

use pleura::runtime::Device;

/// The kind of device that a graph is written for: an operator that is fast on one may be slow on another. Results are
/// the same but for rounding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Target {
    /// Few fast cores, for which a piece of work should fit into a cache. The default.
    #[default]
    Cpu,
    /// Thousands of slow cores, which every operator should occupy; each operator costs a launch.
    Cuda,
}

impl From<Device> for Target {
    fn from(device: Device) -> Self {
        if matches!(device, Device::Cuda(_)) { Self::Cuda } else { Self::Cpu }
    }
}
