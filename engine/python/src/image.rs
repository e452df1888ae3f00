//! What people give as an image: a path, a file's bytes, a pydicom data set, or an array of values.

use std::path::PathBuf;
use std::sync::Arc;

use numpy::{AllowTypeChange, PyArrayLike2, PyReadonlyArray2};
use pleura::Radiograph;
use pleura::ensemble::ImageError;
use pleura::radiograph::{GreyValues, RadiographError, ValuesAbout};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// What the values of an array are.
#[derive(Debug, Clone, Default)]
pub struct About {
    pub id: Option<String>,
    pub range: Option<(f32, f32)>,
    pub inverted: bool,
    pub spacing: Option<(f32, f32)>,
}

/// An image that can be looked at again.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file, read when it is needed.
    File(PathBuf),
    /// A file's bytes, with the name by which errors call it.
    Bytes(Arc<Vec<u8>>, PathBuf),
    /// Values in memory.
    Values(Arc<Radiograph>),
}

impl Source {
    /// Reads Python's argument.
    ///
    /// # Errors
    /// If it is no image, or an array without a range or with values that are not finite.
    pub fn of(image: &Bound<'_, PyAny>, about: About) -> PyResult<Self> {
        if let Ok(bytes) = image.cast::<PyBytes>() {
            return Ok(Self::Bytes(Arc::new(bytes.as_bytes().to_vec()), name(about.id)));
        }
        if let Ok(path) = image.extract::<PathBuf>() {
            return Ok(Self::File(path));
        }
        if image.hasattr("PixelData")? && image.hasattr("save_as")? {
            return data_set(image, about.id);
        }
        let id = about.id.clone().unwrap_or_else(|| "array".to_owned());
        let radiograph = of_array(image, &id, &about)?;
        radiograph
            .map(|radiograph| Self::Values(Arc::new(radiograph)))
            .map_err(|error| crate::errors::of_image(image.py(), id.as_ref(), &error))
    }

    /// The radiograph.
    ///
    /// # Errors
    /// If the file or the bytes cannot be decoded.
    pub fn open(&self) -> Result<Arc<Radiograph>, ImageError> {
        let opened = match self {
            Self::File(path) => Radiograph::open(path),
            Self::Bytes(bytes, name) => Radiograph::decode(bytes, name),
            Self::Values(radiograph) => return Ok(Arc::clone(radiograph)),
        };
        opened.map(Arc::new).map_err(|error| ImageError::Radiograph(Arc::new(error)))
    }

    /// What errors call it.
    pub fn name(&self) -> PathBuf {
        match self {
            Self::File(path) | Self::Bytes(_, path) => path.clone(),
            Self::Values(radiograph) => radiograph.id().into(),
        }
    }
}

/// A radiograph of an array of (height, width), whose values are copied as they are if they are bytes, words or floats,
/// else as NumPy converts them.
fn of_array(image: &Bound<'_, PyAny>, id: &str, about: &About) -> PyResult<Result<Radiograph, RadiographError>> {
    let described = || {
        let range = about.range.ok_or_else(|| {
            PyValueError::new_err(
                "an array needs `range=(black, white)`: the values that are black and white, such as (0, 255)",
            )
        })?;
        Ok::<_, PyErr>(ValuesAbout { id: id.to_owned(), range, inverted: about.inverted, spacing: about.spacing })
    };
    if let Ok(bytes) = image.extract::<PyReadonlyArray2<'_, u8>>() {
        return Ok(Radiograph::try_from_grey(GreyValues::Bytes(bytes.as_array().to_owned()), described()?));
    }
    if let Ok(words) = image.extract::<PyReadonlyArray2<'_, u16>>() {
        return Ok(Radiograph::try_from_grey(GreyValues::Words(words.as_array().to_owned()), described()?));
    }
    if let Ok(doubles) = image.extract::<PyReadonlyArray2<'_, f64>>() {
        return Ok(Radiograph::try_from_values(doubles.as_array().mapv(|value| value as f32), described()?));
    }
    let Ok(floats) = image.extract::<PyArrayLike2<'_, f32, AllowTypeChange>>() else {
        let kind = image.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "expected a path, a file's bytes, a pydicom Dataset, or an array of shape (height, width), found {kind}"
        )));
    };
    Ok(Radiograph::try_from_view(floats.as_array(), described()?))
}

fn name(id: Option<String>) -> PathBuf {
    id.unwrap_or_else(|| "bytes".to_owned()).into()
}

/// A pydicom data set as the file that it would be.
fn data_set(data: &Bound<'_, PyAny>, id: Option<String>) -> PyResult<Source> {
    let buffer = data.py().import("io")?.call_method0("BytesIO")?;
    data.call_method1("save_as", (&buffer,))?;
    let bytes: Vec<u8> = buffer.call_method0("getvalue")?.cast::<PyBytes>()?.as_bytes().to_vec();
    let named = data.getattr("filename").ok().and_then(|name| name.extract::<PathBuf>().ok());
    Ok(Source::Bytes(Arc::new(bytes), id.map(PathBuf::from).or(named).unwrap_or_else(|| "dataset".into())))
}
