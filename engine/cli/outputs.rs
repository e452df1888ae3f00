//! What a run leaves beside the submission: lines and maps, each whole or not at all.

mod index;
mod pictures;

use std::io::{BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::{ImageBuffer, ImageFormat, Luma};
use ndarray::ArrayView2;
use pleura::atomic::{self, Parts};
use pleura::digest;
use tempfile::NamedTempFile;

pub use index::Index;
pub use pictures::{Pngs, Put, short};

/// Fails early where a file cannot be written, rather than after hours of work.
pub fn check_writable(path: &Path) -> Result<()> {
    temporary(path).map(drop)
}

fn temporary(path: &Path) -> Result<NamedTempFile> {
    atomic::beside(path).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Lines of text, renamed to their place at the end.
pub struct Lines {
    path: PathBuf,
    out: BufWriter<NamedTempFile>,
}

impl Lines {
    /// Opens the temporary file.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self { path: path.into(), out: BufWriter::new(temporary(path)?) })
    }

    /// Adds a line.
    pub fn push(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{line}").with_context(|| self.failed())
    }

    /// Puts the file in its place.
    pub fn finish(self) -> Result<()> {
        let failed = self.failed();
        let file = self.out.into_inner().map_err(std::io::IntoInnerError::into_error).context(failed.clone())?;
        atomic::place(file, &self.path).context(failed)
    }

    fn failed(&self) -> String {
        format!("cannot write `{}`", self.path.display())
    }
}

/// A folder of probability maps.
pub struct Maps(Pngs);

impl Maps {
    /// Makes the folder where it is missing, and removes what the run that wrote `out` before, and was killed, left half
    /// written there.
    pub fn create(folder: &Path, out: &Path) -> Result<Self> {
        let parts = Parts::new(out);
        let pngs = Pngs::create(folder)?;
        parts.sweep(folder).with_context(|| format!("cannot clear folder `{}`", folder.display()))?;
        Ok(Self(pngs.with_parts(parts)))
    }

    /// Whether the map of an image is still what an earlier run wrote, by its SHA-256: the disk is not waited for, so
    /// that a machine that stops may leave an empty file or zeros.
    pub fn holds(&self, id: &str, sha256: &str) -> bool {
        digest::file(&self.0.path(id)).is_ok_and(|found| found == sha256)
    }

    /// Says where the ids are, if the files' names are not all of them.
    pub fn tell_renamed(&self) {
        self.0.tell_renamed();
    }

    /// Keeps the map that an earlier run left.
    pub fn keep(&mut self, id: &str) {
        self.0.keep(id);
    }

    /// Writes a map, (height, width) in 0..=1, as a 16-bit PNG named after the image; gives the file's SHA-256, or why it
    /// could not be written where that is no fault of the disk.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn write(&mut self, id: &str, map: ArrayView2<'_, f32>) -> Result<Result<String>> {
        let (height, width) = map.dim();
        let pixels = map.iter().map(|&p| (p * 65535.0).round() as u16).collect();
        let picture: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::from_raw(width as u32, height as u32, pixels)
            .context("a map has as many pixels as its size")?;
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).with_context(|| format!("cannot draw the map of `{id}`"))?;
        Ok(match self.0.put(id, png.get_ref())? {
            Put::Done => Ok(digest::bytes(png.get_ref())),
            Put::Not(error) => Err(error),
        })
    }
}
