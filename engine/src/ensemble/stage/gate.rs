//! Decides whether an image passes a stage.

use ndarray::{Array2, ArrayView2};
use pleura_image::regions::{Components, Connectivity};
use serde::Serialize;

use crate::ensemble::task::RequiredOutputs;
use crate::manifest::{self, Resize};
use crate::planes;
use pleura_image::resize::resize;

/// A gate with its members resolved to indices.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    node: Node,
    /// Each comparison, in the manifest's order.
    tests: Vec<Test>,
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Test(usize),
    Any(Vec<Node>),
    All(Vec<Node>),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
struct Test {
    gate: manifest::Gate,
    /// The indices of the members that it compares; empty if it compares what was merged.
    members: Vec<usize>,
}

/// A comparison of a gate and its result.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// The comparison: `score > 0.5`.
    pub test: String,
    /// A score, a probability, or a number of pixels or members.
    pub value: f64,
    /// Whether the value suffices.
    pub passed: bool,
}

/// The known outputs of a stage.
#[derive(Debug, Clone, Copy, Default)]
pub struct GateInputs<'a> {
    /// The merged score, in 0..=1.
    pub score: Option<f32>,
    /// The merged map, (height, width), in 0..=1.
    pub map: Option<&'a Array2<f32>>,
    /// Each member's score, for those that have run.
    pub scores: &'a [Option<f32>],
    /// The value of each comparison of a member's own map; see [`Gate::read_member`].
    pub own: &'a [Option<f64>],
    /// Whether members that have not run count as positive.
    pub rest: bool,
}

impl Gate {
    /// A manifest's gate; `names` are the members that run, in order, and `scored` those among them with a score.
    pub fn new(gate: &manifest::Gate, names: &[&str], scored: &[usize]) -> Self {
        let mut tests = Vec::new();
        let node = compile(gate, names, scored, &mut tests);
        Self { node, tests }
    }

    /// Whether an image passes.
    ///
    /// A higher score or pixel never turns a pass into a fail, so lower and upper bounds decide for values between
    /// them.
    pub fn passes(&self, seen: GateInputs<'_>) -> bool {
        self.node.passes(&|test| self.tests[test].compare(self.measure(test, seen), seen))
    }

    /// The value and result of each comparison.
    pub fn readings(&self, seen: GateInputs<'_>) -> Vec<Reading> {
        let reading = |(index, test): (usize, &Test)| {
            let value = self.measure(index, seen);
            let passed = test.compare(value, seen);
            Reading { test: test.gate.to_string(), value: value.unwrap_or(f64::NAN), passed }
        };
        self.tests.iter().enumerate().map(reading).collect()
    }

    /// The value of each comparison of this member's own map, by index: to be kept in [`GateInputs::own`].
    pub fn read_member(&self, member: usize, map: Option<&Array2<f32>>) -> Vec<(usize, f64)> {
        let own = self.tests.iter().enumerate().filter(|(_, test)| test.gate.reads_map() && test.members == [member]);
        own.filter_map(|(index, test)| Some((index, test.pixels(map?)))).collect()
    }

    /// The value of a comparison after all members have run, in order.
    #[cfg(feature = "tune")]
    pub fn measure_answered(
        &self,
        test: usize,
        merged: GateInputs<'_>,
        answers: &[&crate::ensemble::MemberAnswer],
    ) -> Option<f64> {
        let asked = &self.tests[test];
        match asked.members.as_slice() {
            [member] if asked.gate.reads_map() => answers.get(*member)?.map.as_ref().map(|map| asked.pixels(map)),
            _ => self.measure(test, merged),
        }
    }

    /// Whether an image passes, from the values of all comparisons.
    #[cfg(feature = "tune")]
    pub fn passes_measured(&self, measured: &[Option<f64>]) -> bool {
        self.node.passes(&|test| self.tests[test].compare(measured[test], GateInputs::default()))
    }

    /// The parameter on which a comparison's value depends besides the outputs: the probability above which pixels
    /// count.
    #[cfg(feature = "tune")]
    pub fn level(&self, test: usize) -> Option<f32> {
        match self.tests[test].gate {
            manifest::Gate::Area { above, .. }
            | manifest::Gate::Component { above, .. }
            | manifest::Gate::Agree { above, .. } => Some(above),
            _ => None,
        }
    }

    /// The number of comparisons.
    pub fn tests(&self) -> usize {
        self.tests.len()
    }

