//! The DICOM side: accepts associations, answers C-ECHO, and files what C-STORE brings.

pub mod command;
mod deadlines;
mod store;

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dicom_dictionary_std::uids;
use dicom_ul::Pdu;
use dicom_ul::association::server::AccessControl;
use dicom_ul::association::{Association, CloseSocket, Error as UlError, ServerAssociation, ServerAssociationOptions};
use dicom_ul::pdu::{
    AbortRQServiceProviderReason, AbortRQSource, AssociationRJServiceUserReason as Rejection, PDataValue,
    PDataValueType, PresentationContextResultReason, UserIdentity,
};

use crate::node::Node;
use command::Command;
use deadlines::{Deadline, Deadlines};
use store::Store;

/// The SOP classes of radiographs. What an ensemble is for is up to its manifest.
const CLASSES: [&str; 7] = [
    uids::VERIFICATION,
    uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
    uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
    uids::DIGITAL_MAMMOGRAPHY_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::X_RAY_ANGIOGRAPHIC_IMAGE_STORAGE,
];

/// The transfer syntaxes that the engine decodes.
const SYNTAXES: [&str; 12] = [
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    uids::JPEG_BASELINE8_BIT,
    uids::JPEG_EXTENDED12_BIT,
    uids::JPEG_LOSSLESS,
    uids::JPEG_LOSSLESS_SV1,
    uids::JPEGLS_LOSSLESS,
    uids::JPEGLS_NEAR_LOSSLESS,
    uids::JPEG2000_LOSSLESS,
    uids::JPEG2000,
    uids::RLE_LOSSLESS,
];

/// Who may send.
struct Access<'a>(&'a Node, IpAddr);

impl AccessControl for Access<'_> {
    fn check_access(&self, ours: &str, calling: &str, called: &str, _: Option<&UserIdentity>) -> Result<(), Rejection> {
        if called != ours {
            return Err(Rejection::CalledAETitleNotRecognized);
        }
        if !self.0.config.allows(calling, self.1) {
            return Err(Rejection::CallingAETitleNotRecognized);
        }
        Ok(())
    }
}

