//! JPEG-LS, by CharLS.

use charls::CharLS;

use super::super::codestream::Codestream;
use super::super::error::DicomFault;
use super::super::samples::widen;

/// A zero byte and the end marker.
const ZERO_AND_END: [u8; 3] = [0, 0xFF, 0xD9];

/// Samples in the order of the stream's interleave mode.
///
/// Some encoders write one zero byte more than their codes need before the end marker, which CharLS refuses. The image
/// is then decoded without it: CharLS still checks that every code is present.
///
/// # Errors
/// CharLS's own.
pub(super) fn decode(frame: &[u8], stream: &Codestream, remarks: &mut Vec<String>) -> Result<Vec<u16>, DicomFault> {
    let decode = |frame: &[u8]| CharLS::default().decode(frame);
    let bytes = decode(frame).or_else(|error| {
        let bytes = decode(&without_zero(frame).ok_or(error)?).map_err(|_| error)?;
        remarks.push("the JPEG-LS image has an extra zero byte before its end marker".into());
        Ok::<_, charls::Error>(bytes)
    });
    let bytes = bytes.map_err(|error| DicomFault::Codec(error.to_string()))?;
    if stream.bits <= 8 {
        return Ok(widen(&bytes, 8));
    }
    Ok(bytes.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect())
}

/// The image without the zero byte before its end marker, if there is one.
fn without_zero(frame: &[u8]) -> Option<Vec<u8>> {
    let zero = frame.windows(3).rposition(|last| last == ZERO_AND_END)?;
    Some([&frame[..zero], &ZERO_AND_END[1..]].concat())
}
