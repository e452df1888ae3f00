//! Reads TOML documents, and finds all problems of one at once.
//!
//! A [`Document`] is a type with a schema, which describes the shape of its keys, and with further rules. [`Lint`]
//! checks a file by both: every problem has its line and column, its key, and a remedy. Invalid parts are left out or
//! replaced by plausible values, so that one fault does not hide the next.

mod diagnostic;
mod document;
mod locations;
mod read;
mod schema;
mod shape;
mod sources;
mod walk;
mod words;

pub use diagnostic::{Diagnostic, DocumentError, Severity};
pub use document::{Document, Findings};
pub use locations::{Locations, child};
pub use read::Lint;
pub use schema::Schema;
pub use words::nearest;
