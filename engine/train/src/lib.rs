//! Trains segmentation and classification networks in ONNX Runtime, and exports them as ONNX.
//!
//! A network is an ONNX model in inference form, made by [`nets`] or read from a file. From it and a
//! [recipe](recipe::Recipe), the training step (forward pass, loss, backward pass, optimiser) is written as standard
//! ONNX operators and run by ONNX Runtime; the export is the same network with the trained weights.

pub mod data;
pub mod recipe;
