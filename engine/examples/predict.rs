//! An ensemble as a library: `cargo run --release -p pleura --example predict -- ENSEMBLE.toml IMAGE...`
//!
//! Prints each image's id, the classifier's score and the marked area, and writes `submission.csv`.

use std::path::PathBuf;

use pleura::Radiograph;
use pleura::ensemble::Ensemble;
use pleura::submission::Submission;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let manifest = args.next().ok_or("usage: predict ENSEMBLE.toml IMAGE...")?;
    let ensemble = Ensemble::open(manifest)?;
    println!("device: {}", ensemble.placement());

    let mut submission = Submission::any_size();
    for path in args {
        let finding = ensemble.predict(&Radiograph::open(path)?)?;
        match finding.score {
            Some((low, high)) => println!("{}: score {low:.3} to {high:.3}, {} px", finding.id, finding.mask.area()),
            None => println!("{}: {} px", finding.id, finding.mask.area()),
        }
        submission.insert(finding.id, &finding.mask)?;
    }
    submission.sort();
    submission.write("submission.csv")?;
    Ok(())
}
