//! DICOM in, pixels or a named error out.
//!
//! - `shared`: real files, against pydicom where Python has it, and against its digests in any case;
//! - `made`: files written here, for the kinds that the real ones lack;
//! - `broken`: files that must be refused;
//! - `unknown`: attributes with a value representation that is not theirs;
//! - `cases`: odd files as they are met.

mod broken;
mod cases;
mod made;
mod shared;
#[path = "../support/mod.rs"]
mod support;
mod unknown;
