//! What a plugin has to say while all goes well: it appears among the engine's own messages.

use std::fmt::Display;
use std::sync::OnceLock;

use crate::abi::{self, Str};

/// How much a message matters. The program shows warnings; `-v` shows infos, and `-vv` the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Level {
    /// Something is wrong, though the call goes on.
    Error = abi::LOG_ERROR,
    /// The result may not be what its user expects.
    Warn = abi::LOG_WARN,
    /// What was done, for those who look.
    Info = abi::LOG_INFO,
    /// What helps to find a fault in the plugin.
    Debug = abi::LOG_DEBUG,
}

/// The host's function, from the moment that it has loaded this library.
static HOST: OnceLock<abi::Log> = OnceLock::new();

/// Logs a message to the host, which adds the plugin's name and, if there is one, the image. A message is one line of up to
/// 4096 bytes; what is longer is cut.
///
/// Without a host, as in a plugin's own tests, and with hosts of ABI 1.0 nothing happens. To fail, return an
/// [`Error`](crate::Error) instead.
///
/// ```
/// use pleura_plugin::{Level, log};
///
/// log(Level::Warn, format_args!("{} components, expected at most {}", 70, 64));
/// ```
pub fn log(level: Level, message: impl Display) {
    let Some(host) = HOST.get() else { return };
    let text = message.to_string();
    // SAFETY: the host's function may be called from any thread for as long as the process; the text outlives the call.
    unsafe { host(level as u32, Str { data: text.as_ptr().cast(), len: text.len() }) };
}

/// [`Table::use_log`](abi::Table::use_log) of every plugin in Rust.
pub(crate) unsafe extern "C" fn use_log(host: abi::Log) {
    // a second host of one process is the same program
    let _ = HOST.set(host);
}
