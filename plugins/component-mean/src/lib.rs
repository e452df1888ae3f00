//! component-mean
