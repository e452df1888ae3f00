//! The options shared by all verbs that run an ensemble.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use bytesize::ByteSize;
use pleura::ensemble::{Ensemble, Options};
use pleura::pool::Pool;
use pleura::radiograph::DecodeLimits;
use pleura::runtime;

use crate::answers::CacheArgs;
use crate::paths::Paths;
use crate::{decode, fetch, guard, term};

/// How the engine runs.
#[derive(clap::Args, Clone, Default)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// Device: `auto`, `cpu`, `cuda`, `webgpu`, `openvino` or `coreml`, or one of a number, such as `cuda:1`; a list,
    /// such as `cuda:0,cuda:1`, divides the images between its devices.
    #[arg(long, default_value = "auto", value_delimiter = ',')]
    pub device: Vec<runtime::Device>,

    /// Number of threads; 0 uses one per core.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_parser = up_to(1024))]
    pub threads: usize,

    /// Maximum batch size; 0 uses 2 on the CPU and 8 on other devices.
    #[arg(long, default_value_t = 0, hide_default_value = true, value_parser = up_to(1024))]
    pub batch: usize,

    /// Memory limit for all images in progress, including decoding and excluding models; an image that needs more is
    /// skipped. Default: 128 MiB per image of a batch and device, and up to 4 GiB to decode one image.
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<ByteSize>,

    /// Memory limit for each model on a CUDA device, or for all models together on the CPU. A batch that does not fit
    /// is halved. Default: no limit.
    #[arg(long, value_name = "SIZE")]
    pub device_memory: Option<ByteSize>,

    /// How many inputs of each model (views of images) are also computed by the CPU when models run on another device; a
    /// difference beyond the manifest's `runtime.tolerance` is an error. Default: 8.
    #[arg(long, value_name = "N")]
    pub verify_device: Option<usize>,

    /// Path of the ONNX Runtime library. Default: searched for.
    #[arg(long, value_name = "LIBRARY")]
    pub onnxruntime: Option<PathBuf>,

    /// Allow the manifest to name files outside its folder: models, recipes, plugins.
    #[arg(long)]
    pub allow_outside: bool,

    /// Size limit for the files of one model. Default: 4 GiB.
    #[arg(long, value_name = "SIZE")]
    pub max_model: Option<ByteSize>,

    #[command(flatten)]
    pub cache: CacheArgs,
}

/// Parses a count of at most `most`: absurd counts would exhaust the machine.
fn up_to(most: usize) -> impl Fn(&str) -> Result<usize, String> + Clone {
    move |text| match text.parse() {
        Ok(count) if count <= most => Ok(count),
        _ => Err(format!("expected a whole number from 0 to {most}")),
    }
}

/// Starts the engine's shared threads and rayon's global ones. Call it early: rayon would otherwise start its own on
/// first use, and panic if it cannot.
///
/// # Errors
/// If the system refuses a thread.
pub fn start_threads(threads: usize) -> Result<()> {
    Pool::shared(threads)?;
    let started = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    // an error without a cause means that they run already
    match started.as_ref().err().and_then(std::error::Error::source).and_then(|cause| cause.downcast_ref::<io::Error>())
    {
        Some(cause) => Err(io::Error::new(cause.kind(), cause.to_string()))
            .context("cannot start threads: use fewer (`--threads`)"),
        None => Ok(()),
    }
}

impl EngineArgs {
    /// Declares the files of these options.
    pub fn paths(&self, paths: &mut Paths) {
        paths.reads_any("--onnxruntime", &self.onnxruntime);
        if let Some(folder) = &self.cache.cache {
            paths.writes_answers("--cache", folder);
        }
    }

    /// The limits of image decoding.
    pub fn decode_limits(&self) -> DecodeLimits {
        decode::limits(self.memory)
    }

    /// Starts the shared threads; see [`start_threads`].
    ///
    /// # Errors
    /// As [`start_threads`].
    pub fn set_up_threads(&self) -> Result<()> {
        start_threads(self.threads)
    }

    /// Opens an ensemble, fetching ONNX Runtime if none is found, and prints the devices in use.
    pub fn open(&self, path: &Path, options: Options) -> Result<Ensemble> {
        fetch::ensure(self.onnxruntime.as_deref())?;
        self.set_up_threads()?;
        let bytes = |size: ByteSize| usize::try_from(size.0).unwrap_or(usize::MAX);
        let mut options = self.cache.apply(options).devices(&self.device).threads(self.threads).batch(self.batch);
        options = options.allow_outside(self.allow_outside);
        options = given(options, self.memory.map(bytes), Options::memory);
        options = given(options, self.device_memory.map(bytes), Options::device_memory);
        options = given(options, self.verify_device, Options::verify_device);
        options = given(options, self.onnxruntime.clone(), Options::onnxruntime);
        options = given(options, self.max_model.map(|size| size.0), Options::max_model_bytes);
        let ensemble = options.open(path)?;
        guard::watch_exit();
        let places: Vec<String> = ensemble.placements().map(ToString::to_string).collect();
        term::note(format_args!("device: {}", places.join(", ")));
        Ok(ensemble)
    }
}

/// Sets an option if its argument was given.
pub fn given<T>(options: Options, value: Option<T>, set: impl FnOnce(Options, T) -> Options) -> Options {
    match value {
        Some(value) => set(options, value),
        None => options,
    }
}
