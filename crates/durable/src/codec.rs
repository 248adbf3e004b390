//! Event chunks as they are stored: a version byte, then lz4 of the events.
//!
//! Invariant: every version ever written can be read.

use crate::limits::CHUNK_BYTES_DECODED_MAX;

const VERSION_LZ4: u8 = 1;

/// A chunk of a process's history: `events` events, the first numbered `first_seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    pub first_seq: u64,
    pub events: u32,
    /// As stored: compressed.
    pub content: Vec<u8>,
}

/// Stored bytes that cannot be read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    #[error("stored chunk has an unknown version {0}")]
    Version(u8),
    #[error("stored chunk is corrupt")]
    Corrupt,
}

/// Compresses a chunk, a snapshot or a payload.
#[must_use]
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 5 + lz4_flex::block::get_maximum_output_size(bytes.len())];
    out[0] = VERSION_LZ4;
    out[1..5].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    let length = lz4_flex::block::compress_into(bytes, &mut out[5..]).unwrap_or(0);
    out.truncate(5 + length);
    out.shrink_to_fit();
    out
}

/// Reads back what [`compress`] wrote, up to `bytes_max` bytes.
pub fn decompress_limited(stored: &[u8], bytes_max: usize) -> Result<Vec<u8>, ChunkError> {
    let (&version, rest) = stored.split_first().ok_or(ChunkError::Corrupt)?;
    if version != VERSION_LZ4 {
        return Err(ChunkError::Version(version));
    }
    let (length, body) = rest.split_first_chunk::<4>().ok_or(ChunkError::Corrupt)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > bytes_max {
        return Err(ChunkError::Corrupt);
    }
    let bytes = lz4_flex::block::decompress(body, length).map_err(|_| ChunkError::Corrupt)?;
    if bytes.len() == length { Ok(bytes) } else { Err(ChunkError::Corrupt) }
}

/// Reads back a chunk.
pub fn decompress(stored: &[u8]) -> Result<Vec<u8>, ChunkError> {
    decompress_limited(stored, CHUNK_BYTES_DECODED_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for bytes in [vec![], vec![7; 10_000], (0..=255).collect::<Vec<u8>>()] {
            assert_eq!(decompress(&compress(&bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let stored = compress(&[3; 100]);
        assert_eq!(decompress(&[]), Err(ChunkError::Corrupt));
        assert_eq!(decompress(&[9, 0, 0, 0, 0]), Err(ChunkError::Version(9)));
        for cut in 1..stored.len() {
            assert!(decompress(&stored[..cut]).is_err());
        }
        assert_eq!(decompress(&[1, 0xff, 0xff, 0xff, 0xff, 0]), Err(ChunkError::Corrupt));
    }

    /// A chunk of version 1 as the first release wrote it must stay readable.
    #[test]
    fn golden_version_1() {
        let stored = [1, 8, 0, 0, 0, 0x80, b's', b'l', b'u', b'i', b'c', b'e', b'!', b'!'];
        assert_eq!(decompress(&stored).unwrap(), b"sluice!!");
    }
}
