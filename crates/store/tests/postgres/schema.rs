//! The schema: made once, the same for everyone, and as it was reviewed.

use super::sample::{commit, done, id, open, whole_run};
use rig::Postgres;
use store::{RunChange, Store, StoreError};
use tokio_postgres::NoTls;

const COLUMNS: &str = "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
        a.attnotnull, coalesce(l.collname, ''), a.attidentity::text
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    LEFT JOIN pg_collation l ON l.oid = a.attcollation AND l.collname <> 'default'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY c.relname, a.attnum";

const INDEXES: &str = "SELECT tablename, indexdef FROM pg_indexes
    WHERE schemaname = 'public' ORDER BY tablename, indexname";

/// The whole schema as it is reviewed and compared. `UPDATE_GOLDEN=1` writes it anew.
#[tokio::test]
async fn the_schema_is_the_golden_one() {
    let server = Postgres::shared().expect("a server");
    let url = server.create_database("golden").await.expect("a database");
    open(&url).await.close().await.expect("it closes");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a connection");
    tokio::spawn(connection);
    let header = "-- Generated: the schema after every migration. `UPDATE_GOLDEN=1 cargo test \
                  -p sluicegate-store` writes it.";
    let mut schema = format!("{header}\n");
    let indexes = client.query(INDEXES, &[]).await.expect("the indexes");
    let mut table = String::new();
    let close = |schema: &mut String, table: &str| {
        let of_table = indexes.iter().filter(|row| row.get::<_, String>(0) == table);
        for row in of_table {
            *schema += &format!("{};\n", row.get::<_, String>(1));
        }
    };
    for row in client.query(COLUMNS, &[]).await.expect("the columns") {
        let name: String = row.get(0);
        if name != table {
            close(&mut schema, &table);
            schema += &format!("\n{name}\n");
            table = name;
        }
        let (column, kind): (String, String) = (row.get(1), row.get(2));
        let null = if row.get(3) { " NOT NULL" } else { "" };
        let collation: String = row.get(4);
        let collation =
            if collation.is_empty() { String::new() } else { format!(" COLLATE {collation}") };
        let counted = if row.get::<_, String>(5).is_empty() { "" } else { " counted" };
        schema += &format!("    {column} {kind}{collation}{null}{counted}\n");
    }
    close(&mut schema, &table);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres/schema.sql");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, &schema).expect("it is written");
    }
    let golden = std::fs::read_to_string(path).expect("the golden schema").replace('\r', "");
    assert_eq!(schema, golden);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_servers_may_start_at_once_on_an_empty_database() {
    let server = Postgres::shared().expect("a server");
    for round in 0..3 {
        let url = server.create_database(&format!("start_{round}")).await.expect("a database");
        let (one, two, three, four) = tokio::join!(open(&url), open(&url), open(&url), open(&url));
        for store in [one, two, three, four] {
            store.set_setting("name", b"value").await.expect("it is set");
            store.close().await.expect("it closes");
        }
    }
}

#[tokio::test]
async fn data_of_another_build_or_a_newer_one_is_refused() {
    let server = Postgres::shared().expect("a server");
    let url = server.create_database("other_build").await.expect("a database");
    open(&url).await.close().await.expect("it closes");
    for (change, text) in [
        ("UPDATE schema_version SET sha256 = 'x' WHERE number = 1", "migration 1 (initial)"),
        ("INSERT INTO schema_version VALUES (99, 'later', 'y', '')", "newer version"),
    ] {
        server.execute("other_build", change).await.expect("it is changed");
        let refused = store::postgres::PostgresStore::open(&url, Default::default()).await;
        let Err(StoreError::Version(error)) = refused else { panic!("it opened") };
        assert!(error.contains(text), "{error}");
    }
}

/// The one character that the database does not store.
#[tokio::test]
async fn a_text_with_a_zero_is_stored_without_it() {
    let server = Postgres::shared().expect("a server");
    let store = super::sample::store(&server, "zero").await;
    let mut run = whole_run(id(1), 1);
    if let RunChange::Insert(row) = &mut run.run {
        row.error = Some("a\0b".to_owned());
    }
    assert_eq!(commit(&*store, run).await, done());
    let row = store.run(id(1)).await.expect("it is read").expect("it is there");
    assert_eq!(row.error.as_deref(), Some("a\u{fffd}b"));
    assert_eq!(store.workflow("default", "a\0b").await, Ok(None));
}
