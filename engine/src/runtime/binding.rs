//! Passes batches in page-locked memory, from which a device copies at full speed and without an intermediate copy.

use std::collections::HashMap;
use std::fmt::Debug;

use ndarray::{ArrayD, ArrayViewD, CowArray, IxDyn};
use ort::memory::{AllocationDevice, Allocator, AllocatorType, MemoryInfo, MemoryType};
use ort::session::Session;
use ort::value::{DynTensor, PrimitiveTensorElementType, Tensor};

use super::port::floats;

/// Bound memory of a session's inputs and outputs.
pub struct Buffers {
    allocator: Allocator,
    outputs: MemoryInfo<'static>,
    /// One input per shape: batches have few shapes, and locking pages takes time.
    inputs: HashMap<Vec<usize>, DynTensor>,
}

impl Buffers {
    /// Allocates page-locked memory of a CUDA device.
    ///
    /// # Errors
    /// If the session does not run on one, or the memory is unavailable.
    pub fn pinned(session: &Session, device: i32) -> ort::Result<Self> {
        let info = |memory| MemoryInfo::new(AllocationDevice::CUDA_PINNED, device, AllocatorType::Device, memory);
        Self::new(session, info(MemoryType::CPUInput)?, info(MemoryType::CPUOutput)?)
    }

    fn new(session: &Session, inputs: MemoryInfo<'static>, outputs: MemoryInfo<'static>) -> ort::Result<Self> {
        Ok(Self { allocator: Allocator::new(session, inputs)?, outputs, inputs: HashMap::new() })
    }

    /// Runs a session with its input and outputs bound; see [`Model::run`](super::Model::run).
    ///
    /// # Errors
    /// If ONNX Runtime fails, an output is missing, or one does not hold floats.
    pub fn run<T: PrimitiveTensorElementType + Copy + Debug>(
        &mut self,
        session: &mut Session,
        name: &str,
        input: ArrayViewD<'_, T>,
        outputs: &[&str],
    ) -> ort::Result<Vec<ArrayD<f32>>> {
        let tensor = self.filled(input)?;
        let mut binding = session.create_binding()?;
        binding.bind_input(name, tensor)?;
        for &output in outputs {
            binding.bind_output_to_device(output, &self.outputs)?;
        }
        let results = session.run_binding(&binding)?;
        outputs.iter().map(|&output| floats(&results[output])).collect()
    }

    /// The buffer of that shape, filled with the input.
    fn filled<T: PrimitiveTensorElementType + Copy + Debug>(
        &mut self,
        input: ArrayViewD<'_, T>,
    ) -> ort::Result<&DynTensor> {
        let shape = input.shape().to_vec();
        if !self.inputs.contains_key(&shape) {
            let tensor = Tensor::<T>::new(&self.allocator, shape.clone())?.upcast();
            self.inputs.insert(shape.clone(), tensor);
        }
        let tensor = self.inputs.get_mut(&shape).expect("it was put there");
        let dense: CowArray<'_, T, IxDyn> = input.as_standard_layout();
        tensor.try_extract_array_mut::<T>()?.assign(&dense);
        Ok(tensor)
    }
}

#[cfg(test)]
mod tests {
    use half::f16;
    use ndarray::Array2;

    use super::*;
    use crate::onnx::{ElementType, GraphBuilder};
    use crate::runtime::{Device, SessionOptions, for_tests, session};

    /// A session on the CPU, on whose memory the same calls are made as on a device's.
    fn negate(element: ElementType) -> Option<(Session, Buffers)> {
        let runtime = for_tests()?;
        let mut graph = GraphBuilder::new("negate");
        let input = graph.input("x", element, &["n".into(), 2.into()]);
        let output = graph.node("Neg", &[&input], vec![]);
        graph.output(&output, "y", element, &["n".into(), 2.into()]);
        let options = SessionOptions { device: Device::Cpu, threads: 1, tensorrt: false, fp16: false, memory: None };
        let session = session(runtime, &graph.build().to_bytes(), options).unwrap();
        let buffers = Buffers::new(&session, MemoryInfo::default(), MemoryInfo::default()).unwrap();
        Some((session, buffers))
    }

    #[test]
    fn bound_runs_give_what_runs_give_whatever_their_order() {
        let Some((mut session, mut buffers)) = negate(ElementType::Float) else { return };
        for (rows, start) in [(1, 1.0_f32), (3, 5.0), (1, -2.0), (3, 0.5)] {
            let input = Array2::from_shape_fn((rows, 2), |(row, column)| start + (2 * row + column) as f32);
            let output = buffers.run(&mut session, "x", input.view().into_dyn(), &["y"]).unwrap();
            assert_eq!(output, [(-input).into_dyn()]);
        }
        assert_eq!(buffers.inputs.len(), 2);
    }

    #[test]
    fn views_that_are_not_dense_and_half_precision_are_laid_down_in_order() {
        let Some((mut session, mut buffers)) = negate(ElementType::Half) else { return };
        let input = Array2::from_shape_fn((2, 3), |(row, column)| f16::from_f32((3 * row + column) as f32));
        let output = buffers.run(&mut session, "x", input.t().into_dyn(), &["y"]).unwrap();
        assert_eq!(output, [input.t().mapv(|v| -v.to_f32()).into_dyn()]);
    }

    #[test]
    fn an_output_that_is_not_there_is_an_error() {
        let Some((mut session, mut buffers)) = negate(ElementType::Float) else { return };
        assert!(buffers.run(&mut session, "x", Array2::<f32>::zeros((1, 2)).view().into_dyn(), &["z"]).is_err());
    }

    #[test]
    fn there_is_no_pinned_memory_without_a_device() {
        let Some((session, _)) = negate(ElementType::Float) else { return };
        assert!(Buffers::pinned(&session, 0).is_err());
    }
}
