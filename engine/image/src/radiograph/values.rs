//! A radiograph's modality values, as narrow as its file holds them: a quarter or half of the memory of floats, and a
//! table of as many entries as there are values replaces arithmetic for each pixel.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use ndarray::{Array2, s};

use super::window;
use crate::{Size, planes};

/// Modality values, (height, width), row-major.
#[derive(Debug, Clone)]
pub(super) struct Values {
    stored: GreyValues,
    /// The same as floats, made when they are asked for.
    floats: OnceLock<Array2<f32>>,
}

/// Numbers of pixels, (height, width), as narrow as their source has them.
#[derive(Debug, Clone)]
pub enum GreyValues {
    /// Whole numbers of 0 to 255.
    Bytes(Array2<u8>),
    /// Whole numbers of 0 to 65535.
    Words(Array2<u16>),
    /// Any numbers.
    Floats(Array2<f32>),
}

impl GreyValues {
    pub(super) fn size(&self) -> Size {
        match self {
            Self::Bytes(values) => values.dim(),
            Self::Words(values) => values.dim(),
            Self::Floats(values) => values.dim(),
        }
        .into()
    }

    /// With its rows one after the other in memory.
    pub(super) fn by_rows(self) -> Self {
        match self {
            Self::Bytes(values) => Self::Bytes(planes::by_rows(values)),
            Self::Words(values) => Self::Words(planes::by_rows(values)),
            Self::Floats(values) => Self::Floats(planes::by_rows(values)),
        }
    }
}

impl From<GreyValues> for Values {
    fn from(stored: GreyValues) -> Self {
        Self { stored, floats: OnceLock::new() }
    }
}

impl Values {
    pub(super) fn size(&self) -> Size {
        self.stored.size()
    }

    /// All as floats; kept once they are made.
    pub(super) fn floats(&self) -> &Array2<f32> {
        match &self.stored {
            GreyValues::Bytes(values) => self.floats.get_or_init(|| values.mapv(f32::from)),
            GreyValues::Words(values) => self.floats.get_or_init(|| values.mapv(f32::from)),
            GreyValues::Floats(values) => values,
        }
    }

    /// A row as floats.
    pub(super) fn row(&self, row: usize) -> Cow<'_, [f32]> {
        match &self.stored {
            GreyValues::Bytes(values) => values.row(row).iter().map(|&value| value.into()).collect(),
            GreyValues::Words(values) => values.row(row).iter().map(|&value| value.into()).collect(),
            GreyValues::Floats(values) => {
                let row = values.slice(s![row, ..]);
                row.to_slice().map_or_else(|| row.iter().copied().collect(), Cow::Borrowed)
            }
        }
    }

    /// The values at two percentiles, as [`window::percentiles`] of floats: whole numbers are counted, not sorted.
    pub(super) fn percentiles(&self, low: f32, high: f32) -> (f32, f32) {
        let mut counts = vec![0_usize; 1 << 16];
        match &self.stored {
            GreyValues::Bytes(values) => values.iter().for_each(|&value| counts[usize::from(value)] += 1),
            GreyValues::Words(values) => values.iter().for_each(|&value| counts[usize::from(value)] += 1),
            GreyValues::Floats(values) => return window::percentiles(values, low, high),
        }
        let pixels = self.size().area();
        let at = |rank: usize| {
            let mut before = 0;
            let reaches = |count: &usize| {
                before += count;
                before > rank
            };
            counts.iter().position(reaches).unwrap_or(0) as f32
        };
        let percentile =
            |percent| window::percentile(pixels, percent, |rank| (at(rank), at((rank + 1).min(pixels - 1))));
        if pixels == 0 { (0.0, 0.0) } else { (percentile(low), percentile(high)) }
    }

    /// The values through a function of each, `all`, which gets an array of values and returns one of its shape.
    pub(super) fn through(&self, all: impl Fn(&Array2<f32>) -> Array2<f32>) -> Through<'_> {
        let pixels = self.size().area();
        let table = |count: usize| all(&Array2::from_shape_fn((1, count), |(_, value)| value as f32)).into_iter();
        match &self.stored {
            GreyValues::Bytes(values) => {
                let mut bytes = [0.0; 256];
                bytes.iter_mut().zip(table(256)).for_each(|(entry, result)| *entry = result);
                Through::Bytes(values, Box::new(bytes))
            }
            GreyValues::Words(values) => {
                let count = usize::from(values.iter().fold(0, |most, &value| most.max(value))) + 1;
                if count > pixels {
                    Through::Floats(all(self.floats()))
                } else {
                    Through::Words(values, table(count).collect())
                }
            }
            GreyValues::Floats(values) => Through::Floats(all(values)),
        }
    }
}

