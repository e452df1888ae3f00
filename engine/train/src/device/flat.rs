//! Tensors of several shapes in one block of memory, so that the optimiser can process all of them in pieces of one
//! size.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Buffer, DeviceError, Place};

/// The alignment of tensors, in floats: a cache line.
const ALIGN: usize = 16;

/// The number of floats in a piece: several pieces fit into a core's cache.
const PIECE: usize = 1 << 17;

/// Named tensors in one block of memory.
pub struct Flat {
    whole: Arc<Buffer>,
    tensors: IndexMap<String, Arc<Buffer>>,
}

impl Flat {
    /// Zeros of these shapes.
    ///
    /// # Errors
    /// If there is not enough memory.
    pub fn new(place: &Place, shapes: &IndexMap<String, Vec<usize>>) -> Result<Self, DeviceError> {
        let aligned = |shape: &[usize]| shape.iter().product::<usize>().next_multiple_of(ALIGN);
        let total = shapes.values().map(|shape| aligned(shape)).sum();
        let whole = place.buffer(&[total])?;
        let mut offset = 0;
        let mut tensors = IndexMap::new();
        for (name, shape) in shapes {
            tensors.insert(name.clone(), Buffer::part(&whole, offset, shape)?);
            offset += aligned(shape);
        }
        Ok(Self { whole, tensors })
    }

    /// The tensors by name.
    #[must_use]
    pub fn tensors(&self) -> &IndexMap<String, Arc<Buffer>> {
        &self.tensors
    }

    /// All of the memory, in pieces.
    ///
    /// # Errors
    /// If ONNX Runtime refuses.
    pub fn pieces(&self) -> Result<Vec<Arc<Buffer>>, DeviceError> {
        let total = self.whole.len();
        let piece = |offset| Buffer::part(&self.whole, offset, &[PIECE.min(total - offset)]);
        (0..total).step_by(PIECE).map(piece).collect()
    }

    /// Copies the numbers of another block with the same shapes.
    ///
    /// # Errors
    /// If the device fails.
    pub fn copy_from(&self, other: &Self) -> Result<(), DeviceError> {
        self.whole.write(&other.whole.read()?)
    }
}
