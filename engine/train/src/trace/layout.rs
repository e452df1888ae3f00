//! Constants that are only moved: reshaped, transposed, sliced, gathered, scattered.
//!
//! Each function moves places, not numbers: the result names for each of its elements the place of the number that
//! belongs there.

use ndarray::{ArrayD, Axis, IxDyn};
use pleura::onnx::proto::NodeProto;

use super::attributes::axis;
use super::fold::bounds;
use super::{Attributes, Shape};

/// Places of numbers, row-major, in the shape of a tensor.
type Places = ArrayD<usize>;

/// The places of a tensor's own numbers; those of a second tensor come after the first one's.
pub(super) fn places(shape: &[usize], first: usize) -> Places {
    let count = shape.iter().product::<usize>();
    ArrayD::from_shape_vec(IxDyn(shape), (first..first + count).collect()).expect("the count is the shape's product")
}

/// `Reshape`: 0 keeps a length, -1 is what is left.
pub(super) fn reshape(node: &NodeProto, from: Places, to: &[i64]) -> Result<Places, String> {
    let keeps = node.int("allowzero").unwrap_or(0) == 0;
    let own = |place: usize| from.shape().get(place).copied().ok_or("a 0 beyond the last axis".to_owned());
    let mut shape: Shape = Vec::new();
    for (place, &length) in to.iter().enumerate() {
        shape.push(match length {
            0 if keeps => own(place)?,
            -1 => 1,
            length => usize::try_from(length).map_err(|_| format!("a length of {length}"))?,
        });
    }
    let rest = shape.iter().product::<usize>();
    if let Some(place) = to.iter().position(|&length| length == -1) {
        shape[place] = from.len().checked_div(rest).unwrap_or(0);
    }
    reshaped(from, shape)
}

/// Gives places another shape.
pub(super) fn reshaped(from: Places, shape: Shape) -> Result<Places, String> {
    let (found, count) = (from.shape().to_vec(), from.len());
    let from = from.as_standard_layout().into_owned();
    from.into_shape_with_order(IxDyn(&shape)).map_err(|_| format!("{count} numbers of {found:?} as {shape:?}"))
}

/// `Squeeze` and `Unsqueeze`, whose axes are an input or an attribute.
pub(super) fn regrouped(node: &NodeProto, from: Places, axes: Option<&[i64]>) -> Result<Places, String> {
    let named = node.ints("axes");
    let axes = axes.or(named);
    let mut shape = from.shape().to_vec();
    if node.op_type == "Squeeze" {
        let axes = axes.map(|axes| axes.iter().map(|&it| axis(it, shape.len())).collect::<Result<Vec<_>, _>>());
        let axes = axes.transpose()?;
        let mut place = 0;
        shape.retain(|&length| {
            let leaves = axes.as_ref().map_or(length == 1, |axes| axes.contains(&place));
            place += 1;
            !leaves
        });
    } else {
        let rank = shape.len() + axes.map_or(0, <[i64]>::len);
        let axes = axes.unwrap_or_default().iter().map(|&it| axis(it, rank)).collect::<Result<Vec<_>, _>>();
        let mut axes = axes?;
        axes.sort_unstable();
        axes.into_iter().for_each(|place| shape.insert(place, 1));
    }
    reshaped(from, shape)
}

