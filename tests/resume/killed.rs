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
        // by the clock, so that any part of the program is hit; and by what is finished, so that the middle is, too
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
fn lines_that_are_torn_or_damaged_cost_their_images_alone() {
    let bench = Bench::new();
    let (whole, _) = bench.whole();
    let done = bench.interrupted("out", 6, &[]);
    let journal = fs::read(bench.journal("out")).unwrap();
    let torn_after = [&journal[..], b"{\"file\":\"images/ima"].concat();
    let torn_within = journal[..journal.len() - 30].to_vec();
    let mut zeros = journal.clone();
    // as a file system may leave it where the machine stops
    zeros[journal.len() - 40..].fill(0);
    for (bytes, left) in [(torn_after, done), (torn_within, done - 1), (zeros, done - 1)] {
        fs::write(bench.journal("out"), bytes).unwrap();
        let said = bench.resume("out", &[]);
        assert!(said.contains("cut ") && said.contains(&format!("resumed: {left} of {IMAGES}")), "{said}");
        assert!(bench.outputs("out") == whole);
        fs::remove_file(bench.at("out.csv")).unwrap();
    }
}
