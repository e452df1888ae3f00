//! The truth: each image's masks, from a CSV of run lengths.

use std::path::Path;

use anyhow::{Result, ensure};
use indexmap::IndexMap;
use pleura::Size;
use pleura::submission::{MaskRow, Rows, Runs};

/// The truth of one image.
#[derive(Debug, Default)]
pub struct Marks {
    /// The union of its masks.
    pub runs: Runs,
    /// Number of rows with a mask that is not empty.
    pub masks: usize,
    /// Number of rows with an empty mask.
    pub empty: usize,
}

/// A whole CSV, in the order of the rows.
#[derive(Debug)]
pub struct Truth {
    pub images: IndexMap<String, Marks>,
    pub rows: usize,
    /// The size that run lengths refer to.
    pub size: Size,
}

impl Truth {
    /// Reads a CSV, plain or compressed with gzip; the first invalid mask is an error.
    pub fn read(path: &Path, size: Size) -> Result<Self> {
        let mut truth = Self { images: IndexMap::new(), rows: 0, size };
        let mut rows = Rows::open(path, size)?;
        while let Some(row) = rows.next_mask() {
            let MaskRow { id, runs, .. } = row?;
            truth.rows += 1;
            let marks = truth.images.entry(id.into_owned()).or_default();
            if runs.is_empty() {
                marks.empty += 1;
            } else {
                marks.masks += 1;
                marks.runs = marks.runs.union(&runs);
            }
        }
        rows.log_remarks();
        ensure!(truth.rows > 0, "`{}` has no rows", path.display());
        Ok(truth)
    }

    /// An error if none of these images has a row: the truth then belongs to others.
    pub fn ensure_any(&self, path: &Path, ids: &[&str]) -> Result<()> {
        let Some(first) = ids.first() else { return Ok(()) };
        ensure!(
            ids.iter().any(|&id| self.images.contains_key(id)),
            "none of the {} images has a row in `{}`: an image is `{first}`, a row `{}`",
            ids.len(),
            path.display(),
            self.images.first().map_or("", |(id, _)| id.as_str()),
        );
        Ok(())
    }

    /// The masks that are not empty.
    pub fn positives(&self) -> impl Iterator<Item = &Marks> {
        self.images.values().filter(|marks| marks.positive())
    }

    /// An area in pixels as a share of the image.
    pub fn share(&self, area: usize) -> f64 {
        area as f64 / self.size.area() as f64
    }
}

impl Marks {
    pub fn positive(&self) -> bool {
        !self.runs.is_empty()
    }
}
