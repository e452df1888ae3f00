//! UIDs that depend on what they name.

use sha2::{Digest, Sha256};

/// A UID below 2.25 from a hash of these parts, as a UUID of version 8.
pub fn derived(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        // the length keeps `ab`, `c` apart from `a`, `bc`
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let hash = hasher.finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes[6] = bytes[6] & 0x0F | 0x80;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uids_are_valid_and_tell_their_parts_apart() {
        let uids = [derived(&["ab", "c"]), derived(&["a", "bc"]), derived(&["abc"]), derived(&[])];
        for (at, uid) in uids.iter().enumerate() {
            assert!(super::super::valid::uid(uid), "{uid}");
            assert!(!uids[..at].contains(uid));
        }
        assert_eq!(derived(&["ab", "c"]), uids[0]);
    }
}
