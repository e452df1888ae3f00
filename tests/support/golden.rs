//! The table of `tests/golden/winners.json`: cases, what each network answers to them, and the masks that follow.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::player::{Drawing, Reply};
use pleura::Size;

/// One ensemble's cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ensemble {
    /// (height, width) in which cases are drawn, and of the masks.
    pub frame: (i64, i64),
    /// Size of the images.
    pub image: Size,
    /// What the reference takes each network to be, by its name in the manifest.
    pub networks: BTreeMap<String, Network>,
    /// Thresholds that are put into the manifest in place of its own, one a snapshot, by the member's name.
    #[serde(default)]
    pub thresholds: BTreeMap<String, Vec<f64>>,
    /// What the classifiers' stacker does.
    pub stack: Option<Stack>,
    pub cases: Vec<Case>,
}

/// What the reference takes a network to be.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// (height, width) of its input.
    pub size: (i64, i64),
    /// How many sets of weights there are of it.
    pub snapshots: usize,
    /// (height, width) in which its answers are drawn, where that is not the ensemble's.
    pub frame: Option<(i64, i64)>,
}

/// A stacker: a weighted sum of the scores, their mean, and their cyclic half-differences, within 0 and 1.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stack {
    pub weights: Vec<f32>,
    pub bias: f32,
}

/// One image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    answers: Vec<Answer>,
    /// Runs `offset length`, as a submission has them; `*n` after a run is that run n times.
    mask: Vec<String>,
}

/// What some networks answer; later answers replace earlier ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// Left out: all.
    members: Option<Vec<String>>,
    /// Left out: all.
    snapshots: Option<Vec<usize>>,
    /// Answers to the mirror image alone, as a network sees it. Otherwise they are the straight ones, mirrored.
    #[serde(default)]
    mirrored: bool,
    /// The ground's value.
    ground: Option<f32>,
    /// Top, bottom, left, right, value.
    #[serde(default)]
    rectangles: Vec<(i64, i64, i64, i64, f32)>,
    score: Option<f32>,
}

/// The committed table.
pub fn table() -> BTreeMap<String, Ensemble> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/winners.json");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

impl Case {
    /// What one set of weights of a network answers to the image and to its mirror image.
    pub fn replies(&self, ensemble: &Ensemble, name: &str, snapshot: usize) -> [Reply; 2] {
        let network = &ensemble.networks[name];
        let (size, frame) = (network.size, network.frame.unwrap_or(ensemble.frame));
        let nothing = Reply { map: Drawing { ground: 0.0, rectangles: Vec::new() }, score: 0.0 };
        let [mut straight, mut mirrored] = [nothing.clone(), nothing];
        let applies = |answer: &&Answer| {
            answer.members.as_ref().is_none_or(|members| members.iter().any(|member| member == name))
                && answer.snapshots.as_ref().is_none_or(|snapshots| snapshots.contains(&snapshot))
        };
        for answer in self.answers.iter().filter(applies) {
            if let Some(ground) = answer.ground {
                let map = answer.drawn(ground, frame, size);
                if !answer.mirrored {
                    straight.map = map.clone();
                }
                mirrored.map = if answer.mirrored { map } else { map.mirrored(size.1) };
            }
            if let Some(score) = answer.score {
                if !answer.mirrored {
                    straight.score = score;
                }
                mirrored.score = score;
            }
        }
        [straight, mirrored]
    }

    /// The mask as a submission has it.
    pub fn encoded(&self) -> String {
        if self.mask.is_empty() {
            return "-1".to_owned();
        }
        let runs = self.mask.iter().flat_map(|entry| {
            let (run, times) = entry.split_once('*').unwrap_or((entry, "1"));
            std::iter::repeat_n(run, times.parse().expect("a number of times"))
        });
        runs.collect::<Vec<_>>().join(" ")
    }
}

impl Answer {
    /// Brings rectangles from the frame to a map of `size`: a pixel belongs where its centre lies.
    fn drawn(&self, ground: f32, frame: (i64, i64), size: (i64, i64)) -> Drawing {
        let place = |edge: i64, frame: i64, side: i64| -(frame - 2 * edge * side).div_euclid(2 * frame);
        let rectangle = |&(top, bottom, left, right, value)| {
            let (down, across) = (|y| place(y, frame.0, size.0), |x| place(x, frame.1, size.1));
            ([down(top), down(bottom), across(left), across(right)], value)
        };
        Drawing { ground, rectangles: self.rectangles.iter().map(rectangle).collect() }
    }
}
