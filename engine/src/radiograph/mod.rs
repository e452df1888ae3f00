//! Radiographs: from files to intensities.
//!
//! `bytes → samples (codec) → modality values (rescale or LUT) → intensities (window, then MONOCHROME1 inversion)`
//!
//! A DICOM file is read by `dicom`, a PNG or JPEG file by `raster`; both end in a [`Radiograph`], which keeps
//! modality values and what the file says of them. How values become intensities is the caller's choice, by
//! [`Intensity`]; the inversion of MONOCHROME1 happens there, once and last.

mod age;
mod attributes;
mod codec;
mod codestream;
mod dataset;
mod deflate;
mod dicom;
mod early;
mod element;
mod error;
mod file;
mod find;
mod glance;
mod header;
mod jpeg_lossless;
mod lut;
mod packbits;
mod raster;
mod samples;
mod tags;
mod value;
mod walk;
mod window;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ndarray::{Array2, ArrayView2};
use sha2::{Digest, Sha256};

pub use early::id_of;
pub use error::{DicomFault, RadiographError};
pub use file::read;
pub use find::{find, find_with};
pub use glance::Glance;
pub use tags::Tags;

use crate::manifest::Intensity;
use window::{Voi, Window, WindowFunction};

/// A grey image with what its file says of its values.
#[derive(Debug, Clone)]
pub struct Radiograph {
    id: String,
    path: PathBuf,
    /// Modality values (after rescale or modality LUT), (height, width).
    values: Array2<f32>,
    /// The lowest and the highest value that the stored bits can hold, after the modality transform.
    range: (f32, f32),
    /// The file's own window, if it has one.
    voi: Option<Voi>,
    /// MONOCHROME1: the lowest value is white.
    inverted: bool,
    spacing: Option<(f32, f32)>,
    remarks: Vec<String>,
    digest: OnceLock<String>,
}

impl Radiograph {
    /// Reads a DICOM, PNG or JPEG file; which of them is told by its content, not by its name.
    ///
    /// # Errors
    /// Where the file cannot be read, is none of these, is broken, or is DICOM that cannot be shown as one grey image
    /// (several frames, an unsupported transfer syntax). The error names the file, the syntax and the reason.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RadiographError> {
        let path = path.as_ref();
        let bytes = file::read(path)?;
        Self::decode(&bytes, path)
    }

    /// Reads a file's bytes. The path is not opened: errors name it, and its stem is the id where the bytes hold none.
    ///
    /// # Errors
    /// As [`Radiograph::open`].
    pub fn decode(bytes: &[u8], path: impl AsRef<Path>) -> Result<Self, RadiographError> {
        let path = path.as_ref();
        if raster::is_raster(bytes) {
            raster::decode(bytes, path)
        } else if dataset::is_dicom(bytes) {
            dicom::decode(bytes, path)
        } else {
            Err(RadiographError::Unrecognized { path: path.into(), empty: bytes.is_empty() })
        }
    }

    /// A radiograph from values at hand, (height, width), 0 of `range` being black and 1 white.
    #[must_use]
    pub fn from_values(id: impl Into<String>, values: Array2<f32>, range: (f32, f32)) -> Self {
        let id = id.into();
        let values = if values.is_standard_layout() { values } else { values.as_standard_layout().into_owned() };
        let path = PathBuf::from(&id);
        Self {
            id,
            path,
            values,
            range,
            voi: None,
            inverted: false,
            spacing: None,
            remarks: Vec::new(),
            digest: OnceLock::new(),
        }
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

    /// A hash of all that intensities are made of, in hexadecimal: the same for the same image, whatever its file is
    /// called or how it is compressed. Computed once, at the first call.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let mut hasher = Sha256::new();
            let (height, width) = self.values.dim();
            hasher.update(format!("{height}x{width} {:?} {:?} {}", self.range, self.voi, self.inverted));
            // Bits, not bytes in memory: the same on every machine.
            for row in self.values.rows() {
                let bytes: Vec<u8> = row.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
                hasher.update(bytes);
            }
            crate::digest::hex(&hasher.finalize())
        })
    }

    /// Pixel spacing, (row, column) in mm, where the file states it. The two may differ.
    #[must_use]
    pub fn spacing(&self) -> Option<(f32, f32)> {
        self.spacing
    }

    /// Values in modality units, (height, width), before any window or inversion.
    #[must_use]
    pub fn values(&self) -> ArrayView2<'_, f32> {
        self.values.view()
    }

    /// The lowest and the highest value that the stored bits can hold, in modality units.
    #[must_use]
    pub fn range(&self) -> (f32, f32) {
        self.range
    }

    /// Whether the lowest value is white (MONOCHROME1). [`Radiograph::intensities`] has 1 as white all the same.
    #[must_use]
    pub fn is_inverted(&self) -> bool {
        self.inverted
    }

    /// Whether the file has a VOI lookup table or a window that [`Intensity::Window`] can use.
    #[must_use]
    pub fn has_window(&self) -> bool {
        self.voi.is_some()
    }

    /// What in the file was odd, yet harmless: one sentence each, to be shown to whoever chose the file.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Intensities in 0..=1, (height, width), 1 being white.
    ///
    /// [`Intensity::Window`] on a file without a window gives what [`Intensity::Stored`] gives;
    /// [`Radiograph::has_window`] tells.
    #[must_use]
    pub fn intensities(&self, intensity: Intensity) -> Array2<f32> {
        let mut image = match (intensity, &self.voi) {
            (Intensity::Window, Some(voi)) => voi.apply(&self.values),
            (Intensity::Stored, _) | (Intensity::Window, None) => window::span(&self.values, self.range),
            (Intensity::Fixed { center, width }, _) => {
                let window = Window { center: center.into(), width: width.into(), function: WindowFunction::Linear };
                window.apply(&self.values)
            }
            (Intensity::Percentiles { low, high }, _) => {
                window::span(&self.values, window::percentiles(&self.values, low, high))
            }
        };
        if self.inverted {
            image.mapv_inplace(|intensity| 1.0 - intensity);
        }
        image
    }
}

/// A file's name without its folder and its last extension.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