    /// Whether a comparison needs the stage's merged map.
    pub fn uses_map(&self) -> bool {
        self.tests.iter().any(|test| test.gate.reads_map() && test.members.is_empty())
    }

    /// The outputs that the comparisons need of a member.
    pub fn wants(&self, member: usize) -> RequiredOutputs {
        let asked = self.tests.iter().filter(|test| test.members.contains(&member));
        asked.fold(RequiredOutputs::default(), |wanted, test| {
            let map = test.gate.reads_map();
            wanted.or(RequiredOutputs { score: !map, map })
        })
    }

    fn measure(&self, index: usize, seen: GateInputs<'_>) -> Option<f64> {
        let test = &self.tests[index];
        match &test.gate {
            manifest::Gate::Score { .. } => match test.members.first() {
                Some(&member) => seen.scores.get(member).copied().flatten(),
                None => seen.score,
            }
            .map(f64::from),
            manifest::Gate::Agree { above, .. } => {
                let score = |&member: &usize| seen.scores.get(member).copied().flatten();
                let says_yes = |member: &&usize| score(member).map_or(seen.rest, |score| score > *above);
                Some(test.members.iter().filter(says_yes).count() as f64)
            }
            _ if test.members.is_empty() => seen.map.map(|map| test.pixels(map)),
            _ => seen.own.get(index).copied().flatten(),
        }
    }
}

impl Node {
    fn passes(&self, test: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Test(index) => test(*index),
            Self::Any(of) => of.iter().any(|node| node.passes(test)),
            Self::All(of) => of.iter().all(|node| node.passes(test)),
        }
    }
}

impl Test {
    /// Whether a value suffices. Unknown values count as `seen.rest` says; merged values are known.
    fn compare(&self, value: Option<f64>, seen: GateInputs<'_>) -> bool {
        let Some(value) = value else { return seen.rest && !self.members.is_empty() };
        let least = |least: u32| value >= f64::from(least);
        match &self.gate {
            manifest::Gate::Score { above, at_least, .. } => {
                above.is_none_or(|t| value > f64::from(t)) && at_least.is_none_or(|t| value >= f64::from(t))
            }
            manifest::Gate::AnyPixel { above, .. } => value > f64::from(*above),
            manifest::Gate::Area { at_least, .. } | manifest::Gate::Component { at_least, .. } => least(*at_least),
            manifest::Gate::Agree { at_least, .. } => at_least.map_or(value as usize == self.members.len(), least),
            manifest::Gate::Any { .. } | manifest::Gate::All { .. } => false,
        }
    }

    /// The highest probability, the number of pixels above a probability, or that of the largest component.
    fn pixels(&self, map: &Array2<f32>) -> f64 {
        let sized = |at: &[u32; 2]| resize(map.view(), (*at).into(), Resize::Linear);
        match &self.gate {
            manifest::Gate::AnyPixel { .. } => planes::highest(map).into(),
            manifest::Gate::Area { above, at, .. } => count_above(sized(at).view(), *above) as f64,
            manifest::Gate::Component { above, at, connectivity, .. } => {
                let mask = sized(at).mapv(|p| p > *above);
                let connectivity = if *connectivity == 4 { Connectivity::Four } else { Connectivity::Eight };
                Components::new(mask.view(), connectivity).areas().iter().max().copied().unwrap_or(0) as f64
            }
            _ => f64::NAN,
        }
    }
}

fn compile(gate: &manifest::Gate, names: &[&str], scored: &[usize], tests: &mut Vec<Test>) -> Node {
    let place = |name: &str| names.iter().position(|other| *other == name);
    let all = |of: &[manifest::Gate], tests: &mut Vec<Test>| {
        of.iter().map(|gate| compile(gate, names, scored, tests)).collect::<Vec<_>>()
    };
    let members = match gate {
        manifest::Gate::Any { of } => return Node::Any(all(of, tests)),
        manifest::Gate::All { of } => return Node::All(all(of, tests)),
        manifest::Gate::Agree { members, .. } if members.is_empty() => scored.to_vec(),
        manifest::Gate::Agree { members, .. } => members.iter().filter_map(|name| place(name)).collect(),
        _ => gate.member().and_then(place).into_iter().collect(),
    };
    tests.push(Test { gate: gate.clone(), members });
    Node::Test(tests.len() - 1)
}

