//! One model in ONNX Runtime.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Debug};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use half::{bf16, f16};
use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};
use ort::environment::Environment;
use ort::ep::cuda::ConvAlgorithmSearch;
use ort::ep::{CUDA, ExecutionProviderDispatch, TensorRT};
use ort::session::builder::{GraphOptimizationLevel, SessionBuilder};
use ort::session::{Session, SessionInputValue};
use ort::value::{DynValue, Outlet, PrimitiveTensorElementType, TensorElementType, TensorRef, ValueType};

use super::binding::Buffers;
use super::model_error::without_host;
use super::verify::{Check, Comparison, Difference, Verified};
use super::{Device, Loaded, ModelError, assignment, folding, pages};
use crate::onnx::{self, Skeleton};

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

/// An input or output of a model, as the model declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The name in the graph.
    pub name: String,
    /// Its element type.
    pub element: Element,
    /// The dimensions, `None` if dynamic; empty if the rank is unknown, too.
    pub dims: Vec<Option<usize>>,
}

/// The element type of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// Single-precision floats.
    F32,
    /// Half-precision floats.
    F16,
    /// Floats of another precision, which outputs may have: double, or bfloat16.
    OtherFloat(String),
    /// Bytes without a sign: of an input, its intensities in 0..=255, rounded; of an output, class labels.
    U8(String),
    /// Other whole numbers, or booleans: class labels, which outputs may have.
    Whole(String),
    /// A type that the engine neither passes nor reads, in ONNX Runtime's notation.
    Other(String),
}

impl fmt::Display for Element {
    /// In ONNX Runtime's notation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "Tensor<f32>",
            Self::F16 => "Tensor<f16>",
            Self::OtherFloat(kind) | Self::U8(kind) | Self::Whole(kind) | Self::Other(kind) => kind,
        })
    }
}

/// A model, loaded and ready to run. Runs take turns: a session takes one batch at a time.
pub struct Model {
    path: PathBuf,
    session: Mutex<Bound>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    providers: BTreeMap<String, usize>,
    /// On another device: the operators on images that it left to the CPU.
    left_to_the_cpu: Option<String>,
    /// The largest batch that should not run out of memory.
    most: AtomicUsize,
    device: Device,
    /// The comparison with the CPU, if there is one.
    check: Option<Check>,
}

impl Model {
    /// Loads an ONNX file.
    ///
    /// # Errors
    /// If ONNX Runtime refuses the file or the device.
    pub fn open(runtime: &Loaded, path: &Path, options: SessionOptions) -> Result<Self, ModelError> {
        let session = build(runtime, path, options).map_err(|source| open_error(path, source))?;
        pages::give_back();
        let model = Self::new(session, path, options.device)?;
        if let Some(operators) = &model.left_to_the_cpu {
            let hint = newest_operators(options.device, path);
            let (path, device) = (path.display(), options.device);
            tracing::warn!(
                "model `{path}`: {device} leaves some nodes to the CPU, and is slower for it: {operators}{hint}"
            );
        }
        Ok(model)
    }

    /// As [`Model::open`], from bytes; `path` is the file that they were made of, whose folder has their external data.
    pub(super) fn from_bytes(
        runtime: &Loaded,
        path: &Path,
        bytes: &[u8],
        options: SessionOptions,
    ) -> Result<Self, ModelError> {
        let open = || {
            let mut builder = builder(runtime, options, is_mostly_half_on(options.device, path))?;
            if let Some(folder) = path.parent().and_then(Path::to_str).filter(|folder| !folder.is_empty()) {
                builder = builder.with_config_entry("session.model_external_initializers_file_folder_path", folder)?;
            }
            builder.commit_from_memory(bytes)
        };
        let session = open().map_err(|source| open_error(path, source))?;
        Self::new(session, path, options.device)
    }

