//! Inputs and outputs of a model, and their numbers.

use std::fmt;

use half::{bf16, f16};
use ndarray::ArrayD;
use ort::value::{DynValue, TensorElementType, ValueType};

/// An input or output of a model, as the model declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// The name in the graph.
    pub name: String,
    /// Its element type.
    pub element: Element,
    /// The dimensions, `None` if dynamic; empty if the rank is unknown, too.
    pub dims: Vec<Option<usize>>,
}

/// The element type of a tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Element {
    /// Single-precision floats.
    F32,
    /// Half-precision floats.
    F16,
    /// Floats of another precision, which outputs may have: double, or bfloat16.
    OtherFloat(String),
    /// Bytes without a sign: of an input, its intensities in 0..=255, rounded; of an output, class labels.
    U8(String),
    /// Other whole numbers, or booleans: class labels, which outputs may have.
    Whole(String),
    /// A type that the engine neither passes nor reads, in ONNX Runtime's notation.
    Other(String),
}

impl fmt::Display for Element {
    /// In ONNX Runtime's notation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "Tensor<f32>",
            Self::F16 => "Tensor<f16>",
            Self::OtherFloat(kind) | Self::U8(kind) | Self::Whole(kind) | Self::Other(kind) => kind,
        })
    }
}

pub(super) fn port(name: &str, kind: &ValueType) -> Port {
    let element = match kind.tensor_type() {
        Some(TensorElementType::Float32) => Element::F32,
        Some(TensorElementType::Float16) => Element::F16,
        Some(TensorElementType::Float64 | TensorElementType::Bfloat16) => Element::OtherFloat(kind.to_string()),
        Some(TensorElementType::Uint8) => Element::U8(kind.to_string()),
        Some(
            TensorElementType::Bool
            | TensorElementType::Int8
            | TensorElementType::Int16
            | TensorElementType::Uint16
            | TensorElementType::Int32
            | TensorElementType::Uint32
            | TensorElementType::Int64
            | TensorElementType::Uint64,
        ) => Element::Whole(kind.to_string()),
        _ => Element::Other(kind.to_string()),
    };
    let dims = kind.tensor_shape().map(|shape| shape.iter().map(|&d| usize::try_from(d).ok()).collect());
    Port { name: name.into(), element, dims: dims.unwrap_or_default() }
}

pub(super) fn floats(value: &DynValue) -> ort::Result<ArrayD<f32>> {
    // class labels are small numbers: single precision holds them exactly
    match value.dtype().tensor_type() {
        Some(TensorElementType::Bool) => Ok(value.try_extract_array::<bool>()?.mapv(|set| f32::from(u8::from(set)))),
        Some(TensorElementType::Int8) => Ok(value.try_extract_array::<i8>()?.mapv(f32::from)),
        Some(TensorElementType::Uint8) => Ok(value.try_extract_array::<u8>()?.mapv(f32::from)),
        Some(TensorElementType::Int16) => Ok(value.try_extract_array::<i16>()?.mapv(f32::from)),
        Some(TensorElementType::Uint16) => Ok(value.try_extract_array::<u16>()?.mapv(f32::from)),
        Some(TensorElementType::Int32) => Ok(value.try_extract_array::<i32>()?.mapv(|label| label as f32)),
        Some(TensorElementType::Uint32) => Ok(value.try_extract_array::<u32>()?.mapv(|label| label as f32)),
        Some(TensorElementType::Int64) => Ok(value.try_extract_array::<i64>()?.mapv(|label| label as f32)),
        Some(TensorElementType::Uint64) => Ok(value.try_extract_array::<u64>()?.mapv(|label| label as f32)),
        Some(TensorElementType::Float16) => Ok(value.try_extract_array::<f16>()?.mapv(f16::to_f32)),
        Some(TensorElementType::Bfloat16) => Ok(value.try_extract_array::<bf16>()?.mapv(bf16::to_f32)),
        Some(TensorElementType::Float64) => Ok(value.try_extract_array::<f64>()?.mapv(|number| number as f32)),
        _ => Ok(value.try_extract_array::<f32>()?.to_owned()),
    }
}
