//! Command sets of DIMSE messages: group 0000 in Implicit VR Little Endian (DICOM PS3.7, 6.3.1).
//!
//! Read by hand: values are a few bytes each, and a length from the network is compared with what is there before
//! anything is allocated.

/// The longest command set that is read.
pub const LONGEST: usize = 1 << 14;

pub const AFFECTED_CLASS: u16 = 0x0002;
pub const FIELD: u16 = 0x0100;
pub const MESSAGE: u16 = 0x0110;
pub const ANSWERED: u16 = 0x0120;
pub const PRIORITY: u16 = 0x0700;
pub const DATA_SET: u16 = 0x0800;
pub const STATUS: u16 = 0x0900;
pub const AFFECTED_INSTANCE: u16 = 0x1000;

pub const STORE: u16 = 0x0001;
pub const ECHO: u16 = 0x0030;
/// Added to a request's field in its answer.
pub const ANSWER: u16 = 0x8000;
/// The data set type without a data set.
pub const NO_DATA_SET: u16 = 0x0101;

/// Elements of a command set.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Command(Vec<(u16, Vec<u8>)>);

impl Command {
    /// Adds a number.
    #[must_use]
    pub fn with(mut self, element: u16, value: u16) -> Self {
        self.0.push((element, value.to_le_bytes().to_vec()));
        self
    }

    /// Adds a UID.
    #[must_use]
    pub fn with_uid(mut self, element: u16, uid: &str) -> Self {
        let mut value = uid.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(0);
        }
        self.0.push((element, value));
        self
    }

    fn get(&self, element: u16) -> Option<&[u8]> {
        self.0.iter().find(|(number, _)| *number == element).map(|(_, value)| value.as_slice())
    }

    /// A number.
    #[must_use]
    pub fn number(&self, element: u16) -> Option<u16> {
        self.get(element)?.try_into().ok().map(u16::from_le_bytes)
    }

    /// A UID, without its padding.
    #[must_use]
    pub fn uid(&self, element: u16) -> Option<&str> {
        std::str::from_utf8(self.get(element)?).ok().map(|text| text.trim_end_matches(['\0', ' ']))
    }

    /// Reads a command set.
    ///
    /// # Errors
    /// If it is cut off, or has another group than 0000.
    pub fn parse(mut bytes: &[u8]) -> Result<Self, &'static str> {
        let mut elements = Vec::new();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_first_chunk::<8>().ok_or("a command set that is cut off")?;
            let [group, group_high, element, element_high, length @ ..] = *head;
            if (group, group_high) != (0, 0) {
                return Err("a command set with another group than 0000");
            }
            let length = u32::from_le_bytes(length) as usize;
            let (value, rest) = rest.split_at_checked(length).ok_or("a command set that is cut off")?;
            elements.push((u16::from_le_bytes([element, element_high]), value.to_vec()));
            bytes = rest;
        }
        Ok(Self(elements))
    }

    /// Its bytes, with the group's length first.
    #[must_use]
    pub fn encode(mut self) -> Vec<u8> {
        self.0.sort();
        let element = |number: u16, value: &[u8]| {
            let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
            [&[0, 0], &number.to_le_bytes()[..], &length.to_le_bytes(), value].concat()
        };
        let body: Vec<u8> = self.0.iter().flat_map(|(number, value)| element(*number, value)).collect();
        let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
        [element(0, &length.to_le_bytes()), body].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let command =
            || Command::default().with(STATUS, 0xA700).with_uid(AFFECTED_INSTANCE, "1.2.3").with(FIELD, STORE);
        let read = Command::parse(&command().encode()).unwrap();
        assert_eq!(read.number(STATUS), Some(0xA700));
        assert_eq!(read.uid(AFFECTED_INSTANCE), Some("1.2.3"));
        assert_eq!(read.number(FIELD), Some(STORE));
        assert_eq!(read.number(MESSAGE), None);
    }

    #[test]
    fn hostile_lengths_are_errors() {
        let whole = Command::default().with(FIELD, ECHO).encode();
        for cut in 1..whole.len() {
            let read = Command::parse(&whole[..cut]);
            assert!(read.is_err() || cut == 12, "{cut} bytes");
        }
        let huge = [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 1];
        assert!(Command::parse(&huge).is_err());
        assert!(Command::parse(&[8, 0, 0, 0, 0, 0, 0, 0]).is_err());
    }
}
