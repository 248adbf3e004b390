//! Writing a file.

use super::format::{CHECK_BYTES, head, write_end, write_page};
use super::{Kind, Progress, Summary};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use store::Source;
use store::limits::PAGES_QUEUED_MAX;
use store::portable::{Page, TABLES};
use tokio::sync::mpsc;

/// Bytes that are collected before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes everything that is stored to a new file.
pub async fn write(
    source: &dyn Source,
    path: &Path,
    kind: Kind,
    created: i64,
    progress: Progress,
) -> Result<Summary, String> {
    if path.exists() {
        return Err(format!("the file {} is there already: choose another name", path.display()));
    }
    let part = PathBuf::from(format!("{}.part", path.display()));
    let failed =
        |error: std::io::Error| format!("the file {} cannot be written: {error}", part.display());
    let file = create(&part).map_err(failed)?;
    let (sender, receiver) = mpsc::channel(PAGES_QUEUED_MAX);
    let writing = tokio::task::spawn_blocking(move || {
        let mut writer = FrameWriter::new(file);
        writer.all(receiver, kind, created, progress)
    });
    let (exported, written) = tokio::join!(source.everything(sender), writing);
    let written = written.map_err(|error| error.to_string()).and_then(|it| it.map_err(failed));
    // who cannot write ends the export too, and is the cause
    let outcome = written.and_then(|summary| match exported {
        Ok(()) => Ok(summary),
        Err(error) => Err(error.to_string()),
    });
    let outcome = outcome.and_then(|summary| {
        std::fs::rename(&part, path)
            .map_err(|error| format!("the file {} cannot be made: {error}", path.display()))?;
        Ok(summary)
    });
    if outcome.is_err() {
        // what is there of it is of no use
        let _ = std::fs::remove_file(&part);
    }
    outcome
}

/// Only the owner may read what was stored.
fn create(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

struct FrameWriter {
    file: BufWriter<File>,
    whole: Sha256,
    bytes: u64,
    /// The frame under way.
    body: Vec<u8>,
}

impl FrameWriter {
    fn new(file: File) -> Self {
        let file = BufWriter::with_capacity(BUFFER_BYTES, file);
        FrameWriter { file, whole: Sha256::new(), bytes: 0, body: Vec::new() }
    }

    /// Blocks the calling thread until the last page has come.
    fn all(
        &mut self,
        mut pages: mpsc::Receiver<Page>,
        kind: Kind,
        created: i64,
        mut progress: Progress,
    ) -> std::io::Result<Summary> {
        self.put(&head(kind, created))?;
        let mut rows = vec![0; TABLES.len()];
        while let Some(page) = pages.blocking_recv() {
            if page.rows.is_empty() {
                self.body.clear();
                write_end(&rows, &mut self.body);
                self.frame()?;
                let digest = self.whole.clone().finalize();
                self.put(&digest)?;
                self.file.flush()?;
                self.file.get_ref().sync_all()?;
                return Ok(Summary { kind, created, rows, bytes: self.bytes });
            }
            rows[page.table] += page.rows.len() as u64;
            self.body.clear();
            write_page(&page, &mut self.body);
            self.frame()?;
            progress(&rows);
        }
        Err(std::io::Error::other("the export has stopped"))
    }

    fn frame(&mut self) -> std::io::Result<()> {
        let packed = durable::codec::compress(&self.body);
        let check = Sha256::digest(&packed);
        self.put(&(packed.len() as u32).to_le_bytes())?;
        self.put(&packed)?;
        self.put(&check[..CHECK_BYTES])
    }

    fn put(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.whole.update(bytes);
        self.bytes += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}
