//! Tests of pages as text. `tests/report.rs` tests their appearance and script.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ndarray::array;
use sha2::{Digest, Sha256};

use super::*;
use crate::Size;
use crate::ensemble::Decision;
use crate::submission::Runs;

fn case(id: &str, predicted: &str, truth: Option<&str>, score: Option<(f32, f32)>) -> Case {
    let size = Size::new(8, 8);
    let runs = |text| Runs::decode(text, size).unwrap();
    let (predicted, truth) = (runs(predicted), truth.map(runs));
    let areas = vec![predicted.area()];
    let (picture, decision) = (Picture::LeftOut, Decision::Postprocess);
    Case {
        id: id.into(),
        size,
        picture,
        predicted,
        truth,
        score,
        decision,
        areas,
        steps: vec!["threshold".into()],
        spacing: None,
        detail: Detail::default(),
        said: Said::default(),
        groups: Vec::new(),
    }
}

/// Ten images, half of them positive, half of those found.
fn ten() -> Vec<Case> {
    let exact = |score: f32| Some((score, score));
    let with =
        |i: usize| case(&format!("p{i}"), if i.is_multiple_of(2) { "3 4" } else { "-1" }, Some("3 6"), exact(0.6));
    let without = |i: usize| case(&format!("n{i}"), if i == 0 { "0 9" } else { "-1" }, Some("-1"), exact(0.1));
    (0..5).map(with).chain((0..5).map(without)).collect()
}

fn page(cases: Vec<Case>) -> String {
    Report::new("a title", cases).html().unwrap()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = text.split_once(start).unwrap_or_else(|| panic!("no {start:?}"));
    rest.split_once(end).unwrap_or_else(|| panic!("no {end:?}")).0
}

#[test]
fn the_policy_allows_this_style_and_this_script_alone() {
    let page = page(ten());
    let policy = between(&page, "http-equiv=\"Content-Security-Policy\" content=\"", "\"");
    let hash = |text: &str| STANDARD.encode(Sha256::digest(text));
    let style = hash(between(&page, "<style>", "</style>"));
    let script = hash(between(&page, "<script>", "</script>"));
    assert_eq!(
        policy,
        format!(
            "default-src 'none'; img-src data:; style-src 'sha256-{style}'; script-src 'sha256-{script}'; \
             base-uri 'none'; form-action 'none'"
        )
    );
    assert_eq!((page.matches("<style").count(), page.matches("<script").count()), (1, 2));
    assert!(!page.contains(" style=\"") && !page.contains("http://") && !page.contains("https://"));
}

#[test]
fn nothing_breaks_out_of_the_data_or_the_title() {
    let id = "</script><img src=x onerror=alert(1)>&<!--\u{2028}\"'";
    let mut report = Report::new(id, vec![case(id, "-1", None, None)]);
    report.members = vec![MemberRow { stage: id.into(), name: id.into(), alone: None, without: None, auc: None }];
    report.heat_map = Some(HeatMap { x_name: id.into(), y_name: id.into(), ..heat_map() });
    let page = report.html().unwrap();
    assert!(!page.contains("<img src=x") && page.matches("</script>").count() == 2, "{page}");
    let data = between(&page, "id=\"data\">", "</script>");
    assert!(!data.contains(['<', '>', '&']), "{data}");
    let read: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(read[0]["id"], id);
}

#[test]
fn the_worst_come_first_and_carry_their_numbers() {
    let data = page(ten());
    let read: serde_json::Value = serde_json::from_str(between(&data, "id=\"data\">", "</script>")).unwrap();
    let told: Vec<_> =
        read.as_array().unwrap().iter().map(|case| (case["id"].as_str().unwrap(), &case["dice"])).collect();
    let ids: Vec<_> = told.iter().map(|(id, _)| *id).collect();
    // a false positive of 9 pixels, misses of 6, overlaps, and correctly empty masks
    assert_eq!(ids, ["n0", "p1", "p3", "p0", "p2", "p4", "n1", "n2", "n3", "n4"]);
    assert_eq!((told[0].1, told[3].1, told[9].1), (&0.0.into(), &0.8.into(), &1.0.into()));
    assert_eq!((&read[0]["predicted"], &read[0]["truth"]), (&"0 9".into(), &"-1".into()));
}

#[test]
fn the_headline_is_as_worked_out_by_hand() {
    let page = page(ten());
    let row = |name: &str| {
        let row = between(&page, &format!("<th scope=\"row\">{name}<small>"), "</tr>");
        between(row, "strong\">", "<").to_owned()
    };
    // Dice: 3 × 0.8 and 4 × 1 of 10; IoU: 3 × 2/3 and 4 × 1
    for (name, value) in [
        ("Mean Dice", "0.640"),
        ("Dice of positives", "0.480"),
        ("Mean IoU", "0.600"),
        ("Sensitivity", "0.600"),
        ("Specificity", "0.800"),
        ("AUC", "1.000"),
    ] {
        assert_eq!(row(name), value, "{name}");
    }
}

/// The interval of a row of the headline table.
fn interval(page: &str, name: &str) -> String {
    let row = between(page, &format!("<th scope=\"row\">{name}<small>"), "</tr>");
    between(row, "spread\">", "<").to_owned()
}

#[test]
fn six_of_six_are_no_certainty() {
    let found = |i: usize| case(&format!("p{i}"), "3 4", Some("3 4"), None);
    let page = page((0..6).map(found).collect());
    // statsmodels' proportion_confint(6, 6, method="wilson")
    assert_eq!(interval(&page, "Sensitivity"), "0.610 – 1.000");
    // every draw of six equal images has the same mean
    assert_eq!(interval(&page, "Mean Dice"), "not estimable");
    assert_eq!(interval(&page, "Specificity"), "", "there is no image to tell it by");
    let ten = super::tests::page(ten());
    assert_eq!(
        (interval(&ten, "Sensitivity"), interval(&ten, "Specificity")),
        ("0.231 – 0.882".into(), "0.376 – 0.964".into())
    );
    assert!(interval(&ten, "Mean Dice").contains(" – "));
}

