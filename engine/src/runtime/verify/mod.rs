//! Compares a device's results with the CPU's, on a model's first inputs.
//!
//! Providers have been silently wrong: for batches above one, for some shapes, on some drivers. The CPU is the
//! reference, so each model's first batches are also run there. Once a device has failed, the model stays unusable on
//! it: later results would be as wrong.

mod difference;
mod locate;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ndarray::{ArrayD, ArrayViewD};

use super::{Device, Element, Loaded, Model, ModelError, SessionOptions};
use difference::difference;

/// The largest difference that is rounding, of single precision.
const ROUNDING: f32 = 1e-3;
/// The same of half precision.
const HALF_ROUNDING: f32 = 0.02;

/// How a model's results on a device are compared with the CPU's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The number of inputs, views and windows of images, to compare; 0 compares none. A batch is compared as a whole.
    pub inputs: usize,
    /// The largest allowed difference of an output's numbers, in units of its largest one on the CPU or 1, whichever is
    /// more; of class labels, the largest share that differs. `None`: 0.001, and 0.02 in half precision.
    pub tolerance: Option<f32>,
}

/// The result so far.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verified {
    /// The number of inputs that were compared.
    pub inputs: usize,
    /// The largest difference, as [`Comparison::tolerance`] measures it.
    pub largest: f32,
}

/// A difference beyond the tolerance.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The device.
    pub device: Device,
    /// The output.
    pub output: String,
    /// How large it is, as [`Comparison::tolerance`] measures it.
    pub size: f32,
    /// The tolerance.
    pub tolerance: f32,
    /// Where in the graph it begins, as a fragment.
    pub nodes: String,
}

/// The comparison of one model on one device.
pub(super) struct Check {
    runtime: &'static Loaded,
    options: SessionOptions,
    tolerance: f32,
    state: Mutex<State>,
}

struct State {
    left: usize,
    /// The model on the CPU, while it is needed.
    reference: Option<Box<Model>>,
    verified: Verified,
    failed: Option<Difference>,
}

impl Check {
    /// `half`: whether the device computes in half precision.
    pub fn new(runtime: &'static Loaded, options: SessionOptions, comparison: Comparison, half: bool) -> Self {
        let tolerance = comparison.tolerance.unwrap_or(if half { HALF_ROUNDING } else { ROUNDING });
        let verified = Verified { inputs: 0, largest: 0.0 };
        let state = State { left: comparison.inputs, reference: None, verified, failed: None };
        Self { runtime, options, tolerance, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A comparison that panicked has changed nothing that a later one relies on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What has been found so far.
    pub fn verified(&self) -> Verified {
        self.state().verified
    }

    /// The difference that was found.
    pub fn failed(&self) -> Option<Difference> {
        self.state().failed.clone()
    }

    /// Compares a batch's results with the CPU's, if this batch is one of the first.
    pub fn compare(
        &self,
        path: &Path,
        (name, input): (&str, ArrayViewD<'_, f32>),
        outputs: &[&str],
        found: &[ArrayD<f32>],
    ) -> Result<(), Difference> {
        let mut state = self.state();
        if state.left == 0 {
            return Ok(());
        }
        let expected = match self.reference(&mut state, path).and_then(|model| model.run(name, input.view(), outputs)) {
            Ok(expected) => expected,
            Err(error) => {
                tracing::warn!(
                    "{} is not verified: the CPU's answer is missing: {}",
                    self.options.device,
                    crate::chain(&error)
                );
                state.left = 0;
                return Ok(());
            }
        };
        let kinds = state.reference.as_ref().map(|model| model.outputs()).unwrap_or_default();
        let is_label = |name: &str| {
            kinds.iter().any(|port| port.name == name && matches!(port.element, Element::Whole(_) | Element::U8(_)))
        };
        let sizes = outputs.iter().zip(found.iter().zip(&expected));
        let sizes = sizes.map(|(name, (found, expected))| (*name, difference(found, expected, is_label(name))));
        let worst = sizes.max_by(|a, b| a.1.total_cmp(&b.1));
        let Some((output, size)) = worst else { return Ok(()) };
        let inputs = input.shape().first().copied().unwrap_or(1);
        state.verified.inputs += inputs;
        state.verified.largest = state.verified.largest.max(size);
        if size > self.tolerance {
            let nodes = locate::nodes(self.runtime, path, self.options, (name, input), self.tolerance);
            let (device, output) = (self.options.device, output.to_owned());
            let difference = Difference { device, output, size, tolerance: self.tolerance, nodes };
            state.failed = Some(difference.clone());
            return Err(difference);
        }
        state.left = state.left.saturating_sub(inputs);
        if state.left == 0 {
            state.reference = None;
        }
        Ok(())
    }

    fn reference<'a>(&self, state: &'a mut State, path: &Path) -> Result<&'a Model, ModelError> {
        if state.reference.is_none() {
            let options = SessionOptions::on(Device::Cpu, self.options.threads);
            state.reference = Some(Box::new(Model::open(self.runtime, path, options)?));
        }
        Ok(state.reference.as_ref().expect("it was just opened"))
    }
}
