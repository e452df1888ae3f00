//! The child process of `isolation = "process"`: loads one plugin and makes the calls that the engine requests.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::thread::{self, ScopedJoinHandle};

use ndarray::ArrayView2;

use super::buffer::mask_of;
use super::call::{Calls, Instance};
use super::library::Loaded;
use super::wire::{self, PROTOCOL, Reply, Request};
use super::{Fault, Origin, Size, log};

/// Seconds after its time limit at which a child ends itself. The engine kills it earlier, if the engine still runs.
const GRACE: u32 = 10;

/// Serves one plugin over standard input and output until the input ends. What the plugin itself prints goes to
/// standard error. The engine kills a child whose call takes longer than `timeout` seconds; if the engine is gone, the
/// child ends itself soon after.
///
/// # Errors
/// If the engine sends an invalid request, or is gone before the reply.
pub fn worker(origin: &Origin, global_symbols: bool, timeout: u32) -> io::Result<()> {
    let limit = timeout.saturating_add(GRACE);
    log::collect();
    // Before the library is loaded: its initialisers may print, too.
    let (mut requests, replies) = take_pipes()?;
    let mut replies = BufWriter::new(replies);
    wire::send(&mut replies, &Reply::Ready { protocol: PROTOCOL }, &[])?;
    match within(limit, || origin.load(global_symbols)) {
        Ok(loaded) => {
            let about = loaded.about.clone();
            wire::send(&mut replies, &Reply::Loaded(about), &[])?;
            serve(&loaded, limit, &mut requests, &mut replies)
        }
        Err(why) => wire::send(&mut replies, &Reply::NotLoaded(why), &[]),
    }
}

fn serve(loaded: &Loaded, limit: u32, requests: &mut impl Read, replies: &mut impl Write) -> io::Result<()> {
    let Some((request, _)) = next(requests)? else { return Ok(()) };
    let Request::Create { params, threads } = request else {
        return Err(wire::broken("the first request does not create an instance".to_owned()));
    };
    let instance = match within(limit, || Instance::create(loaded, &params)) {
        Ok(instance) => instance,
        Err(message) => return reply(replies, &Reply::Refused(message), &[]),
    };
    reply(replies, &Reply::Created, &[])?;
    while let Some((request, payload)) = next(requests)? {
        let (answered, payload) = within(limit, || answer(&instance, &request, &payload, threads));
        reply(replies, &answered, &[&payload])?;
    }
    Ok(())
}

/// Sends a reply, preceded by the plugin's messages.
fn reply(replies: &mut impl Write, reply: &Reply, parts: &[&[u8]]) -> io::Result<()> {
    let logged = log::collected();
    if !logged.is_empty() {
        wire::send(replies, &Reply::Logged(logged), &[])?;
    }
    wire::send(replies, reply, parts)
}

/// The next request; `None` if the engine has closed the pipe.
fn next(requests: &mut impl Read) -> io::Result<Option<(Request, Vec<u8>)>> {
    match wire::receive(requests) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        request => request.map(Some),
    }
}

type Answer = (Reply, Vec<u8>);

/// Makes the call, on several threads at once if the engine checks that their results agree.
fn answer(instance: &Instance, request: &Request, payload: &[u8], threads: usize) -> Answer {
    let call = || make(instance, request, payload).unwrap_or_else(|fault| (Reply::Fault(fault), Vec::new()));
    let mut answers: Vec<Answer> = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| thread::Builder::new().spawn_scoped(scope, call)).collect();
        let mine = call();
        let answer = |other: io::Result<ScopedJoinHandle<'_, Answer>>| match other {
            Ok(other) => other.join().ok(),
            Err(error) => {
                Some((Reply::Fault(Fault::Input(format!("cannot start a thread for its calls: {error}"))), Vec::new()))
            }
        };
        std::iter::once(mine).chain(others.into_iter().filter_map(answer)).collect()
    });
    if let Some(place) = answers.iter().position(|(reply, _)| matches!(reply, Reply::Fault(Fault::Input(_)))) {
        return answers.swap_remove(place);
    }
    let agree = answers.len() == threads.max(1) && answers.iter().all(|answer| *answer == answers[0]);
    if agree { answers.swap_remove(0) } else { (Reply::Fault(Fault::Differs), Vec::new()) }
}

fn make(instance: &Instance, request: &Request, payload: &[u8]) -> Result<Answer, Fault> {
    match request {
        Request::Create { .. } => Err(Fault::Broken("an instance is created once".to_owned())),
        Request::Views => Ok((Reply::Views(instance.views()?), Vec::new())),
        Request::ViewSize { view, image } => Ok((Reply::ViewSize(instance.view_size(*view, *image)?), Vec::new())),
        Request::Plane { call, input, out } => {
            let pixels = floats(payload, *input)?;
            let plane = instance.plane(*call, view(&pixels, *input)?, *out)?;
            Ok((Reply::Plane, bytemuck::cast_slice(&plane.into_raw_vec_and_offset().0).to_vec()))
        }
        Request::Postprocess { context, size, has_mask } => {
            let (map, marks) = payload.split_at_checked(size.area() * 4).ok_or_else(short)?;
            let pixels = floats(map, *size)?;
            let mask = if *has_mask { Some(mask_of(marks.to_vec(), *size)?) } else { None };
            let mask = mask.as_ref().map(|mask| mask.view());
            let mask = instance.postprocess(&context.into(), view(&pixels, *size)?, mask)?;
            Ok((Reply::Mask, mask.iter().map(|&marked| u8::from(marked)).collect()))
        }
    }
}

fn floats(bytes: &[u8], size: Size) -> Result<Vec<f32>, Fault> {
    if bytes.len() == size.area() * size_of::<f32>() { Ok(bytemuck::pod_collect_to_vec(bytes)) } else { Err(short()) }
}

fn view(pixels: &[f32], size: Size) -> Result<ArrayView2<'_, f32>, Fault> {
    ArrayView2::from_shape(size, pixels).map_err(|_| short())
}

fn short() -> Fault {
    Fault::Broken("the request's payload has the wrong size".to_owned())
}

/// Runs work with an alarm set: if it does not return, SIGALRM ends this process, which the engine notices.
fn within<T>(seconds: u32, work: impl FnOnce() -> T) -> T {
    set_alarm(seconds);
    let value = work();
    set_alarm(0);
    value
}

#[cfg(unix)]
fn set_alarm(seconds: u32) {
    // SAFETY: a plain system call; the signal's default action is intended.
    unsafe { libc::alarm(seconds) };
}

#[cfg(not(unix))]
fn set_alarm(_: u32) {}

/// Reserves the two pipes to the engine: standard input becomes empty, and standard output is redirected to standard
/// error, so that a plugin that reads or prints cannot disturb the protocol.
#[cfg(unix)]
fn take_pipes() -> io::Result<(File, File)> {
    use std::os::fd::{AsFd, AsRawFd};
    let requests = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let replies = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let nothing = File::open("/dev/null")?;
    redirect(nothing.as_raw_fd(), libc::STDIN_FILENO)?;
    redirect(libc::STDERR_FILENO, libc::STDOUT_FILENO)?;
    Ok((requests, replies))
}

#[cfg(unix)]
fn redirect(from: i32, to: i32) -> io::Result<()> {
    // SAFETY: a plain system call on two descriptors; `to` is a standard stream, which no object owns.
    if unsafe { libc::dup2(from, to) } == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(not(unix))]
fn take_pipes() -> io::Result<(File, File)> {
    Err(io::Error::new(ErrorKind::Unsupported, "plugins run in a child process on Unix only"))
}
