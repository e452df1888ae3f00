//! DICOM in, pixels or a named error out.
//!
//! - `shared`: real files, against pydicom where Python has it, and against its digests in any case;
//! - `made`: files written here, for the kinds that the real ones lack;
//! - `broken`: files that must be refused.

mod broken;
mod made;
mod shared;
#[path = "../support/mod.rs"]
mod support;
