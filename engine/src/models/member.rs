//! A member of a manifest, from a description; what the graph does not tell is a remark beside a guess.

use super::Description;
use crate::onnx::{Activation, Dim, ElementType, Value};

/// The size of a network that takes any.
const ANY: i64 = 512;

/// A line of TOML with a remark.
struct Line {
    text: String,
    remark: Option<&'static str>,
}

/// What an output is read as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Map,
    Score,
}

/// What is known of a network besides its graph.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    /// (height, width) of the input.
    pub size: Option<[u32; 2]>,
    /// Keys of the input's preparation, a line each.
    pub preparation: Vec<String>,
    /// The channel of the outputs.
    pub channel: Option<u32>,
    /// The meaning of a score's numbers.
    pub score_values: Option<&'static str>,
}

impl Description {
    /// A member of a manifest as TOML, to start from: keys that the graph does not determine have a remark. `None` if no
    /// input is an image of one or three channels, or no output can be read.
    #[must_use]
    pub fn member(&self) -> Option<String> {
        self.member_of(&Known::default()).map(|(member, _)| member)
    }

    /// As [`Description::member`], with what is known besides; and whether it has a map.
    pub(crate) fn member_of(&self, known: &Known) -> Option<(String, bool)> {
        let [input] = self.inputs.as_slice() else { return None };
        let (input_lines, last) = image(input, known)?;
        let outputs: Vec<_> =
            self.outputs.iter().filter_map(|(value, end)| Some((value, end.as_ref(), kind(value)?))).collect();
        let first = |wanted| outputs.iter().find(|(.., kind)| *kind == wanted);
        let (map, score) = (first(Kind::Map), first(Kind::Score));
        let stage = if map.is_some() { "segmenter" } else { "classifier" };
        let name = self.path.file_stem()?.to_string_lossy().into_owned();
        let file = self.path.file_name()?.to_string_lossy().into_owned();
        let mut lines = vec![
            plain(format!("[[{stage}.members]]")),
            plain(format!("name = {}", quoted(&name))),
            plain(format!("model = {}", quoted(&file))),
        ];
        lines.extend(self.sha256.iter().map(|sum| plain(format!("sha256 = {}", quoted(sum)))));
        lines.extend(input_lines);
        for (key, found) in [("map", map), ("score", score)] {
            if let Some((value, end, kind)) = found {
                lines.extend(output((key, known), value, *end, *kind, last));
            }
        }
        (map.is_some() || score.is_some()).then(|| (lines.iter().map(Line::to_string).collect(), map.is_some()))
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.remark {
            Some(remark) => writeln!(f, "{} # {remark}", self.text),
            None => writeln!(f, "{}", self.text),
        }
    }
}

fn plain(text: String) -> Line {
    Line { text, remark: None }
}

/// The keys of an input, and whether its channels come last.
fn image(input: &Value, known: &Known) -> Option<(Vec<Line>, bool)> {
    let dims = input.dims.as_ref().filter(|dims| dims.len() == 4)?;
    let element = input.element?;
    if !matches!(element, ElementType::Float | ElementType::Half | ElementType::UInt8) {
        return None;
    }
    let fixed = |axis: usize| if let Dim::Fixed(length) = dims[axis] { Some(length) } else { None };
    let is_grey_or_colour = |axis| matches!(fixed(axis), Some(1 | 3));
    let last = !is_grey_or_colour(1) && is_grey_or_colour(3);
    let (channel, rows) = if last { (3, 1) } else { (1, 2) };
    let channels = match fixed(channel) {
        Some(channels @ (1 | 3)) => Line { text: format!("input.channels = {channels}"), remark: None },
        Some(_) => return None,
        None => Line { text: "input.channels = 3".into(), remark: Some("the model does not say: 1 or 3") },
    };
    let (height, width) = (fixed(rows), fixed(rows + 1));
    let [any_height, any_width] = known.size.map_or([ANY; 2], |size| size.map(i64::from));
    let size = format!("input.size = [{}, {}]", height.unwrap_or(any_height), width.unwrap_or(any_width));
    let is_free = known.size.is_none() && (height.is_none() || width.is_none());
    let any = is_free.then_some("the model takes others: that of its training");
    let mut lines =
        vec![plain(format!("input.name = {}", quoted(&input.name))), Line { text: size, remark: any }, channels];
    if last {
        lines.push(plain("input.layout = \"nhwc\"".into()));
    }
    if !known.preparation.is_empty() {
        lines.extend(known.preparation.iter().cloned().map(plain));
    } else if element == ElementType::UInt8 {
        lines.push(plain("input.scale = 255".into()));
    } else {
        let remark = Some("and `scale`, `mean`, `std` as in its training: the model does not say");
        lines.push(Line { text: "input.scale = 1".into(), remark });
    }
    Some((lines, last))
}

/// Whether an output is a map or a score, by its rank.
fn kind(value: &Value) -> Option<Kind> {
    let dims = value.dims.as_ref()?;
    if matches!(value.element?, ElementType::Other(_)) {
        return None;
    }
    match dims.as_slice() {
        [] | [_] => Some(Kind::Score),
        [_, _, Dim::Fixed(1), Dim::Fixed(1)] => Some(Kind::Score),
        [_, Dim::Fixed(_)] => Some(Kind::Score),
        [_, _, _] | [_, _, _, _] => Some(Kind::Map),
        _ => None,
    }
}

fn output((key, known): (&str, &Known), value: &Value, end: Option<&Activation>, kind: Kind, last: bool) -> Vec<Line> {
    let channels = channels(value, kind, last);
    let is_labels =
        matches!(value.element, Some(ElementType::UInt8 | ElementType::Int32 | ElementType::Int64 | ElementType::Bool));
    let several = channels.is_none_or(|channels| channels > 1);
    let (values, remark) = match end {
        _ if is_labels => ("labels", None),
        Some(Activation::Probability(_)) => ("probabilities", None),
        _ if channels == Some(1) => ("logits", None),
        Some(Activation::Other(op)) if op == "LogSoftmax" => ("softmax", None),
        _ => ("softmax", Some("exclusive classes; \"logits\" if each channel is a label of its own")),
    };
    let (values, remark) = match known.score_values.filter(|_| kind == Kind::Score) {
        Some(values) => (values, None),
        None => (values, remark),
    };
    let mut lines = vec![
        plain(format!("{key}.output = {}", quoted(&value.name))),
        Line { text: format!("{key}.values = \"{values}\""), remark },
    ];
    if is_labels || several {
        let remark = known.channel.is_none().then_some("the class that is wanted, counted from 0");
        lines.push(Line { text: format!("{key}.channel = {}", known.channel.unwrap_or(1)), remark });
    }
    lines
}

/// The number of channels of an output; `None` if it is not fixed.
fn channels(value: &Value, kind: Kind, last: bool) -> Option<i64> {
    let dims = value.dims.as_deref().unwrap_or_default();
    let axis = match (kind, dims.len()) {
        (Kind::Map, 4) if last => 3,
        (Kind::Map, 4) => 1,
        (Kind::Score, 2..) => 1,
        _ => return Some(1),
    };
    if let Dim::Fixed(channels) = dims[axis] { Some(channels) } else { None }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
