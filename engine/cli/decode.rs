//! Limits of image decoding, for the verbs that read images without an ensemble.

use bytesize::ByteSize;
use pleura::radiograph::DecodeLimits;

#[derive(clap::Args, Clone, Copy)]
pub struct DecodeArgs {
    /// Memory limit for reading and decoding one image; an image that needs more is refused. Default: 4 GiB.
    #[arg(long, value_name = "SIZE")]
    memory: Option<ByteSize>,
}

impl DecodeArgs {
    pub fn limits(self) -> DecodeLimits {
        limits(self.memory)
    }
}

/// Decoding limits for this much memory; without a size, the library's defaults.
pub fn limits(memory: Option<ByteSize>) -> DecodeLimits {
    let limit = |size: ByteSize| DecodeLimits::of_memory(usize::try_from(size.0).unwrap_or(usize::MAX));
    memory.map_or(DecodeLimits::default(), limit)
}
