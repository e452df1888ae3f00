//! A running `pleura serve`, and those who talk to it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a step of a test may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A running node; dropped, it is killed.
pub struct Node {
    pub child: Child,
    pub dicom: u16,
    pub http: u16,
    lines: Receiver<String>,
}

impl Node {
    /// Starts a node on free ports.
    pub fn start(manifest: &Path, spool: &Path, more: &[&str]) -> Self {
        super::runtime();
        let mut command = Command::new(env!("CARGO_BIN_EXE_pleura"));
        command.args(["serve", "--device", "cpu", "--threads", "1", "--dicom", "127.0.0.1:0", "--http", "127.0.0.1:0"]);
        command.arg(manifest).arg("--spool").arg(spool).args(more);
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let errors = BufReader::new(child.stderr.take().unwrap());
        thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut node = Self { child, dicom: 0, http: 0, lines };
        while node.dicom == 0 || node.http == 0 {
            let line = node.lines.recv_timeout(PATIENCE).expect("the node starts");
            let port = || line.trim_end_matches('/').rsplit(':').next().unwrap().parse().unwrap();
            if line.contains("DICOM: ") {
                node.dicom = port();
            } else if line.contains("HTTP: ") {
                node.http = port();
            }
        }
        node
    }

    /// What it has printed since the last call.
    pub fn said(&self) -> String {
        self.lines.try_iter().map(|line| line + "\n").collect()
    }

    /// Ends it as a crash would.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends files with dcmtk's `storescu`, in one association.
    pub fn store(&self, files: &[PathBuf]) -> Output {
        store_to("PLEURA", self.dicom, files)
    }

    /// An HTTP request; its status and body.
    pub fn http(&self, request: &str, headers: &str, body: &[u8]) -> (u16, String) {
        http(self.http, request, headers, body).expect("the node answers")
    }

    pub fn get(&self, path: &str) -> String {
        let (status, body) = self.http(&format!("GET {path}"), "", b"");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// A number of `/metrics`.
    pub fn metric(&self, name: &str) -> u64 {
        let text = self.get("/metrics");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0, |value| value.parse().unwrap())
    }

    /// Waits until `count` images have an outcome, and all results are where they go; returns the list of results.
    pub fn settled(&self, count: usize) -> Vec<serde_json::Value> {
        until("all images have an outcome", || {
            let results: Vec<serde_json::Value> = serde_json::from_str(&self.get("/results")).unwrap();
            let finished = results.iter().filter(|result| result["state"] != "queued").count();
            let waiting = self.metric("pleura_deliveries{state=\"waiting\"}");
            (finished == count && results.len() == count && waiting == 0).then_some(results)
        })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks again until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}

pub fn store_to(title: &str, port: u16, files: &[PathBuf]) -> Output {
    let mut command = Command::new("storescu");
    command.args([
        "-aet",
        "SENDER",
        "-aec",
        title,
        "-to",
        "20",
        "-ta",
        "20",
        "-td",
        "20",
        "127.0.0.1",
        &port.to_string(),
    ]);
    command.args(files).output().expect("dcmtk is installed")
}

pub fn http(port: u16, request: &str, headers: &str, body: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let host = if headers.contains("Host: ") { String::new() } else { format!("Host: 127.0.0.1:{port}\r\n") };
    let head =
        format!("{request} HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
    stream.write_all(head.as_bytes()).ok()?;
    // a refusal may come before all is sent
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
}

/// A free port.
pub fn port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// dcmtk's `storescp`, which keeps what it is sent; dropped, it is killed.
pub struct Pacs {
    child: Child,
    pub folder: PathBuf,
}

impl Pacs {
    pub fn start(folder: &Path, port: u16) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        let mut command = Command::new("storescp");
        command.args(["--accept-all", "-aet", "PACS", "-od"]).arg(folder).arg(port.to_string());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("dcmtk is installed");
        until("the PACS listens", || TcpStream::connect(("127.0.0.1", port)).ok());
        Self { child, folder: folder.into() }
    }

    /// Its files' SOP Instance UIDs, and how often each was stored.
    pub fn uids(&self) -> BTreeMap<String, usize> {
        let mut uids = BTreeMap::new();
        for entry in std::fs::read_dir(&self.folder).unwrap() {
            let object = dicom_object::open_file(entry.unwrap().path()).unwrap();
            let uid = object.element(dicom_dictionary_std::tags::SOP_INSTANCE_UID).unwrap().to_str().unwrap();
            *uids.entry(uid.trim_end_matches('\0').to_owned()).or_default() += 1;
        }
        uids
    }
}

impl Drop for Pacs {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A web server that answers each request with the next of these statuses, and then with 200; it keeps headers and bodies.
pub fn web(statuses: Vec<u16>) -> (SocketAddr, Receiver<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, requests) = channel();
    let mut statuses = statuses.into_iter();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut reader = BufReader::new(stream.unwrap());
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).unwrap() > 0 {}
            let length =
                head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
            let mut body = vec![0; length.unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            let status = statuses.next().unwrap_or(200);
            let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).unwrap();
            if sender.send((head, String::from_utf8_lossy(&body).into_owned())).is_err() {
                return;
            }
        }
    });
    (address, requests)
}
