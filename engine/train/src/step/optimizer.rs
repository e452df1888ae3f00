//! The optimiser's graph: from gradients to new weights, piece by piece.
//!
//! Its inputs are [`SCALARS`], and the pieces of each vector: `weights:0`, `gradients:0`, `moment0:0`, `average:0` and so
//! on. Each piece's new numbers, `new:weights:0`, overwrite the old ones in the last node that reads them.

use crate::recipe::Optimizer;
use crate::trace::{Target, Trace};

/// The names of the numbers that change: the learning rate, the two corrections of Adam, and the factor of gradients.
pub const SCALARS: [&str; 4] = ["lr", "correction1", "correction2", "share"];

/// The vector that is only read.
pub const GRADIENTS: &str = "gradients";

/// The name of a piece of a vector.
pub fn piece(stem: &str, at: usize) -> String {
    format!("{stem}:{at}")
}

/// The name of a piece's new numbers.
pub fn new(piece: &str) -> String {
    format!("new:{piece}")
}

/// The number of moments that an optimiser keeps.
pub fn moments(optimizer: &Optimizer) -> usize {
    match optimizer {
        Optimizer::Sgd { momentum, .. } if *momentum == 0.0 => 0,
        Optimizer::Sgd { .. } => 1,
        Optimizer::Adam { .. } | Optimizer::Adamw { .. } => 2,
    }
}

/// Writes the optimiser for weights in pieces of these lengths, with their moving average if it has a decay.
pub fn write(target: Target, lengths: &[usize], optimizer: &Optimizer, decay: Option<f32>) -> Trace {
    let mut trace = Trace::on(target, "update");
    let t = &mut trace;
    SCALARS.iter().for_each(|name| drop(t.input(name, &[])));
    let weights = declare(t, "weights", lengths);
    let gradients = declare(t, GRADIENTS, lengths);
    let moments: Vec<_> = (0..moments(optimizer)).map(|at| declare(t, &format!("moment{at}"), lengths)).collect();
    let averages = decay.map(|decay| (decay, declare(t, "average", lengths)));
    let share = share(t, &gradients, clip(optimizer));
    for (at, weight) in weights.iter().enumerate() {
        let gradient = t.mul(&gradients[at], &share);
        let old: Vec<&str> = moments.iter().map(|moment| moment[at].as_str()).collect();
        let found = rule(t, optimizer, weight, &gradient, &old);
        for (moment, found) in moments.iter().zip(&found.moments) {
            t.output(found, &new(&moment[at]));
        }
        t.output(&found.weight, &new(weight));
        if let Some((decay, averages)) = &averages {
            let mean = moving_average(t, &averages[at], &found.weight, *decay);
            t.output(&mean, &new(&averages[at]));
        }
    }
    trace
}

/// Declares the pieces of a vector as inputs.
fn declare(t: &mut Trace, stem: &str, lengths: &[usize]) -> Vec<String> {
    lengths.iter().enumerate().map(|(at, &length)| t.input(&piece(stem, at), &[length])).collect()
}

fn moving_average(t: &mut Trace, average: &str, weight: &str, decay: f32) -> String {
    let (old, new) = (t.scale(average, decay), t.scale(weight, 1.0 - decay));
    t.add(&old, &new)
}

fn clip(optimizer: &Optimizer) -> Option<f32> {
    match *optimizer {
        Optimizer::Sgd { clip, .. } | Optimizer::Adam { clip, .. } | Optimizer::Adamw { clip, .. } => clip,
    }
}

/// The factor of gradients: `share`, and smaller if their norm over all weights exceeds the limit.
fn share(t: &mut Trace, gradients: &[String], clip: Option<f32>) -> String {
    let Some(most) = clip else { return "share".into() };
    let mut total: Option<String> = None;
    for piece in gradients {
        let square = t.mul(piece, piece);
        let square = t.total(&square);
        total = Some(match total {
            Some(sum) => t.add(&sum, &square),
            None => square,
        });
    }
    let norm = total.expect("a network has weights");
    let norm = t.unary("Sqrt", &norm);
    let norm = t.mul(&norm, "share");
    // PyTorch's clip_grad_norm_ adds this too
    let norm = t.shift(&norm, 1e-6);
    let most = t.scalar(most);
    let down = t.div(&most, &norm);
    let one = t.scalar(1.0);
    let down = t.emit("Min", &[&down, &one], vec![]);
    t.mul("share", &down)
}

