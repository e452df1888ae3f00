//! Lookup tables: modality, VOI and palette (DICOM PS3.3 C.11.1, C.11.2 and C.7.6.3.1.5).

use dicom_core::Tag;
use dicom_dictionary_std::tags;

use super::attributes::Attributes;
use super::dataset;
use super::error::DicomFault;

/// A table of `bits`-wide entries for consecutive values, starting at `first`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lut {
    first: i32,
    entries: Vec<u16>,
    bits: u32,
}

impl Lut {
    /// Reads an item of a modality or VOI LUT sequence. `signed` is whether the input values are signed, which
    /// determines the sign of the descriptor's first value, whatever its VR.
    pub(super) fn from_item(item: &Attributes, signed: bool) -> Result<Self, DicomFault> {
        Self::read(item, (tags::LUT_DESCRIPTOR, "LUTDescriptor"), (tags::LUT_DATA, "LUTData"), signed)
    }

    /// Reads a table from the two attributes that hold it.
    pub(super) fn read(
        attributes: &Attributes,
        descriptor: (Tag, &'static str),
        data: (Tag, &'static str),
        signed: bool,
    ) -> Result<Self, DicomFault> {
        let words = dataset::words(attributes, descriptor.0).ok_or(DicomFault::Missing(descriptor.1))?;
        let &[count, first, bits] = words.as_slice() else {
            return Err(DicomFault::invalid(descriptor.1, format!("{words:?}"), "expected three numbers"));
        };
        if !(1..=16).contains(&bits) {
            return Err(DicomFault::invalid(descriptor.1, format!("{words:?}"), "expected entries of 1 to 16 bits"));
        }
        // 0 stands for 65536, which 16 bits cannot hold
        let count = if count == 0 { 65536 } else { usize::from(count) };
        let first = if signed { i32::from(first.cast_signed()) } else { i32::from(first) };
        let bytes = dataset::bytes(attributes, data.0).ok_or(DicomFault::Missing(data.1))?;
        let entries = unpack(&bytes, count).ok_or_else(|| {
            DicomFault::invalid(data.1, format!("{} bytes long", bytes.len()), format!("expected {count} entries"))
        })?;
        Ok(Self { first, entries, bits: bits.into() })
    }

    /// The entry for a value; values outside of the table take the first or last entry.
    pub(super) fn get(&self, value: i32) -> u16 {
        let index = i64::from(value) - i64::from(self.first);
        self.entries[index.clamp(0, self.entries.len() as i64 - 1) as usize]
    }

    /// The entry for a value as a fraction of the largest entry that the bits can hold, at most 1.
    pub(super) fn fraction(&self, value: i32) -> f32 {
        (f64::from(self.get(value)) / f64::from(self.max())).min(1.0) as f32
    }

    /// The largest entry that the bits can hold.
    pub(super) fn max(&self) -> u16 {
        (u32::from(u16::MAX) >> (16 - self.bits)) as u16
    }
}

impl Lut {
    /// A remark on entries that leave at least the upper two of their bits empty: some vendors declare 16 bits and
    /// write 12, and the image as declared is almost black.
    pub(super) fn unused_bits(&self) -> Option<String> {
        let highest = self.entries.iter().max()?;
        let needed = (u16::BITS - highest.leading_zeros()).max(1);
        let bits = self.bits;
        (needed + 2 <= bits)
            .then(|| format!("the VOI LUT declares {bits} bits, but uses {needed}: the picture is dark"))
    }
}

/// Entries of one or of two bytes (little endian), depending on the number of bytes.
fn unpack(bytes: &[u8], count: usize) -> Option<Vec<u16>> {
    if bytes.len() == 2 * count {
        Some(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect())
    } else if bytes.len() == count.next_multiple_of(2) || bytes.len() == count {
        Some(bytes[..count].iter().map(|&byte| byte.into()).collect())
    } else {
        None
    }
}

/// The three tables of a PALETTE COLOR image.
#[derive(Debug, Clone)]
pub(super) struct Palette {
    pub(super) red: Lut,
    pub(super) green: Lut,
    pub(super) blue: Lut,
}

impl Palette {
    /// Reads the palette; a segmented one is an error.
    pub(super) fn read(attributes: &Attributes, signed: bool) -> Result<Self, DicomFault> {
        if attributes.get(tags::SEGMENTED_RED_PALETTE_COLOR_LOOKUP_TABLE_DATA).is_some() {
            return Err(DicomFault::Unsupported("a segmented palette".into()));
        }
        let red = Lut::read(
            attributes,
            (tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, "RedPaletteColorLookupTableDescriptor"),
            (tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA, "RedPaletteColorLookupTableData"),
            signed,
        )?;
        let green = Lut::read(
            attributes,
            (tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, "GreenPaletteColorLookupTableDescriptor"),
            (tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA, "GreenPaletteColorLookupTableData"),
            signed,
        )?;
        let blue = Lut::read(
            attributes,
            (tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DESCRIPTOR, "BluePaletteColorLookupTableDescriptor"),
            (tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA, "BluePaletteColorLookupTableData"),
            signed,
        )?;
        Ok(Self { red, green, blue })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_outside_take_the_ends() {
        let lut = Lut { first: -2, entries: vec![10, 20, 30], bits: 8 };
        assert_eq!([-9, -2, -1, 0, 1, i32::MAX].map(|value| lut.get(value)), [10, 10, 20, 30, 30, 30]);
        assert_eq!(lut.fraction(-1), 20.0 / 255.0);
        assert_eq!([1, 8, 12, 16].map(|bits| Lut { bits, ..lut.clone() }.max()), [1, 255, 4095, 65535]);
    }

    #[test]
    fn bits_that_are_declared_but_not_used() {
        let lut = Lut { first: 0, entries: vec![0, 4095], bits: 16 };
        assert_eq!(lut.unused_bits().unwrap(), "the VOI LUT declares 16 bits, but uses 12: the picture is dark");
        assert_eq!([12, 13].map(|bits| Lut { bits, ..lut.clone() }.unused_bits()), [None, None]);
    }

    #[test]
    fn entries_of_one_or_two_bytes() {
        assert_eq!(unpack(&[1, 0, 2, 1], 2), Some(vec![1, 258]));
        assert_eq!(unpack(&[1, 2, 3, 0], 3), Some(vec![1, 2, 3]));
        assert_eq!(unpack(&[1, 2, 3], 3), Some(vec![1, 2, 3]));
        assert_eq!(unpack(&[1, 2, 3], 2), None);
    }
}
