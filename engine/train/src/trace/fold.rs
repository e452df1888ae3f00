//! Computes what depends only on shapes and constants: the sizes that exporters write around `Reshape`, `Resize`,
//! `Expand` and `Slice`.

use pleura::onnx::ElementType;
use pleura::onnx::proto::{NodeProto, TensorProto};

use super::{Attributes, Constant, Shape, Trace, Typed};
use super::{arithmetic, layout};

/// A result, with its type.
pub(super) type Folded = (Typed, Constant);

/// The result of a node whose inputs are known; `None` if they are not, or the operator is not supported here.
pub fn fold(trace: &Trace, node: &NodeProto) -> Result<Option<Folded>, String> {
    match node.op_type.as_str() {
        "Constant" => constant(node).map(Some),
        "Shape" => shape(trace, node).map(Some),
        _ => {
            let known: Option<Vec<_>> = node.input.iter().map(|name| value(trace, name)).collect();
            match known {
                Some(inputs) if !inputs.is_empty() => compute(node, &inputs),
                _ => Ok(None),
            }
        }
    }
}

/// What is known about an input.
pub(super) struct Input<'t> {
    pub typed: &'t Typed,
    pub constant: &'t Constant,
}

impl Input<'_> {
    pub fn ints(&self) -> Result<&[i64], String> {
        match self.constant {
            Constant::Ints(numbers) => Ok(numbers),
            Constant::Floats(_) => Err("expected integers".into()),
        }
    }

    pub fn floats(&self) -> Vec<f64> {
        match self.constant {
            Constant::Ints(numbers) => numbers.iter().map(|&number| number as f64).collect(),
            Constant::Floats(numbers) => numbers.iter().map(|&number| f64::from(number)).collect(),
        }
    }
}

fn value<'t>(trace: &'t Trace, name: &str) -> Option<Input<'t>> {
    Some(Input { constant: trace.known(name)?, typed: trace.typed(name) })
}

fn constant(node: &NodeProto) -> Result<Folded, String> {
    if let Some(tensor) = node.tensor("value") {
        return read(tensor);
    }
    let list = |shape: Shape, constant| {
        let element = if matches!(constant, Constant::Ints(_)) { ElementType::Int64 } else { ElementType::Float };
        Ok((Typed { element, shape }, constant))
    };
    match node.attribute.first() {
        Some(it) if it.name == "value_int" => list(vec![], Constant::Ints(vec![it.i.unwrap_or(0)])),
        Some(it) if it.name == "value_ints" => list(vec![it.ints.len()], Constant::Ints(it.ints.clone())),
        Some(it) if it.name == "value_float" => list(vec![], Constant::Floats(vec![it.f.unwrap_or(0.0)])),
        Some(it) if it.name == "value_floats" => list(vec![it.floats.len()], Constant::Floats(it.floats.clone())),
        _ => Err("an unsupported kind of constant".into()),
    }
}

/// A tensor's numbers.
pub fn read(tensor: &TensorProto) -> Result<Folded, String> {
    let shape: Shape = tensor.dims.iter().map(|&length| length as usize).collect();
    let element = ElementType::from(tensor.data_type);
    let raw = tensor.raw_data.as_deref();
    let constant = match (element, raw) {
        (ElementType::Float, Some(raw)) => Constant::Floats(numbers(raw, f32::from_le_bytes)),
        (ElementType::Float, None) => Constant::Floats(tensor.float_data.clone()),
        (ElementType::Double, Some(raw)) => Constant::Floats(numbers(raw, |bytes| f64::from_le_bytes(bytes) as f32)),
        (ElementType::Double, None) => Constant::Floats(tensor.double_data.iter().map(|&n| n as f32).collect()),
        (ElementType::Int64, Some(raw)) => Constant::Ints(numbers(raw, i64::from_le_bytes)),
        (ElementType::Int64, None) => Constant::Ints(tensor.int64_data.clone()),
        (ElementType::Int32, Some(raw)) => Constant::Ints(numbers(raw, |bytes| i32::from_le_bytes(bytes).into())),
        (ElementType::Bool, Some(raw)) => Constant::Ints(raw.iter().map(|&byte| byte.into()).collect()),
        (ElementType::Int32 | ElementType::Bool, None) => {
            Constant::Ints(tensor.int32_data.iter().map(|&number| number.into()).collect())
        }
        (other, _) => return Err(format!("a constant of {other}; expected float32 or integers")),
    };
    let found = match &constant {
        Constant::Ints(numbers) => numbers.len(),
        Constant::Floats(numbers) => numbers.len(),
    };
    if found != shape.iter().product::<usize>() {
        return Err(format!("a constant of shape {shape:?} holds {found} numbers; are they in another file?"));
    }
    let element = if element == ElementType::Double { ElementType::Float } else { element };
    Ok((Typed { element, shape }, constant))
}

fn numbers<const N: usize, T>(raw: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    raw.as_chunks().0.iter().map(|bytes| number(*bytes)).collect()
}

