//! Where results go: rules in a TOML file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::error::ServeError;
use crate::inbox::ledger::Outcome;
use crate::tls::TlsPeer;
use pleura::ensemble::Outcome as Said;

/// Rules, and the destinations that they name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// Destinations by name.
    #[serde(default)]
    pub destinations: BTreeMap<String, Destination>,
    /// A result goes to the destinations of every rule that holds.
    #[serde(default)]
    pub rules: Vec<Rule>,
    /// How often a destination is tried.
    #[serde(default)]
    pub retry: Retry,
    /// How long results are kept.
    #[serde(default)]
    pub retention: Retention,
}

/// Where a result goes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Destination {
    /// DICOM objects, over DICOM.
    CStore(CStore),
    /// DICOM objects, over DICOMweb.
    Stow(Web),
    /// The finding as JSON, over HTTP.
    Webhook(Web),
    /// The finding as JSON and the DICOM objects, as files.
    Folder(Folder),
}

/// A node that stores DICOM objects.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CStore {
    /// `host:port`.
    pub address: String,
    /// Its AE title.
    pub called: String,
    /// Our AE title; default: `PLEURA`.
    #[serde(default = "title")]
    pub calling: String,
    /// How it is reached over TLS; default: without.
    #[serde(default)]
    pub tls: Option<TlsPeer>,
}

/// A web server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Web {
    /// Of a webhook, where findings are posted; of STOW, the studies resource: `http://host/dicom-web/studies`.
    pub url: String,
    /// A file with the value of `Authorization`, such as `Bearer …`.
    pub authorization_file: Option<PathBuf>,
    /// The authorities of its certificate, PEM; needed for `https://`.
    pub ca: Option<PathBuf>,
}

/// A folder.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Folder {
    /// The folder; relative to that of the rules.
    pub path: PathBuf,
}

/// A rule.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Names of destinations.
    pub send: Vec<String>,
    /// Which results; default: all.
    #[serde(default)]
    pub results: Which,
    /// AE titles or hosts that sent the image; default: any.
    #[serde(default)]
    pub from: Vec<String>,
}

/// Which results a rule sends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Every image with a finding. The default.
    #[default]
    All,
    /// With something marked, not referred to people.
    Positive,
    /// With nothing marked, not referred to people.
    Negative,
    /// That people should read first, by the manifest's `refer`.
    Refer,
    /// Images without a finding: refused or failed.
    Unread,
}

/// How often a destination is tried.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Seconds before the second attempt; each later wait is twice as long.
    pub first_seconds: f64,
    /// The longest wait, in seconds.
    pub longest_seconds: f64,
    /// Hours after which a result goes to the folder `dead` of the spool.
    pub hours: f64,
}

impl Default for Retry {
    fn default() -> Self {
        Self { first_seconds: 2.0, longest_seconds: 300.0, hours: 72.0 }
    }
}

/// How long finished images are kept. Those with a result on its way always are.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Hours after the result.
    pub hours: f64,
    /// The most images.
    pub images: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { hours: 720.0, images: 100_000 }
    }
}

fn title() -> String {
    "PLEURA".into()
}

impl Rules {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// If it cannot be read, has unknown fields, or names a destination that is not there.
    pub fn read(path: &Path) -> Result<Self, ServeError> {
        let text = std::fs::read_to_string(path).map_err(ServeError::file(path))?;
        let mut rules = Self::parse(&text).map_err(|message| ServeError::Rules { path: path.into(), message })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for destination in rules.destinations.values_mut() {
            let paths = match destination {
                Destination::Folder(Folder { path }) => [Some(path), None],
                Destination::Stow(web) | Destination::Webhook(web) => {
                    [web.authorization_file.as_mut(), web.ca.as_mut()]
                }
                Destination::CStore(pacs) => {
                    pacs.tls.iter_mut().for_each(|tls| tls.within(folder));
                    [None, None]
                }
            };
            paths.into_iter().flatten().for_each(|path| *path = folder.join(&*path));
        }
        Ok(rules)
    }

    /// Checks that DICOM objects are sent only where there are any.
    pub(crate) fn check(&self, objects: bool, manifest: &Path) -> Result<(), ServeError> {
        let sends = |destination: &Destination| matches!(destination, Destination::CStore(_) | Destination::Stow(_));
        match self.destinations.iter().find(|(_, destination)| !objects && sends(destination)) {
            Some((name, _)) => Err(ServeError::NoObjects { destination: name.clone(), manifest: manifest.into() }),
            None => Ok(()),
        }
    }

