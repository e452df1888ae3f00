//! Replaces libjpeg-turbo if the crate is built without it.

/// Refuses the image.
///
/// # Errors
/// Always.
pub(super) fn decode(_: &[u8], _: (usize, usize), _: &mut Vec<String>) -> Result<Vec<u16>, String> {
    Err("JPEG of 12 bits needs libjpeg-turbo: build with the feature `jpeg-12`".into())
}
