//! Terminal output: help, version, colours, progress, and text from files.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Output, Stdio};

use pleura::Size;
use support::toy::{Toy, noise, png};

fn pleura(words: &str) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_pleura"));
    command.args(words.split_whitespace()).env_remove("NO_COLOR");
    command
}

fn texts(output: &Output) -> (String, String) {
    let [out, error] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8(bytes.clone()).unwrap());
    (out, error)
}

/// Standard output of a successful run.
fn out(words: &str) -> String {
    texts(pleura(words).assert().success().get_output()).0
}

/// An ensemble of one network, eight images, and an invalid file.
fn bench() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    Toy::default().write(&folder.path().join("toy.onnx"));
    let manifest = "schema = 1\nname = \"toy\"\npostprocess = [{ plugin = \"threshold\", params = { above = 0.5 } }]\n\
                    [[segmenter.members]]\nname = \"itself\"\nmodel = \"toy.onnx\"\n\
                    input = { name = \"image\", size = [8, 8], channels = 1 }\n\
                    map = { output = \"map\", values = \"probabilities\" }\n";
    fs::write(folder.path().join("toy.toml"), manifest).unwrap();
    fs::create_dir(folder.path().join("images")).unwrap();
    for number in 0..8 {
        png(&folder.path().join("images"), &format!("image{number}"), &noise(number, Size::new(8, 8)));
    }
    folder
}

fn predict(folder: &Path, more: &str) -> Output {
    let mut command = support::pleura();
    command.current_dir(folder).args(["predict", "toy.toml", "images", "--device", "cpu", "--out", "out.csv"]);
    command.args(more.split_whitespace()).output().unwrap()
}

#[test]
fn the_version_tells_the_commit_and_what_the_program_works_with() {
    let long = out("--version");
    let lines: Vec<&str> = long.lines().collect();
    assert_eq!(lines[0], format!("pleura {}", env!("CARGO_PKG_VERSION")));
    let commit = lines[1].strip_prefix("commit        ").unwrap();
    let is_commit = commit.trim_end_matches('+').bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(commit == "unknown" || option_env!("PLEURA_COMMIT") == Some(commit) || is_commit, "{long}");
    assert_eq!(lines[2], "plugin ABI    1.1");
    assert!(lines[3].starts_with("ONNX Runtime  ") && lines[3].ends_with(" or newer is needed"), "{long}");
    assert_eq!(out("-V"), format!("pleura {} ({commit})\n", env!("CARGO_PKG_VERSION")));
    let missing = pleura("--version").env("ORT_DYLIB_PATH", "/nowhere.so").assert().success();
    assert!(texts(missing.get_output()).0.contains("no ONNX Runtime at `/nowhere.so`"));
}

#[test]
fn colours_are_asked_for_forbidden_or_left_to_the_terminal() {
    const ESCAPE: char = '\u{1b}';
    for (words, coloured) in [
        ("predict --help", false),
        ("predict --help --color always", true),
        ("predict --help --color=never", false),
        ("--color always no-such-verb", true),
        ("no-such-verb", false),
        ("score a.csv b.csv --color always", true),
        ("score a.csv b.csv", false),
    ] {
        let output = pleura(words).output().unwrap();
        let (out, error) = texts(&output);
        assert_eq!(format!("{out}{error}").contains(ESCAPE), coloured, "{words}: {out}{error}");
    }
    let forced = pleura("score a.csv b.csv --color always").env("NO_COLOR", "1").output().unwrap();
    assert!(texts(&forced).1.contains(ESCAPE), "what is asked for comes before the environment");
    assert_eq!(pleura("score a b --color green").output().unwrap().status.code(), Some(2));
}

