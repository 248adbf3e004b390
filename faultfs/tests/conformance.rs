//! The suite of every store, on SQLite over the faulty layer.

use faultfs::{Options, Rank};
use std::path::Path;
use std::sync::{Arc, Once};
use store::conformance::StoreFactory;
use store::sqlite::{SqliteOptions, SqliteStore};
use store::{Answer, Store};

const LAYER: &str = "faulty";

struct Faulty(tempfile::TempDir, tempfile::TempDir);

impl Faulty {
    fn new() -> Self {
        static REGISTERED: Once = Once::new();
        REGISTERED.call_once(|| {
            let options = Options { torn: 100, seed: 1, ..Options::default() };
            faultfs::register(LAYER, options, Rank::ByName).expect("the layer is registered");
        });
        let directory = || tempfile::tempdir().expect("a directory");
        Faulty(directory(), directory())
    }
}

fn open(directory: &Path, queue_jobs_max: usize) -> Answer<'_, Arc<dyn Store>> {
    let options = SqliteOptions { vfs: Some(LAYER.to_owned()), queue_jobs_max };
    let store = SqliteStore::open(directory, options);
    Box::pin(async move { Ok(Arc::new(store?) as Arc<dyn Store>) })
}

impl StoreFactory for Faulty {
    fn open(&self) -> Answer<'_, Arc<dyn Store>> {
        open(self.0.path(), SqliteOptions::default().queue_jobs_max)
    }

    fn another(&self) -> Answer<'_, Arc<dyn Store>> {
        open(self.1.path(), SqliteOptions::default().queue_jobs_max)
    }

    fn open_with_queue(&self, jobs_max: usize) -> Answer<'_, Arc<dyn Store>> {
        open(self.0.path(), jobs_max)
    }
}

macro_rules! tests {
    ($($topic:ident { $($case:ident)* })*) => {
        $(mod $topic {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                store::conformance::$topic::$case(&super::Faulty::new()).await;
            })*
        })*
    };
}

store::conformance_suite!(tests);
