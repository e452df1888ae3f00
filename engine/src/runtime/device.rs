//! Devices: the user's choice, and where models actually run.

use std::fmt;
use std::str::FromStr;

use super::Provider;

/// The user's choice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Device {
    /// CUDA if it works, else the CPU; the choice is reported once. The default.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// A CUDA device by number; an error if unavailable.
    Cuda(u32),
    /// A device of another execution provider, by number; an error if unavailable.
    Provider(Provider, u32),
}

impl Device {
    /// Whether it is the CPU, whose results are the reference.
    #[must_use]
    pub fn is_cpu(self) -> bool {
        self == Self::Cpu
    }
}

impl FromStr for Device {
    type Err = String;

    /// Reads `auto`, `cpu`, or a name such as `cuda` or `webgpu`, which is device 0, or `cuda:N`.
    fn from_str(text: &str) -> Result<Self, String> {
        let unknown =
            || format!("expected auto, cpu, {}, or one of these with `:N`, found `{text}`", names().join(", "));
        let (name, number) = match text.split_once(':') {
            None if text == "auto" => return Ok(Self::Auto),
            None if text == "cpu" => return Ok(Self::Cpu),
            None => (text, 0),
            Some((name, number)) => (name, number.parse().map_err(|_| unknown())?),
        };
        if name == CUDA {
            return Ok(Self::Cuda(number));
        }
        Provider::named(name).map(|provider| Self::Provider(provider, number)).ok_or_else(unknown)
    }
}

const CUDA: &str = "cuda";

/// The names of devices that may have a number.
fn names() -> Vec<&'static str> {
    [CUDA].into_iter().chain(Provider::ALL.map(Provider::name)).collect()
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "{CUDA}:{number}"),
            Self::Provider(provider, number) => write!(f, "{provider}:{number}"),
        }
    }
}

/// The device of sessions, with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placement {
    /// The device, never [`Device::Auto`].
    pub device: Device,
    /// The reason, as a fragment: "the NVIDIA driver is missing".
    pub reason: String,
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.device, self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_read_and_print_alike() {
        for text in ["auto", "cpu", "cuda:0", "cuda:3", "webgpu:0", "openvino:1", "coreml:0"] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
        assert_eq!("webgpu".parse(), Ok(Device::Provider(Provider::WebGpu, 0)));
    }

    #[test]
    fn other_devices_are_refused() {
        for text in ["", "gpu", "CPU", "cuda:", "cuda:-1", "cpu:0", "cuda:0:0", "auto:0", "webgpu:x"] {
            let error = text.parse::<Device>().unwrap_err();
            assert!(error.starts_with("expected auto, cpu, cuda, webgpu, openvino, coreml, or"), "{error}");
        }
    }
}