    fn new(session: Session, path: &Path, device: Device) -> Result<Self, ModelError> {
        let refused = |source: ort::Error| ModelError::Open { path: path.into(), source };
        let ports = |outlets: &[Outlet]| outlets.iter().map(|o| port(o.name(), o.dtype())).collect();
        let assignment = assignment::of(&session).map_err(refused)?;
        Ok(Self {
            inputs: ports(session.inputs()),
            outputs: ports(session.outputs()),
            providers: assignment.iter().map(|(name, nodes)| (name.clone(), nodes.values().sum())).collect(),
            left_to_the_cpu: assignment::on_cpu(&assignment).filter(|_| !device.is_cpu()),
            session: Mutex::new(Bound { buffers: buffers(&session, path, device), session }),
            most: AtomicUsize::new(usize::MAX),
            path: path.into(),
            device,
            check: None,
        })
    }

    /// Compares its first results with the CPU's in [`Model::verify`], unless it runs there itself. `options` are those
    /// that it was opened with.
    #[must_use]
    pub fn compared(mut self, runtime: &'static Loaded, options: SessionOptions, comparison: Comparison) -> Self {
        if !self.device.is_cpu() && comparison.inputs > 0 {
            let half = options.fp16 || is_mostly_half(&self.path);
            self.check = Some(Check::new(runtime, options, comparison, half));
        }
        self
    }

    /// Compares the results of [`Model::run`] with the CPU's, if this batch is one of the first.
    ///
    /// # Errors
    /// If they differ by more than the tolerance.
    pub fn verify(
        &self,
        name: &str,
        input: ArrayViewD<'_, f32>,
        outputs: &[&str],
        results: &[ArrayD<f32>],
    ) -> Result<(), ModelError> {
        let Some(check) = &self.check else { return Ok(()) };
        check.compare(&self.path, (name, input), outputs, results).map_err(|difference| self.differs(difference))
    }

    /// What [`Model::verify`] has found so far; `None` if it compares nothing.
    #[must_use]
    pub fn verified(&self) -> Option<Verified> {
        self.check.as_ref().map(Check::verified)
    }

    fn differs(&self, difference: Difference) -> ModelError {
        ModelError::Differs { path: self.path.clone(), difference: Box::new(difference) }
    }

    /// The device on which it runs.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// As [`Model::open`]; with `may_fall_back`, a device that refuses the model is replaced by the next one, TensorRT
    /// by CUDA and any device by the CPU, with a warning each time.
    ///
    /// # Errors
    /// As [`Model::open`], for the last device tried.
    pub fn open_or_fall_back(
        runtime: &Loaded,
        path: &Path,
        mut options: SessionOptions,
        may_fall_back: bool,
    ) -> Result<Self, ModelError> {
        loop {
            match (Self::open(runtime, path, options), options.device) {
                (Err(error), device) if may_fall_back && !device.is_cpu() => {
                    let cause = crate::chain(&error);
                    if std::mem::take(&mut options.tensorrt) {
                        tracing::warn!("with TensorRT: {cause}; trying CUDA");
                    } else {
                        tracing::warn!("on {device}: {cause}; trying the CPU");
                        options.device = Device::Cpu;
                    }
                }
                (Err(error), _) if options.tensorrt => return Err(asked_for_tensorrt(error)),
                (result, _) => return result,
            }
        }
    }

    /// The ONNX file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The model's inputs.
    #[must_use]
    pub fn inputs(&self) -> &[Port] {
        &self.inputs
    }

    /// The model's outputs.
    #[must_use]
    pub fn outputs(&self) -> &[Port] {
        &self.outputs
    }

    /// The largest batch to use, reduced after a run has run out of memory.
    pub(crate) fn most(&self) -> usize {
        self.most.load(Relaxed)
    }

    /// Lowers [`Model::most`], and logs it.
    pub(crate) fn take_fewer(&self, most: usize) {
        if self.most.fetch_min(most, Relaxed) > most {
            tracing::warn!(
                "model `{}` ran out of memory: it gets {most} images at once from here on",
                self.path.display()
            );
        }
    }

