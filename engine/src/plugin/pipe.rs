//! The engine's ends of the pipes to a child process: reading and writing end at a deadline, whatever the child does.

use std::io::{self, Read, Write};
use std::time::Instant;

#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd};

/// A pipe with a deadline. Reading or writing past it is an error of kind [`io::ErrorKind::TimedOut`].
pub(super) struct Deadline<'a, P> {
    pub pipe: &'a mut P,
    pub deadline: Instant,
}

/// Makes reading or writing return at once if the other side is not ready.
#[cfg(unix)]
pub(super) fn never_block(pipe: &impl AsFd) -> io::Result<()> {
    let pipe = pipe.as_fd().as_raw_fd();
    // SAFETY: plain system calls on a descriptor that is borrowed for their duration.
    let flags = unsafe { libc::fcntl(pipe, libc::F_GETFL) };
    // SAFETY: as above.
    if flags == -1 || unsafe { libc::fcntl(pipe, libc::F_SETFL, flags | libc::O_NONBLOCK) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

#[cfg(unix)]
impl<P: Read + AsFd> Read for Deadline<'_, P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.pipe.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(self.pipe, libc::POLLIN, self.deadline)?;
                }
                result => return result,
            }
        }
    }
}

#[cfg(unix)]
impl<P: Write + AsFd> Write for Deadline<'_, P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.pipe.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    wait(self.pipe, libc::POLLOUT, self.deadline)?;
                }
                result => return result,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

/// Waits until the pipe can be read or written, or its other side is closed.
#[cfg(unix)]
fn wait(pipe: &impl AsFd, events: libc::c_short, deadline: Instant) -> io::Result<()> {
    let mut entry = libc::pollfd { fd: pipe.as_fd().as_raw_fd(), events, revents: 0 };
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // Rounded up: a wait of 0 ms would spin.
        let millis = libc::c_int::try_from(left.as_millis() + 1).unwrap_or(libc::c_int::MAX);
        // SAFETY: one entry, valid during the call.
        match unsafe { libc::poll(&raw mut entry, 1, millis) } {
            1.. => return Ok(()),
            0 => {}
            _ => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    }
}

// Plugins run in a child process on Unix only; there is nothing to wait for elsewhere.
#[cfg(not(unix))]
pub(super) fn never_block<P>(_: &P) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
impl<P: Read> Read for Deadline<'_, P> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.pipe.read(buffer)
    }
}

#[cfg(not(unix))]
impl<P: Write> Write for Deadline<'_, P> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.pipe.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pipe.flush()
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn neither_reading_nor_writing_waits_for_ever() {
        let (mut reader, mut writer) = io::pipe().unwrap();
        never_block(&reader).unwrap();
        never_block(&writer).unwrap();
        let deadline = || Instant::now() + Duration::from_millis(30);
        let read = Deadline { pipe: &mut reader, deadline: deadline() }.read(&mut [0]);
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // More than any pipe holds, and there is no reader.
        let written = Deadline { pipe: &mut writer, deadline: deadline() }.write_all(&vec![7; 32 << 20]);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        // Data that have arrived can be read, whatever the deadline.
        let mut byte = [0];
        Deadline { pipe: &mut reader, deadline: Instant::now() }.read_exact(&mut byte).unwrap();
        assert_eq!(byte, [7]);
        drop(reader);
        let gone = Deadline { pipe: &mut writer, deadline: deadline() }.write_all(&[0]);
        assert_eq!(gone.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
