//! Renders the page: template, style sheet and script, and the script's data.

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::stats::Metric;
use super::summary::Summary;
use super::{Case, MemberRow, Picture, Report, chart, worst_first};
use crate::Size;
use crate::ensemble::{Agreement, Decision};

const STYLE: &str = include_str!("page/style.css");
/// The script, in dependency order of its parts.
const SCRIPT: &str = concat!(
    include_str!("page/masks.js"),
    include_str!("page/paint.js"),
    include_str!("page/cards.js"),
    include_str!("page/map.js"),
    include_str!("page/zoom.js"),
    include_str!("page/viewer.js"),
    include_str!("page/view.js"),
);

#[derive(Template)]
#[template(path = "report/page/report.html")]
struct Page<'a> {
    title: &'a str,
    version: &'static str,
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    origin: Option<&'a str>,
    made: Option<&'a str>,
    alarms: &'a [String],
    differs: Option<&'a str>,
    cases: usize,
    marked: usize,
    referred: usize,
    pictures: usize,
    summary: Option<Summary>,
    heat_map: Option<(String, String)>,
    members: Vec<Member<'a>>,
    data: String,
}

/// A row of the table of members, formatted.
struct Member<'a> {
    stage: &'a str,
    name: &'a str,
    auc: String,
    alone: String,
    without: String,
    change: String,
}

/// A case, in the form of the page's script.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    size: Size,
    predicted: String,
    area: usize,
    truth: Option<String>,
    dice: Option<f64>,
    score: Option<(f32, f32)>,
    calibrated: Option<(f32, f32)>,
    agreement: Agreement,
    reasons: &'a [String],
    decision: Decision,
    areas: &'a [usize],
    steps: &'a [String],
    spacing: Option<(f32, f32)>,
    sides: Option<[char; 2]>,
    detector: bool,
    map: Option<Map>,
    picture: Option<Shown>,
    unreadable: bool,
}

#[derive(Serialize)]
struct Map {
    url: String,
}

#[derive(Serialize)]
struct Shown {
    url: String,
    size: Size,
}

/// The page of a report that has been checked.
pub(super) fn render(report: &Report) -> String {
    let mut cases = report.cases.clone();
    worst_first(&mut cases);
    let summary = Summary::new(&cases);
    // a difference between the runs is not a member's effect
    let dice = summary.as_ref().and_then(|summary| summary.metrics[0].value).filter(|_| report.differs.is_none());
    let page = Page {
        title: &report.title,
        version: env!("CARGO_PKG_VERSION"),
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
        origin: report.origin.as_deref(),
        made: report.made.as_deref(),
        alarms: &report.alarms,
        differs: report.differs.as_deref(),
        cases: cases.len(),
        marked: cases.iter().filter(|case| !case.predicted.is_empty()).count(),
        referred: cases.iter().filter(|case| case.is_referred()).count(),
        pictures: cases.iter().filter(|case| matches!(case.picture, Picture::Jpeg { .. })).count(),
        summary,
        heat_map: report.heat_map.as_ref().map(|map| (chart::heat_map(map), heat_map_sentence(map))),
        members: report.members.iter().map(|row| member(row, dice)).collect(),
        data: data(&cases),
    };
    page.render().expect("writing to a string cannot fail")
}

/// The hash of a style sheet or script for the content security policy.
fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text))
}

/// The cases as JSON that is safe within a `script` element: it cannot open or close markup.
fn data(cases: &[Case]) -> String {
    let entries: Vec<_> = cases.iter().map(entry).collect();
    // Numbers are finite and keys are text: serialization cannot fail.
    let json = serde_json::to_string(&entries).unwrap_or_default();
    // Outside strings JSON has none of these, and within strings they may be escaped.
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn entry(case: &Case) -> Entry<'_> {
    let picture = match &case.picture {
        Picture::Jpeg { bytes, size } => {
            Some(Shown { url: format!("data:image/jpeg;base64,{}", STANDARD.encode(bytes)), size: *size })
        }
        Picture::LeftOut | Picture::Unreadable => None,
    };
    Entry {
        id: &case.id,
        size: case.size,
        predicted: case.predicted.encode(),
        area: case.predicted.area(),
        truth: case.truth.as_ref().map(crate::submission::Runs::encode),
        dice: case.dice(),
        score: case.score,
        calibrated: case.said.calibrated,
        agreement: case.said.agreement,
        reasons: &case.said.reasons,
        decision: case.decision,
        areas: &case.areas,
        steps: &case.steps,
        spacing: case.spacing,
        sides: case.detail.sides,
        detector: case.detail.at_detector && case.spacing.is_some(),
        map: case.detail.map.as_ref().map(|png| Map { url: format!("data:image/png;base64,{}", STANDARD.encode(png)) }),
        picture,
        unreadable: case.picture == Picture::Unreadable,
    }
}

/// A sentence that describes a heat map.
fn heat_map_sentence(map: &super::HeatMap) -> String {
    let at = |(x, y): (usize, usize)| {
        format!("{} {} and {} {}", map.x_name, chart::number(map.x[x]), map.y_name, chart::number(map.y[y]))
    };
    let chosen = map.dice[(map.chosen.1, map.chosen.0)];
    match map.best() {
        Some((_, best)) if best <= chosen => {
            format!("The manifest has {}: {chosen:.4}, the best of the grid.", at(map.chosen))
        }
        Some((place, best)) => {
            format!("The manifest has {}: {chosen:.4}. The best is {}: {best:.4}.", at(map.chosen), at(place))
        }
        None => String::new(),
    }
}

fn member<'a>(row: &'a MemberRow, dice: Option<f64>) -> Member<'a> {
    let number = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.4}"));
    let change = row.without.zip(dice).map(|(without, all)| without - all);
    Member {
        stage: &row.stage,
        name: &row.name,
        auc: number(row.auc),
        alone: number(row.alone),
        without: number(row.without),
        change: change.map_or("–".into(), |change| format!("{change:+.4}").replace('-', "−")),
    }
}

impl Metric {
    fn shown(&self) -> String {
        self.value.map_or("–".into(), |value| format!("{value:.3}"))
    }

    fn spread(&self) -> String {
        match (self.value, self.interval) {
            (Some(_), Some((low, high))) => format!("{low:.3} – {high:.3}"),
            (Some(_), None) => "not estimable".into(),
            (None, _) => String::new(),
        }
    }

    /// The value with its interval, in little space.
    fn brief(&self) -> String {
        match (self.value, self.interval) {
            (Some(value), Some((low, high))) => format!("{value:.3} ({low:.2}–{high:.2})"),
            (Some(value), None) => format!("{value:.3}"),
            (None, _) => "–".into(),
        }
    }

    fn chart(&self) -> String {
        self.value.map_or(String::new(), |value| chart::interval(value, self.interval))
    }
}