/// Accepts connections until the node stops; each association has a thread of its own.
pub fn run(node: &Arc<Node>, listener: &TcpListener) {
    let deadlines = match Deadlines::new(node.config.timeout) {
        Ok(deadlines) => deadlines,
        Err(error) => return tracing::error!("cannot start DICOM: {error}"),
    };
    for stream in listener.incoming() {
        if !node.goes_on() {
            return;
        }
        let Ok(stream) = stream else {
            // too many open files: wait for some to close
            std::thread::sleep(Duration::from_millis(50));
            continue;
        };
        let open = &node.counters.open_associations;
        if open.fetch_add(1, Ordering::SeqCst) >= node.config.max_associations as u64 {
            open.fetch_sub(1, Ordering::SeqCst);
            reject_busy(stream);
            continue;
        }
        let (shared, deadlines) = (Arc::clone(node), deadlines.clone());
        let work = move || {
            // a fault in a library ends one association
            let outcome = catch_unwind(AssertUnwindSafe(|| serve(&shared, stream, &deadlines)));
            if outcome.is_err() {
                tracing::error!("an association ended with a panic");
            }
            shared.counters.open_associations.fetch_sub(1, Ordering::SeqCst);
        };
        if std::thread::Builder::new().name("pleura-association".into()).spawn(work).is_err() {
            open.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

/// Rejects an association for now: transient, by the provider, local limit exceeded (DICOM PS3.8, 9.3.4).
fn reject_busy(mut stream: TcpStream) {
    let _ = stream.set_write_timeout(Some(Duration::from_secs(1)));
    let _ = std::io::Write::write_all(&mut stream, &[3, 0, 0, 0, 0, 4, 0, 2, 3, 2]);
}

fn serve(node: &Node, stream: TcpStream, deadlines: &Deadlines) {
    let Ok(peer) = stream.peer_addr() else { return };
    let host = peer.ip().to_canonical();
    node.counters.associations.fetch_add(1, Ordering::Relaxed);
    if !node.config.allows_host(host) {
        tracing::info!(target: "pleura_serve::audit", by = "dicom", origin = %host, "rejected: not an allowed host");
        return;
    }
    let mut options = ServerAssociationOptions::new()
        .ae_access_control(Access(node, host))
        .ae_title(node.config.title.as_str())
        .max_pdu_length(node.config.max_pdu)
        .strict(true)
        .read_timeout(node.config.timeout)
        .write_timeout(node.config.timeout);
    for class in CLASSES {
        options = options.with_abstract_syntax(class);
    }
    for syntax in SYNTAXES {
        options = options.with_transfer_syntax(syntax);
    }
    let _ = stream.set_nodelay(true);
    let raw = stream.try_clone();
    // covers the request, too
    let Ok(deadline) = deadlines.of(&stream) else { return };
    match &node.tls {
        None => talk(node, host, deadline, options.establish(stream), raw.ok()),
        // an abort in the open would be no TLS
        #[cfg(feature = "tls")]
        Some(tls) => talk(node, host, deadline, options.tls_config(Arc::clone(tls)).establish_tls(stream), None),
        #[cfg(not(feature = "tls"))]
        Some(never) => match *never {},
    }
}

/// Answers an association, or says why there is none; `raw` is its stream, to abort what does not become one.
fn talk<S: Read + Write + CloseSocket>(
    node: &Node,
    host: IpAddr,
    deadline: Deadline,
    association: Result<ServerAssociation<S>, UlError>,
    raw: Option<TcpStream>,
) {
    match association {
        Ok(association) => {
            let title = association.peer_ae_title().to_owned();
            let mut session = Session { node, association, origin: title, command: Vec::new(), store: None, deadline };
            if let Err(reason) = session.run() {
                tracing::info!(target: "pleura_serve::audit", by = "dicom", origin = session.origin, "aborted: {reason}");
                let source = AbortRQSource::ServiceProvider(AbortRQServiceProviderReason::ReasonNotSpecified);
                let _ = session.association.send(&Pdu::AbortRQ { source });
            }
        }
        Err(error) => {
            tracing::info!(target: "pleura_serve::audit", by = "dicom", origin = %host, "no association: {}", kind(&error));
            if let (UlError::ReceivePdu { .. }, Some(mut raw)) = (&error, raw) {
                let _ = std::io::Write::write_all(&mut raw, &[7, 0, 0, 0, 0, 4, 0, 0, 2, 0]);
            }
        }
    }
}

/// An error without what the peer sent: it may hold names.
fn kind(error: &UlError) -> &'static str {
    match error {
        UlError::Rejected { .. } => "rejected",
        UlError::Aborted { .. } => "aborted by its peer",
        UlError::ConnectionClosed { .. } => "the connection was closed",
        UlError::Timeout { .. } => "the peer was silent for too long",
        UlError::ReceivePdu { .. } => "an invalid or too large PDU, or none in time",
        UlError::UnexpectedPdu { .. } | UlError::UnknownPdu { .. } => "an unexpected PDU",
        _ => "a network or protocol error",
    }
}

/// An association.
struct Session<'a, S: Read + Write + CloseSocket> {
    node: &'a Node,
    association: ServerAssociation<S>,
    /// The calling AE title.
    origin: String,
    /// The command set that is being received.
    command: Vec<u8>,
    /// The object that is being received.
    store: Option<Store<'a>>,
    /// When the peer has to have sent its next PDU.
    deadline: Deadline,
}

impl<S: Read + Write + CloseSocket> Session<'_, S> {
    /// Answers messages until the peer releases.
    fn run(&mut self) -> Result<(), String> {
        loop {
            self.deadline.renew();
            match self.association.receive() {
                Ok(Pdu::PData { data }) => data.into_iter().try_for_each(|value| self.take(&value))?,
                Ok(Pdu::ReleaseRQ) => {
                    let _ = self.association.send(&Pdu::ReleaseRP);
                    return Ok(());
                }
                Ok(Pdu::AbortRQ { .. }) | Err(UlError::ConnectionClosed { .. }) => return Ok(()),
                Ok(_) => return Err("an unexpected PDU".into()),
                Err(error) => return Err(kind(&error).into()),
            }
        }
    }

    /// Takes a fragment of a command or of a data set.
    fn take(&mut self, value: &PDataValue) -> Result<(), String> {
        let id = value.presentation_context_id;
        match (&value.value_type, &mut self.store) {
            (PDataValueType::Data, Some(store)) if store.context == id => {
                store.write(&value.data);
                match self.store.take_if(|_| value.is_last) {
                    Some(store) => self.answer(id, store.finish(self.node, &self.origin)),
                    None => Ok(()),
                }
            }
            (PDataValueType::Command, None) => {
                if self.command.len() + value.data.len() > command::LONGEST {
                    return Err("a command set that is too long".into());
                }
                self.command.extend_from_slice(&value.data);
                if !value.is_last {
                    return Ok(());
                }
                let command = Command::parse(&std::mem::take(&mut self.command))?;
                self.obey(id, &command)
            }
            _ => Err("a fragment out of order".into()),
        }
    }

    /// Answers C-ECHO; begins an object of C-STORE.
    fn obey(&mut self, id: u8, command: &Command) -> Result<(), String> {
        let accepted =
            |reason: &PresentationContextResultReason| *reason == PresentationContextResultReason::Acceptance;
        let contexts = self.association.presentation_contexts();
        let context = contexts.iter().find(|context| context.id == id && accepted(&context.reason));
        let context = context.ok_or("a message in a presentation context that was not accepted")?;
        match command.number(command::FIELD) {
            Some(command::ECHO) => self.answer(id, store::answer(command, command::ECHO, store::SUCCESS)),
            Some(command::STORE) => {
                self.store = Some(Store::begin(self.node, context, command)?);
                Ok(())
            }
            _ => Err("a command other than C-ECHO and C-STORE".into()),
        }
    }

    fn answer(&mut self, id: u8, command: Command) -> Result<(), String> {
        let value = PDataValue {
            presentation_context_id: id,
            value_type: PDataValueType::Command,
            is_last: true,
            data: command.encode(),
        };
        self.association.send(&Pdu::PData { data: vec![value] }).map_err(|error| kind(&error).into())
    }
}
