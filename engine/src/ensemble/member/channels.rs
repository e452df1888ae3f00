//! Whether an output has the channels that a manifest picks; asked of a model's declared shape and of its results alike.

use std::fmt;

use crate::manifest::{Join, Pick, Values};

/// Why the picked channels cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelFault {
    /// A softmax of one class, which is always 1.
    OneClass,
    /// Class labels in several planes, or in none.
    SeveralPlanes(usize),
    /// There is no such channel.
    NoChannel {
        /// The one that is picked.
        picked: usize,
        /// How many there are.
        of: usize,
    },
    /// The sum of all classes, which is always 1.
    AllClasses(usize),
}

impl ChannelFault {
    /// The fault of picking from so many channels, if any.
    pub fn among(channels: usize, pick: &Pick, values: Values) -> Option<Self> {
        let missing = || pick.channels.iter().copied().find(|&picked| picked >= channels);
        let all = || values == Values::Softmax && pick.join == Join::Sum && pick.channels.len() == channels;
        match values {
            Values::Labels => (channels != 1).then_some(Self::SeveralPlanes(channels)),
            Values::Softmax if channels < 2 => Some(Self::OneClass),
            _ => match missing() {
                Some(picked) => Some(Self::NoChannel { picked, of: channels }),
                None => all().then_some(Self::AllClasses(channels)),
            },
        }
    }
}

impl fmt::Display for ChannelFault {
    /// The sentence's end, after the name of the output.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneClass => f.write_str("has 1 channel, but a softmax needs two or more; try `values = \"logits\"`"),
            Self::SeveralPlanes(found) => {
                write!(f, "has {found} channels; expected one, of class labels; try `values = \"softmax\"`")
            }
            Self::NoChannel { picked, of } => {
                let channels = if *of == 1 { "channel" } else { "channels" };
                write!(f, "has {of} {channels}, numbered from 0; the manifest declares {picked}")
            }
            Self::AllClasses(classes) => {
                write!(f, "has {classes} classes, and the sum of all is always 1; leave one out")
            }
        }
    }
}
