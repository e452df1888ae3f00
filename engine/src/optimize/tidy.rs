//! The first pass: checks whether a model can be changed, and normalises its form for the other passes.

use std::collections::{HashMap, HashSet};

use super::graph::{self, is_output, is_standard};
use crate::onnx::proto::{GraphProto, NodeProto, TensorProto};
use crate::onnx::{ElementType, Model};

/// The oldest operator set whose `DequantizeLinear` supports channels; half precision requires the same, so that a
/// model is either supported or not.
const OLDEST_OPSET: i64 = 13;

/// Why a model is left unchanged; `None` if it can be changed.
pub fn refusal(model: &Model) -> Option<String> {
    let graph = model.graph();
    let opset = opset(model);
    if let Some(node) = graph.node.iter().find(|node| has_subgraph(node)) {
        return Some(format!("node `{}` ({}) has a subgraph", graph::called(node), node.op_type));
    }
    if !model.header().functions.is_empty() {
        return Some("it defines functions".into());
    }
    if !graph.sparse_initializer.is_empty() {
        return Some("it has sparse weights".into());
    }
    if let Some(node) =
        graph.node.iter().find(|node| node.op_type.contains("Quantize") || node.op_type.contains("QLinear"))
    {
        return Some(format!("it is already quantised (node `{}`)", graph::called(node)));
    }
    let constants = graph.initializer.iter().chain(graph.node.iter().filter_map(constant));
    let inputs = model.inputs();
    let mut elements = constants.map(TensorProto::element).chain(inputs.iter().filter_map(|input| input.element));
    let other = |it: &ElementType| matches!(it, ElementType::Half | ElementType::BFloat16 | ElementType::Double);
    if let Some(other) = elements.find(other) {
        return Some(format!("it already computes in {other}"));
    }
    if opset < OLDEST_OPSET {
        return Some(format!("its operator set is {opset}: export it with {OLDEST_OPSET} or newer"));
    }
    None
}

/// The version of ONNX's own operator set.
fn opset(model: &Model) -> i64 {
    let imports = model.header().opset_import.iter();
    imports.filter(|it| matches!(it.domain.as_str(), "" | "ai.onnx")).map(|it| it.version).max().unwrap_or(1)
}

fn has_subgraph(node: &NodeProto) -> bool {
    node.attribute.iter().any(|attribute| attribute.g.is_some() || !attribute.graphs.is_empty())
}

/// The tensor of a `Constant` node.
fn constant(node: &NodeProto) -> Option<&TensorProto> {
    if node.op_type == "Constant" { graph::attribute(node, "value")?.t.as_ref() } else { None }
}

/// The model with all constants as initializers, without no-op nodes, and without type annotations that a pass would
/// invalidate.
pub fn tidied(model: &Model) -> Model {
    let mut header = model.header().clone();
    let mut graph = model.graph().clone();
    // Old files also list constants among the inputs, so that they can be overridden; here they never are.
    let constants: HashSet<String> = graph.initializer.iter().map(|tensor| tensor.name.clone()).collect();
    graph.input.retain(|input| !constants.contains(&input.name));
    header.ir_version = header.ir_version.max(4);
    graph.value_info.clear();
    hoist(&mut graph);
    bypass(&mut graph);
    graph::prune(&mut graph);
    Model::new(header, graph)
}

/// Turns `Constant` nodes into initializers.
fn hoist(graph: &mut GraphProto) {
    let mut kept = Vec::with_capacity(graph.node.len());
    for node in std::mem::take(&mut graph.node) {
        let tensor = if node.op_type == "Constant" && is_standard(&node) { numbers(&node) } else { None };
        match tensor {
            Some(tensor) => graph.initializer.push(tensor),
            None => kept.push(node),
        }
    }
    graph.node = kept;
}

