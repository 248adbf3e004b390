//! The bytes of a file: head, frames, end. Every version that was written stays readable.

use super::Kind;
use store::portable::{Cell, FORM, Page, TABLES};

pub const MAGIC: [u8; 8] = *b"SLUICEBK";
pub const VERSION: u16 = 1;
pub const HEAD_BYTES: usize = 8 + 2 + 2 + 1 + 8;

/// Bytes of a frame's checksum: the first of the SHA-256 of its body.
pub const CHECK_BYTES: usize = 8;

const PAGE: u8 = 1;
const END: u8 = 2;

const NULL: u8 = 0;
const INT: u8 = 1;
const TEXT: u8 = 2;
const BYTES: u8 = 3;

/// A frame's body, decompressed.
#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    Page(Page),
    /// Rows of each table.
    End(Vec<u64>),
}

pub fn head(kind: Kind, created: i64) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&MAGIC);
    head[8..10].copy_from_slice(&VERSION.to_le_bytes());
    head[10..12].copy_from_slice(&FORM.to_le_bytes());
    head[12] = kind as u8;
    head[13..].copy_from_slice(&created.to_le_bytes());
    head
}

/// Kind and time of creation.
pub fn read_head(head: &[u8; HEAD_BYTES]) -> Result<(Kind, i64), String> {
    if head[..8] != MAGIC {
        return Err("it is not a file that 'sluicegate db' has written".to_owned());
    }
    let version = u16::from_le_bytes([head[8], head[9]]);
    let form = u16::from_le_bytes([head[10], head[11]]);
    if version > VERSION || form > FORM {
        return Err(format!(
            "it was written by a newer version of this program (format {version}.{form}, expected at most {VERSION}.{FORM}): import it with that version"
        ));
    }
    let mut created = [0; 8];
    created.copy_from_slice(&head[13..]);
    match Kind::from_number(head[12]) {
        Some(kind) if version > 0 && form > 0 => Ok((kind, i64::from_le_bytes(created))),
        _ => Err("its head is damaged".to_owned()),
    }
}

pub fn write_page(page: &Page, out: &mut Vec<u8>) {
    out.extend_from_slice(&[PAGE, page.table as u8]);
    put_count(page.rows.len(), out);
    for cell in page.rows.iter().flatten() {
        match cell {
            Cell::Null => out.push(NULL),
            Cell::Int(number) => {
                out.push(INT);
                out.extend_from_slice(&number.to_le_bytes());
            }
            Cell::Text(text) => put_bytes(TEXT, text.as_bytes(), out),
            Cell::Bytes(bytes) => put_bytes(BYTES, bytes, out),
        }
    }
}

pub fn write_end(rows: &[u64], out: &mut Vec<u8>) {
    out.extend_from_slice(&[END, rows.len() as u8]);
    rows.iter().for_each(|count| out.extend_from_slice(&count.to_le_bytes()));
}

fn put_bytes(tag: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    put_count(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Frames are far below 4 GiB.
fn put_count(count: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(count as u32).to_le_bytes());
}

/// `None`: the bytes make no sense.
pub fn read_frame(bytes: &[u8]) -> Option<Frame> {
    let mut input = Input(bytes);
    let frame = match input.byte()? {
        PAGE => Frame::Page(input.page()?),
        END => {
            let tables = usize::from(input.byte()?);
            let counts: Option<Vec<u64>> = (0..tables).map(|_| input.long()).collect();
            Frame::End(counts?)
        }
        _ => return None,
    };
    input.0.is_empty().then_some(frame)
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn count(&mut self) -> Option<usize> {
        let bytes = self.take(4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    }

    fn long(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn page(&mut self) -> Option<Page> {
        let table = usize::from(self.byte()?);
        let columns = TABLES.get(table)?.columns.len();
        let count = self.count()?;
        // a row takes a byte for each column at least
        if count == 0 || count > self.0.len() / columns {
            return None;
        }
        let mut rows = Vec::with_capacity(count);
        for _ in 0..count {
            let row: Option<Vec<Cell>> = (0..columns).map(|_| self.cell()).collect();
            rows.push(row?);
        }
        Some(Page { table, rows })
    }

    fn cell(&mut self) -> Option<Cell> {
        Some(match self.byte()? {
            NULL => Cell::Null,
            INT => Cell::Int(self.long()?.cast_signed()),
            TEXT => {
                let length = self.count()?;
                Cell::Text(std::str::from_utf8(self.take(length)?).ok()?.to_owned())
            }
            BYTES => {
                let length = self.count()?;
                Cell::Bytes(self.take(length)?.to_vec())
            }
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_as_it_was_written() {
        let row = vec![Cell::Text("größe".into()), Cell::Bytes(vec![0, 255])];
        let page = Page { table: 0, rows: vec![row.clone(), row] };
        let mut bytes = Vec::new();
        write_page(&page, &mut bytes);
        assert_eq!(read_frame(&bytes), Some(Frame::Page(page)));
        for cut in 0..bytes.len() {
            assert_eq!(read_frame(&bytes[..cut]), None);
        }
        let mut bytes = Vec::new();
        write_end(&[3, u64::MAX], &mut bytes);
        assert_eq!(read_frame(&bytes), Some(Frame::End(vec![3, u64::MAX])));
        assert_eq!(read_frame(&[PAGE, 0, 255, 255, 255, 255, 0]), None);
    }

    #[test]
    fn a_newer_file_is_told_from_a_damaged_one() {
        let head = head(Kind::Backup, 5);
        assert_eq!(read_head(&head), Ok((Kind::Backup, 5)));
        let changed = |place: usize| {
            let mut changed = head;
            changed[place] = 9;
            read_head(&changed).unwrap_err()
        };
        assert!(changed(8).contains("newer"));
        assert!(changed(10).contains("newer"));
        assert!(changed(12).contains("damaged"));
        assert!(changed(0).contains("not a file"));
    }
}
