//! Areas with the size at which they are counted.

use crate::Size;

/// A number of pixels at a given image size. An area means nothing without that size: 800 pixels of 768² are as much of
/// the lung as 1422 of 1024².
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    area: u64,
    at: [u32; 2],
}

impl Area {
    /// `area` pixels of an image of `at` = [height, width].
    ///
    /// # Errors
    /// If `area` is 0 or more than the image has, or a side is 0; the message names the parameter.
    pub fn new(area: u64, at: [u32; 2]) -> Result<Self, String> {
        let [height, width] = at;
        if height == 0 || width == 0 {
            return Err(format!("expected sides of at least 1 in `at`, found [{height}, {width}]"));
        }
        let most = u64::from(height) * u64::from(width);
        if area == 0 || area > most {
            return Err(format!("`area` is {area}, expected 1 to {most} (the pixels of `at`)"));
        }
        Ok(Self { area, at })
    }

    /// Whether `count` pixels of an image of `size` are at least this area.
    ///
    /// Compared by cross-multiplication, `count / size >= area / at`, so that rounding cannot decide.
    #[must_use]
    pub fn reached_by(self, count: usize, size: Size) -> bool {
        let pixels = |height: u128, width: u128| height * width;
        let at = pixels(self.at[0].into(), self.at[1].into());
        count as u128 * at >= u128::from(self.area) * pixels(size.height as u128, size.width as u128)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_belongs_to_what_is_kept() {
        let area = Area::new(800, [768, 768]).unwrap();
        assert!(area.reached_by(800, Size::new(768, 768)) && !area.reached_by(799, Size::new(768, 768)));
        // 800 · 1024² / 768² = 1422.2…
        assert!(area.reached_by(1423, Size::new(1024, 1024)) && !area.reached_by(1422, Size::new(1024, 1024)));
        // exactly a quarter of the pixels
        assert!(area.reached_by(200, Size::new(384, 384)) && !area.reached_by(199, Size::new(384, 384)));
        // the sides may shrink by different factors
        assert!(area.reached_by(400, Size::new(768, 384)) && !area.reached_by(399, Size::new(384, 768)));
    }

    #[test]
    fn the_parameter_is_named() {
        let message = |area, at| Area::new(area, at).unwrap_err();
        assert_eq!(message(5, [0, 4]), "expected sides of at least 1 in `at`, found [0, 4]");
        assert_eq!(message(0, [4, 4]), "`area` is 0, expected 1 to 16 (the pixels of `at`)");
        assert_eq!(message(17, [4, 4]), "`area` is 17, expected 1 to 16 (the pixels of `at`)");
        assert!(Area::new(16, [4, 4]).is_ok());
    }
}
