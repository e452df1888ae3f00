//! Machines with too few threads or too little memory: a run reports it and ends, and its finished images are kept.
#![cfg(target_os = "linux")]

mod support;

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use pleura::Size;
use support::case::{Case, POST, member, score};
use support::toy::{Toy, noise, png};

const MIB: u64 = 1 << 20;
/// Time limit for a run, to detect a hang; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(240);

/// How a run ended.
struct Ended {
    code: Option<i32>,
    stderr: String,
    csv: String,
}

/// An ensemble of two stages whose maps have the image's size, and small images with one of 3000 × 3000.
fn ensemble() -> (Case, Vec<PathBuf>) {
    let toml = format!(
        "{POST}\n[classifier]\ngate = {{ kind = \"score\", above = 0.01 }}\n{}{}",
        member("classifier", "c", score()),
        member("segmenter", "s", "")
    );
    let case = Case::new(&[("c", Toy::default()), ("s", Toy::default())], &toml);
    let mut images: Vec<PathBuf> =
        (0..4).map(|seed| png(case.folder.path(), &format!("a-{seed}"), &noise(seed, Size::new(8, 8)))).collect();
    images.push(png(case.folder.path(), "b-large", &noise(9, Size::new(3000, 3000))));
    images.push(png(case.folder.path(), "c-last", &noise(7, Size::new(8, 8))));
    (case, images)
}

/// Runs `pleura predict` with limits on the address space, and on each thread's stack, in bytes.
fn predict(case: &Case, images: &[PathBuf], out: &Path, options: &[&str], space: Option<u64>, stack: u64) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
    command.args(["predict", "--device", "cpu", "--threads", "2"]).args(options);
    command.arg(&case.manifest).args(images).arg("--out").arg(out);
    command.env("RUST_MIN_STACK", stack.to_string()).env("RUST_BACKTRACE", "1").env_remove("RUST_LIB_BACKTRACE");
    let log = out.with_extension("stderr");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(&log).unwrap());
    if let Some(bytes) = space {
        let limit = libc::rlimit { rlim_cur: bytes, rlim_max: bytes };
        // SAFETY: one system call between fork and exec.
        unsafe {
            command.pre_exec(move || match libc::setrlimit(libc::RLIMIT_AS, &raw const limit) {
                0 => Ok(()),
                _ => Err(std::io::Error::last_os_error()),
            });
        }
    }
    let mut child = command.spawn().unwrap();
    let forever = || format!("with {space:?} bytes it waits for ever: {}", fs::read_to_string(&log).unwrap());
    let status = support::wait(&mut child, PATIENCE, forever);
    let stderr = fs::read_to_string(&log).unwrap();
    Ended { code: status.code(), stderr, csv: fs::read_to_string(out).unwrap_or_default() }
}

/// A run under a limit ends with a code and a line; continued without it, it gives the same bytes as a run without
/// limits.
fn survives(case: &Case, images: &[PathBuf], whole: &str, space: u64, stack: u64) -> Option<i32> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out.csv");
    let ended = predict(case, images, &out, &[], Some(space), stack);
    let (code, stderr) = (ended.code, &ended.stderr);
    let at = format!("{} MiB, stacks of {} MiB: {code:?}: {stderr}", space / MIB, stack / MIB);
    match code {
        Some(0) => assert_eq!(ended.csv, whole, "{at}"),
        Some(1) => {
            let (kept, lost): (Vec<&str>, Vec<&str>) =
                whole.lines().partition(|row| ended.csv.lines().any(|r| r == *row));
            assert_eq!(ended.csv.lines().collect::<Vec<_>>(), kept, "{at}");
            for row in lost {
                let (id, _) = row.split_once(',').unwrap();
                let named = |line: &str| line.contains("skipped `") && line.contains(&format!("{id}.png"));
                assert!(stderr.lines().any(named), "{id}: {at}");
            }
        }
        Some(2 | 75) => {
            assert!(stderr.lines().any(|line| line.starts_with("error")), "{at}");
            assert_eq!(ended.csv, "", "{at}");
            let resumed = predict(case, images, &out, &["--resume"], None, 2 * MIB);
            assert_eq!((resumed.code, resumed.csv.as_str()), (Some(0), whole), "{at}\n{}", resumed.stderr);
        }
        _ => panic!("{at}"),
    }
    code
}

#[test]
fn memory_that_is_not_there_ends_the_image_or_the_run_with_a_line() {
    let (case, images) = ensemble();
    let out = case.folder.path().join("whole.csv");
    let whole = predict(&case, &images, &out, &[], None, 2 * MIB);
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    let steps = [160, 200, 250, 300, 360, 450, 600, 900, 1600];
    let survives = |mib| survives(&case, &images, &whole.csv, mib * MIB, 2 * MIB);
    let codes: Vec<_> = steps.into_iter().map(survives).collect();
    assert!(codes.contains(&Some(0)), "some limit is enough: {codes:?}");
    assert!(codes.iter().any(|code| *code != Some(0)), "and some is not: {codes:?}");
}

#[test]
fn threads_that_cannot_be_started_end_the_run_with_a_line() {
    const STACK: u64 = 2048 * MIB;
    let (case, mut images) = ensemble();
    images.remove(4);
    let out = case.folder.path().join("whole.csv");
    let whole = predict(&case, &images, &out, &[], None, 2 * MIB);
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    // Room for one more thread each time: for the pools, then for the reader, the lanes and the finisher.
    let codes: Vec<_> = (1..=12).map(|threads| survives(&case, &images, &whole.csv, threads * STACK, STACK)).collect();
    assert_eq!(codes.first(), Some(&Some(75)), "{codes:?}");
    assert_eq!(codes.last(), Some(&Some(0)), "{codes:?}");
}
