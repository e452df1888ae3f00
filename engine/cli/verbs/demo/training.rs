//! `pleura demo --train`: retrains the ensemble's networks by their recipes.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use pleura_demo::committed::{NETWORKS, Network};
use pleura_demo::training;
use pleura_files::digest;
use pleura_train::files;
use pleura_train::fit::Options;

use super::Args;
use super::place::Place;
use crate::verbs::train;
use crate::{fetch, term};

/// A trained network.
struct Trained {
    /// The ONNX file.
    file: PathBuf,
    sha256: String,
}

/// Draws the training set, trains the networks, and installs them in the ensemble; false if Ctrl-C stopped it.
pub fn run(args: &Args, place: &Place<'_>) -> Result<bool> {
    fetch::ensure(args.engine.onnxruntime.as_deref())?;
    draw(place)?;
    let mut trained = Vec::new();
    for network in NETWORKS {
        let Some(network) = train(&network, args, place)? else { return Ok(false) };
        trained.push(network);
    }
    install(place, &trained)?;
    Ok(true)
}

fn draw(place: &Place<'_>) -> Result<()> {
    let bar = term::progress(training::IMAGES, "drawing");
    training::draw(&place.networks(), training::IMAGES, || bar.inc(1))?;
    bar.finish_and_clear();
    let folder = place.networks().join(training::RADIOGRAPHS);
    term::note(format_args!("drew {} training radiographs in `{}`", training::IMAGES, folder.display()));
    Ok(())
}

fn train(network: &Network, args: &Args, place: &Place<'_>) -> Result<Option<Trained>> {
    let out = place.out.join("training").join(network.name);
    let options = Options {
        out: Some(out.clone()),
        device: args.engine.device.first().copied().unwrap_or_default(),
        threads: args.engine.threads,
        onnxruntime: args.engine.onnxruntime.clone(),
        fresh: args.fresh,
        tensorboard: false,
        decode: args.engine.decode_limits(),
    };
    let recipe = place.ensemble.join(network.recipe.path);
    let Some(outcome) = train::train(&recipe, &options)? else { return Ok(None) };
    term::note(format_args!(
        "the {} on {} images that it never saw: {}",
        network.name,
        outcome.images,
        train::figures(&outcome)
    ));
    // an edited recipe may train several folds, but the ensemble has one place per network
    let first = &outcome.models.first().context("a training has a fold")?.trained;
    Ok(Some(Trained { file: out.join(&first.model), sha256: first.sha256.clone() }))
}

/// Installs networks in the ensemble, with their digests in its manifest.
fn install(place: &Place<'_>, trained: &[Trained]) -> Result<()> {
    let manifest = place.manifest();
    let read =
        |path: &Path| pleura_files::regular::read(path).with_context(|| format!("cannot read `{}`", path.display()));
    let mut text = String::from_utf8(read(&manifest)?).context("the manifest is not UTF-8")?;
    let places: Vec<PathBuf> = NETWORKS.iter().map(|network| place.ensemble.join(network.model.path)).collect();
    for (path, trained) in places.iter().zip(trained) {
        let before = digest::file(path).with_context(|| format!("cannot read `{}`", path.display()))?;
        text = text.replace(&before, &trained.sha256);
    }
    // The manifest is written first: with the networks first, their new digests would look wrong.
    files::write(&manifest, text)?;
    for (path, trained) in places.iter().zip(trained) {
        files::write(path, read(&trained.file)?)?;
    }
    Ok(())
}
