//! SHA-256 of files.

use std::io::{self, BufRead, BufReader};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::regular;

/// The SHA-256 of a file, in lowercase hexadecimal.
///
/// # Errors
/// If the file cannot be read.
pub fn file(path: &Path) -> io::Result<String> {
    let mut reader = BufReader::with_capacity(1 << 16, regular::open(path)?);
    let mut hasher = Sha256::new();
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(bytes);
        let len = bytes.len();
        reader.consume(len);
    }
}

/// The SHA-256 of bytes, in lowercase hexadecimal.
#[must_use]
pub fn bytes(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes in lowercase hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
