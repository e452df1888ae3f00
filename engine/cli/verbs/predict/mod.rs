//! `pleura predict`: runs an ensemble on radiographs and writes a submission.

mod entry;
mod findings;
mod finish;
mod finished;
mod inputs;
mod journal;
mod lock;
mod lost;
mod run;
mod scan;
mod shard;
mod targets;

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Result, ensure};
use pleura::Shard;
use pleura::ensemble::{Ensemble, Options};
use pleura::submission::read_ids;

use crate::engine::{EngineArgs, given};
use crate::exit::Exit;
use crate::outputs::{DicomObjects, Maps};
use crate::paths::{Checked, Command, Images, ListArgs, Paths, Sources};
use crate::receipt::{self, Identity, Receipt, Sum};
use crate::remote::FetchArgs;
use crate::{answers, interrupt, term};
pub use findings::is_parquet;
use finish::Finish;
use inputs::Inputs;
use journal::Journal;
use run::Run;
use targets::Targets;

#[derive(clap::Args)]
pub struct Args {
    /// The ensemble's manifest.
    pub ensemble: PathBuf,

    /// DICOM, PNG or JPEG files, folders (searched recursively), globs, or `-` for a list on standard input; with the
    /// feature `remote`, URLs (`s3://`, `gs://`, `az://`, `https://`, `dicomweb+https://`), too.
    #[arg(required_unless_present = "list")]
    pub inputs: Vec<PathBuf>,

    #[command(flatten, next_help_heading = "Lists")]
    pub list: Option<ListArgs>,

    /// The submission to write.
    #[arg(short, long, value_name = "CSV", help_heading = "Outputs")]
    pub out: PathBuf,

    /// Sample submission: lists the expected ids; rows are written in its order.
    #[arg(long, value_name = "CSV")]
    pub sample: Option<PathBuf>,

    /// Write each image's finding (mask, scores and decisions) as JSON lines, or as Parquet if the name ends in
    /// `.parquet`.
    #[arg(long, value_name = "FILE", help_heading = "Outputs")]
    pub findings: Option<PathBuf>,

    /// Write the findings as an HTML page, too; `pleura report` makes one that compares with the truth.
    #[arg(long, value_name = "HTML", requires = "findings", help_heading = "Outputs")]
    pub report: Option<PathBuf>,

    /// Write merged probability maps as 16-bit PNG files (65535: probability 1) to this folder.
    #[arg(long, value_name = "DIR", help_heading = "Outputs")]
    pub maps: Option<PathBuf>,

    /// Write DICOM objects for a PACS to this folder: for each DICOM image a structured report, a Secondary Capture with
    /// the outline, and if anything is marked, a segmentation and a presentation state; for each PNG or JPEG image the capture alone. The manifest's
    /// `finding` says what is marked.
    #[arg(long, value_name = "DIR", help_heading = "Outputs")]
    pub dicom: Option<PathBuf>,

    /// CSV of `ImageId,fold` for out-of-fold predictions: snapshots that name a fold run on the images of that fold
    /// only.
    #[arg(long, value_name = "CSV")]
    pub folds: Option<PathBuf>,

    /// Run part I of N, from 0 to N-1; images are assigned by id. Outputs are named after the shard, and `pleura
    /// submission merge` joins them. Default in a Slurm array or an indexed Kubernetes job: the index of the task.
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,

    /// Resume an unfinished run; a finished run is not repeated.
    #[arg(long)]
    pub resume: bool,

    /// Start over, discarding an earlier run: for verbs that predict as one of their steps and tell how to continue
    /// themselves.
    #[arg(skip)]
    pub anew: bool,

    #[command(flatten)]
    pub fetch: FetchArgs,

