//! Reading a file into an empty store.

use super::format::{CHECK_BYTES, Frame, HEAD_BYTES, read_frame, read_head};
use super::{Kind, Progress, Summary};
use crate::limits::FRAME_BYTES_MAX;
use crate::open::PAUSED;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::Path;
use store::limits::PAGES_QUEUED_MAX;
use store::portable::{Cell, Page, TABLES};
use store::{Store, StoreError};
use tokio::sync::mpsc;

/// What becomes of the mark that makes the next start come up paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    AsInFile,
    Paused,
    NotPaused,
}

/// Imports a file, all of it or nothing.
pub async fn read(
    store: &dyn Store,
    path: &Path,
    mark: Mark,
    progress: Progress,
) -> Result<Summary, String> {
    let failed = |error: String| format!("the file {} cannot be imported: {error}", path.display());
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut reader = FrameReader { file: BufReader::new(file), whole: Sha256::new(), bytes: 0 };
    let (kind, created) = reader.head().map_err(failed)?;
    let (sender, receiver) = mpsc::channel(PAGES_QUEUED_MAX);
    let reading = tokio::task::spawn_blocking(move || {
        let pages = Pages { sender, mark };
        reader.all(kind, created, &pages, progress)
    });
    let (imported, read) = tokio::join!(store.import(receiver), reading);
    let read = read.map_err(|error| failed(error.to_string()))?;
    match (imported, read) {
        (Ok(_), Ok(Some(summary))) => Ok(summary),
        (_, Err(error)) => Err(failed(error)),
        (Err(StoreError::Conflict(text)), _) => Err(failed(format!(
            "{text} An import needs an empty store: name a new data folder with --data"
        ))),
        (Err(error), _) => Err(failed(error.to_string())),
        (Ok(_), Ok(None)) => Err(failed("the store did not take all of it".to_owned())),
    }
}

/// The way to the store.
struct Pages {
    sender: mpsc::Sender<Page>,
    mark: Mark,
}

impl Pages {
    /// False when the store takes no more.
    fn send(&self, mut page: Page) -> bool {
        if TABLES[page.table].name == "setting" && self.mark != Mark::AsInFile {
            page.rows.retain(|row| row.first() != Some(&Cell::Text(PAUSED.to_owned())));
            if page.rows.is_empty() {
                return true;
            }
        }
        self.sender.blocking_send(page).is_ok()
    }

    fn end(&self) -> bool {
        if self.mark == Mark::Paused {
            let row = vec![Cell::Text(PAUSED.to_owned()), Cell::Bytes(b"1".to_vec())];
            let table = TABLES.iter().position(|table| table.name == "setting").unwrap_or(0);
            if self.sender.blocking_send(Page { table, rows: vec![row] }).is_err() {
                return false;
            }
        }
        self.sender.blocking_send(Page::END).is_ok()
    }
}

struct FrameReader {
    file: BufReader<File>,
    whole: Sha256,
    bytes: u64,
}

impl FrameReader {
    fn head(&mut self) -> Result<(Kind, i64), String> {
        let mut head = [0; HEAD_BYTES];
        self.fill(&mut head)?;
        read_head(&head)
    }

    /// Sends all pages, and the end when everything was as it was written. `None` when the
    /// store has stopped before.
    fn all(
        &mut self,
        kind: Kind,
        created: i64,
        pages: &Pages,
        mut progress: Progress,
    ) -> Result<Option<Summary>, String> {
        let mut rows = vec![0; TABLES.len()];
        loop {
            match self.frame()? {
                Frame::Page(page) => {
                    rows[page.table] += page.rows.len() as u64;
                    if !pages.send(page) {
                        return Ok(None);
                    }
                    progress(&rows);
                }
                Frame::End(counts) => {
                    // an earlier form has fewer tables
                    let mut told = counts;
                    told.resize(told.len().max(rows.len()), 0);
                    if told != rows {
                        return Err(damaged(self.bytes, "rows are missing"));
                    }
                    self.end()?;
                    let summary = Summary { kind, created, rows, bytes: self.bytes };
                    return Ok(pages.end().then_some(summary));
                }
            }
        }
    }

    fn frame(&mut self) -> Result<Frame, String> {
        let at = self.bytes;
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > FRAME_BYTES_MAX {
            return Err(damaged(at, "the length of a part makes no sense"));
        }
        let mut packed = Vec::new();
        // as it comes: a damaged length must not take memory
        let read = self.file.by_ref().take(length as u64).read_to_end(&mut packed);
        read.map_err(|error| error.to_string())?;
        if packed.len() < length {
            return Err(self.cut_short());
        }
        self.whole.update(&packed);
        self.bytes += length as u64;
        let mut check = [0; CHECK_BYTES];
        self.fill(&mut check)?;
        if Sha256::digest(&packed)[..CHECK_BYTES] != check {
            return Err(damaged(at, "a checksum is wrong"));
        }
        let body = durable::codec::decompress_limited(&packed, FRAME_BYTES_MAX);
        body.ok()
            .and_then(|body| read_frame(&body))
            .ok_or_else(|| damaged(at, "a part cannot be read"))
    }

    /// The checksum of the whole, and nothing after it.
    fn end(&mut self) -> Result<(), String> {
        let digest = self.whole.clone().finalize();
        let mut check = [0; 32];
        self.fill(&mut check)?;
        if digest[..] != check {
            return Err(damaged(self.bytes, "the checksum of the whole is wrong"));
        }
        match self.file.read(&mut [0]) {
            Ok(0) => Ok(()),
            Ok(_) => Err(damaged(self.bytes, "something follows the end")),
            Err(error) => Err(error.to_string()),
        }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), String> {
        match self.file.read_exact(bytes) {
            Ok(()) => {
                self.whole.update(&*bytes);
                self.bytes += bytes.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(self.cut_short()),
            Err(error) => Err(error.to_string()),
        }
    }

    fn cut_short(&self) -> String {
        format!("it is cut short after byte {}: nothing was imported", self.bytes)
    }
}

fn damaged(at: u64, what: &str) -> String {
    format!("it is damaged near byte {at}, {what}: nothing was imported")
}
