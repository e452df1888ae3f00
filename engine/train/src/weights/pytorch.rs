//! Files of `torch.save`.

use std::path::Path;

use pleura::onnx::ElementType;
use pytorch_reader::{DType, PytorchError, PytorchReader};

use super::Tensor;
use super::read::{Cause, Tensors};

/// The keys under which a checkpoint keeps its weights beside other data, such as the optimiser's state.
const NESTS: [&str; 5] = ["state_dict", "model_state_dict", "model", "net", "network"];

pub(super) fn read(path: &Path) -> Result<Tensors, Cause> {
    let mut tensors: Vec<_> = weights_of(path)?.into_tensors().into_iter().collect();
    tensors.sort_by(|a, b| a.0.cmp(&b.0)); // the reader keeps no order
    let read = |(name, tensor): (String, pytorch_reader::Tensor)| {
        let bytes = || Ok(tensor.read()?);
        let read = Tensor::of_bytes(&name, tensor.shape(), element(tensor.dtype()), bytes)?;
        Ok((name, read))
    };
    tensors.into_iter().map(read).collect()
}

/// The checkpoint, or the part of it that holds the weights.
fn weights_of(path: &Path) -> Result<PytorchReader, PytorchError> {
    let whole = PytorchReader::new(path)?;
    let is_there = |nest: &str| {
        let is_within = |key: &String| key.strip_prefix(nest).is_some_and(|rest| rest.starts_with('.'));
        whole.tensors().keys().any(is_within)
    };
    for nest in NESTS.into_iter().filter(|nest| is_there(nest)) {
        // A flat dictionary may have keys such as `model.conv1.weight`: then there is no `model`.
        match PytorchReader::with_top_level_key(path, nest) {
            Err(PytorchError::KeyNotFound(_)) => {}
            found => return found,
        }
    }
    Ok(whole)
}

fn element(dtype: DType) -> Result<ElementType, String> {
    match dtype {
        DType::F64 => Ok(ElementType::Double),
        DType::F32 => Ok(ElementType::Float),
        DType::F16 => Ok(ElementType::Half),
        DType::BF16 => Ok(ElementType::BFloat16),
        other => Err(format!("{other:?}")),
    }
}
