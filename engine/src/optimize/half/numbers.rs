//! Tensors in half precision, and their rounding errors.

use half::f16;

use crate::onnx::ElementType;
use crate::onnx::proto::TensorProto;

/// The largest relative loss of a tensor's norm by rounding: at most half a step of 11 bits if no number is too small.
/// Twice that means that the small numbers matter most.
const LOST: f64 = 1.0 / 1024.0;

/// Why numbers are better left in single precision.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unfit {
    /// One of them is beyond the largest half.
    Large(f32),
    /// They are so small that rounding takes this share of their norm.
    Small(f64),
}

/// The effect of rounding on suitable numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rounded {
    /// How many numbers there are.
    pub numbers: usize,
    /// The number of those that became 0.
    pub vanished: usize,
    /// The number of subnormal halves, which lost more than the rest.
    pub subnormal: usize,
}

/// Judges whether numbers suit half precision, and what they lose.
pub fn judge(numbers: &[f32]) -> Result<Rounded, Unfit> {
    let (mut lost, mut norm) = (0.0, 0.0);
    let mut rounded = Rounded { numbers: numbers.len(), ..Rounded::default() };
    for &number in numbers.iter().filter(|number| number.is_finite()) {
        let near = f16::from_f32(number);
        if near.is_infinite() {
            return Err(Unfit::Large(number));
        }
        if number != 0.0 {
            rounded.vanished += usize::from(near == f16::ZERO);
            rounded.subnormal += usize::from(near != f16::ZERO && !near.is_normal());
        }
        lost += (f64::from(number) - f64::from(near)).powi(2);
        norm += f64::from(number).powi(2);
    }
    let share = if norm > 0.0 { (lost / norm).sqrt() } else { 0.0 };
    if share > LOST { Err(Unfit::Small(share)) } else { Ok(rounded) }
}

/// A tensor in half precision with this name.
pub fn halved(tensor: &TensorProto, numbers: &[f32], name: &str) -> TensorProto {
    TensorProto {
        dims: tensor.dims.clone(),
        data_type: ElementType::Half.into(),
        name: name.to_owned(),
        raw_data: Some(numbers.iter().flat_map(|&number| f16::from_f32(number).to_le_bytes()).collect()),
        doc_string: tensor.doc_string.clone(),
        ..TensorProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_from_what_loses_a_little() {
        let fine = |vanished, subnormal| Ok(Rounded { numbers: 3, vanished, subnormal });
        assert_eq!(judge(&[1.0, -65504.0, f32::INFINITY]), fine(0, 0));
        assert_eq!(judge(&[1.0, 1e-9, 3e-6]), fine(1, 1));
        assert_eq!(judge(&[1.0, 65520.0]), Err(Unfit::Large(65520.0)));
        assert!(matches!(judge(&[1e-5, 1e-6]), Err(Unfit::Small(share)) if share > 1e-3));
        assert_eq!(judge(&[1e-9]), Err(Unfit::Small(1.0)));
        assert!(judge(&[0.0]).is_ok() && judge(&[]).is_ok());
    }
}