#[test]
fn quiet_leaves_results_warnings_and_errors() {
    let folder = bench();
    fs::write(folder.path().join("images/broken.png"), "no picture").unwrap();
    let (_, error) = texts(&predict(folder.path(), ""));
    assert!(error.contains("\ndevice: ") || error.starts_with("device: "), "{error}");
    let output = predict(folder.path(), "--quiet");
    let (out, error) = texts(&output);
    assert_eq!((output.status.code(), out.as_str()), (Some(1), "out.csv\n"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("warning: skipped `images/broken.png`: it is not a "), "{error}");
    assert_eq!(predict(folder.path(), "--quiet -v").status.code(), Some(2));
}

#[test]
fn thousands_of_skipped_files_are_counted_and_listed_in_the_receipt() {
    let folder = bench();
    for number in 0..50 {
        fs::write(folder.path().join(format!("images/broken{number:02}.png")), "no picture").unwrap();
    }
    let (_, error) = texts(&predict(folder.path(), ""));
    assert_eq!(error.matches("warning: skipped `").count(), 20, "{error}");
    let rest =
        "warning: 30 more skipped files are not shown: all are listed with `-v`, and in `out.receipt.json` at the end";
    assert!(error.contains(rest), "{error}");
    let receipt = fs::read_to_string(folder.path().join("out.receipt.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_str(&receipt).unwrap();
    assert_eq!(receipt["skipped"].as_array().unwrap().len(), 50);
    assert_eq!(receipt["skipped"][0]["file"], "images/broken00.png");
    assert!(receipt["skipped"][0]["reason"].as_str().unwrap().starts_with("it is not a "), "{receipt}");
    let (_, error) = texts(&predict(folder.path(), "-v"));
    assert_eq!(error.matches("warning: skipped `").count(), 50);
}

#[test]
fn progress_is_a_line_now_and_then_where_there_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = support::discs::training(folder.path(), 4000);
    support::runtime();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_pleura"));
    command.args(["train", "--device", "cpu", "--out"]).arg(folder.path().join("out")).arg(&recipe);
    command.env("PLEURA_PROGRESS", "1").stderr(Stdio::piped()).stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    // a finished epoch has its own line, `fold 1 phase 1`
    let found = lines.map(Result::unwrap).find(|line| line.starts_with("fold 1/2 phase 1/1 epoch "));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(found.is_some(), "no line of progress");
}

#[test]
fn an_interval_of_progress_that_is_no_number_is_named_once() {
    let folder = tempfile::tempdir().unwrap();
    let images = folder.path().join("images");
    fs::create_dir(&images).unwrap();
    for name in ["a", "b"] {
        png(&images, name, &noise(1, Size::new(8, 8)));
    }
    let mut command = pleura("data convert images --out");
    let output = command.arg(folder.path().join("out")).arg(&images).env("PLEURA_PROGRESS", "soon").output();
    let (_, error) = texts(&output.unwrap());
    let says = "warning: PLEURA_PROGRESS is `soon`, expected a number of seconds; using 60";
    assert_eq!(error.matches(says).count(), 1, "{error}");
}

#[test]
#[cfg_attr(no_cases, ignore = "no cases: set PLEURA_CASES")]
fn what_a_file_says_does_not_steer_the_terminal() {
    let cases = support::cases("files");
    let folder = tempfile::tempdir().unwrap();
    let file = cases.join("escape_tags.dcm");
    let mut command = pleura("data inspect --out");
    let output = command.arg(folder.path().join("out")).arg(&file).output().unwrap();
    let (out, error) = texts(&output);
    // its id cannot be a mask's file name, which is reported
    assert!(output.status.code() == Some(1) && error.contains(r"\u{1b}[2J"), "{error}");
    assert!(out.contains(r"\u001b[2J\u001b]0;pwn\u0007"), "{out}");
    let steers = |text: &str| text.chars().any(|c| c.is_control() && c != '\n');
    assert!(!steers(&out) && !steers(&error), "{out}{error}");
    // a table is for programs, which get the file's exact text
    let table = fs::read_to_string(folder.path().join("out/tags.csv")).unwrap();
    assert!(table.contains("\u{1b}[2J\u{1b}]0;pwn\u{7}"), "{table}");
}

#[test]
fn arguments_in_each_other_s_place_are_told_with_the_next_step() {
    let folder = bench();
    fs::create_dir(folder.path().join("training")).unwrap();
    let recipe = support::discs::training(&folder.path().join("training"), 1);
    let refused = |words: &str| {
        let output = pleura(words).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{words}");
        texts(&output).1
    };
    let error = refused("predict images/image0.png toy.toml --out out.csv");
    assert_eq!(
        error,
        "error: ENSEMBLE: expected an ensemble's manifest, found a PNG file, `images/image0.png`; INPUTS `toy.toml` is \
         one: swap the two\n"
    );
    let error = refused("explain images/image0.png toy.toml");
    assert!(error.contains("IMAGE `toy.toml` is one: swap the two"), "{error}");
    let recipe = recipe.strip_prefix(folder.path()).unwrap().display().to_string();
    let error = refused(&format!("check {recipe}"));
    assert!(error.contains(&format!("found a training's recipe, `{recipe}`; run `pleura train {recipe}`")), "{error}");
    let error = refused("train toy.toml");
    assert!(
        error.contains(
            "expected a training's recipe, found an ensemble's manifest, `toy.toml`; run it with `pleura predict`"
        ),
        "{error}"
    );
    let error = refused("score toy.toml toy.toml");
    assert!(error.contains("SUBMISSION: expected a CSV, found an ensemble's manifest"), "{error}");
}

#[test]
fn shells_and_man_read_what_is_written_for_them() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = out(&format!("completions {shell}"));
        assert!(script.contains("pleura") && script.contains("submission") && script.len() > 4000, "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let words = format!("man {}", folder.path().join("man1").display());
    pleura(&words).assert().success();
    let mut pages: Vec<_> = fs::read_dir(folder.path().join("man1")).unwrap().map(|it| it.unwrap().path()).collect();
    pages.sort();
    let names: Vec<_> = pages.iter().map(|page| page.file_name().unwrap().to_str().unwrap()).collect();
    for name in ["pleura.1", "pleura-predict.1", "pleura-data-convert-rle.1", "pleura-man.1"] {
        assert!(names.contains(&name), "no {name} in {names:?}");
    }
    assert!(!names.iter().any(|name| name.contains("worker") || name.contains("help")), "{names:?}");
    let page = fs::read_to_string(folder.path().join("man1/pleura-predict.1")).unwrap();
    assert!(page.contains(".SH SYNOPSIS") && page.contains("pleura predict ensemble.toml images"), "{page}");
    assert_eq!(out("man"), fs::read_to_string(folder.path().join("man1/pleura.1")).unwrap());
    // bash accepts the script
    let script = folder.path().join("pleura.bash");
    fs::write(&script, out("completions bash")).unwrap();
    let bash = std::process::Command::new("bash").arg("-n").arg(&script).status();
    assert!(bash.is_err() || bash.is_ok_and(|status| status.success()), "bash refuses the script");
}

#[test]
fn an_error_names_no_temporary_file() {
    let folder = bench();
    let truth = "ImageId,EncodedPixels\na,-1\n";
    fs::write(folder.path().join("truth.csv"), truth).unwrap();
    let mut command = pleura("score truth.csv truth.csv --per-image no/such/folder/images.csv");
    let (_, error) = texts(command.current_dir(folder.path()).assert().code(2).get_output());
    assert!(error.contains("cannot write `no/such/folder/images.csv`: "), "{error}");
    assert!(!error.contains(".pleura-") && !error.contains(".part") && !error.contains("at path"), "{error}");
}
