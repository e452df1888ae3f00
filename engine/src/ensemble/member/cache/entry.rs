//! The bytes of an entry: a magic word, the length of a header, the header as JSON, the compressed map, and a SHA-256
//! of everything before it.

use std::io;

use ndarray::Array2;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::super::answer::{Answer, ViewAnswer};
use super::super::map::Map;
use crate::Size;
use crate::manifest::Pick;

const MAGIC: &[u8; 8] = b"PLEURA\x00\x01";
const HASH: usize = 32;
/// The level of zstd: higher ones take longer, and probabilities in single precision hardly shrink further.
const LEVEL: i32 = 3;

/// The precision of cached maps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// In single precision: values are read back exactly. The default.
    #[default]
    Exact,
    /// In 65,536 steps.
    Steps16,
    /// In 256 steps: the smallest; decisions near a threshold may change.
    Steps8,
}

#[derive(Serialize, Deserialize)]
struct Header {
    identity: String,
    form: Form,
    score: Option<f32>,
    agreement: Option<f32>,
    views: Vec<ViewAnswer>,
    /// The map's size.
    map: Option<Size>,
    /// What the map holds.
    #[serde(default)]
    holds: Holds,
}

/// What a map holds, without its planes.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Holds {
    #[default]
    Probabilities,
    LogOdds,
    /// The numbers of so many classes.
    Classes(usize, Pick),
    /// The logits of so many channels.
    Independent(usize, Pick),
}

impl Holds {
    fn of(map: &Map) -> Self {
        match map {
            Map::Probabilities(_) => Self::Probabilities,
            Map::LogOdds(_) => Self::LogOdds,
            Map::Classes(planes, pick) => Self::Classes(planes.len(), pick.clone()),
            Map::Independent(planes, pick) => Self::Independent(planes.len(), pick.clone()),
        }
    }

    fn planes(&self) -> usize {
        if let Self::Classes(planes, _) | Self::Independent(planes, _) = self { *planes } else { 1 }
    }

    /// Only probabilities have steps.
    fn form(&self, form: Form) -> Form {
        if matches!(self, Self::Probabilities) { form } else { Form::Exact }
    }

    fn map(self, mut planes: Vec<Array2<f32>>) -> Option<Map> {
        Some(match self {
            Self::Probabilities => Map::Probabilities(planes.pop()?),
            Self::LogOdds => Map::LogOdds(planes.pop()?),
            Self::Classes(_, pick) => Map::Classes(planes, pick),
            Self::Independent(_, pick) => Map::Independent(planes, pick),
        })
    }
}

/// # Errors
/// If compression fails.
pub fn encode(answer: &Answer, identity: &str, form: Form) -> io::Result<Vec<u8>> {
    let Answer { score, agreement, ref views, ref map } = *answer;
    let size = map.as_ref().and_then(|map| Some(map.planes().first()?.dim().into()));
    let holds = map.as_ref().map(Holds::of).unwrap_or_default();
    let form = holds.form(form);
    let header = Header { identity: identity.into(), form, score, agreement, views: views.clone(), map: size, holds };
    let header = serde_json::to_vec(&header)?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend((header.len() as u32).to_le_bytes());
    bytes.extend(header);
    if let Some(map) = map {
        let packed: Vec<u8> = map.planes().iter().flat_map(|plane| pack(plane, form)).collect();
        bytes.extend(zstd::bulk::compress(&packed, LEVEL)?);
    }
    let hash = Sha256::digest(&bytes);
    bytes.extend(hash);
    Ok(bytes)
}

/// The entry's output, if it is intact and its identity matches.
pub fn decode(bytes: &[u8], identity: &str) -> Option<Answer> {
    let (content, hash) = bytes.split_at_checked(bytes.len().checked_sub(HASH)?)?;
    if Sha256::digest(content).as_slice() != hash {
        return None;
    }
    let rest = content.strip_prefix(MAGIC)?;
    let (length, rest) = rest.split_at_checked(4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let (header, packed) = rest.split_at_checked(length)?;
    let header: Header = serde_json::from_slice(header).ok()?;
    if header.identity != identity {
        return None;
    }
    let map = match header.map {
        None => None,
        Some(size) => {
            let plane = size.height.checked_mul(size.width)?.checked_mul(width(header.form))?;
            let bytes = zstd::bulk::decompress(packed, plane.checked_mul(header.holds.planes())?).ok()?;
            let planes = bytes.chunks(plane.max(1)).map(|bytes| unpack(bytes, size, header.form));
            let planes: Vec<_> = planes.collect::<Option<_>>()?;
            Some(header.holds.map(planes)?)
        }
    };
    Some(Answer { score: header.score, agreement: header.agreement, views: header.views, map })
}

/// Bytes per pixel.
const fn width(form: Form) -> usize {
    match form {
        Form::Exact => 4,
        Form::Steps16 => 2,
        Form::Steps8 => 1,
    }
}

/// All first bytes, then all second ones, and so on: neighbours are then similar, and compress well.
fn pack(map: &Array2<f32>, form: Form) -> Vec<u8> {
    let steps = |p: f32, most: f32| (p.clamp(0.0, 1.0) * most).round();
    match form {
        Form::Exact => planes(map.iter().map(|p| p.to_le_bytes()), map.len()),
        Form::Steps16 => planes(map.iter().map(|&p| (steps(p, 65535.0) as u16).to_le_bytes()), map.len()),
        Form::Steps8 => map.iter().map(|&p| steps(p, 255.0) as u8).collect(),
    }
}

fn planes<const N: usize>(values: impl Iterator<Item = [u8; N]>, count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count * N];
    for (index, value) in values.enumerate() {
        for (plane, byte) in value.into_iter().enumerate() {
            bytes[plane * count + index] = byte;
        }
    }
    bytes
}

fn unpack(bytes: &[u8], size: Size, form: Form) -> Option<Array2<f32>> {
    let count = size.area();
    if bytes.len() != count * width(form) {
        return None;
    }
    let plane = |index: usize, plane: usize| bytes[plane * count + index];
    let value = |index: usize| match form {
        Form::Exact => f32::from_le_bytes([0, 1, 2, 3].map(|p| plane(index, p))),
        Form::Steps16 => f32::from(u16::from_le_bytes([0, 1].map(|p| plane(index, p)))) / 65535.0,
        Form::Steps8 => f32::from(bytes[index]) / 255.0,
    };
    Array2::from_shape_vec(size, (0..count).map(value).collect()).ok()
}
