//! Radiographs: from files to intensities.
//!
//! `bytes → samples (codec) → modality values (rescale or LUT) → intensities (window, then MONOCHROME1 inversion)`
//!
//! `dicom` reads a DICOM file, `raster` a PNG or JPEG file; both return a [`Radiograph`], which keeps modality values
//! and the file's description of them. The caller chooses with [`Intensity`] how values become intensities; the
//! inversion of MONOCHROME1 happens there, once and last.

mod acquisition;
mod age;
mod array;
mod attributes;
mod claim;
mod codec;
mod codestream;
mod cost;
mod dataset;
mod deflate;
mod dicom;
mod early;
mod element;
mod encoded;
mod error;
mod file;
mod find;
mod geometry;
mod glance;
mod header;
mod id;
mod intensity;
mod jpeg_lossless;
mod limits;
mod lut;
mod meta;
mod object;
mod packbits;
mod raster;
mod samples;
mod source;
mod tags;
mod value;
mod values;
mod walk;
mod whole;
mod window;

use std::borrow::Cow;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ndarray::{Array2, ArrayView2, s};
use sha2::{Digest, Sha256};

use crate::Size;
use crate::resize::{Resize, resize, rows_resized};

pub use acquisition::Acquisition;
pub use array::ValuesAbout;
pub use claim::{estimate, estimate_of};
pub use early::{id_of, id_of_start};
pub use error::{DicomFault, RadiographError};
pub use file::{read, read_with};
pub use find::{Found, LeftOut, find, find_with, is_image_name, may_be_image_name, search, search_with};
pub use glance::ImageHeader;
pub use id::stem;
pub use intensity::Intensity;
pub use limits::{DecodeLimits, OverLimit};
pub use source::{LutAttributes, SOURCE_TAGS, SourceAttributes};
pub use tags::Tags;
pub use values::GreyValues;

use values::{Through, Values};
use window::{Voi, VoiLutFunction, Window};

/// A grey image with its file's description of its values.
#[derive(Debug, Clone)]
pub struct Radiograph {
    id: String,
    path: PathBuf,
    /// Modality values (after rescale or modality LUT), (height, width).
    values: Values,
    /// The lowest and the highest value that the stored bits can hold, after the modality transform.
    range: (f32, f32),
    /// The file's own window, if it has one.
    voi: Option<Voi>,
    /// MONOCHROME1: the lowest value is white.
    inverted: bool,
    spacing: Option<(f32, f32)>,
    acquisition: Acquisition,
    source: Option<Box<SourceAttributes>>,
    remarks: Vec<String>,
    digest: OnceLock<String>,
}

