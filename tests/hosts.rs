//! The engine in other programs: it waits for none of their threads, and an image's fault does not spread.

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use pleura::ensemble::{Ensemble, Finding, Form, ImageError};
use pleura::runtime::Device;
use pleura::{Radiograph, Size};
use rayon::ThreadPoolBuilder;
use rayon::prelude::*;

use support::case::Case;
use support::toy::{noise, png};

/// Time limit for a program, to detect a hang; the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(240);
const IMAGES: u32 = 24;

/// Files of noise, in order.
fn images(folder: &Path) -> Vec<PathBuf> {
    (0..IMAGES).map(|seed| png(folder, &format!("image-{seed:02}"), &noise(seed, Size::new(8, 8)))).collect()
}

/// The findings of files, in their order.
fn run(ensemble: &Ensemble, files: &[PathBuf]) -> Vec<Finding> {
    let mut found = Vec::new();
    let each = |_: &Path, finding: Result<Finding, ImageError>, _: Option<&Radiograph>| {
        found.push(finding.unwrap());
        Ok::<(), ()>(())
    };
    ensemble.predict_files(files, each).unwrap();
    found
}

fn open(radiographs: &[PathBuf]) -> Vec<Radiograph> {
    radiographs.iter().map(|path| Radiograph::open(path).unwrap()).collect()
}

/// Calls of the engine that would deadlock if it used its caller's threads.
fn calls(threads: usize) {
    let (case, _) = Case::two_stages(support::case::POST);
    let (one, other) = (case.open(None), case.open(None));
    let files = images(case.folder.path());
    let expected = run(&one, &files);
    let radiographs = open(&files);
    let chunks = |ensemble: &Ensemble| -> Vec<Finding> {
        files.par_chunks(6).flat_map_iter(|chunk| run(ensemble, chunk)).collect()
    };
    assert_eq!(chunks(&one), expected, "from the global pool");

    let own = ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
    assert_eq!(own.install(|| chunks(&one)), expected, "from a pool of the caller's");
    assert_eq!(own.install(|| run(&one, &files)), expected, "from one worker of it");

    let (a, b) = rayon::join(|| chunks(&one), || chunks(&other));
    assert!(a == expected && b == expected, "two engines side by side");

    let singly: Vec<Finding> = radiographs.par_iter().map(|radiograph| one.predict(radiograph).unwrap()).collect();
    assert_eq!(singly, expected, "one by one from the global pool");
    let explained = radiographs.par_iter().map(|radiograph| one.explain(radiograph).unwrap().finding);
    let decided: Vec<_> = explained.map(|finding| finding.decision).collect();
    assert_eq!(decided, expected.iter().map(|finding| finding.decision).collect::<Vec<_>>());

    // A worker that waits for the engine must not start another item: here it would wait for its own lock.
    let locked = Mutex::new(0);
    radiographs.par_iter().for_each(|radiograph| {
        let mut count = locked.lock().unwrap();
        *count += usize::from(one.predict(radiograph).is_ok());
    });
    assert_eq!(locked.into_inner().unwrap(), files.len());

    let within = || {
        let mut inner = Vec::new();
        let each = |path: &Path, _: Result<Finding, ImageError>, _: Option<&Radiograph>| {
            let mine = [path.to_owned()];
            inner.extend(own.install(|| run(&other, &mine)));
            inner.par_iter().for_each(|finding| assert!(!finding.id.is_empty()));
            Ok::<(), ()>(())
        };
        one.predict_files(&files, each).unwrap();
        inner
    };
    assert_eq!(within(), expected, "from within a run");
    assert_eq!(own.install(within), expected, "from within a run, in a pool");

    thread::scope(|scope| {
        let running: Vec<_> = (0..8).map(|_| scope.spawn(|| own.install(|| chunks(&one)))).collect();
        running.into_iter().for_each(|thread| assert_eq!(thread.join().unwrap(), expected, "from eight threads"));
    });
}

/// Runs a test of this file again in its own process, with a time limit.
fn again(test: &str, threads: usize) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env("PLEURA_TEST_THREADS", threads.to_string())
        .env("RAYON_NUM_THREADS", threads.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let forever = || format!("with {threads} threads, `{test}` waits for ever");
    let status = support::wait(&mut child, PATIENCE, forever);
    assert!(status.success(), "with {threads} threads: {status}");
}

#[test]
fn the_engine_waits_for_no_pool_of_its_callers() {
    match std::env::var("PLEURA_TEST_THREADS") {
        Ok(threads) => calls(threads.parse().unwrap()),
        Err(_) => {
            [1, 2, 4].into_iter().for_each(|threads| again("the_engine_waits_for_no_pool_of_its_callers", threads))
        }
    }
}

/// A logger that panics: it stands for any panic in a lane between an image's decoding and its mask.
struct Panics;

impl tracing::Subscriber for Panics {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("pleura::ensemble::member::cache")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        panic!("the logger panicked at line {}", event.metadata().line().unwrap_or(0));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

fn a_panic_in_a_lane() {
    let (case, _) = Case::two_stages(support::case::POST);
    let files = images(case.folder.path());
    let cache = case.folder.path().join("cache");
    let options = || Ensemble::options().device(Device::Cpu).cache(&cache, Form::Exact);
    let expected = run(&options().open(&case.manifest).unwrap(), &files);
    // One entry is damaged, which the lane logs.
    let entry = walkdir::WalkDir::new(&cache).sort_by_file_name().into_iter().flatten();
    let entry = entry.into_iter().find(|entry| entry.path().extension().is_some_and(|e| e == "answer")).unwrap();
    let bytes = std::fs::read(entry.path()).unwrap();
    std::fs::write(entry.path(), &bytes[..bytes.len() - 1]).unwrap();
    tracing::subscriber::set_global_default(Panics).unwrap();
    let ensemble = options().open(&case.manifest).unwrap();
    let mut failed = Vec::new();
    let mut place = 0;
    let each = |path: &Path, finding: Result<Finding, ImageError>, _: Option<&Radiograph>| {
        match finding {
            Ok(finding) => assert_eq!(finding, expected[place]),
            Err(error) => failed.push((path.to_owned(), error.to_string())),
        }
        place += 1;
        Ok::<(), ()>(())
    };
    ensemble.predict_files(&files, each).unwrap();
    assert_eq!((place, failed.len()), (files.len(), 1), "{failed:?}");
    assert!(failed[0].1.contains("the engine panicked: the logger panicked at line"), "{failed:?}");
    let image = Radiograph::open(&failed[0].0).unwrap();
    assert!(matches!(ensemble.predict(&image), Err(ImageError::Panic { .. })));
}

#[test]
fn a_panic_costs_the_image_and_the_run_goes_on() {
    match std::env::var_os("PLEURA_TEST_THREADS") {
        Some(_) => a_panic_in_a_lane(),
        None => again("a_panic_costs_the_image_and_the_run_goes_on", 2),
    }
}
