//! The checks of prepare and postprocess plugins.

use super::inputs::{self, Input};
use super::{Report, Subject, Trouble};
use crate::plugin::{Context, PluginError, Size};

/// The size of inputs whose results are compared with each other.
const ORDINARY: Size = Size::new(64, 64);

pub(super) fn prepare(subject: &Subject, report: &mut Report<'_>) {
    let inputs = inputs::all();
    for input in &inputs {
        let outcome = subject.agree(|plugin| plugin.prepare(input.plane.view()));
        report.add(&format!("prepares {}", input.name), settle(outcome, input.is_small()));
    }
    let remembers = remembers(&inputs, |input| subject.alone.prepare(input.plane.view()));
    report.add("prepares an image whatever came before it", remembers);
}

pub(super) fn postprocess(subject: &Subject, report: &mut Report<'_>) {
    let inputs = inputs::all();
    for input in &inputs {
        let context = context(input);
        for (name, mask) in inputs::masks(input.plane.dim().into()) {
            let call = || subject.agree(|plugin| plugin.postprocess(&context, input.plane.view(), mask.as_ref()));
            let may_decline = mask.is_none() || input.is_small();
            report.add(&format!("makes a mask of {} and {name}", input.name), settle(call(), may_decline));
        }
    }
    let remembers = remembers(&inputs, |input| {
        let [.., (_, mask)] = inputs::masks(input.plane.dim().into());
        subject.alone.postprocess(&context(input), input.plane.view(), mask.as_ref())
    });
    report.add("makes a mask whatever came before it", remembers);
    for (name, context) in contexts() {
        report.add(&format!("makes a mask {name}"), settle(of_context(subject, &context), true));
    }
    report.add("says whether it uses the score", score(subject));
}

/// Checks that images give the same results in both orders: no state is kept from one image to the next.
pub(super) fn remembers<T: PartialEq>(
    inputs: &[Input],
    call: impl Fn(&Input) -> Result<T, PluginError>,
) -> Result<String, String> {
    let first: Vec<Option<T>> = inputs.iter().map(|input| call(input).ok()).collect();
    for (input, before) in inputs.iter().zip(&first).rev() {
        if call(input).ok() != *before {
            return Err(format!("{} gives another result after other images", input.name));
        }
    }
    Ok(String::new())
}

/// Contexts for a postprocessing step, each with something unusual about the image.
fn contexts() -> [(&'static str, Context); 3] {
    [
        ("of an image of unknown spacing", plain(ORDINARY).with_spacing(None)),
        ("of an image that was larger", plain(Size::new(2991, 2517))),
        (
            "of an image whose id is not ASCII",
            Context::new("ünïcode/1.2 \"3\"", ORDINARY).with_score(0.25, 0.25).with_spacing(Some((0.14, 0.14))),
        ),
    ]
}

fn of_context(subject: &Subject, context: &Context) -> Result<(), Trouble> {
    let [.., (_, mask)] = inputs::masks(ORDINARY);
    let map = inputs::noise(ORDINARY);
    subject.agree(|plugin| plugin.postprocess(context, map.view(), mask.as_ref())).map(drop)
}

/// Early exit leaves the score open if no step declares that it uses it: a step that uses it silently would then give
/// other masks.
fn score(subject: &Subject) -> Result<String, String> {
    if subject.alone.uses_score() {
        return Ok("it does".into());
    }
    let [.., (_, mask)] = inputs::masks(ORDINARY);
    for map in [inputs::noise(ORDINARY), inputs::smooth(ORDINARY)] {
        let [(_, context), ..] = contexts();
        let of = |(low, high)| {
            let context = context.clone().with_score(low, high);
            subject.alone.postprocess(&context, map.view(), mask.as_ref()).ok()
        };
        let first = of((0.25, 0.25));
        if [(0.0, 0.0), (1.0, 1.0), (0.1, 0.9), (0.5, 0.5)].into_iter().any(|score| of(score) != first) {
            return Err("the mask depends on the score, but the table does not declare it (PLEURA_USES_SCORE, or \
                        `USES_SCORE` in Rust): early exit would change masks"
                .to_owned());
        }
    }
    Ok("it does not".into())
}

pub(super) fn settle<T>(outcome: Result<T, Trouble>, may_decline: bool) -> Result<String, String> {
    outcome.map_or_else(|trouble| trouble.outcome(may_decline), |_| Ok(String::new()))
}

/// A context without anything unusual.
fn context(input: &Input) -> Context {
    plain(input.plane.dim().into())
}

fn plain(size: Size) -> Context {
    Context::new("conformance-test", size).with_score(0.25, 0.25).with_spacing(Some((0.14, 0.14)))
}
