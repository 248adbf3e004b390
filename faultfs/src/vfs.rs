//! The layer as SQLite sees it: opening, removing and finding files. What is not about
//! the content of files goes to the layer below.

use crate::disk::Disk;
use crate::handle::{self, Real};
use crate::option::Options;
use rusqlite::ffi;
use std::ffi::{CStr, CString, NulError, c_char, c_int};
use std::ptr;

/// Files whose content survives a crash, or does not.
const LASTING: c_int =
    ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_WAL | ffi::SQLITE_OPEN_MAIN_JOURNAL;

/// Whether connections that name no layer use this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    Default,
    ByName,
}

#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    #[error("the name of a layer has no zero bytes: {0}")]
    Name(#[from] NulError),
    #[error("SQLite has no file layer to build on")]
    NoneBelow,
    #[error("SQLite refused the layer with code {0}")]
    Refused(c_int),
}

/// What the functions of a registered layer find behind its `pAppData`.
struct Layer {
    disk: Disk,
    below: *mut ffi::sqlite3_vfs,
}

/// Registers a layer over SQLite's default, for the rest of the process's life.
pub fn register(name: &str, options: Options, rank: Rank) -> Result<(), RegisterError> {
    let name = CString::new(name)?;
    // SAFETY: the call has no conditions; it initialises SQLite when that is still to do.
    let below = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
    // SAFETY: a layer that SQLite has found is registered, and those of the operating
    // system are never taken back.
    let Some(model) = (unsafe { below.as_ref() }) else { return Err(RegisterError::NoneBelow) };
    let layer: &'static Layer = Box::leak(Box::new(Layer { disk: Disk::new(options), below }));
    let own = ffi::sqlite3_vfs {
        // up to xCurrentTimeInt64: replacing system calls is for SQLite's own tests
        iVersion: 2,
        szOsFile: handle::bytes(model.szOsFile),
        mxPathname: model.mxPathname,
        pNext: ptr::null_mut(),
        zName: name.into_raw(),
        pAppData: ptr::from_ref(layer).cast_mut().cast(),
        xOpen: Some(open),
        xDelete: Some(delete),
        xAccess: Some(access),
        xFullPathname: Some(full_pathname),
        // loading extensions is off in the bindings
        xDlOpen: None,
        xDlError: None,
        xDlSym: None,
        xDlClose: None,
        xRandomness: Some(randomness),
        xSleep: Some(sleep),
        xCurrentTime: Some(current_time),
        xGetLastError: Some(get_last_error),
        xCurrentTimeInt64: Some(current_time_int64),
        xSetSystemCall: None,
        xGetSystemCall: None,
        xNextSystemCall: None,
    };
    let own = Box::leak(Box::new(own));
    // SAFETY: the table, its name and its data are leaked, so they live as long as SQLite
    // may use them.
    let code = unsafe { ffi::sqlite3_vfs_register(own, c_int::from(rank == Rank::Default)) };
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(RegisterError::Refused(code)) }
}

/// # Safety
///
/// `vfs` is the table of a layer registered here.
unsafe fn layer(vfs: *mut ffi::sqlite3_vfs) -> &'static Layer {
    // SAFETY: `register` points `pAppData` of its tables to a layer that is never freed.
    unsafe { &*(*vfs).pAppData.cast::<Layer>() }
}

/// Calls the same function of the layer below.
macro_rules! below {
    ($layer:expr, $method:ident($($argument:expr),*) else $missing:expr) => {{
        let below = $layer.below;
        // SAFETY: the layer below stays registered, and its function gets what SQLite
        // gave to this one, with its own table in place of ours.
        unsafe {
            match (*below).$method {
                Some(method) => method(below, $($argument),*),
                None => $missing,
            }
        }
    }};
}

