//! Buffers for a plugin's results, with guard zones that detect writes outside of them. Plugins that are part of the
//! program, in safe Rust, cannot write there, and need none.

use std::mem::ManuallyDrop;

use ndarray::{Array2, ArrayView1};

use super::{Fault, Size};
use crate::planes;

/// A quiet NaN with a distinctive payload: a pixel that still holds it was never written.
const UNWRITTEN: u32 = 0x7FC5_EEDA;
/// The bytes of the guard zones around a mask: neither 0 nor 1.
const GUARD_BYTE: u8 = 0xA5;

/// A buffer of floats: every pixel is marked unwritten, and so is the guard zone on either side.
pub(super) struct FloatBuffer {
    cells: Vec<f32>,
    size: Size,
    guard: usize,
}

/// A zeroed mask buffer, with a guard zone on either side.
pub(super) struct MaskBuffer {
    cells: Vec<u8>,
    size: Size,
    guard: usize,
}

/// Whether a plugin may write where it should not, as code from a library may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    Anywhere,
    /// Only into its result, and all of it.
    Within,
}

impl Writes {
    /// Two rows, and at least 1024 cells: typical mistakes are by one pixel or one row.
    fn guard(self, size: Size) -> usize {
        match self {
            Self::Anywhere => (2 * size.width).max(1024),
            Self::Within => 0,
        }
    }
}

impl FloatBuffer {
    pub(super) fn new(size: Size, writes: Writes) -> Self {
        let guard = writes.guard(size);
        let cells = match writes {
            Writes::Anywhere => vec![f32::from_bits(UNWRITTEN); size.area() + 2 * guard],
            Writes::Within => vec![0.0; size.area()],
        };
        Self { cells, size, guard }
    }

    /// A pointer to the first of `height * width` cells.
    pub(super) fn as_mut_ptr(&mut self) -> *mut f32 {
        // Derived from the whole vector, so that writes into the guard zones are defined behaviour.
        self.cells.as_mut_ptr().wrapping_add(self.guard)
    }

    /// The written plane; an error if the guard zones changed, or pixels are unwritten or not finite.
    pub(super) fn finish(mut self) -> Result<Array2<f32>, Fault> {
        let len = self.size.area();
        let (before, rest) = self.cells.split_at(self.guard);
        let (plane, after) = rest.split_at(len);
        if before.iter().chain(after).any(|cell| cell.to_bits() != UNWRITTEN) {
            return Err(Fault::WrotePast);
        }
        let not_finite = planes::not_finite(&ArrayView1::from(plane));
        if not_finite > 0 {
            // an unwritten pixel is not a number, either
            let unwritten = plane.iter().filter(|cell| cell.to_bits() == UNWRITTEN).count();
            return Err(if unwritten > 0 { Fault::Unwritten(unwritten) } else { Fault::ReturnedNan(not_finite) });
        }
        if self.guard > 0 {
            self.cells.copy_within(self.guard..self.guard + len, 0);
            self.cells.truncate(len);
        }
        plane_of(self.cells, self.size)
    }
}

impl MaskBuffer {
    pub(super) fn new(size: Size, writes: Writes) -> Self {
        let guard = writes.guard(size);
        let mut cells = vec![0; size.area() + 2 * guard];
        cells[..guard].fill(GUARD_BYTE);
        cells[guard + size.area()..].fill(GUARD_BYTE);
        Self { cells, size, guard }
    }

    /// A pointer to the first of `height * width` bytes.
    pub(super) fn as_mut_ptr(&mut self) -> *mut u8 {
        self.cells.as_mut_ptr().wrapping_add(self.guard)
    }

    /// The written mask; an error if the guard zones changed or a byte is neither 0 nor 1.
    pub(super) fn finish(mut self) -> Result<Array2<bool>, Fault> {
        let len = self.size.area();
        let (before, rest) = self.cells.split_at(self.guard);
        let after = &rest[len..];
        if before.iter().chain(after).any(|&cell| cell != GUARD_BYTE) {
            return Err(Fault::WrotePast);
        }
        if self.guard > 0 {
            self.cells.copy_within(self.guard..self.guard + len, 0);
            self.cells.truncate(len);
        }
        mask_of(self.cells, self.size)
    }
}

