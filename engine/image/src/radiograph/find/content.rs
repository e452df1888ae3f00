//! Decides whether a file of a folder is an image.

use std::path::Path;

use dicom_dictionary_std::tags;

use super::super::walk::Walk;
use super::super::{dataset, dicom, encoded, file, object, raster};
use super::extension;
use pleura_files::bounded;

/// Bytes that are read: file meta, and the first elements of the data set.
const START: u64 = 1 << 12;

/// Extensions of PNG and JPEG files, which are recognised by them.
const RASTER: [&str; 3] = ["png", "jpg", "jpeg"];
/// Extensions that make a file DICOM without a look at its content: opening it reports faults.
const DICOM: [&str; 2] = ["dcm", "dicom"];
/// Extensions of DICOM files that other files have, too.
const MAYBE_DICOM: [&str; 5] = ["ima", "img", "dc3", "dic", "acr"];

/// The kind of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    Image,
    /// Not an image, although its name looks like one or it is DICOM, with the reason.
    LeftOut(String),
    /// Any other file, not expected among images.
    Other,
}

/// Decides by a file's name, or else by its first bytes.
pub(super) fn look(path: &Path) -> Content {
    let extension = extension(path);
    let named = |names: &[&str]| names.contains(&extension.as_str());
    if named(&RASTER) {
        return Content::Image;
    }
    let is_likely = is_likely_dicom(&extension);
    // a bare data set has no magic, only a plausible first element
    let is_dicom = |start: &[u8]| match is_likely || named(&DICOM) {
        true => encoded::is_dicom(start),
        false => encoded::has_magic(start),
    };
    match bounded::start(path, START) {
        Ok(start) if is_dicom(&start) => object(path, &start).map_or(Content::Image, Content::LeftOut),
        Ok(start) if is_likely && raster::is_raster(&start) => Content::Image,
        // opening it reports the fault
        _ if named(&DICOM) => Content::Image,
        Ok(_) if is_likely => Content::LeftOut("not a DICOM, PNG or JPEG file".into()),
        _ => Content::Other,
    }
}

/// Whether DICOM files have this extension, others too: none, or the last number of a UID.
pub(super) fn is_likely_dicom(extension: &str) -> bool {
    MAYBE_DICOM.contains(&extension) || extension.bytes().all(|byte| byte.is_ascii_digit())
}

/// The kind of a DICOM file without pixels; `None` if it has pixels or is broken, which opening it reports. Files of
/// image classes are not read further.
fn object(path: &Path, start: &[u8]) -> Option<String> {
    if class(start).is_some_and(|class| !object::may_lack_pixels(&class)) {
        return None;
    }
    let bytes = file::read(path).ok()?;
    dicom::without_pixels(&bytes).map(|what| format!("{what}, which has no pixels"))
}

/// The SOP class, from a file's first bytes.
fn class(start: &[u8]) -> Option<String> {
    let encoded = encoded::before_inflation(start).ok()?;
    if encoded.is_deflated() {
        return encoded.class;
    }
    let attributes = Walk::default().until(&mut encoded.cursor(), |tag| tag > tags::SOP_CLASS_UID).ok();
    attributes.and_then(|attributes| dataset::text(&attributes, tags::SOP_CLASS_UID)).or(encoded.class)
}
