//! Scaled dot-product attention, the operator `Attention` of operator set 23 and later.

use pleura::onnx::ElementType;
use pleura::onnx::proto::NodeProto;

use crate::trace::{Attributes, Trace};

/// `softmax(q·kᵀ·scale + mask)·v`, of (batch, heads, places, width), or of (batch, places, heads · width).
pub(super) fn attention(t: &mut Trace, node: &NodeProto) -> Result<String, String> {
    refuse_what_decoders_use(node)?;
    let is_flat = t.shape(&node.input[0]).len() == 3;
    let heads = |name: &str| node.int(name).map(|heads| heads as usize);
    let q = by_head(t, &node.input[0], heads("q_num_heads"))?;
    let k = by_head(t, &node.input[1], heads("kv_num_heads"))?;
    let v = by_head(t, &node.input[2], heads("kv_num_heads"))?;
    let ([batch, q_heads, places, width], [_, k_heads, ..]) = (four(t, &q)?, four(t, &k)?);
    if q_heads != k_heads {
        return Err(format!("training supports attention of as many keys as queries, found {k_heads} and {q_heads}"));
    }
    let scale = node.float("scale").unwrap_or(1.0 / (width as f32).sqrt());
    let k = t.transpose(&k, &[0, 1, 3, 2]);
    let q = t.scale(&q, scale);
    let scores = t.matmul(&q, &k);
    let scores = match node.input.get(3).filter(|mask| !mask.is_empty()) {
        Some(mask) => masked(t, &scores, mask),
        None => scores,
    };
    let shares = t.emit("Softmax", &[&scores], vec![]);
    let mixed = t.matmul(&shares, &v);
    if !is_flat {
        return Ok(mixed);
    }
    let width = four(t, &mixed)?[3];
    let mixed = t.transpose(&mixed, &[0, 2, 1, 3]);
    Ok(t.reshape(&mixed, &[batch, places, q_heads * width]))
}

fn refuse_what_decoders_use(node: &NodeProto) -> Result<(), String> {
    let has_input = |at: usize| node.input.get(at).is_some_and(|name| !name.is_empty());
    let refused = [
        (node.int("is_causal") == Some(1), "`is_causal`"),
        (node.float("softcap").is_some_and(|cap| cap != 0.0), "`softcap`"),
        (has_input(4) || has_input(5), "past keys and values"),
        (node.output.iter().skip(1).any(|name| !name.is_empty()), "a second output"),
    ];
    match refused.into_iter().find(|(is_there, _)| *is_there) {
        Some((_, what)) => Err(format!("training does not support attention with {what}")),
        None => Ok(()),
    }
}

/// (batch, heads, places, width).
fn by_head(t: &mut Trace, x: &str, heads: Option<usize>) -> Result<String, String> {
    let [batch, places, width] = *t.shape(x) else { return Ok(x.to_owned()) };
    let heads = heads.filter(|&heads| heads > 0 && width.is_multiple_of(heads));
    let heads = heads.ok_or_else(|| format!("`{x}` of {width} numbers a place does not say its number of heads"))?;
    let apart = t.reshape(x, &[batch, places, heads, width / heads]);
    Ok(t.transpose(&apart, &[0, 2, 1, 3]))
}

fn four(t: &Trace, x: &str) -> Result<[usize; 4], String> {
    let shape = t.shape(x);
    shape.try_into().map_err(|_| format!("`{x}` has shape {shape:?}, expected (batch, heads, places, width)"))
}

/// A mask of truth values forbids what is false; one of numbers is added.
fn masked(t: &mut Trace, scores: &str, mask: &str) -> String {
    if t.typed(mask).element != ElementType::Bool {
        return t.add(scores, mask);
    }
    // far below every score; minus infinity would make a row without any place NaN
    let never = t.scalar(-1e30);
    t.emit("Where", &[mask, scores, &never], vec![])
}