    /// The number of nodes of each execution provider, as ONNX Runtime reports.
    #[must_use]
    pub fn providers(&self) -> &BTreeMap<String, usize> {
        &self.providers
    }

    /// Runs one batch through the model: passes `input` to the input called `name` and returns every output of
    /// `outputs`, as single-precision floats. A model in half precision gets half precision, one that takes bytes gets
    /// the numbers rounded, to the even one of two as near, and limited to 0..=255. Outputs of double precision are
    /// rounded; booleans are 0 and 1.
    ///
    /// # Errors
    /// If ONNX Runtime fails, an output does not hold numbers, or an earlier result was not the CPU's.
    pub fn run(
        &self,
        name: &str,
        input: ArrayViewD<'_, f32>,
        outputs: &[&str],
    ) -> Result<Vec<ArrayD<f32>>, ModelError> {
        if let Some(missing) = outputs.iter().find(|name| !self.outputs.iter().any(|port| port.name == **name)) {
            return Err(ModelError::NoOutput { path: self.path.clone(), name: (*missing).into() });
        }
        if let Some(difference) = self.check.as_ref().and_then(Check::failed) {
            return Err(self.differs(difference));
        }
        let element = self.inputs.iter().find(|port| port.name == name).map(|port| &port.element);
        // A run that panicked leaves no state in the session.
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let results = match element {
            Some(Element::F16) => session.run(name, input.mapv(f16::from_f32).view(), outputs),
            Some(Element::U8(_)) => session.run(name, input.mapv(|v| v.round_ties_even() as u8).view(), outputs),
            _ => session.run(name, input, outputs),
        };
        results.map_err(|source| ModelError::Run { path: self.path.clone(), source: without_host(source) })
    }
}

fn open_error(path: &Path, source: ort::Error) -> ModelError {
    ModelError::Open { path: path.into(), source: without_host(source) }
}

/// An error of TensorRT, with what a user who names a device may not expect.
fn asked_for_tensorrt(error: ModelError) -> ModelError {
    match error {
        ModelError::Open { path, source } => {
            let hint = "requested by `runtime.tensorrt`; only `--device auto` falls back to CUDA";
            ModelError::Open { path, source: ort::Error::new(format!("{} ({hint})", source.message().trim_end())) }
        }
        other => other,
    }
}

/// A session, with its buffers for batches.
struct Bound {
    session: Session,
    /// On a CUDA device, if they can be allocated.
    buffers: Option<Buffers>,
}

impl Bound {
    fn run<T: PrimitiveTensorElementType + Copy + Debug + 'static>(
        &mut self,
        name: &str,
        input: ArrayViewD<'_, T>,
        outputs: &[&str],
    ) -> ort::Result<Vec<ArrayD<f32>>> {
        if let Some(buffers) = &mut self.buffers {
            return buffers.run(&mut self.session, name, input, outputs);
        }
        // A view costs nothing where a clone would cost milliseconds.
        let input: CowArray<'_, T, IxDyn> = input.as_standard_layout();
        let value: SessionInputValue<'_> = TensorRef::from_array_view(input.view())?.into();
        let results = self.session.run(vec![(Cow::Borrowed(name), value)])?;
        outputs.iter().map(|&output| floats(&results[output])).collect()
    }
}

/// Page-locked buffers for a session on a CUDA device. Without them it works, too, but more slowly.
fn buffers(session: &Session, path: &Path, device: Device) -> Option<Buffers> {
    let Device::Cuda(number) = device else { return None };
    let buffers = Buffers::pinned(session, i32::try_from(number).unwrap_or(i32::MAX));
    let warn = |error: &ort::Error| tracing::warn!("no page-locked memory for model `{}`: {error}", path.display());
    buffers.inspect_err(warn).ok()
}

