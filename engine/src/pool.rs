//! The engine's own threads for parallel work.
//!
//! A library must not wait for its caller's threads: callers may be all the workers of rayon's global pool, or of their
//! own pool, each waiting for the engine. So the engine never runs on those, and a worker of another pool that waits
//! here takes no other work meanwhile: that work could need a lock that the waiting caller holds.

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rayon::{ThreadPool, ThreadPoolBuilder};

/// How long a worker of the pool that waits for a channel sleeps if the pool is idle.
const NAP: Duration = Duration::from_millis(1);

/// Threads that are started once, and end when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Pool(Arc<ThreadPool>);

/// The pool shared by all users that do not need another number of threads, and the process that started it.
static SHARED: Mutex<Option<(u32, Pool)>> = Mutex::new(None);

impl Pool {
    /// Starts `threads` threads; 0: one per core, or `RAYON_NUM_THREADS`.
    ///
    /// # Errors
    /// If the system refuses a thread; those that were started end.
    pub fn new(threads: usize) -> io::Result<Self> {
        let named = |index| format!("pleura-{index}");
        let pool = ThreadPoolBuilder::new().num_threads(threads).thread_name(named).build();
        pool.map(|pool| Self(Arc::new(pool))).map_err(|error| not_started(&error))
    }

    /// The process's shared pool, started by the first call with its number of threads (see [`Pool::new`]); for another
    /// number, a separate pool. 0 takes the shared one, whatever its number.
    ///
    /// # Errors
    /// As [`Pool::new`].
    pub fn shared(threads: usize) -> io::Result<Self> {
        // A panic leaves the state consistent.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let process = std::process::id();
        if shared.as_ref().is_some_and(|(started_in, _)| *started_in != process) {
            // a forked child has none of its parent's threads: ending them would wait for ever
            mem::forget(shared.take());
        }
        match &*shared {
            Some((_, pool)) if threads == 0 || pool.threads() == threads => Ok(pool.clone()),
            Some(_) => Self::new(threads),
            None => Ok(shared.insert((process, Self::new(threads)?)).1.clone()),
        }
    }

    /// The number of threads, at least 1.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.0.current_num_threads()
    }

    /// Runs work on the pool's threads and waits for it; rayon's parallel iterators in it run there, too.
    ///
    /// # Panics
    /// If the work panics.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        if self.holds_this_thread() || rayon::current_thread_index().is_none() {
            // On this thread, or from a thread of no pool, which sleeps until it is done.
            self.0.install(work)
        } else {
            self.run_for_a_worker(work)
        }
    }

    /// As [`Pool::run`], for a worker of another pool. It sleeps, whereas `install` would make it take other work of
    /// its own pool.
    fn run_for_a_worker<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let (sender, done) = channel();
        let job: Box<dyn FnOnce() + Send + '_> = Box::new(move || {
            // Only the caller sees the state after a panic, and the panic is resumed there.
            let result = catch_unwind(AssertUnwindSafe(work));
            let _ = sender.send(result);
        });
        // SAFETY: what the job borrows lives until this function returns, which waits for the job's end: the sender is
        // dropped with the job, whether it ran or not, and `recv` returns no earlier than the job has consumed `work`.
        let job = unsafe { mem::transmute::<Box<dyn FnOnce() + Send + '_>, Box<dyn FnOnce() + Send + 'static>>(job) };
        self.0.spawn(job);
        match done.recv() {
            Ok(Ok(value)) => value,
            Ok(Err(panic)) => resume_unwind(panic),
            // The pool lives as long as `self`, and runs every job.
            Err(_) => unreachable!("a job that was given to a pool is run"),
        }
    }

    /// Whether the current thread is one of the pool's.
    fn holds_this_thread(&self) -> bool {
        self.0.current_thread_index().is_some()
    }

    /// The next message; `None` if all senders are gone. A worker of this pool does the pool's work while it waits,
    /// because the message may depend on it.
    pub(crate) fn receive<T>(&self, from: &Receiver<T>) -> Option<T> {
        if !self.holds_this_thread() {
            return from.recv().ok();
        }
        loop {
            match from.try_recv() {
                Ok(message) => return Some(message),
                Err(TryRecvError::Disconnected) => return None,
                Err(TryRecvError::Empty) => match self.0.yield_now() {
                    Some(rayon::Yield::Executed) => {}
                    _ => std::thread::sleep(NAP),
                },
            }
        }
    }
}

/// The system's error, with its kind.
fn not_started(error: &rayon::ThreadPoolBuildError) -> io::Error {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    let kind = cause.map_or(io::ErrorKind::Other, io::Error::kind);
    io::Error::new(
        kind,
        format!(
            "cannot start the engine's threads: {error}; allow more processes, or use fewer \
                                  threads (`threads`)"
        ),
    )
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rayon::prelude::*;

    use super::*;

    #[test]
    fn work_runs_on_the_pools_own_threads_whoever_asks() {
        let pool = Pool::new(2).unwrap();
        let inside = || pool.run(|| (0..8).into_par_iter().all(|_| pool.holds_this_thread()));
        assert!(inside());
        assert!(pool.run(inside), "from within");
        let other = Pool::new(1).unwrap();
        assert!(other.run(inside), "from another pool");
        assert_eq!(pool.threads(), 2);
    }

    #[test]
    fn a_worker_that_waits_takes_on_nothing_else() {
        let (pool, callers) = (Pool::new(1).unwrap(), Pool::new(1).unwrap());
        let (within, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let call = |_| {
            most.fetch_max(within.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            pool.run(|| std::thread::sleep(Duration::from_millis(2)));
            within.fetch_sub(1, Ordering::SeqCst);
        };
        callers.run(|| (0..16).into_par_iter().for_each(call));
        assert_eq!(most.into_inner(), 1, "a second call was begun within the first");
    }

    #[test]
    fn panics_come_back_to_whoever_asked() {
        let (pool, other) = (Pool::new(1).unwrap(), Pool::new(1).unwrap());
        let panics = || catch_unwind(AssertUnwindSafe(|| pool.run::<()>(|| panic!("in the pool")))).is_err();
        assert!(panics() && other.run(panics) && pool.run(panics));
        assert_eq!(pool.run(|| 1), 1, "and the pool goes on");
    }

    #[test]
    fn a_worker_does_the_work_that_its_message_depends_on() {
        let pool = Pool::new(1).unwrap();
        let (sender, receiver) = channel();
        let (there, later) = (pool.clone(), pool.clone());
        let received = pool.run(move || {
            // Needs the pool's only thread, which is the waiting one.
            there.0.spawn(move || sender.send(7).unwrap());
            (later.receive(&receiver), later.receive(&receiver))
        });
        assert_eq!(received, (Some(7), None));
    }
}
