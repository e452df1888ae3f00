//! `pleura serve`: a node that takes radiographs over DICOM and HTTP, and sends the findings on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bytesize::ByteSize;
use pleura::ensemble::Ensemble;
use pleura_serve::inbox::SpoolLimits;
use pleura_serve::rules::Rules;
use pleura_serve::{Config, Peer, Running, TlsFiles};

use crate::engine::EngineArgs;
use crate::exit::Exit;
use crate::paths::{Checked, Command, Paths};
use crate::{interrupt, term};

#[derive(clap::Args)]
pub struct Args {
    /// The ensemble's manifest.
    ensemble: PathBuf,

    /// Folder of everything that was received, and of the results. An image is on its disk before the sender is
    /// answered.
    #[arg(long, value_name = "DIR")]
    spool: PathBuf,

    /// Where results are sent: destinations and rules.
    #[arg(long, value_name = "TOML")]
    rules: Option<PathBuf>,

    /// Address for DICOM (C-STORE, C-ECHO), or `off`; with port 0, a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:11112", help_heading = "Network")]
    dicom: Listen,

    /// Address for HTTP (STOW-RS, `POST /predict`, results, a page), or `off`; with port 0, a free port.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", help_heading = "Network")]
    http: Listen,

    /// The node's AE title.
    #[arg(long, value_name = "AE", default_value = "PLEURA", help_heading = "Network")]
    title: String,

    /// Who may send over DICOM, such as `CR1@192.0.2.7`, or `*@192.0.2.7` for any AE title; may be given several times.
    /// Needed for addresses other than this machine's.
    #[arg(long, value_name = "AE@HOST", help_heading = "Network")]
    allow: Vec<Peer>,

    /// File with the token that HTTP requests must bring, as a bearer token or as a password. Needed for addresses other
    /// than this machine's.
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    token_file: Option<PathBuf>,

    /// PEM file of the node's certificate: DICOM and HTTP then speak TLS. Needs the feature `tls`.
    #[arg(long, value_name = "PEM", requires = "tls_key", help_heading = "Network")]
    tls_certificate: Option<PathBuf>,

    /// PEM file of the certificate's private key.
    #[arg(long, value_name = "PEM", requires = "tls_certificate", help_heading = "Network")]
    tls_key: Option<PathBuf>,

    /// PEM file of authorities: clients without a certificate of theirs are not answered.
    #[arg(long, value_name = "PEM", requires = "tls_certificate", help_heading = "Network")]
    tls_clients: Option<PathBuf>,

    /// Size limit of one object.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", help_heading = "Limits")]
    max_object: ByteSize,

    /// Size limit of one HTTP request.
    #[arg(long, value_name = "SIZE", default_value = "1GiB", help_heading = "Limits")]
    max_body: ByteSize,

    /// Size limit of the spool's files; beyond it, images are refused until results have been sent and forgotten.
    #[arg(long, value_name = "SIZE", default_value = "100GiB", help_heading = "Limits")]
    max_spool: ByteSize,

    /// Number of DICOM associations, and of HTTP connections, at once.
    #[arg(long, value_name = "N", default_value_t = 64, help_heading = "Limits")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    max_associations: u16,

    /// Size limit of a PDU, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 131_072, help_heading = "Limits")]
    #[arg(value_parser = clap::value_parser!(u32).range(4096..=1_048_576))]
    max_pdu: u32,

    /// How many seconds to wait for a silent or slow peer.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, help_heading = "Limits")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    timeout: u16,

    #[command(flatten)]
    engine: EngineArgs,
}

/// An address, or none.
#[derive(Clone, Copy)]
struct Listen(Option<SocketAddr>);

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self(None));
        }
        text.parse()
            .map(|address| Self(Some(address)))
            .map_err(|_| format!("expected an address and a port, such as `127.0.0.1:11112`, or `off`, found `{text}`"))
    }
}

impl Command for Args {
    fn paths(&self, paths: &mut Paths) -> Result<()> {
        paths.reads_ensemble("ENSEMBLE", &self.ensemble);
        paths.reads_any("--rules", &self.rules);
        paths.reads_any("--token-file", &self.token_file);
        paths.reads_any("--tls-certificate", &self.tls_certificate);
        paths.reads_any("--tls-key", &self.tls_key);
        paths.reads_any("--tls-clients", &self.tls_clients);
        paths.writes_tree("--spool", &self.spool);
        self.engine.paths(paths);
        Ok(())
    }

    fn run(&self, _: &Checked) -> Result<Exit> {
        run(self)
    }
}

fn run(args: &Args) -> Result<Exit> {
    // check everything that can fail before models are opened
    let config = config(args)?;
    config.check()?;
    let rules = args.rules.as_deref().map_or_else(|| Ok(Rules::default()), Rules::read)?;
    let ensemble = args.engine.open(&args.ensemble, Ensemble::options())?;
    let stop = Arc::new(AtomicBool::new(false));
    let interrupt = interrupt::again()?;
    interrupt.becomes_stop(&stop, "stopping after the images in progress; the others stay in the spool");
    let running = Running::start(config, rules, ensemble)?;
    tell(args, &running)?;
    while !stop.load(Ordering::SeqCst) {
        thread::sleep(Duration::from_millis(100));
        // what was received is in the spool: a fresh start goes on with it
        ensure!(
            running.is_whole(),
            "a part of the node ended, which is a bug: see the lines above, and start it again"
        );
    }
    running.stop();
    Ok(Exit::Good)
}

fn tell(args: &Args, running: &Running) -> Result<()> {
    if let Some(address) = running.dicom() {
        let tls = if args.tls_certificate.is_some() { "TLS, " } else { "" };
        term::note(format_args!("DICOM: {tls}{} on {address}", args.title));
    }
    if let Some(address) = running.http() {
        let scheme = if args.tls_certificate.is_some() { "https" } else { "http" };
        term::note(format_args!("HTTP: {scheme}://{address}/"));
    }
    match running.queued()? {
        0 => {}
        queued => term::note(format_args!("images from before that are processed now: {queued}")),
    }
    if args.rules.is_none() {
        term::note("results are sent nowhere (no --rules): see the page, or `/results`");
    }
    Ok(())
}

fn config(args: &Args) -> Result<Config> {
    let (dicom, http) = (args.dicom.0, args.http.0);
    ensure!(dicom.is_some() || http.is_some(), "--dicom and --http are both off: nothing can be received");
    let title = args.title.trim();
    let is_title = |c: char| c.is_ascii_graphic() && c != '\\' || c == ' ';
    if !(1..=16).contains(&title.len()) || !title.chars().all(is_title) {
        bail!("--title: expected an AE title of 1 to 16 characters, found `{title}`");
    }
    Ok(Config {
        spool: args.spool.clone(),
        dicom,
        http,
        title: title.into(),
        allow: args.allow.clone(),
        token: args.token_file.as_deref().map(token).transpose()?,
        tls: args.tls_certificate.clone().zip(args.tls_key.clone()).map(|(certificate, key)| TlsFiles {
            certificate,
            key,
            clients: args.tls_clients.clone(),
        }),
        limits: SpoolLimits { object: args.max_object.0, spool: args.max_spool.0 },
        max_pdu: args.max_pdu,
        max_associations: args.max_associations.into(),
        max_body: args.max_body.0,
        timeout: Duration::from_secs(args.timeout.into()),
        wait: Duration::from_secs(300),
    })
}

fn token(path: &Path) -> Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read --token-file `{}`", path.display()))?;
    let token = text.trim();
    ensure!(token.len() >= 16, "--token-file `{}`: expected a token of at least 16 characters", path.display());
    Ok(token.into())
}
