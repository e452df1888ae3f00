//! `pleura explain`: the effect of each gate and step on one image.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use image::ImageFormat;
use pleura::ensemble::{Agreement, Ensemble, Explained, Explanation, Finding, Outcome, Region, StageExplained};
use pleura::report::{Found, Origins, read_findings};
use pleura::submission::{Runs, Submission};
use pleura::{Mask, Radiograph, Size, overlay};
use pleura_files::atomic;

use crate::answers;
use crate::engine::EngineArgs;
use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::term;

#[derive(clap::Args)]
pub struct Args {
    /// The ensemble's manifest.
    ensemble: PathBuf,

    /// A DICOM, PNG or JPEG file.
    image: PathBuf,

    /// Draw the steps side by side into a PNG file.
    #[arg(short, long, value_name = "FILE.png")]
    picture: Option<PathBuf>,

    /// Ground truth to compare with, `ImageId,EncodedPixels`.
    #[arg(long, value_name = "CSV")]
    truth: Option<PathBuf>,

    /// Findings of `pleura predict --findings` to compare with: same mask, and same manifest, models and plugins?
    #[arg(long, value_name = "JSONL")]
    findings: Option<PathBuf>,

    #[command(flatten)]
    engine: EngineArgs,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_ensemble("ENSEMBLE", &self.ensemble);
        paths.reads("IMAGE", &self.image);
        paths.reads_any("--truth", &self.truth);
        paths.reads_any("--findings", &self.findings);
        self.picture.iter().for_each(|path| paths.writes("--picture", path));
        self.engine.paths(paths);
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> Result<Exit> {
    let radiograph = Radiograph::open_with(&args.image, args.engine.decode_limits())?;
    let ensemble = args.engine.open(&args.ensemble, Ensemble::options())?;
    let explanation = ensemble.explain(&radiograph).with_context(|| format!("`{}`", args.image.display()))?;
    let truth = args.truth.as_ref().map(|path| truth(path, &explanation)).transpose()?;
    let found = args.findings.as_ref().map(|path| finding(path, &explanation)).transpose()?;
    let steps: Vec<String> = ensemble.postprocess().iter().map(|plugin| plugin.name().to_owned()).collect();
    tell(&radiograph, &ensemble, &explanation, &steps);
    if let Some(truth) = &truth {
        let dice = Runs::from(truth).dice(&Runs::from(&explanation.finding.mask));
        term::result(format_args!("truth: {} pixels marked; Dice {dice:.4}", truth.area()));
    }
    if let Some(found) = &found {
        compare(found, &args.ensemble, &ensemble, &explanation)?;
    }
    if let Some(path) = &args.picture {
        let failed = || format!("cannot write `{}`", path.display());
        let picture = overlay::strip(&radiograph, &explanation, &steps, truth.as_ref());
        let mut file = atomic::beside(path).with_context(failed)?;
        picture.write_to(&mut file, ImageFormat::Png).with_context(failed)?;
        atomic::place(file, path).with_context(failed)?;
        term::result(format_args!("{}", path.display()));
    }
    answers::report(&ensemble, &args.engine.cache);
    Ok(Exit::Good)
}

/// The image's earlier finding.
fn finding(path: &PathBuf, explanation: &Explanation) -> Result<Found> {
    let id = &explanation.finding.id;
    let found = read_findings(path)?.into_iter().find(|found| found.case.id == *id);
    found.with_context(|| format!("`{}` has no finding for `{id}`", path.display()))
}

/// Prints whether a finding is of this ensemble, and whether it has the same mask.
fn compare(found: &Found, manifest: &Path, ensemble: &Ensemble, explanation: &Explanation) -> Result<()> {
    let (mask, case) = (&explanation.finding.mask, &found.case);
    let same = case.size == mask.size() && case.predicted == Runs::from(mask);
    match same {
        true => term::result("finding: the same mask"),
        false => term::result(format_args!("finding: a different mask, {} pixels", case.predicted.area())),
    }
    if let Some(differs) = Origins::new([found]).differ(manifest, &ensemble.origin()?) {
        term::warning(differs);
    } else if !same {
        term::warning(
            "manifest, models and plugins are the same as the finding's: the image or the hardware may have \
                       changed",
        );
    }
    Ok(())
}

/// The image's true mask, in the size of the predicted one.
fn truth(path: &PathBuf, explanation: &Explanation) -> Result<Mask> {
    let id = &explanation.finding.id;
    let truth = Submission::read(path, explanation.finding.mask.size())?;
    truth.mask(id).with_context(|| format!("`{}` has no row for `{id}`", path.display()))
}

fn tell(radiograph: &Radiograph, ensemble: &Ensemble, explanation: &Explanation, steps: &[String]) {
    let finding = &explanation.finding;
    term::result(format_args!("{}: {}", finding.id, radiograph.size()));
    if let (Some(stage), Some(region)) = (&explanation.crop, &finding.crop) {
        tell_stage("crop", stage);
        term::result(format_args!("  box: {}", box_text(region)));
    }
    if let Some(stage) = &explanation.classifier {
        tell_stage("classifier", stage);
    }
    match &explanation.segmenter {
        Some(stage) => tell_stage("segmenter", stage),
        None => term::result("segmenter: not reached"),
    }
    tell_steps(explanation, steps);
    if let Some(size) = ensemble.manifest().output.mask_size {
        term::result(format_args!("mask resized to {}", Size::from(size)));
    }
    let (area, size) = (finding.mask.area(), finding.mask.size());
    let share = 100.0 * area as f64 / size.area() as f64;
    term::result(format_args!("answer: {area} pixels marked, {share:.2} % of {size}"));
    tell_trust(finding);
}

/// Prints how far the answer can be trusted.
fn tell_trust(finding: &Finding) {
    let Agreement { score_spread, dice } = finding.agreement;
    let spread = score_spread.map(|spread| format!("the classifiers' scores differ by {spread:.4}"));
    let dice = dice.map(|dice| format!("the segmenters' masks have a mean Dice of {dice:.4}"));
    let agreement: Vec<String> = spread.into_iter().chain(dice).collect();
    if !agreement.is_empty() {
        term::result(format_args!("agreement: {}", agreement.join(", ")));
    }
    if let Some((probability, _)) = finding.calibrated {
        term::result(format_args!("calibrated probability: {probability:.4}"));
    }
    if finding.outcome() == Outcome::Refer {
        term::result(format_args!("refer to people: {}", finding.reasons.join("; ")));
    }
}

fn tell_stage(name: &str, stage: &StageExplained) {
    term::result(format_args!("{name}:"));
    let longest = stage.members.iter().map(|member| member.name.len()).max().unwrap_or(0);
    for member in &stage.members {
        tell_member(member, longest);
    }
    if let Some(score) = stage.score {
        term::result(format_args!("  merged score {score:.4}"));
    }
    if let Some(map) = &stage.map {
        let highest = map.iter().copied().fold(0.0, f32::max);
        let size = Size::from(map.dim());
        term::result(format_args!("  merged map of {size}, highest {highest:.4}"));
    }
    for reading in &stage.readings {
        let value =
            if reading.value.fract() == 0.0 { reading.value.to_string() } else { format!("{:.4}", reading.value) };
        term::result(format_args!("  gate: {}: {value}, {}", reading.test, if reading.passed { "yes" } else { "no" }));
    }
    if !stage.readings.is_empty() {
        term::result(format_args!("  {}", if stage.passed { "passes" } else { "does not pass: the mask is empty" }));
    }
}

/// Prints a member's own numbers, then those of each of its networks and views.
fn tell_member(member: &Explained, longest: usize) {
    let mut line = format!("  {:longest$}  weight {}", member.name, member.weight);
    let answer = &member.answer;
    let highest = answer.map.as_ref().map(|map| map.iter().copied().fold(f32::MIN, f32::max));
    let numbers = [("score", answer.score), ("highest", highest), ("views agree", answer.agreement)];
    for (what, value) in numbers {
        line.extend(value.map(|value| format!("  {what} {value:.4}")));
    }
    term::result(line);
    let several = member.models.len() > 1;
    for (weights, views) in &answer.views {
        if views.len() < 2 && !several {
            continue;
        }
        let told = views.iter().zip(&member.views).map(|(view, name)| {
            let value = view.score.or(view.highest).map_or("-".into(), |value| format!("{value:.4}"));
            format!("{name} {value}")
        });
        let told: Vec<_> = told.collect();
        let model = if several { format!("{}: ", member.models[*weights].display()) } else { String::new() };
        term::result(format_args!("  {:longest$}    {model}{}", "", told.join(", ")));
    }
}

fn tell_steps(explanation: &Explanation, steps: &[String]) {
    if explanation.masks.is_empty() {
        return;
    }
    term::result(format_args!("postprocess, at {}:", explanation.masks[0].size()));
    let longest = steps.iter().map(String::len).max().unwrap_or(0);
    let mut before: Option<usize> = None;
    for (step, mask) in steps.iter().zip(&explanation.masks) {
        let area = mask.area();
        let change = match before {
            Some(before) if before == area => "unchanged".to_owned(),
            Some(before) => format!("{:+}", area as i64 - before as i64),
            None => String::new(),
        };
        term::result(format!("  {step:longest$}  {area} pixels  {change}").trim_end());
        before = Some(area);
    }
}

fn box_text(region: &Region) -> String {
    let (bottom, right) = (region.top + region.height, region.left + region.width);
    format!("rows {} to {}, columns {} to {}", region.top, bottom - 1, region.left, right - 1)
}
