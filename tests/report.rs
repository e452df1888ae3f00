//! `pleura report`, and its page in a real browser.
//!
//! Chromium prints the page's elements after its script has run; the tests read the results from them. Views are
//! selected by the URL's fragment, as when people share them.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;
use support::browser::{Seen, browse, browse_sized, chromium};

/// A demo's folder: radiographs, truth, and findings on images outside the networks' training data. The manifest is
/// made worse, so that every kind of outcome occurs.
fn demo() -> &'static Path {
    static DEMO: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = DEMO.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let args = ["demo", "--seed", "271828", "--images", "16", "--device", "cpu", "--out"];
        support::pleura().args(args).arg(folder.path()).assert().success();
        folder
    });
    folder.path()
}

/// Runs `pleura report` on the demo's findings; returns the page's path and text.
fn report(folder: &Path, name: &str, arguments: &[&str]) -> (PathBuf, String) {
    let out = folder.join(name);
    let mut command = support::pleura();
    command.arg("report").arg(demo().join("findings.jsonl")).arg("--out").arg(&out).args(arguments);
    command.assert().success();
    let text = fs::read_to_string(&out).unwrap();
    (out, text)
}

fn truth() -> String {
    demo().join("truth.csv").to_str().unwrap().to_owned()
}

/// The page's cases, as its script reads them.
fn cases(page: &str) -> Vec<Value> {
    let (_, rest) = page.split_once("id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
#[cfg_attr(no_chromium, ignore = "no Chromium on PATH")]
fn a_browser_draws_the_page_and_agrees_with_every_number() {
    let chromium = chromium();
    let folder = tempfile::tempdir().unwrap();
    let (out, text) = report(folder.path(), "report.html", &["--truth", &truth()]);
    let cases = cases(&text);
    assert_eq!(cases.len(), 16);
    let seen = Seen::new(chromium, &out, "");
    assert_eq!(seen.console, "", "the page broke its policy or its script failed");
    assert_eq!(
        (seen.noted("ready"), seen.noted("mismatches"), seen.noted("matching")),
        (Some("true"), Some("0"), Some("16"))
    );
    let ids: Vec<_> = cases.iter().map(|case| case["id"].as_str().unwrap()).collect();
    assert_eq!(seen.ids(), ids, "worst first, as the file has them");
    assert_eq!(seen.page.matches("<img alt=\"\" src=\"data:image/jpeg;base64,").count(), 16);
}

#[test]
#[cfg_attr(no_chromium, ignore = "no Chromium on PATH")]
fn filters_sorts_and_searches_are_in_the_address() {
    let chromium = chromium();
    let folder = tempfile::tempdir().unwrap();
    // a truth with a mask for an empty image, none for one with a mask, and a moved one: every outcome occurs
    let (out, text) = report(folder.path(), "report.html", &["--truth", &swapped(folder.path())]);
    let cases = cases(&text);
    let marked = |case: &Value, mask: &str| case[mask] != "-1";
    let ids = |passes: &dyn Fn(&Value) -> bool| -> Vec<String> {
        cases.iter().filter(|case| passes(case)).map(|case| case["id"].as_str().unwrap().to_owned()).collect()
    };
    let elsewhere = |case: &Value| marked(case, "truth") && marked(case, "predicted") && case["dice"] == 0.0;
    let outcome = |truth: bool, predicted: bool| {
        ids(&|case| (marked(case, "truth"), marked(case, "predicted")) == (truth, predicted) && !elsewhere(case))
    };
    let worst = ids(&|case| marked(case, "truth") && case["dice"].as_f64().unwrap() < 0.5);
    let first = cases[5]["id"].as_str().unwrap().to_owned();
    let mut sorted = ids(&|_| true);
    sorted.sort();
    let views = [
        ("filter=tp", outcome(true, true)),
        ("filter=fe", ids(&elsewhere)),
        ("filter=fp&mode=errors", outcome(false, true)),
        ("filter=fn&mode=fill", outcome(true, false)),
        ("filter=tn&truth=off", outcome(false, false)),
        ("filter=worst", worst),
        ("sort=id", sorted),
        ("filter=nonsense&sort=nonsense", ids(&|_| true)),
        (&format!("search={}", &first.to_uppercase()), vec![first.clone()]),
        ("search=no-such-id", vec![]),
    ];
    for (fragment, expected) in views {
        let seen = Seen::new(chromium, &out, fragment);
        assert_eq!((seen.console.as_str(), seen.noted("mismatches")), ("", Some("0")), "{fragment}");
        assert!(!expected.is_empty() || fragment.starts_with("search"), "{fragment}: nothing to tell it by");
        assert_eq!(seen.ids(), expected, "{fragment}");
    }
}

/// The demo's truth with one found mask removed, one added to an empty image, and one moved into a corner.
fn swapped(folder: &Path) -> String {
    let text = fs::read_to_string(demo().join("truth.csv")).unwrap();
    let findings = fs::read_to_string(demo().join("findings.jsonl")).unwrap();
    let found: Vec<Value> = findings.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let empty_in_truth = |id: &str| text.contains(&format!("{id},-1"));
    // images that the ensemble gets right, with a mask or without
    let right = |positive: bool| {
        let ids = found.iter().filter(move |it| it["positive"] == positive).map(|it| it["id"].as_str().unwrap());
        ids.filter(move |id| empty_in_truth(id) != positive)
    };
    let mut marked = right(true);
    let (taken, moved, missed) = (marked.next().unwrap(), marked.next().unwrap(), right(false).next().unwrap());
    let rows = text.lines().map(|row| match row.split_once(',') {
        Some((id, _)) if id == taken => format!("{id},-1\n"),
        Some((id, _)) if id == moved => format!("{id},0 5\n"),
        Some((id, _)) if id == missed => format!("{id},300000 200 824 200\n"),
        _ => format!("{row}\n"),
    });
    let path = folder.join("swapped.csv");
    fs::write(&path, rows.collect::<String>()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
#[cfg_attr(no_chromium, ignore = "no Chromium on PATH")]
fn masks_are_drawn_in_their_colours_and_can_be_switched_off() {
    let chromium = chromium();
    let folder = tempfile::tempdir().unwrap();
    let (out, text) = report(folder.path(), "report.html", &["--truth", &truth()]);
    let id =
        cases(&text).iter().find(|case| (0.1..0.99).contains(&case["dice"].as_f64().unwrap())).unwrap()["id"].clone();
    let id = id.as_str().unwrap();
    // behind the enlarged case all colours are dimmed: the remaining ones are the case's own
    let counts = |fragment: &str| {
        let picture = folder.path().join("seen.png");
        browse(chromium, &out, &format!("case={id}{fragment}"), &format!("--screenshot={}", picture.display()));
        let picture = image::open(&picture).unwrap().to_rgb8();
        // sky blue and orange, as in the demo's overlays
        [[86, 180, 233], [230, 159, 0]].map(|colour| picture.pixels().filter(|pixel| pixel.0 == colour).count() > 200)
    };
    assert_eq!(counts(""), [true, true]);
    assert_eq!(counts("&truth=off"), [false, true]);
    assert_eq!(counts("&prediction=off"), [true, false]);
    assert_eq!(counts("&truth=off&prediction=off"), [false, false]);
}

/// A DICOM file's radiograph with known sides and spacing, whose left half is dark; with its findings and map.
fn half_dark(folder: &Path) -> PathBuf {
    use dicom_core::VR;
    use dicom_dictionary_std::tags;
    let attributes = [
        (tags::SOP_INSTANCE_UID, VR::UI, "1.2.3"),
        (tags::PATIENT_ORIENTATION, VR::CS, "L\\F"),
        (tags::IMAGER_PIXEL_SPACING, VR::DS, "0.5\\0.5"),
    ];
    let file = support::dicom::dicom(folder, "image", Some(7), &attributes);
    let mut object = dicom_object::open_file(&file).unwrap();
    object.remove_element(tags::PIXEL_SPACING);
    object.write_to_file(&file).unwrap();
    let map = image::ImageBuffer::from_fn(64, 64, |x, _| image::Luma([if x < 32 { u16::MAX } else { 0 }]));
    fs::create_dir(folder.join("maps")).unwrap();
    map.save(folder.join("maps/1.2.3.png")).unwrap();
    let size = pleura::radiograph::ImageHeader::open(&file).unwrap().size;
    let line = serde_json::json!({
        "id": "1.2.3", "file": file, "area": 8, "size": size, "decision": "postprocess", "score": [0.9, 0.9],
        "areas": [16, 8], "steps": ["threshold", "min-area"], "spacing": [5.0, 5.0], "rle": "0 8",
        "calibrated": [0.75, 0.75], "agreement": { "score_spread": 0.25, "dice": null }, "reasons": ["a reason"],
    });
    let findings = folder.join("findings.jsonl");
    fs::write(&findings, format!("{line}\n")).unwrap();
    let out = folder.join("page.html");
    let mut command = support::pleura();
    command.arg("report").arg(&findings).arg("--maps").arg(folder.join("maps")).arg("--out").arg(&out);
    command.assert().success();
    out
}

#[test]
#[cfg_attr(no_chromium, ignore = "no Chromium on PATH")]
fn an_enlarged_case_tells_sides_sizes_steps_and_trust_and_draws_the_map() {
    let chromium = chromium();
    let folder = tempfile::tempdir().unwrap();
    let out = half_dark(folder.path());
    let seen = Seen::new(chromium, &out, "case=1.2.3&map=on&zoom=2,10,0&levels=0,0.5");
    assert_eq!(seen.console, "");
    for needed in [
        "<span class=\"side left\">R</span><span class=\"side right\">L</span>",
        "<dd>2.00 cm² (8 px)</dd>",
        "<dd>threshold 4.00 cm² → min-area 2.00 cm²</dd>",
        "<dd>at the detector, larger than in the patient</dd>",
        "<dd>a reason</dd>",
        "<dt>Calibrated probability</dt><dd>0.750</dd>",
        "<dt>Spread of scores</dt><dd>0.250</dd>",
        "zoom 200 %, black 0 %, white 50 %",
        "data-key=\"m\" aria-pressed=\"true\"",
        "data-key=\"w\" aria-pressed=\"false\"",
        "scale(2)",
        "url(&quot;#levels&quot;)",
        "slope=\"2\"",
    ] {
        assert!(seen.page.contains(needed), "{needed}");
    }
    assert!(!seen.page.contains("<dt>Members' Dice</dt>"));
    // by day and by night, the page has the colours that the system asks for
    let ground = |mode: &str| {
        let picture = folder.path().join("ground.png");
        browse_sized(chromium, &out, "", &format!("--screenshot={}{mode}", picture.display()), (390, 844));
        image::open(&picture).unwrap().to_rgb8().get_pixel(2, 2).0
    };
    assert_eq!((ground(""), ground(" --force-dark-mode")), ([244, 245, 247], [16, 19, 24]));
    // the map's colours lie over the left half alone, on wide screens and narrow ones
    for size in [(1200, 900), (390, 844)] {
        let shot = |fragment: &str| {
            let picture = folder.path().join("seen.png");
            let wanted = format!("--screenshot={}", picture.display());
            browse_sized(chromium, &out, fragment, &wanted, size);
            image::open(&picture).unwrap().to_rgb8()
        };
        let yellow = |picture: &image::RgbImage| -> Vec<u32> {
            let is = |pixel: &image::Rgb<u8>| pixel.0[0] > 140 && pixel.0[1] > 130 && pixel.0[2] < 110;
            picture.enumerate_pixels().filter(|(_, _, pixel)| is(pixel)).map(|(x, _, _)| x).collect()
        };
        let (with, without) = (shot("case=1.2.3&map=on&prediction=off"), shot("case=1.2.3&prediction=off"));
        let (with, without) = (yellow(&with), yellow(&without));
        assert!(with.len() > without.len() + 5000, "{size:?}: {} {}", with.len(), without.len());
    }
}

#[test]
#[cfg_attr(no_chromium, ignore = "no Chromium on PATH")]
fn wheels_drags_keys_and_swipes_work_on_the_enlarged_case() {
    let chromium = chromium();
    let folder = tempfile::tempdir().unwrap();
    let (out, text) = report(folder.path(), "report.html", &["--truth", &truth()]);
    let ids: Vec<String> = cases(&text).iter().map(|case| case["id"].as_str().unwrap().to_owned()).collect();
    // the page's own policy would not let this script run
    let (start, rest) = text.split_once("<meta http-equiv=").unwrap();
    let page = format!("{start}{}", rest.split_once('>').unwrap().1);
    let script = r##"<script>
const frame = document.querySelector("#viewer .frame");
frame.setPointerCapture = () => {}; // these pointers are made up
const { left, top: above, width, height } = frame.getBoundingClientRect();
const at = (x, y, more) => ({ clientX: left + x * width, clientY: above + y * height, bubbles: true, cancelable: true, ...more });
const pointer = (type, x, y, more) => frame.dispatchEvent(new PointerEvent(type, at(x, y, { pointerId: 1, pointerType: "mouse", ...more })));
const drag = (from, to, more) => { pointer("pointerdown", ...from, more); pointer("pointermove", ...to, more); pointer("pointerup", ...to, more); };
const key = (key) => document.getElementById("viewer").dispatchEvent(new KeyboardEvent("keydown", { key }));
const noted = [];
const note = () => noted.push(decodeURIComponent(location.hash).replace(/case=[^&]*/, `case=${view.case.slice(-6)}`));
frame.dispatchEvent(new WheelEvent("wheel", at(0.75, 0.5, { deltaY: -400 * Math.log(2) }))); note();
drag([0.5, 0.5], [0.6, 0.5]); note();
key("0"); note();
drag([0.5, 0.5], [0.5, 0.25], { button: 2 }); note();
key("i"); note();
key("0"); key("w"); drag([0.5, 0.5], [0.75, 0.5]); note();
key("w"); key("0"); drag([0.8, 0.5], [0.2, 0.5], { pointerType: "touch" }); note();
drag([0.2, 0.5], [0.8, 0.5], { pointerType: "touch" }); note();
pointer("pointerdown", 0.4, 0.5, { pointerType: "touch" }); pointer("pointerdown", 0.6, 0.5, { pointerId: 2, pointerType: "touch" });
pointer("pointermove", 0.9, 0.5, { pointerId: 2, pointerType: "touch" }); note();
document.documentElement.dataset.noted = noted.join(" ");
</script></body>"##;
    fs::write(&out, page.replace("</body>", script)).unwrap();
    let seen = Seen::new(chromium, &out, &format!("case={}", ids[0]));
    assert_eq!(seen.console, "");
    let [first, second] = [0, 1].map(|place: usize| format!("#case={}", &ids[place][ids[place].len() - 6..]));
    let expected = [
        // the point under the mouse stays where it is
        format!("{first}&zoom=2,-25,0"),
        format!("{first}&zoom=2,-15,0"),
        first.clone(),
        format!("{first}&levels=0.25,1.25"),
        format!("{first}&levels=1.25,0.25"),
        format!("{first}&levels=-0.125,1.125"),
        // to the left: the next
        second,
        first.clone(),
        format!("{first}&zoom=2.5,-22.5,0"),
    ];
    // a wheel's place is one of whole pixels, which the middle may lie between
    let noted = seen.noted("noted").unwrap().replace("&amp;", "&").replace(",0.1 ", ",0 ");
    assert_eq!(noted.split(' ').collect::<Vec<_>>(), expected);
}

#[test]
fn pictures_are_as_large_as_asked_for_and_the_page_is_dated() {
    let folder = tempfile::tempdir().unwrap();
    let side = |arguments: &[&str]| {
        let (_, text) = report(folder.path(), "report.html", arguments);
        assert!(text.contains("<p id=\"made\">Made on "));
        cases(&text)[0]["picture"]["size"].clone()
    };
    assert_eq!(side(&["--cases", "1"]), serde_json::json!([384, 384]));
    assert_eq!(side(&["--cases", "1", "--pictures", "1024"]), serde_json::json!([1024, 1024]));
    let missing = folder.path().to_str().unwrap().to_owned();
    let mut command = support::pleura();
    command.arg("report").arg(demo().join("findings.jsonl")).arg("--out").arg(folder.path().join("x.html"));
    let done = command.args(["--maps", &missing]).assert().code(1);
    let said = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    assert!(
        said.contains("no map: cannot read `") && said.contains("expected a map that `pleura predict --maps`"),
        "{said}"
    );
}

#[test]
#[cfg_attr(no_chromium, ignore = "no Chromium on PATH")]
fn a_changed_file_is_found_out() {
    let chromium = chromium();
    let folder = tempfile::tempdir().unwrap();
    let (out, text) = report(folder.path(), "report.html", &["--truth", &truth(), "--cases", "0"]);
    let case = cases(&text).into_iter().find(|case| case["dice"].as_f64().is_some_and(|dice| 0.0 < dice && dice < 1.0));
    let dice = format!("\"dice\":{}", case.unwrap()["dice"]);
    assert_eq!(text.matches(&dice).count(), 1);
    fs::write(&out, text.replace(&dice, "\"dice\":0.999")).unwrap();
    let seen = Seen::new(chromium, &out, "");
    assert_eq!((seen.noted("mismatches"), seen.console.as_str()), (Some("1"), ""));
    assert!(seen.page.contains("1 of 16 cases do not match"));
    // a script other than the policy's does not run
    fs::write(&out, text.replace("\"use strict\";", "\"use strict\"; ")).unwrap();
    let seen = Seen::new(chromium, &out, "");
    assert_eq!(seen.noted("ready"), None);
    assert!(seen.console.contains("Content Security Policy"), "{}", seen.console);
}

#[test]
fn no_path_and_on_request_no_id_is_in_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let (_, plain) = report(folder.path(), "plain.html", &["--truth", &truth()]);
    let ids: Vec<_> = cases(&plain).iter().map(|case| case["id"].as_str().unwrap().to_owned()).collect();
    let (_, hashed) = report(folder.path(), "hashed.html", &["--truth", &truth(), "--hash-ids"]);
    let (_, again) = report(folder.path(), "again.html", &["--truth", &truth(), "--hash-ids"]);
    let salted = ["one.html", "two.html"].map(|name| report(folder.path(), name, &["--hash-ids", "--salt", "s"]).1);
    for page in [&plain, &hashed] {
        assert!(!page.contains(demo().to_str().unwrap()) && !page.contains(".dcm") && !page.contains("radiographs/"));
    }
    assert!(ids.iter().all(|id| plain.contains(id) && !hashed.contains(id)));
    assert!(cases(&hashed).iter().all(|case| case["id"].as_str().unwrap().len() == 12));
    assert_ne!(cases(&hashed)[0]["id"], cases(&again)[0]["id"], "another report, another salt");
    assert_eq!(salted[0], salted[1]);
}

#[test]
#[cfg_attr(no_chromium, ignore = "no Chromium on PATH")]
fn without_truth_there_are_cases_and_no_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let (out, text) = report(folder.path(), "report.html", &["--cases", "3"]);
    assert!(!text.contains("At a glance") && cases(&text).iter().all(|case| case["dice"].is_null()));
    assert_eq!(text.matches("data:image/jpeg;base64,").count(), 3);
    let chromium = chromium();
    let seen = Seen::new(chromium, &out, "filter=marked");
    let marked = cases(&text).iter().filter(|case| case["predicted"] != "-1").count();
    assert_eq!((seen.ids().len(), seen.noted("mismatches"), seen.console.as_str()), (marked, Some("0"), ""));
}

#[test]
fn pictures_that_are_gone_are_said_and_found_where_they_are_now() {
    let folder = tempfile::tempdir().unwrap();
    let moved = folder.path().join("moved.jsonl");
    let findings = fs::read_to_string(demo().join("findings.jsonl")).unwrap();
    fs::write(&moved, findings.replace("/radiographs/", "/elsewhere/")).unwrap();
    let out = folder.path().join("report.html");
    let report = |images: &[&Path]| {
        let mut command = support::pleura();
        command.arg("report").arg(&moved).arg("--out").arg(&out);
        if !images.is_empty() {
            command.arg("--images").args(images);
        }
        let done = command.output().unwrap();
        (done.status.code(), String::from_utf8(done.stderr).unwrap(), fs::read_to_string(&out).unwrap())
    };
    let (code, said, page) = report(&[]);
    assert!(code == Some(1) && said.contains("--images"), "{code:?} {said}");
    assert_eq!(said.matches("warning: no picture: ").count(), 16, "{said}");
    assert!(cases(&page).iter().all(|case| case["unreadable"] == true && case["picture"].is_null()));
    let (code, said, page) = report(&[&demo().join("radiographs")]);
    assert_eq!((code, page.matches("data:image/jpeg;base64,").count()), (Some(0), 16), "{said}");
}

/// The demo's manifest with another threshold, beside it.
fn other_manifest() -> PathBuf {
    let manifest = demo().join("ensemble/demo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let other = text.replace("above = 0.5 }", "above = 0.9 }");
    assert_ne!(text, other);
    let path = manifest.with_file_name("other.toml");
    fs::write(&path, other).unwrap();
    path
}

#[test]
fn findings_of_another_manifest_are_said_to_be_so() {
    let folder = tempfile::tempdir().unwrap();
    let (out, cache) = (folder.path().join("report.html"), folder.path().join("cache"));
    let report = |findings: &Path, manifest: &Path| {
        let mut command = support::pleura();
        command.arg("report").arg(findings).args([
            "--truth",
            &truth(),
            "--cases",
            "0",
            "--device",
            "cpu",
            "--ensemble",
        ]);
        let done = command.arg(manifest).arg("--cache").arg(&cache).arg("--out").arg(&out).output().unwrap();
        let said = String::from_utf8(done.stderr).unwrap();
        assert_eq!(done.status.code(), Some(0), "{said}");
        (said, fs::read_to_string(&out).unwrap())
    };
    let (findings, manifest) = (demo().join("findings.jsonl"), demo().join("ensemble/demo.toml"));
    let (said, page) = report(&findings, &manifest);
    assert!(!said.contains("warning") && !page.contains("id=\"differs\""), "{said}");
    let sum = pleura_files::digest::file(&manifest).unwrap();
    assert!(page.contains(&format!("Findings of one run: manifest sha256 {}…", &sum[..16])));
    let (said, page) = report(&findings, &other_manifest());
    assert!(
        said.contains("warning: The findings were not made with `other.toml` as it is now; they differ in manifest"),
        "{said}"
    );
    assert!(page.contains("id=\"differs\"") && page.contains("not made with `other.toml`"));
    // as older versions wrote them
    let lines = fs::read_to_string(&findings).unwrap();
    let bare = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        ["run", "check"].iter().for_each(|key| assert!(line.as_object_mut().unwrap().remove(*key).is_some()));
        format!("{line}\n")
    };
    let old = folder.path().join("old.jsonl");
    fs::write(&old, lines.lines().map(bare).collect::<String>()).unwrap();
    let (said, page) = report(&old, &manifest);
    assert!(said.contains("warning: Whether the findings were made with `demo.toml` is unknown"), "{said}");
    assert!(page.contains("behind these findings are unknown"));
    let some: String =
        lines.lines().enumerate().map(|(at, line)| if at < 3 { bare(line) } else { format!("{line}\n") }).collect();
    fs::write(&old, some).unwrap();
    let (said, page) = report(&old, &manifest);
    assert!(said.contains("from 2 different runs, and 3 of 16 findings do not name their run"), "{said}");
    assert!(page.contains("class=\"alarm\" role=\"alert\">These findings come from 2 different runs"));
}

