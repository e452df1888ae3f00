//! `pleura serve` over TLS, with dcmtk's tools and Python's: with the feature `tls`; `.ci/remote` runs it.
#![cfg(feature = "tls")]

mod support;

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use dicom_core::VR;
use dicom_dictionary_std::tags;
use support::case::{Case, POST, member};
use support::dicom::dicom;
use support::node::{Node, port, until};
use support::toy::Toy;

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

/// An authority, and certificates of it for `node` and `client`, both for 127.0.0.1; and another authority, `other`.
fn certificates(folder: &Path) {
    let openssl = |words: &[&str]| drop(done(Command::new("openssl").args(words).current_dir(folder)));
    let names = "subjectAltName=IP:127.0.0.1,DNS:localhost";
    for ca in ["ca", "other"] {
        let (key, pem, subject) = (format!("{ca}.key"), format!("{ca}.pem"), format!("/CN={ca}"));
        let new = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", &subject];
        openssl(&[&new[..], &["-keyout", &key, "-out", &pem]].concat());
    }
    fs::write(folder.join("names"), names).unwrap();
    for name in ["node", "client"] {
        let (key, csr, pem, subject) =
            (format!("{name}.key"), format!("{name}.csr"), format!("{name}.pem"), format!("/CN={name}"));
        openssl(&["req", "-newkey", "rsa:2048", "-nodes", "-subj", &subject, "-keyout", &key, "-out", &csr]);
        let sign =
            ["x509", "-req", "-in", &csr, "-CA", "ca.pem", "-CAkey", "ca.key", "-days", "2", "-extfile", "names"];
        openssl(&[&sign[..], &["-out", &pem]].concat());
    }
}

fn image(folder: &Path, uid: &str) -> PathBuf {
    let texts = [
        (tags::SOP_INSTANCE_UID, VR::UI, uid),
        (tags::STUDY_INSTANCE_UID, VR::UI, "1.2.3"),
        (tags::SERIES_INSTANCE_UID, VR::UI, "1.2.3.5"),
    ];
    dicom(folder, uid, Some(7), &texts)
}

/// `storescu` over TLS, with this certificate of its own, by an authority of the node's.
fn store(folder: &Path, port: u16, own: Option<&str>, ca: &str, file: &Path) -> bool {
    let mut command = Command::new("storescu");
    let at = |name: String| folder.join(name);
    match own {
        Some(name) => {
            command.arg("+tls").arg(at(format!("{name}.key"))).arg(at(format!("{name}.pem")));
        }
        None => {
            command.arg("+tla");
        }
    }
    command.arg("+cf").arg(at(format!("{ca}.pem"))).args(["-aec", "PLEURA", "-to", "10", "127.0.0.1"]);
    command.arg(port.to_string()).arg(file).output().unwrap().status.success()
}

