//! Outputs beside the submission: text files and maps, each written whole or not at all.

mod dicom;
mod index;
mod pictures;

use std::io::{BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::{ImageBuffer, ImageFormat, Luma};
use ndarray::ArrayView2;
use pleura_files::atomic::{self, Parts};
use pleura_files::digest;
use tempfile::NamedTempFile;

pub use dicom::DicomObjects;
pub use index::Index;
pub use pictures::{Pngs, Put, short};

/// Fails early if a file cannot be written, rather than after hours of work.
pub fn check_writable(path: &Path) -> Result<()> {
    temporary(path).map(drop)
}

fn temporary(path: &Path) -> Result<NamedTempFile> {
    atomic::beside(path).with_context(|| format!("cannot write `{}`", path.display()))
}

/// A text file, renamed to its final name at the end.
pub struct Lines {
    path: PathBuf,
    out: BufWriter<NamedTempFile>,
}

impl Lines {
    /// Creates the temporary file.
    pub fn create(path: &Path) -> Result<Self> {
        Ok(Self { path: path.into(), out: BufWriter::new(temporary(path)?) })
    }

    /// Adds a line.
    pub fn push(&mut self, line: &str) -> Result<()> {
        writeln!(self.out, "{line}").with_context(|| self.failed())
    }

    /// Renames the file to its final name.
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
    /// Creates the folder if it is missing, and removes half-written files of an earlier run with the output `out` that
    /// was killed.
    pub fn create(folder: &Path, out: &Path) -> Result<Self> {
        let parts = Parts::new(out);
        let pngs = Pngs::create(folder)?;
        parts.sweep(folder).with_context(|| format!("cannot clear folder `{}`", folder.display()))?;
        Ok(Self(pngs.with_parts(parts)))
    }

    /// Whether the map of an image has the SHA-256 of what an earlier run wrote. Maps are not synced to disk, so after
    /// a machine's crash a file may be empty or zeros.
    pub fn holds(&self, id: &str, sha256: &str) -> bool {
        digest::file(&self.0.path(id)).is_ok_and(|found| found == sha256)
    }

    /// Prints where the ids are, if some file names differ from them.
    pub fn tell_renamed(&self) {
        self.0.tell_renamed();
    }

    /// Keeps the map of an earlier run.
    pub fn keep(&mut self, id: &str) {
        self.0.keep(id);
    }

    /// Writes a map, (height, width) in 0..=1, as a 16-bit PNG named after the image. Returns the file's SHA-256, or
    /// the reason that only this file could not be written.
    ///
    /// # Errors
    /// If the disk fails or is full.
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
