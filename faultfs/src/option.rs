//! What the layer does beyond losing what was not synced.

use std::ffi::OsString;
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;

/// Parts of the whole that `torn` is given in.
pub const WHOLE: u64 = 1_000;

/// What a sync does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sync {
    /// What was written survives.
    #[default]
    Kept,
    /// Nothing, though it says it did: a disk that lies. It shows that a test would see
    /// a loss.
    Ignored,
}

/// How the layer behaves. The default loses what was not synced, and does no more.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub sync: Sync,
    /// For each sector that is written, the chance, in parts of a thousand, that some
    /// sector not yet synced reaches the medium. A kernel may do that at any time, so a
    /// crash keeps a random part of what was not synced.
    pub torn: u64,
    /// Where the random choices begin.
    pub seed: u64,
    /// A file with the number of bytes that all files under the layer may have
    /// together. It is read at each write that makes a file longer, so that a test can
    /// change it. There is no bound while the file is missing.
    pub room: Option<PathBuf>,
}

/// Names of the environment, without the prefix.
const NAMES: [&str; 4] = ["SYNC", "TORN", "SEED", "ROOM"];
const PREFIX: &str = "FAULTFS_";

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    #[error("the environment has '{PREFIX}{name}'; the options are {}", names())]
    Unknown { name: String },
    #[error("{PREFIX}{name} is '{value}'; expected {expected}.")]
    Value { name: &'static str, value: String, expected: &'static str },
}

fn names() -> String {
    NAMES.map(|name| format!("{PREFIX}{name}")).join(", ")
}

impl Options {
    /// The options that the environment gives. A seed it does not give is random.
    pub fn from_environment(
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Options, OptionError> {
        let mut options =
            Options { seed: RandomState::new().hash_one(PREFIX), ..Options::default() };
        for (name, value) in environment {
            let name = name.to_string_lossy();
            let Some(name) = name.strip_prefix(PREFIX) else { continue };
            let text = value.to_string_lossy();
            match name {
                "SYNC" => options.sync = sync(&text)?,
                "TORN" => options.torn = number("TORN", &text, WHOLE)?,
                "SEED" => options.seed = number("SEED", &text, u64::MAX)?,
                "ROOM" => options.room = Some(PathBuf::from(value)),
                _ => return Err(OptionError::Unknown { name: name.to_owned() }),
            }
        }
        Ok(options)
    }
}

fn sync(text: &str) -> Result<Sync, OptionError> {
    match text {
        "kept" => Ok(Sync::Kept),
        "ignored" => Ok(Sync::Ignored),
        _ => Err(refused("SYNC", text, "'kept' or 'ignored'")),
    }
}

fn number(name: &'static str, text: &str, most: u64) -> Result<u64, OptionError> {
    let expected = if most == WHOLE { "a whole number from 0 to 1,000" } else { "a whole number" };
    let number = text.parse().ok().filter(|number| *number <= most);
    number.ok_or_else(|| refused(name, text, expected))
}

fn refused(name: &'static str, value: &str, expected: &'static str) -> OptionError {
    OptionError::Value { name, value: value.to_owned(), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(environment: &[(&str, &str)]) -> Result<Options, OptionError> {
        let pairs = environment.iter().map(|(name, value)| (name.into(), value.into()));
        Options::from_environment(pairs)
    }

    #[test]
    fn the_environment_gives_options() {
        let environment = [
            ("PATH", "/bin"),
            ("FAULTFS_SYNC", "ignored"),
            ("FAULTFS_TORN", "1000"),
            ("FAULTFS_SEED", "7"),
            ("FAULTFS_ROOM", "/tmp/room"),
        ];
        let options = read(&environment).unwrap();
        assert_eq!(options.sync, Sync::Ignored);
        assert_eq!((options.torn, options.seed), (1_000, 7));
        assert_eq!(options.room, Some(PathBuf::from("/tmp/room")));
    }

    #[test]
    fn other_names_and_values_are_refused() {
        for (name, value) in [
            ("FAULTFS_TORM", "1"),
            ("FAULTFS_TORN", "1001"),
            ("FAULTFS_TORN", "-1"),
            ("FAULTFS_SEED", "x"),
            ("FAULTFS_SYNC", "never"),
        ] {
            let error = read(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
