//! The 2nd place: stacked classifiers, segmenters of positives.

use pleura::manifest::{Manifest, Merge};
use pleura::runtime::{self, Device, Model, SessionOptions};
use serde_json::Value;

use crate::decide::{everything, explain, is_scored, runs, scores, tuned};
use crate::folder::Standin;
use crate::run::{number, predict};
use crate::training::train;

/// The stack's output for the members' scores, in their order.
fn stacked(standin: &Standin, manifest: &Manifest, finding: &Value) -> f32 {
    let classifier = manifest.classifier.as_ref().unwrap();
    let Merge::Stack(stack) = &classifier.merge else { panic!("the 2nd place stacks") };
    let scores: Vec<f32> =
        classifier.members.iter().map(|member| number(&finding["classifiers"][&member.name])).collect();
    let options = SessionOptions { device: Device::Cpu, threads: 1, tensorrt: false, fp16: false, memory: None };
    let loaded = runtime::load(None).unwrap();
    let model = Model::open(loaded, &standin.path(stack.model.to_str().unwrap()), options).unwrap();
    let scores = ndarray::Array2::from_shape_vec((1, scores.len()), scores).unwrap().into_dyn();
    *model.run(&stack.input, scores.view(), &[&stack.output]).unwrap()[0].first().unwrap()
}

/// On training images, each predicted out of fold, classifiers give the values that the stack learnt from.
fn are_stacked_as_they_answer(standin: &Standin, manifest: &Manifest) {
    let folds = standin.data("folds-5.csv").display().to_string();
    let predicted = predict(standin, &standin.manifest(), "train", &["--folds", &folds]);
    for member in &manifest.classifier.as_ref().unwrap().members {
        let answers = standin.path("models").join(&member.name).join("oof.csv");
        let answers = pleura_train::out_of_fold::scores(&answers).unwrap();
        // only one member uses the images of CheXpert
        let answers: Vec<_> =
            answers.into_iter().filter(|answer| predicted.findings.contains_key(&answer.id)).collect();
        assert_eq!(answers.len(), predicted.findings.len());
        for answer in answers {
            let found = number(&predicted.findings[&answer.id]["classifiers"][&member.name]);
            let expected = answer.score.unwrap();
            assert!((found - expected).abs() < 1e-4, "{}: {}: {found}, not {expected}", member.name, answer.id);
        }
    }
}

#[test]
fn the_2nd_place() {
    let standin = Standin::new("siim-2nd");
    train(&standin);
    let manifest = Manifest::read(&standin.manifest()).unwrap();
    let (all, maps) = everything(&standin);
    let scores = scores(&all);
    for (id, finding) in &all.findings {
        let expected = stacked(&standin, &manifest, finding);
        assert!((scores[id.as_str()] - expected).abs() < 1e-6, "{finding}: not {expected}");
    }
    let (tuned, gate) = tuned(&standin, &scores, &maps);
    let predicted = runs(&standin, &tuned, gate, &scores);
    is_scored(&standin);
    let said = explain(&standin, &tuned, &predicted, true);
    let members = manifest.classifier.iter().chain([&manifest.segmenter]).flat_map(|stage| &stage.members);
    for member in members {
        assert!(said.contains(&member.name), "no `{}` in {said}", member.name);
    }
    assert!(explain(&standin, &tuned, &predicted, false).contains("segmenter: not reached"));
    are_stacked_as_they_answer(&standin, &manifest);
}
