//! The 6th place: a gate with eleven views, four groups of segmenters.

use std::collections::BTreeMap;

use pleura::manifest::Manifest;
use toml::Table;

use crate::decide::{everything, explain, is_scored, runs, scores, tuned};
use crate::folder::Standin;
use crate::run::{Maps, cached, maps, number};
use crate::training::train;

/// The maps of one segmenter alone by image, replayed from the cache.
fn alone(standin: &Standin, name: &str, change: impl FnOnce(&mut Table)) -> Maps {
    let manifest = standin.rewrite("alone.toml", |manifest| {
        manifest.remove("classifier");
        let members = manifest["segmenter"]["members"].as_array_mut().unwrap();
        members.retain(|member| member["name"].as_str() == Some(name));
        change(members[0].as_table_mut().unwrap());
    });
    let folder = standin.path("maps alone");
    let predicted = cached(standin, &manifest, &["--maps", folder.to_str().unwrap()]);
    assert!(predicted.said.contains("inferences: none; all "), "{}", predicted.said);
    maps(&folder)
}

/// Four groups have equal weight in the merged map, whatever their numbers of networks.
fn groups_count_alike(merged: &Maps, members: &BTreeMap<String, Maps>) {
    let mut groups: BTreeMap<&str, Vec<&Maps>> = BTreeMap::new();
    for (name, maps) in members {
        groups.entry(name.split('-').next().unwrap()).or_default().push(maps);
    }
    assert_eq!(groups.keys().copied().collect::<Vec<_>>(), ["b4", "encnet", "se50", "senet154"]);
    let mean = |values: Vec<f32>| values.iter().sum::<f32>() / values.len() as f32;
    for (id, map) in merged {
        for (pixel, &found) in map.iter().enumerate().step_by(97) {
            let group = |group: &Vec<&Maps>| mean(group.iter().map(|maps| f32::from(maps[id][pixel])).collect());
            let expected = mean(groups.values().map(group).collect());
            assert!((f32::from(found) - expected).abs() < 2.0, "{id}: pixel {pixel}: {found}, not {expected}");
        }
    }
}

/// The number of pixels above a value.
fn area(map: &[u16], above: u16) -> usize {
    map.iter().filter(|&&value| value > above).count()
}

/// EfficientNet's maps enter the mean as masks of 0 and 1, and those of fewer than 2048 pixels as empty: at a threshold
/// that leaves one image fewer pixels, and another one more.
fn small_masks_are_dropped(standin: &Standin, name: &str) {
    let probabilities = alone(standin, name, |member| drop(member.remove("postprocess")));
    let nearly: BTreeMap<u16, &str> = probabilities
        .iter()
        .map(|(id, map)| {
            let mut sorted = map.clone();
            let (_, &mut value, _) = sorted.select_nth_unstable_by(2047, |a, b| b.cmp(a));
            (value, id.as_str())
        })
        .collect();
    // the second-brightest image keeps fewer pixels than the brightest
    let above = *nearly.keys().rev().nth(1).unwrap();
    let masks = alone(standin, name, |member| {
        let step = member["postprocess"][0]["params"].as_table_mut().unwrap();
        step.insert("above".into(), ((f64::from(above) + 0.5) / 65535.0).into());
    });
    let mut dropped = 0;
    for (id, mask) in &masks {
        let before = area(&probabilities[id], above);
        dropped += usize::from(0 < before && before < 2048);
        assert!(mask.iter().all(|&value| value == 0 || value == u16::MAX), "{name}: {id}");
        // a probability half-way between two numbers of 16 bits may be on either side of the threshold
        let fits = |marked: usize| area(mask, 0) == if marked < 2048 { 0 } else { marked };
        assert!((before.saturating_sub(1)..=before + 1).any(fits), "{name}: {id}: {} of {before}", area(mask, 0));
    }
    assert!(dropped > 0 && masks.values().any(|mask| area(mask, 0) > 0), "{name}: {nearly:?}");
}

#[test]
fn the_6th_place() {
    let standin = Standin::new("siim-6th");
    train(&standin);
    let (all, merged) = everything(&standin);
    let scores = scores(&all);
    for finding in all.findings.values() {
        let members = finding["classifiers"].as_object().unwrap();
        let mean = members.values().map(number).sum::<f32>() / members.len() as f32;
        assert!(members.len() == 2 && (number(&finding["score"][0]) - mean).abs() < 1e-6, "{finding}: not {mean}");
    }
    let segmenters = Manifest::read(&standin.manifest()).unwrap().segmenter.members;
    let maps: BTreeMap<String, Maps> =
        segmenters.iter().map(|member| (member.name.clone(), alone(&standin, &member.name, |_| ()))).collect();
    groups_count_alike(&merged, &maps);
    for name in ["b4-512", "b4-640"] {
        small_masks_are_dropped(&standin, name);
    }
    let (tuned, gate) = tuned(&standin, &scores, &merged);
    let predicted = runs(&standin, &tuned, gate, &scores);
    is_scored(&standin);
    let said = explain(&standin, &tuned, &predicted, true);
    let views = said.lines().find(|line| line.contains("encnet-512-fold0.onnx")).unwrap();
    assert_eq!(views.split(", ").count(), 11, "{views}");
    explain(&standin, &tuned, &predicted, false);
}
