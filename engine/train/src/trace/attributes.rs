//! Reads a node's attributes.

use pleura::onnx::proto::{AttributeProto, NodeProto, TensorProto};

/// A node's attributes by their names.
pub trait Attributes {
    /// The attribute of this name.
    fn attribute(&self, name: &str) -> Option<&AttributeProto>;

    /// An integer.
    fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.i
    }

    /// Integers; `None` if absent.
    fn ints(&self, name: &str) -> Option<&[i64]> {
        self.attribute(name).map(|attribute| attribute.ints.as_slice()).filter(|ints| !ints.is_empty())
    }

    /// A float.
    fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name)?.f
    }

    /// A string.
    fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.attribute(name)?.s.as_deref()?).ok()
    }

    /// A tensor.
    fn tensor(&self, name: &str) -> Option<&TensorProto> {
        self.attribute(name)?.t.as_ref()
    }

    /// An integer that denotes an axis of `rank`, from the end if negative; the default if absent.
    fn axis(&self, name: &str, default: i64, rank: usize) -> Result<usize, String> {
        axis(self.int(name).unwrap_or(default), rank)
    }
}

impl Attributes for NodeProto {
    fn attribute(&self, name: &str) -> Option<&AttributeProto> {
        self.attribute.iter().find(|attribute| attribute.name == name)
    }
}

/// An axis of `rank`, counted from the end if negative.
pub fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let counted = if axis < 0 { axis + rank as i64 } else { axis };
    usize::try_from(counted)
        .ok()
        .filter(|&axis| axis < rank)
        .ok_or_else(|| format!("axis {axis} is out of range for {rank} axes"))
}
