//! The checks of each role.

use ndarray::{Array2, ArrayView2, s};

use super::inputs::{self, Input};
use super::{Report, Subject, Trouble};
use crate::plugin::{Context, Size};

/// How far a smooth map may be from itself after a view and its inverse: less than a shift of one pixel makes.
const ROUND_TRIP: f32 = 0.012;
/// The size of the round trip.
const SMOOTH: Size = (96, 128);

pub(super) fn prepare(subject: &Subject, report: &mut Report<'_>) {
    for input in inputs::all() {
        let outcome = subject.agree(|plugin| plugin.prepare(input.plane.view()));
        report.add(&format!("prepares {}", input.name), settle(outcome, input.is_small()));
    }
}

pub(super) fn postprocess(subject: &Subject, report: &mut Report<'_>) {
    for input in inputs::all() {
        let context = context(&input);
        for (name, mask) in inputs::masks(input.plane.dim()) {
            let call = || subject.agree(|plugin| plugin.postprocess(&context, input.plane.view(), mask.as_ref()));
            let may_decline = mask.is_none() || input.is_small();
            report.add(&format!("makes a mask of {} and {name}", input.name), settle(call(), may_decline));
        }
    }
}

pub(super) fn tta(subject: &Subject, report: &mut Report<'_>) {
    for input in inputs::all() {
        for view in 0..subject.alone.views() {
            let outcome = there_and_back(subject, view, input.plane.view());
            report.add(&format!("view {view} of {}", input.name), settle(outcome, input.is_small()));
        }
    }
    for view in 0..subject.alone.views() {
        report.add(&format!("view {view} is not the identity"), settle(not_identity(subject, view), false));
        report.add(&format!("view {view} comes back as it went"), round_trip(subject, view));
        report.add(&format!("view {view} of a map of half the size comes back"), settle(half(subject, view), false));
    }
}

fn settle<T>(outcome: Result<T, Trouble>, may_decline: bool) -> Result<String, String> {
    outcome.map_or_else(|trouble| trouble.outcome(may_decline), |_| Ok(String::new()))
}

/// A view, and what its inverse makes of it.
fn there_and_back(subject: &Subject, view: usize, image: ArrayView2<'_, f32>) -> Result<Array2<f32>, Trouble> {
    let seen = subject.agree(|plugin| plugin.forward(view, image))?;
    subject.agree(|plugin| plugin.inverse(view, seen.view(), image.dim()))
}

fn not_identity(subject: &Subject, view: usize) -> Result<(), Trouble> {
    let noise = inputs::noise((64, 48));
    let seen = subject.agree(|plugin| plugin.forward(view, noise.view()))?;
    if seen == noise {
        return Err(Trouble::Wrong("the engine adds the identity itself; it would count twice".to_owned()));
    }
    Ok(())
}

/// Compares the middle of a smooth map with what comes back: at the border, views may lack data.
fn round_trip(subject: &Subject, view: usize) -> Result<String, String> {
    let smooth = inputs::smooth(SMOOTH);
    let back = there_and_back(subject, view, smooth.view()).map_err(|trouble| match trouble {
        Trouble::Declined(text) | Trouble::Wrong(text) => text,
    })?;
    compare(&smooth, &back)
}

/// A network's map may be smaller than its input: the inverse then works on the same fraction of both sizes.
fn half(subject: &Subject, view: usize) -> Result<(), Trouble> {
    let (height, width) = subject.alone.view_size(view, SMOOTH)?;
    let map = inputs::smooth((height.div_ceil(2), width.div_ceil(2)));
    let out = (SMOOTH.0 / 2, SMOOTH.1 / 2);
    subject.agree(|plugin| plugin.inverse(view, map.view(), out)).map(|_| ())
}

fn compare(smooth: &Array2<f32>, back: &Array2<f32>) -> Result<String, String> {
    let middle = s![SMOOTH.0 / 4..SMOOTH.0 * 3 / 4, SMOOTH.1 / 4..SMOOTH.1 * 3 / 4];
    let difference = &smooth.slice(middle) - &back.slice(middle);
    let worst = difference.iter().fold(0.0_f32, |worst, d| worst.max(d.abs()));
    if worst <= ROUND_TRIP {
        return Ok(format!("within {worst:.4}"));
    }
    Err(format!("the middle of a smooth map is off by up to {worst:.4}, where {ROUND_TRIP} is allowed"))
}

/// A context without anything unusual.
fn context(input: &Input) -> Context {
    Context {
        image_id: "conformance-test".to_owned(),
        original_size: input.plane.dim(),
        score: (0.25, 0.25),
        spacing: Some((0.14, 0.14)),
    }
}
