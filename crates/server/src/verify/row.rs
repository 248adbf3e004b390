//! What is read, row by row, and what is kept of it: small facts, found by process.

use durable::ProcessId;
use std::vec::IntoIter;
use store::portable::{Cell, Page};
use tokio::sync::mpsc::Receiver;

/// The rows of an export, one after the other.
pub struct Rows {
    pages: Receiver<Page>,
    page: IntoIter<Vec<Cell>>,
    table: usize,
}

impl Rows {
    pub fn new(pages: Receiver<Page>) -> Rows {
        Rows { pages, page: Vec::new().into_iter(), table: 0 }
    }

    /// The next row and the place of its table; `None` at the end.
    pub async fn next(&mut self) -> Option<(usize, Vec<Cell>)> {
        loop {
            if let Some(row) = self.page.next() {
                return Some((self.table, row));
            }
            let page = self.pages.recv().await?;
            self.table = page.table;
            self.page = page.rows.into_iter();
        }
    }
}

/// Reads the cells of a row by their place; `None` when a cell is something else.
pub struct Fields<'a>(pub &'a [Cell]);

impl<'a> Fields<'a> {
    pub fn int(&self, at: usize) -> Option<i64> {
        match self.0.get(at)? {
            Cell::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// A number without a sign, stored as the signed one of the same bits.
    pub fn unsigned(&self, at: usize) -> Option<u64> {
        self.int(at).map(i64::cast_unsigned)
    }

    pub fn maybe_int(&self, at: usize) -> Option<Option<i64>> {
        match self.0.get(at)? {
            Cell::Null => Some(None),
            Cell::Int(number) => Some(Some(*number)),
            _ => None,
        }
    }

    pub fn text(&self, at: usize) -> Option<&'a str> {
        match self.0.get(at)? {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn bytes(&self, at: usize) -> Option<&'a [u8]> {
        match self.0.get(at)? {
            Cell::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn process(&self, at: usize) -> Option<ProcessId> {
        ProcessId::from_bytes(self.bytes(at)?)
    }

    pub fn maybe_process(&self, at: usize) -> Option<Option<ProcessId>> {
        match self.0.get(at)? {
            Cell::Null => Some(None),
            _ => self.process(at).map(Some),
        }
    }
}

/// Facts by key. They are sorted once all are there: a table for hashing would take twice
/// the memory.
pub struct Index<K, T>(Vec<(K, T)>);

impl<K: Ord + Copy, T> Default for Index<K, T> {
    fn default() -> Self {
        Index(Vec::new())
    }
}

impl<K: Ord + Copy, T> Index<K, T> {
    pub fn push(&mut self, key: K, fact: T) {
        self.0.push((key, fact));
    }

    /// After the last of them: brings them in order. Those of one key stay as they came.
    pub fn sort(&mut self) {
        if !self.0.is_sorted_by_key(|(key, _)| *key) {
            self.0.sort_by_key(|(key, _)| *key);
        }
    }

    fn place(&self, key: K) -> usize {
        self.0.partition_point(|(known, _)| *known < key)
    }

    /// All facts of a key.
    pub fn all(&self, key: K) -> &[(K, T)] {
        let rest = &self.0[self.place(key)..];
        &rest[..rest.iter().take_while(|(known, _)| *known == key).count()]
    }

    pub fn get(&self, key: K) -> Option<&T> {
        self.0.get(self.place(key)).filter(|(known, _)| *known == key).map(|(_, fact)| fact)
    }

    pub fn get_mut(&mut self, key: K) -> Option<&mut T> {
        let place = self.place(key);
        self.0.get_mut(place).filter(|(known, _)| *known == key).map(|(_, fact)| fact)
    }

    pub fn iter(&self) -> impl Iterator<Item = &(K, T)> {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_found_by_their_key() {
        let mut index = Index::default();
        for (key, fact) in [(5, "a"), (1, "b"), (5, "c"), (9, "d")] {
            index.push(key, fact);
        }
        index.sort();
        assert_eq!(index.get(1), Some(&"b"));
        assert_eq!(index.get(2), None);
        assert_eq!(index.all(5), [(5, "a"), (5, "c")]);
        assert!(index.all(10).is_empty());
        *index.get_mut(9).unwrap() = "e";
        assert_eq!(index.get(9), Some(&"e"));
    }
}
