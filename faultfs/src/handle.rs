//! An open file as SQLite sees it. Content goes through the overlay of its path; locks,
//! shared memory and the rest go to the handle of the layer below.
//!
//! In the memory that SQLite gives for a handle lies ours, and behind it the one of the
//! layer below.
//! Invariant: nothing is mapped into memory, since that would go round the overlay.

use crate::disk::{Disk, Shared, lock};
use crate::overlay::{Failure, Medium};
use rusqlite::ffi;
use std::ffi::{c_int, c_void};
use std::mem::size_of;
use std::ptr;

/// SQLite aligns handles to 8 bytes, and the one behind ours needs that too.
#[repr(C, align(8))]
struct Handle {
    /// What SQLite knows of it; at the beginning.
    base: ffi::sqlite3_file,
    disk: &'static Disk,
    /// `None`: a temporary file, which nobody misses after a crash.
    shared: Option<Shared>,
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // up to xShmUnmap: without the third version SQLite asks for no mapped pages
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(file_lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

/// Bytes of our handle and of one below with so many.
pub fn bytes(below: c_int) -> c_int {
    let own = c_int::try_from(size_of::<Handle>()).expect("a handle has less than a hundred bytes");
    own + below
}

/// Makes `file` an open handle.
///
/// # Safety
///
/// `file` has room for [`bytes`] and holds no handle of ours; the one behind is open.
pub unsafe fn install(file: *mut ffi::sqlite3_file, disk: &'static Disk, shared: Option<Shared>) {
    let handle = Handle { base: ffi::sqlite3_file { pMethods: &METHODS }, disk, shared };
    // SAFETY: the condition of this function; the memory is aligned as SQLite promises.
    unsafe { file.cast::<Handle>().write(handle) };
}

/// # Safety
///
/// `file` is open and ours, and is not closed while the answer is used.
unsafe fn own<'a>(file: *mut ffi::sqlite3_file) -> &'a Handle {
    // SAFETY: the condition of this function; `base` is at the beginning of a handle.
    unsafe { &*file.cast::<Handle>() }
}

/// The handle of the layer below. One exists only while that handle is valid.
pub struct Real(*mut ffi::sqlite3_file);

/// Calls a method of the handle below.
macro_rules! real {
    ($real:expr, $method:ident($($argument:expr),*) else $missing:expr) => {{
        let file = $real.0;
        // SAFETY: a `Real` is an open handle of the layer below, which gets what SQLite
        // gave to ours, or buffers with their lengths.
        unsafe {
            match (*file).pMethods.as_ref().and_then(|methods| methods.$method) {
                Some(method) => method(file, $($argument),*),
                None => $missing,
            }
        }
    }};
}

impl Real {
    /// # Safety
    ///
    /// `file` is memory for [`bytes`]. The methods of the answer are called only while
    /// the handle below is open.
    pub unsafe fn behind(file: *mut ffi::sqlite3_file) -> Real {
        // SAFETY: the condition of this function: the handle below is in the same memory.
        Real(unsafe { file.cast::<Handle>().add(1).cast() })
    }

    pub fn file(&self) -> *mut ffi::sqlite3_file {
        self.0
    }

    pub fn bytes(&self) -> Result<u64, Failure> {
        let mut bytes = 0;
        checked(real!(self, xFileSize(&mut bytes) else ffi::SQLITE_IOERR_FSTAT))?;
        u64::try_from(bytes).map_err(|_| Failure(ffi::SQLITE_IOERR_FSTAT))
    }

    pub fn close(&self) -> c_int {
        real!(self, xClose() else ffi::SQLITE_OK)
    }
}

impl Medium for Real {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Failure> {
        let (offset, length) = place(offset, buffer.len(), ffi::SQLITE_IOERR_READ)?;
        let target = buffer.as_mut_ptr().cast();
        let code = real!(self, xRead(target, length, offset) else ffi::SQLITE_IOERR_READ);
        // the rest of the buffer is zeros then, as is wanted here
        if code == ffi::SQLITE_IOERR_SHORT_READ { Ok(()) } else { checked(code) }
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        let (offset, length) = place(offset, bytes.len(), ffi::SQLITE_IOERR_WRITE)?;
        let source = bytes.as_ptr().cast();
        checked(real!(self, xWrite(source, length, offset) else ffi::SQLITE_IOERR_WRITE))
    }

    fn truncate(&self, bytes: u64) -> Result<(), Failure> {
        let (bytes, _) = place(bytes, 0, ffi::SQLITE_IOERR_TRUNCATE)?;
        checked(real!(self, xTruncate(bytes) else ffi::SQLITE_IOERR_TRUNCATE))
    }
}

/// Offset and length as SQLite has them.
fn place(offset: u64, length: usize, code: c_int) -> Result<(i64, c_int), Failure> {
    let offset = i64::try_from(offset).map_err(|_| Failure(code))?;
    let length = c_int::try_from(length).map_err(|_| Failure(code))?;
    Ok((offset, length))
}

fn checked(code: c_int) -> Result<(), Failure> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(Failure(code)) }
}

