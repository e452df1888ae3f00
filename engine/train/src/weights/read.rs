//! Reads a file's tensors.

use std::error::Error;
use std::path::Path;

use indexmap::IndexMap;
use pleura::onnx::ElementType;
use pleura::onnx::proto::TensorProto;

use super::{Numbers, Tensor, WeightsError, onnx, pytorch, safetensors};
use crate::recipe::WeightsFormat;

/// A file's tensors by name.
pub(super) type Tensors = IndexMap<String, Tensor>;

/// Why a file does not have the format of its name.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

/// The tensors of a file, by name.
///
/// - `.pth`, `.pt`, `.bin`, `.ckpt`: files of `torch.save`, as a zip archive or from before PyTorch 1.6; a `state_dict`
///   or a whole module, by itself or under `state_dict`, `model_state_dict`, `model`, `net` or `network`. No code of the file is run.
///   In the order of their names.
/// - `.safetensors`, in the file's order.
/// - `.onnx`: the initializers that may be weights ([`is_weight`](super::is_weight)), in the file's order.
///
/// # Errors
/// If the file cannot be read, does not have the format of its name, or holds no tensors.
pub fn read(path: &Path) -> Result<Tensors, WeightsError> {
    let format = WeightsFormat::recognize(path).ok_or_else(|| WeightsError::Format { path: path.to_owned() })?;
    // A missing file is distinguished from a malformed one.
    pleura_files::regular::open(path).map_err(|source| WeightsError::Read { path: path.to_owned(), source })?;
    let read = match format {
        WeightsFormat::Pytorch => pytorch::read(path),
        WeightsFormat::Safetensors => safetensors::read(path),
        WeightsFormat::Onnx => onnx::read(path),
    };
    let tensors = read.map_err(|source| WeightsError::Malformed { path: path.to_owned(), format, source })?;
    if tensors.is_empty() {
        return Err(WeightsError::Empty { path: path.to_owned() });
    }
    Ok(tensors)
}

impl Tensor {
    /// A tensor of these little-endian bytes.
    pub(super) fn of_bytes(
        name: &str,
        shape: &[usize],
        element: Result<ElementType, String>,
        bytes: impl FnOnce() -> Result<Vec<u8>, Cause>,
    ) -> Result<Self, Cause> {
        let numbers = match element {
            Err(other) => Numbers::Other(other),
            Ok(element) => {
                let dims = shape.iter().map(|&length| i64::try_from(length)).collect::<Result<_, _>>()?;
                let raw_data = Some(bytes()?);
                let name = name.to_owned();
                Numbers::Floats(
                    TensorProto { dims, data_type: element.into(), name, raw_data, ..TensorProto::default() }
                        .floats()?,
                )
            }
        };
        Ok(Self { shape: shape.to_vec(), numbers })
    }
}