/// # Safety
///
/// As SQLite calls it: `file` has room for `szOsFile` bytes; `name` is null or a path
/// that lives until the file is closed.
unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_given: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls this with the table it is in.
    let layer = unsafe { layer(vfs) };
    // SAFETY: `szOsFile` has room for our handle and, behind it, that of the layer below.
    let real = unsafe { Real::behind(file) };
    let code =
        below!(layer, xOpen(name, real.file(), flags, flags_given) else ffi::SQLITE_CANTOPEN);
    if code != ffi::SQLITE_OK {
        // SAFETY: `file` is memory for a handle. Without methods SQLite does not close it;
        // the layer below leaves nothing open when it fails.
        unsafe { (*file).pMethods = ptr::null() };
        return code;
    }
    let lasts = flags & LASTING != 0 && flags & ffi::SQLITE_OPEN_DELETEONCLOSE == 0;
    let mut shared = None;
    if lasts && !name.is_null() {
        let bytes = match real.bytes() {
            Ok(bytes) => bytes,
            Err(failure) => {
                real.close();
                // SAFETY: as above.
                unsafe { (*file).pMethods = ptr::null() };
                return failure.0;
            }
        };
        // SAFETY: a name that is not null is a path that ends with a zero byte.
        let path = unsafe { CStr::from_ptr(name) };
        shared = Some(layer.disk.open(path, bytes));
    }
    // SAFETY: `file` has room for our handle, and holds none yet.
    unsafe { handle::install(file, &layer.disk, shared) };
    ffi::SQLITE_OK
}

/// # Safety
///
/// As SQLite calls it: `name` is a path that ends with a zero byte.
unsafe extern "C" fn delete(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    sync_directory: c_int,
) -> c_int {
    // SAFETY: SQLite calls this with the table it is in.
    let layer = unsafe { layer(vfs) };
    let code = below!(layer, xDelete(name, sync_directory) else ffi::SQLITE_IOERR_DELETE);
    if matches!(code, ffi::SQLITE_OK | ffi::SQLITE_IOERR_DELETE_NOENT) {
        // SAFETY: the condition of this function.
        layer.disk.remove(unsafe { CStr::from_ptr(name) });
    }
    code
}

/// # Safety
///
/// As SQLite calls it: `name` is a path that ends with a zero byte, `answer` is a place
/// for an integer.
unsafe extern "C" fn access(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    flags: c_int,
    answer: *mut c_int,
) -> c_int {
    // SAFETY: SQLite calls this with the table it is in.
    let layer = unsafe { layer(vfs) };
    let code = below!(layer, xAccess(name, flags, answer) else ffi::SQLITE_IOERR_ACCESS);
    if code == ffi::SQLITE_OK && flags == ffi::SQLITE_ACCESS_EXISTS {
        // SAFETY: the condition of this function.
        if let Some(bytes) = layer.disk.bytes(unsafe { CStr::from_ptr(name) }) {
            // SQLite takes an empty file for none: the length that counts is the overlay's
            // SAFETY: the condition of this function.
            unsafe { *answer = c_int::from(bytes > 0) };
        }
    }
    code
}

/// # Safety
///
/// As SQLite calls it.
unsafe extern "C" fn full_pathname(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    bytes: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite calls this with the table it is in.
    let layer = unsafe { layer(vfs) };
    below!(layer, xFullPathname(name, bytes, out) else ffi::SQLITE_CANTOPEN)
}

/// # Safety
///
/// As SQLite calls it.
unsafe extern "C" fn randomness(
    vfs: *mut ffi::sqlite3_vfs,
    bytes: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite calls this with the table it is in.
    let layer = unsafe { layer(vfs) };
    below!(layer, xRandomness(bytes, out) else 0)
}

/// # Safety
///
/// As SQLite calls it.
unsafe extern "C" fn sleep(vfs: *mut ffi::sqlite3_vfs, microseconds: c_int) -> c_int {
    // SAFETY: SQLite calls this with the table it is in.
    let layer = unsafe { layer(vfs) };
    below!(layer, xSleep(microseconds) else 0)
}

/// # Safety
///
/// As SQLite calls it.
unsafe extern "C" fn current_time(vfs: *mut ffi::sqlite3_vfs, out: *mut f64) -> c_int {
    // SAFETY: SQLite calls this with the table it is in.
    let layer = unsafe { layer(vfs) };
    below!(layer, xCurrentTime(out) else ffi::SQLITE_ERROR)
}

/// # Safety
///
/// As SQLite calls it.
unsafe extern "C" fn current_time_int64(
    vfs: *mut ffi::sqlite3_vfs,
    out: *mut ffi::sqlite3_int64,
) -> c_int {
    // SAFETY: SQLite calls this with the table it is in.
    let layer = unsafe { layer(vfs) };
    below!(layer, xCurrentTimeInt64(out) else ffi::SQLITE_ERROR)
}

/// # Safety
///
/// As SQLite calls it.
unsafe extern "C" fn get_last_error(
    vfs: *mut ffi::sqlite3_vfs,
    bytes: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: SQLite calls this with the table it is in.
    let layer = unsafe { layer(vfs) };
    below!(layer, xGetLastError(bytes, out) else 0)
}
