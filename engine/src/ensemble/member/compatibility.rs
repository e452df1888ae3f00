//! Checks whether a model matches the manifest, from its inputs and outputs alone.

use super::channels::ChannelFault;
use super::tensor;
use crate::Size;
use crate::manifest::{Input, Layout, Member, Normalize, Pick, Stack, Unit, Values};
use crate::runtime::{Element, Port};

/// A mismatch: the key below the member or stack, what is wrong, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The key: `input.size`, `map.output`.
    pub key: &'static str,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Mismatches between a member and its model.
pub fn member(member: &Member, inputs: &[Port], outputs: &[Port]) -> Vec<Mismatch> {
    let mut misfits = Vec::new();
    if let Some(port) = input(&member.input.name, "input.name", inputs, &mut misfits) {
        check_input(&member.input, port, &mut misfits);
    }
    if let Some(map) = &member.map
        && let Some(port) = output(&map.output, map.values, ("map.output", "map.values"), outputs, &mut misfits)
    {
        let channel = if member.input.layout == Layout::Nhwc { 3 } else { 1 };
        match port.dims.len() {
            0 => {}
            2 | 3 => check_channels(&map.pick(), map.values, Some(1), &MAP, &port.name, &mut misfits),
            4 => check_channels(&map.pick(), map.values, port.dims[channel], &MAP, &port.name, &mut misfits),
            _ => {
                misfits.push(wrong_rank("map.output", port, "expected a map of rank 4, or of 3 or 2 without channels"))
            }
        }
    }
    if let Some(score) = &member.score
        && let Some(port) = output(&score.output, score.values, ("score.output", "score.values"), outputs, &mut misfits)
    {
        match port.dims.as_slice() {
            [] => {}
            [_, _, h, w] if h.is_some_and(|h| h > 1) && w.is_some_and(|w| w > 1) => {
                let expected = "expected a score of one number per image; is this a map?";
                misfits.push(wrong_rank("score.output", port, expected));
            }
            dims => {
                let channels = score_channels(dims, declared_batch(inputs, &member.input.name));
                check_channels(&score.pick(), score.values, channels, &SCORE, &port.name, &mut misfits);
            }
        }
    }
    misfits
}

/// Mismatches between a stack and its model, for maps or scores of `members` members.
pub fn stack(stack: &Stack, members: usize, maps: bool, inputs: &[Port], outputs: &[Port]) -> Vec<Mismatch> {
    let mut misfits = Vec::new();
    if let Some(port) = input(&stack.input, "merge.input", inputs, &mut misfits) {
        let (rank, form) = if maps { (4, "(N, M, H, W) maps") } else { (2, "(N, M) scores") };
        if !port.dims.is_empty() && port.dims.len() != rank {
            misfits.push(wrong_rank("merge.input", port, &format!("expected {form}")));
        } else if port.dims.first().is_some_and(|batch| batch.is_some_and(|batch| batch != 1)) {
            misfits.push(wrong_rank("merge.input", port, "expected a batch of one image"));
        } else if let Some(Some(found)) = port.dims.get(1)
            && *found != members
        {
            let message = format!("input `{}` takes {found} members; the stage has {members}", port.name);
            misfits.push(Mismatch { key: "merge.input", message });
        }
    }
    output(&stack.output, stack.values, ("merge.output", "merge.values"), outputs, &mut misfits);
    misfits
}

/// Why a model of fixed height and width cannot take a view of this size; `None` if it can.
pub fn view(member: &Member, inputs: &[Port], size: Size) -> Option<Mismatch> {
    let port = inputs.iter().find(|port| port.name == member.input.name)?;
    let (height, width) = sides(&member.input, port)?;
    let fits = height.is_none_or(|h| h == size.height) && width.is_none_or(|w| w == size.width);
    let side = |side: Option<usize>| side.map_or("any".into(), |s| s.to_string());
    let message = format!(
        "a view is {size}, but the model takes {}×{} only; export it with dynamic height and width, or drop the view",
        side(height),
        side(width)
    );
    (!fits).then_some(Mismatch { key: "tta", message })
}

