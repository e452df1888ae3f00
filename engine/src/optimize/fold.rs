//! Folds batch normalisation into the preceding convolution: one node less, and no variance that lower precision would
//! lose.

use super::graph::{self, Consumers};
use crate::onnx::Model;
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto};

/// A normalisation as its effect on each channel: `x * factor + shift`.
struct Affine {
    factor: Vec<f64>,
    shift: Vec<f64>,
}

/// Folds every `BatchNormalization` that is the only consumer of a `Conv` or `ConvTranspose`; returns their number.
pub fn fold(model: &mut Model) -> usize {
    let graph = model.graph_mut();
    let mut names = graph::Names::new(graph);
    let mut folded = 0;
    let mut place = 0;
    while place < graph.node.len() {
        let consumers = Consumers::new(graph);
        let next = graph.node[place].output.first().and_then(|output| consumers.only(graph, output));
        if let Some(next) = next
            && let Some((weight, bias)) = merged(graph, &graph.node[place], &graph.node[next])
        {
            let stem = graph.node[place].input[1].clone();
            let shared = consumers.of_value(&stem).len() > 1;
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

/// The weight and bias of a convolution with the following normalisation folded in.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{ElementType, GraphBuilder, attribute as a};

    /// A transposed convolution in two groups of one input and two outputs each, normalised by factors 1, 2, 3, 4.
    #[test]
    fn groups_of_a_transposed_convolution_have_their_own_channels() {
        let mut g = GraphBuilder::new("test");
        let dims = ["batch".into(), 2.into(), "height".into(), "width".into()];
        let x = g.input("image", ElementType::Float, &dims);
        let w = g.constant("w", &[2, 2, 1, 1], &[1.0; 4]);
        let y = g.node("ConvTranspose", &[&x, &w], vec![a::int("group", 2)]);
        let scale = g.constant("scale", &[4], &[1.0, 2.0, 3.0, 4.0]);
        let (zeros, ones) = (g.constant("zeros", &[4], &[0.0; 4]), g.constant("ones", &[4], &[1.0; 4]));
        let y = g.node("BatchNormalization", &[&y, &scale, &ones, &zeros, &ones], vec![a::float("epsilon", 0.0)]);
        g.output(&y, "map", ElementType::Float, &dims);
        let mut model = g.build();
        assert_eq!(fold(&mut model), 1);
        let node = &model.graph().node[0];
        let numbers = |place: usize| model.initializer(&node.input[place]).unwrap().floats().unwrap();
        assert_eq!((numbers(1), numbers(2)), (vec![1.0, 2.0, 3.0, 4.0], vec![1.0; 4]));
        assert_eq!(model.graph().initializer.len(), 2);
    }

    #[test]
    fn shared_weights_and_values_that_others_take_stay() {
        let mut g = GraphBuilder::new("test");
        let dims = ["batch".into(), 1.into(), "height".into(), "width".into()];
        let x = g.input("image", ElementType::Float, &dims);
        let w = g.constant("w", &[1, 1, 1, 1], &[1.0]);
        let (two, one) = (g.constant("two", &[1], &[2.0]), g.constant("one", &[1], &[1.0]));
        let normed = |g: &mut GraphBuilder, x: &str| {
            let y = g.node("Conv", &[x, &w], vec![]);
            let z = g.node("BatchNormalization", &[&y, &two, &one, &one, &one], vec![a::float("epsilon", 0.0)]);
            (y, z)
        };
        let (_, y) = normed(&mut g, &x);
        let (before, y) = normed(&mut g, &y);
        let y = g.node("Add", &[&before, &y], vec![]);
        g.output(&y, "map", ElementType::Float, &dims);
        let mut model = g.build();
        assert_eq!(fold(&mut model), 1);
        let weights: Vec<_> = model
            .graph()
            .node
            .iter()
            .filter(|node| node.op_type == "Conv")
            .map(|node| node.input[1].as_str())
            .collect();
        assert_eq!(weights, ["w_2", "w"]);
        assert_eq!(model.initializer("w").unwrap().floats().unwrap(), [1.0]);
        assert_eq!(model.initializer("w_2").unwrap().floats().unwrap(), [2.0]);
    }
}