fn count_above(map: ArrayView2<'_, f32>, above: f32) -> usize {
    map.iter().filter(|&&p| p > above).count()
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;
    use crate::manifest::Gate as Declared;

    fn score(above: Option<f32>, at_least: Option<f32>) -> Declared {
        Declared::Score { above, at_least, member: None }
    }

    fn passes(gate: Declared, seen: GateInputs<'_>) -> bool {
        Gate::new(&gate, &["a", "b"], &[0, 1]).passes(seen)
    }

    #[test]
    fn a_score_on_the_threshold_passes_at_least_and_not_above() {
        let seen = GateInputs { score: Some(0.5), ..GateInputs::default() };
        assert!(!passes(score(Some(0.5), None), seen));
        assert!(passes(score(None, Some(0.5)), seen));
        // Single precision on both sides: 0.7 equals 0.7.
        assert!(!passes(score(Some(0.7), None), GateInputs { score: Some(0.7), ..seen }));
    }

    #[test]
    fn pixels_count_strictly_above_and_areas_from_the_minimum() {
        let map = array![[0.5, 0.6], [0.7, 0.1]];
        let seen = GateInputs { map: Some(&map), ..GateInputs::default() };
        let area = |at_least| Declared::Area { above: 0.5, at_least, at: [2, 2], member: None };
        assert!(passes(area(2), seen) && !passes(area(3), seen));
        let any = |above| Declared::AnyPixel { above, member: None };
        assert!(passes(any(0.6), seen) && !passes(any(0.7), seen));
    }

    #[test]
    fn areas_count_at_the_size_named() {
        let map = Array2::from_elem((2, 2), 0.9);
        let seen = GateInputs { map: Some(&map), ..GateInputs::default() };
        let area = |at_least| Declared::Area { above: 0.5, at_least, at: [4, 4], member: None };
        assert!(passes(area(16), seen) && !passes(area(17), seen));
    }

    #[test]
    fn components_are_counted_one_by_one() {
        let map = array![[0.9, 0.0, 0.9], [0.0, 0.9, 0.0], [0.0, 0.0, 0.0]];
        let component = |at_least, connectivity| Declared::Component {
            above: 0.5,
            at_least,
            at: [3, 3],
            connectivity,
            member: None,
        };
        let seen = GateInputs { map: Some(&map), ..GateInputs::default() };
        assert!(passes(component(3, 8), seen) && !passes(component(4, 8), seen));
        assert!(passes(component(1, 4), seen) && !passes(component(2, 4), seen));
    }

    #[test]
    fn gates_combine() {
        let (yes, no) = (score(Some(0.1), None), score(Some(0.9), None));
        let seen = GateInputs { score: Some(0.5), ..GateInputs::default() };
        assert!(passes(Declared::Any { of: vec![no.clone(), yes.clone()] }, seen));
        assert!(!passes(Declared::All { of: vec![no, yes] }, seen));
    }

    #[test]
    fn members_are_asked_by_name_and_their_silence_is_bounded() {
        let agree = |at_least| Declared::Agree { above: 0.7, members: Vec::new(), at_least };
        let seen = |scores, rest| GateInputs { scores, rest, ..GateInputs::default() };
        assert!(passes(agree(None), seen(&[Some(0.8), Some(0.71)], false)));
        assert!(!passes(agree(None), seen(&[Some(0.8), Some(0.7)], true)));
        assert!(passes(agree(Some(1)), seen(&[Some(0.8), None], false)));
        assert!(passes(agree(None), seen(&[Some(0.8), None], true)));
        assert!(!passes(agree(None), seen(&[Some(0.8), None], false)));
        let second = Declared::Score { above: Some(0.5), at_least: None, member: Some("b".into()) };
        assert!(passes(second.clone(), seen(&[Some(0.1), Some(0.6)], false)));
        assert!(passes(second.clone(), seen(&[Some(0.1)], true)) && !passes(second, seen(&[Some(0.9)], false)));
    }

    #[test]
    fn a_members_own_map_is_read_once() {
        let declared = Declared::AnyPixel { above: 0.5, member: Some("b".into()) };
        let gate = Gate::new(&declared, &["a", "b"], &[]);
        let map = array![[0.2, 0.6]];
        assert_eq!(gate.read_member(0, Some(&map)), []);
        let read = gate.read_member(1, Some(&map));
        assert_eq!(read, [(0, f64::from(0.6_f32))]);
        assert!(gate.passes(GateInputs { own: &[Some(read[0].1)], ..GateInputs::default() }));
        let readings = gate.readings(GateInputs { own: &[Some(0.25)], ..GateInputs::default() });
        assert_eq!(readings, [Reading { test: "any pixel of `b` > 0.5".into(), value: 0.25, passed: false }]);
    }
}
