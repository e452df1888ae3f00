//! Floats in a device's memory.

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ort::AsPointer;
use ort::memory::Allocator;
use ort::value::{Shape, Tensor, TensorRefMut};

use super::DeviceError;

/// Floats of one shape at one place in a device's memory. Programs read and write them there.
pub struct Buffer {
    tensor: Mutex<Held>,
    shape: Vec<usize>,
    /// Whether only the device can reach them.
    remote: bool,
    /// What this one is a part of.
    _whole: Option<Arc<Buffer>>,
}

enum Held {
    Own(Tensor<f32>),
    Part(TensorRefMut<'static, f32>),
}

impl Buffer {
    pub(super) fn new(allocator: &Allocator, shape: &[usize], remote: bool) -> Result<Self, DeviceError> {
        let tensor = tensor(allocator, shape).map_err(DeviceError::new(format!("no memory for {shape:?} floats")))?;
        let buffer = Self { tensor: Mutex::new(Held::Own(tensor)), shape: shape.to_vec(), remote, _whole: None };
        // what an allocator gives is not empty
        buffer.write(&vec![0.0; shape.iter().product()])?;
        Ok(buffer)
    }

    /// Floats within another buffer, from one of its numbers on.
    ///
    /// # Errors
    /// Where ONNX Runtime refuses.
    ///
    /// # Panics
    /// Where they do not lie within it: a mistake in the code.
    pub fn part(whole: &Arc<Self>, offset: usize, shape: &[usize]) -> Result<Arc<Self>, DeviceError> {
        let count: usize = shape.iter().product();
        assert!(offset + count <= whole.len(), "{count} floats from {offset} of {}", whole.len());
        let part = {
            let held = whole.lock();
            let info = held.memory_info().to_owned();
            // SAFETY: the offset lies within the whole.
            let data = unsafe { held.data_ptr().cast_mut().cast::<f32>().add(offset) };
            // SAFETY: the numbers lie within the whole, which the part keeps alive.
            unsafe { TensorRefMut::from_raw(info, data.cast(), lengths(shape)) }
        };
        let part = part.map_err(DeviceError::new("no part of the device's memory"))?;
        let (tensor, shape) = (Mutex::new(Held::Part(part)), shape.to_vec());
        Ok(Arc::new(Self { tensor, shape, remote: whole.remote, _whole: Some(Arc::clone(whole)) }))
    }

    /// Lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// How many numbers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether it holds no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes numbers, row-major.
    ///
    /// # Errors
    /// Where the device fails.
    ///
    /// # Panics
    /// Where there are not as many as the shape says: a mistake in the code.
    pub fn write(&self, numbers: &[f32]) -> Result<(), DeviceError> {
        assert_eq!(numbers.len(), self.len(), "numbers of shape {:?}", self.shape);
        let tensor = self.lock();
        let write = || {
            if self.remote {
                let mut here = self::tensor(&Allocator::default(), &self.shape)?;
                here.try_extract_tensor_mut()?.1.copy_from_slice(numbers);
                let info = tensor.memory_info().to_owned();
                // SAFETY: another handle on the same floats, which is gone before the lock is.
                let there =
                    unsafe { TensorRefMut::from_raw(info, tensor.data_ptr().cast_mut().cast(), lengths(&self.shape)) }?;
                return here.copy_into(there);
            }
            let to = tensor.data_ptr().cast_mut().cast::<f32>();
            // SAFETY: the tensor holds that many floats in this process's memory, where nothing else lies; programs that
            // write there too are run by whoever calls this, before or after.
            unsafe { to.copy_from_nonoverlapping(numbers.as_ptr(), numbers.len()) };
            Ok(())
        };
        write().map_err(DeviceError::new("cannot write to the device's memory"))
    }

    /// The numbers, row-major.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn read(&self) -> Result<Vec<f32>, DeviceError> {
        let tensor = self.lock();
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

    /// ONNX Runtime's handle, which lives as long as the buffer.
    pub(super) fn handle(&self) -> *const ort::sys::OrtValue {
        self.lock().ptr()
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.tensor.lock().unwrap_or_else(PoisonError::into_inner)
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

fn tensor(allocator: &Allocator, shape: &[usize]) -> ort::Result<Tensor<f32>> {
    Tensor::new(allocator, lengths(shape))
}

fn lengths(shape: &[usize]) -> Shape {
    Shape::from(shape)
}
