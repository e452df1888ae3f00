//! What decoding an image may take, for the verbs that read images without an ensemble.

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

/// The limits of a process that may take so much more; the library's own where nothing is said.
pub fn limits(memory: Option<ByteSize>) -> DecodeLimits {
    let limit = |size: ByteSize| DecodeLimits::of_memory(usize::try_from(size.0).unwrap_or(usize::MAX));
    memory.map_or(DecodeLimits::default(), limit)
}
