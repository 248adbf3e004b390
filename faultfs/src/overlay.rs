//! One file as the process sees it: what is on the medium, and over it what was
//! written or cut off since the last sync.
//!
//! Invariant: the medium is changed by `flush`, and by `leak` as a kernel may do at
//! any time; never otherwise.
//! Invariant: all other methods give what they would give if there were no overlay.

use std::collections::BTreeMap;

/// What a disk writes wholly or not at all.
pub const SECTOR_BYTES: u64 = 512;

/// Sectors that are written at once. SQLite's own layer takes less than 128 KiB, since
/// SQLite itself writes at most a page.
const RUN_SECTORS_MAX: u64 = 128;

type Sector = [u8; SECTOR_BYTES as usize];

/// A result code of SQLite that is an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure(pub i32);

/// Where bytes survive a crash.
pub trait Medium {
    /// Fills the buffer; with zeros where the file has ended.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Failure>;
    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Failure>;
    fn truncate(&self, bytes: u64) -> Result<(), Failure>;
}

/// What was changed and not yet synced.
#[derive(Debug, Default)]
pub struct Overlay {
    /// Length of the file as the process sees it.
    bytes: u64,
    /// Length of the file on the medium.
    kept: u64,
    /// Up to here the medium counts where no sector lies over it; beyond are zeros.
    valid: u64,
    /// The medium has still to be cut at `valid`.
    is_cut: bool,
    /// Whole sectors by their number, as they are to be.
    sectors: BTreeMap<u64, Box<Sector>>,
}

impl Overlay {
    /// Nothing is changed yet in a file of this length.
    pub fn new(bytes: u64) -> Self {
        Overlay { bytes, kept: bytes, valid: bytes, ..Overlay::default() }
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether a crash would lose something.
    pub fn is_dirty(&self) -> bool {
        self.is_cut || self.bytes != self.kept || !self.sectors.is_empty()
    }

    /// Fills the buffer, with zeros beyond the end; says how many bytes there were.
    pub fn read(
        &self,
        medium: &impl Medium,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, Failure> {
        let there = room(offset, self.bytes, buffer.len());
        let valid = room(offset, self.valid, there);
        buffer[valid..].fill(0);
        if valid > 0 {
            medium.read(offset, &mut buffer[..valid])?;
        }
        let end = offset + there as u64;
        let touched = offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES);
        if !touched.is_empty() {
            for (number, sector) in self.sectors.range(touched) {
                let start = number * SECTOR_BYTES;
                let (from, to) = (offset.max(start), end.min(start + SECTOR_BYTES));
                buffer[at(from - offset)..at(to - offset)]
                    .copy_from_slice(&sector[at(from - start)..at(to - start)]);
            }
        }
        Ok(there)
    }

    pub fn write(
        &mut self,
        medium: &impl Medium,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let end = offset + bytes.len() as u64;
        for number in offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let start = number * SECTOR_BYTES;
            let (from, to) = (offset.max(start), end.min(start + SECTOR_BYTES));
            if !self.sectors.contains_key(&number) {
                let mut sector = Box::new([0; SECTOR_BYTES as usize]);
                if to - from < SECTOR_BYTES {
                    self.read(medium, start, &mut *sector)?;
                }
                self.sectors.insert(number, sector);
            }
            if let Some(sector) = self.sectors.get_mut(&number) {
                sector[at(from - start)..at(to - start)]
                    .copy_from_slice(&bytes[at(from - offset)..at(to - offset)]);
            }
        }
        self.bytes = self.bytes.max(end);
        Ok(())
    }

    pub fn truncate(&mut self, bytes: u64) {
        drop(self.sectors.split_off(&bytes.div_ceil(SECTOR_BYTES)));
        if let Some(last) = self.sectors.get_mut(&(bytes / SECTOR_BYTES)) {
            last[at(bytes % SECTOR_BYTES)..].fill(0);
        }
        self.bytes = bytes;
        self.valid = self.valid.min(bytes);
        self.is_cut |= self.kept > bytes;
    }

    /// Brings the medium up to date. After an error all of it is still to be done.
    pub fn flush(&mut self, medium: &impl Medium) -> Result<(), Failure> {
        self.cut(medium)?;
        let mut numbers = self.sectors.keys().copied().peekable();
        while let Some(first) = numbers.next() {
            let mut last = first;
            while last - first + 1 < RUN_SECTORS_MAX && numbers.next_if_eq(&(last + 1)).is_some() {
                last += 1;
            }
            self.kept = self.kept.max(self.copy(medium, first, last)?);
        }
        if self.kept < self.bytes {
            medium.truncate(self.bytes)?;
        }
        (self.kept, self.valid) = (self.bytes, self.bytes);
        self.sectors.clear();
        Ok(())
    }

    /// Brings one sector to the medium, chosen by a random number, and syncs nothing.
    pub fn leak(&mut self, medium: &impl Medium, random: u64) -> Result<(), Failure> {
        let ends = (self.sectors.first_key_value(), self.sectors.last_key_value());
        let (Some((first, _)), Some((last, _))) = ends else { return Ok(()) };
        let from = first + random % (last - first + 1);
        let Some((&number, _)) = self.sectors.range(from..).next() else { return Ok(()) };
        // a file that was cut and written again never shows the old bytes beside the new
        self.cut(medium)?;
        self.kept = self.kept.max(self.copy(medium, number, number)?);
        Ok(())
    }

    fn cut(&mut self, medium: &impl Medium) -> Result<(), Failure> {
        if self.is_cut {
            medium.truncate(self.valid)?;
            self.kept = self.valid;
            self.is_cut = false;
        }
        Ok(())
    }

