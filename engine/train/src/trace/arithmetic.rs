//! Arithmetic on numbers that are known when the graph is built.

use ndarray::{ArrayViewD, IxDyn};
use pleura::onnx::ElementType;
use pleura::onnx::proto::NodeProto;

use super::fold::{Folded, Input, int64, read};
use super::{Attributes, Constant, Shape, Typed};

/// Numbers of the same kind as `input`.
fn like(input: &Input<'_>, numbers: impl Iterator<Item = f64>) -> Constant {
    match input.constant {
        Constant::Ints(_) => Constant::Ints(numbers.map(|number| number as i64).collect()),
        Constant::Floats(_) => Constant::Floats(numbers.map(|number| number as f32).collect()),
    }
}

fn is_whole(input: &Input<'_>) -> bool {
    matches!(input.constant, Constant::Ints(_))
}

/// `Cast`; `None` to a type that is not computed with here.
pub(super) fn cast(node: &NodeProto, input: &Input<'_>) -> Option<Folded> {
    let element = ElementType::from(node.int("to").unwrap_or(0) as i32);
    let numbers = input.floats().into_iter();
    let constant = match element {
        ElementType::Float => Constant::Floats(numbers.map(|number| number as f32).collect()),
        // whole numbers beyond 2^53 are kept
        ElementType::Int64 if is_whole(input) => input.constant.clone(),
        ElementType::Int64 | ElementType::Int32 => Constant::Ints(numbers.map(|n| n.trunc() as i64).collect()),
        ElementType::Bool => Constant::Ints(numbers.map(|n| i64::from(n != 0.0)).collect()),
        _ => return None,
    };
    Some((Typed { element, shape: input.typed.shape.clone() }, constant))
}

/// `ConstantOfShape`; `None` for large zeros of a gradient, which ONNX Runtime makes.
pub(super) fn fill(node: &NodeProto, input: &Input<'_>) -> Result<Option<Folded>, String> {
    let shape: Shape = input.ints()?.iter().map(|&length| length as usize).collect();
    let count = shape.iter().product();
    if count > 1024 {
        return Ok(None);
    }
    let (element, constant) = match node.tensor("value").map(read).transpose()? {
        Some((typed, Constant::Ints(number))) => (typed.element, Constant::Ints(vec![number[0]; count])),
        Some((typed, Constant::Floats(number))) => (typed.element, Constant::Floats(vec![number[0]; count])),
        None => (ElementType::Float, Constant::Floats(vec![0.0; count])),
    };
    Ok(Some((Typed { element, shape }, constant)))
}

