//! Files the user names, and standard input as `-`.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::de::IgnoredAny;

use super::failure::Failure;

/// The bytes of a file, or of standard input for `-`, without a byte order mark.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = if is_stdin(path) {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(path)
    };
    match bytes {
        Ok(mut bytes) => {
            if bytes.starts_with(b"\xef\xbb\xbf") {
                bytes.drain(..3);
            }
            Ok(bytes)
        }
        Err(error) => Err(unreadable(path, &error)),
    }
}

#[must_use]
pub fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("{} could not be read: {}.", name(path), reason(error)))
}

/// A password or another secret, if there is to be one, without the end of its line.
pub fn read_secret(from_stdin: bool, file: Option<PathBuf>) -> Result<Option<String>, Failure> {
    let path = match file {
        Some(file) => file,
        None if from_stdin => PathBuf::from("-"),
        None => return Ok(None),
    };
    let text = String::from_utf8(read(&path)?);
    let text = text
        .map_err(|_| Failure::new(format!("{} holds a secret that is not text.", name(&path))))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// The value in a file that has to be JSON.
pub fn read_value(path: &Path) -> Result<expr::Value, Failure> {
    expr::json::parse(&read(path)?)
        .map_err(|error| Failure::new(format!("{} is not JSON: {error}.", name(path))))
}

/// The text of a file that has to be JSON.
pub fn read_json(path: &Path) -> Result<String, Failure> {
    let not_json = |why: String| Failure::new(format!("{} is not JSON: {why}.", name(path)));
    let text = String::from_utf8(read(path)?).map_err(|error| {
        not_json(format!("byte {} is not UTF-8", error.utf8_error().valid_up_to()))
    })?;
    serde_json::from_str::<IgnoredAny>(&text).map_err(|error| not_json(error.to_string()))?;
    Ok(text)
}

/// The text of a file that has to be a JSON object.
pub fn read_json_object(path: &Path) -> Result<String, Failure> {
    let text = read_json(path)?;
    if text.trim_start().starts_with('{') {
        Ok(text)
    } else {
        Err(Failure::new(format!("{} is JSON, but not an object.", name(path))))
    }
}

#[must_use]
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What to call the file in a message.
#[must_use]
pub fn name(path: &Path) -> String {
    if is_stdin(path) { "Standard input".to_owned() } else { format!("'{}'", path.display()) }
}

/// An operating system's error without its number.
#[must_use]
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_with_the_name_and_the_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("order.json");
        let text = read(&path).unwrap_err().text(false);
        assert!(
            text.ends_with("order.json' could not be read: no such file or directory.\n"),
            "{text}"
        );
        std::fs::write(&path, "\u{feff}{\"a\": 1.10,\n}").unwrap();
        let text = read_json(&path).unwrap_err().text(false);
        assert!(text.contains("is not JSON: key must be a string at line 2 column 1."), "{text}");
        std::fs::write(&path, "\u{feff}[1.10]").unwrap();
        assert_eq!(read_json(&path).unwrap(), "[1.10]");
        assert!(read_json_object(&path).unwrap_err().text(false).contains("not an object"));
        std::fs::write(&path, b"\"\xff\"").unwrap();
        assert!(read_json(&path).unwrap_err().text(false).contains("byte 1 is not UTF-8"));
    }
}
