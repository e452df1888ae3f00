//! One model in ONNX Runtime.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use half::f16;
use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};
use ort::session::{Session, SessionInputValue};
use ort::value::{Outlet, PrimitiveTensorElementType, TensorRef};

use super::binding::Buffers;
use super::device_options::{is_mostly_half, newest_operators};
use super::model_error::{asked_for_tensorrt, open_error, without_host};
use super::port::{Element, Port, floats, port};
use super::session::{build, build_from_bytes};
use super::verify::{Check, Comparison, Difference, Verified};
use super::{Device, Loaded, ModelError, SessionOptions, assignment, pages};

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
        let session = build_from_bytes(runtime, path, bytes, options).map_err(|source| open_error(path, source))?;
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
