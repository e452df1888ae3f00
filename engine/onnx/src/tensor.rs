//! Reads and replaces the numbers of tensors.

use half::{bf16, f16};

use super::model::Model;
use super::proto::TensorProto;
use super::value::ElementType;

/// Why a tensor's numbers cannot be read or replaced.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// The numbers are in another file.
    #[error("tensor `{name}` is stored in another file: save the model as one file, without external data")]
    External {
        /// The tensor.
        name: String,
    },
    /// The numbers are not floats.
    #[error("tensor `{name}` holds {element}, expected floats")]
    NotFloat {
        /// The tensor.
        name: String,
        /// Its element type.
        element: ElementType,
    },
    /// The number of elements does not match the shape.
    #[error("tensor `{name}` has shape {shape:?}, but holds {found} numbers")]
    Count {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<i64>,
        /// The number of elements found.
        found: usize,
    },
    /// The bytes end within an element.
    #[error("tensor `{name}` holds {bytes} bytes, which is not a multiple of the size of {element}")]
    Torn {
        /// The tensor.
        name: String,
        /// Its element type.
        element: ElementType,
        /// The number of bytes found.
        bytes: usize,
    },
    /// The model has no such initializer.
    #[error("the model has no initializer `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
}

impl TensorProto {
    /// A tensor of 32-bit floats, row-major.
    ///
    /// # Errors
    /// [`TensorError::Count`] if the count of `numbers` does not match `shape`.
    pub fn from_floats(name: &str, shape: &[i64], numbers: &[f32]) -> Result<Self, TensorError> {
        let tensor = Self {
            dims: shape.to_vec(),
            data_type: ElementType::Float.into(),
            name: name.to_owned(),
            raw_data: Some(numbers.iter().flat_map(|number| number.to_le_bytes()).collect()),
            ..Self::default()
        };
        tensor.counted(numbers.len())?;
        Ok(tensor)
    }

    /// The tensor's element type.
    #[must_use]
    pub fn element(&self) -> ElementType {
        self.data_type.into()
    }

    /// The numbers, row-major; halves and doubles are converted to 32-bit floats.
    ///
    /// # Errors
    /// If they are not floats, are in another file, or their count does not match the shape.
    pub fn floats(&self) -> Result<Vec<f32>, TensorError> {
        if self.data_location == Some(1) || !self.external_data.is_empty() {
            return Err(TensorError::External { name: self.name.clone() });
        }
        let floats = match (self.element(), self.raw_data.as_deref()) {
            (ElementType::Float, Some(raw)) => each(raw, f32::from_le_bytes),
            (ElementType::Float, None) => Some(self.float_data.clone()),
            (ElementType::Double, Some(raw)) => each(raw, |bytes| f64::from_le_bytes(bytes) as f32),
            (ElementType::Double, None) => Some(self.double_data.iter().map(|&it| it as f32).collect()),
            (ElementType::Half, Some(raw)) => each(raw, |bytes| f16::from_le_bytes(bytes).to_f32()),
            (ElementType::Half, None) => Some(self.bits().map(|bits| f16::from_bits(bits).to_f32()).collect()),
            (ElementType::BFloat16, Some(raw)) => each(raw, |bytes| bf16::from_le_bytes(bytes).to_f32()),
            (ElementType::BFloat16, None) => Some(self.bits().map(|bits| bf16::from_bits(bits).to_f32()).collect()),
            (element, _) => return Err(TensorError::NotFloat { name: self.name.clone(), element }),
        };
        let floats = floats.ok_or_else(|| TensorError::Torn {
            name: self.name.clone(),
            element: self.element(),
            bytes: self.raw_data.as_ref().map_or(0, Vec::len),
        })?;
        self.counted(floats.len())?;
        Ok(floats)
    }

    /// 16-bit elements, which are stored in 32-bit fields if not as raw bytes.
    fn bits(&self) -> impl Iterator<Item = u16> {
        self.int32_data.iter().map(|&it| it as u16)
    }

    fn counted(&self, found: usize) -> Result<(), TensorError> {
        let expected = self.dims.iter().try_fold(1_usize, |n, &dim| n.checked_mul(usize::try_from(dim).ok()?));
        let miscounted = || TensorError::Count { name: self.name.clone(), shape: self.dims.clone(), found };
        if expected == Some(found) { Ok(()) } else { Err(miscounted()) }
    }
}

/// Elements of `N` bytes each; `None` if the number of bytes is not a multiple of `N`.
fn each<const N: usize>(raw: &[u8], number: impl Fn([u8; N]) -> f32) -> Option<Vec<f32>> {
    let (chunks, rest) = raw.as_chunks::<N>();
    rest.is_empty().then(|| chunks.iter().map(|bytes| number(*bytes)).collect())
}

