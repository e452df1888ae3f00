//! Inputs by URL: objects of stores, files of web servers, DICOMweb. Read with the feature `remote`, refused without.

#[cfg(not(feature = "remote"))]
mod off;
#[cfg(feature = "remote")]
mod on;

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Result;
use bytesize::ByteSize;
use pleura::Radiograph;
use pleura::ensemble::{Ensemble, Finding, ImageError};
use pleura::radiograph::{self, DecodeLimits, RadiographError};

#[cfg(not(feature = "remote"))]
pub use off::Remotes;
#[cfg(feature = "remote")]
pub use on::Remotes;

/// How objects are downloaded.
#[derive(clap::Args, Clone, Copy)]
#[command(next_help_heading = "Inputs by URL")]
pub struct FetchArgs {
    /// Number of objects to download at once and ahead of the models, within 256 MiB, or an eighth of `--memory`.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub prefetch: u16,

    /// How many seconds to retry an object while the network or its server fails.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    #[arg(value_parser = clap::value_parser!(u32).range(0..=86_400))]
    pub retry: u32,

    /// Memory limit of the engine.
    #[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "nothing is downloaded"))]
    #[arg(skip)]
    pub memory: Option<ByteSize>,
}

impl Default for FetchArgs {
    fn default() -> Self {
        Self { prefetch: 32, retry: 60, memory: None }
    }
}

/// What tells an object from an earlier one of its name.
pub struct Version {
    /// Its length in bytes; 0 if its server does not say.
    pub bytes: u64,
    /// When it was modified, in nanoseconds since 1970; 0 if its server does not say.
    pub changed: i64,
    /// Its ETag or the like.
    pub tag: Option<String>,
}

/// Whether an input is a URL: `scheme://`.
pub fn is_url(input: &Path) -> bool {
    let Some((scheme, _)) = input.to_str().and_then(|text| text.split_once("://")) else { return false };
    // a single letter is a drive
    scheme.len() > 1 && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// The name of a single input: itself, or a web server's URL without its query, which may be a signature.
pub fn name(input: &Path) -> PathBuf {
    match input.to_str() {
        Some(text) if text.starts_with("https://") || text.starts_with("http://") => {
            text.split(['?', '#']).next().unwrap_or(text).into()
        }
        _ => input.to_owned(),
    }
}

/// Runs files through an ensemble as [`Ensemble::predict_files`] does, wherever they are.
///
/// # Errors
/// What `each` returns.
pub fn predict(
    ensemble: &Ensemble,
    files: &[PathBuf],
    remotes: Option<&Remotes>,
    each: impl FnMut(&Path, Result<Finding, ImageError>, Option<&Radiograph>) -> Result<()>,
) -> Result<()> {
    match remotes {
        None => ensemble.predict_files(files, each),
        Some(remotes) => ensemble.predict_encoded(remotes.files(files, ensemble.decode_limits()), each),
    }
}

/// Whether an image failed because the network or a server did: another run may succeed.
pub fn is_lost(error: &ImageError) -> bool {
    let ImageError::Radiograph(error) = error else { return false };
    matches!(&**error, RadiographError::Read { source, .. } if source.kind() == io::ErrorKind::ConnectionAborted)
}

/// The bytes of a file of this machine.
#[cfg_attr(not(feature = "remote"), expect(dead_code, reason = "without URLs the engine reads the files"))]
fn local(path: &Path, limits: DecodeLimits) -> io::Result<Vec<u8>> {
    radiograph::read_with(path, limits).map_err(|error| match error {
        RadiographError::Read { source, .. } => source,
        error => io::Error::other(error),
    })
}
