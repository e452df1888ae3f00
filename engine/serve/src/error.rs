//! Why a node cannot start or go on.

use std::io;
use std::path::PathBuf;

/// Why a node cannot start or go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// A file or folder.
    #[error("`{path}`")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Another node has this spool.
    #[error("`{path}` belongs to another running node: stop it, or choose another `--spool`")]
    Locked {
        /// The spool.
        path: PathBuf,
    },
    /// The ledger.
    #[error("the ledger of the spool")]
    Ledger(#[from] rusqlite::Error),
    /// An address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: std::net::SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// An address beyond this machine without a limit on who may send.
    #[error("{what} {address} is open to other machines: name those who may send with {flag}")]
    Open {
        /// The option.
        what: &'static str,
        /// The address.
        address: std::net::SocketAddr,
        /// The option that limits it.
        flag: &'static str,
    },
    /// The rules.
    #[error("`{path}`: {message}")]
    Rules {
        /// Their file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// A rule sends DICOM objects, and there are none.
    #[error(
        "destination `{destination}` takes DICOM objects, but `{manifest}` does not say what its masks mean: add to it, \
         before the first table, for example `finding = {{ code = \"36118008\", scheme = \"SCT\", meaning = \"Pneumothorax\" }}`"
    )]
    NoObjects {
        /// The destination.
        destination: String,
        /// The ensemble's manifest.
        manifest: PathBuf,
    },
    /// A certificate or a key.
    #[error("TLS: `{path}`: {message}")]
    Tls {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The ensemble's files.
    #[error("cannot read the ensemble's files again")]
    Ensemble(#[source] std::io::Error),
    /// A thread could not be started.
    #[error("cannot start a thread")]
    Threads(#[source] io::Error),
    /// The spool was written by a newer program.
    #[error("`{path}` was written by a newer version of this program (format {found}, expected {expected})")]
    Newer {
        /// The ledger.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format that is known here.
        expected: i64,
    },
}

impl ServeError {
    /// Adds the file to a system error.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}

/// Why an object was not taken. Nothing of it remains.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is larger than `--max-object`.
    #[error("is larger than {0} bytes (`--max-object`)")]
    TooLarge(u64),
    /// The disk, or the spool's limit, is full.
    #[error("the spool is full: {0}")]
    Full(String),
    /// Another object with this UID was taken before.
    #[error("another object with the same SOP Instance UID was received before")]
    Conflict,
    /// It is not an image.
    #[error("{0}")]
    Invalid(&'static str),
    /// It has no valid UID.
    #[error("{0}")]
    Uid(&'static str),
    /// The data set has another UID than its sender says.
    #[error("the data set's SOP Class, SOP Instance or Study Instance UID is not that of the request")]
    Mismatch,
    /// The node cannot store it now.
    #[error("cannot be stored: {0}")]
    Failed(String),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}
