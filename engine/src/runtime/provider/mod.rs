//! Execution providers besides the CPU's and CUDA's: GPUs of any maker through WebGPU, Intel's through OpenVINO, Apple's
//! through Core ML.
//!
//! WebGPU and OpenVINO are libraries of their own (ONNX Runtime's plugin execution providers), which are found as ONNX
//! Runtime is and registered with it on first use; Core ML is compiled into ONNX Runtime for macOS.

mod find;
mod registry;

use std::fmt;

use ort::device::Device as EpDevice;
use ort::ep::CoreML;
use ort::memory::DeviceType;
use ort::session::builder::SessionBuilder;

use super::Loaded;
pub use find::{LIBRARIES_VARIABLE, ProviderLibrary, library};
pub(super) use registry::Registry;

/// An execution provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Provider {
    /// GPUs of any maker, through Vulkan, Metal or Direct3D.
    WebGpu,
    /// Intel's GPUs and CPUs.
    OpenVino,
    /// Apple's GPUs and Neural Engine.
    CoreMl,
}

/// What the engine knows of a provider.
struct Facts {
    name: &'static str,
    /// Its name in ONNX Runtime.
    registered_as: &'static str,
    /// Its library; `None` if it is compiled in.
    library: Option<LibraryFacts>,
    /// What it needs besides its library.
    needs: &'static str,
    /// The options by which it computes in single precision.
    precise: &'static [(&'static str, &'static str)],
}

/// A provider's library, on the Python package index and on disk.
struct LibraryFacts {
    /// The file's name, without what a system adds to it.
    stem: &'static str,
    package: &'static str,
    module: &'static str,
}

static WEB_GPU: Facts = Facts {
    name: "webgpu",
    registered_as: "WebGpuExecutionProvider",
    library: Some(LibraryFacts {
        stem: "onnxruntime_providers_webgpu",
        package: "onnxruntime-ep-webgpu",
        module: "onnxruntime_ep_webgpu",
    }),
    needs: "a GPU and its driver, and on Linux the Vulkan loader (`libvulkan.so.1`)",
    precise: &[],
};

static OPEN_VINO: Facts = Facts {
    name: "openvino",
    registered_as: "OpenVINOExecutionProvider",
    library: Some(LibraryFacts {
        stem: "onnxruntime_providers_openvino_plugin",
        package: "onnxruntime-ep-openvino",
        module: "onnxruntime_ep_openvino",
    }),
    needs: "an Intel GPU with its driver, or an x86-64 CPU",
    // By default it computes in bfloat16 or half precision where the hardware can, whatever the model's type.
    precise: &[(
        "load_config",
        r#"{"CPU": {"INFERENCE_PRECISION_HINT": "f32"}, "GPU": {"INFERENCE_PRECISION_HINT": "f32"}}"#,
    )],
};

static CORE_ML: Facts =
    Facts { name: "coreml", registered_as: "CoreMLExecutionProvider", library: None, needs: "macOS", precise: &[] };

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::WebGpu, Self::OpenVino, Self::CoreMl];

    fn facts(self) -> &'static Facts {
        match self {
            Self::WebGpu => &WEB_GPU,
            Self::OpenVino => &OPEN_VINO,
            Self::CoreMl => &CORE_ML,
        }
    }

    /// The name that a device has on the command line: `webgpu`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// The provider of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.name() == name)
    }

    /// The package of its library on the Python package index; `None` if it is compiled into ONNX Runtime.
    #[must_use]
    pub fn package(self) -> Option<&'static str> {
        self.facts().library.as_ref().map(|library| library.package)
    }

    /// What it needs besides its library, as a fragment.
    pub(super) fn needs(self) -> &'static str {
        self.facts().needs
    }

    /// Adds device `number` of this provider to a session; nodes that it does not take run on the CPU. `half` allows
    /// half precision where the provider prefers it.
    pub(super) fn add(
        self,
        runtime: &Loaded,
        builder: SessionBuilder,
        number: u32,
        half: bool,
    ) -> ort::Result<SessionBuilder> {
        let facts = self.facts();
        if facts.library.is_none() {
            let core_ml = CoreML::default().build().error_on_failure();
            return Ok(builder.with_execution_providers([core_ml])?);
        }
        let device = runtime.device_of(self, number).map_err(ort::Error::new)?;
        let options = if half { &[] } else { facts.precise };
        let options =
            options.iter().map(|(key, value)| (format!("{}.{key}", facts.registered_as), (*value).to_owned()));
        let options: Vec<(String, String)> = options.collect();
        Ok(builder.with_devices([device], Some(&options))?)
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Loaded {
    /// The devices of a provider, as "Intel GPU", in the order of their numbers. Its library is registered first.
    ///
    /// # Errors
    /// Why there is none, as a fragment.
    pub fn devices_of(&self, provider: Provider) -> Result<Vec<String>, String> {
        if provider.package().is_none() {
            let is_in = self.providers().iter().any(|name| name == provider.facts().registered_as);
            let missing = || format!("this ONNX Runtime is built without it, and it needs {}", provider.needs());
            return is_in.then(|| vec![provider.name().to_owned()]).ok_or_else(missing);
        }
        self.registry.devices(self, provider).map(|devices| devices.iter().map(described).collect())
    }

    /// A device of a provider's library.
    fn device_of(&self, provider: Provider, number: u32) -> Result<EpDevice<'_>, String> {
        numbered(self.registry.devices(self, provider)?, number)
    }
}

/// The device of a number, or why there is none.
pub(super) fn numbered<T>(devices: Vec<T>, number: u32) -> Result<T, String> {
    let found = devices.len();
    let device = usize::try_from(number).ok().and_then(|number| devices.into_iter().nth(number));
    device.ok_or_else(|| match found {
        1 => "its only device is number 0".into(),
        _ => format!("its devices are numbered 0 to {}", found - 1),
    })
}

fn described(device: &EpDevice<'_>) -> String {
    let hardware = device.hardware_device();
    let kind = match hardware.ty() {
        DeviceType::GPU => "GPU",
        DeviceType::NPU => "NPU",
        _ => "CPU",
    };
    match hardware.vendor() {
        Ok(vendor) if !vendor.is_empty() => format!("{vendor} {kind}"),
        _ => kind.to_owned(),
    }
}