/// What `GET` of a path answers over HTTPS; an error's text otherwise.
fn get(folder: &Path, port: u16, ca: &str, client: Option<&str>, path: &str) -> String {
    let code = "import ssl, sys, urllib.request as r\n\
                ca, client, url = sys.argv[1:]\n\
                context = ssl.create_default_context(cafile=ca)\n\
                if client: context.load_cert_chain(client + '.pem', client + '.key')\n\
                try: print(r.urlopen(url, context=context, timeout=20).read().decode())\n\
                except Exception as error: print('error:', error)\n";
    let client = client.map_or(String::new(), |name| folder.join(name).display().to_string());
    let mut command = Command::new("python3");
    command.args(["-c", code]).arg(folder.join(format!("{ca}.pem"))).arg(client);
    let output = done(command.arg(format!("https://127.0.0.1:{port}{path}")));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_node_speaks_tls_with_modalities_a_pacs_and_web_servers() {
    let finding = "finding = { code = \"36118008\", scheme = \"SCT\", meaning = \"Pneumothorax\" }\n";
    let case = Case::new(&[("s", Toy::default())], &format!("{finding}{POST}\n{}", member("segmenter", "s", "")));
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificates(folder);
    let at = |name: &str| folder.join(name).display().to_string();
    // a PACS that wants our certificate, and a web server
    let (pacs_port, web_port) = (port(), port());
    fs::create_dir(folder.join("pacs")).unwrap();
    let mut pacs = Command::new("storescp");
    pacs.args(["--accept-all", "-aet", "PACS", "+tls"]).args([at("node.key"), at("node.pem")]);
    pacs.arg("+cf").arg(at("ca.pem")).arg("-od").arg(at("pacs")).arg(pacs_port.to_string());
    let mut pacs = pacs.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let code = "import http.server as h, ssl, sys\n\
                class Hook(h.BaseHTTPRequestHandler):\n\
                \x20 def do_POST(self):\n\
                \x20   body = self.rfile.read(int(self.headers['Content-Length']))\n\
                \x20   open(sys.argv[2], 'ab').write(body + b'\\n')\n\
                \x20   self.send_response(200); self.send_header('Content-Length', '0'); self.end_headers()\n\
                server = h.HTTPServer(('127.0.0.1', int(sys.argv[1])), Hook)\n\
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)\n\
                context.load_cert_chain(sys.argv[3] + '.pem', sys.argv[3] + '.key')\n\
                server.socket = context.wrap_socket(server.socket, server_side=True)\n\
                server.serve_forever()\n";
    let mut hook = Command::new("python3");
    hook.args(["-c", code, &web_port.to_string(), &at("hook.jsonl"), &at("node")]);
    let mut hook = hook.stderr(Stdio::null()).spawn().unwrap();
    until("the PACS listens", || TcpStream::connect(("127.0.0.1", pacs_port)).ok());
    until("the web server listens", || TcpStream::connect(("127.0.0.1", web_port)).ok());
    let rules = format!(
        "[destinations.pacs]\nc-store = {{ address = \"127.0.0.1:{pacs_port}\", called = \"PACS\", \
         tls = {{ ca = \"ca.pem\", certificate = \"client.pem\", key = \"client.key\" }} }}\n\
         [destinations.hook]\nwebhook = {{ url = \"https://127.0.0.1:{web_port}/\", ca = \"ca.pem\" }}\n\
         [destinations.stranger]\nwebhook = {{ url = \"https://127.0.0.1:{web_port}/\", ca = \"other.pem\" }}\n\
         [[rules]]\nsend = [\"pacs\", \"hook\", \"stranger\"]\n[retry]\nfirst_seconds = 0.1\nhours = 0.0005\n"
    );
    fs::write(folder.join("rules.toml"), rules).unwrap();
    let (certificate, key, ca, rules) = (at("node.pem"), at("node.key"), at("ca.pem"), at("rules.toml"));
    let tls = ["--tls-certificate", &certificate, "--tls-key", &key];
    let node = Node::start(&case.manifest, &folder.join("spool"), &[&tls[..], &["--rules", &rules]].concat());
    assert!(store(folder, node.dicom, Some("client"), "ca", &image(folder, "1.2.3.4.1")));
    assert!(store(folder, node.dicom, None, "ca", &image(folder, "1.2.3.4.2")), "no certificate is asked for");
    assert!(!store(folder, node.dicom, None, "other", &image(folder, "1.2.3.4.3")), "another authority");
    // neither side takes what is no TLS
    assert!(!support::node::store_to("PLEURA", node.dicom, &[image(folder, "1.2.3.4.4")]).status.success());
    assert!(support::node::http(node.http, "GET /health", "", b"").is_none_or(|(status, _)| status != 200));
    assert!(get(folder, node.http, "ca", None, "/health").contains("ok"));
    assert!(get(folder, node.http, "other", None, "/health").starts_with("error:"));
    until("the webhook has both, and the PACS their objects", || {
        let lines = fs::read_to_string(folder.join("hook.jsonl")).unwrap_or_default().lines().count();
        let objects = fs::read_dir(folder.join("pacs")).unwrap().count();
        (lines == 2 && objects == 8).then_some(())
    });
    // a server that another authority vouches for gets nothing, and it is said
    let said = until("the stranger is given up", || {
        let metrics = get(folder, node.http, "ca", None, "/metrics");
        metrics.contains("pleura_deliveries{state=\"dead\"} 2").then_some(metrics)
    });
    assert!(said.contains("pleura_deliveries{state=\"delivered\"} 4"), "{said}");
    node.kill();

    // with authorities of clients, others are not answered
    let more = [&tls[..], &["--tls-clients", &ca]].concat();
    let node = Node::start(&case.manifest, &folder.join("spool2"), &more);
    assert!(store(folder, node.dicom, Some("client"), "ca", &image(folder, "1.2.3.4.1")));
    assert!(!store(folder, node.dicom, None, "ca", &image(folder, "1.2.3.4.2")));
    assert!(get(folder, node.http, "ca", None, "/health").starts_with("error:"));
    assert!(get(folder, node.http, "ca", Some("client"), "/health").contains("ok"));
    node.kill();
    [&mut pacs, &mut hook].into_iter().for_each(|child| drop(child.kill()));
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let case = Case::new(&[("s", Toy::default())], &format!("{POST}\n{}", member("segmenter", "s", "")));
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    certificates(folder);
    let start = |certificate: &str, key: &str| {
        let mut command = support::pleura();
        command.args(["serve", "--device", "cpu", "--dicom", "127.0.0.1:0", "--http", "off"]).arg(&case.manifest);
        command.arg("--spool").arg(folder.join("spool")).arg("--tls-certificate").arg(folder.join(certificate));
        let done = command.arg("--tls-key").arg(folder.join(key)).assert().code(2);
        String::from_utf8_lossy(&done.get_output().stderr).into_owned()
    };
    for (certificate, key, named) in [
        ("node.pem", "client.key", "node.pem"),
        ("absent.pem", "node.key", "absent.pem"),
        ("node.pem", "absent.key", "absent.key"),
        ("names", "node.key", "expected certificates in PEM, found none"),
    ] {
        let said = start(certificate, key);
        assert!(said.contains("TLS: `") && said.contains(named), "{said}");
    }
}
