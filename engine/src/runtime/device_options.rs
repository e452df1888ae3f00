//! How sessions are opened on each device.

use std::path::Path;

use ort::environment::Environment;
use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{CUDA, ExecutionProviderDispatch, TensorRT};
use ort::session::builder::SessionBuilder;

use super::{Device, Loaded, SessionOptions, assignment};
use crate::onnx::{self, Skeleton};

/// Registers the device's providers, best first. The default `build()` would fall back silently.
pub(super) fn with_device(
    runtime: &Loaded,
    builder: SessionBuilder,
    options: SessionOptions,
    halves: bool,
) -> ort::Result<SessionBuilder> {
    match options.device {
        Device::Auto | Device::Cpu => on_cpu(&runtime.environment, builder),
        Device::Cuda(number) => Ok(builder.with_execution_providers(nvidia(number, options, halves))?),
        Device::Provider(provider, number) => provider.add(runtime, builder, number, options.fp16),
    }
}

/// The CPU alone. `ort` has ONNX Runtime choose among all registered providers where a session names none: Core ML on
/// macOS, and any provider's library that this process has loaded for another device.
pub(super) fn on_cpu(environment: &Environment, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
    let cpu = environment.devices().filter(|device| device.ep().is_ok_and(|name| name == assignment::CPU));
    Ok(builder.with_devices(cpu, None)?)
}

fn nvidia(number: u32, options: SessionOptions, halves: bool) -> Vec<ExecutionProviderDispatch> {
    let number = i32::try_from(number).unwrap_or(i32::MAX);
    let mut cuda = CUDA::default()
        .with_device_id(number)
        // TensorFloat-32 keeps 10 bits of a product's factors: masks would differ from the CPU's. 16-bit floats have no
        // more, and ONNX Runtime keeps them, too, from tensor cores without it.
        .with_tf32(halves)
        // The default search times every algorithm, anew for each shape: minutes at the start, and other algorithms,
        // with other rounding, in another run.
        .with_conv_algorithm_search(ConvAlgorithmSearch::Heuristic);
    if let Some(bytes) = options.memory {
        cuda = cuda.with_memory_limit(bytes);
    }
    let cuda = cuda.build().error_on_failure();
    let tensorrt = TensorRT::default().with_device_id(number).with_fp16(options.fp16).build().error_on_failure();
    if options.tensorrt { vec![tensorrt, cuda] } else { vec![cuda] }
}

/// What may help if CUDA leaves nodes to the CPU: its provider implements fewer operators of the newest sets.
pub(super) fn newest_operators(device: Device, path: &Path) -> String {
    let set = || {
        let model = onnx::read(path).ok().filter(|_| matches!(device, Device::Cuda(_)))?;
        let own = model.header().opset_import.iter().find(|set| set.domain.is_empty() || set.domain == "ai.onnx");
        own.map(|set| set.version).filter(|&version| version > CUDA_SETS)
    };
    set().map_or_else(String::new, |version| {
        format!("; the model is of operator set {version}: export it with set {CUDA_SETS} or lower")
    })
}

/// The newest operator set whose MaxPool, InstanceNormalization, Softplus, Elu, Mish and Dropout run on CUDA.
const CUDA_SETS: i64 = 21;

/// Whether a model has 16-bit weights, where that counts: the file is read for it.
pub(super) fn is_mostly_half_on(device: Device, path: &Path) -> bool {
    matches!(device, Device::Cuda(_)) && is_mostly_half(path)
}

/// Whether most weights of a model are 16-bit floats.
pub(super) fn is_mostly_half(path: &Path) -> bool {
    let model = std::fs::read(path).map_err(|error| error.to_string());
    // an unreadable file is ONNX Runtime's to report
    model.and_then(|bytes| Skeleton::read(&bytes)).is_ok_and(|skeleton| skeleton.is_mostly_half())
}
