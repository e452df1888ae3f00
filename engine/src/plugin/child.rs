//! One child process of an isolated plugin: starting it, exchanging messages, and its end.

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::log::Message;
use super::pipe::{Deadline, never_block};
use super::wire::{self, PROTOCOL, Reply, Request};
use super::{Fault, Origin, PluginError};
use crate::exit_status;

/// How long a child may take to exit once its pipe is closed.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a child may take to identify itself as a worker, which it does first.
const GREETING: Duration = Duration::from_secs(30);
/// Set for children, which start none themselves: a program that is not a worker, and opens the same plugin again,
/// would start itself for ever.
const MARK: &str = "PLEURA_PLUGIN_CHILD";

/// Whether this program implements the verb `plugin-worker`.
static SERVES: AtomicBool = AtomicBool::new(false);

/// Lets isolated plugins run in children of this program, which must then call `plugin::worker` if its arguments are
/// `plugin-worker PLUGIN --timeout SECONDS [--global-symbols] [--built-in]`: a library, or a built-in plugin's name.
/// Without this call, the engine searches for `pleura`, or takes the program in `PLEURA_WORKER`.
pub fn this_program_is_a_worker() {
    SERVES.store(true, Ordering::Relaxed);
}

/// The program whose verb `plugin-worker` is the child: `worker` if given, the one that `PLEURA_WORKER` names, this
/// one if it implements that verb, or a `pleura` beside it or on `PATH`.
pub(super) fn program(library: &Path, worker: Option<&Path>) -> Result<PathBuf, PluginError> {
    let current = env::current_exe().unwrap_or_default();
    if env::var_os(MARK).is_some() {
        return Err(PluginError::WithinWorker { path: library.to_owned(), program: current });
    }
    if let Some(worker) = worker {
        return Ok(worker.to_owned());
    }
    if let Some(named) = env::var_os("PLEURA_WORKER").filter(|named| !named.is_empty()) {
        return Ok(named.into());
    }
    if SERVES.load(Ordering::Relaxed) {
        return Ok(current);
    }
    // Test programs and examples are in a folder below the one of `pleura`.
    let beside = current.ancestors().skip(1).take(2).map(Path::to_owned);
    let path = env::var_os("PATH").unwrap_or_default();
    let name = format!("pleura{}", env::consts::EXE_SUFFIX);
    let mut candidates = beside.chain(env::split_paths(&path)).map(|folder| folder.join(&name));
    // Another program may have that name.
    let is_this = |candidate: &Path| candidate.canonicalize().is_ok_and(|candidate| candidate == current);
    let found = candidates.find(|candidate| candidate.is_file() && !is_this(candidate));
    found.ok_or_else(|| PluginError::NoWorker { path: library.to_owned(), program: current })
}

/// Parameters of a child.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    pub global_symbols: bool,
    /// How long it may take to load, to create an instance, and for each reply.
    pub limit: Duration,
}

/// A child process. Dropping it closes its pipe, waits a moment, then kills it.
pub(super) struct Running {
    child: Child,
    requests: Option<ChildStdin>,
    replies: ChildStdout,
    limit: Duration,
}

impl Running {
    pub(super) fn start(program: &Path, origin: &Origin, terms: Terms) -> std::io::Result<Self> {
        let mut command = Command::new(program);
        command.env(MARK, "1").arg("plugin-worker");
        match origin {
            Origin::BuiltIn(name) => command.arg(name).arg("--built-in"),
            Origin::Library(path) => command.arg(std::path::absolute(path)?),
            Origin::Program => return Err(ErrorKind::Unsupported.into()),
        };
        command.arg("--timeout").arg(terms.limit.as_secs().to_string());
        if terms.global_symbols {
            command.arg("--global-symbols");
        }
        // Standard error is inherited, so that a plugin's output is visible.
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (requests, replies) = (child.stdin.take(), child.stdout.take());
        let requests = requests.ok_or(ErrorKind::BrokenPipe)?;
        let replies = replies.ok_or(ErrorKind::BrokenPipe)?;
        never_block(&requests)?;
        never_block(&replies)?;
        Ok(Self { child, requests: Some(requests), replies, limit: terms.limit })
    }

    fn deadline(&self) -> Instant {
        Instant::now() + self.limit
    }

    pub(super) fn ask(&mut self, request: &Request, parts: &[&[u8]]) -> Result<(Reply, Vec<u8>), Fault> {
        // A child that does not read blocks the engine like one that does not reply.
        let deadline = self.deadline();
        let pipe = self.requests.as_mut().ok_or_else(|| Fault::Died("has ended".to_owned()))?;
        wire::send(&mut Deadline { pipe, deadline }, request, parts).map_err(|error| self.fault(&error))?;
        self.receive_until(deadline)
    }

    /// Waits for the greeting of a worker of this version; the error is what came instead.
    pub(super) fn greeting(&mut self) -> Result<(), String> {
        match self.receive_until(Instant::now() + GREETING) {
            Ok((Reply::Ready { protocol: PROTOCOL }, _)) => Ok(()),
            Ok((Reply::Ready { protocol }, _)) => Err(format!("it speaks protocol {protocol}, this engine {PROTOCOL}")),
            Ok(_) => Err("it speaks a different protocol".to_owned()),
            Err(Fault::TimedOut { .. }) => Err(format!("it sent no greeting within {} s", GREETING.as_secs())),
            Err(Fault::Broken(what)) => Err(format!("it sent an unknown greeting: {what}")),
            Err(Fault::Died(how)) => Err(format!("it {how}")),
            Err(other) => Err(other.to_string()),
        }
    }

    pub(super) fn receive(&mut self) -> Result<(Reply, Vec<u8>), Fault> {
        self.receive_until(self.deadline())
    }

    /// The next reply. The plugin's messages that precede it are logged here, on the thread that made the call.
    fn receive_until(&mut self, deadline: Instant) -> Result<(Reply, Vec<u8>), Fault> {
        loop {
            let pipe = &mut self.replies;
            match wire::receive(&mut Deadline { pipe, deadline }).map_err(|error| self.fault(&error))? {
                (Reply::Logged(messages), _) => messages.iter().for_each(Message::log),
                reply => return Ok(reply),
            }
        }
    }

    /// Whether the child still runs; it may have died since its last reply.
    pub(super) fn is_alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// The fault that ended the child, which takes no more requests.
    fn fault(&mut self, error: &std::io::Error) -> Fault {
        if error.kind() == ErrorKind::TimedOut {
            self.kill();
            return Fault::TimedOut { seconds: self.limit.as_secs() };
        }
        match (error.kind(), self.end()) {
            (ErrorKind::InvalidData, _) => Fault::Broken(error.to_string()),
            (_, Some(status)) => Fault::Died(exit_status::text(status)),
            (_, None) => Fault::Died(format!("was killed: it no longer responds ({error})")),
        }
    }

    /// Ends the child; returns its status, unless it had to be killed.
    fn end(&mut self) -> Option<ExitStatus> {
        self.requests = None;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) => sleep(Duration::from_millis(2)),
                Err(_) => break,
            }
        }
        self.kill();
        None
    }

    fn kill(&mut self) {
        self.requests = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