/// A weight's new numbers, and those of its moments.
struct New {
    weight: String,
    moments: Vec<String>,
}

fn rule(t: &mut Trace, optimizer: &Optimizer, weight: &str, gradient: &str, moments: &[&str]) -> New {
    match *optimizer {
        Optimizer::Sgd { momentum, nesterov, weight_decay, .. } => {
            let gradient = decayed(t, weight, gradient, weight_decay);
            let (step, moments) = match moments {
                [] => (gradient, Vec::new()),
                moments => {
                    let old = t.scale(moments[0], momentum);
                    let velocity = t.add(&old, &gradient);
                    let ahead = nesterov.then(|| t.scale(&velocity, momentum));
                    let step = ahead.map_or(velocity.clone(), |ahead| t.add(&gradient, &ahead));
                    (step, vec![velocity])
                }
            };
            New { weight: descend(t, weight, &step), moments }
        }
        Optimizer::Adam { betas, epsilon, weight_decay, .. } => {
            let gradient = decayed(t, weight, gradient, weight_decay);
            adam(t, weight, &gradient, moments, betas, epsilon)
        }
        Optimizer::Adamw { betas, epsilon, weight_decay, .. } => {
            let less = t.scale("lr", -weight_decay);
            let less = t.shift(&less, 1.0);
            let weight = t.mul(weight, &less);
            adam(t, &weight, gradient, moments, betas, epsilon)
        }
    }
}

fn decayed(t: &mut Trace, weight: &str, gradient: &str, decay: f32) -> String {
    if decay == 0.0 {
        return gradient.to_owned();
    }
    let pull = t.scale(weight, decay);
    t.add(gradient, &pull)
}

fn descend(t: &mut Trace, weight: &str, step: &str) -> String {
    let step = t.mul(step, "lr");
    t.sub(weight, &step)
}

fn adam(t: &mut Trace, weight: &str, gradient: &str, moments: &[&str], betas: [f32; 2], epsilon: f32) -> New {
    let mean = |t: &mut Trace, old: &str, new: &str, beta: f32| {
        let (old, new) = (t.scale(old, beta), t.scale(new, 1.0 - beta));
        t.add(&old, &new)
    };
    let first = mean(t, moments[0], gradient, betas[0]);
    let square = t.mul(gradient, gradient);
    let second = mean(t, moments[1], &square, betas[1]);
    let root = t.unary("Sqrt", &second);
    let root = t.mul(&root, "correction2");
    let root = t.shift(&root, epsilon);
    // a scalar: the step for one unit of the moment
    let reach = t.mul("lr", "correction1");
    let step = t.div(&first, &root);
    let step = t.mul(&step, &reach);
    New { weight: t.sub(weight, &step), moments: vec![first, second] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::cut;

    /// The numbers of pieces and of nodes for a network of so many weights.
    fn size(target: Target, weights: usize) -> (usize, usize) {
        let adam = serde_json::from_str(r#"{ "kind": "adam" }"#).unwrap();
        let lengths = cut(weights, target);
        assert_eq!(lengths.iter().sum::<usize>(), weights);
        (lengths.len(), write(target, &lengths, &adam, None).into_model().graph().node.len())
    }

    #[test]
    fn on_cuda_the_optimizer_is_a_few_large_operators() {
        let unet_resnet34 = 24_430_000;
        assert_eq!(size(Target::Cpu, unet_resnet34).0, 187);
        let (pieces, nodes) = size(Target::Cuda, unet_resnet34);
        assert!(pieces == 1 && nodes <= 20, "{pieces} pieces, {nodes} nodes");
        // memory stays bounded
        assert_eq!(size(Target::Cuda, 140_000_000).0, 3);
    }
}