impl Radiograph {
    /// Reads a DICOM, PNG or JPEG file, recognised by its content, not by its name.
    ///
    /// # Errors
    /// If the file cannot be read, is none of these, is broken, or is DICOM that cannot be shown as one grey image
    /// (several frames, an unsupported transfer syntax). The error names the file, the syntax and the reason.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RadiographError> {
        Self::open_with(path, DecodeLimits::default())
    }

    /// As [`Radiograph::open`], within a memory limit.
    ///
    /// # Errors
    /// As [`Radiograph::open`], and if reading and decoding the file would take more than the limit.
    pub fn open_with(path: impl AsRef<Path>, limits: DecodeLimits) -> Result<Self, RadiographError> {
        let path = path.as_ref();
        let bytes = file::read_with(path, limits)?;
        Self::decode_with(&bytes, path, limits)
    }

    /// Decodes a file's bytes. The path is not opened: errors name it, and its stem is the id if the bytes hold none.
    ///
    /// # Errors
    /// As [`Radiograph::open`].
    pub fn decode(bytes: &[u8], path: impl AsRef<Path>) -> Result<Self, RadiographError> {
        Self::decode_with(bytes, path, DecodeLimits::default())
    }

    /// As [`Radiograph::decode`], within a memory limit that includes the bytes themselves.
    ///
    /// # Errors
    /// As [`Radiograph::open_with`].
    pub fn decode_with(bytes: &[u8], path: impl AsRef<Path>, limits: DecodeLimits) -> Result<Self, RadiographError> {
        let path = path.as_ref();
        let limits = limits.holding(bytes.len() as u64);
        let radiograph = if raster::is_raster(bytes) {
            raster::decode(bytes, path, limits)
        } else if encoded::is_dicom(bytes) {
            dicom::decode(bytes, path, limits)
        } else {
            Err(RadiographError::Unrecognized { path: path.into(), empty: bytes.is_empty() })
        }?;
        id::check(path, radiograph.id())?;
        Ok(radiograph)
    }

    fn new(id: String, path: PathBuf, values: GreyValues, range: (f32, f32)) -> Self {
        Self {
            id,
            path,
            values: values.into(),
            range,
            voi: None,
            inverted: false,
            spacing: None,
            acquisition: Acquisition::default(),
            source: None,
            remarks: Vec::new(),
            digest: OnceLock::new(),
        }
    }

    /// The image's id in a submission: the data set's SOPInstanceUID, or the file's stem.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The file it was read from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Height and width in pixels.
    #[must_use]
    pub fn size(&self) -> Size {
        self.values.size()
    }

    /// A hash of everything that determines intensities, in hexadecimal: the same for the same image, whatever its
    /// file's name or compression. Computed once, at the first call.
    #[must_use]
    pub fn digest(&self) -> &str {
        self.digest.get_or_init(|| {
            let mut hasher = Sha256::new();
            let Size { height, width } = self.size();
            hasher.update(format!("{height}x{width} {:?} {:?} {}", self.range, self.voi, self.inverted));
            // Bit patterns, not bytes in memory: the same on every machine.
            for row in 0..height {
                let bytes: Vec<u8> =
                    self.values.row(row).iter().flat_map(|value| value.to_bits().to_le_bytes()).collect();
                hasher.update(bytes);
            }
            pleura_files::digest::hex(&hasher.finalize())
        })
    }

    /// Pixel spacing, (row, column) in mm, if the file states it. The two may differ.
    #[must_use]
    pub fn spacing(&self) -> Option<(f32, f32)> {
        self.spacing
    }

    /// Values in modality units, (height, width), before any window or inversion.
    #[must_use]
    pub fn values(&self) -> ArrayView2<'_, f32> {
        self.values.floats().view()
    }

    /// A row of [`values`](Self::values).
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> Cow<'_, [f32]> {
        self.values.row(row)
    }

    /// The lowest and the highest value that the stored bits can hold, in modality units.
    #[must_use]
    pub fn range(&self) -> (f32, f32) {
        self.range
    }

    /// Whether the lowest value is white (MONOCHROME1). In [`Radiograph::intensities`], 1 is white in any case.
    #[must_use]
    pub fn is_inverted(&self) -> bool {
        self.inverted
    }

    /// The value that counts as 0 in a file's own units: 0, or what becomes 0 when the range is reversed, as for
    /// MONOCHROME1.
    #[must_use]
    pub fn zero(&self) -> f32 {
        if self.inverted { self.range.0 + self.range.1 } else { 0.0 }
    }

    /// Whether the file has a VOI lookup table or a window that [`Intensity::Window`] can use.
    #[must_use]
    pub fn has_window(&self) -> bool {
        self.voi.is_some()
    }

    /// What the file says that it shows, and how it was taken; nothing for values that do not come from a file.
    #[must_use]
    pub fn acquisition(&self) -> &Acquisition {
        &self.acquisition
    }

    /// What objects made from this image repeat of a DICOM file; `None` for other files, and for values in memory.
    #[must_use]
    pub fn source(&self) -> Option<&SourceAttributes> {
        self.source.as_deref()
    }

    /// Oddities of the file that are harmless: one sentence each, to be shown to the user.
    #[must_use]
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// Intensities in 0..=1, (height, width), 1 being white.
    ///
    /// [`Intensity::Window`] on a file without a window equals [`Intensity::Stored`]; see [`Radiograph::has_window`].
    ///
    /// # Panics
    /// If a fixed window's centre is not finite or its width is below 1, or if percentiles do not rise within 0 to 100.
    /// Manifests and recipes are checked for both.
    #[must_use]
    pub fn intensities(&self, intensity: Intensity) -> Array2<f32> {
        self.shown(intensity).all()
    }

    /// As [`Radiograph::intensities`] of the part of an image in some rows and columns, resized to `size`.
    ///
    /// # Panics
    /// As [`Radiograph::intensities`]; if the part is empty or reaches beyond the image, or a side of `size` is 0.
    #[must_use]
    pub fn resized_part(
        &self,
        intensity: Intensity,
        (rows, columns): (Range<usize>, Range<usize>),
        size: Size,
        how: Resize,
    ) -> Array2<f32> {
        let part = Size::new(rows.len(), columns.len());
        let shown = self.shown(intensity);
        if part == size && part == self.size() {
            return shown.all();
        }
        // without an image of floats in between
        let row = |row: usize, into: &mut [f32]| shown.row(rows.start + row, columns.clone(), into);
        let resized = if part == size { None } else { rows_resized(part, size, how, row) };
        resized.unwrap_or_else(|| resize(shown.all().slice(s![rows, columns]), size, how).into_owned())
    }

    fn shown(&self, intensity: Intensity) -> Through<'_> {
        match (intensity, &self.voi) {
            (Intensity::Window, Some(voi)) => self.through(|values| voi.apply(values)),
            (Intensity::Stored, _) | (Intensity::Window, None) => {
                self.through(|values| window::span(values, self.range))
            }
            (Intensity::Fixed { center, width }, _) => {
                let possible = center.is_finite() && width.is_finite() && width >= 1.0;
                assert!(
                    possible,
                    "expected a window with a finite centre and a width of 1 or more, found {center} and {width}"
                );
                let window = Window { center: center.into(), width: width.into(), function: VoiLutFunction::Linear };
                self.through(|values| window.apply(values))
            }
            (Intensity::Percentiles { low, high }, _) => {
                let possible = 0.0 <= low && low < high && high <= 100.0;
                assert!(possible, "expected ascending percentiles within 0 to 100, found {low} to {high}");
                let range = self.values.percentiles(low, high);
                self.through(|values| window::span(values, range))
            }
        }
    }

    /// The values through a window, and the inversion of MONOCHROME1 after it.
    fn through(&self, window: impl Fn(&Array2<f32>) -> Array2<f32>) -> Through<'_> {
        self.values.through(|values| {
            let mut image = window(values);
            if self.inverted {
                image.mapv_inplace(|intensity| 1.0 - intensity);
            }
            image
        })
    }
}

/// Whether a file's bytes start like those of a DICOM file, with or without preamble and file meta.
#[must_use]
pub fn is_dicom(bytes: &[u8]) -> bool {
    !raster::is_raster(bytes) && encoded::is_dicom(bytes)
}

/// The largest height or width, in pixels.
const MAX_SIDE: usize = 16_384;

#[cfg(test)]
mod tests;
