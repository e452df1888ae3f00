//! The shards of a submission: each with its receipt, all of one run, none missing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use pleura::Shard;
use pleura_files::digest;

use crate::receipt::{Identity, Kind, Output, Receipt, differences_text};
use crate::term;

/// A shard's submission and its receipt.
pub struct Part {
    pub path: PathBuf,
    /// Its submission's SHA-256.
    pub sha256: String,
    pub receipt: Receipt,
}

/// Reads the receipts, and checks that these are all shards of one run; returns them in order.
///
/// # Errors
/// If a file differs from what its run wrote, a shard is missing or repeated, or two are of different runs.
pub fn read(paths: &[PathBuf]) -> Result<Vec<Part>> {
    let mut parts: Vec<Part> = paths.iter().map(|path| Part::read(path)).collect::<Result<_>>()?;
    let (first, others) = parts.split_first().context("expected at least one shard")?;
    others.iter().try_for_each(|other| same_run(first, other))?;
    parts.sort_by_key(|part| part.receipt.shard.index());
    for pair in parts.windows(2) {
        let [left, right] = pair else { continue };
        let (shard, left_path, right_path) = (left.receipt.shard, left.path.display(), right.path.display());
        ensure!(shard != right.receipt.shard, "`{left_path}` and `{right_path}` are both shard {shard}");
    }
    none_missing(&parts)?;
    Ok(parts)
}

impl Part {
    fn read(path: &Path) -> Result<Self> {
        let shown = path.display();
        ensure!(path.exists(), "`{shown}` does not exist: its run has not finished");
        let receipt = Receipt::read(path)
            .with_context(|| format!("cannot merge `{shown}` without the receipt of its run beside it"))?;
        let output = receipt.output(Kind::Submission);
        let output = output.with_context(|| format!("the receipt of `{shown}` lists no submission"))?;
        unchanged(path, output, &receipt)?;
        Ok(Self { path: path.into(), sha256: output.sha256.clone(), receipt })
    }

    /// The findings of the shard: at their original path, or beside the submission if both were moved.
    ///
    /// # Errors
    /// If there are none, or they differ from what the run wrote.
    pub fn findings(&self) -> Result<PathBuf> {
        let shown = self.path.display();
        let output = self.receipt.output(Kind::Findings).with_context(|| {
            let command = command(&self.receipt, self.receipt.shard);
            format!(
                "the run of `{shown}` wrote no findings: run `{command}` with `--findings`, or leave out \
                     `--findings` here"
            )
        })?;
        let beside = self.path.with_file_name(output.path.file_name().unwrap_or_default());
        let found = [&beside, &output.path].into_iter().find(|path| path.exists());
        let found = found
            .with_context(|| format!("`{}`, the findings of `{shown}`, no longer exists", output.path.display()))?;
        unchanged(found, output, &self.receipt)?;
        Ok(found.clone())
    }
}

fn unchanged(path: &Path, output: &Output, receipt: &Receipt) -> Result<()> {
    let sum = digest::file(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    ensure!(
        sum == output.sha256,
        "`{}` has changed since its run: found sha256 {}…, expected {}… (its receipt); run it again: {}",
        path.display(),
        &sum[..12],
        output.sha256.get(..12).unwrap_or_default(),
        command(receipt, receipt.shard)
    );
    Ok(())
}

/// Refuses shards of two runs. Different kinds of devices differ only by rounding, which is reported.
fn same_run(left: &Part, right: &Part) -> Result<()> {
    let names = [left, right].map(|part| format!("`{}`", part.path.display()));
    let [left_name, right_name] = &names;
    let (a, b) = (&left.receipt, &right.receipt);
    ensure!(
        a.shard.count() == b.shard.count(),
        "{left_name} is shard {} and {right_name} is shard {}: expected shards of the same number of parts",
        a.shard,
        b.shard
    );
    let (rounding, fatal): (Vec<_>, Vec<_>) =
        whole(a).differences(&whole(b)).into_iter().partition(|difference| difference.rounding);
    if !fatal.is_empty() {
        bail!("these are shards of different runs: {}", differences_text(&fatal, left_name, right_name));
    }
    if !rounding.is_empty() {
        let told = differences_text(&rounding, left_name, right_name);
        term::warning(format_args!("masks may differ by rounding from those of a single run: {told}"));
    }
    ensure!(
        a.inputs.collection == b.inputs.collection,
        "{left_name} and {right_name} were run on different images ({} and {} files), so some may be in no shard: run \
         them again on the same images",
        a.inputs.files,
        b.inputs.files
    );
    Ok(())
}

/// The identity of the whole run. Maps may be in different folders.
fn whole(receipt: &Receipt) -> Identity {
    let identity = Identity::from(receipt);
    Identity { shard: Shard::ALL, maps: identity.maps.is_some().then(PathBuf::new), ..identity }
}

fn none_missing(parts: &[Part]) -> Result<()> {
    let Some(part) = parts.first() else { return Ok(()) };
    let of = part.receipt.shard.count();
    let there: Vec<u32> = parts.iter().map(|part| part.receipt.shard.index()).collect();
    let missing = (0..of).filter(|index| there.binary_search(index).is_err()).filter_map(|index| Shard::new(index, of));
    let missing: Vec<Shard> = missing.collect();
    let Some(first) = missing.first() else { return Ok(()) };
    let named = Shard::of_name(&part.path).map_or_else(|| part.path.clone(), |(whole, _)| whole);
    let names: Vec<_> = missing.iter().map(|shard| format!("`{}`", shard.name(&named).display())).collect();
    let others = if missing.len() > 1 { ", and so on" } else { "" };
    bail!(
        "missing {} of {of} shards: {}; run: {}{others}",
        missing.len(),
        names.join(", "),
        command(&part.receipt, *first)
    )
}

/// The command that makes a missing shard, from that of another.
fn command(receipt: &Receipt, shard: Shard) -> String {
    let mut words = Vec::new();
    let mut given = receipt.command.iter().skip(1);
    while let Some(word) = given.next() {
        if word == "--shard" {
            given.next();
        } else if !word.starts_with("--shard=") {
            words.push(quoted(word));
        }
    }
    format!("pleura {} --shard {shard}", words.join(" "))
}

/// A word quoted for the shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}