fn code_of(outcome: Result<(), Failure>) -> c_int {
    outcome.map_or_else(|failure| failure.0, |()| ffi::SQLITE_OK)
}

/// # Safety
///
/// As SQLite calls it: with an open handle, which is closed afterwards.
unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite calls the methods of a handle that `install` made, while it is open.
    let real = unsafe { Real::behind(file) };
    // SAFETY: the handle is whole, and nobody reads it again: SQLite closes it once.
    let handle = unsafe { ptr::read(file.cast::<Handle>()) };
    if let Some(shared) = handle.shared {
        handle.disk.close(shared);
    }
    real.close()
}

/// # Safety
///
/// As SQLite calls it: `buffer` has room for `length` bytes.
unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    buffer: *mut c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls the methods of a handle that `install` made, while it is open.
    let (handle, real) = unsafe { (own(file), Real::behind(file)) };
    let Some(shared) = &handle.shared else {
        return real!(real, xRead(buffer, length, offset) else ffi::SQLITE_IOERR_READ);
    };
    let (Ok(wanted), Ok(offset)) = (usize::try_from(length), u64::try_from(offset)) else {
        return ffi::SQLITE_IOERR_READ;
    };
    // SAFETY: the condition of this function. The bytes need not be initialised by
    // SQLite: they are set to zero before a slice of them is made.
    let buffer = unsafe {
        ptr::write_bytes(buffer.cast::<u8>(), 0, wanted);
        std::slice::from_raw_parts_mut(buffer.cast::<u8>(), wanted)
    };
    match lock(shared).read(&real, offset, buffer) {
        Ok(there) if there == wanted => ffi::SQLITE_OK,
        Ok(_) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(failure) => failure.0,
    }
}

/// # Safety
///
/// As SQLite calls it: `source` has `length` bytes.
unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    source: *const c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls the methods of a handle that `install` made, while it is open.
    let (handle, real) = unsafe { (own(file), Real::behind(file)) };
    let Some(shared) = &handle.shared else {
        return real!(real, xWrite(source, length, offset) else ffi::SQLITE_IOERR_WRITE);
    };
    let (Ok(length), Ok(offset)) = (usize::try_from(length), u64::try_from(offset)) else {
        return ffi::SQLITE_IOERR_WRITE;
    };
    // SAFETY: the condition of this function.
    let bytes = unsafe { std::slice::from_raw_parts(source.cast::<u8>(), length) };
    code_of(handle.disk.write(shared, &real, offset, bytes))
}

