//! Gradients of operators that pick places along an axis: products with a matrix of 0 and 1.

use crate::trace::Trace;

/// The largest matrix, in numbers.
const MOST: usize = 1 << 24;

/// Gives each place of an axis of `length` the sum of the gradients of the places that show it: `shown` has for each
/// place of the result the one that it shows, or none.
///
/// # Errors
/// If the axis is too long.
pub fn given_back(
    t: &mut Trace,
    gradient: &str,
    axis: usize,
    shown: &[Option<usize>],
    length: usize,
) -> Result<String, String> {
    if shown.len().saturating_mul(length) > MOST {
        return Err(format!("picking {} of {length} places has no gradient: there are too many", shown.len()));
    }
    let mut matrix = vec![0.0; shown.len() * length];
    for (place, shown) in shown.iter().enumerate() {
        if let Some(shown) = shown {
            matrix[place * length + shown] = 1.0;
        }
    }
    let matrix = t.floats(&[shown.len(), length], matrix);
    if t.shape(gradient).len() == 1 {
        let row = t.reshape(gradient, &[1, shown.len()]);
        let product = t.matmul(&row, &matrix);
        return Ok(t.reshape(&product, &[length]));
    }
    // the axis comes last, and goes back; exchanging two axes is its own inverse
    let mut order: Vec<i64> = (0..t.shape(gradient).len() as i64).collect();
    let last = order.len() - 1;
    order.swap(axis, last);
    let moved = t.transpose(gradient, &order);
    let product = t.matmul(&moved, &matrix);
    Ok(t.transpose(&product, &order))
}

/// The place of an axis of `length` that is shown `at` places from its first one, by a mode of `Pad`.
pub fn padded_place(mode: &str, at: i64, length: usize) -> Result<Option<usize>, String> {
    let length = length as i64;
    let inside = (0..length).contains(&at);
    let place = match mode {
        _ if inside => at,
        "constant" => return Ok(None),
        "edge" => at.clamp(0, length - 1),
        "wrap" => at.rem_euclid(length),
        "reflect" if length > 1 => {
            let there_and_back = at.rem_euclid(2 * (length - 1));
            there_and_back.min(2 * (length - 1) - there_and_back)
        }
        other => return Err(format!("padding by `{other}` of {length} places has no gradient")),
    };
    Ok(Some(place as usize))
}
