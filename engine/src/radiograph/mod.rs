//! Radiographs: from files to intensities.

use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayView2};

use crate::manifest::Intensity;

/// A grey image with what its file says of its values.
#[derive(Debug, Clone)]
pub struct Radiograph {
    id: String,
    path: PathBuf,
    /// Modality values (after rescale or modality LUT), (height, width).
    values: Array2<f32>,
    /// The lowest and the highest value that the stored bits can hold, after the modality transform.
    range: (f32, f32),
    /// MONOCHROME1: the lowest value is white.
    inverted: bool,
    spacing: Option<(f32, f32)>,
}

impl Radiograph {
    /// Reads a DICOM, PNG or JPEG file.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RadiographError> {
        let _ = path.as_ref();
        Err(RadiographError::Todo)
    }

    /// The id that the image has in a submission: the data set's SOPInstanceUID, or the file's stem.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The file it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// (height, width) in pixels.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        self.values.dim()
    }

    /// Pixel spacing, (row, column) in mm, where the file states it.
    #[must_use]
    pub fn spacing(&self) -> Option<(f32, f32)> {
        self.spacing
    }

    /// Values in modality units, (height, width).
    #[must_use]
    pub fn values(&self) -> ArrayView2<'_, f32> {
        self.values.view()
    }

    /// Intensities in 0..=1, (height, width), 1 being white.
    #[must_use]
    pub fn intensities(&self, intensity: Intensity) -> Array2<f32> {
        let _ = (intensity, self.range, self.inverted);
        self.values.clone()
    }
}

/// A file that gives no radiograph.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RadiographError {
    /// Not written yet.
    #[error("not written yet")]
    Todo,
}
