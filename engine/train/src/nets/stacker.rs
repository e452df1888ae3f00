//! Stacking models: merge members' probabilities into one.
//!
//! A head outputs one logit. The trainer sees a single head, over inputs in the form of images of one pixel with a
//! channel per member; the exported model holds the heads of all folds over (batch, members), and averages their
//! probabilities.

use pleura::onnx::Model;
use pleura::onnx::attribute::{int, ints};

use super::draw::Scheme;
use super::net::{Net, Scope, Tensor};
use crate::checkpoint::Tensors;
use crate::recipe::stack::{Activation, FeatureScale, Stack, Window};

/// The input and the output of the exported model: (batch, members) and (batch, 1).
pub const STACK_PORTS: [&str; 2] = ["scores", "score"];

/// The width of a convolution over the row of features, unless it covers all.
const KERNEL: i64 = 3;

/// Probabilities are clamped to this distance from 0 and 1 before their logit: single precision barely resolves 1 -
/// 1e-7.
pub const MARGIN: f32 = 1e-7;

/// The name of the trainer's only head.
const HEAD: &str = "head";

/// A head from `image`, (batch, members, 1, 1), to the logits `score`, (batch), with random weights from `seed`.
#[must_use]
pub fn stacker(stack: &Stack, members: usize, seed: u64) -> Model {
    let mut net = Net::new("stack");
    let image = net.image(members as i64);
    let scores = net.reshape(&image, &[0, -1], members as i64);
    let logit = head(&mut net, &Scope::new(HEAD), &scores, stack);
    net.answer_score(&logit);
    net.finish(|it| it.draw.numbers(&it.name, &it.shape, seed))
}

/// The mean of the heads' probabilities: see [`STACK_PORTS`]. Heads' weights have the same names as [`stacker`]'s.
///
/// # Panics
/// If a head lacks a weight: a mistake in the code.
#[must_use]
pub fn stacked(stack: &Stack, members: usize, heads: &[Tensors]) -> Model {
    let mut net = Net::new("stack");
    let scores = net.scores(STACK_PORTS[0], members as i64);
    let logits: Vec<_> =
        (0..heads.len()).map(|at| head(&mut net, &Scope::new(&format!("{HEAD}{at}")), &scores, stack)).collect();
    let logits = net.concat(&logits.iter().collect::<Vec<_>>());
    let probabilities = net.map("Sigmoid", &logits);
    let mean = net.mean(&probabilities, &[1]);
    net.answer(STACK_PORTS[1], &mean);
    net.finish(|weight| {
        let (at, name) = weight.name.strip_prefix(HEAD).and_then(|rest| rest.split_once('.')).expect("a head's weight");
        let at: usize = at.parse().expect("heads are numbered");
        heads[at][&format!("{HEAD}.{name}")].1.clone()
    })
}

/// The names of a logistic head's weights and its bias.
pub fn logistic_names() -> [String; 2] {
    ["weight", "bias"].map(|name| format!("{HEAD}.linear.{name}"))
}

/// (batch, members) to (batch, 1).
fn head(net: &mut Net, at: &Scope, scores: &Tensor, stack: &Stack) -> Tensor {
    net.scheme = Scheme::Torch;
    let features = match *stack {
        Stack::Conv { channels, over, activation, .. } => {
            let row = row(net, scores);
            let kernel = if over == Window::All { row.channels } else { KERNEL };
            convolved(net, &at.at("conv"), &row, [i64::from(channels), kernel], activation)
        }
        Stack::Logistic { of: FeatureScale::Probabilities, .. } => scores.clone(),
        Stack::Logistic { of: FeatureScale::Logits, .. } => logits(net, scores),
    };
    net.linear(&at.at("linear"), &features, 1)
}

/// 2n + 1 features of n members: each one's probability and half its difference to the next one's, and then the mean.
/// So a convolution covers a member, its difference to the next, and the next.
fn row(net: &mut Net, scores: &Tensor) -> Tensor {
    let members = scores.channels;
    let next: Vec<i64> = (1..=members).map(|member| member % members).collect();
    let next = pick(net, scores, &next);
    let difference = net.pair("Sub", scores, &next);
    let half = net.number(0.5);
    let half = net.node("Mul", &[&difference.value, &half], vec![], members);
    let mean = net.mean(scores, &[1]);
    let all = net.concat(&[scores, &half, &mean]);
    let woven: Vec<i64> = (0..members).flat_map(|member| [member, members + member]).chain([2 * members]).collect();
    pick(net, &all, &woven)
}

/// Selects columns, in any order.
fn pick(net: &mut Net, x: &Tensor, columns: &[i64]) -> Tensor {
    let indices = net.integers(columns);
    net.node("Gather", &[&x.value, &indices], vec![int("axis", 1)], columns.len() as i64)
}

/// (batch, length) to a convolution along it, flattened: (batch, channels · (length - kernel + 1)).
fn convolved(net: &mut Net, at: &Scope, row: &Tensor, [channels, kernel]: [i64; 2], activation: Activation) -> Tensor {
    let length = row.channels;
    let x = net.reshape(row, &[0, 1, 1, length], 1);
    let shape = [channels, 1, 1, kernel];
    let weight = net.weight(format!("{at}.weight"), &shape, net.scheme.weight(&shape, 1));
    let bias = net.weight(format!("{at}.bias"), &[channels], net.scheme.bias(&shape));
    let attributes = vec![ints("kernel_shape", &[1, kernel])];
    let x = net.node("Conv", &[&x.value, &weight, &bias], attributes, channels);
    let x = match activation {
        Activation::Relu => net.map("Relu", &x),
        Activation::None => x,
    };
    net.node("Flatten", &[&x.value], vec![int("axis", 1)], channels * (length - kernel + 1))
}

/// `ln(p / (1 - p))`, kept finite.
fn logits(net: &mut Net, scores: &Tensor) -> Tensor {
    let (low, high, one) = (net.number(MARGIN), net.number(1.0 - MARGIN), net.number(1.0));
    let p = net.node("Clip", &[&scores.value, &low, &high], vec![], scores.channels);
    let rest = net.node("Sub", &[&one, &p.value], vec![], scores.channels);
    let odds = net.pair("Div", &p, &rest);
    net.map("Log", &odds)
}

impl Net {
    /// Scores of `members` members: (batch, members).
    fn scores(&mut self, name: &str, members: i64) -> Tensor {
        Tensor { value: self.input(name, &["batch".into(), members.into()]), channels: members }
    }

    /// Declares (batch, channels) as an output.
    fn answer(&mut self, name: &str, x: &Tensor) {
        self.output(&x.value, name, &["batch".into(), x.channels.into()]);
    }
}
