//! DICOM objects to a node over C-STORE.

use std::borrow::Cow;
use std::io::{Read, Write};
use std::time::Duration;

use dicom_dictionary_std::uids;
use dicom_object::FileMetaTable;
use dicom_transfer_syntax_registry::entries;
use dicom_ul::Pdu;
use dicom_ul::association::{ClientAssociation, ClientAssociationOptions, CloseSocket, Error as UlError};
use dicom_ul::pdu::{PDataValue, PDataValueType, PresentationContextNegotiated, PresentationContextResultReason};

use super::Sent;
use crate::dimse::command::{self, Command};
use crate::rules::CStore;

const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a fragment's and a PDU's headers.
const HEADERS: usize = 12;

/// Where the data set begins, and its transfer syntax.
fn syntax_of(bytes: &[u8]) -> Result<(usize, String), String> {
    let mut rest = bytes.get(128..).ok_or("the object has no file meta")?;
    let meta = FileMetaTable::from_reader(&mut rest).map_err(|error| error.to_string())?;
    let syntax = meta.transfer_syntax().trim_end_matches(['\0', ' ']).to_owned();
    Ok((bytes.len() - rest.len(), syntax))
}

/// Stores all objects over one association.
pub fn send(pacs: &CStore, objects: &[Sent]) -> Result<(), String> {
    if objects.is_empty() {
        return Ok(());
    }
    let mut options = ClientAssociationOptions::new()
        .calling_ae_title(pacs.calling.as_str())
        .called_ae_title(pacs.called.as_str())
        .connection_timeout(TIMEOUT)
        .read_timeout(TIMEOUT)
        .write_timeout(TIMEOUT);
    let mut starts = Vec::new();
    for sent in objects {
        let (start, syntax) = syntax_of(&sent.bytes)?;
        // two contexts, so that the node answers for each
        options = options.with_presentation_context(sent.class.clone(), vec![syntax.clone()]);
        options =
            options.with_presentation_context(sent.class.clone(), vec![uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned()]);
        starts.push((start, syntax));
    }
    let address = pacs.address.as_str();
    match &pacs.tls {
        None => talk(options.establish(address), address, objects, &starts),
        #[cfg(feature = "tls")]
        Some(peer) => {
            let host = address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']']);
            let config = crate::tls::client(peer).map_err(|error| error.to_string())?;
            let options = options.tls_config(config).server_name(peer.name.as_deref().unwrap_or(host));
            talk(options.establish_tls(address), address, objects, &starts)
        }
        #[cfg(not(feature = "tls"))]
        Some(_) => Err(crate::tls::WITHOUT.into()),
    }
}

/// Stores all objects over an association; `starts` are their data sets' beginnings and syntaxes.
fn talk<S: Read + Write + CloseSocket>(
    association: Result<ClientAssociation<S>, UlError>,
    address: &str,
    objects: &[Sent],
    starts: &[(usize, String)],
) -> Result<(), String> {
    let mut association = association.map_err(|error| format!("{address}: {}", pleura::chain(&error)))?;
    let outcome = objects.iter().zip(starts).enumerate().try_for_each(|(number, (sent, (start, syntax)))| {
        let number = u16::try_from(number + 1).unwrap_or(u16::MAX);
        store(&mut association, number, sent, &sent.bytes[*start..], syntax)
    });
    match outcome {
        Ok(()) => drop(association.release()),
        Err(_) => drop(association.abort()),
    }
    outcome
}

fn store<S: Read + Write + CloseSocket>(
    association: &mut ClientAssociation<S>,
    number: u16,
    sent: &Sent,
    data: &[u8],
    syntax: &str,
) -> Result<(), String> {
    let contexts = association.presentation_contexts();
    let accepted = |wanted: &str| {
        let same = |context: &&PresentationContextNegotiated| {
            context.reason == PresentationContextResultReason::Acceptance
                && context.abstract_syntax == sent.class
                && context.transfer_syntax.trim_end_matches('\0') == wanted
        };
        contexts.iter().find(same).map(|context| context.id)
    };
    let (id, data) = match (accepted(syntax), accepted(uids::IMPLICIT_VR_LITTLE_ENDIAN)) {
        (Some(id), _) => (id, Cow::Borrowed(data)),
        (None, Some(id)) => (id, Cow::Owned(implicit(&sent.bytes)?)),
        (None, None) => {
            return Err(format!(
                "the node takes no objects of SOP class {}, neither in {syntax} nor in Implicit VR",
                sent.class
            ));
        }
    };
    let request = Command::default()
        .with_uid(command::AFFECTED_CLASS, &sent.class)
        .with(command::FIELD, command::STORE)
        .with(command::MESSAGE, number)
        .with(command::PRIORITY, 0)
        .with(command::DATA_SET, 0)
        .with_uid(command::AFFECTED_INSTANCE, &sent.uid);
    pdata(association, id, PDataValueType::Command, true, &request.encode())?;
    let most = (association.acceptor_max_pdu_length() as usize).clamp(1024, 1 << 17) - HEADERS;
    let pieces: Vec<&[u8]> = data.chunks(most).collect();
    for (index, piece) in pieces.iter().enumerate() {
        pdata(association, id, PDataValueType::Data, index + 1 == pieces.len(), piece)?;
    }
    status(association, sent)
}

/// The data set in Implicit VR Little Endian, which every node takes (DICOM PS3.5, 10.1).
fn implicit(file: &[u8]) -> Result<Vec<u8>, String> {
    let object = dicom_object::from_reader(file).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    let syntax = entries::IMPLICIT_VR_LITTLE_ENDIAN.erased();
    object.write_dataset_with_ts(&mut bytes, &syntax).map_err(|error| error.to_string())?;
    Ok(bytes)
}

fn pdata<S: Read + Write + CloseSocket>(
    association: &mut ClientAssociation<S>,
    presentation_context_id: u8,
    value_type: PDataValueType,
    is_last: bool,
    data: &[u8],
) -> Result<(), String> {
    let value = PDataValue { presentation_context_id, value_type, is_last, data: data.to_vec() };
    association.send(&Pdu::PData { data: vec![value] }).map_err(|error| error.to_string())
}

/// Waits for the answer. Warnings (0xB…) say that the object was stored.
fn status<S: Read + Write + CloseSocket>(association: &mut ClientAssociation<S>, sent: &Sent) -> Result<(), String> {
    let mut bytes = Vec::new();
    loop {
        let Pdu::PData { data } = association.receive().map_err(|error| error.to_string())? else {
            return Err("the node ended the association".into());
        };
        for value in data {
            bytes.extend_from_slice(&value.data);
            if bytes.len() > command::LONGEST {
                return Err("the node's answer is too long".into());
            }
            if value.is_last {
                return match Command::parse(&bytes)?.number(command::STATUS) {
                    Some(0 | 0xB000..=0xBFFF) => Ok(()),
                    status => Err(format!("the node refused {}: status {:04X}h", sent.uid, status.unwrap_or(0xFFFF))),
                };
            }
        }
    }
}
