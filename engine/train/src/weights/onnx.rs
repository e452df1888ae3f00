//! The weights of another ONNX model.

use std::path::Path;

use pleura::onnx::proto::TensorProto;

use super::apply::is_weight;
use super::read::{Cause, Tensors};
use super::{Numbers, Tensor};

pub(super) fn read(path: &Path) -> Result<Tensors, Cause> {
    let model = pleura::onnx::read_whole(path)?;
    if let Some(sparse) = model.graph().sparse_initializer.first() {
        let name = sparse.values.as_ref().map_or("", |values| &values.name);
        return Err(format!("initializer `{name}` is sparse, which is not supported").into());
    }
    let read = |tensor: &TensorProto| {
        let shape = tensor.dims.iter().map(|&length| usize::try_from(length)).collect::<Result<_, _>>()?;
        Ok((tensor.name.clone(), Tensor { shape, numbers: Numbers::Floats(tensor.floats()?) }))
    };
    model.graph().initializer.iter().filter(|tensor| is_weight(tensor)).map(read).collect()
}