fn build(runtime: &Loaded, path: &Path, options: SessionOptions) -> ort::Result<Session> {
    let mut builder = builder(runtime, options, is_mostly_half_on(options.device, path))?.with_env_allocators()?;
    if let Some(limit) = options.memory {
        builder = folding::within(runtime, path, limit, builder)?;
    }
    let limit = options.memory.filter(|_| options.device == Device::Cpu);
    runtime.arena.open(&runtime.environment, limit, || builder.commit_from_file(path))
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

/// What may help if CUDA leaves nodes to the CPU: its provider implements fewer operators of the newest sets.
fn newest_operators(device: Device, path: &Path) -> String {
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
fn is_mostly_half_on(device: Device, path: &Path) -> bool {
    matches!(device, Device::Cuda(_)) && is_mostly_half(path)
}

fn is_mostly_half(path: &Path) -> bool {
    let model = std::fs::read(path).map_err(|error| error.to_string());
    // an unreadable file is ONNX Runtime's to report
    model.and_then(|bytes| Skeleton::read(&bytes)).is_ok_and(|skeleton| skeleton.is_mostly_half())
}

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

fn port(name: &str, kind: &ValueType) -> Port {
    let element = match kind.tensor_type() {
        Some(TensorElementType::Float32) => Element::F32,
        Some(TensorElementType::Float16) => Element::F16,
        Some(TensorElementType::Float64 | TensorElementType::Bfloat16) => Element::OtherFloat(kind.to_string()),
        Some(TensorElementType::Uint8) => Element::U8(kind.to_string()),
        Some(
            TensorElementType::Bool
            | TensorElementType::Int8
            | TensorElementType::Int16
            | TensorElementType::Uint16
            | TensorElementType::Int32
            | TensorElementType::Uint32
            | TensorElementType::Int64
            | TensorElementType::Uint64,
        ) => Element::Whole(kind.to_string()),
        _ => Element::Other(kind.to_string()),
    };
    let dims = kind.tensor_shape().map(|shape| shape.iter().map(|&d| usize::try_from(d).ok()).collect());
    Port { name: name.into(), element, dims: dims.unwrap_or_default() }
}

pub(super) fn floats(value: &DynValue) -> ort::Result<ArrayD<f32>> {
    // class labels are small numbers: single precision holds them exactly
    match value.dtype().tensor_type() {
        Some(TensorElementType::Bool) => Ok(value.try_extract_array::<bool>()?.mapv(|set| f32::from(u8::from(set)))),
        Some(TensorElementType::Int8) => Ok(value.try_extract_array::<i8>()?.mapv(f32::from)),
        Some(TensorElementType::Uint8) => Ok(value.try_extract_array::<u8>()?.mapv(f32::from)),
        Some(TensorElementType::Int16) => Ok(value.try_extract_array::<i16>()?.mapv(f32::from)),
        Some(TensorElementType::Uint16) => Ok(value.try_extract_array::<u16>()?.mapv(f32::from)),
        Some(TensorElementType::Int32) => Ok(value.try_extract_array::<i32>()?.mapv(|label| label as f32)),
        Some(TensorElementType::Uint32) => Ok(value.try_extract_array::<u32>()?.mapv(|label| label as f32)),
        Some(TensorElementType::Int64) => Ok(value.try_extract_array::<i64>()?.mapv(|label| label as f32)),
        Some(TensorElementType::Uint64) => Ok(value.try_extract_array::<u64>()?.mapv(|label| label as f32)),
        Some(TensorElementType::Float16) => Ok(value.try_extract_array::<f16>()?.mapv(f16::to_f32)),
        Some(TensorElementType::Bfloat16) => Ok(value.try_extract_array::<bf16>()?.mapv(bf16::to_f32)),
        Some(TensorElementType::Float64) => Ok(value.try_extract_array::<f64>()?.mapv(|number| number as f32)),
        _ => Ok(value.try_extract_array::<f32>()?.to_owned()),
    }
}
