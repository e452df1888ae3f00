//! ONNX models as messages: reading graphs for checks, and writing them.
//!
//! No model is run here. The crate reads what a file declares (inputs, outputs, the node that makes an output, the
//! values of its constants) and builds graphs:
//!
//! ```
//! use pleura_onnx::{ElementType, GraphBuilder};
//!
//! let mut graph = GraphBuilder::new("halve");
//! let image = graph.input("image", ElementType::Float, &["batch".into(), 1.into(), "height".into(), "width".into()]);
//! let half = graph.scalar(0.5);
//! let halved = graph.node("Mul", &[&image, &half], vec![]);
//! graph.output(&halved, "halved", ElementType::Float, &["batch".into(), 1.into(), "height".into(), "width".into()]);
//! let model = graph.build();
//! assert_eq!(model.producer_of("halved").map(|node| node.op_type.as_str()), Some("Identity"));
//! ```

#![deny(missing_docs)]

#[cfg(test)]
#[macro_use]
#[path = "../../../tests/support/error_texts.rs"]
mod texts;

mod build;
mod constants;
#[cfg(test)]
mod error_texts;
mod external;
mod functions;
mod model;
pub mod proto;
mod skeleton;
mod tensor;
mod unsteady;
mod value;
mod whole;

pub use build::{GraphBuilder, IR_VERSION, OPSET, attribute, value_info};
pub use constants::{Constants, constants};
pub use model::{Activation, Model, OnnxError, read};
pub use skeleton::Skeleton;
pub use tensor::TensorError;
pub use unsteady::unsteady;
pub use value::{Dim, ElementType, Value};
pub use whole::read_whole;