#[test]
fn explain_says_whether_the_findings_are_of_its_manifest() {
    let findings = demo().join("findings.jsonl");
    let explain = |manifest: &Path, findings: &Path| {
        let line = fs::read_to_string(findings).unwrap().lines().next().unwrap().to_owned();
        let file = serde_json::from_str::<Value>(&line).unwrap()["file"].as_str().unwrap().to_owned();
        let mut command = support::pleura();
        command.args(["explain", "--device", "cpu"]).arg(manifest).arg(file).arg("--findings").arg(findings);
        let done = command.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        (String::from_utf8(done.stdout).unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    let (out, said) = explain(&demo().join("ensemble/demo.toml"), &findings);
    assert!(out.contains("finding: the same mask") && !said.contains("warning"), "{out}{said}");
    let (_, said) = explain(&other_manifest(), &findings);
    assert!(said.contains("not made with `other.toml` as it is now"), "{said}");
}

#[test]
fn a_damaged_finding_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let damaged = folder.path().join("damaged.jsonl");
    let text = fs::read_to_string(demo().join("findings.jsonl")).unwrap();
    let (start, rest) = text.split_once("\"decision\":\"postprocess\"").unwrap();
    fs::write(&damaged, format!("{start}\"decision\":\"classifier-gate\"{rest}")).unwrap();
    let out = folder.path().join("none.html");
    let done = support::pleura().arg("report").arg(&damaged).arg("--out").arg(&out).assert().code(2);
    let said = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
    let line = format!("line {}: the finding of", start.lines().count());
    assert!(said.contains(&line) && said.contains("its checksum does not match") && !out.exists(), "{said}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let findings = fs::read_to_string(demo().join("findings.jsonl")).unwrap();
    let old: String = findings.lines().map(|line| format!("{}}}\n", line.split_once(",\"rle\"").unwrap().0)).collect();
    let good = demo().join("findings.jsonl").to_str().unwrap().to_owned();
    let others = write("others.csv", "ImageId,EncodedPixels\nsomething-else,-1\n");
    let cases = [
        (vec![write("old.jsonl", &old)], "run `pleura predict --findings` again"),
        (vec![good.clone(), "--truth".into(), others], "has a row for none of the 16 images"),
        (vec![good.clone(), "--truth".into(), truth(), "--size".into(), "2048x2048".into()], "--size 1024x1024"),
        (vec![good, "--salt".into(), "s".into()], "--hash-ids"),
    ];
    for (arguments, expected) in cases {
        let out = folder.path().join("none.html");
        let done = support::pleura().arg("report").args(arguments).arg("--out").arg(&out).assert().code(2);
        let said = String::from_utf8_lossy(&done.get_output().stderr).into_owned();
        assert!(said.contains(expected) && !out.exists(), "{said}");
    }
}
