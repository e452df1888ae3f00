//! Replaces CharLS if the crate is built without it.

use super::super::codestream::Codestream;
use super::super::error::DicomFault;

/// Refuses the image.
///
/// # Errors
/// Always.
pub(super) fn decode(_: &[u8], _: &Codestream, _: &mut Vec<String>) -> Result<Vec<u16>, DicomFault> {
    Err(DicomFault::Unsupported("JPEG-LS without CharLS: build with the feature `jpeg-ls`".into()))
}