/// The batch size that a model takes, if it takes no other: its input's, or 1 if an output of the member has no axis of
/// the batch.
pub fn fixed_batch(member: &Member, inputs: &[Port], outputs: &[Port]) -> Option<usize> {
    let dims = |name: &String| outputs.iter().find(|port| port.name == *name).map(|port| port.dims.as_slice());
    let map = member.map.as_ref().and_then(|map| dims(&map.output)).is_some_and(|dims| dims.len() == 2);
    let score = member.score.as_ref().and_then(|score| dims(&score.output));
    // numbers of images are not known beforehand: these are channels
    let score = score.is_some_and(|dims| matches!(dims, [Some(_)]));
    declared_batch(inputs, &member.input.name).or_else(|| (map || score).then_some(1))
}

/// The fixed batch size that a model's input declares, if any.
fn declared_batch(inputs: &[Port], name: &str) -> Option<usize> {
    inputs.iter().find(|port| port.name == name)?.dims.first().copied().flatten()
}

/// The number of channels of a score, if it is known: of (N,), (N, …), or (C,) of a network that takes one image.
fn score_channels(dims: &[Option<usize>], batch: Option<usize>) -> Option<usize> {
    match dims {
        [Some(numbers)] if batch == Some(*numbers) => Some(1),
        [numbers] => *numbers,
        [_, rest @ ..] => rest.iter().copied().product(),
        [] => None,
    }
}

fn check_input(input: &Input, port: &Port, misfits: &mut Vec<Mismatch>) {
    if port.dims.is_empty() {
        return;
    }
    if port.dims.len() != 4 {
        misfits.push(wrong_rank("input.name", port, "expected an image input of rank 4"));
        return;
    }
    let channels = port.dims[if input.layout == Layout::Nchw { 1 } else { 3 }];
    if let Some(found) = channels.filter(|&found| found != input.channels as usize) {
        let hint = match input.layout {
            Layout::Nchw if port.dims[3] == Some(input.channels as usize) => "; is its layout \"nhwc\"?",
            Layout::Nhwc if port.dims[1] == Some(input.channels as usize) => "; is its layout \"nchw\"?",
            _ if found == 1 || found == 3 => "; declare the model's number",
            _ => "; export the model with 1 or 3 channels",
        };
        let message = format!(
            "input `{}` has {}, the manifest declares {}{hint}",
            port.name,
            channels_text(found),
            input.channels
        );
        misfits.push(Mismatch { key: "input.channels", message });
    }
    if let Element::U8(_) = port.element {
        check_bytes(input, port, misfits);
    }
    let Some((height, width)) = sides(input, port) else { return };
    let declared = Size::from(input.size);
    if height.is_some_and(|h| h != declared.height) || width.is_some_and(|w| w != declared.width) {
        let side = |side: Option<usize>| side.map_or("any".into(), |s| s.to_string());
        let found = format!("[{}, {}]", side(height), side(width));
        let message = format!(
            "input `{}` takes {found}, the manifest declares [{}, {}]",
            port.name, declared.height, declared.width
        );
        misfits.push(Mismatch { key: "input.size", message });
    }
}

/// Intensities of 0..=1 must become whole steps of 0..=255.
fn check_bytes(input: &Input, port: &Port, misfits: &mut Vec<Mismatch>) {
    let channels = 0..input.channels as usize;
    let ends = channels.map(|channel| [0.0, 1.0].map(|value| tensor::normalised(value, channel, input)));
    if ends.flatten().any(|value| !(0.0..=255.0).contains(&value))
        || input.scale <= 1.0
        || input.normalize != Normalize::None
        || input.unit == Unit::Stored
    {
        let message = format!(
            "input `{}` is {}, of 0..=255: write `scale = 255`, without `mean`, `std`, `normalize` and `unit`",
            port.name, port.element
        );
        misfits.push(Mismatch { key: "input.scale", message });
    }
}

