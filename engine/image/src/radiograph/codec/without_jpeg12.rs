//! Replaces libjpeg-turbo if the crate is built without it.

use crate::Size;

/// Refuses the image.
///
/// # Errors
/// Always.
pub(super) fn decode(_: &[u8], _: Size, _: &mut Vec<String>) -> Result<Vec<u16>, String> {
    Err("JPEG of 12 bits needs libjpeg-turbo: build with the feature `jpeg-12`".into())
}
