//! Models whose weights are in other files (external data), as PyTorch's exporter writes them by default: read as one.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use pleura_files::bounded::{self, BoundedError};

use super::model::{Model, OnnxError, read};
use super::proto::{AttributeProto, GraphProto, TensorProto};

/// The most bytes of a model's other files.
const MOST: u64 = 4 << 30;

/// Reads a model with the weights that it keeps in other files.
///
/// # Errors
/// As [`read`]; if another file cannot be read, lies outside of the model's folder, or is shorter than the model says;
/// if they have more than 4 GiB together.
pub fn read_whole(path: impl AsRef<Path>) -> Result<Model, OnnxError> {
    let path = path.as_ref();
    let mut model = read(path)?;
    let mut files = Files { folder: path.parent().unwrap_or(Path::new("")), bytes: HashMap::new(), left: MOST };
    let filled = graph(model.graph_mut(), &mut |tensor| files.fill(tensor));
    filled.map_err(|reason| OnnxError::External { path: path.into(), reason })?;
    Ok(model)
}

/// Calls `fill` for every tensor of a graph.
fn graph(graph: &mut GraphProto, fill: &mut dyn FnMut(&mut TensorProto) -> Result<(), String>) -> Result<(), String> {
    graph.initializer.iter_mut().try_for_each(&mut *fill)?;
    graph.node.iter_mut().flat_map(|node| &mut node.attribute).try_for_each(|it| attribute(it, fill))
}

fn attribute(
    attribute: &mut AttributeProto,
    fill: &mut dyn FnMut(&mut TensorProto) -> Result<(), String>,
) -> Result<(), String> {
    attribute.t.iter_mut().chain(&mut attribute.tensors).try_for_each(&mut *fill)?;
    attribute.g.iter_mut().chain(&mut attribute.graphs).try_for_each(|inner| graph(inner, fill))
}

/// The other files of a model, each read once.
struct Files<'p> {
    folder: &'p Path,
    bytes: HashMap<PathBuf, Vec<u8>>,
    /// How many more bytes may be read.
    left: u64,
}

impl Files<'_> {
    /// Moves a tensor's numbers into it, if they are in another file.
    fn fill(&mut self, tensor: &mut TensorProto) -> Result<(), String> {
        if tensor.external_data.is_empty() && tensor.data_location != Some(1) {
            return Ok(());
        }
        let entry = |key: &str| tensor.external_data.iter().find(|entry| entry.key == key).map(|entry| &entry.value);
        let number = |key: &str| entry(key).map(|value| value.parse::<usize>()).transpose();
        let bad = |_| format!("tensor `{}` states no valid place in its file", tensor.name);
        let location = entry("location").ok_or_else(|| format!("tensor `{}` names no file", tensor.name))?;
        let (offset, length) = (number("offset").map_err(bad)?.unwrap_or(0), number("length").map_err(bad)?);
        let bytes = self.file(location)?;
        let end = length.map_or(Some(bytes.len()), |length| offset.checked_add(length));
        let Some(part) = end.and_then(|end| bytes.get(offset..end)) else {
            return Err(format!(
                "`{location}` has {} bytes, and tensor `{}` ends beyond them",
                bytes.len(),
                tensor.name
            ));
        };
        tensor.raw_data = Some(part.to_vec());
        tensor.external_data.clear();
        tensor.data_location = None;
        Ok(())
    }

    fn file(&mut self, location: &str) -> Result<&[u8], String> {
        let name = PathBuf::from(location);
        if !name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            return Err(format!("`{location}` is not in the model's folder"));
        }
        if !self.bytes.contains_key(&name) {
            let path = self.folder.join(&name);
            let bytes = bounded::read(&path, self.left).map_err(|error| match error {
                BoundedError::Io(error) => format!("cannot read `{}`: {error}", path.display()),
                BoundedError::TooLarge { bytes } => format!("`{}` has {bytes} bytes, more than 4 GiB", path.display()),
            })?;
            self.left -= bytes.len() as u64;
            self.bytes.insert(name.clone(), bytes);
        }
        Ok(&self.bytes[&name])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::StringStringEntryProto;
    use crate::{ElementType, GraphBuilder};

    /// A model with one weight in `weights.bin`, at these places.
    fn model(folder: &Path, entries: &[(&str, &str)]) -> PathBuf {
        let mut g = GraphBuilder::new("net");
        let x = g.input("x", ElementType::Float, &[2.into()]);
        let w = g.constant("w", &[2], &[0.0, 0.0]);
        let y = g.node("Add", &[&x, &w], vec![]);
        g.output(&y, "y", ElementType::Float, &[2.into()]);
        let mut model = g.build();
        let tensor = &mut model.graph_mut().initializer[0];
        tensor.raw_data = None;
        tensor.data_location = Some(1);
        let entry = |(key, value): &(&str, &str)| StringStringEntryProto { key: (*key).into(), value: (*value).into() };
        tensor.external_data = entries.iter().map(entry).collect();
        let path = folder.join("net.onnx");
        model.write(&path).unwrap();
        path
    }

    #[test]
    fn weights_of_another_file_are_the_model_s_own() {
        let folder = tempfile::tempdir().unwrap();
        let numbers = [9.0_f32, 1.5, -2.0];
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        std::fs::write(folder.path().join("weights.bin"), bytes).unwrap();
        let path = model(folder.path(), &[("location", "weights.bin"), ("offset", "4"), ("length", "8")]);
        assert!(read(&path).unwrap().graph().initializer[0].floats().is_err());
        let whole = read_whole(&path).unwrap();
        assert_eq!(whole.graph().initializer[0].floats().unwrap(), [1.5, -2.0]);
        for (entries, expected) in [
            (&[("location", "weights.bin"), ("offset", "8"), ("length", "8")][..], "has 12 bytes, and tensor `w`"),
            (&[("location", "weights.bin"), ("offset", "-1")], "no valid place"),
            (&[("location", "../weights.bin")], "is not in the model's folder"),
            (&[("location", "/etc/hostname")], "is not in the model's folder"),
            (&[("location", "gone.bin")], "cannot read `"),
            (&[("offset", "0")], "tensor `w` names no file"),
        ] {
            let message = read_whole(model(folder.path(), entries)).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
