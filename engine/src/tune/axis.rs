//! The values at which a number is tried, in the user's notation.

use std::str::FromStr;

use super::error::TuneError;

/// The maximum number of values of one number.
const MOST: f64 = 10_000.0;

/// A key with its values: `KEY=FROM:TO:STEP`, `KEY=VALUE` or `KEY=VALUE,VALUE`.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// The manifest's key: `postprocess[0].params.above`.
    pub key: String,
    /// The values, ascending and distinct.
    pub values: Vec<f64>,
    /// Whether all of them were written without a decimal point.
    pub whole: bool,
}

impl FromStr for Axis {
    type Err = TuneError;

    fn from_str(text: &str) -> Result<Self, TuneError> {
        let fault = |fault: String| TuneError::Axis { text: text.into(), fault };
        let (key, list) = text.split_once('=').ok_or_else(|| fault("expected an `=`".into()))?;
        let number = |text: &str| match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(fault(format!("expected a number, found `{text}`"))),
        };
        let values = match *list.split(':').collect::<Vec<_>>() {
            [list] => list.split(',').map(number).collect::<Result<Vec<_>, _>>()?,
            [from, to, step] => range(number(from)?, number(to)?, number(step)?).map_err(fault)?,
            _ => return Err(fault("expected a range FROM:TO:STEP".into())),
        };
        let whole = !list.contains(['.', 'e', 'E']);
        Ok(Self { key: key.trim().into(), values: sorted(values), whole })
    }
}

/// From one number to another, both included if a step reaches the end.
fn range(from: f64, to: f64, step: f64) -> Result<Vec<f64>, String> {
    if step <= 0.0 {
        return Err(format!("expected a step above 0, found {step}"));
    }
    if to < from {
        return Err(format!("the range is empty: {from} is above {to}"));
    }
    // A last value beyond the end by rounding still counts as the end.
    let steps = ((to - from) / step + 1e-6).floor();
    if steps >= MOST {
        return Err(format!("the range has {} values, more than {MOST}", steps + 1.0));
    }
    Ok((0..=steps as usize).map(|index| from + index as f64 * step).collect())
}

/// Values rounded as people write them (0.3, not 0.30000000000000004), ascending and distinct.
pub fn sorted(values: Vec<f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.into_iter().map(|value| (value * 1e9).round() / 1e9).collect();
    values.sort_by(f64::total_cmp);
    values.dedup();
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_lists_and_single_values() {
        let table = [
            ("a.b=0.1:0.5:0.1", vec![0.1, 0.2, 0.3, 0.4, 0.5], false),
            ("a = 10:35:10", vec![10.0, 20.0, 30.0], true),
            ("a=0.7,0.3,0.3", vec![0.3, 0.7], false),
            ("a[0].b=7", vec![7.0], true),
            ("a=0.5:0.5:1", vec![0.5], false),
        ];
        for (text, values, whole) in table {
            let axis: Axis = text.parse().unwrap();
            assert_eq!((axis.values, axis.whole), (values, whole), "{text}");
        }
    }

    #[test]
    fn faults_are_told() {
        let table = [
            ("a", "expected an `=`"),
            ("a=0.1:0.5", "expected a range FROM:TO:STEP"),
            ("a=0.5:0.1:0.1", "the range is empty: 0.5 is above 0.1"),
            ("a=0.1:0.5:0", "expected a step above 0, found 0"),
            ("a=0:1:0.00001", "more than 10000"),
            ("a=x", "expected a number, found `x`"),
            ("a=", "expected a number, found ``"),
            ("a=nan", "expected a number, found `nan`"),
        ];
        for (text, message) in table {
            let error = text.parse::<Axis>().unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }
}
