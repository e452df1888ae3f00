//! Standard output.

use std::io::{self, ErrorKind, Write, stdout};
use std::sync::Mutex;

use super::text::visible;

/// The error after which standard output takes no more.
static BROKEN: Mutex<Option<io::Error>> = Mutex::new(None);

/// Standard output. Writing never fails: [`finish`] returns the error. Control characters are escaped.
pub struct Results;

impl Results {
    /// Writes the program's own text, with its colours.
    pub fn styled(&self, text: &str) {
        self.attempt(|out| out.write_all(text.as_bytes()));
    }

    fn attempt(&self, write: impl FnOnce(&mut io::Stdout) -> io::Result<()>) {
        let mut broken = BROKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if broken.is_none() {
            *broken = write(&mut stdout()).err();
        }
    }
}

impl Write for Results {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.styled(&visible(String::from_utf8_lossy(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt(Write::flush);
        Ok(())
    }
}

/// Flushes all results.
///
/// # Errors
/// If they could not all be written. A reader that closes early (`| head`) is not an error.
pub fn finish() -> anyhow::Result<()> {
    let _ = Results.flush(); // never fails
    let broken = BROKEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
    match broken.filter(|error| error.kind() != ErrorKind::BrokenPipe) {
        Some(error) => Err(anyhow::Error::new(error).context("cannot write results to standard output")),
        None => Ok(()),
    }
}
