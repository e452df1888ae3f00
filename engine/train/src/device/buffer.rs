//! Floats in a device's memory.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::AsPointer;
use ort::memory::{Allocator, MemoryInfo};
use ort::value::{Shape, Tensor, TensorRefMut};

use super::DeviceError;
use super::transfer::{Location, Transfer};

/// Floats of one shape at a fixed place in a device's memory. Programs read and write them there.
pub struct Buffer {
    tensor: Mutex<Held>,
    shape: Vec<usize>,
    /// The copier, if only the device can access them.
    transfer: Option<Arc<Transfer>>,
    /// The buffer of which this one is a part.
    _whole: Option<Arc<Buffer>>,
}

enum Held {
    Own(Tensor<f32>),
    Part(TensorRefMut<'static, f32>),
}

impl Buffer {
    /// Zeros in an allocator's memory, accessed by `transfer`; without one, memory of this process.
    pub(super) fn new(
        allocator: &Allocator,
        shape: &[usize],
        transfer: Option<Arc<Transfer>>,
    ) -> Result<Self, DeviceError> {
        let tensor = Tensor::new(allocator, lengths(shape));
        let tensor = tensor.map_err(DeviceError::new(format!("no memory for {shape:?} floats")))?;
        let buffer = Self { tensor: Mutex::new(Held::Own(tensor)), shape: shape.to_vec(), transfer, _whole: None };
        // the allocator does not zero memory
        buffer.write(&vec![0.0; shape.iter().product()])?;
        Ok(buffer)
    }

    /// Floats within another buffer, starting at `offset`.
    ///
    /// # Errors
    /// If ONNX Runtime refuses.
    ///
    /// # Panics
    /// If they exceed it: a mistake in the code.
    pub fn part(whole: &Arc<Self>, offset: usize, shape: &[usize]) -> Result<Arc<Self>, DeviceError> {
        let count: usize = shape.iter().product();
        assert!(offset + count <= whole.len(), "{count} floats from {offset} of {}", whole.len());
        let part = {
            let held = whole.lock();
            let info = held.memory_info().to_owned();
            // SAFETY: the offset is within the whole.
            let data = unsafe { held.address().add(offset) };
            // SAFETY: the numbers are within the whole, which the part keeps alive.
            unsafe { TensorRefMut::from_raw(info, data.cast(), lengths(shape)) }
        };
        let part = part.map_err(DeviceError::new("no part of the device's memory"))?;
        let (tensor, shape) = (Mutex::new(Held::Part(part)), shape.to_vec());
        Ok(Arc::new(Self { tensor, shape, transfer: whole.transfer.clone(), _whole: Some(Arc::clone(whole)) }))
    }

    /// Lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The number of floats.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it has no floats.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes numbers, row-major.
    ///
    /// # Errors
    /// If the device fails.
    ///
    /// # Panics
    /// If their count does not match the shape: a mistake in the code.
    pub fn write(&self, numbers: &[f32]) -> Result<(), DeviceError> {
        assert_eq!(numbers.len(), self.len(), "numbers of shape {:?}", self.shape);
        let tensor = self.lock();
        let Some(transfer) = &self.transfer else {
            // SAFETY: the tensor holds that many floats in this process's memory, exclusively; programs that also write
            // there are run by the caller, before or after.
            unsafe { tensor.address().copy_from_nonoverlapping(numbers.as_ptr(), numbers.len()) };
            return Ok(());
        };
        let memory = MemoryInfo::default();
        let here = Location { memory: &memory, address: numbers.as_ptr().cast_mut() };
        let there = Location { memory: tensor.memory_info(), address: tensor.address() };
        // SAFETY: both hold that many floats; `numbers` is only read, and programs that use the tensor are run by the
        // caller, before or after.
        unsafe { transfer.copy(here, there, numbers.len()) }
            .map_err(DeviceError::new("cannot write to the device's memory"))
    }

    /// The numbers, row-major.
    ///
    /// # Errors
    /// If the device fails.
    pub fn read(&self) -> Result<Vec<f32>, DeviceError> {
        let tensor = self.lock();
        let failed = DeviceError::new("cannot read from the device's memory");
        let Some(transfer) = &self.transfer else {
            return tensor.try_extract_tensor().map(|(_, numbers)| numbers.to_vec()).map_err(failed);
        };
        let mut numbers = vec![0.0; self.len()];
        let memory = MemoryInfo::default();
        let here = Location { memory: &memory, address: numbers.as_mut_ptr() };
        let there = Location { memory: tensor.memory_info(), address: tensor.address() };
        // SAFETY: both hold that many floats; nothing else refers to `numbers` yet, and programs that write to the
        // tensor are run by the caller, before or after.
        unsafe { transfer.copy(there, here, numbers.len()) }.map_err(failed)?;
        Ok(numbers)
    }

    /// ONNX Runtime's handle, which lives as long as the buffer.
    pub(super) fn handle(&self) -> *const ort::sys::OrtValue {
        self.lock().ptr()
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.tensor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn address(&self) -> *mut f32 {
        self.data_ptr().cast_mut().cast()
    }
}

impl Deref for Held {
    type Target = Tensor<f32>;

    fn deref(&self) -> &Tensor<f32> {
        match self {
            Self::Own(tensor) => tensor,
            Self::Part(tensor) => tensor,
        }
    }
}

fn lengths(shape: &[usize]) -> Shape {
    Shape::from(shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{noise, options, runtime};

    /// Memory of this process that is accessed like a device's.
    fn remote(count: usize) -> Arc<Buffer> {
        let transfer = Transfer::new(runtime(), options()).unwrap();
        Arc::new(Buffer::new(&Allocator::default(), &[count], Some(Arc::new(transfer))).unwrap())
    }

    #[test]
    fn a_whole_and_its_parts_read_what_either_wrote() {
        let whole = remote(10);
        assert_eq!(whole.read().unwrap(), [0.0; 10]);
        let part = Buffer::part(&whole, 4, &[2, 2]).unwrap();
        part.write(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        assert_eq!(part.read().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(whole.read().unwrap(), [0.0, 0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 0.0, 0.0]);
        whole.write(&[9.0; 10]).unwrap();
        assert_eq!(part.read().unwrap(), [9.0; 4]);
    }

    #[test]
    fn what_is_larger_than_a_piece_arrives_whole_and_nothing_is_no_copy() {
        let count = 2 * super::super::transfer::PIECE + 3;
        let (buffer, numbers) = (remote(count), noise(3, count));
        buffer.write(&numbers).unwrap();
        assert!(buffer.read().unwrap() == numbers);
        let nothing = Buffer::part(&buffer, 5, &[0]).unwrap();
        nothing.write(&[]).unwrap();
        assert_eq!(nothing.read().unwrap(), [0.0; 0]);
    }
}