/// `Range`.
pub(super) fn range(inputs: &[Input<'_>]) -> Result<Option<Folded>, String> {
    let [start, limit, step] = inputs else { return Err("expected a start, a limit and a step".into()) };
    if is_whole(start) {
        let (start, limit, step) = (number(start.ints()?)?, number(limit.ints()?)?, number(step.ints()?)?);
        if step == 0 {
            return Err("a range of step 0".into());
        }
        let numbers: Vec<i64> = crate::ops::steps(start, limit, step).collect();
        return Ok(Some(int64(vec![numbers.len()], numbers)));
    }
    let [start_at, limit, step] = [start, limit, step].map(|input| input.floats().first().copied());
    let (Some(from), Some(limit), Some(step)) = (start_at, limit, step) else { return Ok(None) };
    let count = ((limit - from) / step).ceil().max(0.0);
    if !count.is_finite() {
        return Err(format!("a range from {from} to {limit} in steps of {step}"));
    }
    let numbers: Vec<f32> = (0..count as usize).map(|at| (from + at as f64 * step) as f32).collect();
    Ok(Some((Typed { element: start.typed.element, shape: vec![numbers.len()] }, Constant::Floats(numbers))))
}

fn number(numbers: &[i64]) -> Result<i64, String> {
    numbers.first().copied().ok_or_else(|| "expected a number".to_owned())
}

/// `ReduceProd` over all.
pub(super) fn product(input: &Input<'_>) -> Folded {
    let typed = Typed { element: input.typed.element, shape: vec![] };
    (typed, like(input, std::iter::once(input.floats().iter().product())))
}

/// An operator on each number; `None` if it is not computed here.
pub(super) fn unary(op: &str, input: &Input<'_>) -> Option<Folded> {
    if op == "Identity" {
        return Some((input.typed.clone(), input.constant.clone()));
    }
    let number: fn(f64) -> f64 = match op {
        "Floor" => f64::floor,
        "Ceil" => f64::ceil,
        "Neg" => |number| -number,
        "Sqrt" => f64::sqrt,
        "Abs" => f64::abs,
        "Not" => |number| f64::from(u8::from(number == 0.0)),
        _ => return None,
    };
    Some((input.typed.clone(), like(input, input.floats().into_iter().map(number))))
}

/// An operator on pairs of numbers, broadcast; `None` if it is not computed here.
pub(super) fn binary(op: &str, x: &Input<'_>, y: &Input<'_>) -> Result<Option<Folded>, String> {
    let truth: Option<fn(f64, f64) -> bool> = match op {
        "Equal" => Some(|x, y| x == y),
        "Greater" => Some(|x, y| x > y),
        "GreaterOrEqual" => Some(|x, y| x >= y),
        "Less" => Some(|x, y| x < y),
        "LessOrEqual" => Some(|x, y| x <= y),
        "And" => Some(|x, y| x != 0.0 && y != 0.0),
        "Or" => Some(|x, y| x != 0.0 || y != 0.0),
        _ => None,
    };
    let whole = is_whole(x);
    let number: fn(f64, f64) -> f64 = match op {
        "Add" => |x, y| x + y,
        "Sub" => |x, y| x - y,
        "Mul" => |x, y| x * y,
        "Div" if whole => |x, y| (x / y).trunc(),
        "Div" => |x, y| x / y,
        "Max" => f64::max,
        "Min" => f64::min,
        // of integers it has the divisor's sign, as Python's
        "Mod" if whole => |x, y| x - y * (x / y).floor(),
        "Pow" => f64::powf,
        _ if truth.is_some() => |_, _| 0.0,
        _ => return Ok(None),
    };
    let shape = crate::ops::broadcast(&x.typed.shape, &y.typed.shape)?;
    let pairs = || broadcast(x, &shape).into_iter().zip(broadcast(y, &shape));
    Ok(Some(match truth {
        Some(truth) => {
            let numbers = pairs().map(|(x, y)| i64::from(truth(x, y))).collect();
            (Typed { element: ElementType::Bool, shape: shape.clone() }, Constant::Ints(numbers))
        }
        None => {
            let constant = like(x, pairs().map(|(x, y)| number(x, y)));
            (Typed { element: x.typed.element, shape: shape.clone() }, constant)
        }
    }))
}

/// `Where`.
pub(super) fn choose(inputs: &[Input<'_>]) -> Result<Option<Folded>, String> {
    let [condition, yes, no] = inputs else { return Err("expected a condition and two choices".into()) };
    let shape = crate::ops::broadcast(&condition.typed.shape, &yes.typed.shape)?;
    let shape = crate::ops::broadcast(&shape, &no.typed.shape)?;
    let (is, yes_at, no_at) = (broadcast(condition, &shape), broadcast(yes, &shape), broadcast(no, &shape));
    let picked = is.iter().zip(yes_at.iter().zip(&no_at)).map(|(&is, (&yes, &no))| if is != 0.0 { yes } else { no });
    Ok(Some((Typed { element: yes.typed.element, shape }, like(yes, picked))))
}

/// The numbers of an input, row-major, repeated along the axes of a shape that it broadcasts to.
fn broadcast(input: &Input<'_>, shape: &[usize]) -> Vec<f64> {
    let numbers = input.floats();
    let own = ArrayViewD::from_shape(IxDyn(&input.typed.shape), &numbers).expect("a constant has its shape's length");
    own.broadcast(IxDyn(shape)).expect("the shapes broadcast").iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant(shape: &[usize], constant: Constant) -> (Typed, Constant) {
        let element = if matches!(constant, Constant::Ints(_)) { ElementType::Int64 } else { ElementType::Float };
        (Typed { element, shape: shape.to_vec() }, constant)
    }

    #[test]
    fn shapes_of_the_same_length_are_broadcast() {
        let (column, row) =
            (constant(&[2, 1], Constant::Ints(vec![10, 20])), constant(&[1, 2], Constant::Ints(vec![1, 2])));
        let input = |it: &'static str| match it {
            "column" => Input { typed: &column.0, constant: &column.1 },
            _ => Input { typed: &row.0, constant: &row.1 },
        };
        let (typed, sums) = binary("Add", &input("column"), &input("row")).unwrap().unwrap();
        assert_eq!((typed.shape, sums), (vec![2, 2], Constant::Ints(vec![11, 12, 21, 22])));
        let (typed, is) = binary("Less", &input("row"), &input("column")).unwrap().unwrap();
        assert_eq!((typed.element, is), (ElementType::Bool, Constant::Ints(vec![1; 4])));
    }

    #[test]
    fn integers_divide_as_onnx_says() {
        let (x, y) = (constant(&[3], Constant::Ints(vec![-7, 7, 7])), constant(&[3], Constant::Ints(vec![2, -2, 2])));
        let run = |op| {
            let (x, y) = (Input { typed: &x.0, constant: &x.1 }, Input { typed: &y.0, constant: &y.1 });
            binary(op, &x, &y).unwrap().unwrap().1
        };
        assert_eq!(run("Div"), Constant::Ints(vec![-3, -3, 3]));
        assert_eq!(run("Mod"), Constant::Ints(vec![1, -1, 1]));
    }

    #[test]
    fn ranges_count_down_and_in_fractions() {
        let whole = |numbers: [i64; 3]| numbers.map(|number| constant(&[], Constant::Ints(vec![number])));
        let floats = |numbers: [f32; 3]| numbers.map(|number| constant(&[], Constant::Floats(vec![number])));
        let run = |inputs: &[(Typed, Constant); 3]| {
            let inputs: Vec<_> = inputs.iter().map(|(typed, constant)| Input { typed, constant }).collect();
            range(&inputs).map(|found| found.unwrap().1)
        };
        assert_eq!(run(&whole([5, 0, -2])), Ok(Constant::Ints(vec![5, 3, 1])));
        assert_eq!(run(&floats([0.0, 1.0, 0.4])), Ok(Constant::Floats(vec![0.0, 0.4, 0.8])));
        assert!(run(&whole([0, 5, 0])).is_err());
    }
}
