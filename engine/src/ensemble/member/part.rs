//! The part of an image that a member sees.

use super::Member;
use crate::ensemble::task::{ImageTask, Region};
use crate::manifest::Fit;
use crate::{Radiograph, Size};

/// What of an image is seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Part {
    /// Only the crop stage's box.
    pub crop: bool,
    /// Only the box of pixels that are not 0.
    pub nonzero: bool,
    /// Of that, only the square in the centre.
    pub square: bool,
}

impl Part {
    pub fn of(member: &crate::manifest::Member) -> Self {
        let square = member.input.fit == Fit::CenterSquare;
        Self { crop: member.crop, nonzero: member.crop_to_nonzero, square }
    }

    /// The box that is seen, if not all of the image; `region` is the crop stage's.
    pub fn region(self, radiograph: &Radiograph, region: Option<Region>) -> Option<Region> {
        let region = region.filter(|_| self.crop);
        let mut part = region.unwrap_or(Region::whole(radiograph.size()));
        if self.nonzero {
            part = nonzero(radiograph, part);
        }
        if self.square {
            part = square(part);
        }
        Some(part).filter(|part| region.is_some() || *part != Region::whole(part.of))
    }
}

/// The square in the centre.
fn square(Region { top, left, height, width, of }: Region) -> Region {
    let side = height.min(width);
    let (top, left) = (top + height / 2 - side / 2, left + width / 2 - side / 2);
    Region { top, left, height: side, width: side, of }
}

impl Member {
    /// The part of the image that is the network's input, if not all of it.
    pub fn region(&self, radiograph: &Radiograph, task: &ImageTask) -> Option<Region> {
        Part::of(&self.manifest).region(radiograph, task.region)
    }

    /// Size of the place in the output that the network's map is brought to.
    pub fn place(&self, radiograph: &Radiograph, task: &ImageTask) -> Size {
        self.region(radiograph, task).map_or(task.size, |region| region.at(task.size).size())
    }
}

/// The box of the pixels that are not 0; all of it if there is none.
fn nonzero(radiograph: &Radiograph, within: Region) -> Region {
    let zero = radiograph.zero();
    // the first and the last marked pixel of a row
    let ends = |row: usize| {
        let values = radiograph.row(within.top + row);
        let values = &values[within.left..within.left + within.width];
        let first = values.iter().position(|&value| value != zero)?;
        Some((first, values.iter().rposition(|&value| value != zero)?))
    };
    let rows = || 0..within.height;
    let (Some(top), Some(bottom)) = (rows().find(|&row| ends(row).is_some()), rows().rfind(|&row| ends(row).is_some()))
    else {
        return within;
    };
    let (mut left, mut right) = (within.width, 0);
    for (first, last) in (top..=bottom).filter_map(ends) {
        (left, right) = (left.min(first), right.max(last + 1));
    }
    let (height, width) = (bottom + 1 - top, right - left);
    Region { top: within.top + top, left: within.left + left, height, width, of: within.of }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::radiograph::ValuesAbout;

    fn radiograph(values: Array2<f32>, inverted: bool) -> Radiograph {
        let about = ValuesAbout { id: "a".into(), range: (0.0, 255.0), inverted, spacing: None };
        Radiograph::try_from_values(values, about).unwrap()
    }

    #[test]
    fn a_box_holds_all_that_is_not_black() {
        let part = Part { crop: true, nonzero: true, square: false };
        let mut values = Array2::zeros((6, 7));
        for place in [(1, 4), (2, 2), (4, 3), (3, 5)] {
            values[place] = 9.0;
        }
        let image = radiograph(values.clone(), false);
        let of = Size::new(6, 7);
        let expected = Region { top: 1, left: 2, height: 4, width: 4, of };
        assert_eq!(part.region(&image, None), Some(expected));
        let within = Region { top: 2, left: 1, height: 4, width: 3, of };
        assert_eq!(part.region(&image, Some(within)), Some(Region { top: 2, left: 2, height: 3, width: 2, of }));
        // MONOCHROME1: black is 255
        let image = radiograph(values.mapv(|value| 255.0 - value), true);
        assert_eq!(part.region(&image, None), Some(expected));
    }

    #[test]
    fn the_square_in_the_centre_is_that_of_torchxrayvision() {
        let part = Part { square: true, ..Part::default() };
        let of = Size::new(9, 4);
        // XRayCenterCrop: 9 // 2 - 4 // 2
        let expected = Region { top: 2, left: 0, height: 4, width: 4, of };
        assert_eq!(part.region(&radiograph(Array2::zeros((9, 4)), false), None), Some(expected));
        assert_eq!(part.region(&radiograph(Array2::zeros((4, 4)), false), None), None);
    }

    #[test]
    fn a_black_image_and_one_without_a_border_stay_whole() {
        let part = Part { crop: false, nonzero: true, square: false };
        assert_eq!(part.region(&radiograph(Array2::zeros((3, 4)), false), None), None);
        assert_eq!(part.region(&radiograph(Array2::ones((3, 4)), false), None), None);
    }
}
