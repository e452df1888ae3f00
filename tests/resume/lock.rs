//! One run per output at a time, and no other files touched.

use super::*;

#[test]
fn two_runs_on_one_output_the_second_waits_for_another_time() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    let mut first = bench.start("out", &[]);
    bench.wait_for("out", 1, &mut first);
    // a stopped process keeps its output locked while the others run
    support::signal(&first, libc::SIGSTOP);
    for more in [&[][..], &["--resume"]] {
        let second = bench.predict("out", more);
        assert_eq!(second.status.code(), Some(75), "{}", said(&second));
        assert!(said(&second).contains("another run is writing `"), "{}", said(&second));
    }
    support::signal(&first, libc::SIGCONT);
    assert!(first.wait().unwrap().success());
    assert!(bench.outputs("out") == whole && !bench.journal("out").exists());
    // A file without a lock on it does not stop a run.
    let lock = File::create(bench.journal("out")).unwrap();
    lock.lock().unwrap();
    assert_eq!(bench.predict("out", &[]).status.code(), Some(75));
    drop(lock);
    assert!(bench.predict("out", &[]).status.success());
}

#[test]
fn an_output_that_is_a_link_stays_one() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    fs::create_dir(bench.at("real")).unwrap();
    fs::write(bench.at("real/file.csv"), "old").unwrap();
    std::os::unix::fs::symlink("real/file.csv", bench.at("out.csv")).unwrap();
    // The lock belongs to the file, whatever its name.
    let lock = File::create(bench.at("real/file.csv.journal")).unwrap();
    lock.lock().unwrap();
    assert_eq!(bench.predict("out", &[]).status.code(), Some(75));
    drop(lock);
    bench.resume("out", &[]);
    assert!(bench.at("out.csv").is_symlink() && bench.outputs("out") == whole);
    assert!(bench.resume("out", &[]).contains("already finished"));
}

#[test]
fn a_file_that_is_no_journal_is_left_alone() {
    let bench = Bench::new();
    fs::write(bench.journal("out"), "a diary\n").unwrap();
    for more in [&[][..], &["--resume"]] {
        let run = bench.predict("out", more);
        assert_eq!(run.status.code(), Some(2), "{}", said(&run));
        assert!(said(&run).contains("not a journal of this version"), "{}", said(&run));
    }
    assert_eq!(fs::read_to_string(bench.journal("out")).unwrap(), "a diary\n");
}
