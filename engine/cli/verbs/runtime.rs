//! `pleura runtime`: shows ONNX Runtime and the devices, or fetches ONNX Runtime.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pleura::runtime::{self, Device, Loaded, Provider, find};

use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::{fetch, term};

#[derive(clap::Subcommand)]
pub enum Args {
    /// Show which ONNX Runtime is used, its execution providers, and what CUDA and other devices lack.
    Show {
        /// Path of the library or its folder. Default: searched for.
        #[arg(long, value_name = "PATH")]
        onnxruntime: Option<PathBuf>,
    },
    /// Run a small network on a device, and say whether it works.
    Probe {
        /// The device, as `predict --device` takes it.
        device: Device,
        /// Path of the library or its folder. Default: searched for.
        #[arg(long, value_name = "PATH")]
        onnxruntime: Option<PathBuf>,
    },
    /// Download the pinned ONNX Runtime, or the library of another execution provider, into the cache folder.
    Install {
        /// Download the GPU build with the CUDA libraries that it needs (more than 1 GB).
        #[arg(long)]
        cuda: bool,
        /// Download the WebGPU provider, for GPUs of any maker (7 MB).
        #[arg(long, conflicts_with = "cuda")]
        webgpu: bool,
        /// Download the OpenVINO provider, for Intel's GPUs and CPUs (53 MB).
        #[arg(long, conflicts_with = "cuda")]
        openvino: bool,
        /// Download even if it is installed.
        #[arg(long)]
        force: bool,
    },
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> anyhow::Result<()> {
        if let Self::Show { onnxruntime } | Self::Probe { onnxruntime, .. } = self {
            paths.reads_any("--onnxruntime", onnxruntime);
        }
        Ok(())
    }

    fn run(&self, _: &Checked) -> anyhow::Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> anyhow::Result<Exit> {
    match args {
        Args::Show { onnxruntime } => {
            let loaded = runtime::load(onnxruntime.as_deref())?;
            let cuda = describe_cuda(loaded.path.parent().unwrap_or(Path::new(".")));
            let text = format!("{}{cuda}{}", describe(loaded), describe_providers(loaded));
            term::result(text.trim_end());
        }
        Args::Probe { device, onnxruntime } => {
            let loaded = runtime::load(onnxruntime.as_deref())?;
            let device = if *device == Device::Auto { runtime::place(loaded, *device)?.device } else { *device };
            let result = runtime::probe(loaded, device);
            term::result(runtime::probe_answer(device, &result));
            return Ok(if result.is_ok() { Exit::Good } else { Exit::Skipped });
        }
        Args::Install { webgpu: true, openvino, force, .. } => {
            fetch::install_provider(Provider::WebGpu, *force)?;
            if *openvino {
                fetch::install_provider(Provider::OpenVino, *force)?;
            }
        }
        Args::Install { openvino: true, force, .. } => fetch::install_provider(Provider::OpenVino, *force)?,
        Args::Install { cuda, force, .. } => {
            fetch::install_pinned(*cuda, *force)?;
            if std::env::var_os(find::LIBRARY_VARIABLE).is_some_and(|path| !path.is_empty()) {
                term::warning(format_args!("{} is set to a different ONNX Runtime", find::LIBRARY_VARIABLE));
            }
        }
    }
    Ok(Exit::Good)
}

fn describe(loaded: &Loaded) -> String {
    let mut devices: Vec<_> = loaded
        .environment
        .devices()
        .map(|device| {
            let hardware = device.hardware_device();
            format!("{:?} ({})", hardware.ty(), hardware.vendor().unwrap_or("unknown vendor"))
        })
        .collect();
    devices.dedup();
    let providers: Vec<_> = loaded.providers().iter().map(|it| it.replace("ExecutionProvider", "")).collect();
    let mut text = format!("ONNX Runtime {}\n", loaded.version);
    row(&mut text, "library", &loaded.path.display());
    row(&mut text, "found", &loaded.origin);
    row(&mut text, "compiled in", &providers.join(", "));
    row(&mut text, "devices", &devices.join(", "));
    text
}

fn describe_cuda(folder: &Path) -> String {
    let mut text = String::new();
    let driver = find::driver_version();
    let driver = driver.map_or("none found".into(), |(major, minor)| format!("supports CUDA up to {major}.{minor}"));
    row(&mut text, "NVIDIA driver", &driver);
    // libraries outside the loader's search path count too
    find::preload_cuda(folder);
    for name in find::needed_cuda(folder) {
        row(&mut text, &name, if find::loads(&name) { &"found" } else { &"missing" });
    }
    let verdict = match find::missing_cuda(folder).as_deref() {
        None => "has all libraries".to_owned(),
        Some(missing) if missing.contains("libcuda.so") => {
            format!("unavailable: {missing}; install the NVIDIA driver")
        }
        Some(missing) => format!("unavailable: {missing}; run `pleura runtime install --cuda`"),
    };
    row(&mut text, "CUDA", &verdict);
    text
}

/// The other providers: their devices, or what they lack.
fn describe_providers(loaded: &Loaded) -> String {
    let mut text = String::new();
    for provider in Provider::ALL {
        let devices = loaded.devices_of(provider).map(|devices| {
            let named = devices.iter().enumerate().map(|(number, device)| format!("{provider}:{number} {device}"));
            named.collect::<Vec<_>>().join(", ")
        });
        row(&mut text, provider.name(), &devices.unwrap_or_else(|missing| format!("unavailable: {missing}")));
    }
    text
}

fn row(text: &mut String, name: &str, value: &dyn std::fmt::Display) {
    writeln!(text, "  {name:<17} {value}").expect("writing to a string cannot fail");
}
