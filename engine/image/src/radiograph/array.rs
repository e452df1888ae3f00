//! Radiographs from values in memory.

use std::path::PathBuf;

use ndarray::{Array2, ArrayView2};

use super::{GreyValues, MAX_SIDE, Radiograph, RadiographError, id};
use crate::{Size, planes};

/// The description of values that do not come from a file; see [`Radiograph::try_from_values`].
#[derive(Debug, Clone, PartialEq)]
pub struct ValuesAbout {
    /// The image's id in a submission.
    pub id: String,
    /// The values that become black and white, in this order.
    pub range: (f32, f32),
    /// Whether the lowest value is white (MONOCHROME1).
    pub inverted: bool,
    /// Pixel spacing, (row, column) in mm, if known.
    pub spacing: Option<(f32, f32)>,
}

impl Radiograph {
    /// A radiograph from values in memory, (height, width). `range` holds the values of black and white; values outside
    /// are clipped.
    ///
    /// # Errors
    /// If the id is empty, has surrounding blanks or control characters; if a side is 0 or above 16,384; if a value is
    /// not finite; if `range` does not rise between finite numbers.
    pub fn from_values(id: impl Into<String>, values: Array2<f32>, range: (f32, f32)) -> Result<Self, RadiographError> {
        Self::try_from_values(values, ValuesAbout { id: id.into(), range, inverted: false, spacing: None })
    }

    /// As [`Radiograph::from_values`], with everything that a file may state about its values.
    ///
    /// # Errors
    /// As [`Radiograph::from_values`]; if a spacing is not above 0.
    pub fn try_from_values(values: Array2<f32>, about: ValuesAbout) -> Result<Self, RadiographError> {
        Self::try_from_grey(GreyValues::Floats(values), about)
    }

    /// As [`Radiograph::try_from_values`], of numbers as narrow as they are.
    ///
    /// # Errors
    /// As [`Radiograph::try_from_values`].
    pub fn try_from_grey(values: GreyValues, about: ValuesAbout) -> Result<Self, RadiographError> {
        Self::described(values.size(), about, || match &values {
            GreyValues::Floats(floats) if planes::not_finite(floats) > 0 => Err(not_finite(floats.view())),
            _ => Ok(values.by_rows()),
        })
    }

    /// As [`Radiograph::try_from_values`], of values that stay the caller's: they are copied and checked in one pass,
    /// once the description is found to be right.
    ///
    /// # Errors
    /// As [`Radiograph::try_from_values`].
    pub fn try_from_view(values: ArrayView2<'_, f32>, about: ValuesAbout) -> Result<Self, RadiographError> {
        Self::described(values.dim().into(), about, || {
            planes::copied_if_finite(values).map(GreyValues::Floats).ok_or_else(|| not_finite(values))
        })
    }

    /// With values of `size` that are asked for when their description is right, and may have a fault themselves.
    fn described(
        size: Size,
        about: ValuesAbout,
        values: impl FnOnce() -> Result<GreyValues, String>,
    ) -> Result<Self, RadiographError> {
        let ValuesAbout { id, range, inverted, spacing } = about;
        let path = PathBuf::from(&id);
        id::check(&path, &id)?;
        match fault(size, range, spacing).map_or_else(values, Err) {
            Ok(values) => Ok(Self { inverted, spacing, ..Self::new(id, path, values, range) }),
            Err(reason) => Err(RadiographError::Values { id, reason }),
        }
    }
}

/// Why a description cannot be that of an image, or `None`.
fn fault(size: Size, (low, high): (f32, f32), spacing: Option<(f32, f32)>) -> Option<String> {
    let Size { height, width } = size;
    if let Some((row, column)) = spacing.filter(|&(row, column)| !(row > 0.0 && column > 0.0)) {
        return Some(format!("expected a pixel spacing above 0 mm, found {row} and {column}"));
    }
    if height == 0 || width == 0 || height.max(width) > MAX_SIDE {
        return Some(format!("expected sides of 1 to {MAX_SIDE} pixels, found {height}×{width}"));
    }
    if !(low < high && (high - low).is_finite()) {
        return Some(format!("expected an ascending range of finite numbers, found {low} to {high}"));
    }
    None
}

/// Says where the first value is that is not finite.
fn not_finite(values: ArrayView2<'_, f32>) -> String {
    let Some(((row, column), value)) = values.indexed_iter().find(|(_, value)| !value.is_finite()) else {
        return "expected finite numbers".to_owned();
    };
    format!("expected finite numbers, found {value} in row {row}, column {column}")
}
