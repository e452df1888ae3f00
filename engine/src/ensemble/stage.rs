//! One stage at work: members in order, merged as they answer, until the gate's answer is certain.

use ndarray::Array2;

use super::error::ImageError;
use super::gate::Merged;
use super::member::{Answer, Job, Member, Wanted};
use super::merge::Fold;
use super::prepare::{Prepared, Recipe};
use super::stack::Stacker;
use crate::Radiograph;
use crate::manifest::Gate;

/// A stage, ready to run. Its members all have a weight above 0.
pub struct Stage {
    pub merger: Merger,
    pub gate: Option<Gate>,
    pub members: Vec<Member>,
    pub wanted: Wanted,
    pub exit: EarlyExit,
}

/// How answers become one.
pub enum Merger {
    /// One after the other.
    Fold(Fold),
    /// All at once, by a model.
    Stack(Stacker),
}

/// Which certain answers end a stage before its last member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EarlyExit {
    /// The image passes, whatever the rest say: for a stage of which nothing else is used.
    pub pass: bool,
    /// The image does not pass, whatever the rest say.
    pub fail: bool,
}

/// What a stage says of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// Whether it passes the gate; without a gate, it does.
    pub passed: bool,
    /// Bounds of the merged score: equal where every member ran.
    pub score: Option<(f32, f32)>,
    /// The merged map, (height, width) of the output; `None` where it was not wanted, or the stage ended early.
    pub map: Option<Array2<f32>>,
    /// Each member's score, in order, as far as they ran.
    pub scores: Vec<Option<f32>>,
}

/// The images of one batch and what is known of them.
pub struct Batch<'a> {
    pub radiographs: &'a [&'a Radiograph],
    pub recipes: &'a [Recipe],
    pub prepared: &'a mut Prepared,
    /// The most images that a model is given at once.
    pub size: usize,
}

/// One image on its way through a stage.
struct Progress {
    job: Job,
    score: f32,
    map: Option<Array2<f32>>,
    /// Kept only for a stack, which needs all answers at once.
    answers: Vec<Answer>,
    scores: Vec<Option<f32>>,
    done: Option<Result<Verdict, ImageError>>,
}

impl Stage {
    /// Runs the stage; verdicts come in the order of `jobs`.
    pub fn run(&self, batch: &mut Batch<'_>, jobs: &[Job]) -> Vec<Result<Verdict, ImageError>> {
        let mut images: Vec<Progress> = jobs.iter().map(|&job| self.begin(job)).collect();
        for (index, member) in self.members.iter().enumerate() {
            self.prepare(member, batch, &mut images);
            let open: Vec<usize> = (0..images.len()).filter(|&i| images[i].done.is_none()).collect();
            if open.is_empty() {
                break;
            }
            let open_jobs: Vec<Job> = open.iter().map(|&i| images[i].job).collect();
            let answers = member.run(batch.prepared, &open_jobs, self.wanted, batch.size);
            for (i, answer) in open.into_iter().zip(answers) {
                match answer {
                    Ok(answer) => self.take(&mut images[i], index, answer),
                    Err(error) => images[i].done = Some(Err(error)),
                }
            }
        }
        images.into_iter().map(|image| self.conclude(image)).collect()
    }

    /// The members' total weight.
    fn weight(&self) -> f32 {
        self.members.iter().map(|member| member.manifest.weight).sum()
    }

    fn begin(&self, job: Job) -> Progress {
        let start = match &self.merger {
            Merger::Fold(fold) => fold.start(),
            Merger::Stack(_) => 0.0,
        };
        let map = self.wanted.map.then(|| Array2::from_elem(job.1, start));
        Progress { job, score: start, map, answers: Vec::new(), scores: Vec::new(), done: None }
    }

    fn prepare(&self, member: &Member, batch: &mut Batch<'_>, images: &mut [Progress]) {
        let open: Vec<usize> = images.iter().filter(|i| i.done.is_none()).map(|i| i.job.0).collect();
        for (failed, error) in batch.prepared.fill(batch.recipes, member.recipe, batch.radiographs, &open) {
            if let Some(image) = images.iter_mut().find(|i| i.job.0 == failed) {
                image.done = Some(Err(error));
            }
        }
    }

    /// Takes in a member's answer, and ends the image's way where the rest cannot matter.
    fn take(&self, image: &mut Progress, index: usize, answer: Answer) {
        image.scores.push(answer.score);
        let Merger::Fold(fold) = &self.merger else {
            image.answers.push(answer);
            return;
        };
        let weight = self.members[index].manifest.weight;
        if let Some(score) = answer.score {
            image.score = fold.add(image.score, score, weight);
        }
        if let (Some(sum), Some(map)) = (&mut image.map, &answer.map) {
            fold.add_map(sum, map.view(), weight);
        }
        let rest: Vec<f32> = self.members[index + 1..].iter().map(|member| member.manifest.weight).collect();
        if !rest.is_empty() {
            image.done = self.certain(*fold, image, &rest).map(Ok);
        }
    }

    /// The verdict, if the answers so far settle it. See [`super::merge`] for why the bounds are exact.
    fn certain(&self, fold: Fold, image: &Progress, rest: &[f32]) -> Option<Verdict> {
        let gate = self.gate.as_ref()?;
        let score = |answer: f32| fold.completion(answer, rest, self.weight())(image.score);
        let passes = |answer: f32| {
            let complete = fold.completion(answer, rest, self.weight());
            let map = image.map.as_ref().filter(|_| gate.uses_map()).map(|sum| sum.mapv(&complete));
            gate.passes(Merged { score: self.wanted.score.then(|| complete(image.score)), map: map.as_ref() })
        };
        let passed = if self.exit.fail && !passes(1.0) {
            false
        } else if self.exit.pass && passes(0.0) {
            true
        } else {
            return None;
        };
        let score = self.wanted.score.then(|| (score(0.0), score(1.0)));
        Some(Verdict { passed, score, map: None, scores: image.scores.clone() })
    }

    fn conclude(&self, image: Progress) -> Result<Verdict, ImageError> {
        if let Some(done) = image.done {
            return done;
        }
        let (score, map) = match &self.merger {
            Merger::Fold(fold) => {
                let weight = self.weight();
                let map = image.map.map(|sum| sum.mapv_into(|sum| fold.finish(sum, weight)));
                (self.wanted.score.then(|| fold.finish(image.score, weight)), map)
            }
            Merger::Stack(stacker) => stacker.merge(&image.answers, self.wanted)?,
        };
        let passed = self.gate.as_ref().is_none_or(|gate| gate.passes(Merged { score, map: map.as_ref() }));
        Ok(Verdict { passed, score: score.map(|s| (s, s)), map, scores: image.scores })
    }
}
