//! The name, element type and shape of a graph's value.

use super::proto::{DimensionProto, ValueInfoProto};

/// An input or output of a graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The name.
    pub name: String,
    /// The element type; `None` if the value is not a tensor.
    pub element: Option<ElementType>,
    /// The shape; `None` if the model does not even state the rank.
    pub dims: Option<Vec<Dim>>,
}

/// One axis of a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dim {
    /// A fixed length.
    Fixed(i64),
    /// A length known at run time; the name may be empty.
    Dynamic(String),
}

/// A tensor's element type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ElementType {
    /// 32-bit float.
    Float,
    /// 16-bit float (IEEE).
    Half,
    /// 16-bit float (brain).
    BFloat16,
    /// 64-bit float.
    Double,
    /// Unsigned 8-bit integer.
    UInt8,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// Boolean.
    Bool,
    /// Any other, by ONNX's number.
    Other(i32),
}

impl From<&ValueInfoProto> for Value {
    fn from(info: &ValueInfoProto) -> Self {
        let tensor = info.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
        Self {
            name: info.name.clone(),
            element: tensor.map(|tensor| ElementType::from(tensor.elem_type)),
            dims: tensor
                .and_then(|tensor| tensor.shape.as_ref())
                .map(|shape| shape.dim.iter().map(Dim::from).collect()),
        }
    }
}

impl From<&DimensionProto> for Dim {
    fn from(dim: &DimensionProto) -> Self {
        match dim.dim_value {
            // some exporters write 0 or -1 for a length known at run time
            Some(length) if length > 0 => Self::Fixed(length),
            _ => Self::Dynamic(dim.dim_param.clone().unwrap_or_default()),
        }
    }
}

impl From<i64> for Dim {
    fn from(length: i64) -> Self {
        Self::Fixed(length)
    }
}

impl From<&str> for Dim {
    fn from(name: &str) -> Self {
        Self::Dynamic(name.to_owned())
    }
}

impl std::fmt::Display for Dim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Fixed(length) => length.fmt(f),
            Self::Dynamic(name) if name.is_empty() => "?".fmt(f),
            Self::Dynamic(name) => name.fmt(f),
        }
    }
}

impl From<i32> for ElementType {
    fn from(number: i32) -> Self {
        match number {
            1 => Self::Float,
            2 => Self::UInt8,
            6 => Self::Int32,
            7 => Self::Int64,
            9 => Self::Bool,
            10 => Self::Half,
            11 => Self::Double,
            16 => Self::BFloat16,
            other => Self::Other(other),
        }
    }
}

impl From<ElementType> for i32 {
    fn from(element: ElementType) -> Self {
        match element {
            ElementType::Float => 1,
            ElementType::UInt8 => 2,
            ElementType::Int32 => 6,
            ElementType::Int64 => 7,
            ElementType::Bool => 9,
            ElementType::Half => 10,
            ElementType::Double => 11,
            ElementType::BFloat16 => 16,
            ElementType::Other(number) => number,
        }
    }
}

impl std::fmt::Display for ElementType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Float => "float32".fmt(f),
            Self::Half => "float16".fmt(f),
            Self::BFloat16 => "bfloat16".fmt(f),
            Self::Double => "float64".fmt(f),
            Self::UInt8 => "uint8".fmt(f),
            Self::Int32 => "int32".fmt(f),
            Self::Int64 => "int64".fmt(f),
            Self::Bool => "bool".fmt(f),
            Self::Other(number) => write!(f, "element type {number}"),
        }
    }
}
