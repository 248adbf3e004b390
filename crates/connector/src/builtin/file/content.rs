//! Files: what is in them and what is known of them.
//!
//! A file is written aside and then put in its place, so that nobody meets half of one.

use std::fs::File;
use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use rustix::fs::linkat;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::super::limits::{FILE_BYTES_MAX, FOLDER_ENTRIES_MAX};
use super::super::stop::Stop;
use super::place::{Place, Root, Spot, UNFINISHED, fault, no_file};

/// What is done about a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    Replaced,
    Refused,
    Required,
}

pub(super) struct Metadata {
    pub(super) place: Place,
    pub(super) bytes: u64,
    pub(super) modified: Timestamp,
    pub(super) is_folder: bool,
    pub(super) etag: String,
}

pub(super) fn metadata(root: &Root, place: &Place) -> Result<Metadata, Stop> {
    let stat = root.spot(place)?.stat().map_err(|error| fault(error, place))?;
    of(place.clone(), &stat).ok_or_else(|| no_file(place))
}

/// `None` for what is neither a file nor a folder.
fn of(place: Place, stat: &Stat) -> Option<Metadata> {
    let is_folder = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => true,
        FileType::RegularFile => false,
        _ => return None,
    };
    let bytes = u64::try_from(stat.st_size).unwrap_or(0);
    let modified = Timestamp::from_second(stat.st_mtime).unwrap_or(Timestamp::UNIX_EPOCH);
    let etag = format!("\"{:x}-{:x}-{bytes:x}\"", stat.st_mtime, stat.st_mtime_nsec);
    Some(Metadata { place, bytes, modified, is_folder, etag })
}

/// Files and folders of a folder, by name. Links and devices are not listed.
pub(super) fn list(root: &Root, place: &Place) -> Result<Vec<Metadata>, Stop> {
    let folder = root.folder(place)?;
    let entries = Dir::read_from(&folder).map_err(|error| fault(error, place))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| fault(error, place))?;
        // What is no text cannot be named in a flow.
        let Ok(name) = entry.file_name().to_str() else { continue };
        if name == "." || name == ".." || name.starts_with(UNFINISHED) {
            continue;
        }
        let Ok(child) = place.clone().child(name) else { continue };
        let Ok(stat) = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        found.extend(of(child, &stat));
        if found.len() > FOLDER_ENTRIES_MAX {
            return Err(Stop::Answer(
                413,
                format!("The folder has more than {FOLDER_ENTRIES_MAX} entries."),
            ));
        }
    }
    found.sort_by(|a, b| a.place.name().cmp(b.place.name()));
    Ok(found)
}

pub(super) fn read(root: &Root, place: &Place) -> Result<Vec<u8>, Stop> {
    let spot = root.spot(place)?;
    let file = open(&spot, place, OFlags::RDONLY)?;
    let mut bytes = Vec::new();
    let read = File::from(file).take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| io_fault(&error, place))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(too_large(place));
    }
    Ok(bytes)
}

/// Opens a file that is there.
fn open(spot: &Spot<'_>, place: &Place, access: OFlags) -> Result<std::os::fd::OwnedFd, Stop> {
    // Without waiting: a pipe under the name would hold us up for ever.
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = openat(&spot.folder, spot.name, flags, Mode::empty());
    let file = file.map_err(|error| fault(error, place))?;
    let stat = fstat(&file).map_err(|error| fault(error, place))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(no_file(place));
    }
    Ok(file)
}

pub(super) fn write(
    root: &Root,
    place: &Place,
    bytes: &[u8],
    existing: Existing,
) -> Result<(), Stop> {
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(too_large(place));
    }
    not_of_a_database(place)?;
    let spot = root.spot(place)?;
    match (spot.stat(), existing) {
        (Err(Errno::NOENT), Existing::Required) => return Err(fault(Errno::NOENT, place)),
        (Err(Errno::NOENT), _) => {}
        (Err(error), _) => return Err(fault(error, place)),
        (Ok(_), Existing::Refused) => return Err(fault(Errno::EXIST, place)),
        (Ok(stat), _) if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile => {
            return Err(no_file(place));
        }
        (Ok(_), _) => {}
    }
    let aside = unfinished();
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&spot.folder, aside.as_str(), flags, Mode::from_raw_mode(0o640));
    let mut file = File::from(file.map_err(|error| fault(error, place))?);
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let placed = written.map_err(|error| io_fault(&error, place)).and_then(|()| {
        let placed = match existing {
            // Another may have made the file since we looked: a link is not put over it.
            Existing::Refused => {
                linkat(&spot.folder, aside.as_str(), &spot.folder, spot.name, AtFlags::empty())
            }
            Existing::Replaced | Existing::Required => {
                renameat(&spot.folder, aside.as_str(), &spot.folder, spot.name)
            }
        };
        placed.map_err(|error| fault(error, place))
    });
    if placed.is_err() || existing == Existing::Refused {
        let _ = unlinkat(&spot.folder, aside.as_str(), AtFlags::empty());
    }
    placed
}

pub(super) fn append(root: &Root, place: &Place, bytes: &[u8]) -> Result<(), Stop> {
    not_of_a_database(place)?;
    let spot = root.spot(place)?;
    let file = open(&spot, place, OFlags::WRONLY | OFlags::APPEND)?;
    let stat = fstat(&file).map_err(|error| fault(error, place))?;
    let there = u64::try_from(stat.st_size).unwrap_or(0);
    if there.saturating_add(bytes.len() as u64) > FILE_BYTES_MAX {
        return Err(too_large(place));
    }
    let mut file = File::from(file);
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| io_fault(&error, place))
}

pub(super) fn delete(root: &Root, place: &Place) -> Result<(), Stop> {
    let spot = root.spot(place)?;
    let stat = spot.stat().map_err(|error| fault(error, place))?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(no_file(place));
    }
    unlinkat(&spot.folder, spot.name, AtFlags::empty()).map_err(|error| fault(error, place))
}

/// What SQLite keeps beside a database it believes: a journal that somebody else has written
/// could have it delete files anywhere.
fn not_of_a_database(place: &Place) -> Result<(), Stop> {
    let name = place.name().to_ascii_lowercase();
    if ["-journal", "-wal", "-shm"].iter().any(|end| name.ends_with(end)) {
        let message = format!("'{}' is kept for databases and not written.", place.text());
        return Err(Stop::Answer(403, message));
    }
    Ok(())
}

fn unfinished() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{UNFINISHED}{}-{next}", std::process::id())
}

fn too_large(place: &Place) -> Stop {
    Stop::Answer(
        413,
        format!("'{}' would have or has more than {FILE_BYTES_MAX} bytes.", place.text()),
    )
}

fn io_fault(error: &std::io::Error, place: &Place) -> Stop {
    match (Errno::from_io_error(error), error.kind()) {
        (Some(errno), _) => fault(errno, place),
        (None, ErrorKind::WriteZero) => fault(Errno::NOSPC, place),
        (None, _) => fault(Errno::IO, place),
    }
}
