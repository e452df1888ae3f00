//! `pleura serve`: what is sent over DICOM and HTTP is answered as `pleura predict` answers it, each image once, whatever
//! ends meanwhile.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use dicom_core::VR;
use dicom_dictionary_std::tags;
use pleura::Size;
use serde_json::Value;
use support::case::{Case, POST, member};
use support::dicom::dicom;
use support::node::{Node, PATIENCE, Pacs, http, port, store_to, until, web};
use support::toy::{Toy, noise, png};

const FINDING: &str = "finding = { code = \"36118008\", scheme = \"SCT\", meaning = \"Pneumothorax\" }\n";

fn case() -> Case {
    let toml = format!("{FINDING}{POST}\n{}", member("segmenter", "s", ""));
    Case::new(&[("s", Toy::default())], &toml)
}

/// DICOM files with UIDs `1.2.3.4.N`; one in four is black.
fn images(folder: &Path, count: u32) -> Vec<PathBuf> {
    let one = |number: u32| {
        let uid = format!("1.2.3.4.{number}");
        let texts = [
            (tags::SOP_INSTANCE_UID, VR::UI, uid.as_str()),
            (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.3"),
            (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.5"),
            (tags::PATIENT_NAME, VR::PN, "Secret^Name"),
            (tags::PATIENT_ID, VR::LO, "77"),
        ];
        dicom(folder, &format!("image{number}"), (number % 4 != 3).then_some(number), &texts)
    };
    (0..count).map(one).collect()
}

/// Findings of `pleura predict`, by id, and the UIDs of its DICOM objects.
fn predicted(case: &Case, folder: &Path, images: &[PathBuf]) -> (BTreeMap<String, Value>, BTreeSet<String>) {
    let mut command = support::pleura();
    command.args(["predict", "--device", "cpu", "--out"]).arg(folder.join("predicted.csv"));
    command.arg("--findings").arg(folder.join("predicted.jsonl")).arg("--dicom").arg(folder.join("predicted"));
    command.arg(&case.manifest).args(images).assert().success();
    let lines = fs::read_to_string(folder.join("predicted.jsonl")).unwrap();
    let findings = lines.lines().map(|line| finding(&serde_json::from_str(line).unwrap())).collect();
    let objects = fs::read_dir(folder.join("predicted")).unwrap().map(|entry| uid(&entry.unwrap().path())).collect();
    (findings, objects)
}

/// A finding by its id, without the file's name.
fn finding(line: &Value) -> (String, Value) {
    let mut line = line.clone();
    line.as_object_mut().unwrap().remove("file");
    (line["id"].as_str().unwrap().to_owned(), line)
}

fn uid(path: &Path) -> String {
    let object = dicom_object::open_file(path).unwrap();
    object.element(tags::SOP_INSTANCE_UID).unwrap().to_str().unwrap().trim_end_matches('\0').to_owned()
}

/// What a folder destination holds: findings by id, and UIDs of DICOM objects.
fn delivered(folder: &Path) -> (BTreeMap<String, Value>, BTreeSet<String>) {
    let (mut findings, mut objects) = (BTreeMap::new(), BTreeSet::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let answer: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let (id, finding) = finding(&answer["finding"]);
            assert_eq!(answer["state"], "done");
            assert!(findings.insert(id, finding).is_none());
        } else {
            assert_eq!(path.file_stem().unwrap().to_str().unwrap(), uid(&path));
            objects.insert(uid(&path));
        }
    }
    (findings, objects)
}

fn rules(folder: &Path, text: &str) -> String {
    let path = folder.join("rules.toml");
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

const TO_FOLDER: &str = "[destinations.files]\nfolder = { path = \"out\" }\n[[rules]]\nsend = [\"files\"]\n";

#[test]
#[cfg_attr(no_dcmtk, ignore = "no dcmtk on PATH")]
fn what_a_modality_stores_arrives_as_predict_finds_it() {
    let (case, folder) = (case(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let images = images(folder, 9);
    let (findings, objects) = predicted(&case, folder, &images);
    let pacs_port = port();
    let pacs = Pacs::start(&folder.join("pacs"), pacs_port);
    let text = format!(
        "{TO_FOLDER}[destinations.pacs]\nc-store = {{ address = \"127.0.0.1:{pacs_port}\", called = \"PACS\" }}\n\
         [[rules]]\nsend = [\"pacs\"]\nresults = \"positive\"\n"
    );
    let node = Node::start(&case.manifest, &folder.join("spool"), &["--rules", &rules(folder, &text)]);
    let echo = Command::new("echoscu").args(["-aec", "PLEURA", "127.0.0.1", &node.dicom.to_string()]).status();
    assert!(echo.unwrap().success());
    // one association, then one for each, twice
    assert!(node.store(&images).status.success());
    assert!(images.iter().all(|image| node.store(std::slice::from_ref(image)).status.success()));
    let results = node.settled(9);
    assert_eq!(delivered(&folder.join("out")), (findings, objects));
    assert_eq!((node.metric("pleura_received_total"), node.metric("pleura_duplicates_total")), (9, 9));
    let positive = results.iter().filter(|result| result["outcome"] == "positive").count();
    assert_eq!(positive, 7);
    // positives come first
    assert!(results[..7].iter().all(|result| result["outcome"] == "positive"));
    let stored = pacs.uids();
    assert_eq!((stored.len(), stored.values().max()), (4 * positive, Some(&1)));
    // an audit line for each object, without names
    let said = node.said();
    assert_eq!(said.matches("received").count(), 9, "{said}");
    assert!(said.contains("1.2.3.4.8") && !said.contains("Secret"), "{said}");
    let page = node.get("/");
    assert!(page.find("1.2.3.4.0<").unwrap() < page.find("1.2.3.4.3<").unwrap() && !page.contains("Secret"), "{page}");
    // the same UID with other pixels is refused
    let other = dicom(folder, "other", Some(99), &[(tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.4.0")]);
    let refused = node.store(&[other]);
    assert!(!refused.status.success(), "{refused:?}");
    // the line may come after the answer
    until("the refusal is said", || {
        node.said().contains("another object with the same SOP Instance UID").then_some(())
    });
}

#[test]
#[cfg_attr(no_dcmtk, ignore = "no dcmtk on PATH")]
fn what_was_acknowledged_survives_kills_at_any_moment() {
    let (case, folder) = (case(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let images = images(folder, 40);
    let expected = predicted(&case, folder, &images);
    let pacs_port = port();
    let pacs = Pacs::start(&folder.join("pacs"), pacs_port);
    let text = format!(
        "{TO_FOLDER}[destinations.pacs]\nc-store = {{ address = \"127.0.0.1:{pacs_port}\", called = \"PACS\" }}\n\
         [[rules]]\nsend = [\"pacs\"]\n"
    );
    let rules = rules(folder, &text);
    let spool = folder.join("spool");
    let mut waiting = images.clone();
    for round in 0..12_u64 {
        let node = Node::start(&case.manifest, &spool, &["--rules", &rules]);
        let port = node.dicom;
        let sent = std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let mut images = waiting.iter();
                // until the first that is not acknowledged
                let sent = images
                    .by_ref()
                    .take(8)
                    .take_while(|image| store_to("PLEURA", port, std::slice::from_ref(*image)).status.success());
                sent.count()
            });
            std::thread::sleep(Duration::from_millis(25 + round * 97 % 400));
            node.kill();
            sender.join().unwrap()
        });
        println!("killed in round {round}, {sent} acknowledged");
        waiting.drain(..sent);
    }
    let node = Node::start(&case.manifest, &spool, &["--rules", &rules]);
    assert!(waiting.is_empty() || node.store(&waiting).status.success());
    let results = node.settled(40);
    assert!(results.iter().all(|result| result["state"] == "done"), "{results:?}");
    assert_eq!(delivered(&folder.join("out")), expected);
    assert_eq!(pacs.uids().into_keys().collect::<BTreeSet<_>>(), expected.1);
    // nothing is left over
    drop(node);
    assert_eq!(fs::read_dir(spool.join("parts")).unwrap().count(), 0);
}

#[test]
#[cfg_attr(no_dcmtk, ignore = "no dcmtk on PATH")]
fn an_image_that_ends_the_process_is_given_up_and_the_others_are_not() {
    let (case, folder) = (case(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let images = images(folder, 3);
    let spool = folder.join("spool");
    drop({
        let node = Node::start(&case.manifest, &spool, &[]);
        assert!(node.store(&images).status.success());
        node.settled(3);
        node
    });
    // as a process leaves it that ended five times with one image, and once with another beside it
    let ledger = rusqlite::Connection::open(spool.join("ledger.sqlite")).unwrap();
    let change = "UPDATE objects SET state = 'queued', finding = NULL, outcome = NULL, attempts = ?1 WHERE key = ?2";
    ledger.execute(change, rusqlite::params![5, "1.2.3.4.1"]).unwrap();
    ledger.execute(change, rusqlite::params![1, "1.2.3.4.2"]).unwrap();
    ledger.execute("DELETE FROM items WHERE object > 1", []).unwrap();
    drop(ledger);
    let node = Node::start(&case.manifest, &spool, &[]);
    let results = node.settled(3);
    let of = |key: &str| results.iter().find(|result| result["key"] == key).unwrap();
    assert_eq!(of("1.2.3.4.1")["state"], "failed");
    assert!(of("1.2.3.4.1")["reason"].as_str().unwrap().contains("ended 5 times"), "{results:?}");
    assert_eq!((&of("1.2.3.4.0")["state"], &of("1.2.3.4.2")["state"]), (&"done".into(), &"done".into()));
}

#[test]
#[cfg_attr(no_dcmtk, ignore = "no dcmtk on PATH")]
fn fifty_at_once_and_half_associations() {
    let (case, folder) = (case(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let images = images(folder, 50);
    let expected = predicted(&case, folder, &images);
    let rules = rules(folder, TO_FOLDER);
    let node = Node::start(&case.manifest, &folder.join("spool"), &["--rules", &rules, "--timeout", "2"]);
    // associations that never come to anything: nothing, half a header, a header that promises more
    let half: Vec<TcpStream> = [&b""[..], b"\x01\x00", b"\x01\x00\x00\x00\x00\x01\x00\x00", b"GET / HTTP/1.1\r\n\r\n"]
        .iter()
        .map(|bytes| {
            let mut stream = TcpStream::connect(("127.0.0.1", node.dicom)).unwrap();
            stream.write_all(bytes).unwrap();
            stream
        })
        .collect();
    let dicom = node.dicom;
    std::thread::scope(|scope| {
        let sent: Vec<_> = images
            .iter()
            .map(|image| scope.spawn(move || store_to("PLEURA", dicom, std::slice::from_ref(image))))
            .collect();
        for outcome in sent {
            let outcome = outcome.join().unwrap();
            assert!(outcome.status.success(), "{outcome:?}");
        }
    });
    node.settled(50);
    assert_eq!(delivered(&folder.join("out")), expected);
    // the half ones are closed
    for mut stream in half {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let _ = stream.read_to_end(&mut Vec::new());
    }
    until("all places are free", || (node.metric("pleura_associations") == 0).then_some(()));
    // a byte now and then holds no place
    let mut slow = TcpStream::connect(("127.0.0.1", node.dicom)).unwrap();
    until("the slow one is closed", || {
        std::thread::sleep(Duration::from_millis(200));
        slow.write_all(b"\x01").err()
    });
}

#[test]
#[cfg_attr(no_dcmtk, ignore = "no dcmtk on PATH")]
fn a_full_spool_refuses_what_comes_and_finishes_what_came() {
    let (case, folder) = (case(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let images = images(folder, 6);
    let rules = rules(folder, &format!("{TO_FOLDER}[retention]\nimages = 1\nhours = 1\n"));
    let node = Node::start(&case.manifest, &folder.join("spool"), &["--rules", &rules, "--max-spool", "8kB"]);
    let sent: Vec<bool> = images.iter().map(|image| node.store(std::slice::from_ref(image)).status.success()).collect();
    assert!(sent[0] && !sent[5], "{sent:?}");
    assert!(node.said().contains("the spool is full"));
    let count = sent.iter().filter(|sent| **sent).count();
    until("what was acknowledged is answered", || {
        (folder.join("out").is_dir() && delivered(&folder.join("out")).0.len() == count).then_some(())
    });
    // and what is too large alone
    let node = Node::start(&case.manifest, &folder.join("spool2"), &["--max-object", "1kB"]);
    assert!(!node.store(&images[..1]).status.success());
    let body = fs::read(&images[0]).unwrap();
    assert_eq!(node.http("POST /predict", "Content-Type: application/dicom\r\n", &body).0, 413);
}

#[test]
fn images_over_http_are_answered_at_once() {
    let (case, folder) = (case(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let images = images(folder, 4);
    let (findings, _) = predicted(&case, folder, &images);
    let node = Node::start(&case.manifest, &folder.join("spool"), &[]);
    let predict = |kind: &str, body: &[u8]| {
        let (status, answer) = node.http("POST /predict", &format!("Content-Type: {kind}\r\n"), body);
        let answer: Value = serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"));
        (status, answer)
    };
    let read = |index: usize| fs::read(&images[index]).unwrap();
    let (status, answer) = predict("application/dicom", &read(0));
    assert_eq!((status, finding(&answer["results"][0]["finding"]).1), (200, findings["1.2.3.4.0"].clone()));
    // a study in one request
    let part = |index| [b"--b\r\nContent-Type: application/dicom\r\n\r\n".as_slice(), &read(index), b"\r\n"].concat();
    let body = [part(1), part(2), b"--b--\r\n".to_vec()].concat();
    let (status, answer) = predict("multipart/form-data; boundary=b", &body);
    let ids: Vec<&str> = answer["results"].as_array().unwrap().iter().map(|it| it["key"].as_str().unwrap()).collect();
    assert_eq!((status, ids), (200, vec!["1.2.3.4.1", "1.2.3.4.2"]));
    // a PNG in JSON, whose id is its name
    let file = png(folder, "knee", &noise(3, Size::new(8, 8)));
    let data = base64::prelude::BASE64_STANDARD.encode(fs::read(file).unwrap());
    let (status, answer) =
        predict("application/json", format!(r#"{{"images":[{{"name":"knee.png","data":"{data}"}}]}}"#).as_bytes());
    let result = &answer["results"][0];
    assert_eq!((status, &result["state"], &result["finding"]["id"]), (200, &"done".into(), &"knee".into()), "{answer}");
    let key = result["key"].as_str().unwrap();
    let again: Value = serde_json::from_str(&node.get(&format!("/results/{key}"))).unwrap();
    assert_eq!(&again, result);
    // DICOMweb
    let related = "Content-Type: multipart/related; type=\"application/dicom\"; boundary=b\r\n";
    let one = [part(3), b"--b--\r\n".to_vec()].concat();
    let (status, answer) = node.http("POST /studies/1.2.9", related, &one);
    assert_eq!((status, answer.contains("00081198")), (409, true), "{answer}");
    let (status, answer) = node.http("POST /studies/1.2.3", related, &one);
    assert_eq!((status, answer.contains("1.2.3.4.3")), (200, true), "{answer}");
    // what is no image
    for (kind, body, expected) in [
        ("text/plain", &b"text"[..], 415),
        ("image/png", b"no picture", 422),
        ("application/dicom", b"no object", 422),
        ("application/json", b"{", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n", 400),
    ] {
        let (status, answer) = predict(kind, body);
        assert_eq!(status, expected, "{kind}: {answer}");
    }
    // an image that cannot be decoded has been taken, and says why it has no finding
    let whole = fs::read(png(folder, "whole", &noise(4, Size::new(64, 64)))).unwrap();
    let (status, answer) = predict("image/png", &whole[..whole.len() / 2]);
    let result = &answer["results"][0];
    assert_eq!((status, &result["state"]), (200, &"failed".into()), "{answer}");
    assert!(result["reason"].as_str().unwrap().contains("PNG"), "{answer}");
    assert_eq!(node.http("GET /nowhere", "", b"").0, 404);
    assert_eq!(node.http("DELETE /predict", "", b"").0, 405);
    assert_eq!(node.get("/health"), r#"{"status":"ok"}"#);
}

#[test]
#[cfg_attr(no_dcmtk, ignore = "no dcmtk on PATH")]
fn only_those_who_may_send_do() {
    let (case, folder) = (case(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let images = images(folder, 1);
    let spool = folder.join("spool");
    // other machines need to be named
    for (more, expected) in [
        (vec!["--dicom", "0.0.0.0:0"], "--allow"),
        (vec!["--http", "0.0.0.0:0"], "--token-file"),
        (vec!["--dicom", "off", "--http", "off"], "nothing can be received"),
        (vec!["--title", "a name that is too long"], "AE title"),
        (vec!["--allow", "CR1"], "AE-TITLE@ADDRESS"),
    ] {
        let run =
            support::pleura().arg("serve").arg(&case.manifest).arg("--spool").arg(&spool).args(&more).assert().code(2);
        let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(said.contains(expected), "{more:?}: {said}");
    }
    let token = folder.join("token");
    fs::write(&token, "a-token-of-some-length\n").unwrap();
    let more = ["--allow", "SENDER@127.0.0.1", "--token-file", token.to_str().unwrap()];
    let node = Node::start(&case.manifest, &spool, &more);
    assert!(!store_to("OTHER", node.dicom, &images).status.success());
    let other = Command::new("storescu")
        .args(["-aet", "STRANGER", "-aec", "PLEURA", "127.0.0.1", &node.dicom.to_string()])
        .arg(&images[0])
        .output()
        .unwrap();
    assert!(!other.status.success());
    assert!(node.store(&images).status.success());
    for (path, headers, expected) in [
        ("/health", "", 200),
        ("/results", "", 401),
        ("/results", "Authorization: Bearer a-token-of-some-lengtH\r\n", 401),
        ("/results", "Authorization: Bearer a-token-of-some-length\r\n", 200),
        ("/results", "Authorization: Basic dTphLXRva2VuLW9mLXNvbWUtbGVuZ3Ro\r\n", 200),
        ("/results", "Authorization: Bearer a-token-of-some-length\r\nOrigin: http://other.example\r\n", 403),
    ] {
        assert_eq!(node.http(&format!("GET {path}"), headers, b"").0, expected, "{path} {headers}");
    }
    // without a token, a page of another site that resolves its name to this machine is refused
    let node = Node::start(&case.manifest, &folder.join("spool2"), &[]);
    assert_eq!(http(node.http, "GET /results", "Host: other.example\r\n", b"").unwrap().0, 403);
    // one spool has one node
    let run = support::pleura()
        .args(["serve", "--dicom", "127.0.0.1:0", "--http", "off", "--device", "cpu", "--spool"])
        .arg(folder.join("spool2"))
        .arg(&case.manifest)
        .assert()
        .code(2);
    assert!(String::from_utf8_lossy(&run.get_output().stderr).contains("another running node"));
}

#[test]
#[cfg_attr(no_dcmtk, ignore = "no dcmtk on PATH")]
fn results_wait_for_destinations_that_are_away() {
    let (case, folder) = (case(), tempfile::tempdir().unwrap());
    let folder = folder.path();
    let images = images(folder, 5);
    let (_, objects) = predicted(&case, folder, &images);
    let (hook, requests) = web(vec![500, 503]);
    let (stow, stows) = web(vec![409]);
    let pacs_port = port();
    let text = format!(
        "retry = {{ first_seconds = 0.3, longest_seconds = 1 }}\n\
         [destinations.pacs]\nc-store = {{ address = \"127.0.0.1:{pacs_port}\", called = \"PACS\" }}\n\
         [destinations.hook]\nwebhook = {{ url = \"http://{hook}/results\" }}\n\
         [destinations.web]\nstow = {{ url = \"http://{stow}/dicom-web/studies\" }}\n\
         [[rules]]\nsend = [\"pacs\", \"hook\", \"web\"]\n"
    );
    let node = Node::start(&case.manifest, &folder.join("spool"), &["--rules", &rules(folder, &text)]);
    assert!(node.store(&images).status.success());
    until("attempts failed", || (node.metric("pleura_delivery_failures_total") > 6).then_some(()));
    // it is killed while its results wait, and the PACS comes back
    node.kill();
    let pacs = Pacs::start(&folder.join("pacs"), pacs_port);
    let rules = folder.join("rules.toml").display().to_string();
    let node = Node::start(&case.manifest, &folder.join("spool"), &["--rules", &rules]);
    node.settled(5);
    let stored = pacs.uids();
    assert_eq!(stored.keys().cloned().collect::<BTreeSet<_>>(), objects);
    let mut keys = BTreeMap::<String, usize>::new();
    for (head, body) in requests.try_iter() {
        let key = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("idempotency-key: ").map(str::to_owned));
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["key"].as_str(), key.as_deref());
        *keys.entry(key.unwrap()).or_default() += 1;
    }
    assert_eq!((keys.len(), keys.values().sum::<usize>() >= 7), (5, true), "{keys:?}");
    assert!(stows.try_iter().all(|(head, _)| head.contains("multipart/related")));
    // what is too old is kept aside
    let late = format!(
        "retry = {{ first_seconds = 0.1, hours = 0.00001 }}\n[destinations.hook]\n\
         webhook = {{ url = \"http://127.0.0.1:{}/\" }}\n[[rules]]\nsend = [\"hook\"]\n",
        port()
    );
    let path = folder.join("late.toml");
    fs::write(&path, late).unwrap();
    let node = Node::start(&case.manifest, &folder.join("spool3"), &["--rules", path.to_str().unwrap()]);
    assert!(node.store(&images[..1]).status.success());
    node.settled(1);
    assert_eq!(node.metric("pleura_deliveries{state=\"dead\"}"), 1);
    let dead = fs::read_dir(folder.join("spool3/dead")).unwrap().next().unwrap().unwrap().path();
    assert!(
        dead.join("1.2.3.4.0.json").is_file() && fs::read_to_string(dead.join("README.txt")).unwrap().contains("hook")
    );
}

#[test]
fn rules_that_cannot_hold_are_named_before_anything_is_received() {
    let toml = format!("{POST}\n{}", member("segmenter", "s", ""));
    let (case, folder) = (Case::new(&[("s", Toy::default())], &toml), tempfile::tempdir().unwrap());
    for (text, expected) in [
        ("[[rules]]\nsend = [\"x\"]\n", "expected a destination"),
        ("rule = 1\n", "unknown field `rule`"),
        (
            "[destinations.pacs]\nc-store = { address = \"127.0.0.1:1\", called = \"PACS\" }\n[[rules]]\nsend = [\"pacs\"]\n",
            "does not say what its masks mean",
        ),
    ] {
        let rules = rules(folder.path(), text);
        let run = support::pleura()
            .args(["serve", "--dicom", "127.0.0.1:0", "--http", "off", "--device", "cpu", "--rules", &rules, "--spool"])
            .arg(folder.path().join("spool"))
            .arg(&case.manifest)
            .assert()
            .code(2);
        let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
        assert!(said.contains(expected), "{said}");
    }
}
