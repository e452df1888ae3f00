//! Disks that are full, or read-only.

use super::*;

/// Runs a script as root in separate namespaces, where it may mount. Tests that need them are ignored
/// `cfg_attr(no_namespaces)`.
fn with_mounts(bench: &Bench, script: &str) -> Output {
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-euc", script]).current_dir(bench.case.folder.path());
    command.env("PLEURA", env!("CARGO_BIN_EXE_pleura")).env("MANIFEST", &bench.case.manifest).output().unwrap()
}

#[test]
#[cfg_attr(no_namespaces, ignore = "no namespaces to mount in")]
fn a_full_disk_loses_nothing_that_was_finished() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    fs::create_dir_all(bench.at("disk")).unwrap();
    // 8 KiB fit some lines of the journal; 16 KiB all, but not the findings as well
    for (size, full) in [("8k", false), ("16k", true)] {
        let script = format!(
            "mount -t tmpfs -o size={size} tmpfs disk
             run() {{ \"$PLEURA\" predict --device cpu --threads 1 --out disk/out.csv --findings disk/out.jsonl \"$MANIFEST\" \
                 \"$PWD/images\" \"$@\" 2>> said || echo \"code $?\" >> said; }}
             rm -f said; run; cp disk/out.csv.journal first.journal; ls -A disk > left
             mount -o remount,size=1m disk
             run --resume; cp disk/out.csv disk/out.jsonl disk/out.receipt.json ."
        );
        let run = with_mounts(&bench, &script);
        let told = fs::read_to_string(bench.at("said")).unwrap();
        assert!(run.status.success(), "{}\n{told}", said(&run));
        assert_eq!(told.matches("code 75").count(), 1, "{told}");
        assert!(told.contains("error: cannot write `") && told.contains("No space left on device"), "{told}");
        assert!(told.contains("are kept in `disk/out.csv.journal`: continue with `--resume`"), "{told}");
        assert_eq!(fs::read_to_string(bench.at("left")).unwrap(), "out.csv.journal\n");
        let (images, _) = journaled(&bench.at("first.journal"));
        assert!(images > 0 && (images == IMAGES) == full, "{images} images: {told}");
        assert!(bench.outputs("out") == whole, "{told}");
        assert_eq!(bench.receipt("out")["resumed"], images);
    }
}

#[test]
fn an_output_that_cannot_be_written_is_said_before_any_work() {
    let bench = Bench::new();
    fs::write(bench.at("file"), "").unwrap();
    for (out, findings) in [("file/out.csv", "f.jsonl"), ("out.csv", "file/f.jsonl")] {
        let mut command = support::pleura();
        command.args(["predict", "--device", "cpu", "--out"]).arg(bench.at(out)).arg("--findings");
        command.arg(bench.at(findings)).args([&bench.case.manifest, &bench.at("images")]);
        let run = command.output().unwrap();
        assert_eq!(run.status.code(), Some(2), "{}", said(&run));
        assert!(said(&run).contains("cannot write `") && said(&run).contains("file/"), "{}", said(&run));
        assert!(!said(&run).contains("device:"), "{}", said(&run));
    }
}

#[test]
#[cfg_attr(no_namespaces, ignore = "no namespaces to mount in")]
fn a_read_only_folder_is_said_before_any_work() {
    let bench = Bench::new();
    fs::create_dir(bench.at("sealed")).unwrap();
    let script = "mount --bind sealed sealed; mount -o remount,ro,bind sealed
        \"$PLEURA\" predict --device cpu --out sealed/out.csv \"$MANIFEST\" images";
    let run = with_mounts(&bench, script);
    assert_eq!(run.status.code(), Some(2), "{}", said(&run));
    assert!(said(&run).contains("cannot write `sealed/out.csv`: Read-only file system"), "{}", said(&run));
    assert!(!said(&run).contains("device:"), "{}", said(&run));
}
