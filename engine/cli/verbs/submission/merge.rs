//! `pleura submission merge`: merges shards into the submission of a single run over all images.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use pleura::Shard;
use pleura::ensemble::Inferences;
use pleura::submission::rle::ANY_SIZE;
use pleura::submission::{MaskRow, Rows, Submission, read_ids};
use pleura_files::regular;

use super::parts::{self, Part};
use crate::exit::Exit;
use crate::outputs::{Lines, check_writable};
use crate::paths::{self, Checked, Command, Paths};
use crate::receipt::{self, Kind, Receipt, Sum};
use crate::term::{self, Skips};
use crate::verbs::predict::is_parquet;

#[derive(clap::Args)]
pub struct Args {
    /// All shards, `submission.shard-0-of-4.csv` and so on, each with its receipt beside it.
    #[arg(required = true, value_name = "SHARD")]
    shards: Vec<PathBuf>,

    /// The submission to write.
    #[arg(short, long, value_name = "CSV")]
    out: PathBuf,

    /// Sample submission, required if the shards were run with one: rows are written in its order.
    #[arg(long, value_name = "CSV")]
    sample: Option<PathBuf>,

    /// Merge the shards' findings, too, in input order.
    #[arg(long, value_name = "JSONL")]
    findings: Option<PathBuf>,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        for shard in &self.shards {
            paths.reads("SHARD", shard);
            paths.reads("the receipt of a SHARD,", &receipt::path(shard));
            // a shard without a receipt is refused later, when it is read
            if let (Some(_), Ok(receipt)) = (&self.findings, Receipt::read(shard)) {
                paths.reads_any("the findings of a SHARD,", receipt.output(Kind::Findings).map(|output| &output.path));
            }
        }
        paths.reads_any("--sample", &self.sample);
        paths.writes("--out", &self.out);
        paths.writes("--out's receipt", &receipt::path(&self.out));
        self.findings.iter().for_each(|path| paths.writes("--findings", path));
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> Result<Exit> {
    ensure!(
        !args.findings.as_deref().is_some_and(is_parquet),
        "--findings: a merge writes JSON lines: name them `.jsonl`"
    );
    [Some(&args.out), args.findings.as_ref()].into_iter().flatten().try_for_each(|out| check_writable(out))?;
    let parts = parts::read(&args.shards)?;
    let sample = sample(args, &parts)?;
    let findings = match args.findings {
        Some(_) => parts.iter().map(Part::findings).collect::<Result<_>>()?,
        None => Vec::new(),
    };
    let submission = rows(&parts, sample.as_deref())?;
    if let Some(path) = &args.findings {
        interleave(&parts, &findings, path)?;
    }
    submission.write(&args.out)?;
    let receipt = whole(args, &parts)?;
    receipt.write(&args.out)?;
    tell(&receipt, &receipt::path(&args.out), &parts);
    term::result(format_args!("{}", args.out.display()));
    Ok(if receipt.exit == 0 { Exit::Good } else { Exit::Skipped })
}

/// The sample's ids, in order; it must be the same sample as the shards'.
fn sample(args: &Args, parts: &[Part]) -> Result<Option<Vec<String>>> {
    let then = parts.first().and_then(|part| part.receipt.sample.as_ref());
    match (&args.sample, then) {
        (None, None) => Ok(None),
        (None, Some(then)) => {
            bail!(
                "the shards were run with a sample, which gives the order of rows: add `--sample {}`",
                then.path.display()
            )
        }
        (Some(now), None) => {
            bail!("the shards were run without a sample: leave out `--sample {}`, or run them with it", now.display())
        }
        (Some(now), Some(then)) => {
            let sum = Sum::read(now)?;
            let (now, then_path) = (now.display(), then.path.display());
            ensure!(
                sum.sha256 == then.sha256,
                "`{now}` differs from the sample that the shards were run with, `{then_path}`"
            );
            Ok(Some(read_ids(&sum.path)?))
        }
    }
}

/// All rows, in the order of a single run.
fn rows(parts: &[Part], sample: Option<&[String]>) -> Result<Submission> {
    let mut submission = Submission::any_size();
    for part in parts {
        // masks have various sizes, and each was checked against its own when written
        let mut rows = Rows::open(&part.path, ANY_SIZE)?;
        while let Some(row) = rows.next_mask() {
            let MaskRow { line, id, runs } = row?;
            let (before, path) = (submission.len(), part.path.display());
            submission.insert_runs(&id, ANY_SIZE, runs)?;
            ensure!(submission.len() > before, "`{path}`: line {line}: another shard has `{id}`, too");
        }
    }
    let skipped: usize = parts.iter().map(|part| part.receipt.skipped.len()).sum();
    if submission.is_empty() && skipped > 0 {
        bail!("all {skipped} inputs were skipped");
    }
    match sample {
        Some(ids) => {
            let answered: Vec<&String> = ids.iter().filter(|id| submission.contains(id)).collect();
            submission.order_like(&answered)?;
        }
        None => submission.sort(),
    }
    Ok(submission)
}

/// Merges the shards' findings in the order of the inputs; each shard knows the indices of its own.
fn interleave(parts: &[Part], files: &[PathBuf], out: &Path) -> Result<()> {
    let mut heads = Vec::new();
    for (part, path) in parts.iter().zip(files) {
        ensure!(
            paths::Kind::recognize(path) != Some(paths::Kind::Parquet),
            "`{}`: expected findings as JSON lines, found Parquet: read the shards' files together as one table, or \
             leave out `--findings`",
            path.display()
        );
        let file = regular::open(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let lines = BufReader::new(file).lines();
        let mut places = part.receipt.inputs.answered.iter();
        heads.push((places.next(), places, lines, path));
    }
    let mut merged = Lines::create(out)?;
    loop {
        let head = heads.iter_mut().filter(|head| head.0.is_some()).min_by_key(|head| head.0);
        let Some((place, places, lines, path)) = head else { break };
        let line =
            lines.next().with_context(|| format!("`{}` has fewer lines than its receipt states", path.display()))?;
        merged.push(&line.with_context(|| format!("cannot read `{}`", path.display()))?)?;
        *place = places.next();
    }
    merged.finish()
}

/// The receipt of the merged submission: the first shard's, with the numbers of all.
fn whole(args: &Args, parts: &[Part]) -> Result<Receipt> {
    let (first, _) = parts.split_first().context("there is a shard")?;
    let mut whole = Receipt::read(&first.path)?;
    whole.shard = Shard::ALL;
    whole.command = std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect();
    whole.merged = parts.iter().map(|part| Sum { path: part.path.clone(), sha256: part.sha256.clone() }).collect();
    for part in &parts[1..] {
        let other = &part.receipt;
        whole.summary += &other.summary;
        whole.skipped.extend(other.skipped.iter().cloned());
        whole.unanswered += other.unanswered;
        whole.resumed += other.resumed;
        whole.inferences = sum(whole.inferences, other.inferences);
        whole.started = whole.started.min(other.started);
        whole.seconds += other.seconds;
        whole.exit = whole.exit.max(other.exit);
    }
    let mut answered: Vec<usize> = parts.iter().flat_map(|part| part.receipt.inputs.answered.iter()).collect();
    answered.sort_unstable();
    whole.inputs.answered = answered.into_iter().collect();
    whole.outputs.clear();
    whole.wrote(Kind::Submission, &args.out)?;
    args.findings.iter().try_for_each(|path| whole.wrote(Kind::Findings, path))?;
    Ok(whole)
}

fn sum(left: Inferences, right: Inferences) -> Inferences {
    Inferences {
        run: left.run + right.run,
        replayed: left.replayed + right.replayed,
        damaged: left.damaged + right.damaged,
        unwritten: left.unwritten + right.unwritten,
    }
}

fn tell(whole: &Receipt, receipt: &Path, parts: &[Part]) {
    let skips = Skips::new("skipped files", format!("in `{}`", receipt.display()));
    whole.skipped.iter().for_each(|it| skips.warn(format_args!("skipped `{}`: {}", it.file, it.reason)));
    drop(skips);
    if whole.unanswered > 0 {
        term::warning(format_args!("{} ids of the sample have no image, and no row", whole.unanswered));
    }
    let summary = &whole.summary;
    let (images, positive, skipped) = (summary.images, summary.positive, summary.skipped);
    term::note(format_args!("{} shards: {images} images ({positive} positive), {skipped} skipped", parts.len()));
}
