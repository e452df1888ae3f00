//! Where and how large things are in the patient.

use dicom_dictionary_std::tags;

use super::Radiograph;
use crate::Size;

impl Radiograph {
    /// The spacing of the pixels of a mask or map of the whole image that has `size`, (row, column) in mm.
    #[must_use]
    pub fn spacing_at(&self, size: Size) -> Option<(f32, f32)> {
        let (own, (row, column)) = (self.size(), self.spacing?);
        let scaled = |spacing: f32, pixels: usize, of: usize| spacing * pixels as f32 / of as f32;
        Some((scaled(row, own.height, size.height), scaled(column, own.width, size.width)))
    }

    /// Whether [`spacing`](Self::spacing) is that at the detector, where everything is larger than in the patient: the
    /// file states ImagerPixelSpacing, but no PixelSpacing.
    #[must_use]
    pub fn is_measured_at_detector(&self) -> bool {
        let states = |tag| self.source().is_some_and(|source| source.ascii(tag).is_some());
        self.spacing.is_some() && !states(tags::PIXEL_SPACING) && states(tags::IMAGER_PIXEL_SPACING)
    }

    /// The patient's sides at the picture's left and right edge, such as `['R', 'L']`, by PatientOrientation; `None` if
    /// the file does not state it, or the picture is a lateral one.
    #[must_use]
    pub fn sides(&self) -> Option<[char; 2]> {
        match self.source()?.ascii(tags::PATIENT_ORIENTATION)?.chars().next()? {
            // where columns grow to
            'L' => Some(['R', 'L']),
            'R' => Some(['L', 'R']),
            _ => None,
        }
    }
}
