//! Folds batch normalisation into the convolution before it: one node less, and no variance that a coarser number would
//! lose.

use super::graph::{self, Takers};
use crate::onnx::Model;
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto};

/// A normalisation as what it does to each channel: `x * factor + shift`.
struct Affine {
    factor: Vec<f64>,
    shift: Vec<f64>,
}

/// Folds every `BatchNormalization` that stands alone behind a `Conv` or `ConvTranspose`; says how many.
pub fn fold(model: &mut Model) -> usize {
    let graph = model.graph_mut();
    let mut names = graph::Names::of(graph);
    let mut folded = 0;
    let mut place = 0;
    while place < graph.node.len() {
        let takers = Takers::of(graph);
        let next = graph.node[place].output.first().and_then(|output| takers.only(graph, output));
        if let Some(next) = next
            && let Some((weight, bias)) = merged(graph, &graph.node[place], &graph.node[next])
        {
            let stem = graph.node[place].input[1].clone();
            let shared = takers.of_value(&stem).len() > 1;
            let weight_name = if shared { names.fresh(&stem) } else { stem.clone() };
            let bias_name = names.fresh(&format!("{stem}_bias"));
            graph.initializer.retain(|tensor| tensor.name != weight_name);
            graph.initializer.push(TensorProto { name: weight_name.clone(), ..weight });
            graph.initializer.push(TensorProto { name: bias_name.clone(), ..bias });
            let norm = graph.node.remove(next);
            let node = &mut graph.node[place];
            node.input.truncate(1);
            node.input.extend([weight_name, bias_name]);
            node.output = norm.output[..1].to_vec();
            folded += 1;
        }
        place += 1;
    }
    graph::prune(graph);
    folded
}

/// The weight and bias of a convolution with the normalisation after it in them.
fn merged(graph: &GraphProto, conv: &NodeProto, norm: &NodeProto) -> Option<(TensorProto, TensorProto)> {
    let transposed = conv.op_type == "ConvTranspose";
    if !(transposed || conv.op_type == "Conv") || norm.op_type != "BatchNormalization" || norm.output.len() > 1 {
        return None;
    }
    let weight = find(graph, conv.input.get(1)?)?;
    let affine = affine(graph, norm)?;
    let groups = usize::try_from(graph::int(conv, "group").unwrap_or(1)).ok()?;
    let mut numbers = weight.floats().ok()?;
    let dims: Vec<usize> = weight.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect::<Option<_>>()?;
    let (first, second) = (*dims.first()?, *dims.get(1)?);
    let kernel: usize = dims[2..].iter().product();
    // (M, C/group, …) of Conv; (C, M/group, …) of ConvTranspose
    let channels = if transposed { second * groups } else { first };
    if affine.factor.len() != channels || numbers.is_empty() {
        return None;
    }
    for (place, number) in numbers.iter_mut().enumerate() {
        let (outer, inner) = (place / (second * kernel), place / kernel % second);
        let channel = if transposed { outer / (first / groups) * second + inner } else { outer };
        *number = (f64::from(*number) * affine.factor[channel]) as f32;
    }
    let bias = match conv.input.get(2).filter(|name| !name.is_empty()) {
        Some(name) => find(graph, name)?.floats().ok()?,
        None => vec![0.0; channels],
    };
    let bias: Vec<f32> = bias
        .iter()
        .zip(affine.factor.iter().zip(&affine.shift))
        .map(|(&bias, (factor, shift))| (f64::from(bias) * factor + shift) as f32)
        .collect();
    let weight = TensorProto::from_floats("", &weight.dims, &numbers).ok()?;
    Some((weight, TensorProto::from_floats("", &[channels as i64], &bias).ok()?))
}

fn affine(graph: &GraphProto, norm: &NodeProto) -> Option<Affine> {
    if graph::int(norm, "training_mode").unwrap_or(0) != 0 {
        return None;
    }
    let numbers = |place: usize| find(graph, norm.input.get(place)?)?.floats().ok();
    let (scale, bias, mean, variance) = (numbers(1)?, numbers(2)?, numbers(3)?, numbers(4)?);
    let epsilon = f64::from(graph::float(norm, "epsilon").unwrap_or(1e-5));
    let factor: Vec<f64> =
        scale.iter().zip(&variance).map(|(&s, &v)| f64::from(s) / (f64::from(v) + epsilon).sqrt()).collect();
    let means = mean.iter().zip(&factor).map(|(&mean, factor)| f64::from(mean) * factor);
    let shift = bias.iter().zip(means).map(|(&bias, mean)| f64::from(bias) - mean).collect();
    Some(Affine { factor, shift })
}

fn find<'a>(graph: &'a GraphProto, name: &str) -> Option<&'a TensorProto> {
    graph.initializer.iter().find(|tensor| tensor.name == name)
}
