//! A radiograph's modality values, as narrow as its file holds them: a quarter or half of the memory of floats, and a
//! table of as many entries as there are values replaces arithmetic for each pixel.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::OnceLock;

use ndarray::{Array2, s};

use crate::Size;

/// Modality values, (height, width), row-major.
#[derive(Debug, Clone)]
pub(super) struct Values {
    stored: Stored,
    /// The same as floats, made when they are asked for.
    floats: OnceLock<Array2<f32>>,
}

/// The numbers of a file.
#[derive(Debug, Clone)]
pub(super) enum Stored {
    /// Whole numbers of 0 to 255.
    Bytes(Array2<u8>),
    /// Whole numbers of 0 to 65535.
    Words(Array2<u16>),
    /// Any numbers.
    Floats(Array2<f32>),
}

impl From<Stored> for Values {
    fn from(stored: Stored) -> Self {
        Self { stored, floats: OnceLock::new() }
    }
}

impl Values {
    pub(super) fn size(&self) -> Size {
        match &self.stored {
            Stored::Bytes(values) => values.dim(),
            Stored::Words(values) => values.dim(),
            Stored::Floats(values) => values.dim(),
        }
        .into()
    }

    /// All as floats; kept once they are made.
    pub(super) fn floats(&self) -> &Array2<f32> {
        match &self.stored {
            Stored::Bytes(values) => self.floats.get_or_init(|| values.mapv(f32::from)),
            Stored::Words(values) => self.floats.get_or_init(|| values.mapv(f32::from)),
            Stored::Floats(values) => values,
        }
    }

    /// A row as floats.
    pub(super) fn row(&self, row: usize) -> Cow<'_, [f32]> {
        match &self.stored {
            Stored::Bytes(values) => values.row(row).iter().map(|&value| value.into()).collect(),
            Stored::Words(values) => values.row(row).iter().map(|&value| value.into()).collect(),
            Stored::Floats(values) => {
                let row = values.slice(s![row, ..]);
                row.to_slice().map_or_else(|| row.iter().copied().collect(), Cow::Borrowed)
            }
        }
    }

    /// The values through a function of each, `all`, which gets an array of values and returns one of its shape.
    pub(super) fn through(&self, all: impl Fn(&Array2<f32>) -> Array2<f32>) -> Through<'_> {
        let pixels = self.size().area();
        let table = |count: usize| all(&Array2::from_shape_fn((1, count), |(_, value)| value as f32)).into_iter();
        match &self.stored {
            Stored::Bytes(values) => {
                let mut bytes = [0.0; 256];
                bytes.iter_mut().zip(table(256)).for_each(|(entry, result)| *entry = result);
                Through::Bytes(values, Box::new(bytes))
            }
            Stored::Words(values) => {
                let count = usize::from(values.iter().fold(0, |most, &value| most.max(value))) + 1;
                if count > pixels {
                    Through::Floats(all(self.floats()))
                } else {
                    Through::Words(values, table(count).collect())
                }
            }
            Stored::Floats(values) => Through::Floats(all(values)),
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
                let row = values.slice(s![row, columns]);
                out.iter_mut().zip(row).for_each(|(out, &value)| *out = table[usize::from(value)]);
            }
            Self::Words(values, table) => {
                let row = values.slice(s![row, columns]);
                out.iter_mut().zip(row).for_each(|(out, &value)| *out = table[usize::from(value)]);
            }
            Self::Floats(results) => out.iter_mut().zip(results.slice(s![row, columns])).for_each(|(out, &v)| *out = v),
        }
    }
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
            Stored::Bytes(floats.mapv(|value| value as u8)),
            Stored::Words(floats.mapv(|value| value as u16)),
            Stored::Floats(floats.clone()),
        ];
        for values in kinds.map(Values::from) {
            assert_eq!((values.size(), values.floats()), (Size::new(2, 3), &floats));
            assert_eq!(*values.row(0), [0.0, 3.0, 255.0]);
            let mut row = [0.0; 2];
            values.through(all).row(1, 1..3, &mut row);
            assert_eq!(row, [7.0 / 3.0, 1.0 / 3.0]);
            assert_eq!(values.through(all).all(), all(&floats));
        }
    }

    #[test]
    fn a_table_is_only_as_long_as_the_image_is_worth() {
        let values = Values::from(Stored::Words(Array2::from_elem((10, 10), 99)));
        assert!(matches!(values.through(Array2::clone), Through::Words(_, table) if table.len() == 100));
        let values = Values::from(Stored::Words(Array2::from_elem((10, 10), 100)));
        assert!(matches!(values.through(Array2::clone), Through::Floats(_)));
    }
}
