//! `isolation = "process"`: what a plugin does to its process stays there.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use pleura::manifest::Isolation;
use pleura::plugin::Plugin;

use crate::{above_half, build, context, error, map, open, step};

#[test]
fn a_segfault_costs_one_image_and_the_next_gets_a_fresh_child() {
    let plugin = open("segfaults", Isolation::Process).unwrap();
    let apply = |image| plugin.postprocess(&context(image), map().view(), None);
    for _ in 0..2 {
        assert_eq!(apply("before").unwrap(), above_half());
        let text = error(apply("crash"));
        assert_eq!(text, "plugin `segfaults` (postprocess): its process was killed by SIGSEGV, a segmentation fault");
        assert_eq!(apply("after").unwrap(), above_half());
    }
}

#[test]
fn without_isolation_a_segfault_ends_the_run() {
    // The manual says so; a child of our own shows it, by making the same call in its own process.
    if std::env::var_os("PLEURA_TEST_CRASH").is_some() {
        let plugin = open("segfaults", Isolation::None).unwrap();
        let _ = plugin.postprocess(&context("crash"), map().view(), None);
        return;
    }
    let test = "isolated::without_isolation_a_segfault_ends_the_run";
    let mut again = Command::new(std::env::current_exe().unwrap());
    let output = again.args(["--exact", test]).env("PLEURA_TEST_CRASH", "1").output().unwrap();
    assert_eq!(output.status.signal(), Some(libc::SIGSEGV));
}

#[test]
fn a_crash_while_loading_is_an_error() {
    let text = error(open("segfaults_at_load", Isolation::Process));
    let says = "fails to load in its child process: its process was killed by SIGSEGV, a segmentation fault";
    assert!(text.contains(says), "{text}");
}

#[test]
fn a_plugin_that_ends_its_process_is_an_error() {
    let plugin = open("quits", Isolation::Process).unwrap();
    for _ in 0..2 {
        let text = error(plugin.postprocess(&context("a"), map().view(), None));
        assert_eq!(text, "plugin `quits` (postprocess): its process ended by itself (exit status: 3)");
    }
}

#[test]
fn a_plugin_that_prints_and_reads_does_not_disturb_the_pipe() {
    let plugin = open("prints", Isolation::Process).unwrap();
    for _ in 0..3 {
        assert_eq!(plugin.postprocess(&context("a"), map().view(), None).unwrap(), above_half());
    }
}

#[test]
fn threads_do_not_wait_for_each_other_or_mix_their_images_up() {
    let plugin = open("segfaults", Isolation::Process).unwrap();
    thread::scope(|scope| {
        for number in 0..4_u8 {
            let plugin = &plugin;
            scope.spawn(move || {
                for _ in 0..20 {
                    let shifted = map().mapv(|p| p + f32::from(number) / 10.0);
                    let mask = plugin.postprocess(&context("a"), shifted.view(), None).unwrap();
                    assert_eq!(mask, shifted.mapv(|p| p > 0.5).into());
                }
            });
        }
        assert!(plugin.postprocess(&context("crash"), map().view(), None).is_err());
    });
}

/// Opens a copy of a fixture, in a child process that can be told from all others by the library's path.
#[cfg(target_os = "linux")]
fn open_alone(fixture: &str, folder: &Path) -> (Plugin, String) {
    let library = folder.join(fixture);
    std::fs::copy(build::fixtures().join(fixture), &library).unwrap();
    let library = library.to_str().unwrap().to_owned();
    (Plugin::open(&step(&library, "{}", Isolation::Process), folder).unwrap(), library)
}

#[cfg(target_os = "linux")]
#[test]
fn an_idle_child_ends_at_once_with_its_plugin() {
    let folder = tempfile::tempdir().unwrap();
    let (plugin, library) = open_alone("libgood.so", folder.path());
    assert!(plugin.postprocess(&context("a"), map().view(), None).is_ok());
    assert_eq!(processes_with(&library), 1);
    let start = Instant::now();
    drop(plugin);
    assert_eq!(processes_with(&library), 0);
    assert!(start.elapsed() < Duration::from_millis(1900), "it had to be killed: {:?}", start.elapsed());
}

#[cfg(target_os = "linux")]
#[test]
fn a_child_that_died_while_idle_is_no_fault_of_the_next_image() {
    let folder = tempfile::tempdir().unwrap();
    let (plugin, library) = open_alone("libdies_later.so", folder.path());
    for image in ["a", "b"] {
        assert_eq!(plugin.postprocess(&context(image), map().view(), None).unwrap(), above_half());
        let deadline = Instant::now() + Duration::from_secs(20);
        while processes_with(&library) > 0 {
            assert!(Instant::now() < deadline, "the child should have died by now");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// How many processes have that text among their arguments.
#[cfg(target_os = "linux")]
fn processes_with(argument: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    arguments.filter(|line| line.split(|&byte| byte == 0).any(|part| part == argument.as_bytes())).count()
}

/// A worker that is no worker: garbage on the pipe is an error, and so is nothing at all.
#[test]
fn a_program_that_is_no_worker_is_an_error() {
    if let Some(library) = std::env::var_os("PLEURA_TEST_LIBRARY") {
        let step = step(library.to_str().unwrap(), "{}", Isolation::Process);
        println!("says: {}", error(Plugin::open(&step, build::root())));
        return;
    }
    let test = "isolated::a_program_that_is_no_worker_is_an_error";
    let library = build::fixtures().join("libgood.so");
    let says = |worker: &str| {
        build::run(
            Command::new(std::env::current_exe().unwrap())
                .args(["--exact", test, "--nocapture"])
                .env("PLEURA_TEST_LIBRARY", &library)
                .env("PLEURA_WORKER", worker),
        )
    };
    assert!(says("/bin/echo").contains("its process sent a broken reply: it does not begin as a frame does"));
    assert!(says("/bin/false").contains("its process ended by itself (exit status: 1)"));
    assert!(says("/no/such/program").contains("its process (`/no/such/program`) does not start: "));
}