impl Model {
    /// The initializer with this name.
    #[must_use]
    pub fn initializer(&self, name: &str) -> Option<&TensorProto> {
        self.graph().initializer.iter().find(|tensor| tensor.name == name)
    }

    /// Replaces the numbers of an initializer, row-major; its shape stays, and its elements are stored as 32-bit
    /// floats.
    ///
    /// # Errors
    /// If there is no such initializer, if it does not hold 32-bit floats, or if the count of numbers differs.
    pub fn set_floats(&mut self, name: &str, numbers: &[f32]) -> Result<(), TensorError> {
        let found = self.graph_mut().initializer.iter_mut().find(|tensor| tensor.name == name);
        let tensor = found.ok_or_else(|| TensorError::Unknown { name: name.to_owned() })?;
        if tensor.element() != ElementType::Float {
            return Err(TensorError::NotFloat { name: name.to_owned(), element: tensor.element() });
        }
        let doc_string = std::mem::take(&mut tensor.doc_string);
        *tensor = TensorProto { doc_string, ..TensorProto::from_floats(name, &tensor.dims, numbers)? };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(element: ElementType, dims: &[i64]) -> TensorProto {
        TensorProto { data_type: element.into(), dims: dims.to_vec(), name: "w".into(), ..TensorProto::default() }
    }

    #[test]
    fn floats_are_read_from_every_field() {
        let numbers = [1.5_f32, -2.0];
        let double = numbers.map(f64::from);
        let (half, brain) = (numbers.map(f16::from_f32), numbers.map(bf16::from_f32));
        let raw = |element, raw: Vec<u8>| TensorProto { raw_data: Some(raw), ..tensor(element, &[2]) };
        let table = [
            raw(ElementType::Float, numbers.iter().flat_map(|it| it.to_le_bytes()).collect()),
            raw(ElementType::Double, double.iter().flat_map(|it| it.to_le_bytes()).collect()),
            raw(ElementType::Half, half.iter().flat_map(|it| it.to_le_bytes()).collect()),
            raw(ElementType::BFloat16, brain.iter().flat_map(|it| it.to_le_bytes()).collect()),
            TensorProto { float_data: numbers.into(), ..tensor(ElementType::Float, &[2]) },
            TensorProto { double_data: double.into(), ..tensor(ElementType::Double, &[2]) },
            TensorProto { int32_data: half.map(|it| it.to_bits().into()).into(), ..tensor(ElementType::Half, &[2, 1]) },
            TensorProto {
                int32_data: brain.map(|it| it.to_bits().into()).into(),
                ..tensor(ElementType::BFloat16, &[2])
            },
        ];
        for tensor in table {
            assert_eq!(tensor.floats().as_deref(), Ok(&numbers[..]), "{tensor:?}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let raw = Some(vec![0; 7]);
        let table = [
            (tensor(ElementType::Int64, &[0]), "tensor `w` holds int64, expected floats"),
            (tensor(ElementType::Float, &[2]), "tensor `w` has shape [2], but holds 0 numbers"),
            (tensor(ElementType::Float, &[i64::MAX, 4]), "has shape [9223372036854775807, 4], but holds 0 numbers"),
            (tensor(ElementType::Float, &[-1]), "tensor `w` has shape [-1], but holds 0 numbers"),
            (
                TensorProto { raw_data: raw, ..tensor(ElementType::Float, &[2]) },
                "holds 7 bytes, which is not a multiple of the size of float32",
            ),
            (TensorProto { data_location: Some(1), ..tensor(ElementType::Float, &[2]) }, "in another file"),
        ];
        for (tensor, expected) in table {
            let told = tensor.floats().unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn an_initializer_takes_other_numbers_of_its_shape() {
        let mut graph = crate::GraphBuilder::new("test");
        graph.constant("w", &[2, 1], &[1.0, 2.0]);
        graph.integers("axes", &[1]);
        let mut model = graph.build();
        model.set_floats("w", &[3.0, 4.0]).unwrap();
        let tensor = model.initializer("w").unwrap();
        assert_eq!((tensor.floats().unwrap(), &tensor.dims[..]), (vec![3.0, 4.0], &[2, 1][..]));
        assert_eq!(
            model.set_floats("w", &[3.0]).unwrap_err().to_string(),
            "tensor `w` has shape [2, 1], but holds 1 numbers"
        );
        assert_eq!(model.initializer("w").unwrap().floats().unwrap(), [3.0, 4.0]);
        assert!(model.set_floats("axes", &[1.0]).is_err() && model.set_floats("v", &[1.0]).is_err());
    }
}
