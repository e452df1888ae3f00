//! Safetensors.

use std::path::Path;

use pleura::onnx::ElementType;
use safetensors::{Dtype, SafeTensors};

use super::Tensor;
use super::read::{Cause, Tensors};

pub(super) fn read(path: &Path) -> Result<Tensors, Cause> {
    let bytes = pleura_files::regular::read(path)?;
    let file = SafeTensors::deserialize(&bytes)?;
    let mut views: Vec<_> = file.iter().collect();
    views.sort_by_key(|(name, view)| (view.data().as_ptr(), *name)); // the reader keeps no order
    let read = |(name, view): (&str, safetensors::tensor::TensorView<'_>)| {
        let bytes = || Ok(view.data().to_vec());
        Ok((name.to_owned(), Tensor::of_bytes(name, view.shape(), element(view.dtype()), bytes)?))
    };
    views.into_iter().map(read).collect()
}

fn element(dtype: Dtype) -> Result<ElementType, String> {
    match dtype {
        Dtype::F64 => Ok(ElementType::Double),
        Dtype::F32 => Ok(ElementType::Float),
        Dtype::F16 => Ok(ElementType::Half),
        Dtype::BF16 => Ok(ElementType::BFloat16),
        other => Err(format!("{other:?}")),
    }
}
