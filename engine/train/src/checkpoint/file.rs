//! Checkpoints as files.
//!
//! The metadata have one entry, `pleura`, so that the header's bytes do not depend on the order of a hash map. Its first
//! line is the SHA-256, in hexadecimal, of the second line's content and of all tensors; the second is the format and
//! the state in JSON.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, Metadata, SafeTensorError, SafeTensors, View};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Checkpoint, CheckpointError, State, Tensors};

/// The current format.
const FORMAT: u32 = 2;

/// The entry in the metadata.
const KEY: &str = "pleura";

/// The tensor name that safetensors reserves.
const RESERVED: &str = "__metadata__";

#[derive(Serialize)]
struct Written<'s> {
    format: u32,
    state: &'s State,
}

#[derive(Deserialize)]
struct Read {
    format: u32,
    state: serde_json::Value,
}

/// A tensor, in the form that safetensors requires.
struct Floats<'t> {
    shape: &'t [usize],
    values: &'t [f32],
}

impl View for Floats<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        bytes(self.values)
    }

    fn data_len(&self) -> usize {
        size_of_val(self.values)
    }
}

/// Writes the file, in place.
pub(super) fn write(checkpoint: &Checkpoint, path: &Path) -> Result<(), CheckpointError> {
    checkpoint.tensors.iter().try_for_each(|(name, (shape, values))| fits(path, name, shape, values.len()))?;
    let failed = |source| CheckpointError::Write { path: path.into(), source };
    let written = Written { format: FORMAT, state: &checkpoint.state };
    let state = serde_json::to_string(&written).map_err(|error| failed(error.into()))?;
    // better detected now than on resuming, when the last good checkpoint is gone
    if parse(&state).as_ref() != Ok(&checkpoint.state) {
        return Err(CheckpointError::State { path: path.into() });
    }
    let sorted: BTreeMap<_, _> =
        checkpoint.tensors.iter().map(|(name, (shape, values))| (name, Floats { shape, values })).collect();
    let sum = checksum(&state, sorted.iter().map(|(name, it)| (name.as_str(), it.shape, it.data())));
    let metadata = HashMap::from([(KEY.to_owned(), format!("{sum}\n{state}"))]);
    safetensors::serialize_to_file(sorted, Some(metadata), path).map_err(|error| match error {
        // unwrapped, so that the caller can recognise a full disk
        SafeTensorError::IoError(source) => failed(source),
        other => failed(std::io::Error::other(other)),
    })
}

fn fits(path: &Path, name: &str, shape: &[usize], values: usize) -> Result<(), CheckpointError> {
    let why = if name == RESERVED {
        "has a name that the format reserves".to_owned()
    } else if shape.iter().product::<usize>() != values {
        format!("has {values} values, which does not match its shape {shape:?}")
    } else {
        return Ok(());
    };
    Err(CheckpointError::Tensor { path: path.into(), name: name.into(), why })
}

/// Reads the file, and checks its checksum.
pub(super) fn read(path: &Path) -> Result<Checkpoint, CheckpointError> {
    let file =
        pleura_files::regular::read(path).map_err(|source| CheckpointError::Read { path: path.into(), source })?;
    decode(&file, path)
}

/// Decodes a file's bytes; problems are reported with `path`.
pub(super) fn decode(file: &[u8], path: &Path) -> Result<Checkpoint, CheckpointError> {
    let damaged = |why: String| CheckpointError::Damaged { path: path.into(), why };
    let (_, metadata) = SafeTensors::read_metadata(file).map_err(|error| damaged(error.to_string()))?;
    let stored = SafeTensors::deserialize(file).map_err(|error| damaged(error.to_string()))?;
    let (sum, state) = entry(&metadata).ok_or_else(|| damaged("it has no training state".into()))?;

    let mut views: Vec<_> = stored.iter().collect();
    views.sort_by_key(|(name, _)| *name);
    if let Some((name, view)) = views.iter().find(|(_, view)| view.dtype() != Dtype::F32) {
        return Err(damaged(format!("tensor `{name}` is {:?}, expected F32", view.dtype())));
    }
    let hashed = views.iter().map(|(name, view)| (*name, view.shape(), Cow::Borrowed(view.data())));
    if checksum(state, hashed) != sum {
        return Err(damaged("its checksum does not match its contents".into()));
    }
    let state = parse(state).map_err(|why| CheckpointError::Version { path: path.into(), why })?;
    let tensors: Tensors =
        views.iter().map(|(name, view)| ((*name).to_owned(), (view.shape().to_vec(), values(view.data())))).collect();
    Ok(Checkpoint { tensors, state })
}

/// The checksum and the state's text.
fn entry(metadata: &Metadata) -> Option<(&str, &str)> {
    metadata.metadata().as_ref()?.get(KEY)?.split_once('\n')
}

fn parse(text: &str) -> Result<State, String> {
    let read: Read = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if read.format != FORMAT {
        return Err(format!("its format is {}, expected {FORMAT}", read.format));
    }
    serde_json::from_value(read.state).map_err(|error| error.to_string())
}

/// The SHA-256 of the state and of tensors in the order of their names, each part preceded by its length.
pub(super) fn checksum<'t>(
    state: &str,
    tensors: impl Iterator<Item = (&'t str, &'t [usize], Cow<'t, [u8]>)>,
) -> String {
    fn add(hasher: &mut Sha256, bytes: &[u8]) {
        hasher.update((bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    }
    let mut hasher = Sha256::new();
    add(&mut hasher, state.as_bytes());
    for (name, shape, data) in tensors {
        add(&mut hasher, name.as_bytes());
        add(&mut hasher, &shape.iter().flat_map(|&side| (side as u64).to_le_bytes()).collect::<Vec<_>>());
        add(&mut hasher, &data);
    }
    pleura_files::digest::hex(&hasher.finalize())
}

/// Little-endian, as the format requires.
fn bytes(values: &[f32]) -> Cow<'_, [u8]> {
    if cfg!(target_endian = "little") {
        Cow::Borrowed(bytemuck::cast_slice(values))
    } else {
        Cow::Owned(values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }
}

/// A copy, since the file's bytes need not be aligned for floats.
fn values(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect()
}
