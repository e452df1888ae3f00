//! Devices: the user's choice, and where models actually run.

use std::fmt;
use std::str::FromStr;

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
}

impl FromStr for Device {
    type Err = String;

    /// Reads `auto`, `cpu`, `cuda` (device 0) or `cuda:N`.
    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || format!("expected auto, cpu, cuda or cuda:N, found `{text}`");
        match text.split_once(':') {
            None if text == "auto" => Ok(Self::Auto),
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            Some(("cuda", number)) => number.parse().map(Self::Cuda).map_err(|_| unknown()),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
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
        for text in ["auto", "cpu", "cuda:0", "cuda:3"] {
            assert_eq!(text.parse::<Device>().unwrap().to_string(), text);
        }
        assert_eq!("cuda".parse(), Ok(Device::Cuda(0)));
    }

    #[test]
    fn other_devices_are_refused() {
        for text in ["", "gpu", "CPU", "cuda:", "cuda:-1", "cpu:0", "cuda:0:0"] {
            assert!(text.parse::<Device>().unwrap_err().contains("expected auto, cpu, cuda or cuda:N"), "{text}");
        }
    }
}
