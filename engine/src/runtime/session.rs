//! Sessions of ONNX Runtime.

use std::path::Path;

use ort::session::Session;
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};

use super::device_options::{is_mostly_half_on, with_device};
use super::{Device, Loaded, folding};

/// Options for opening a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// Any device but [`Device::Auto`], which [`super::place`] resolves.
    pub device: Device,
    /// Threads within an operator; 0 leaves the choice to ONNX Runtime.
    pub threads: usize,
    /// Try TensorRT before CUDA.
    pub tensorrt: bool,
    /// Let TensorRT and OpenVINO compute in half precision.
    pub fp16: bool,
    /// The memory limit in bytes of a session on a CUDA device, or of all sessions' runs together on the CPU; `None`:
    /// no limit. Other devices have none.
    pub memory: Option<usize>,
}

impl SessionOptions {
    /// Single precision without a memory limit, by the device's own provider.
    #[must_use]
    pub const fn on(device: Device, threads: usize) -> Self {
        Self { device, threads, tensorrt: false, fp16: false, memory: None }
    }
}

/// Opens a model's file.
pub(super) fn build(runtime: &Loaded, path: &Path, options: SessionOptions) -> ort::Result<Session> {
    let mut builder = builder(runtime, options, is_mostly_half_on(options.device, path))?.with_env_allocators()?;
    if let Some(limit) = options.memory {
        builder = folding::within(runtime, path, limit, builder)?;
    }
    let limit = options.memory.filter(|_| options.device == Device::Cpu);
    runtime.arena.open(&runtime.environment, limit, || builder.commit_from_file(path))
}

/// As [`build`], from bytes; `path` is the file that they were made of, whose folder has their external data.
pub(super) fn build_from_bytes(
    runtime: &Loaded,
    path: &Path,
    bytes: &[u8],
    options: SessionOptions,
) -> ort::Result<Session> {
    let builder = builder(runtime, options, is_mostly_half_on(options.device, path))?;
    with_data_beside(builder, path)?.commit_from_memory(bytes)
}

/// Lets a model in memory have its external data in the folder of `path`.
pub(super) fn with_data_beside(builder: SessionBuilder, path: &Path) -> ort::Result<SessionBuilder> {
    match path.parent().and_then(Path::to_str).filter(|folder| !folder.is_empty()) {
        Some(folder) => Ok(builder.with_config_entry("session.model_external_initializers_file_folder_path", folder)?),
        None => Ok(builder),
    }
}

/// Opens a model in memory, for callers that bind its inputs and outputs themselves.
///
/// # Errors
/// If ONNX Runtime refuses the model or the device.
pub fn session(runtime: &Loaded, model: &[u8], options: SessionOptions) -> ort::Result<Session> {
    bound(builder(runtime, options, false)?, model)
}

/// As [`session`], for a model in mixed precision: CUDA may round factors of products to TensorFloat-32, without which it
/// does not use tensor cores for convolutions in half precision, either.
///
/// # Errors
/// As [`session`].
pub fn mixed_session(runtime: &Loaded, model: &[u8], options: SessionOptions) -> ort::Result<Session> {
    bound(builder(runtime, options, true)?, model)
}

fn bound(builder: SessionBuilder, model: &[u8]) -> ort::Result<Session> {
    // A planned memory block is allocated in addition to the first run's: nearly twice the memory, without a gain in
    // time.
    builder.with_memory_pattern(false)?.commit_from_memory(model)
}

/// `halves`: whether the model's weights are 16-bit floats, or its products of them.
fn builder(runtime: &Loaded, options: SessionOptions, halves: bool) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(&runtime.environment)?.with_optimization_level(GraphOptimizationLevel::All)?;
    let mut builder = with_device(runtime, builder, options, halves)?
        // Spinning threads resume quickly; once the run is over they slow down the next model, and the work beside the
        // models.
        .with_config_entry("session.force_spinning_stop", "1")?
        // Without VNNI, products of 8-bit numbers would saturate: slower is better than wrong.
        .with_config_entry("session.x64quantprecision", "1")?
        // `providers` reports ONNX Runtime's own record, not a guess.
        .with_config_entry("session.record_ep_graph_assignment_info", "1")?;
    if options.threads > 0 {
        builder = builder.with_intra_threads(options.threads)?;
    }
    Ok(builder)
}
