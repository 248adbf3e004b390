//! Random choices that a seed repeats.

use durable::{Partition, ProcessId};

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// SplitMix64.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    /// True once in so many times.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn of<'a, T>(&mut self, all: &'a [T]) -> Option<&'a T> {
        if all.is_empty() { None } else { all.get(self.below(all.len() as u64) as usize) }
    }

    pub fn bytes(&mut self) -> Vec<u8> {
        let length = self.below(40);
        (0..length).map(|_| self.next() as u8).collect()
    }

    pub fn text(&mut self) -> String {
        const PARTS: [&str; 7] = ["a", "B", "ä", "\u{1f4a1}", " ", "_", "z"];
        (0..=self.below(3)).filter_map(|_| self.of(&PARTS).copied()).collect()
    }

    /// A process of a few partitions, which time does not sort by partition.
    pub fn process(&mut self, number: u32) -> ProcessId {
        let start = 638_723_709_343_421_507 + i64::from(number) * 10;
        ProcessId::new(start, Partition(self.below(5) as u16 * 51), number)
    }
}
