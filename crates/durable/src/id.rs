//! Ids of processes, and the run names made of them.

use std::fmt;

/// 100-nanosecond steps since 0001-01-01T00:00:00Z.
pub type Ticks = i64;

/// A unit of ownership: each process belongs to one for its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition(pub u16);

/// Numbers that the suffix of a run name has room for.
const UNIQUE_MAX: u32 = 100_000_000;

/// The id of a process: its start in ticks, its partition, and a number that
/// tells apart processes of one tick. Ids sort by time.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProcessId([u8; ProcessId::BYTES]);

impl ProcessId {
    /// Bytes of a stored id.
    pub const BYTES: usize = 14;

    /// `unique` is taken modulo 100,000,000, which the run name has room for.
    #[must_use]
    pub fn new(start: Ticks, partition: Partition, unique: u32) -> Self {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&(start.max(0) as u64).to_be_bytes());
        bytes[8..10].copy_from_slice(&partition.0.to_be_bytes());
        bytes[10..].copy_from_slice(&(unique % UNIQUE_MAX).to_be_bytes());
        ProcessId(bytes)
    }

    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(ProcessId)
    }

    #[must_use]
    pub fn as_bytes(&self) -> &[u8; Self::BYTES] {
        &self.0
    }

    /// When the process was created.
    #[must_use]
    pub fn start(&self) -> Ticks {
        let mut ticks = [0; 8];
        ticks.copy_from_slice(&self.0[..8]);
        u64::from_be_bytes(ticks) as i64
    }

    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition(u16::from_be_bytes([self.0[8], self.0[9]]))
    }

    fn unique(&self) -> u32 {
        u32::from_be_bytes([self.0[10], self.0[11], self.0[12], self.0[13]])
    }

    /// The run name of the wire: 20 digits that fall as time goes on, nine digits,
    /// `CU` and two digits.
    #[must_use]
    pub fn run_name(&self) -> String {
        let (unique, falling) = (self.unique(), i64::MAX - self.start());
        let (partition, high, low) = (self.partition().0, unique / 100, unique % 100);
        format!("{falling:020}{partition:03}{high:06}CU{low:02}")
    }

    /// The id behind a run name; `None` when the text is not one of ours.
    #[must_use]
    pub fn from_run_name(name: &str) -> Option<Self> {
        let bytes = name.as_bytes();
        if bytes.len() != 33 || &bytes[29..31] != b"CU" {
            return None;
        }
        let number = |from: usize, to: usize| -> Option<u64> {
            let digits = &bytes[from..to];
            digits.iter().all(u8::is_ascii_digit).then_some(())?;
            name.get(from..to)?.parse().ok()
        };
        let falling = i64::try_from(number(0, 20)?).ok()?;
        let partition = u16::try_from(number(20, 23)?).ok()?;
        let unique = u32::try_from(number(23, 29)? * 100 + number(31, 33)?).ok()?;
        Some(ProcessId::new(i64::MAX - falling, Partition(partition), unique))
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.run_name())
    }
}

impl fmt::Debug for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.run_name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_name_leads_back_to_its_id() {
        let id = ProcessId::new(638_723_709_343_421_507, Partition(255), 99_999_999);
        let name = id.run_name();
        assert_eq!(name.len(), 33);
        assert!(name.starts_with("0858464832751135430"), "{name}");
        assert_eq!(ProcessId::from_run_name(&name), Some(id));
    }

    #[test]
    fn other_text_is_no_run_name() {
        for name in ["", "abc", "0858464832751135430063009229XCU00", &"9".repeat(33)] {
            assert_eq!(ProcessId::from_run_name(name), None, "{name}");
        }
        assert_eq!(ProcessId::from_run_name("+8584648327511354300630092291CU00"), None);
        assert_eq!(ProcessId::from_run_name("99999999999999999999630092291CU00"), None);
    }

    #[test]
    fn names_fall_as_time_goes_on() {
        let early = ProcessId::new(1_000, Partition(0), 0);
        let late = ProcessId::new(2_000, Partition(0), 0);
        assert!(early < late && early.run_name() > late.run_name());
    }
}
