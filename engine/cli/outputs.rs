//! What a run leaves beside the submission: lines and maps, each whole or not at all.

use std::collections::HashSet;
use std::fs;
use std::io::{BufWriter, Cursor, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::{ImageBuffer, ImageFormat, Luma};
use ndarray::ArrayView2;
use pleura::atomic::{self, Parts};
use pleura::digest;
use tempfile::NamedTempFile;

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

/// A folder of PNG files named after images.
pub struct Pngs {
    folder: PathBuf,
    parts: Parts,
    /// The names given so far: two ids may differ in what no file's name should hold.
    stems: HashSet<String>,
}

impl Pngs {
    /// Makes the folder where it is missing.
    pub fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make folder `{}`", folder.display()))?;
        Ok(Self { folder: folder.into(), parts: Parts::default(), stems: HashSet::new() })
    }

    /// Writes an image's file. The disk is not waited for, which would take far longer than the pictures do.
    pub fn put(&mut self, id: &str, png: &[u8]) -> Result<()> {
        let path = self.path(id);
        let failed = || format!("cannot write `{}`", path.display());
        self.keep(id)?;
        let mut file = self.parts.beside(&path).with_context(failed)?;
        file.write_all(png).with_context(failed)?;
        atomic::place_unsynced(file, &path).with_context(failed)
    }

    /// Keeps an image's file as it is.
    pub fn keep(&mut self, id: &str) -> Result<()> {
        let path = self.path(id).display().to_string();
        anyhow::ensure!(self.stems.insert(file_stem(id)), "the picture of `{id}` would replace another: `{path}`");
        Ok(())
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{}.png", file_stem(id)))
    }
}

/// A folder of probability maps.
pub struct Maps(Pngs);

impl Maps {
    /// Makes the folder where it is missing, and removes what the run that wrote `out` before, and was killed, left half
    /// written there.
    pub fn create(folder: &Path, out: &Path) -> Result<Self> {
        let parts = Parts::of(out);
        let pngs = Pngs::create(folder)?;
        parts.sweep(folder).with_context(|| format!("cannot clear folder `{}`", folder.display()))?;
        Ok(Self(Pngs { parts, ..pngs }))
    }

    /// Whether the map of an image is still what an earlier run wrote, by its SHA-256: the disk is not waited for, so
    /// that a machine that stops may leave an empty file or zeros.
    pub fn holds(&self, id: &str, sha256: &str) -> bool {
        digest::file(&self.0.path(id)).is_ok_and(|found| found == sha256)
    }

    /// Keeps the map that an earlier run left.
    pub fn keep(&mut self, id: &str) -> Result<()> {
        self.0.keep(id)
    }

    /// Writes a map, (height, width) in 0..=1, as a 16-bit PNG named after the image; gives the file's SHA-256.
    pub fn write(&mut self, id: &str, map: ArrayView2<'_, f32>) -> Result<String> {
        let (height, width) = map.dim();
        let pixels = map.iter().map(|&p| (p * 65535.0).round() as u16).collect();
        let picture: ImageBuffer<Luma<u16>, Vec<u16>> = ImageBuffer::from_raw(width as u32, height as u32, pixels)
            .context("a map has as many pixels as its size")?;
        let mut png = Cursor::new(Vec::new());
        picture.write_to(&mut png, ImageFormat::Png).with_context(|| format!("cannot draw the map of `{id}`"))?;
        self.0.put(id, png.get_ref())?;
        Ok(digest::of(png.get_ref()))
    }
}

/// An id as the stem of a file's name: what is not a letter, digit, dot, dash or underscore becomes an underscore.
pub fn file_stem(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let stem: String = id.chars().map(safe).collect();
    // `..` and hidden files are no names for an image.
    if stem.starts_with('.') { format!("_{stem}") } else { stem }
}