fn sides(input: &Input, port: &Port) -> Option<(Option<usize>, Option<usize>)> {
    let first = if input.layout == Layout::Nchw { 2 } else { 1 };
    Some((*port.dims.get(first)?, *port.dims.get(first + 1)?))
}

fn input<'a>(name: &str, key: &'static str, ports: &'a [Port], misfits: &mut Vec<Mismatch>) -> Option<&'a Port> {
    let others = ports.iter().filter(|port| port.name != name).map(|port| format!("`{}`", port.name));
    let others: Vec<_> = others.collect();
    let found = find(name, key, "input", ports, misfits)?;
    if !others.is_empty() {
        let message = format!("the model also needs {}; the engine feeds one input", others.join(", "));
        misfits.push(Mismatch { key, message });
    }
    Some(found)
}

fn output<'a>(
    name: &str,
    values: Values,
    (key, values_key): (&'static str, &'static str),
    ports: &'a [Port],
    misfits: &mut Vec<Mismatch>,
) -> Option<&'a Port> {
    let found = find(name, key, "output", ports, misfits)?;
    let element = &found.element;
    let (key, expected) = match (element, values) {
        (Element::Other(_), _) => (key, "expected a tensor of numbers"),
        (Element::U8(_) | Element::Whole(_), Values::Logits | Values::Probabilities | Values::Softmax) => {
            (values_key, "expected a tensor of floats; class labels are `values = \"labels\"`")
        }
        _ => return Some(found),
    };
    misfits.push(Mismatch { key, message: format!("output `{name}` is {element}; {expected}") });
    None
}

fn find<'a>(
    name: &str,
    key: &'static str,
    what: &str,
    ports: &'a [Port],
    misfits: &mut Vec<Mismatch>,
) -> Option<&'a Port> {
    let Some(port) = ports.iter().find(|port| port.name == name) else {
        let names: Vec<_> = ports.iter().map(|port| format!("`{}`", port.name)).collect();
        let message = format!("the model has no {what} `{name}`; it has {}", names.join(", "));
        misfits.push(Mismatch { key, message });
        return None;
    };
    if what == "input" && !matches!(port.element, Element::F32 | Element::F16 | Element::U8(_)) {
        let message = format!("input `{name}` is {}; expected a float32, float16 or uint8 tensor", port.element);
        misfits.push(Mismatch { key, message });
        return None;
    }
    Some(port)
}

/// The keys of an output's channels and values.
struct Keys {
    channel: &'static str,
    channels: &'static str,
    values: &'static str,
}

const MAP: Keys = Keys { channel: "map.channel", channels: "map.channels", values: "map.values" };
const SCORE: Keys = Keys { channel: "score.channel", channels: "score.channels", values: "score.values" };

fn check_channels(
    pick: &Pick,
    values: Values,
    channels: Option<usize>,
    keys: &Keys,
    name: &str,
    misfits: &mut Vec<Mismatch>,
) {
    let Some(fault) = channels.and_then(|channels| ChannelFault::among(channels, pick, values)) else { return };
    let key = match fault {
        ChannelFault::OneClass | ChannelFault::SeveralPlanes(_) => keys.values,
        ChannelFault::NoChannel { .. } | ChannelFault::AllClasses(_) if pick.channels.len() > 1 => keys.channels,
        ChannelFault::NoChannel { .. } | ChannelFault::AllClasses(_) => keys.channel,
    };
    misfits.push(Mismatch { key, message: format!("output `{name}` {fault}") });
}

fn channels_text(count: usize) -> String {
    if count == 1 { "1 channel".into() } else { format!("{count} channels") }
}

fn wrong_rank(key: &'static str, port: &Port, expected: &str) -> Mismatch {
    let dims: Vec<_> = port.dims.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
    Mismatch { key, message: format!("`{}` has shape ({}); {expected}", port.name, dims.join(", ")) }
}
