//! Messages of plugins, as events of the engine's log under the plugin's name.
//!
//! An event is logged on the thread that makes the call, within the span of the current image. A child process collects
//! its plugin's messages, and the engine logs them with the reply.

use std::sync::{Mutex, OnceLock, PoisonError};

use pleura_plugin::abi::{self, Str};
use serde::{Deserialize, Serialize};

use super::exits;

/// The maximum length of a message or an error, in bytes.
const MAX_MESSAGE: usize = 4096;
/// The maximum number of messages that a child process passes on per call.
const MAX_MESSAGES: usize = 100;

/// A message of a plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Message {
    plugin: String,
    level: u32,
    text: String,
}

/// In a child process, the messages since the last reply.
static COLLECTED: OnceLock<Mutex<Vec<Message>>> = OnceLock::new();

/// Copies a plugin's text, or its first [`MAX_MESSAGE`] bytes.
///
/// # Safety
/// The bytes must be valid for reads.
pub(super) unsafe fn text(message: Str) -> String {
    let message = Str { data: message.data, len: message.len.min(MAX_MESSAGE) };
    // SAFETY: the caller guarantees that the bytes are valid.
    unsafe { message.to_text() }
}

/// The function passed to plugins; any thread may call it.
pub(super) unsafe extern "C" fn take(level: u32, message: Str) {
    // SAFETY: the plugin keeps the text valid during the call.
    let text = unsafe { text(message) };
    let plugin = exits::caller().unwrap_or_else(|| "on a thread of its own".to_owned());
    let message = Message { plugin, level, text };
    match COLLECTED.get() {
        Some(collected) => {
            let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
            if collected.len() < MAX_MESSAGES {
                collected.push(message);
            }
        }
        None => message.log(),
    }
}

/// From now on, messages are collected instead of logged.
pub(super) fn collect() {
    COLLECTED.get_or_init(Mutex::default);
}

/// The messages since the last call of this function.
pub(super) fn collected() -> Vec<Message> {
    let collected = COLLECTED.get().map(|collected| collected.lock().unwrap_or_else(PoisonError::into_inner));
    collected.map(|mut messages| std::mem::take(&mut *messages)).unwrap_or_default()
}

impl Message {
    /// Logs it, with line breaks replaced by blanks; an unknown level counts as info.
    pub(super) fn log(&self) {
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let plugin = &self.plugin;
        match self.level {
            abi::LOG_ERROR => tracing::error!(target: "pleura::plugin", "plugin `{plugin}`: {text}"),
            abi::LOG_WARN => tracing::warn!(target: "pleura::plugin", "plugin `{plugin}`: {text}"),
            abi::LOG_DEBUG => tracing::debug!(target: "pleura::plugin", "plugin `{plugin}`: {text}"),
            _ => tracing::info!(target: "pleura::plugin", "plugin `{plugin}`: {text}"),
        }
    }
}
