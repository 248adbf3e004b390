//! The suite of every store, on PostgreSQL: all cases on one server, each in databases of
//! its own. Starting a server for each would take longer than the cases.

use rig::Postgres;
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use store::conformance::StoreFactory;
use store::postgres::{PostgresOptions, PostgresStore};
use store::{Answer, Store, StoreError};
use tokio::task::JoinSet;

/// Cases at a time.
const AT_ONCE: usize = 4;

struct Databases {
    server: Arc<Postgres>,
    case: String,
}

impl Databases {
    fn open_as(&self, database: String, options: PostgresOptions) -> Answer<'_, Arc<dyn Store>> {
        Box::pin(async move {
            // The second opening finds it there.
            let _ = self.server.create_database(&database).await;
            let store = PostgresStore::open(&self.server.url(&database), options).await?;
            Ok(Arc::new(store) as Arc<dyn Store>)
        })
    }
}

impl StoreFactory for Databases {
    fn open(&self) -> Answer<'_, Arc<dyn Store>> {
        self.open_as(self.case.clone(), PostgresOptions::default())
    }

    fn another(&self) -> Answer<'_, Arc<dyn Store>> {
        self.open_as(format!("{}_other", self.case), PostgresOptions::default())
    }

    fn open_with_queue(&self, jobs_max: usize) -> Answer<'_, Arc<dyn Store>> {
        let options = PostgresOptions { queue_jobs_max: jobs_max, ..PostgresOptions::default() };
        self.open_as(self.case.clone(), options)
    }
}

type Case = for<'a> fn(&'a dyn StoreFactory) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;

macro_rules! cases {
    ($($topic:ident { $($case:ident)* })*) => {
        fn cases() -> Vec<(&'static str, Case)> {
            vec![$($((
                concat!(stringify!($topic), "::", stringify!($case)),
                |factory| Box::pin(store::conformance::$topic::$case(factory)),
            )),*),*]
        }
    };
}

store::conformance_suite!(cases);

/// `CASE=<part of a name>` runs those.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_of_the_suite_holds() {
    let server = Postgres::shared().expect("a server");
    let wanted = std::env::var("CASE").unwrap_or_default();
    let mut cases: VecDeque<_> = cases().into_iter().enumerate().collect();
    cases.retain(|(_, (name, _))| name.contains(&wanted));
    let (mut running, mut failed) = (JoinSet::new(), Vec::new());
    loop {
        while running.len() < AT_ONCE
            && let Some((number, (name, case))) = cases.pop_front()
        {
            let databases = Databases { server: server.clone(), case: format!("case_{number}") };
            // A task of its own: what it panics with is told apart.
            let begun = std::time::Instant::now();
            let task = tokio::spawn(async move { case(&databases).await });
            running.spawn(async move { (name, task.await.is_ok(), begun.elapsed()) });
        }
        let Some(done) = running.join_next().await else { break };
        let (name, is_ok, took) = done.expect("it ends");
        println!("{name}: {} ({} ms)", if is_ok { "ok" } else { "FAILED" }, took.as_millis());
        if !is_ok {
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_unavailable() {
    let server = Postgres::shared().expect("a server");
    let url = server.url("none").replace("postgres@", "postgres:secret@");
    let Err(error) = PostgresStore::open(&url, PostgresOptions::default()).await else {
        panic!("it opened")
    };
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains("none") && !text.contains("secret"), "{text}");
}
