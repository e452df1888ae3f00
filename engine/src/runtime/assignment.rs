//! The number of nodes that each execution provider got, as ONNX Runtime reports.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::ptr;

use ort::AsPointer;
use ort::session::Session;
use ort::sys::OrtStatusPtr;

/// Counts the nodes of each provider (`CPUExecutionProvider`, …).
///
/// `ort` has no call for this yet, so it goes through the C API. The session must have been opened with
/// `session.record_ep_graph_assignment_info`, as those of [`session`](super::session) are.
///
/// # Errors
/// If ONNX Runtime refuses.
pub fn providers(session: &Session) -> ort::Result<BTreeMap<String, usize>> {
    let api = ort::api();
    let mut counts = BTreeMap::new();
    let (mut subgraphs, mut len) = (ptr::null(), 0);
    // SAFETY: the session is valid, and both results are local variables.
    check(unsafe { (api.Session_GetEpGraphAssignmentInfo)(session.ptr(), &raw mut subgraphs, &raw mut len) })?;
    for index in 0..len {
        // SAFETY: the array has `len` entries that live as long as the session.
        let subgraph = unsafe { *subgraphs.add(index) };
        let mut name: *const c_char = ptr::null();
        // SAFETY: as above.
        check(unsafe { (api.EpAssignedSubgraph_GetEpName)(subgraph, &raw mut name) })?;
        let (mut nodes, mut count) = (ptr::null(), 0);
        // SAFETY: as above.
        check(unsafe { (api.EpAssignedSubgraph_GetNodes)(subgraph, &raw mut nodes, &raw mut count) })?;
        // SAFETY: a successful call leaves a terminated string that lives as long as the session.
        let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
        *counts.entry(name).or_default() += count;
    }
    Ok(counts)
}

pub(super) fn check(status: OrtStatusPtr) -> ort::Result<()> {
    // SAFETY: the status is new from the API, and released here.
    unsafe { ort::Error::result_from_status(status) }
}