/// The tensor of a `Constant` node, named after its value.
fn numbers(node: &NodeProto) -> Option<TensorProto> {
    let name = node.output.first()?.clone();
    let raw = |element: ElementType, dims: Vec<i64>, raw: Vec<u8>| TensorProto {
        name: name.clone(),
        dims,
        data_type: element.into(),
        raw_data: Some(raw),
        ..TensorProto::default()
    };
    let attribute = node.attribute.first()?;
    let floats = |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let ints = |numbers: &[i64]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    match attribute.name.as_str() {
        "value" => Some(TensorProto { name: name.clone(), ..attribute.t.clone()? }),
        "value_float" => Some(raw(ElementType::Float, vec![], floats(&[attribute.f?]))),
        "value_floats" => Some(raw(ElementType::Float, vec![attribute.floats.len() as i64], floats(&attribute.floats))),
        "value_int" => Some(raw(ElementType::Int64, vec![], ints(&[attribute.i?]))),
        "value_ints" => Some(raw(ElementType::Int64, vec![attribute.ints.len() as i64], ints(&attribute.ints))),
        _ => None,
    }
}

/// Connects the consumers of `Identity` and `Dropout` to their inputs. Outputs of the graph are kept.
fn bypass(graph: &mut GraphProto) {
    let mut passed: HashMap<String, String> = HashMap::new();
    let mut kept = Vec::with_capacity(graph.node.len());
    let taken: HashSet<String> = graph.node.iter().flat_map(|node| node.input.iter().cloned()).collect();
    for mut node in std::mem::take(&mut graph.node) {
        for input in &mut node.input {
            if let Some(source) = passed.get(input) {
                source.clone_into(input);
            }
        }
        let outputs = &node.output;
        let inner = outputs.iter().all(|output| !is_output(graph, output));
        let mask = outputs.get(1).is_some_and(|mask| taken.contains(mask));
        if does_nothing(&node) && inner && !mask {
            passed.insert(node.output[0].clone(), node.input[0].clone());
        } else {
            kept.push(node);
        }
    }
    graph.node = kept;
}

/// Whether a node outputs its input unchanged: `Dropout` does, except in training.
fn does_nothing(node: &NodeProto) -> bool {
    let trains = node.input.get(2).is_some_and(|mode| !mode.is_empty());
    is_standard(node) && (node.op_type == "Identity" || (node.op_type == "Dropout" && !trains))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::onnx::{GraphBuilder, attribute as a};

    fn model(build: impl FnOnce(&mut GraphBuilder, &str) -> String) -> Model {
        let mut g = GraphBuilder::new("test");
        let x = g.input("image", ElementType::Float, &[1.into()]);
        let y = build(&mut g, &x);
        g.output(&y, "map", ElementType::Float, &[1.into()]);
        g.build()
    }

    #[test]
    fn constants_are_initializers_and_what_does_nothing_is_gone() {
        let model = model(|g, x| {
            let constant = g.node("Constant", &[], vec![a::floats("value_floats", &[2.0])]);
            let same = g.node("Identity", &[x], vec![]);
            let rest = g.node("Dropout", &[&same], vec![]);
            g.node("Mul", &[&rest, &constant], vec![])
        });
        let tidied = tidied(&model);
        let nodes: Vec<_> =
            tidied.graph().node.iter().map(|node| (node.op_type.as_str(), node.input.join(" "))).collect();
        assert_eq!(nodes, [("Mul", "image constant_1".to_owned()), ("Identity", "mul_4".to_owned())]);
        assert_eq!(tidied.initializer("constant_1").unwrap().floats().unwrap(), [2.0]);
    }

    #[test]
    fn what_cannot_be_worked_on_is_told() {
        let relu = |g: &mut GraphBuilder, x: &str| g.node("Relu", &[x], vec![]);
        assert_eq!(refusal(&model(relu)), None);
        let quantized = model(|g, x| g.node("DynamicQuantizeLinear", &[x], vec![]));
        assert!(refusal(&quantized).unwrap().contains("already quantised (node `dynamicquantizelinear_1`)"));
        let mut halved = model(relu);
        halved.graph_mut().initializer.push(TensorProto { data_type: 10, ..TensorProto::default() });
        assert_eq!(refusal(&halved).as_deref(), Some("it already computes in float16"));
        let mut branches = model(relu);
        branches.graph_mut().node[0].attribute =
            vec![crate::onnx::proto::AttributeProto { g: Some(GraphProto::default()), ..Default::default() }];
        assert_eq!(refusal(&branches).as_deref(), Some("node `relu_1` (Relu) has a subgraph"));
        let mut header = model(relu).header().clone();
        header.opset_import[0].version = 11;
        let old = Model::new(header, model(relu).graph().clone());
        assert_eq!(refusal(&old).as_deref(), Some("its operator set is 11: export it with 13 or newer"));
    }
}
