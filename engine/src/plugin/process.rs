//! Runs a plugin in child processes, where it may crash without harm.
//!
//! A child is the `pleura` program with the hidden verb `plugin-worker`; see [`super::worker`]. Every call takes an idle
//! child or starts one, so that threads do not wait for each other. A child that died is not reused: the current image
//! fails, the next one gets a new child.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ndarray::{Array2, ArrayView2};

use super::buffer::{mask_of, plane_of};
use super::call::{Calls, PlaneCall};
use super::child::{Running, Terms, program};
use super::wire::{Reply, Request};
use super::{About, Context, Fault, LoadError, Origin, PluginError, Size, library};
use crate::manifest::{DEFAULT_TIMEOUT, Step};

/// A plugin's children, all with the same parameters.
pub(super) struct Worker {
    program: PathBuf,
    origin: Origin,
    params: String,
    /// The required hash of the library, checked each time it is loaded.
    sha256: Option<String>,
    terms: Terms,
    threads: usize,
    idle: Mutex<Vec<Running>>,
}

/// Why a child cannot take calls.
enum Stillborn {
    Load(LoadError),
    Refused { plugin: String, message: String },
    Other(PluginError),
}

impl Worker {
    /// Starts a first child, which loads the plugin and creates an instance.
    pub(super) fn open(
        program: PathBuf,
        origin: &Origin,
        step: &Step,
        params: String,
        threads: usize,
    ) -> Result<(About, Self), PluginError> {
        let origin = origin.clone();
        let terms = Terms { global_symbols: step.global_symbols, limit: step.time_limit() };
        let sha256 = step.sha256.clone();
        let worker = Self { program, origin, params, sha256, terms, threads, idle: Mutex::default() };
        let (about, running) = worker.start().map_err(|stillborn| match stillborn {
            Stillborn::Load(why) => PluginError::Load { path: worker.file(), why },
            Stillborn::Refused { plugin, message } => PluginError::Refused { plugin, message },
            Stillborn::Other(error) => error,
        })?;
        worker.put_back(running);
        Ok((about, worker))
    }

    /// The file with the plugin's code: its library, or the program that the children run.
    pub(super) fn file(&self) -> PathBuf {
        self.origin.library().unwrap_or(&self.program).to_owned()
    }

    fn start(&self) -> Result<(About, Running), Stillborn> {
        if let Some(library) = self.origin.library() {
            library::verify(library, self.sha256.as_deref()).map_err(Stillborn::Other)?;
        }
        let (about, mut running) = load(&self.program, &self.origin, self.terms).map_err(Stillborn::Load)?;
        let create = Request::Create { params: self.params.clone(), threads: self.threads };
        let died = |why| Stillborn::Load(LoadError::Child(Box::new(why)));
        match running.ask(&create, &[]).map_err(died)? {
            (Reply::Created, _) => Ok((about, running)),
            (Reply::Refused(message), _) => Err(Stillborn::Refused { plugin: about.name, message }),
            (reply, _) => Err(died(unexpected(&reply))),
        }
    }

    /// Sends one request to an idle child, or to a new one.
    fn ask(&self, request: &Request, parts: &[&[u8]]) -> Result<(Reply, Vec<u8>), Fault> {
        let mut running = match self.take_idle() {
            Some(running) => running,
            None => self.start().map(|(_, running)| running).map_err(|stillborn| match stillborn {
                Stillborn::Load(why) => Fault::Died(format!("cannot be restarted: its library {why}")),
                Stillborn::Refused { message, .. } => Fault::Died(format!("now rejects its parameters: {message}")),
                Stillborn::Other(error) => Fault::Died(format!("cannot be restarted: {error}")),
            })?,
        };
        let answer = running.ask(request, parts)?;
        self.put_back(running);
        match answer {
            (Reply::Fault(fault), _) => Err(fault),
            answer => Ok(answer),
        }
    }

    /// An idle child. One that died while idle is not a fault of the current image.
    fn take_idle(&self) -> Option<Running> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(mut running) = idle.pop() {
            if running.is_alive() {
                return Some(running);
            }
        }
        None
    }

    fn put_back(&self, running: Running) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(running);
    }
}

impl Calls for Worker {
    fn views(&self) -> Result<usize, Fault> {
        match self.ask(&Request::Views, &[])? {
            (Reply::Views(views), _) => Ok(views),
            (reply, _) => Err(unexpected(&reply)),
        }
    }

    fn view_size(&self, view: usize, image: Size) -> Result<Size, Fault> {
        match self.ask(&Request::ViewSize { view, image }, &[])? {
            (Reply::ViewSize(size), _) => Ok(size),
            (reply, _) => Err(unexpected(&reply)),
        }
    }

    fn plane(&self, call: PlaneCall, input: ArrayView2<'_, f32>, out: Size) -> Result<Array2<f32>, Fault> {
        let pixels = dense(input);
        let request = Request::Plane { call, input: input.dim().into(), out };
        match self.ask(&request, &[bytemuck::cast_slice(&pixels)])? {
            (Reply::Plane, payload) if payload.len() == out.area() * size_of::<f32>() => {
                let plane = plane_of(bytemuck::pod_collect_to_vec(&payload), out)?;
                super::checks::map(plane.view()).map(|()| plane)
            }
            (reply, _) => Err(unexpected(&reply)),
        }
    }

    fn postprocess(
        &self,
        context: &Context,
        map: ArrayView2<'_, f32>,
        mask: Option<ArrayView2<'_, bool>>,
    ) -> Result<Array2<bool>, Fault> {
        let pixels = dense(map);
        let marks: Vec<u8> = mask.iter().flatten().map(|&marked| u8::from(marked)).collect();
        let request =
            Request::Postprocess { context: context.into(), size: map.dim().into(), has_mask: mask.is_some() };
        match self.ask(&request, &[bytemuck::cast_slice(&pixels), &marks])? {
            (Reply::Mask, payload) if payload.len() == map.len() => mask_of(payload, map.dim().into()),
            (reply, _) => Err(unexpected(&reply)),
        }
    }
}

fn dense(plane: ArrayView2<'_, f32>) -> Vec<f32> {
    plane.iter().copied().collect()
}

fn unexpected(reply: &Reply) -> Fault {
    Fault::Broken(format!("{reply:?} does not match the request"))
}

/// The content of a plugin's table; a library is loaded in a child process that ends at once.
pub(super) fn describe(origin: &Origin) -> Result<About, PluginError> {
    let failed = |why| PluginError::Load { path: origin.file(), why };
    if let Origin::BuiltIn(_) = origin {
        return origin.load(false).map(|loaded| loaded.about).map_err(failed);
    }
    let program = program(&origin.file(), None)?;
    let limit = Duration::from_secs(DEFAULT_TIMEOUT.into());
    load(&program, origin, Terms { global_symbols: false, limit }).map(|(about, _)| about).map_err(failed)
}

/// Starts a child that loads the plugin.
fn load(program: &Path, origin: &Origin, terms: Terms) -> Result<(About, Running), LoadError> {
    let died = |why| LoadError::Child(Box::new(why));
    let mut running = Running::start(program, origin, terms)
        .map_err(|e| died(Fault::Died(format!("(`{}`) does not start: {e}", program.display()))))?;
    running.greeting().map_err(|found| died(Fault::NoWorker { program: program.to_owned(), found }))?;
    match running.receive().map_err(died)? {
        (Reply::Loaded(about), _) => Ok((about, running)),
        (Reply::NotLoaded(why), _) => Err(why),
        (reply, _) => Err(died(unexpected(&reply))),
    }
}
