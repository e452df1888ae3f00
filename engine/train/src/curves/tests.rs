use indexmap::IndexMap;

use super::*;

fn line(fold: u32, phase: u32, epoch: u32) -> Line {
    Line {
        fold,
        phase,
        epoch,
        step: 0,
        lr: 1e-4,
        loss: 0.5,
        terms: IndexMap::new(),
        validation_loss: Some(0.6),
        dice: Some(0.8),
        dice_positives: None,
        iou: None,
        auc: None,
        images_per_second: 1.0,
        seconds: 1.0,
    }
}

/// A plausible training: three folds, two phases, the first of which ends early in some.
fn sample() -> Vec<Line> {
    let mut lines = Vec::new();
    for (fold, ends) in [(0_u32, [14, 10]), (1, [11, 10]), (4, [16, 7])] {
        let mut at = 0.0_f64;
        for (phase, &epochs) in ends.iter().enumerate() {
            for epoch in 0..epochs {
                at += 1.0;
                let wave = ((at + 3.0 * f64::from(fold)) * 1.7).sin();
                let fall = (-at / 7.0).exp();
                let spread = 0.02 * f64::from(fold);
                lines.push(Line {
                    loss: 0.12 + 0.9 * fall + spread * 0.5 + 0.004 * wave,
                    validation_loss: Some(0.2 + 0.8 * fall + spread + 0.03 * wave),
                    dice: Some(0.88 - 0.5 * fall - spread + 0.015 * wave),
                    dice_positives: Some(0.74 - 0.6 * fall - spread + 0.02 * wave),
                    auc: Some(0.97 - 0.3 * fall - spread / 2.0 + 0.008 * wave),
                    ..line(fold, phase as u32, epoch)
                });
            }
        }
    }
    lines
}

fn count(svg: &str, what: &str) -> usize {
    svg.matches(what).count()
}

#[test]
fn there_is_a_curve_for_each_figure_of_each_fold() {
    let svg = svg("siim-resnet34", &sample());
    // loss and Dice of two quantities, AUC of one; in three folds, of which two ended a phase early
    assert_eq!(count(&svg, "<polyline"), 5 * (1 + 2 + 2));
    for part in
        [">Loss<", ">Dice<", ">AUC<", ">phase 1<", ">phase 2<", ">fold 1<", ">fold 5<", ">epoch<", ">lowest loss<"]
    {
        assert_eq!(count(&svg, part), if part == ">lowest loss<" { 3 } else { 1 }, "{part}");
    }
    // PLEURA_CURVES=file.svg: writes the picture for inspection
    if let Some(path) = std::env::var_os("PLEURA_CURVES") {
        std::fs::write(path, svg).unwrap();
    }
}

#[test]
fn a_phase_starts_after_the_slowest_fold() {
    let timeline = Timeline::new(&sample());
    assert_eq!(timeline.starts().collect::<Vec<_>>(), [(0, 0), (1, 16)]);
    assert_eq!(timeline.epochs(), 26);
}

/// A number of the first element that starts with `element`.
fn attribute(svg: &str, element: &str, name: &str) -> f64 {
    let element = svg.split('<').find(|it| it.starts_with(element)).unwrap_or_else(|| panic!("no {element}: {svg}"));
    let (_, rest) = element.split_once(&format!(" {name}=\"")).unwrap();
    rest.split_once('"').unwrap().0.parse().unwrap()
}

#[test]
fn the_line_between_phases_lies_between_their_epochs() {
    let epochs = [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2)];
    let lines = epochs.map(|(phase, epoch)| Line { loss: f64::from(epoch), ..line(0, phase, epoch) });
    let svg = svg("two and three", &lines);
    // the numbers below the first panel, from 1
    let ticks: Vec<(f64, u32)> = svg
        .split('<')
        .filter(|it| it.starts_with("text") && it.contains("text-anchor=\"middle\""))
        .filter_map(|it| Some((attribute(it, "text", "x"), it.split_once('>')?.1.parse().ok()?)))
        .take(5)
        .collect();
    assert_eq!(ticks.iter().map(|tick| tick.1).collect::<Vec<_>>(), [1, 2, 3, 4, 5], "{svg}");
    let divider = svg.split('<').find(|it| it.contains("stroke-dasharray=\"2 3\"")).unwrap();
    let place = attribute(divider, "line", "x1");
    assert!((place - f64::midpoint(ticks[1].0, ticks[2].0)).abs() < 0.11, "{place} {ticks:?}");
    // and the points are at their numbers
    let (_, points) = svg.split_once("<polyline points=\"").unwrap();
    let first: f64 = points.split_once(',').unwrap().0.parse().unwrap();
    assert!((first - ticks[0].0).abs() < 0.11, "{first} {ticks:?}");
}

#[test]
fn gaps_are_left() {
    let mut lines: Vec<_> = (0..6).map(|epoch| line(0, 0, epoch)).collect();
    lines[2].validation_loss = None;
    lines[3].validation_loss = Some(f64::NAN);
    lines[5].validation_loss = Some(f64::INFINITY);
    let series = Series::new(&lines, 0, &Timeline::new(&lines), |line| line.validation_loss);
    assert_eq!(series, Series(vec![vec![(1.0, 0.6), (2.0, 0.6)], vec![(5.0, 0.6)]]));
    let svg = svg("gaps", &lines);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn an_epoch_told_twice_counts_as_told_last() {
    let lines = [line(0, 0, 0), Line { dice: Some(0.1), ..line(0, 0, 0) }];
    let series = Series::new(&lines, 0, &Timeline::new(&lines), |line| line.dice);
    assert_eq!(series, Series(vec![vec![(1.0, 0.1)]]));
}

#[test]
fn few_epochs_and_many_folds() {
    assert!(svg("nothing", &[]).contains("no epoch has finished yet"));
    let one = svg("one", &[Line { loss: f64::NAN, validation_loss: None, ..line(0, 0, 0) }]);
    assert!(!one.contains(">Loss<") && one.contains(">Dice<") && !one.contains("NaN"), "{one}");
    let many: Vec<_> = (0..30).map(|fold| line(fold, 0, 0)).collect();
    assert!(svg("many", &many).contains("and 21 more"));
}

#[test]
fn titles_are_text() {
    let svg = svg("<b>\"a\" & b</b>\u{1}", &[]);
    assert_eq!(count(&svg, "&lt;b&gt;&quot;a&quot; &amp; b&lt;/b&gt; <"), 2, "{svg}");
}

#[test]
fn the_picture_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("curves.svg");
    write(&path, "x", &sample()).unwrap();
    assert_eq!(std::fs::read_to_string(path).unwrap(), svg("x", &sample()));
}
