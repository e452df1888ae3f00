//! Tensors of several shapes in one block of memory, so that the optimiser can process all of them in pieces of one
//! size, which suits the device.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{Buffer, DeviceError, Place};
use crate::trace::Target;

/// The alignment of tensors, in floats: a cache line.
const ALIGN: usize = 16;

/// The number of floats in a piece. On a CPU, several pieces fit into a core's cache. On CUDA, a piece is all of a usual
/// network, since every operator costs a launch; larger networks are cut only to bound the memory of what is computed in
/// between, 256 MiB a tensor.
const fn piece(target: Target) -> usize {
    match target {
        Target::Cpu => 1 << 17,
        Target::Cuda => 1 << 26,
    }
}

/// Named tensors in one block of memory.
pub struct Flat {
    whole: Arc<Buffer>,
    tensors: IndexMap<String, Arc<Buffer>>,
    piece: usize,
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
        Ok(Self { whole, tensors, piece: piece(place.target()) })
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
        let mut offset = 0;
        let part = |length| {
            let part = Buffer::part(&self.whole, offset, &[length]);
            offset += length;
            part
        };
        lengths(self.whole.len(), self.piece).map(part).collect()
    }

    /// Resets all numbers to zero.
    ///
    /// # Errors
    /// If the device fails.
    pub fn clear(&self) -> Result<(), DeviceError> {
        self.whole.write(&vec![0.0; self.whole.len()])
    }

    /// Copies the numbers of another block with the same shapes.
    ///
    /// # Errors
    /// If the device fails.
    pub fn copy_from(&self, other: &Self) -> Result<(), DeviceError> {
        self.whole.write(&other.whole.read()?)
    }
}

/// The lengths of pieces of at most `piece` floats.
fn lengths(total: usize, piece: usize) -> impl Iterator<Item = usize> {
    (0..total).step_by(piece).map(move |offset| piece.min(total - offset))
}

/// The lengths of the pieces of `total` floats on a kind of device.
#[cfg(test)]
pub fn cut(total: usize, target: Target) -> Vec<usize> {
    lengths(total, piece(target)).collect()
}
