//! `isolation = "process"`: a plugin's damage to its process is contained.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use pleura::manifest::Isolation;
use pleura::plugin::{Plugin, PluginOptions};

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
    // As documented; shown in a child process of this test, by the same call in its own process.
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
    let ends = [
        ("a", "exited (exit status: 3)"),
        ("exit-0", "exited (exit status: 0)"),
        ("quick-exit-0", "exited (exit status: 0)"),
        ("thread", "exited (exit status: 0)"),
        ("abort", "was killed by SIGABRT, an abort"),
    ];
    for (image, says) in ends {
        let text = error(plugin.postprocess(&context(image), map().view(), None));
        assert_eq!(text, format!("plugin `quits` (postprocess): its process {says}"));
        assert_eq!(plugin.postprocess(&context("after"), map().view(), None).unwrap(), above_half());
    }
    let text = error(open("quits_at_load", Isolation::Process));
    assert!(text.contains("fails to load in its child process: its process exited (exit status: 0)"), "{text}");
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

/// Opens a copy of a fixture in a child process, recognizable by the library's path.
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
        // A killed process lets go of its arguments first and can be waited for only later.
        while processes_with(&library) > 0 || dying_children() > 0 {
            assert!(Instant::now() < deadline, "the child should have died by now");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The number of processes with this text among their arguments.
#[cfg(target_os = "linux")]
fn processes_with(argument: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let arguments = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    arguments.filter(|line| line.split(|&byte| byte == 0).any(|part| part == argument.as_bytes())).count()
}

/// The number of this process's children that have no arguments any more, but are not yet zombies.
#[cfg(target_os = "linux")]
fn dying_children() -> usize {
    let own = std::process::id().to_string();
    let dying = |folder: &Path| {
        let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
        // After the program's name in parentheses: the state, then the parent.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        let (state, parent) = (fields.next()?, fields.next()?);
        let arguments = std::fs::read(folder.join("cmdline")).ok()?;
        Some(parent == own && state != "Z" && arguments.is_empty())
    };
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes.filter(|process| dying(&process.path()) == Some(true)).count()
}

/// A program other than a worker: garbage on the pipe is an error, and so is no output.
#[test]
fn a_program_that_is_no_worker_is_an_error() {
    if let Some(library) = std::env::var_os("PLEURA_TEST_LIBRARY") {
        let step = step(library.to_str().unwrap(), "{}", Isolation::Process);
        let worker = std::env::var_os("PLEURA_TEST_WORKER").map(Into::into);
        let opened = Plugin::open_with(&step, build::root(), &PluginOptions { worker, ..PluginOptions::default() });
        match std::env::var_os("PLEURA_TEST_OPENS") {
            Some(_) => println!("it opens: {}", opened.unwrap().name()),
            None => println!("says: {}", error(opened)),
        }
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
    let no_worker = "is not the plugin worker of this version of pleura: it";
    let next = "; set PLEURA_WORKER to the `pleura` program";
    assert!(
        says("/bin/echo")
            .contains(&format!("{no_worker} sent an unknown greeting: expected the start of a frame{next}"))
    );
    assert!(says("/bin/false").contains(&format!("{no_worker} exited (exit status: 1){next}")));
    assert!(says("/no/such/program").contains("its process (`/no/such/program`) does not start: "));
}

/// A program that uses the library, is not a worker, and has its own name.
fn another_program(name: &str, folder: &Path) -> Command {
    let program = folder.join(name);
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut command = Command::new(program);
    let test = "isolated::a_program_that_is_no_worker_is_an_error";
    command.args(["--exact", test, "--nocapture"]).env("PLEURA_TEST_LIBRARY", build::fixtures().join("libgood.so"));
    command.env_remove("PLEURA_WORKER");
    command
}

#[test]
fn another_program_called_pleura_is_not_taken_for_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    // The folder has no other program.
    let mut command = another_program("pleura", folder.path());
    let says = build::run(command.env("PATH", folder.path()));
    assert!(says.contains("cannot run in a child process: no `pleura` program beside `"), "{says}");
    assert!(says.contains("set PLEURA_WORKER to one"), "{says}");
    // The variable takes precedence.
    let mut command = another_program("pleura", folder.path());
    let says = build::run(command.env("PLEURA_WORKER", env!("CARGO_BIN_EXE_pleura")).env("PLEURA_TEST_OPENS", "1"));
    assert!(says.contains("it opens"), "{says}");
}

#[test]
fn a_program_that_opens_the_plugin_again_is_started_once() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let starts = folder.path().join("starts");
    // With any arguments it does the same again: it opens the plugin in a child process.
    let script = folder.path().join("again");
    let test = "isolated::a_program_that_is_no_worker_is_an_error";
    let exe = std::env::current_exe().unwrap();
    let text = format!(
        "#!/bin/sh\necho start >> '{}'\nexec '{}' --exact {test} --nocapture >&2\n",
        starts.display(),
        exe.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    // with the variable, and with the option
    for named in ["PLEURA_WORKER", "PLEURA_TEST_WORKER"] {
        let mut command = another_program("other", folder.path());
        let output = command.env(named, &script).output().unwrap();
        let (says, within) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(says.contains("is not the plugin worker of this version of pleura"), "{says}");
        assert!(within.contains("which is such a child itself: set PLEURA_WORKER to the `pleura` program"), "{within}");
        assert_eq!(std::fs::read_to_string(&starts).unwrap().lines().count(), 1, "{says}\n{within}");
        std::fs::remove_file(&starts).unwrap();
    }
}
