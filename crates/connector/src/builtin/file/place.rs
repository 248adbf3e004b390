//! Places within the folder, and the way to them.
//!
//! Invariant: a file is reached from the open folder name by name, and no name that is a
//! link is followed: whatever a path says, and whoever changes the folder meanwhile,
//! nothing outside of it is opened.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, openat, statat};
use rustix::io::Errno;

use super::super::limits::{PATH_PART_BYTES_MAX, PATH_PARTS_MAX};
use super::super::stop::Stop;

/// How the names of files that are being written begin. They are not seen.
pub(super) const UNFINISHED: &str = ".sluicegate-unfinished-";

/// A path within the folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place(Vec<String>);

impl Place {
    pub(super) fn root() -> Place {
        Place(Vec::new())
    }

    /// Reads a path; both slashes separate, as in the paths of the real connector.
    pub(super) fn read(path: &str) -> Result<Place, Stop> {
        let parts = path.split(['/', '\\']).filter(|part| !part.is_empty());
        let parts: Vec<String> = parts.map(part).collect::<Result<_, Stop>>()?;
        if parts.len() > PATH_PARTS_MAX {
            return Err(Stop::bad(format!("The path has more than {PATH_PARTS_MAX} parts.")));
        }
        Ok(Place(parts))
    }

    pub(super) fn child(mut self, name: &str) -> Result<Place, Stop> {
        if name.contains(['/', '\\']) {
            return Err(Stop::bad(format!("'{name}' is a path; expected a file's name.")));
        }
        self.0.push(part(name)?);
        Ok(self)
    }

    pub(super) fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    pub(super) fn text(&self) -> String {
        format!("/{}", self.0.join("/"))
    }

    pub(super) fn below(&self, folder: &Path) -> PathBuf {
        folder.join(self.0.join("/"))
    }
}

fn part(name: &str) -> Result<String, Stop> {
    let reason = if name == "." || name == ".." {
        "it leads elsewhere"
    } else if name.len() > PATH_PART_BYTES_MAX {
        "it is too long"
    } else if name.chars().any(char::is_control) {
        "it has control characters"
    } else if name.starts_with(UNFINISHED) {
        "it is kept for files that are being written"
    } else if name.is_empty() {
        "it is empty"
    } else {
        return Ok(name.to_owned());
    };
    Err(Stop::bad(format!("'{}' cannot be a file's name: {reason}.", name.escape_default())))
}

/// The folder, open.
pub(super) struct Root(OwnedFd);

/// The folder that something is in, and its name there.
pub(super) struct Spot<'a> {
    pub(super) folder: OwnedFd,
    pub(super) name: &'a str,
}

impl Root {
    pub(super) fn open(folder: &Path) -> Result<Root, Stop> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, folder, flags, Mode::empty()).map(Root).map_err(|error| {
            tracing::warn!(%error, "the folder for files cannot be opened");
            Stop::Answer(500, "The folder for files cannot be opened.".to_owned())
        })
    }

    /// Opens a folder.
    pub(super) fn folder(&self, place: &Place) -> Result<OwnedFd, Stop> {
        self.walk(&place.0, place)
    }

    /// The folder that a file is in.
    pub(super) fn spot<'a>(&self, place: &'a Place) -> Result<Spot<'a>, Stop> {
        let Some((name, folders)) = place.0.split_last() else {
            return Err(Stop::bad("The path is the folder itself; expected a file."));
        };
        Ok(Spot { folder: self.walk(folders, place)?, name })
    }

    fn walk(&self, folders: &[String], place: &Place) -> Result<OwnedFd, Stop> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut open = openat(&self.0, ".", flags, Mode::empty()).map_err(|it| fault(it, place))?;
        for name in folders {
            open = openat(&open, name.as_str(), flags, Mode::empty())
                .map_err(|error| fault(error, place))?;
        }
        Ok(open)
    }

    /// Whether a place is a file, or nothing yet.
    pub(super) fn check_file_or_nothing(&self, place: &Place) -> Result<(), Stop> {
        let spot = self.spot(place)?;
        match spot.stat() {
            Err(Errno::NOENT) => Ok(()),
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile => Ok(()),
            Ok(_) => Err(no_file(place)),
            Err(error) => Err(fault(error, place)),
        }
    }
}

impl Spot<'_> {
    pub(super) fn stat(&self) -> Result<Stat, Errno> {
        statat(&self.folder, self.name, AtFlags::SYMLINK_NOFOLLOW)
    }
}

pub(super) fn no_file(place: &Place) -> Stop {
    Stop::bad(format!("'{}' is not a file.", place.text()))
}

/// What an error of the system means to a flow.
pub(super) fn fault(error: Errno, place: &Place) -> Stop {
    let text = place.text();
    match error {
        Errno::NOENT => Stop::not_found(format!("There is no '{text}'.")),
        Errno::LOOP | Errno::MLINK => {
            Stop::Answer(403, format!("'{text}' leads over a link, which is not followed."))
        }
        // A link where a folder should be looks like this too.
        Errno::NOTDIR => Stop::not_found(format!("There is no folder on the way to '{text}'.")),
        Errno::EXIST => Stop::Answer(409, format!("There is a '{text}' already.")),
        Errno::ACCESS | Errno::PERM | Errno::ROFS => {
            Stop::Answer(403, format!("The server may not do that with '{text}'."))
        }
        Errno::NAMETOOLONG | Errno::INVAL | Errno::ILSEQ => {
            Stop::bad(format!("'{text}' cannot be the name of a file here."))
        }
        // The second is a pipe that nobody reads.
        Errno::ISDIR | Errno::NXIO => no_file(place),
        Errno::NOSPC | Errno::DQUOT => {
            Stop::Answer(507, "There is no room left in the folder for files.".to_owned())
        }
        other => {
            tracing::warn!(error = %other, "a file cannot be used");
            Stop::Answer(500, format!("'{text}' cannot be used."))
        }
    }
}
