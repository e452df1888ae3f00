//! Axes with round numbers.

/// Maps values to positions in the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Axis {
    values: (f64, f64),
    places: (f64, f64),
}

impl Axis {
    /// Maps the first value to the first position, and the second value to the second.
    #[must_use]
    pub fn new(values: (f64, f64), places: (f64, f64)) -> Self {
        Self { values, places }
    }

    /// An axis with round ends that covers both values, within `bounds` as far as `bounds` covers them.
    #[must_use]
    pub fn round((low, high): (f64, f64), bounds: (f64, f64), places: (f64, f64)) -> Self {
        let (low, high) =
            if low < high { (low, high) } else { (low - 0.1 * low.abs().max(0.1), high + 0.1 * high.abs().max(0.1)) };
        let (low, high) = (low.max(bounds.0), high.min(bounds.1));
        let step = step(high - low, 5.0);
        // a value within rounding of a round number counts as that number
        let (first, last) = ((low / step + 1e-9).floor(), (high / step - 1e-9).ceil());
        Self::new((first * step, last * step), places)
    }

    /// The position of a value.
    #[must_use]
    pub fn place(&self, value: f64) -> f64 {
        let share = (value - self.values.0) / (self.values.1 - self.values.0);
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    /// Round values within the range, about `about` of them, with their labels; `whole` leaves out fractions.
    #[must_use]
    pub fn ticks(&self, about: f64, whole: bool) -> Vec<(f64, String)> {
        let mut step = step(self.values.1 - self.values.0, about);
        if whole && step.fract() != 0.0 {
            step = if step < 1.0 { 1.0 } else { 5.0 };
        }
        let (first, last) = ((self.values.0 / step - 1e-6).ceil() as i64, (self.values.1 / step + 1e-6).floor() as i64);
        let decimals = (-(step * 1.000_001).log10().floor()).max(0.0) as usize;
        // 0.25 needs one digit more than 0.2
        let decimals = decimals + usize::from((step * 10_f64.powi(decimals as i32)).fract() > 1e-6);
        (first..=last).map(|i| i as f64 * step).map(|value| (value, format!("{value:.decimals$}"))).collect()
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that divides a range into at most `about` steps.
fn step(range: f64, about: f64) -> f64 {
    let rough = range.max(1e-9) / about;
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 2.5, 5.0]
        .into_iter()
        .map(|step| step * power)
        .find(|&step| step >= rough * 0.999_999)
        .unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Range = (f64, f64);

    const ALL: Range = (f64::NEG_INFINITY, f64::INFINITY);

    #[test]
    fn ends_and_ticks_are_round() {
        let cases: [(Range, Range, &[&str]); 7] = [
            ((0.12, 0.93), ALL, &["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
            ((0.81, 0.87), (0.0, 1.0), &["0.80", "0.82", "0.84", "0.86", "0.88"]),
            ((0.05, 1.2), ALL, &["0.00", "0.25", "0.50", "0.75", "1.00", "1.25"]),
            ((3.0, 3.0), ALL, &["2.6", "2.8", "3.0", "3.2", "3.4"]),
            ((1.0, 1.0), (0.0, 1.0), &["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]),
            ((0.0, 0.0), (0.0, 1.0), &["0.000", "0.002", "0.004", "0.006", "0.008", "0.010"]),
            ((-30.0, 40.0), ALL, &["-40", "-20", "0", "20", "40"]),
        ];
        for (values, bounds, expected) in cases {
            let ticks = Axis::round(values, bounds, (100.0, 0.0)).ticks(5.0, false);
            assert_eq!(ticks.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), expected, "{values:?}");
        }
    }

    #[test]
    fn epochs_are_whole() {
        for (epochs, expected) in
            [(1.0, vec!["1"]), (3.0, vec!["1", "2", "3"]), (25.0, vec!["5", "10", "15", "20", "25"])]
        {
            let ticks = Axis::new((0.5, epochs + 0.5), (0.0, 1.0)).ticks(8.0, true);
            assert_eq!(ticks.into_iter().map(|(_, text)| text).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn places_are_in_proportion() {
        let axis = Axis::new((0.0, 2.0), (100.0, 0.0));
        assert_eq!([0.0, 0.5, 2.0].map(|value| axis.place(value)), [100.0, 75.0, 0.0]);
    }
}
