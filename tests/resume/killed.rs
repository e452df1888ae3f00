//! Runs that were killed, and journals that were damaged.

use super::*;

#[test]
fn killed_at_any_moment_a_run_goes_on_to_the_same_bytes() {
    let bench = Bench::new();
    let begun = Instant::now();
    let (whole, inferences) = bench.whole();
    let took = begun.elapsed();
    let seed = std::env::var("PLEURA_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut state: u64 =
        seed.unwrap_or_else(|| SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64);
    eprintln!("the moments are those of PLEURA_SEED={state}");
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1_u32 << 31)
    };
    let mut in_between = 0;
    for round in 0..10 {
        let mut child = bench.start("killed", &[]);
        // by time, to hit any part of the program; and by progress, to hit the middle as well
        if round % 2 == 0 {
            sleep(took.mul_f64(random()));
        } else {
            bench.wait_for("killed", 1 + (random() * (IMAGES - 6) as f64) as usize, &mut child);
            sleep(Duration::from_millis((random() * 20.0) as u64));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let (images, ran) = journaled(&bench.journal("killed"));
        in_between += usize::from((1..IMAGES).contains(&images));
        let said = bench.resume("killed", &[]);
        assert!(bench.outputs("killed") == whole, "round {round}, {images} images finished: {said}");
        if !said.contains("already finished") {
            let receipt = bench.receipt("killed");
            assert_eq!(receipt["resumed"], images, "{said}");
            assert_eq!(receipt["inferences"]["run"], inferences - ran, "{said}");
        }
        for name in ["killed.csv", "killed.jsonl", "killed.receipt.json"] {
            fs::remove_file(bench.at(name)).unwrap();
        }
    }
    assert!(in_between > 0, "no run was killed half-way");
}

#[test]
fn any_flipped_bit_is_noticed_and_the_bytes_are_the_same() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    let done = bench.interrupted("out", 6, &[]);
    let journal = fs::read(bench.journal("out")).unwrap();
    let resume = |bytes: &[u8], what: &str| {
        fs::write(bench.journal("out"), bytes).unwrap();
        let said = bench.resume("out", &[]);
        assert!(bench.outputs("out") == whole, "{what}: {said}");
        fs::remove_file(bench.at("out.csv")).unwrap();
        said
    };
    // the first mask moved by some pixels by changing one digit: as plausible as before
    let text = String::from_utf8(journal.clone()).unwrap();
    let (start, rest) = text.split_once("\"rle\":\"").unwrap();
    let digit = if rest.starts_with('1') { "2" } else { "1" };
    let line = start.lines().count();
    let said = resume(format!("{start}\"rle\":\"{digit}{}", &rest[1..]).as_bytes(), "a digit");
    assert!(said.contains(&format!("resumed: {} of {IMAGES}", done - 1)), "line {line}: {said}");
    assert!(said.contains("1 line damaged") || said.contains("cut "), "{said}");
    // anywhere in the file; scan.rs tests every bit of a smaller one
    for round in 0..10 {
        let bit = (8 * journal.len() / 10 * round) + 37 * round + 3;
        let mut bytes = journal.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let said = resume(&bytes, &format!("bit {bit}"));
        assert!(said.contains("damaged") || said.contains("cut "), "bit {bit}: {said}");
    }
}

#[test]
fn a_damaged_map_is_drawn_again() {
    let bench = Bench::new();
    let (maps, other) = (bench.at("maps"), bench.at("other"));
    let whole = bench.predict("whole", &["--maps", other.to_str().unwrap()]);
    assert!(whole.status.success(), "{}", said(&whole));
    bench.interrupted("out", 8, &["--maps", maps.to_str().unwrap()]);
    let pngs = |folder: &Path| {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "png"));
        paths.sort();
        paths
    };
    for (path, damage) in pngs(&maps).iter().zip([0x01, 0x80]) {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= damage;
        fs::write(path, bytes).unwrap();
    }
    bench.resume("out", &["--maps", maps.to_str().unwrap()]);
    assert!(bench.outputs("out") == bench.outputs("whole"));
    let read = |folder: &Path| pngs(folder).iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>();
    assert!(read(&maps) == read(&other));
}

#[test]
fn lines_that_are_torn_or_damaged_cost_their_images_alone() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    let done = bench.interrupted("out", 6, &[]);
    let journal = fs::read(bench.journal("out")).unwrap();
    let torn_after = [&journal[..], b"{\"file\":\"images/ima"].concat();
    let torn_within = journal[..journal.len() - 30].to_vec();
    let mut zeros = journal.clone();
    // as a file system may leave it after a crash
    zeros[journal.len() - 40..].fill(0);
    for (bytes, left) in [(torn_after, done), (torn_within, done - 1), (zeros, done - 1)] {
        fs::write(bench.journal("out"), bytes).unwrap();
        let said = bench.resume("out", &[]);
        assert!(
            said.contains("incomplete or damaged bytes") && said.contains(&format!("resumed: {left} of {IMAGES}")),
            "{said}"
        );
        assert!(bench.outputs("out") == whole);
        fs::remove_file(bench.at("out.csv")).unwrap();
    }
}

/// Ctrl-C and a scheduler's signal end a run at once; it prints how to continue, and that works.
#[test]
fn a_signal_ends_a_run_with_how_to_go_on() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    let mut caught = 0;
    for (number, signal) in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP].into_iter().cycle().enumerate().take(30) {
        let out = format!("signalled{number}");
        let mut child = bench.command(&out, &[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        bench.wait_for(&out, 3, &mut child);
        // SAFETY: the process is our own child, which may have ended and has not been waited for.
        unsafe { libc::kill(i32::try_from(child.id()).unwrap(), signal) };
        let ended = child.wait_with_output().unwrap();
        if ended.status.success() {
            continue; // it had ended before
        }
        assert_eq!(ended.status.code(), Some(75), "{}", said(&ended));
        let (images, _) = journaled(&bench.journal(&out));
        let words = said(&ended);
        assert!(words.contains("run the same command with `--resume` to continue"), "{words}");
        // another image may be finished between the message and the end
        let told = words.split_once("interrupted: ").and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
        assert!(told.is_some_and(|told: usize| (3..=images).contains(&told)), "{images} images: {words}");
        let told = bench.resume(&out, &[]);
        assert!(told.contains(&format!("resumed: {images} of {IMAGES}")), "{told}");
        assert!(bench.outputs(&out) == whole);
        caught += 1;
        if caught == 3 {
            return;
        }
    }
    panic!("{caught} of 30 runs were caught before their end");
}

/// `nohup` ignores SIGHUP, and a shell's background jobs ignore SIGINT: that is kept.
#[test]
fn an_ignored_signal_stays_ignored() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    let mut command = Command::new("sh");
    let run = bench.command("hung-up", &[]);
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(run.get_program()).args(run.get_args());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    bench.wait_for("hung-up", 3, &mut child);
    // SAFETY: the process is our own child, which has not been waited for.
    unsafe { libc::kill(i32::try_from(child.id()).unwrap(), libc::SIGHUP) };
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(0), "{}", said(&ended));
    assert!(bench.outputs("hung-up") == whole);
}