/// Values through a function: a table of its results, or the results.
pub(super) enum Through<'a> {
    Bytes(&'a Array2<u8>, Box<[f32; 256]>),
    Words(&'a Array2<u16>, Vec<f32>),
    Floats(Array2<f32>),
}

impl Through<'_> {
    /// All results, (height, width).
    pub(super) fn all(self) -> Array2<f32> {
        match self {
            Self::Bytes(values, table) => values.mapv(|value| table[usize::from(value)]),
            Self::Words(values, table) => values.mapv(|value| table[usize::from(value)]),
            Self::Floats(results) => results,
        }
    }

    /// Writes the results of a part of a row.
    pub(super) fn row(&self, row: usize, columns: Range<usize>, out: &mut [f32]) {
        match self {
            Self::Bytes(values, table) => {
                let row = part(values, row, columns);
                out.iter_mut().zip(row).for_each(|(out, &value)| *out = table[usize::from(value)]);
            }
            Self::Words(values, table) => {
                let row = part(values, row, columns);
                out.iter_mut().zip(row).for_each(|(out, &value)| *out = table[usize::from(value)]);
            }
            Self::Floats(results) => out.copy_from_slice(part(results, row, columns)),
        }
    }
}

/// A part of a row of a plane whose rows are one after the other in memory.
fn part<T>(plane: &Array2<T>, row: usize, columns: Range<usize>) -> &[T] {
    let from = row * plane.ncols();
    &plane.as_slice().expect("planes are row-major")[from + columns.start..from + columns.end]
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn narrow_values_are_those_of_floats() {
        let floats = array![[0.0_f32, 3.0, 255.0], [7.0, 7.0, 1.0]];
        let all = |values: &Array2<f32>| values.mapv(|value| value / 3.0);
        let kinds = [
            GreyValues::Bytes(floats.mapv(|value| value as u8)),
            GreyValues::Words(floats.mapv(|value| value as u16)),
            GreyValues::Floats(floats.clone()),
        ];
        for values in kinds.map(Values::from) {
            assert_eq!((values.size(), values.floats()), (Size::new(2, 3), &floats));
            assert_eq!(*values.row(0), [0.0, 3.0, 255.0]);
            let mut row = [0.0; 2];
            values.through(all).row(1, 1..3, &mut row);
            assert_eq!(row, [7.0 / 3.0, 1.0 / 3.0]);
            assert_eq!(values.through(all).all(), all(&floats));
            for (low, high) in [(0.0, 100.0), (10.0, 50.0), (33.0, 99.0), (80.0, 99.5)] {
                assert_eq!(values.percentiles(low, high), window::percentiles(&floats, low, high));
            }
        }
    }

    #[test]
    fn a_table_is_only_as_long_as_the_image_is_worth() {
        let values = Values::from(GreyValues::Words(Array2::from_elem((10, 10), 99)));
        assert!(matches!(values.through(Array2::clone), Through::Words(_, table) if table.len() == 100));
        let values = Values::from(GreyValues::Words(Array2::from_elem((10, 10), 100)));
        assert!(matches!(values.through(Array2::clone), Through::Floats(_)));
    }
}