    #[command(flatten)]
    pub engine: EngineArgs,
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        let shard = shard::find(self.shard)?.0;
        let targets = Targets::new(self, shard);
        targets.paths(paths);
        paths.reads_ensemble("ENSEMBLE", &self.ensemble);
        paths.reads_any("--sample", &self.sample);
        paths.reads_any("--folds", &self.folds);
        self.maps.iter().for_each(|folder| paths.writes_pictures("--maps", folder));
        self.dicom.iter().for_each(|folder| paths.writes_like("--dicom", folder, DicomObjects::NAMES));
        self.engine.paths(paths);
        let fetch = FetchArgs { memory: self.engine.memory, ..self.fetch };
        let (inputs, list) = (self.inputs.clone(), self.list.clone());
        paths.sources("INPUTS", Sources { inputs, list, fetch, shard })
    }

    fn run(&self, checked: &Checked) -> Result<Exit> {
        run(self, checked.sources())
    }
}

fn run(args: &Args, images: &Images) -> Result<Exit> {
    let start = Instant::now();
    // check everything that can fail before the first model runs
    let shard = shard::chosen(args.shard)?;
    let targets = Targets::new(args, shard);
    args.engine.set_up_threads()?;
    args.findings.as_deref().map_or(Ok(()), findings::check)?;
    ensure!(
        args.report.is_none() || !args.findings.as_deref().is_some_and(is_parquet),
        "--report needs `--findings` as JSON lines: name them `.jsonl`"
    );
    ensure!(
        args.report.is_none() || images.remotes.is_none(),
        "--report shows radiographs of files on this machine: leave it out, and use `pleura report --images`"
    );
    let inputs = Inputs::new(images, shard, args.sample.is_some());
    let sample = args.sample.as_deref().map(read_ids).transpose()?;
    targets.check_writable()?;
    let mut journal = Journal::lock(&targets.out)?;
    let folds = args.folds.as_deref().map(answers::folds).transpose()?;
    let options = given(Ensemble::options().keep_maps(args.maps.is_some()), folds, Options::folds);
    // the receipt names the program's hash; computed while models are opened
    pleura::plugin::hash_program();
    let ensemble = args.engine.open(&args.ensemble, options)?;
    let dicom =
        args.dicom.as_deref().map(|folder| DicomObjects::create(folder, &targets.out, &ensemble)).transpose()?;
    let receipt = begin(args, &ensemble, &inputs, shard)?;
    let identity = Identity::from(&receipt);
    if args.anew {
        journal.clear()?;
    }
    let kept = journal.begin(&identity, args.resume)?;
    let out = targets.out.clone();
    let _interrupt = (!args.anew).then(|| interrupt::says(move || journal::interrupted(&out))).transpose()?;
    // a finished run's receipt does not tell of objects
    if args.resume && kept.is_empty() && dicom.is_none() {
        match finished::how(&targets, &identity, &receipt.inputs) {
            Ok(exit) => {
                term::note("already finished: nothing to run");
                targets.tell();
                return Ok(exit);
            }
            Err(why) => term::note(format_args!("nothing to resume: {why}")),
        }
    }
    let listed = receipt::path(&targets.out);
    let maps = args.maps.as_deref().map(|folder| Maps::create(folder, &targets.out)).transpose()?;
    let remotes = images.remotes.as_ref();
    let run = Run::new(&ensemble, &mut journal, (maps, dicom), sample.as_deref(), &listed)?;
    let done = run.all(&inputs.own, kept, remotes);
    let sample = sample.as_deref();
    let finish = Finish { args, ensemble: &ensemble, targets: &targets, shard, sample, remotes, start };
    let finished = done.and_then(|done| finish.write(&mut journal, receipt, &inputs, done));
    match finished {
        Ok(exit) => {
            journal.close()?;
            targets.tell();
            Ok(exit)
        }
        Err(error) => {
            journal.tell_kept();
            Err(error)
        }
    }
}

/// The receipt, with everything known before the run.
fn begin(args: &Args, ensemble: &Ensemble, inputs: &Inputs, shard: Shard) -> Result<Receipt> {
    let inputs = receipt::Inputs {
        files: inputs.all,
        listing: inputs.listing.clone(),
        collection: inputs.collection.clone(),
        answered: receipt::Places::default(),
    };
    let mut receipt = Receipt::new(ensemble, inputs, shard)?;
    receipt.sample = args.sample.as_deref().map(Sum::read).transpose()?;
    receipt.folds = args.folds.as_deref().map(Sum::read).transpose()?;
    receipt.maps.clone_from(&args.maps);
    Ok(receipt)
}