    /// Writes sectors that follow each other; says where on the medium they end.
    fn copy(&self, medium: &impl Medium, first: u64, last: u64) -> Result<u64, Failure> {
        let start = first * SECTOR_BYTES;
        let end = ((last + 1) * SECTOR_BYTES).min(self.bytes);
        let mut run: Vec<u8> = self.sectors.range(first..=last).flat_map(|(_, it)| **it).collect();
        run.truncate(at(end - start));
        medium.write(start, &run)?;
        Ok(end)
    }
}

/// How many of `wanted` bytes from `offset` lie before `end`.
fn room(offset: u64, end: u64, wanted: usize) -> usize {
    usize::try_from(end.saturating_sub(offset)).map_or(wanted, |room| room.min(wanted))
}

/// A distance within a buffer.
fn at(distance: u64) -> usize {
    usize::try_from(distance).expect("a distance within a buffer is the length of a slice")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[derive(Default)]
    struct Tape(RefCell<Vec<u8>>);

    impl Medium for Tape {
        fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Failure> {
            let tape = self.0.borrow();
            for (index, byte) in buffer.iter_mut().enumerate() {
                *byte = tape.get(at(offset) + index).copied().unwrap_or(0);
            }
            Ok(())
        }

        fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
            let mut tape = self.0.borrow_mut();
            let end = at(offset) + bytes.len();
            if tape.len() < end {
                tape.resize(end, 0);
            }
            tape[at(offset)..end].copy_from_slice(bytes);
            Ok(())
        }

        fn truncate(&self, bytes: u64) -> Result<(), Failure> {
            self.0.borrow_mut().resize(at(bytes), 0);
            Ok(())
        }
    }

    fn seen(overlay: &Overlay, tape: &Tape) -> Vec<u8> {
        let mut bytes = vec![0xee; at(overlay.bytes())];
        assert_eq!(overlay.read(tape, 0, &mut bytes), Ok(bytes.len()));
        bytes
    }

    #[test]
    fn writes_reach_the_medium_when_they_are_flushed() {
        let tape = Tape(RefCell::new(vec![1; 700]));
        let mut overlay = Overlay::new(700);
        overlay.write(&tape, 690, &[2; 20]).unwrap();
        assert_eq!(*tape.0.borrow(), [1; 700]);
        let mut buffer = [9; 40];
        assert_eq!(overlay.read(&tape, 680, &mut buffer), Ok(30));
        assert_eq!(buffer[..10], [1; 10]);
        assert_eq!(buffer[10..30], [2; 20]);
        assert_eq!(buffer[30..], [0; 10]);
        assert!(overlay.is_dirty());
        overlay.flush(&tape).unwrap();
        assert!(!overlay.is_dirty());
        assert_eq!(tape.0.borrow().len(), 710);
        assert_eq!(*tape.0.borrow(), seen(&overlay, &tape));
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        let tape = Tape(RefCell::new(vec![1; 2_000]));
        let mut overlay = Overlay::new(2_000);
        overlay.truncate(100);
        overlay.write(&tape, 1_500, &[2; 10]).unwrap();
        assert_eq!(tape.0.borrow().len(), 2_000);
        let mut wanted = vec![0; 1_510];
        wanted[..100].fill(1);
        wanted[1_500..].fill(2);
        assert_eq!(seen(&overlay, &tape), wanted);
        overlay.flush(&tape).unwrap();
        assert_eq!(*tape.0.borrow(), wanted);
    }

    #[test]
    fn a_leak_brings_one_sector_and_the_flush_the_rest() {
        let tape = Tape(RefCell::new(vec![1; 3_000]));
        let mut overlay = Overlay::new(3_000);
        overlay.write(&tape, 0, &[2; 3_000]).unwrap();
        overlay.leak(&tape, 3).unwrap();
        let leaked = tape.0.borrow().iter().filter(|byte| **byte == 2).count();
        assert_eq!(leaked, 512);
        assert_eq!(tape.0.borrow()[3 * 512..4 * 512], [2; 512]);
        overlay.flush(&tape).unwrap();
        assert_eq!(*tape.0.borrow(), [2; 3_000]);
        overlay.leak(&tape, 3).unwrap();
    }

    /// Random operations on an overlay and on plain bytes give the same.
    #[test]
    fn an_overlay_is_like_the_file_itself() {
        let mut state = 7_u64;
        let mut below = |limit: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % limit
        };
        let (tape, mut plain) = (Tape::default(), Vec::<u8>::new());
        let mut overlay = Overlay::new(0);
        for round in 0..20_000_u64 {
            match below(20) {
                0..12 => {
                    let (offset, length) = (below(6_000), 1 + below(1_200));
                    let bytes = vec![round as u8; at(length)];
                    overlay.write(&tape, offset, &bytes).unwrap();
                    let end = at(offset + length);
                    plain.resize(plain.len().max(end), 0);
                    plain[at(offset)..end].copy_from_slice(&bytes);
                }
                12..15 => {
                    let bytes = below(7_000);
                    overlay.truncate(bytes);
                    plain.resize(at(bytes), 0);
                }
                15..18 => overlay.leak(&tape, below(1 << 30)).unwrap(),
                _ => {
                    overlay.flush(&tape).unwrap();
                    assert_eq!(*tape.0.borrow(), plain, "flushed in round {round}");
                    assert!(!overlay.is_dirty());
                }
            }
            assert_eq!(seen(&overlay, &tape), plain, "in round {round}");
        }
    }
}
