//! Checks of a plugin's inputs and results, in this process or another.

use ndarray::ArrayView2;

use super::{Fault, MAX_SIDE, Size};
use crate::planes;

/// The highest plausible number of views.
const MAX_VIEWS: usize = 1024;
/// How far an intensity may be outside of 0..=1, because of interpolation's rounding.
const SLACK: f32 = 1e-3;

/// Checks an input: not empty, not huge, finite.
pub(super) fn input(what: &str, plane: ArrayView2<'_, f32>) -> Result<(), Fault> {
    possible(what, plane.dim().into())?;
    match planes::not_finite(&plane) {
        0 => Ok(()),
        count => Err(Fault::TakesNan { what: what.to_owned(), count }),
    }
}

/// Checks the size of an input.
pub(super) fn possible(what: &str, size: Size) -> Result<(), Fault> {
    if is_possible(size) {
        return Ok(());
    }
    let Size { height, width } = size;
    Err(Fault::Input(format!("the {what} is {height}x{width}; expected sides from 1 to {MAX_SIDE}")))
}

/// Checks a resulting map: finite.
pub(super) fn map(plane: ArrayView2<'_, f32>) -> Result<(), Fault> {
    match planes::not_finite(&plane) {
        0 => Ok(()),
        count => Err(Fault::ReturnedNan(count)),
    }
}

/// Checks a resulting image, whose pixels are finite: within 0..=1.
pub(super) fn image(plane: ArrayView2<'_, f32>) -> Result<(), Fault> {
    let (low, high) = planes::range(&plane);
    if low < -SLACK || high > 1.0 + SLACK { Err(Fault::Range { low, high }) } else { Ok(()) }
}

/// Checks a number of views.
pub(super) fn views(views: usize) -> Result<usize, Fault> {
    if (1..=MAX_VIEWS).contains(&views) { Ok(views) } else { Err(Fault::Views(views)) }
}

/// Checks the size of a view.
pub(super) fn view_size(view: usize, size: Size) -> Result<Size, Fault> {
    let Size { height, width } = size;
    if is_possible(size) { Ok(size) } else { Err(Fault::ViewSize { view, height, width }) }
}

fn is_possible(Size { height, width }: Size) -> bool {
    (1..=MAX_SIDE).contains(&height) && (1..=MAX_SIDE).contains(&width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn inputs_are_finite_and_of_a_possible_size() {
        assert_eq!(input("map", array![[0.0, 1.0]].view()), Ok(()));
        let nan = Fault::TakesNan { what: "map".into(), count: 2 };
        assert_eq!(input("map", array![[f32::NAN, 1.0, f32::INFINITY]].view()), Err(nan));
        assert!(matches!(input("map", Array2::zeros((0, 3)).view()), Err(Fault::Input(_))));
        assert!(matches!(input("map", Array2::zeros((1, MAX_SIDE + 1)).view()), Err(Fault::Input(_))));
    }

    #[test]
    fn images_stay_between_black_and_white_where_maps_need_not() {
        assert_eq!(image(array![[0.0, 1.0 + 1e-5]].view()), Ok(()));
        assert_eq!(image(array![[-0.5, 2.0]].view()), Err(Fault::Range { low: -0.5, high: 2.0 }));
        assert_eq!(map(array![[-0.5, 2.0]].view()), Ok(()));
        assert_eq!(map(array![[f32::NAN, 2.0]].view()), Err(Fault::ReturnedNan(1)));
    }

    #[test]
    fn views_are_neither_none_nor_absurd() {
        assert_eq!(
            (views(0), views(1), views(usize::MAX)),
            (Err(Fault::Views(0)), Ok(1), Err(Fault::Views(usize::MAX)))
        );
        let longest = Size::new(1, MAX_SIDE);
        assert_eq!(view_size(2, longest), Ok(longest));
        let absurd = Fault::ViewSize { view: 2, height: 0, width: 9 };
        assert_eq!(view_size(2, Size::new(0, 9)), Err(absurd));
    }
}