    /// Parses and checks rules.
    ///
    /// # Errors
    /// As [`Rules::read`], as text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let rules: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        for (index, rule) in rules.rules.iter().enumerate() {
            if let Some(name) = rule.send.iter().find(|name| !rules.destinations.contains_key(*name)) {
                let known: Vec<_> = rules.destinations.keys().map(String::as_str).collect();
                return Err(format!(
                    "rules[{index}].send: expected a destination ({}), found `{name}`",
                    known.join(", ")
                ));
            }
        }
        for (name, destination) in &rules.destinations {
            destination.check().map_err(|fault| format!("destinations.{name}: {fault}"))?;
        }
        let Retry { first_seconds, longest_seconds, hours } = rules.retry;
        for (field, value) in [
            ("retry.first_seconds", first_seconds),
            ("retry.longest_seconds", longest_seconds),
            ("retry.hours", hours),
            ("retention.hours", rules.retention.hours),
        ] {
            if !(value > 0.0 && value < 1e6) {
                return Err(format!("{field}: expected a number above 0 and below 1000000, found {value}"));
            }
        }
        Ok(rules)
    }

    /// The destinations of a result, each once.
    #[must_use]
    pub fn of(&self, outcome: &Outcome<'_>, origin: &str) -> Vec<String> {
        let holds = |rule: &&Rule| {
            let which = match outcome.outcome {
                Some(Said::Positive) => Which::Positive,
                Some(Said::Negative) => Which::Negative,
                Some(Said::Refer) => Which::Refer,
                None => Which::Unread,
            };
            let all = rule.results == Which::All && outcome.outcome.is_some();
            (all || rule.results == which) && (rule.from.is_empty() || rule.from.iter().any(|from| from == origin))
        };
        let mut names: Vec<String> = self.rules.iter().filter(holds).flat_map(|rule| rule.send.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

impl Rules {
    /// Whether one of these destinations takes DICOM objects; otherwise none are made.
    #[must_use]
    pub fn take_objects(&self, destinations: &[String]) -> bool {
        let takes =
            |name: &String| self.destinations.get(name).is_some_and(|it| !matches!(it, Destination::Webhook(_)));
        destinations.iter().any(takes)
    }
}

impl Destination {
    fn check(&self) -> Result<(), String> {
        match self {
            #[cfg(not(feature = "tls"))]
            Self::CStore(CStore { tls: Some(_), .. }) => Err(crate::tls::WITHOUT.into()),
            #[cfg(feature = "tls")]
            Self::CStore(CStore { tls: Some(tls), .. }) if tls.certificate.is_some() != tls.key.is_some() => {
                Err("tls: expected `certificate` and `key` together".into())
            }
            Self::CStore(CStore { called, calling, .. }) => {
                let fault = [called, calling].into_iter().find(|title| title.is_empty() || title.len() > 16);
                fault
                    .map_or(Ok(()), |title| Err(format!("expected an AE title of 1 to 16 characters, found `{title}`")))
            }
            Self::Stow(web) | Self::Webhook(web) => match web.url.split_once("://") {
                Some(("http", _)) if web.ca.is_none() => Ok(()),
                Some(("http", _)) => Err(format!("`{}` has a `ca`: expected `https://…`", web.url)),
                #[cfg(not(feature = "tls"))]
                Some(("https", _)) => Err(crate::tls::WITHOUT.into()),
                #[cfg(feature = "tls")]
                Some(("https", _)) if web.ca.is_some() => Ok(()),
                #[cfg(feature = "tls")]
                Some(("https", _)) => Err(format!("`{}` needs `ca`, the authorities of its certificate", web.url)),
                _ => Err(format!("url: expected `http://…` or `https://…`, found `{}`", web.url)),
            },
            Self::Folder(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        [destinations.pacs]
        c-store = { address = "127.0.0.1:104", called = "PACS" }
        [destinations.all]
        folder = { path = "out" }
        [[rules]]
        send = ["pacs", "all"]
        results = "positive"
        [[rules]]
        send = ["all"]
        from = ["CR1"]
    "#;

    fn outcome(state: &str, outcome: Option<Said>) -> Outcome<'_> {
        Outcome { outcome, ..Outcome::without_finding(state, String::new()) }
    }

    #[test]
    fn each_rule_that_holds_sends_and_each_destination_gets_one() {
        let rules = Rules::parse(TEXT).unwrap();
        assert_eq!(rules.of(&outcome("done", Some(Said::Positive)), "CR1"), ["all", "pacs"]);
        assert_eq!(rules.of(&outcome("done", Some(Said::Positive)), "CR2"), ["all", "pacs"]);
        assert_eq!(rules.of(&outcome("done", Some(Said::Negative)), "CR1"), ["all"]);
        assert_eq!(rules.of(&outcome("done", Some(Said::Negative)), "CR2"), [""; 0]);
        assert_eq!(rules.of(&outcome("done", Some(Said::Refer)), "CR1"), ["all"]);
        assert_eq!(rules.of(&outcome("done", Some(Said::Refer)), "CR2"), [""; 0]);
        let referred = Rules::parse(&TEXT.replace("\"positive\"", "\"refer\"")).unwrap();
        assert_eq!(referred.of(&outcome("done", Some(Said::Refer)), "CR2"), ["all", "pacs"]);
        assert_eq!(referred.of(&outcome("done", Some(Said::Positive)), "CR2"), [""; 0]);
        assert_eq!(rules.of(&outcome("failed", None), "CR1"), [""; 0]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (from, to, expected) in [
            ("send = [\"all\"]", "send = [\"al\"]", "rules[1].send: expected a destination (all, pacs), found `al`"),
            ("results", "result", "unknown field `result`"),
            ("called = \"PACS\"", "called = \"\"", "destinations.pacs: expected an AE title"),
            ("folder =", "folders =", "unknown variant `folders`"),
            ("folder = { path = \"out\" }", "webhook = { url = \"ftp://x\" }", "expected `http://"),
        ] {
            let message = Rules::parse(&TEXT.replace(from, to)).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
        let without = Rules::parse(TEXT).unwrap().check(false, Path::new("e.toml")).unwrap_err().to_string();
        assert!(without.contains("`pacs`") && without.contains("`e.toml`"), "{without}");
        assert!(Rules::parse("retry = { hours = 0 }").unwrap_err().contains("retry.hours"));
    }
}
