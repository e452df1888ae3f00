//! fill-holes
