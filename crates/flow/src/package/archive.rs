//! Zip archives, within limits: which entries there are is checked for all of them, and
//! only those that a package needs are unpacked.

use super::{Fault, Form};
use crate::limits::{
    PACKAGE_BYTES_MAX, PACKAGE_ENTRIES_MAX, PACKAGE_ENTRY_BYTES_MAX, PACKAGE_PATH_CHARACTERS_MAX,
    PACKAGE_RATIO_FREE_BYTES, PACKAGE_RATIO_MAX, PACKAGE_UNPACKED_BYTES_MAX,
};
use std::collections::BTreeMap;
use std::io::{Cursor, Read, Write};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Files by path; the case of letters does not matter.
#[derive(Debug, Default)]
pub struct Files {
    /// By path in lower case, below the root.
    by_path: BTreeMap<String, File>,
}

#[derive(Debug)]
struct File {
    path: String,
    /// `None`: the file is of no use for flows and was not unpacked.
    content: Option<Vec<u8>>,
}

impl Files {
    /// Opens a zip.
    pub fn unzip(bytes: &[u8]) -> Result<Files, Fault> {
        if bytes.len() > PACKAGE_BYTES_MAX {
            let message =
                format!("The package has {} bytes, more than {PACKAGE_BYTES_MAX}.", bytes.len());
            return Err(Fault::new("", message));
        }
        let mut archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| Fault::new("", format!("This is not a zip archive: {error}.")))?;
        if archive.len() > PACKAGE_ENTRIES_MAX {
            let count = archive.len();
            let message =
                format!("The package has {count} entries, more than {PACKAGE_ENTRIES_MAX}.");
            return Err(Fault::new("", message));
        }
        let mut files = Files::default();
        let mut left = PACKAGE_UNPACKED_BYTES_MAX;
        for at in 0..archive.len() {
            files.take(&mut archive, at, &mut left)?;
        }
        Ok(files)
    }

    fn take(
        &mut self,
        archive: &mut ZipArchive<Cursor<&[u8]>>,
        at: usize,
        left: &mut usize,
    ) -> Result<(), Fault> {
        let unreadable = |path: &str, error: &dyn std::fmt::Display| {
            Fault::new(path, format!("The entry cannot be unpacked: {error}."))
        };
        let entry = archive.by_index_raw(at).map_err(|error| unreadable("", &error))?;
        let name = entry.name().map_err(|error| unreadable("", &error))?.into_owned();
        let is_dir = entry.is_dir();
        let (size, packed) = (entry.size(), entry.compressed_size());
        drop(entry);
        let path = clean(&name)?;
        let lower = path.to_lowercase();
        if is_dir || path.is_empty() || lower.starts_with("__macosx/") {
            return Ok(());
        }
        let mut content = None;
        if is_needed(&lower) {
            let limit = PACKAGE_ENTRY_BYTES_MAX.min(*left);
            let too_large = || {
                let message =
                    format!("The entry has more than {limit} bytes that there is room for.");
                Fault::new(&path, message)
            };
            if size > limit as u64 {
                return Err(too_large());
            }
            if size > PACKAGE_RATIO_FREE_BYTES && size / packed.max(1) > PACKAGE_RATIO_MAX {
                let message =
                    format!("The entry is packed more than {PACKAGE_RATIO_MAX} times smaller.");
                return Err(Fault::new(&path, message));
            }
            let entry = archive.by_index(at).map_err(|error| unreadable(&path, &error))?;
            let mut unpacked = Vec::new();
            // what the entry says of its size need not be true
            let mut bounded = entry.take(limit as u64 + 1);
            bounded.read_to_end(&mut unpacked).map_err(|error| unreadable(&path, &error))?;
            if unpacked.len() > limit {
                return Err(too_large());
            }
            *left -= unpacked.len();
            content = Some(unpacked);
        }
        if self.by_path.insert(lower, File { path: path.clone(), content }).is_some() {
            return Err(Fault::new(path, "There are two entries of this name."));
        }
        Ok(())
    }

    /// The files below the folder that is a package or a solution, which need not be the
    /// archive's own; and which of both it is.
    pub fn rooted(self) -> Option<(Form, Files)> {
        let candidates = self.by_path.keys().filter_map(|path| root_of(path));
        let (root, _) = candidates.min_by_key(|(root, form)| (root.len(), *form as u8))?;
        let root = root.to_owned();
        let mut below = Files::default();
        for (path, file) in self.by_path {
            if let Some(rest) = path.strip_prefix(&root) {
                below.by_path.insert(rest.to_owned(), file);
            }
        }
        let has = |begin: &str| below.by_path.keys().any(|path| path.starts_with(begin));
        let is_solution = ["", "other/"].iter().any(|folder| {
            has(&format!("{folder}solution.xml")) || has(&format!("{folder}customizations.xml"))
        });
        let is_package = has("manifest.json") || has("microsoft.flow/");
        let form = if is_package && !is_solution { Form::Package } else { Form::Solution };
        Some((form, below))
    }

    /// What a file holds, when it was unpacked.
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.by_path.get(path)?.content.as_deref()
    }

    /// The path as the archive writes it.
    pub fn name(&self, path: &str) -> &str {
        self.by_path.get(path).map_or("", |file| file.path.as_str())
    }

    /// All paths, in order, in lower case.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.by_path.keys().map(String::as_str)
    }
}

