//! The table of `tests/golden/winners.json`: cases, each network's outputs for them, and the resulting masks.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::player::{Drawing, Reply};
use pleura::Size;

/// One ensemble's cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ensemble {
    /// (height, width) of the cases' drawings, and of the masks.
    pub frame: (i64, i64),
    /// Size of the images.
    pub image: Size,
    /// The reference's assumptions on each network, by its name in the manifest.
    pub networks: BTreeMap<String, Network>,
    /// Thresholds that replace those of the manifest, one per snapshot, by the member's name.
    #[serde(default)]
    pub thresholds: BTreeMap<String, Vec<f64>>,
    /// The classifiers' stacker.
    pub stack: Option<Stack>,
    pub cases: Vec<Case>,
}

/// The reference's assumptions on a network.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// (height, width) of its input.
    pub size: (i64, i64),
    /// Its number of snapshots.
    pub snapshots: usize,
    /// (height, width) of its drawings, if not the ensemble's.
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
    /// Runs `offset length`, as in a submission; `*n` after a run repeats it n times.
    mask: Vec<String>,
}

/// The outputs of some networks; later entries replace earlier ones.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// All if absent.
    members: Option<Vec<String>>,
    /// All if absent.
    snapshots: Option<Vec<usize>>,
    /// Whether it is the output for the mirrored image only, in its orientation. Otherwise outputs for it are mirrored.
    #[serde(default)]
    mirrored: bool,
    /// The background value.
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
    /// The outputs of one snapshot of a network for the image and for its mirror image.
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

    /// The mask's run lengths, as in a submission.
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
    /// Scales rectangles from the frame to a map of `size`: a pixel belongs to the rectangle of its centre.
    fn drawn(&self, ground: f32, frame: (i64, i64), size: (i64, i64)) -> Drawing {
        let place = |edge: i64, frame: i64, side: i64| -(frame - 2 * edge * side).div_euclid(2 * frame);
        let rectangle = |&(top, bottom, left, right, value)| {
            let (down, across) = (|y| place(y, frame.0, size.0), |x| place(x, frame.1, size.1));
            ([down(top), down(bottom), across(left), across(right)], value)
        };
        Drawing { ground, rectangles: self.rectangles.iter().map(rectangle).collect() }
    }
}