/// # Safety
///
/// As SQLite calls it.
unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, bytes: ffi::sqlite3_int64) -> c_int {
    // SAFETY: SQLite calls the methods of a handle that `install` made, while it is open.
    let (handle, real) = unsafe { (own(file), Real::behind(file)) };
    let Some(shared) = &handle.shared else {
        return real!(real, xTruncate(bytes) else ffi::SQLITE_IOERR_TRUNCATE);
    };
    let Ok(bytes) = u64::try_from(bytes) else { return ffi::SQLITE_IOERR_TRUNCATE };
    handle.disk.truncate(shared, bytes);
    ffi::SQLITE_OK
}

/// # Safety
///
/// As SQLite calls it.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: SQLite calls the methods of a handle that `install` made, while it is open.
    let (handle, real) = unsafe { (own(file), Real::behind(file)) };
    if let Some(shared) = &handle.shared
        && let Err(failure) = handle.disk.sync(shared, &real)
    {
        return failure.0;
    }
    // without the overlay's lock: who reads need not wait for the disk
    real!(real, xSync(flags) else ffi::SQLITE_IOERR_FSYNC)
}

/// # Safety
///
/// As SQLite calls it: `out` is a place for the answer.
unsafe extern "C" fn file_size(
    file: *mut ffi::sqlite3_file,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls the methods of a handle that `install` made, while it is open.
    let (handle, real) = unsafe { (own(file), Real::behind(file)) };
    let Some(shared) = &handle.shared else {
        return real!(real, xFileSize(out) else ffi::SQLITE_IOERR_FSTAT);
    };
    let Ok(bytes) = i64::try_from(lock(shared).bytes()) else { return ffi::SQLITE_IOERR_FSTAT };
    // SAFETY: the condition of this function.
    unsafe { *out = bytes };
    ffi::SQLITE_OK
}

/// # Safety
///
/// As SQLite calls it: `argument` is what the operation wants.
unsafe extern "C" fn file_control(
    file: *mut ffi::sqlite3_file,
    operation: c_int,
    argument: *mut c_void,
) -> c_int {
    // these would change the length of the file below
    if matches!(operation, ffi::SQLITE_FCNTL_SIZE_HINT | ffi::SQLITE_FCNTL_CHUNK_SIZE) {
        return ffi::SQLITE_OK;
    }
    // SAFETY: SQLite calls the methods of a handle that `install` made, while it is open.
    let real = unsafe { Real::behind(file) };
    real!(real, xFileControl(operation, argument) else ffi::SQLITE_NOTFOUND)
}

/// Methods that have nothing to do with content.
macro_rules! forwarded {
    ($($name:ident = $method:ident($($argument:ident: $kind:ty),*) -> $answer:ty, else $missing:expr;)*) => {
        $(
            /// # Safety
            ///
            /// As SQLite calls it.
            unsafe extern "C" fn $name(
                file: *mut ffi::sqlite3_file,
                $($argument: $kind),*
            ) -> $answer {
                // SAFETY: SQLite calls the methods of a handle that `install` made, while
                // it is open.
                let real = unsafe { Real::behind(file) };
                real!(real, $method($($argument),*) else $missing)
            }
        )*
    };
}

forwarded! {
    file_lock = xLock(level: c_int) -> c_int, else ffi::SQLITE_IOERR_LOCK;
    unlock = xUnlock(level: c_int) -> c_int, else ffi::SQLITE_IOERR_UNLOCK;
    check_reserved_lock = xCheckReservedLock(answer: *mut c_int) -> c_int,
        else ffi::SQLITE_IOERR_CHECKRESERVEDLOCK;
    sector_size = xSectorSize() -> c_int, else 0;
    device_characteristics = xDeviceCharacteristics() -> c_int, else 0;
    shm_map = xShmMap(
        region: c_int, bytes: c_int, extend: c_int, out: *mut *mut c_void
    ) -> c_int, else ffi::SQLITE_IOERR_SHMMAP;
    shm_lock = xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int,
        else ffi::SQLITE_IOERR_SHMLOCK;
    shm_barrier = xShmBarrier() -> (), else ();
    shm_unmap = xShmUnmap(delete: c_int) -> c_int, else ffi::SQLITE_OK;
}
