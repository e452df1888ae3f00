//! A conformance test of one plugin: does it keep the contract on awkward inputs?
//!
//! Everything runs in child processes: a plugin that crashes fails its check, and the next check runs in a new child.
//! Every call is made twice, again by four threads of one process at once, and after other images; the results must be
//! the same. Views must be transformed back to their original position.

mod inputs;
mod roles;
mod views;

use serde_json::{Map, Value};

use super::{Fault, Origin, Plugin, PluginError, Role};
use crate::manifest::{Isolation, Step};

/// Threads that call an instance at once.
const THREADS: usize = 4;
/// A parameter name that no plugin has.
const STRANGER: &str = "no_plugin_has_this_parameter";

/// One check and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Check {
    /// The name of the check.
    pub what: String,
    /// A remark if it holds (mostly empty), the problem if it does not.
    pub outcome: Result<String, String>,
}

/// Tests a plugin with the given parameters, passing each finished check to `report`. A call may take
/// `timeout` seconds. Returns whether all checks hold.
pub fn test(origin: &Origin, params: &Map<String, Value>, timeout: u32, mut report: impl FnMut(&Check)) -> bool {
    let mut report = Report { all_hold: true, tell: &mut report };
    let step = step(params.clone(), timeout);
    if let Some(subject) = Subject::open(origin, &step, &mut report) {
        report.add("refuses a parameter it does not know", refuses_stranger(origin, step));
        match subject.alone.role() {
            Role::Prepare => roles::prepare(&subject, &mut report),
            Role::Tta => views::tta(&subject, &mut report),
            Role::Postprocess => roles::postprocess(&subject, &mut report),
        }
    }
    report.all_hold
}

/// The plugin under test: called by one thread, and by several.
struct Subject {
    alone: Plugin,
    crowd: Plugin,
}

impl Subject {
    fn open(origin: &Origin, step: &Step, report: &mut Report<'_>) -> Option<Self> {
        let open = |threads| Plugin::apart(origin.clone(), step, threads, None);
        let shown = Value::Object(step.params.clone());
        match open(1).and_then(|alone| Ok(Self { alone, crowd: open(THREADS)? })) {
            Ok(subject) => {
                let about = subject.alone.about();
                let (major, minor) = about.abi;
                let text = format!("`{}` {}, {}, ABI {major}.{minor}", about.name, about.version, about.role);
                report.add("loads", Ok(text));
                report.add(&format!("takes the parameters {shown}"), Ok(String::new()));
                Some(subject)
            }
            Err(error @ PluginError::Refused { .. }) => {
                report.add(&format!("takes the parameters {shown}"), Err(error.to_string()));
                None
            }
            Err(error) => {
                report.add("loads", Err(error.to_string()));
                None
            }
        }
    }

    /// Makes a call of an instance four times in all; returns the result if it is always the same.
    fn agree<T: PartialEq>(&self, call: impl Fn(&Plugin) -> Result<T, PluginError>) -> Result<T, Trouble> {
        let first = call(&self.alone)?;
        if call(&self.alone)? != first {
            return Err(Trouble::Wrong("the same input gives a different result the second time".to_owned()));
        }
        if call(&self.crowd)? != first {
            return Err(Trouble::Wrong("the same input gives a different result in another process".to_owned()));
        }
        Ok(first)
    }
}

/// Why a call gave no good result.
enum Trouble {
    /// The plugin refuses the input; its message.
    Declined(String),
    /// Anything else.
    Wrong(String),
}

impl From<PluginError> for Trouble {
    fn from(error: PluginError) -> Self {
        match error {
            PluginError::Call { why: Fault::Said(text), .. } if !text.starts_with("panicked") => Self::Declined(text),
            error => Self::Wrong(error.to_string()),
        }
    }
}

impl Trouble {
    /// The check's outcome; `may_decline` allows a plugin to refuse such an input.
    fn outcome(self, may_decline: bool) -> Result<String, String> {
        match self {
            Self::Declined(text) if may_decline => Ok(format!("declines: {text}")),
            Self::Declined(text) => Err(format!("rejects an ordinary input: {text}")),
            Self::Wrong(text) => Err(text),
        }
    }
}

struct Report<'a> {
    all_hold: bool,
    tell: &'a mut dyn FnMut(&Check),
}

impl Report<'_> {
    fn add(&mut self, what: &str, outcome: Result<String, String>) {
        self.all_hold &= outcome.is_ok();
        (self.tell)(&Check { what: what.to_owned(), outcome });
    }
}

fn refuses_stranger(origin: &Origin, mut step: Step) -> Result<String, String> {
    step.params.insert(STRANGER.to_owned(), true.into());
    match Plugin::apart(origin.clone(), &step, 1, None) {
        Err(PluginError::Refused { message, .. }) if message.starts_with("panicked") => Err(message),
        Err(PluginError::Refused { message, .. }) => Ok(message),
        Err(error) => Err(error.to_string()),
        Ok(_) => {
            Err("a typo in a manifest would not be detected (in Rust: `#[serde(deny_unknown_fields)]`)".to_owned())
        }
    }
}

fn step(params: Map<String, Value>, timeout: u32) -> Step {
    Step { params, isolation: Isolation::Process, timeout: Some(timeout), ..Step::default() }
}
