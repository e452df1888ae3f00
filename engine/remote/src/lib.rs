//! Radiographs from elsewhere: object stores (`s3://`, `gs://`, `az://`), web servers (`https://`) and DICOMweb
//! (`dicomweb+https://`).
//!
//! A [`Remote`] [finds](Remote::find) the objects of a URL, and [fetches](Remote::fetch) them in their order, several at
//! once and a bounded number ahead. What arrives is what was listed, or an error: the length and the version (ETag) are
//! compared, and a response that ends early is not a file. Transient faults are retried with growing pauses, as long as
//! [`Options::retry`] says.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use pleura_remote::{Options, Part, Remote};
//!
//! let remote = Remote::new(Options::default())?;
//! let objects = remote.find("s3://radiographs/2024/")?;
//! for (object, bytes) in objects.iter().zip(remote.fetch(&objects, Part::Whole)) {
//!     println!("{}: {} bytes", object.name, bytes?.len());
//! }
//! # Ok(())
//! # }
//! ```

mod address;
mod dicomweb;
mod error;
mod object;
mod prefetch;
mod remote;
mod retry;
mod store;
mod web;

pub use error::{Fault, RemoteError};
pub use object::{Object, Part};
pub use prefetch::Fetch;
pub use remote::{Options, Remote};