#[test]
fn a_mask_without_a_true_pixel_is_found_elsewhere_and_no_true_positive() {
    let elsewhere = case("e", "30 4", Some("3 4"), None);
    assert_eq!((elsewhere.outcome(), elsewhere.dice()), (Some(Outcome::FoundElsewhere), Some(0.0)));
    let touching = case("t", "6 4", Some("3 4"), None);
    assert_eq!(touching.outcome(), Some(Outcome::TruePositive));
    let page = page(vec![elsewhere, touching]);
    let outcome =
        |name: &str| between(&page, "<div class=\"outcomes\">", name).rsplit_once("<b>").unwrap().1.to_owned();
    assert_eq!((outcome("</b>true positive"), outcome("</b>found elsewhere")), ("1".into(), "1".into()));
    assert!(between(&page, "<th scope=\"row\">Sensitivity<small>", "</tr>").contains("strong\">0.500<"));
}

#[test]
fn bounded_scores_are_left_out_and_said_so() {
    let mut cases = ten();
    cases[0].score = Some((0.5, 1.0));
    let few = page(cases.clone());
    assert!(few.contains("Only 9 images have an exact score") && few.contains("exit = \"full\""));
    assert!(!few.contains("ROC curve"));
    cases.push(case("more", "-1", Some("-1"), Some((0.2, 0.2))));
    let enough = page(cases);
    let said = between(&enough, "id=\"bounded\">", "</p>").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.starts_with("1 of 11 images have bounds instead of an exact score"), "{said}");
    assert!(enough.contains("ROC curve, area 1.000"));
    let none = page(ten().into_iter().map(|case| Case { score: None, ..case }).collect());
    assert!(none.contains("hold no scores") && !none.contains("id=\"bounded\""));
}

#[test]
fn what_is_absent_has_no_section() {
    let bare = page(vec![case("a", "3 4", None, Some((0.5, 0.5)))]);
    for section in ["At a glance", "Overlap and scores", "The ensemble", "id=\"heat-map\"", "id=\"members\""] {
        assert!(!bare.contains(section), "{section}");
    }
    let mut report = Report::new("a", ten());
    report.heat_map = Some(heat_map());
    report.members = vec![MemberRow {
        stage: "segmenter".into(),
        name: "unet".into(),
        alone: Some(0.5),
        without: Some(0.615),
        auc: None,
    }];
    let full = report.html().unwrap();
    assert!(
        full.contains("score above 0.5 and area 1000: 0.8000. The best is score above 0.25 and area 2000: 0.9000.")
    );
    // the ensemble's mean Dice is 0.64
    assert!(between(&full, "id=\"members\"", "</table>").contains("−0.0250"));
    assert!(!full.contains("id=\"differs\"") && !full.contains("id=\"origin\""));
    // of another run than the cases: no difference is shown
    report.differs = Some("another <manifest>".into());
    report.origin = Some("manifest 1234".into());
    report.alarms = vec!["two runs".into()];
    let mixed = report.html().unwrap();
    assert!(!between(&mixed, "id=\"members\"", "</table>").contains("0.0250"));
    let said = ["another &#60;manifest&#62;</p>", "<p id=\"origin\">manifest 1234</p>", "role=\"alert\">two runs</p>"];
    said.iter().for_each(|said| assert!(mixed.contains(said), "{said}"));
}

fn heat_map() -> HeatMap {
    HeatMap {
        x_name: "score above".into(),
        x: vec![0.25, 0.5],
        y_name: "area".into(),
        y: vec![1000.0, 2000.0],
        dice: array![[0.7, 0.8], [0.9, 0.6]],
        chosen: (1, 0),
    }
}

#[test]
fn what_would_show_something_wrong_is_an_error() {
    let fault = |report: Report| report.html().unwrap_err().to_string();
    let with = |map: HeatMap| {
        let mut report = Report::new("a", ten());
        report.heat_map = Some(map);
        fault(report)
    };
    let small = Case { size: Size::new(2, 3), ..case("a", "3 4", None, None) };
    let cases = [
        (fault(Report::new("a", vec![])), "no cases"),
        (fault(Report::new("a", [ten(), ten()].concat())), "two cases have the id `p0`"),
        (fault(Report::new("a", vec![small])), "the predicted mask of `a` runs to pixel 7, past its size of 2×3"),
        (with(HeatMap { chosen: (2, 0), ..heat_map() }), "chosen (2, 0) is not among 2 × 2"),
        (
            with(HeatMap { x: vec![0.5], ..heat_map() }),
            "expected 2 × 1 values of Dice (one per pair of thresholds), found 2 × 2",
        ),
        (with(HeatMap { dice: array![[0.7, 0.8], [0.9, 1.5]], ..heat_map() }), "values of Dice from 0 to 1"),
        (with(HeatMap { dice: array![[0.5, f64::NAN], [0.5, 0.5]], ..heat_map() }), "the chosen point has no Dice"),
    ];
    for (message, expected) in cases {
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn hashes_need_the_salt() {
    assert_eq!(hash_id("a", b"salt").len(), 12);
    assert_eq!(hash_id("a", b"salt"), hash_id("a", b"salt"));
    assert_ne!(hash_id("a", b"salt"), hash_id("a", b"pepper"));
    assert_ne!(hash_id("bc", b"a"), hash_id("c", b"ab"));
}
