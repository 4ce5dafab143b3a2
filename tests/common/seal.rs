//! The checksum of saved states, for those who forge them.

use xxhash_rust::xxh3::xxh3_64;

/// Puts the length and the checksum right after a payload was changed.
pub(crate) fn reseal(magic_and_version: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = magic_and_version.to_vec();
    bytes.extend((payload.len() as u64).to_le_bytes());
    bytes.extend(payload);
    let checksum = xxh3_64(&bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}