/// Builds a plane from its pixels.
pub(super) fn plane_of(pixels: Vec<f32>, size: Size) -> Result<Array2<f32>, Fault> {
    Array2::from_shape_vec(size, pixels).map_err(|e| Fault::Broken(e.to_string()))
}

/// Builds a mask from its bytes, each of which must be 0 or 1.
pub(super) fn mask_of(bytes: Vec<u8>, size: Size) -> Result<Array2<bool>, Fault> {
    // All at once, vectorised; which byte it is matters only if there is one.
    if bytes.iter().fold(0, |all, &byte| all | byte) > 1
        && let Some(&garbage) = bytes.iter().find(|&&byte| byte > 1)
    {
        return Err(Fault::MaskValue(garbage));
    }
    let mut bytes = ManuallyDrop::new(bytes);
    // SAFETY: a `bool` has the size and alignment of a byte, and each of these is 0 or 1; the vector they come from is not
    // dropped.
    let pixels = unsafe { Vec::from_raw_parts(bytes.as_mut_ptr().cast::<bool>(), bytes.len(), bytes.capacity()) };
    Array2::from_shape_vec(size, pixels).map_err(|e| Fault::Broken(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(buffer: &mut FloatBuffer, at: isize, value: f32) {
        // SAFETY: the tests write no further than the guard zones.
        unsafe { buffer.as_mut_ptr().offset(at).write(value) }
    }

    #[test]
    fn a_full_plane_comes_out_row_major() {
        let mut buffer = FloatBuffer::new(Size::new(2, 3), Writes::Anywhere);
        (0..6).for_each(|i| write(&mut buffer, i, i as f32));
        assert_eq!(buffer.finish(), Ok(ndarray::array![[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]));
    }

    #[test]
    fn without_guards_the_result_is_the_buffer() {
        let mut buffer = FloatBuffer::new(Size::new(1, 2), Writes::Within);
        write(&mut buffer, 1, 0.5);
        assert_eq!(buffer.finish(), Ok(ndarray::array![[0.0, 0.5]]));
        let mut buffer = FloatBuffer::new(Size::new(1, 2), Writes::Within);
        write(&mut buffer, 1, f32::NAN);
        assert_eq!(buffer.finish(), Err(Fault::ReturnedNan(1)));
        assert_eq!(MaskBuffer::new(Size::new(1, 2), Writes::Within).finish(), Ok(ndarray::array![[false, false]]));
    }

    #[test]
    fn one_write_beside_the_plane_is_found_on_either_side() {
        for at in [-1, -1024, 6, 6 + 1023] {
            let mut buffer = FloatBuffer::new(Size::new(2, 3), Writes::Anywhere);
            (0..6).for_each(|i| write(&mut buffer, i, 0.5));
            write(&mut buffer, at, 0.0);
            assert_eq!(buffer.finish(), Err(Fault::WrotePast), "at {at}");
        }
    }

    #[test]
    fn unwritten_pixels_are_counted() {
        let mut buffer = FloatBuffer::new(Size::new(2, 3), Writes::Anywhere);
        write(&mut buffer, 4, 0.5);
        assert_eq!(buffer.finish(), Err(Fault::Unwritten(5)));
    }

    #[test]
    fn a_mask_holds_zeros_and_ones_and_ends_where_it_ends() {
        let written = |at: isize, value| {
            let mut buffer = MaskBuffer::new(Size::new(2, 3), Writes::Anywhere);
            // SAFETY: the test writes no further than the guard zones.
            unsafe { buffer.as_mut_ptr().offset(at).write(value) };
            buffer.finish()
        };
        assert_eq!(written(5, 1), Ok(ndarray::array![[false, false, false], [false, false, true]]));
        assert_eq!(written(5, 255), Err(Fault::MaskValue(255)));
        assert_eq!(written(6, 0), Err(Fault::WrotePast));
        assert_eq!(written(-1, 1), Err(Fault::WrotePast));
    }
}
