//! The files under the layer: one overlay for each path, shared by all handles of the
//! process, and what bounds and disturbs them.
//!
//! Deliberately absent: directories. A file that was created or removed stays so, with
//! or without a sync.
//! Invariant: one process at a time changes a file.

use crate::option::{Options, Sync, WHOLE};
use crate::overlay::{Failure, Medium, Overlay, SECTOR_BYTES};
use rusqlite::ffi;
use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::io::ErrorKind;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One path's file.
pub type Shared = Arc<Mutex<Overlay>>;

/// All files of one layer.
pub struct Disk {
    options: Options,
    files: Mutex<HashMap<CString, Shared>>,
    /// Bytes of all files.
    used: AtomicU64,
    random: AtomicU64,
}

impl Disk {
    pub fn new(options: Options) -> Self {
        let random = AtomicU64::new(options.seed);
        Disk { options, files: Mutex::default(), used: AtomicU64::new(0), random }
    }

    /// The file at a path that has just been opened with this length.
    pub fn open(&self, path: &CStr, bytes: u64) -> Shared {
        let mut files = lock(&self.files);
        let file = files.entry(path.to_owned()).or_insert_with(|| {
            self.used.fetch_add(bytes, Ordering::SeqCst);
            Arc::new(Mutex::new(Overlay::new(bytes)))
        });
        Arc::clone(file)
    }

    /// One handle is closed. What nobody has open and nobody would miss is forgotten;
    /// what was not synced stays, as in the cache of a kernel.
    pub fn close(&self, file: Shared) {
        let mut files = lock(&self.files);
        // the table's own and this one
        if Arc::strong_count(&file) == 2 && !lock(&file).is_dirty() {
            files.retain(|_, other| !Arc::ptr_eq(other, &file));
            self.used.fetch_sub(lock(&file).bytes(), Ordering::SeqCst);
        }
        // while the table is locked: of two that close, the second is the last
        drop(file);
    }

    /// The file at a path was removed.
    pub fn remove(&self, path: &CStr) {
        if let Some(file) = lock(&self.files).remove(path) {
            self.used.fetch_sub(lock(&file).bytes(), Ordering::SeqCst);
        }
    }

    /// Length of the file at a path, if it is known.
    pub fn bytes(&self, path: &CStr) -> Option<u64> {
        lock(&self.files).get(path).map(|file| lock(file).bytes())
    }

    pub fn write(
        &self,
        file: &Shared,
        medium: &impl Medium,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let mut overlay = lock(file);
        let end = offset + bytes.len() as u64;
        let growth = end.saturating_sub(overlay.bytes());
        if growth > 0 && self.used.load(Ordering::SeqCst) + growth > self.room()? {
            return Err(Failure(ffi::SQLITE_FULL));
        }
        overlay.write(medium, offset, bytes)?;
        self.used.fetch_add(growth, Ordering::SeqCst);
        if self.options.torn > 0 && self.options.sync == Sync::Kept {
            for _ in offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
                if self.next_random() % WHOLE < self.options.torn {
                    overlay.leak(medium, self.next_random())?;
                }
            }
        }
        Ok(())
    }

    pub fn truncate(&self, file: &Shared, bytes: u64) {
        let mut overlay = lock(file);
        let before = overlay.bytes();
        overlay.truncate(bytes);
        self.used.fetch_add(bytes.saturating_sub(before), Ordering::SeqCst);
        self.used.fetch_sub(before.saturating_sub(bytes), Ordering::SeqCst);
    }

    /// Brings to the medium what it lacks; the medium's own sync is the caller's.
    pub fn sync(&self, file: &Shared, medium: &impl Medium) -> Result<(), Failure> {
        match self.options.sync {
            Sync::Kept => lock(file).flush(medium),
            Sync::Ignored => Ok(()),
        }
    }

    /// Bytes that all files may have together.
    fn room(&self) -> Result<u64, Failure> {
        let Some(path) = &self.options.room else { return Ok(u64::MAX) };
        match std::fs::read_to_string(path) {
            Ok(text) => text.trim().parse().map_err(|_| Failure(ffi::SQLITE_IOERR_WRITE)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(u64::MAX),
            Err(_) => Err(Failure(ffi::SQLITE_IOERR_WRITE)),
        }
    }

    /// splitmix64.
    fn next_random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.random.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A lock whose last holder panicked guards bytes that are still those of the file.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