/// `Transpose`.
pub(super) fn transposed(node: &NodeProto, from: Places) -> Result<Places, String> {
    let rank = from.ndim();
    let order: Vec<usize> = match node.ints("perm") {
        Some(order) => order.iter().map(|&it| axis(it, rank)).collect::<Result<_, _>>()?,
        None => (0..rank).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted != (0..rank).collect::<Vec<_>>() {
        return Err(format!("axes in the order {order:?}"));
    }
    Ok(from.permuted_axes(order).as_standard_layout().into_owned())
}

/// `Slice`: starts, ends, axes and steps.
pub(super) fn sliced(
    mut from: Places,
    (starts, ends): (&[i64], &[i64]),
    axes: Option<&[i64]>,
    steps: Option<&[i64]>,
) -> Result<Places, String> {
    for (place, (&start, &end)) in starts.iter().zip(ends).enumerate() {
        let along = axes.map_or(Some(place as i64), |axes| axes.get(place).copied()).ok_or("too few axes")?;
        let along = axis(along, from.ndim())?;
        let step = steps.map_or(Some(1), |steps| steps.get(place).copied()).ok_or("too few steps")?;
        let (first, last) = bounds(start, end, step, from.shape()[along] as i64)?;
        let kept: Vec<usize> = crate::ops::steps(first, last, step).map(|at| at as usize).collect();
        from = from.select(Axis(along), &kept);
    }
    Ok(from)
}

/// `Expand`: broadcast against a shape.
pub(super) fn expanded(from: &Places, to: &[i64]) -> Result<Places, String> {
    let to: Shape =
        to.iter().map(|&length| usize::try_from(length)).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let shape = crate::ops::broadcast(from.shape(), &to)?;
    let wide = from.broadcast(IxDyn(&shape)).ok_or_else(|| format!("{:?} as {shape:?}", from.shape()))?;
    Ok(wide.as_standard_layout().into_owned())
}

/// `Flatten`: the axes before `axis`, and the others.
pub(super) fn flattened(node: &NodeProto, from: Places) -> Result<Places, String> {
    let rank = from.ndim() as i64;
    let at = node.int("axis").unwrap_or(1);
    let at = usize::try_from(if at < 0 { at + rank } else { at }).unwrap_or(usize::MAX);
    let Some((rows, columns)) = from.shape().split_at_checked(at) else {
        return Err(format!("axis {at} is out of range for {rank} axes"));
    };
    let shape = vec![rows.iter().product(), columns.iter().product()];
    reshaped(from, shape)
}

/// `Gather`: indices of a shape along an axis.
pub(super) fn gathered(node: &NodeProto, from: &Places, indices: &[i64], shape: &[usize]) -> Result<Places, String> {
    let along = axis(node.int("axis").unwrap_or(0), from.ndim())?;
    let length = from.shape()[along];
    let picked = indices.iter().map(|&index| axis(index, length)).collect::<Result<Vec<_>, _>>()?;
    let lengths = from.shape();
    let to = [&lengths[..along], shape, &lengths[along + 1..]].concat();
    reshaped(from.select(Axis(along), &picked), to)
}

/// `ScatterND`: updates at indices of (…, depth), each of which replaces a part of the first axes.
pub(super) fn scattered(
    from: Places,
    indices: &[i64],
    index_shape: &[usize],
    updates: &Places,
) -> Result<Places, String> {
    let depth = *index_shape.last().ok_or("indices without an axis")?;
    if depth == 0 || depth > from.ndim() {
        return Err(format!("indices of {depth} axes in a tensor of {}", from.ndim()));
    }
    let shape = from.shape().to_vec();
    let mut from = from.as_standard_layout().into_owned();
    let part: usize = shape[depth..].iter().product();
    let flat = from.as_slice_mut().ok_or("numbers out of order")?;
    let updates = updates.as_slice().ok_or("numbers out of order")?;
    for (number, index) in indices.chunks(depth).enumerate() {
        let mut place = 0;
        for (&index, &length) in index.iter().zip(&shape) {
            place = place * length + axis(index, length)?;
        }
        let source = updates.get(number * part..(number + 1) * part).ok_or("too few updates")?;
        flat[place * part..(place + 1) * part].copy_from_slice(source);
    }
    Ok(from)
}

/// `Concat` along an axis.
pub(super) fn joined(node: &NodeProto, parts: &[Places]) -> Result<Places, String> {
    let along = axis(node.int("axis").unwrap_or(0), parts.first().map_or(0, ArrayD::ndim))?;
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    ndarray::concatenate(Axis(along), &views).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use pleura::onnx::attribute;

    use super::super::node;
    use super::*;

    fn flat(places: Result<Places, String>) -> (Shape, Vec<usize>) {
        let places = places.unwrap();
        (places.shape().to_vec(), places.iter().copied().collect())
    }

    #[test]
    fn places_move_as_numpy_s() {
        let none = |op: &str| node(op, &["x"], &["y"], vec![]);
        let two = || places(&[2, 3], 0);
        assert_eq!(flat(reshape(&none("Reshape"), two(), &[-1, 2])), (vec![3, 2], vec![0, 1, 2, 3, 4, 5]));
        assert_eq!(flat(reshape(&none("Reshape"), two(), &[0, -1, 1])), (vec![2, 3, 1], vec![0, 1, 2, 3, 4, 5]));
        assert_eq!(flat(transposed(&none("Transpose"), two())), (vec![3, 2], vec![0, 3, 1, 4, 2, 5]));
        let last = (&[-1][..], &[-i64::MAX][..]);
        assert_eq!(flat(sliced(two(), last, Some(&[0]), Some(&[-1]))), (vec![2, 3], vec![3, 4, 5, 0, 1, 2]));
        assert_eq!(flat(sliced(two(), (&[0, 1], &[9, 9]), None, Some(&[1, 2]))), (vec![2, 1], vec![1, 4]));
        let columns = node("Gather", &["x"], &["y"], vec![attribute::int("axis", 1)]);
        assert_eq!(flat(gathered(&columns, &two(), &[-1, 0], &[2, 1])), (vec![2, 2, 1], vec![2, 0, 5, 3]));
        assert_eq!(flat(gathered(&none("Gather"), &two(), &[1], &[])), (vec![3], vec![3, 4, 5]));
        let update = places(&[1, 3], 6);
        assert_eq!(flat(scattered(two(), &[1], &[1, 1], &update)), (vec![2, 3], vec![0, 1, 2, 6, 7, 8]));
        assert_eq!(flat(joined(&none("Concat"), &[two(), update])).0, [3, 3]);
        assert_eq!(flat(regrouped(&none("Unsqueeze"), two(), Some(&[0, -1]))).0, [1, 2, 3, 1]);
        assert_eq!(flat(regrouped(&none("Squeeze"), places(&[1, 2, 1], 0), None)).0, [2]);
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let none = node("Reshape", &["x"], &["y"], vec![]);
        assert!(reshape(&none, places(&[2, 3], 0), &[4]).unwrap_err().contains("6 numbers of [2, 3] as [4]"));
        assert!(gathered(&none, &places(&[2], 0), &[2], &[]).is_err());
        assert!(scattered(places(&[2], 0), &[5], &[1, 1], &places(&[1], 2)).is_err());
    }
}
