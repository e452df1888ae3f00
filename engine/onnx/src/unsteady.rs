//! Networks in training form, whose results depend on chance or on the other images of a batch.

use prost::Message;

use super::ElementType;
use super::proto::{GraphProto, ModelProto, NodeProto};
use super::skeleton::{Graph, Node, Skeleton};

/// Operators that draw random numbers.
const RANDOM: [&str; 6] =
    ["RandomUniform", "RandomUniformLike", "RandomNormal", "RandomNormalLike", "Bernoulli", "Multinomial"];

/// The first node of a model whose results are not those of its inputs alone, in words; `None` if there is none. `model`
/// are the bytes from which `skeleton` was read.
#[must_use]
pub fn unsteady(skeleton: &Skeleton, model: &[u8]) -> Option<String> {
    let nodes = skeleton.graph.iter().flat_map(nodes);
    let mut nodes = nodes.chain(skeleton.functions.iter().flat_map(|function| &function.node));
    let mut drops = false;
    let found = nodes.find_map(|node| {
        let what = match node.op_type.as_str() {
            "BatchNormalization" if is_on(node) => "normalizes by the batch at hand",
            op if RANDOM.contains(&op) => "draws random numbers",
            "Dropout" if node.input.get(2).is_some_and(|mode| !mode.is_empty()) => {
                drops = true;
                return None;
            }
            _ => return None,
        };
        Some(told(&node.name, &node.output, &node.op_type, what))
    });
    // whether a dropout is on is a number, which a skeleton does not have
    found.or_else(|| if drops { active_dropout(&ModelProto::decode(model).ok()?.graph?) } else { None })
}

fn nodes(graph: &Graph) -> Vec<&Node> {
    let inner = graph.node.iter().flat_map(|node| node.attribute.iter().flat_map(|it| it.g.iter().chain(&it.graphs)));
    graph.node.iter().chain(inner.flat_map(nodes)).collect()
}

fn is_on(norm: &Node) -> bool {
    norm.attribute.iter().any(|attribute| attribute.name == "training_mode" && attribute.i == 1)
}

fn active_dropout(graph: &GraphProto) -> Option<String> {
    let value = |name: &String| {
        let made = graph.node.iter().find(|node| node.op_type == "Constant" && node.output.contains(name));
        let constant = made.and_then(|node| node.attribute.iter().find_map(|it| it.t.as_ref()));
        constant.or_else(|| graph.initializer.iter().find(|tensor| &tensor.name == name))
    };
    let is_false = |name: &String| {
        let Some(tensor) = value(name) else { return false };
        let bytes = tensor.raw_data.iter().flatten().all(|&byte| byte == 0);
        tensor.element() == ElementType::Bool && bytes && tensor.int32_data.iter().all(|&number| number == 0)
    };
    let is_zero = |name: &String| value(name).and_then(|ratio| ratio.floats().ok()).is_some_and(|it| it == [0.0]);
    let is_off = |node: &NodeProto| is_false(&node.input[2]) || is_zero(&node.input[1]);
    let is_dropout =
        |node: &&NodeProto| node.op_type == "Dropout" && node.input.get(2).is_some_and(|it| !it.is_empty());
    let node = graph.node.iter().filter(is_dropout).find(|node| !is_off(node))?;
    Some(told(&node.name, &node.output, &node.op_type, "drops numbers at random"))
}

fn told(name: &str, output: &[String], op: &str, what: &str) -> String {
    let name = if name.is_empty() { output.first().map_or("", String::as_str) } else { name };
    format!("node `{name}` ({op}) {what}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::TensorProto;
    use crate::{GraphBuilder, Model, attribute};

    fn found(build: impl FnOnce(&mut GraphBuilder, &str) -> String) -> Option<String> {
        let mut graph = GraphBuilder::new("network");
        let image = graph.input("image", ElementType::Float, &[1.into(), 1.into(), 4.into(), 4.into()]);
        let map = build(&mut graph, &image);
        graph.output(&map, "map", ElementType::Float, &[1.into(), 1.into(), 4.into(), 4.into()]);
        let bytes = graph.build().to_bytes();
        unsteady(&Skeleton::read(&bytes).unwrap(), &bytes)
    }

    #[test]
    fn what_training_alone_does_is_found() {
        let norm = |mode: Option<i64>| {
            found(|graph, image| {
                let one = graph.constant("one", &[1], &[1.0]);
                let mode = mode.map(|mode| attribute::int("training_mode", mode)).into_iter().collect();
                graph.node("BatchNormalization", &[image, &one, &one, &one, &one], mode)
            })
        };
        assert_eq!((norm(None), norm(Some(0))), (None, None));
        assert!(norm(Some(1)).unwrap().ends_with("(BatchNormalization) normalizes by the batch at hand"));
        let random = found(|graph, image| graph.node("RandomUniformLike", &[image], vec![]));
        assert!(random.unwrap().ends_with("(RandomUniformLike) draws random numbers"));
    }

    #[test]
    fn a_dropout_is_on_by_its_third_input() {
        let dropout = |mode: Option<u8>, ratio: f32| {
            let mut graph = GraphBuilder::new("network");
            let image = graph.input("image", ElementType::Float, &[1.into(), 4.into()]);
            let ratio = graph.scalar(ratio);
            let inputs = [image.as_str(), &ratio, "mode"];
            let map = graph.node("Dropout", &inputs[..if mode.is_some() { 3 } else { 2 }], vec![]);
            graph.output(&map, "map", ElementType::Float, &[1.into(), 4.into()]);
            let mut model: Model = graph.build();
            let mode = TensorProto {
                name: "mode".into(),
                data_type: ElementType::Bool.into(),
                raw_data: mode.map(|mode| vec![mode]),
                ..TensorProto::default()
            };
            model.graph_mut().initializer.push(mode);
            let bytes = model.to_bytes();
            unsteady(&Skeleton::read(&bytes).unwrap(), &bytes)
        };
        assert_eq!((dropout(None, 0.5), dropout(Some(0), 0.5), dropout(Some(1), 0.0)), (None, None, None));
        assert!(dropout(Some(1), 0.5).unwrap().ends_with("(Dropout) drops numbers at random"));
    }
}
