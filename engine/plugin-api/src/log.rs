//! Messages of plugins other than errors, which appear among the engine's own.

use std::fmt::Display;
use std::sync::OnceLock;

use crate::abi::{self, Str};

/// The level of a message. The program shows errors and warnings; `-v` adds infos, and `-vv` debug messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Level {
    /// Something is wrong, but the call continues.
    Error = abi::LOG_ERROR,
    /// The result may be unexpected.
    Warn = abi::LOG_WARN,
    /// What was done.
    Info = abi::LOG_INFO,
    /// Details for debugging the plugin.
    Debug = abi::LOG_DEBUG,
}

/// The host's function, set when it loads this library.
static HOST: OnceLock<abi::Log> = OnceLock::new();

/// Logs a message to the host, which adds the plugin's name and, if there is one, the image. A message is one line of up to
/// 4096 bytes; longer ones are cut.
///
/// Without a host, as in a plugin's own tests, and with hosts of ABI 1.0, nothing happens. To fail, return an
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
    // SAFETY: any thread may call the host's function as long as the process runs; the text outlives the call.
    unsafe { host(level as u32, Str { data: text.as_ptr().cast(), len: text.len() }) };
}

/// [`Table::use_log`](abi::Table::use_log) of every plugin in Rust.
pub(crate) unsafe extern "C" fn use_log(host: abi::Log) {
    // a second host in one process is the same program
    let _ = HOST.set(host);
}