fn shape(trace: &Trace, node: &NodeProto) -> Result<Folded, String> {
    let shape = trace.shape(&node.input[0]);
    let clamp = |at: i64| (if at < 0 { at + shape.len() as i64 } else { at }).clamp(0, shape.len() as i64) as usize;
    let (start, end) = (clamp(node.int("start").unwrap_or(0)), clamp(node.int("end").unwrap_or(i64::MAX)));
    let lengths: Vec<i64> = shape[start..end.max(start)].iter().map(|&length| length as i64).collect();
    Ok(int64(vec![lengths.len()], lengths))
}

pub(super) fn int64(shape: Shape, numbers: Vec<i64>) -> Folded {
    (Typed { element: ElementType::Int64, shape }, Constant::Ints(numbers))
}

/// The largest result that is computed here: sizes, indices, and tables of positions. ONNX Runtime computes others.
const MOST: usize = 1 << 16;

fn compute(node: &NodeProto, inputs: &[Input<'_>]) -> Result<Option<Folded>, String> {
    let first = &inputs[0];
    if inputs.iter().any(|input| input.typed.shape.iter().product::<usize>() > MOST) {
        return Ok(None);
    }
    match node.op_type.as_str() {
        "ScatterND" if node.text("reduction").is_some_and(|reduction| reduction != "none") => Ok(None),
        "Gather" | "Unsqueeze" | "Squeeze" | "Reshape" | "Transpose" | "Slice" | "ScatterND" | "Concat" | "Expand"
        | "Flatten" => moved(node, inputs).map(Some),
        "Cast" => Ok(arithmetic::cast(node, first)),
        "ConstantOfShape" => arithmetic::fill(node, first),
        "Range" => arithmetic::range(inputs),
        "Where" => arithmetic::choose(inputs),
        "ReduceProd" if node.int("keepdims") == Some(0) => Ok(Some(arithmetic::product(first))),
        op => match inputs {
            [x] => Ok(arithmetic::unary(op, x)),
            [x, y] => arithmetic::binary(op, x, y),
            _ => Ok(None),
        },
    }
}

/// What a node makes of numbers that it only moves.
fn moved(node: &NodeProto, inputs: &[Input<'_>]) -> Result<Folded, String> {
    let first = &inputs[0];
    let ints = |place: usize| inputs.get(place).map(Input::ints).transpose();
    let own = layout::places(&first.typed.shape, 0);
    let count = own.len();
    // the second tensor that is moved, if any
    let mut second = Vec::new();
    let places = match node.op_type.as_str() {
        "Reshape" => layout::reshape(node, own, ints(1)?.unwrap_or_default())?,
        "Squeeze" | "Unsqueeze" => layout::regrouped(node, own, ints(1)?)?,
        "Transpose" => layout::transposed(node, own)?,
        "Slice" => {
            let ends = (ints(1)?.unwrap_or_default(), ints(2)?.unwrap_or_default());
            layout::sliced(own, ends, ints(3)?, ints(4)?)?
        }
        "Gather" => layout::gathered(node, &own, inputs[1].ints()?, &inputs[1].typed.shape)?,
        "Expand" => layout::expanded(&own, ints(1)?.unwrap_or_default())?,
        "Flatten" => layout::flattened(node, own)?,
        "ScatterND" => {
            second.push(&inputs[2]);
            let updates = layout::places(&inputs[2].typed.shape, count);
            layout::scattered(own, inputs[1].ints()?, &inputs[1].typed.shape, &updates)?
        }
        _ => {
            second.extend(&inputs[1..]);
            let mut next = 0;
            let parts = inputs.iter().map(|input| {
                let places = layout::places(&input.typed.shape, next);
                next += places.len();
                places
            });
            layout::joined(node, &parts.collect::<Vec<_>>())?
        }
    };
    let all = std::iter::once(first).chain(second);
    let constant = match first.constant {
        Constant::Ints(_) => {
            let numbers: Vec<i64> = all.map(Input::ints).collect::<Result<Vec<_>, _>>()?.concat();
            Constant::Ints(places.iter().map(|&place| numbers[place]).collect())
        }
        Constant::Floats(_) => {
            let numbers: Vec<f64> = all.flat_map(Input::floats).collect();
            Constant::Floats(places.iter().map(|&place| numbers[place] as f32).collect())
        }
    };
    Ok((Typed { element: first.typed.element, shape: places.shape().to_vec() }, constant))
}

/// The first index of a slice and its end, clamped to an axis.
pub fn bounds(start: i64, end: i64, step: i64, length: i64) -> Result<(i64, i64), String> {
    if step == 0 {
        return Err("a slice of step 0".into());
    }
    let counted = |at: i64| if at < 0 { at.saturating_add(length) } else { at };
    Ok(if step > 0 {
        (counted(start).clamp(0, length), counted(end).clamp(0, length))
    } else {
        (counted(start).clamp(-1, length - 1), counted(end).clamp(-1, length - 1))
    })
}
