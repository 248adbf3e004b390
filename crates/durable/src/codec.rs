//! Event chunks as they are stored: a version byte, then the events, compressed.
//!
//! Invariant: every version ever written can be read.

use crate::limits::{CHUNK_BYTES_DECODED_MAX, SCRATCH_BYTES_KEPT};
use std::cell::RefCell;
use zstd::bulk::Compressor;

/// lz4 of a block with its length before it; read, and written where zstd cannot.
const VERSION_LZ4: u8 = 1;
/// A zstd frame that names its content's length.
const VERSION_ZSTD: u8 = 2;

/// Level 1: the next ones take longer and save little on events.
const LEVEL: i32 = 1;

thread_local! {
    /// Making a context costs more than compressing a short run.
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> =
        RefCell::new(Compressor::new(LEVEL).ok());
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
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
    #[error("stored chunk has an unknown version {0}")]
    Version(u8),
    #[error("stored chunk is corrupt")]
    Corrupt,
}

/// Compresses a chunk, a snapshot or a payload.
#[must_use]
pub fn compress(bytes: &[u8]) -> Vec<u8> {
    compress_zstd(bytes).unwrap_or_else(|| compress_lz4(bytes))
}

fn compress_zstd(bytes: &[u8]) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| {
        let compressor = compressor.as_mut()?;
        SCRATCH.with_borrow_mut(|scratch| {
            let bound = zstd::zstd_safe::compress_bound(bytes.len());
            if scratch.len() < bound {
                scratch.resize(bound, 0);
            }
            let length = compressor.compress_to_buffer(bytes, scratch.as_mut_slice()).ok()?;
            let mut out = Vec::with_capacity(1 + length);
            out.push(VERSION_ZSTD);
            out.extend_from_slice(&scratch[..length]);
            if bound > SCRATCH_BYTES_KEPT {
                *scratch = Vec::new();
            }
            Some(out)
        })
    })
}

fn compress_lz4(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0; 5 + lz4_flex::block::get_maximum_output_size(bytes.len())];
    out[0] = VERSION_LZ4;
    out[1..5].copy_from_slice(&(bytes.len() as u32).to_le_bytes());
    let length = lz4_flex::block::compress_into(bytes, &mut out[5..]).unwrap_or(0);
    out.truncate(5 + length);
    out
}

/// Reads back what [`compress`] wrote, up to `bytes_max` bytes.
pub fn decompress_limited(stored: &[u8], bytes_max: usize) -> Result<Vec<u8>, ChunkError> {
    let (&version, rest) = stored.split_first().ok_or(ChunkError::Corrupt)?;
    match version {
        VERSION_LZ4 => decompress_lz4(rest, bytes_max),
        VERSION_ZSTD => decompress_zstd(rest, bytes_max),
        other => Err(ChunkError::Version(other)),
    }
}

fn decompress_zstd(frame: &[u8], bytes_max: usize) -> Result<Vec<u8>, ChunkError> {
    let length = zstd::zstd_safe::get_frame_content_size(frame).ok().flatten();
    let length = length.and_then(|length| usize::try_from(length).ok());
    let length = length.filter(|length| *length <= bytes_max).ok_or(ChunkError::Corrupt)?;
    let bytes = zstd::bulk::decompress(frame, length).map_err(|_| ChunkError::Corrupt)?;
    if bytes.len() == length { Ok(bytes) } else { Err(ChunkError::Corrupt) }
}

fn decompress_lz4(rest: &[u8], bytes_max: usize) -> Result<Vec<u8>, ChunkError> {
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

    /// A chunk of version 2 as it was first written must stay readable.
    #[test]
    fn golden_version_2() {
        let golden = [
            2, 40, 181, 47, 253, 32, 47, 149, 0, 0, 96, 115, 108, 117, 105, 99, 101, 32, 103, 97,
            116, 101, 32, 1, 0, 78, 150, 36,
        ];
        let text = b"sluice gate sluice gate sluice gate sluice gate";
        assert_eq!(decompress(&golden).unwrap(), text);
    }

    /// A chunk of version 1 must stay readable.
    #[test]
    fn golden_version_1() {
        let stored = [1, 8, 0, 0, 0, 0x80, b's', b'l', b'u', b'i', b'c', b'e', b'!', b'!'];
        assert_eq!(decompress(&stored).unwrap(), b"sluice!!");
    }
}
