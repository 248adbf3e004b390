//! The console in a browser: what `web/` builds to, as files in the program.
//!
//! Nothing is read or made when the server starts: the bytes stay in the program's file until
//! somebody asks for them.

include!(concat!(env!("OUT_DIR"), "/table.rs"));

/// A file that a browser may load.
pub struct File {
    /// Below the place where the console is served.
    pub path: &'static str,
    pub content_type: &'static str,
    pub bytes: &'static [u8],
    pub gzip: Option<&'static [u8]>,
    pub brotli: Option<&'static [u8]>,
}

/// The page that everything begins with.
const INDEX: &str = "index.html";

/// What stands in it for the number that a browser is given once.
pub const NONCE: &str = "__CONSOLE_NONCE__";

/// Files with a hash of their content in their names are below this.
pub const ASSETS: &str = "assets/";

/// A file by its path.
#[must_use]
pub fn file(path: &str) -> Option<&'static File> {
    let found = FILES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    FILES.get(found)
}

/// The page that everything begins with, for one answer.
#[must_use]
pub fn index(nonce: &str) -> Option<String> {
    let text = std::str::from_utf8(file(INDEX)?.bytes).ok()?;
    Some(text.replace(NONCE, nonce))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of compressed script that the page names.
    const FIRST_LOAD_BYTES_MAX: usize = 350 * 1_024;

    #[test]
    fn the_page_names_files_that_are_there_and_gives_all_script_the_nonce() {
        let page = index("n0nce").unwrap();
        assert!(!page.contains(NONCE));
        assert_eq!(
            page.matches("<script").count(),
            page.matches("nonce=\"n0nce\"></script>").count()
        );
        let named = named(&page);
        assert!(named.iter().any(|path| path.ends_with(".js")), "{named:?}");
        for path in &named {
            assert!(file(path).is_some(), "{path}");
        }
        assert!(file("assets/../index.html").is_none());
        assert!(file("").is_none());
    }

    #[test]
    fn what_is_loaded_at_first_is_small() {
        let page = index("n").unwrap();
        let scripts = named(&page).into_iter().filter(|path| path.ends_with(".js"));
        let sizes = scripts.map(|path| file(&path).unwrap().gzip.unwrap().len());
        let bytes: usize = sizes.sum();
        assert!(bytes < FIRST_LOAD_BYTES_MAX, "{bytes}");
    }

    /// The files that a page loads by itself.
    fn named(page: &str) -> Vec<String> {
        let places = page.split(['"']).filter_map(|text| text.strip_prefix("/console/"));
        places.map(str::to_owned).collect()
    }
}
