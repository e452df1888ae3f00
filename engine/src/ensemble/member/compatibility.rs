//! Checks whether a model matches the manifest, from its inputs and outputs alone.

use crate::Size;
use crate::manifest::{Input, Join, Layout, Member, Pick, Stack, Values};
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
        && let Some(port) = output(&map.output, "map.output", outputs, &mut misfits)
    {
        let channel = if member.input.layout == Layout::Nhwc { 3 } else { 1 };
        match port.dims.len() {
            0 => {}
            3 => check_channels(&map.pick(), map.values, Some(1), &MAP, &port.name, &mut misfits),
            4 => check_channels(&map.pick(), map.values, port.dims[channel], &MAP, &port.name, &mut misfits),
            _ => misfits.push(wrong_rank("map.output", port, "expected a map of rank 4 (or 3, without channels)")),
        }
    }
    if let Some(score) = &member.score
        && let Some(port) = output(&score.output, "score.output", outputs, &mut misfits)
    {
        let rest: Option<usize> = port.dims.iter().skip(1).copied().product::<Option<usize>>();
        match port.dims.as_slice() {
            [] => {}
            [_, _, h, w] if h.is_some_and(|h| h > 1) && w.is_some_and(|w| w > 1) => {
                misfits.push(wrong_rank(
                    "score.output",
                    port,
                    "expected a score of one number per image; is this a \
                                                               map?",
                ));
            }
            _ => check_channels(&score.pick(), score.values, rest, &SCORE, &port.name, &mut misfits),
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
    output(&stack.output, "merge.output", outputs, &mut misfits);
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

/// The fixed batch size of a model's input, if any.
pub fn fixed_batch(inputs: &[Port], name: &str) -> Option<usize> {
    inputs.iter().find(|port| port.name == name)?.dims.first().copied().flatten()
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

fn output<'a>(name: &str, key: &'static str, ports: &'a [Port], misfits: &mut Vec<Mismatch>) -> Option<&'a Port> {
    find(name, key, "output", ports, misfits)
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
    let refused = match &port.element {
        Element::F32 | Element::F16 => None,
        Element::OtherFloat(kind) => (what == "input").then_some(kind),
        Element::Other(kind) => Some(kind),
    };
    if let Some(kind) = refused {
        let expected = if what == "input" { "a float32 or float16 tensor" } else { "a tensor of floats" };
        let message = format!("{what} `{name}` is {kind}; expected {expected}");
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
    let Some(channels) = channels else { return };
    let key = if pick.channels.len() > 1 { keys.channels } else { keys.channel };
    if values == Values::Softmax && channels < 2 {
        let message = format!("a softmax needs two or more channels, output `{name}` has 1; is it \"logits\"?");
        misfits.push(Mismatch { key: keys.values, message });
    } else if let Some(none) = pick.channels.iter().find(|&&channel| channel >= channels) {
        let has = channels_text(channels);
        let message = format!("output `{name}` has {has}, numbered from 0; the manifest declares {none}");
        misfits.push(Mismatch { key, message });
    } else if values == Values::Softmax && pick.join == Join::Sum && pick.channels.len() == channels {
        let message = format!("output `{name}` has {channels} classes, and the sum of all is always 1; leave one out");
        misfits.push(Mismatch { key, message });
    }
}

fn channels_text(count: usize) -> String {
    if count == 1 { "1 channel".into() } else { format!("{count} channels") }
}

fn wrong_rank(key: &'static str, port: &Port, expected: &str) -> Mismatch {
    let dims: Vec<_> = port.dims.iter().map(|d| d.map_or("?".into(), |d| d.to_string())).collect();
    Mismatch { key, message: format!("`{}` has shape ({}); {expected}", port.name, dims.join(", ")) }
}