/// The path of an entry, with slashes. One that leads out of the archive is refused.
fn clean(name: &str) -> Result<String, Fault> {
    let shown: String = name.chars().take(PACKAGE_PATH_CHARACTERS_MAX).collect();
    if name.chars().count() > PACKAGE_PATH_CHARACTERS_MAX {
        let message = format!("The path has more than {PACKAGE_PATH_CHARACTERS_MAX} characters.");
        return Err(Fault::new(shown, message));
    }
    let path = name.replace('\\', "/");
    let leads_out = path.starts_with('/')
        || path.chars().any(char::is_control)
        || path.split('/').any(|segment| segment == ".." || segment.ends_with(':'));
    if leads_out {
        return Err(Fault::new(shown, "The path leads out of the package."));
    }
    let segments = path.split('/').filter(|segment| !matches!(*segment, "" | "."));
    Ok(segments.collect::<Vec<_>>().join("/"))
}

/// Whether flows are made of a file. The path is in lower case.
fn is_needed(path: &str) -> bool {
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    match name {
        "manifest.json" | "solution.xml" | "customizations.xml" => true,
        "definition.json" | "apismap.json" | "connectionsmap.json" => {
            folder.contains("microsoft.flow/flows")
        }
        "environmentvariabledefinition.xml" | "environmentvariablevalues.json" => {
            folder.contains(super::variable::FOLDER)
        }
        _ => {
            let is_workflow = folder == "workflows" || folder.ends_with("/workflows");
            is_workflow && (name.ends_with(".json") || name.ends_with(".data.xml"))
        }
    }
}

/// The folder that a file shows to be a package or a solution. The path is in lower case.
fn root_of(path: &str) -> Option<(&str, Form)> {
    let place = |mark: &str| {
        let at = path.find(mark)?;
        (at == 0 || path[..at].ends_with('/')).then(|| &path[..at])
    };
    if let Some(root) = place("microsoft.flow/flows/") {
        return Some((root, Form::Package));
    }
    let (folder, name) = path.split_at(path.rfind('/').map_or(0, |at| at + 1));
    match name {
        "manifest.json" => Some((folder, Form::Package)),
        "solution.xml" | "customizations.xml" => {
            let root = folder.strip_suffix("other/").unwrap_or(folder);
            Some((root, Form::Solution))
        }
        _ if is_needed(path) => place("workflows/").map(|root| (root, Form::Solution)),
        _ => None,
    }
}

/// Text in UTF-8 or UTF-16, without its byte order mark.
pub fn text(bytes: &[u8]) -> Option<String> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        odd.is_empty().then(|| String::from_utf16(&units).ok())?
    };
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => String::from_utf8(bytes.to_vec()).ok(),
    }
}

/// Makes a zip of files, in their order. The times of its entries are all the same, so that
/// the same files give the same bytes.
pub fn pack<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Result<Vec<u8>, Fault> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default());
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        let failed = |error: &dyn std::fmt::Display| {
            Fault::new(path, format!("The entry cannot be packed: {error}."))
        };
        writer.start_file(path, options).map_err(|error| failed(&error))?;
        writer.write_all(content).map_err(|error| failed(&error))?;
    }
    let done = writer.finish().map_err(|error| Fault::new("", error.to_string()))?;
    Ok(done.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_within_the_archive() {
        for (given, expected) in [
            ("manifest.json", "manifest.json"),
            ("./a//b/c.json", "a/b/c.json"),
            ("a\\b.json", "a/b.json"),
            ("Microsoft.Flow/", "Microsoft.Flow"),
            ("a..b/c", "a..b/c"),
        ] {
            assert_eq!(clean(given).unwrap(), expected);
        }
        for wrong in ["../a", "a/../b", "/etc/passwd", "\\a", "C:\\a", "C:/a", "a/..", "a\0b"] {
            assert!(clean(wrong).is_err(), "{wrong}");
        }
        assert!(clean(&"a".repeat(PACKAGE_PATH_CHARACTERS_MAX + 1)).is_err());
    }

    #[test]
    fn only_what_flows_are_made_of_is_unpacked() {
        for needed in [
            "manifest.json",
            "microsoft.flow/flows/a/definition.json",
            "x/microsoft.flow/flows/manifest.json",
            "solution.xml",
            "other/customizations.xml",
            "src/workflows/a.json",
            "workflows/a.json.data.xml",
        ] {
            assert!(is_needed(needed), "{needed}");
        }
        for other in ["canvasapps/a.msapp", "definition.json", "workflows/a.xaml", "a.json"] {
            assert!(!is_needed(other), "{other}");
        }
    }

    #[test]
    fn the_root_may_be_a_folder_of_the_archive() {
        for (path, expected) in [
            ("manifest.json", Some(("", Form::Package))),
            ("demo/manifest.json", Some(("demo/", Form::Package))),
            ("demo/microsoft.flow/flows/manifest.json", Some(("demo/", Form::Package))),
            ("solution.xml", Some(("", Form::Solution))),
            ("src/other/solution.xml", Some(("src/", Form::Solution))),
            ("src/workflows/a.json", Some(("src/", Form::Solution))),
            ("notworkflows/a.json", None),
            ("canvasapps/a.msapp", None),
        ] {
            assert_eq!(root_of(path), expected, "{path}");
        }
    }

    #[test]
    fn byte_order_marks_are_no_text() {
        assert_eq!(text(b"\xef\xbb\xbf{}").as_deref(), Some("{}"));
        assert_eq!(text(b"\xff\xfe{\0}\0").as_deref(), Some("{}"));
        assert_eq!(text(b"\xfe\xff\0{\0}").as_deref(), Some("{}"));
        assert_eq!(text(b"{}").as_deref(), Some("{}"));
        assert_eq!(text(b"\xff\xfe{"), None);
        assert_eq!(text(b"\xc3\x28"), None);
    }
}
