//! Floats in a device's memory.

use std::sync::{Mutex, PoisonError};

use ort::AsPointer;
use ort::memory::Allocator;
use ort::value::{Shape, Tensor};

use super::DeviceError;

/// Floats of one shape at one place in a device's memory. Programs read and write them there.
pub struct Buffer {
    tensor: Mutex<Tensor<f32>>,
    shape: Vec<usize>,
    /// Whether only the device can reach them.
    remote: bool,
}

impl Buffer {
    pub(super) fn new(allocator: &Allocator, shape: &[usize], remote: bool) -> Result<Self, DeviceError> {
        let tensor = tensor(allocator, shape).map_err(DeviceError::new(format!("no memory for {shape:?} floats")))?;
        let buffer = Self { tensor: Mutex::new(tensor), shape: shape.to_vec(), remote };
        // what an allocator gives is not empty
        buffer.write(&vec![0.0; shape.iter().product()])?;
        Ok(buffer)
    }

    /// Lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Takes numbers, row-major.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where there are not as many as the shape says: a mistake in the code.
    pub fn write(&self, numbers: &[f32]) -> Result<(), DeviceError> {
        assert_eq!(numbers.len(), self.shape.iter().product::<usize>(), "numbers of shape {:?}", self.shape);
        let mut tensor = self.tensor.lock().unwrap_or_else(PoisonError::into_inner);
        let mut write = || {
            if self.remote {
                let mut here = self::tensor(&Allocator::default(), &self.shape)?;
                here.try_extract_tensor_mut()?.1.copy_from_slice(numbers);
                return here.copy_into(&mut *tensor);
            }
            tensor.try_extract_tensor_mut()?.1.copy_from_slice(numbers);
            Ok(())
        };
        write().map_err(DeviceError::new("cannot write to the device's memory"))
    }

    /// The numbers, row-major.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn read(&self) -> Result<Vec<f32>, DeviceError> {
        let tensor = self.tensor.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || {
            if self.remote {
                let mut here = self::tensor(&Allocator::default(), &self.shape)?;
                tensor.copy_into(&mut here)?;
                return Ok(here.try_extract_tensor()?.1.to_vec());
            }
            Ok(tensor.try_extract_tensor()?.1.to_vec())
        };
        read().map_err(DeviceError::new("cannot read from the device's memory"))
    }

    /// The numbers of a buffer of the same shape.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn copy_from(&self, other: &Self) -> Result<(), DeviceError> {
        self.write(&other.read()?)
    }

    /// ONNX Runtime's handle, which lives as long as the buffer.
    pub(super) fn handle(&self) -> *const ort::sys::OrtValue {
        self.tensor.lock().unwrap_or_else(PoisonError::into_inner).ptr()
    }
}

fn tensor(allocator: &Allocator, shape: &[usize]) -> ort::Result<Tensor<f32>> {
    let lengths: Vec<i64> = shape.iter().map(|&length| length as i64).collect();
    Tensor::new(allocator, Shape::from(lengths))
}
