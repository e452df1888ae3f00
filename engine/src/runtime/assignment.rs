//! Which nodes each execution provider got, as ONNX Runtime reports.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char};
use std::ptr;

use ort::AsPointer;
use ort::session::Session;
use ort::sys::OrtStatusPtr;

/// The operators of which a provider may leave some to the CPU without loss: they work on shapes, and ONNX Runtime puts
/// them there itself.
const OF_SHAPES: [&str; 26] = [
    "Shape",
    "Size",
    "Constant",
    "ConstantOfShape",
    "Gather",
    "Unsqueeze",
    "Squeeze",
    "Concat",
    "Slice",
    "Split",
    "Cast",
    "Reshape",
    "Identity",
    "Range",
    "Expand",
    "Where",
    "Equal",
    "Less",
    "Greater",
    "Floor",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "ReduceProd",
    "MemcpyToHost",
];

/// The provider of the CPU.
pub(super) const CPU: &str = "CPUExecutionProvider";

/// The number of nodes of each operator, by provider (`CPUExecutionProvider`, …).
pub(super) type Assignment = BTreeMap<String, BTreeMap<String, usize>>;

/// The operators on images that the CPU got, with the number of nodes, as "Dropout 1, MaxPool 3"; `None` if there are
/// none.
pub(super) fn on_cpu(assignment: &Assignment) -> Option<String> {
    let operators = assignment.get(CPU)?.iter().filter(|(name, _)| !OF_SHAPES.contains(&name.as_str()));
    let text: Vec<String> = operators.map(|(name, nodes)| format!("{name} {nodes}")).collect();
    (!text.is_empty()).then(|| text.join(", "))
}

/// The operators on images that the CPU got of a session on another device, as "Dropout 1, MaxPool 3"; `None` if there are
/// none. The session is one that [`session`](super::session) has opened.
///
/// # Errors
/// If ONNX Runtime refuses.
pub fn left_to_the_cpu(session: &Session) -> ort::Result<Option<String>> {
    Ok(on_cpu(&of(session)?))
}

/// Which nodes each provider got.
///
/// `ort` has no call for this yet, so it goes through the C API. The session must have been opened with
/// `session.record_ep_graph_assignment_info`.
pub(super) fn of(session: &Session) -> ort::Result<Assignment> {
    let api = ort::api();
    let mut assignment = Assignment::new();
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
        let operators = assignment.entry(name).or_default();
        for node in 0..count {
            let mut operator: *const c_char = ptr::null();
            // SAFETY: as above, for the nodes of the subgraph.
            check(unsafe { (api.EpAssignedNode_GetOperatorType)(*nodes.add(node), &raw mut operator) })?;
            // SAFETY: as above.
            let operator = unsafe { CStr::from_ptr(operator) }.to_string_lossy().into_owned();
            *operators.entry(operator).or_default() += 1;
        }
    }
    Ok(assignment)
}

pub(super) fn check(status: OrtStatusPtr) -> ort::Result<()> {
    // SAFETY: the status is new from the API, and released here.
    unsafe { ort::Error::result_from_status(status) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_on_shapes_does_not_count_and_work_on_images_does() {
        let left = |operators: &[(&str, usize)]| {
            let operators = operators.iter().map(|&(name, nodes)| (name.to_owned(), nodes)).collect();
            on_cpu(&Assignment::from([(CPU.to_owned(), operators), ("Other".into(), BTreeMap::default())]))
        };
        assert_eq!(left(&[("Shape", 2), ("Gather", 4)]), None);
        assert_eq!(left(&[("MaxPool", 3), ("Shape", 2), ("Dropout", 1)]).as_deref(), Some("Dropout 1, MaxPool 3"));
        assert_eq!(on_cpu(&Assignment::new()), None);
    }
}
