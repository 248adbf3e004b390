//! Event chunks as they are stored: a version byte, then the events, compressed.
//!
//! Invariant: every version ever written can be read.

use crate::limits::{CHUNK_BYTES_DECODED_MAX, SCRATCH_BYTES_KEPT};
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use std::cell::RefCell;

/// lz4 of a block with its length before it.
const VERSION_LZ4: u8 = 1;

/// The first byte of what is sealed: a chunk, a snapshot, a payload or a message that only
/// the server's keys open. What is in it begins with a version of its own.
pub const SEALED: u8 = 0x53;

/// Bytes before the compressed ones: version and length.
const HEAD: usize = 5;

thread_local! {
    /// Taking memory anew costs as much as compressing a short run.
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

#[derive(Default)]
struct Scratch {
    table: CompressTable,
    out: Vec<u8>,
}

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
    #[error("stored chunk is sealed and was not opened")]
    Sealed,
    #[error("stored chunk has an unknown version {0}")]
    Version(u8),
    #[error("stored chunk is corrupt")]
    Corrupt,
}

/// Compresses a chunk, a snapshot or a payload.
#[must_use]
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    SCRATCH.with_borrow_mut(|scratch| {
        let bound = HEAD + get_maximum_output_size(bytes.len());
        if scratch.out.len() < bound {
            scratch.out.resize(bound, 0);
        }
        let Scratch { table, out } = scratch;
        out[0] = VERSION_LZ4;
        out[1..HEAD].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
        // the output has room for the worst case, so this cannot fail
        let length = compress_into_with_table(bytes, &mut out[HEAD..], table).unwrap_or(0);
        let stored = out[..HEAD + length].to_vec();
        if bound > SCRATCH_BYTES_KEPT {
            *scratch = Scratch::default();
        }
        stored
    })
}

/// Reads back what [`compress`] wrote, up to `bytes_max` bytes.
pub fn decompress_limited(stored: &[u8], bytes_max: usize) -> Result<Vec<u8>, ChunkError> {
    let (&version, rest) = stored.split_first().ok_or(ChunkError::Corrupt)?;
    if version == SEALED {
        return Err(ChunkError::Sealed);
    }
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
        for bytes in [vec![], vec![1], vec![7; 10_000], (0..=255).collect::<Vec<u8>>()] {
            assert_eq!(decompress(&compress(&bytes)).unwrap(), bytes);
        }
    }

    #[test]
    fn damage_is_an_error() {
        let stored = compress(&[3; 100]);
        assert_eq!(decompress(&[]), Err(ChunkError::Corrupt));
        assert_eq!(decompress(&[SEALED, 0, 0, 0, 0]), Err(ChunkError::Sealed));
        assert_eq!(decompress(&[9, 0, 0, 0, 0]), Err(ChunkError::Version(9)));
        for cut in 1..stored.len() {
            assert!(decompress(&stored[..cut]).is_err());
        }
        assert_eq!(decompress(&[1, 0xff, 0xff, 0xff, 0xff, 0]), Err(ChunkError::Corrupt));
    }

    #[test]
    fn short_text_shrinks() {
        let text = "lorem ipsum dolor sit amet ".repeat(40);
        assert!(compress(text.as_bytes()).len() < 80);
    }

    /// A chunk of version 1 must stay readable.
    #[test]
    fn golden_version_1() {
        let stored = [1, 8, 0, 0, 0, 0x80, b's', b'l', b'u', b'i', b'c', b'e', b'!', b'!'];
        assert_eq!(decompress(&stored).unwrap(), b"sluice!!");
    }
}
