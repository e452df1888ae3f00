//! An object of C-STORE, from its command to its answer.

use dicom_object::FileMetaTableBuilder;
use dicom_ul::pdu::PresentationContextNegotiated;

use super::command::{self, Command};
use crate::error::Refusal;
use crate::inbox::{Inbox, NO_UID, Part, Received, Said, is_uid};
use crate::node::Node;

/// Status codes of C-STORE (DICOM PS3.4, B.2.3, and PS3.7, annex C).
pub const SUCCESS: u16 = 0x0000;
const OUT_OF_RESOURCES: u16 = 0xA700;
const MISMATCH: u16 = 0xA900;
const CANNOT_UNDERSTAND: u16 = 0xC000;
const DUPLICATE_INSTANCE: u16 = 0x0111;
const INVALID_INSTANCE: u16 = 0x0117;

/// An object that is being received.
pub struct Store<'a> {
    /// The presentation context.
    pub context: u8,
    command: Command,
    uid: String,
    /// The object so far, or why it is refused: the rest is read and dropped.
    part: Result<Part<'a>, Refusal>,
}

impl<'a> Store<'a> {
    /// Begins an object with its file meta.
    ///
    /// # Errors
    /// If the command is not one of C-STORE.
    pub fn begin(node: &'a Node, context: &PresentationContextNegotiated, command: &Command) -> Result<Self, String> {
        let (class, uid) = (command.uid(command::AFFECTED_CLASS), command.uid(command::AFFECTED_INSTANCE));
        let (Some(class), Some(uid)) = (class, uid) else {
            return Err("a C-STORE without a SOP class or instance".into());
        };
        if command.number(command::DATA_SET).is_none_or(|kind| kind == command::NO_DATA_SET) {
            return Err("a C-STORE without a data set".into());
        }
        let part = if class != context.abstract_syntax {
            Err(Refusal::Mismatch)
        } else if !is_uid(uid) {
            Err(Refusal::Uid(NO_UID))
        } else {
            with_meta(&node.inbox, class, uid, &context.transfer_syntax)
        };
        Ok(Self { context: context.id, command: echo_of(command), uid: uid.into(), part })
    }

    /// Adds bytes of the data set.
    pub fn write(&mut self, bytes: &[u8]) {
        if let Ok(part) = &mut self.part
            && let Err(refusal) = part.write(bytes)
        {
            self.part = Err(refusal);
        }
    }

    /// Files the object, and answers.
    pub fn finish(self, node: &Node, origin: &str) -> Command {
        let said = Said { origin, name: None, uid: Some(&self.uid), study: None, strict: true };
        let outcome = self.part.and_then(|part| part.commit(&said));
        node.took("C-STORE", origin, &outcome);
        answer(&self.command, command::STORE, status(&outcome))
    }
}

/// What an answer repeats of its request.
fn echo_of(command: &Command) -> Command {
    let mut copy = Command::default();
    for element in [command::AFFECTED_CLASS, command::AFFECTED_INSTANCE] {
        if let Some(uid) = command.uid(element) {
            copy = copy.with_uid(element, uid);
        }
    }
    copy.with(command::MESSAGE, command.number(command::MESSAGE).unwrap_or(0))
}

/// The answer to a request.
pub fn answer(request: &Command, field: u16, status: u16) -> Command {
    let mut answer = Command::default()
        .with(command::FIELD, field | command::ANSWER)
        .with(command::ANSWERED, request.number(command::MESSAGE).unwrap_or(0))
        .with(command::DATA_SET, command::NO_DATA_SET)
        .with(command::STATUS, status);
    for element in [command::AFFECTED_CLASS, command::AFFECTED_INSTANCE] {
        if let Some(uid) = request.uid(element) {
            answer = answer.with_uid(element, uid);
        }
    }
    answer
}

fn status(outcome: &Result<Received, Refusal>) -> u16 {
    match outcome {
        Ok(_) => SUCCESS,
        Err(Refusal::Full(_) | Refusal::TooLarge(_) | Refusal::Failed(_)) => OUT_OF_RESOURCES,
        Err(Refusal::Mismatch) => MISMATCH,
        Err(Refusal::Conflict) => DUPLICATE_INSTANCE,
        Err(Refusal::Uid(_)) => INVALID_INSTANCE,
        Err(Refusal::Invalid(_)) => CANNOT_UNDERSTAND,
    }
}

/// A part that begins with the preamble and the file meta of a data set.
fn with_meta<'a>(inbox: &'a Inbox, class: &str, uid: &str, syntax: &str) -> Result<Part<'a>, Refusal> {
    let meta = FileMetaTableBuilder::new()
        .media_storage_sop_class_uid(class)
        .media_storage_sop_instance_uid(uid)
        .transfer_syntax(syntax)
        .build()
        .map_err(|_| Refusal::Uid("no file meta can be made of its UIDs"))?;
    let mut bytes = [vec![0; 128], b"DICM".to_vec()].concat();
    meta.write(&mut bytes).map_err(|error| Refusal::Failed(error.to_string()))?;
    let mut part = inbox.begin()?;
    part.write(&bytes)?;
    Ok(part)
}
