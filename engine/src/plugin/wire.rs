//! The protocol between engine and child process: frames of a JSON header and raw bytes.
//!
//! `"plr1" · header length (u32) · payload length (u64) · header · payload`, integers in little endian. Planes are `f32`s
//! in the machine's own byte order, masks one byte per pixel. The child replies once to each request of the engine.

use std::io::{self, ErrorKind, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::call::PlaneCall;
use super::log::Message;
use super::{About, Context, Fault, LoadError, MAX_SIDE, Size};

/// Raised when frames change; engine and child are usually one program, but need not be.
pub(super) const PROTOCOL: u32 = 3;
const MAGIC: &[u8; 4] = b"plr1";
const MAX_HEADER: u32 = 16 << 20;
/// The size of a map and a mask at the largest size.
const MAX_PAYLOAD: u64 = 5 * (MAX_SIDE * MAX_SIDE) as u64;

/// The engine's requests.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Request {
    /// Sent once, first: parameters, and the number of threads that make every call at once.
    Create {
        params: String,
        threads: usize,
    },
    Views,
    ViewSize {
        view: usize,
        image: Size,
    },
    /// Payload: the plane.
    Plane {
        call: PlaneCall,
        input: Size,
        out: Size,
    },
    /// Payload: the map, then the mask if there is one.
    Postprocess {
        context: WireContext,
        size: Size,
        has_mask: bool,
    },
}

/// The child's replies.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// Sent unprompted at start: the program is a worker.
    Ready {
        protocol: u32,
    },
    /// Sent unprompted once the library is loaded.
    Loaded(About),
    /// Sent unprompted if it cannot be loaded.
    NotLoaded(LoadError),
    Created,
    Refused(String),
    Views(usize),
    ViewSize(Size),
    /// Payload: the plane.
    Plane,
    /// Payload: the mask.
    Mask,
    Fault(Fault),
    /// Sent before any other reply: the plugin's messages since the last one.
    Logged(Vec<Message>),
}

/// [`Context`] with its numbers as bits: JSON has neither infinities nor exact floats.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WireContext {
    image_id: String,
    original_size: Size,
    score: (u32, u32),
    spacing: Option<(u32, u32)>,
}

impl From<&Context> for WireContext {
    fn from(context: &Context) -> Self {
        let bits = |(a, b): (f32, f32)| (a.to_bits(), b.to_bits());
        Self {
            image_id: context.image_id.clone(),
            original_size: context.original_size,
            score: bits(context.score),
            spacing: context.spacing.map(bits),
        }
    }
}

impl From<&WireContext> for Context {
    fn from(wire: &WireContext) -> Self {
        let floats = |(a, b)| (f32::from_bits(a), f32::from_bits(b));
        let (low, high) = floats(wire.score);
        Self::new(wire.image_id.as_str(), wire.original_size)
            .with_score(low, high)
            .with_spacing(wire.spacing.map(floats))
    }
}

/// Writes a frame; its payload is the concatenated parts.
pub(super) fn send(to: &mut impl Write, header: &impl Serialize, parts: &[&[u8]]) -> io::Result<()> {
    let header = serde_json::to_vec(header)?;
    let header_len = u32::try_from(header.len()).ok().filter(|&len| len <= MAX_HEADER);
    let header_len = header_len.ok_or_else(|| broken("the header is too long".to_owned()))?;
    let payload_len: u64 = parts.iter().map(|part| part.len() as u64).sum();
    let mut start = Vec::with_capacity(16 + header.len());
    start.extend_from_slice(MAGIC);
    start.extend_from_slice(&header_len.to_le_bytes());
    start.extend_from_slice(&payload_len.to_le_bytes());
    start.extend_from_slice(&header);
    to.write_all(&start)?;
    for part in parts {
        to.write_all(part)?;
    }
    to.flush()
}

/// Reads a frame.
///
/// # Errors
/// [`ErrorKind::UnexpectedEof`] if the other side is closed, [`ErrorKind::InvalidData`] if this is not a frame.
pub(super) fn receive<H: DeserializeOwned>(from: &mut impl Read) -> io::Result<(H, Vec<u8>)> {
    let (magic, header_len, payload_len) = (array(from)?, array(from)?, array(from)?);
    let (header_len, payload_len) = (u32::from_le_bytes(header_len), u64::from_le_bytes(payload_len));
    if &magic != MAGIC || header_len > MAX_HEADER || payload_len > MAX_PAYLOAD {
        return Err(broken("expected the start of a frame".to_owned()));
    }
    let header = bytes(from, u64::from(header_len))?;
    let payload = bytes(from, payload_len)?;
    let header = serde_json::from_slice(&header).map_err(|e| broken(format!("its header is not understood: {e}")))?;
    Ok((header, payload))
}

pub(super) fn broken(text: String) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, text)
}

fn array<const N: usize>(from: &mut impl Read) -> io::Result<[u8; N]> {
    let mut array = [0; N];
    from.read_exact(&mut array).map(|()| array)
}

/// Reads `len` bytes into a growing buffer: a false length does not exhaust the memory.
fn bytes(from: &mut impl Read, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(len).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == len { Ok(bytes) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_as_it_went() {
        let mut pipe = Vec::new();
        send(&mut pipe, &Reply::ViewSize(Size::new(3, 4)), &[b"ab", b"", b"c"]).unwrap();
        send(&mut pipe, &Reply::Fault(Fault::WrotePast), &[]).unwrap();
        let mut pipe = pipe.as_slice();
        assert_eq!(receive(&mut pipe).unwrap(), (Reply::ViewSize(Size::new(3, 4)), b"abc".to_vec()));
        assert_eq!(receive(&mut pipe).unwrap(), (Reply::Fault(Fault::WrotePast), Vec::new()));
        assert_eq!(receive::<Reply>(&mut pipe).unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }

    #[test]
    fn every_cut_frame_is_an_end_and_every_other_text_is_broken() {
        let mut frame = Vec::new();
        send(&mut frame, &Reply::Created, &[b"payload"]).unwrap();
        for len in 0..frame.len() {
            let error = receive::<Reply>(&mut &frame[..len]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "cut at {len}");
        }
        let text = b"hello, this is a plugin that prints to where it should not";
        assert_eq!(receive::<Reply>(&mut text.as_slice()).unwrap_err().kind(), ErrorKind::InvalidData);
        let mut lie = frame.clone();
        lie[8..16].copy_from_slice(&u64::MAX.to_le_bytes());
        assert_eq!(receive::<Reply>(&mut lie.as_slice()).unwrap_err().kind(), ErrorKind::InvalidData);
    }

    #[test]
    fn a_context_keeps_every_bit() {
        let context = Context::new("1.2.3 ä\"", Size::new(1024, 1000));
        let context = context.with_score(0.1, f32::INFINITY).with_spacing(Some((0.143, 1e-30)));
        let text = serde_json::to_string(&WireContext::from(&context)).unwrap();
        let wire: WireContext = serde_json::from_str(&text).unwrap();
        assert_eq!(Context::from(&wire), context);
    }
}
