//! The suite of every store, on SQLite.

use std::sync::Arc;
use store::conformance::StoreFactory;
use store::sqlite::{SqliteOptions, SqliteStore};
use store::{Answer, Store};

struct Sqlite(tempfile::TempDir, tempfile::TempDir);

impl Sqlite {
    fn new() -> Self {
        let directory = || tempfile::tempdir().expect("a directory");
        Sqlite(directory(), directory())
    }

    fn open_as(&self, options: SqliteOptions) -> Answer<'_, Arc<dyn Store>> {
        let store = SqliteStore::open(self.0.path(), options);
        Box::pin(async move { Ok(Arc::new(store?) as Arc<dyn Store>) })
    }
}

impl StoreFactory for Sqlite {
    fn open(&self) -> Answer<'_, Arc<dyn Store>> {
        self.open_as(SqliteOptions::default())
    }

    fn another(&self) -> Answer<'_, Arc<dyn Store>> {
        let store = SqliteStore::open(self.1.path(), SqliteOptions::default());
        Box::pin(async move { Ok(Arc::new(store?) as Arc<dyn Store>) })
    }

    fn open_with_queue(&self, jobs_max: usize) -> Answer<'_, Arc<dyn Store>> {
        self.open_as(SqliteOptions { queue_jobs_max: jobs_max, ..SqliteOptions::default() })
    }
}

macro_rules! tests {
    ($($topic:ident { $($case:ident)* })*) => {
        $(mod $topic {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                store::conformance::$topic::$case(&super::Sqlite::new()).await;
            })*
        })*

        const CASES: &[&str] = &[$($(stringify!($case)),*),*];
    };
}

store::conformance_suite!(tests);

/// A case that is written and not listed would never run.
#[test]
fn every_case_is_listed() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/conformance");
    let mut cases = 0;
    for file in std::fs::read_dir(directory).expect("the suite") {
        let text = std::fs::read_to_string(file.expect("a file").path()).expect("a text");
        for line in text.lines().filter_map(|line| line.strip_prefix("pub async fn ")) {
            let name = line.split('(').next().unwrap_or(line);
            assert!(CASES.contains(&name), "{name} is not listed");
            cases += 1;
        }
    }
    assert_eq!(cases, CASES.len());
}
