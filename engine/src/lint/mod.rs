//! Reads TOML documents, and finds all that is wrong with one in one go.
//!
//! A [`Document`] is a type with a schema, which tells the shape of its keys, and with rules beyond that. [`Lint`] goes
//! through a file by both: every problem with its line and column, its key, and what to do about it. What is wrong is
//! left out or replaced by something plausible, so that one fault does not hide the next.

mod diagnostic;
mod document;
mod locations;
mod read;
mod schema;
mod shape;
mod walk;
mod words;

pub use diagnostic::{Diagnostic, DocumentError, Severity};
pub use document::{Document, Findings};
pub use locations::{Locations, child};
pub use read::Lint;
pub use schema::Schema;
pub use words::nearest;
