//! Whether a file of a folder is an image.

use std::path::Path;

use dicom_dictionary_std::tags;

use super::super::walk::Walk;
use super::super::{dataset, dicom, encoded, file, object, raster};
use super::extension;
use pleura_files::bounded;

/// How much of a file is read: file meta, and the first elements of the data set.
const START: u64 = 1 << 12;

/// Endings of PNG and JPEG files, which are told by them.
const RASTER: [&str; 3] = ["png", "jpg", "jpeg"];
/// Endings by which a file is DICOM, whatever it holds: opening it will tell.
const DICOM: [&str; 2] = ["dcm", "dicom"];
/// Endings that DICOM files have, and other files too.
const MAYBE_DICOM: [&str; 5] = ["ima", "img", "dc3", "dic", "acr"];

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Image,
    /// No image, although it looks like one from outside, or is DICOM: what it is instead.
    LeftOut(String),
    /// Something else, which nobody expects among images.
    Other,
}

/// Looks at a file's name, and where that does not say it, into the file.
pub(super) fn look(path: &Path) -> Content {
    let extension = extension(path);
    let named = |names: &[&str]| names.contains(&extension.as_str());
    if named(&RASTER) {
        return Content::Image;
    }
    // without an extension, or with the last number of a UID in its place
    let is_likely = named(&MAYBE_DICOM) || extension.bytes().all(|byte| byte.is_ascii_digit());
    // a bare data set has no mark, only the looks of one
    let is_dicom = |start: &[u8]| match is_likely || named(&DICOM) {
        true => encoded::is_dicom(start),
        false => encoded::has_magic(start),
    };
    match bounded::start(path, START) {
        Ok(start) if is_dicom(&start) => object(path, &start).map_or(Content::Image, Content::LeftOut),
        Ok(start) if is_likely && raster::is_raster(&start) => Content::Image,
        // it will be reported when it is opened
        _ if named(&DICOM) => Content::Image,
        Ok(_) if is_likely => Content::LeftOut("not a DICOM, PNG or JPEG file".into()),
        _ => Content::Other,
    }
}

/// What a DICOM file is that has no pixels; none where it has, or is broken, which opening it will tell. Files of
/// images' classes are not read further.
fn object(path: &Path, start: &[u8]) -> Option<String> {
    if class(start).is_some_and(|class| !object::may_lack_pixels(&class)) {
        return None;
    }
    let bytes = file::read(path).ok()?;
    dicom::without_pixels(&bytes).map(|what| format!("{what}, which has no pixels"))
}

/// The SOP class by a file's first bytes.
fn class(start: &[u8]) -> Option<String> {
    let encoded = encoded::before_inflation(start).ok()?;
    if encoded.is_deflated() {
        return encoded.class;
    }
    let attributes = Walk::default().until(&mut encoded.cursor(), |tag| tag > tags::SOP_CLASS_UID).ok();
    attributes.and_then(|attributes| dataset::text(&attributes, tags::SOP_CLASS_UID)).or(encoded.class)
}
