//! The SQL connector on a real PostgreSQL and on SQLite files.

use crate::world::World;
use connector::builtin::HttpFailure;
use rig::{Authority, Postgres};
use serde_json::{Value as Json, json};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// A database of either kind with the same table in it.
struct Base {
    world: World,
    connection: Json,
    _directory: TempDir,
    postgres: Option<Arc<Postgres>>,
}

const ROWS: &str = "INSERT INTO person (id, name, age, note) VALUES \
     (1, 'Anna', 30, 'it''s'), (2, 'Bert', 17, NULL), (3, 'Carla', 42, 'x; DROP TABLE person')";

async fn postgres(name: &str) -> Base {
    let server = Postgres::shared().unwrap();
    server.create_database(name).await.unwrap();
    let make = format!(
        "CREATE TABLE person (id serial PRIMARY KEY, name varchar(20) NOT NULL, age int, \
         note text, \"odd \"\"name\" numeric(10, 2)); \
         CREATE TABLE pair (a int, b text, c timestamptz, PRIMARY KEY (b, a)); \
         CREATE VIEW adult AS SELECT * FROM person WHERE age >= 18; {ROWS}; \
         SELECT setval('person_id_seq', 3); \
         CREATE FUNCTION older(years int, youngest int DEFAULT 0) RETURNS TABLE (name text, age int) \
         LANGUAGE sql AS 'SELECT p.name, p.age + years FROM person p WHERE p.age >= youngest \
         ORDER BY 1'; \
         CREATE FUNCTION total(years int) RETURNS bigint LANGUAGE sql \
         AS 'SELECT sum(p.age + years) FROM person p'; \
         CREATE PROCEDURE forget(who text) LANGUAGE sql AS 'DELETE FROM person WHERE name = who'"
    );
    server.execute(name, &make).await.unwrap();
    let connection = json!({ "engine": "postgresql", "server": "127.0.0.1", "port": server.port(),
        "database": name, "username": "postgres", "encryption": "none" });
    let directory = tempfile::tempdir().unwrap();
    Base { world: World::new(None), connection, _directory: directory, postgres: Some(server) }
}

fn sqlite() -> Base {
    let directory = tempfile::tempdir().unwrap();
    let file = rusqlite::Connection::open(directory.path().join("people.db")).unwrap();
    let make = format!(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL, age INTEGER, \
         note TEXT, \"odd \"\"name\" NUMERIC); \
         CREATE TABLE pair (a INTEGER, b TEXT, c TEXT, PRIMARY KEY (b, a)); \
         CREATE VIEW adult AS SELECT * FROM person WHERE age >= 18; {ROWS};"
    );
    file.execute_batch(&make).unwrap();
    let mut world = World::new(None);
    world.context.folder = Some(directory.path().to_owned());
    let connection = json!({ "engine": "sqlite", "database": "people.db" });
    Base { world, connection, _directory: directory, postgres: None }
}

impl Base {
    async fn call(&self, operation: &str, mut parameters: Json) -> (u16, Json) {
        parameters["server"] = json!("default");
        parameters["database"] = json!("default");
        self.world.call("shared_sql", operation, &self.connection, parameters).await
    }

    async fn names(&self, mut query: Json) -> Vec<String> {
        query["table"] = json!("person");
        let (status, body) = self.call("GetItems_V2", query.clone()).await;
        assert_eq!(status, 200, "{query}: {body}");
        let rows = body["value"].as_array().unwrap();
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    }

    async fn query(&self, text: &str, actual: Json, formal: Json) -> (u16, Json) {
        let query =
            json!({ "query": text, "actualParameters": actual, "formalParameters": formal });
        self.call("ExecutePassThroughNativeQuery_V2", json!({ "query": query })).await
    }
}

async fn rows_are_filtered_sorted_and_counted(base: &Base) {
    for (filter, names) in [
        ("age gt 20", vec!["Anna", "Carla"]),
        ("age ge 17 and age lt 42", vec!["Anna", "Bert"]),
        ("name eq 'Anna' or name eq 'Bert'", vec!["Anna", "Bert"]),
        ("not (name eq 'Anna')", vec!["Bert", "Carla"]),
        ("note eq null", vec!["Bert"]),
        ("note ne null and id eq 1", vec!["Anna"]),
        ("note eq 'it''s'", vec!["Anna"]),
        ("note eq 'x; DROP TABLE person'", vec!["Carla"]),
        ("contains(name, 'ar')", vec!["Carla"]),
        ("substringof('er', name)", vec!["Bert"]),
        ("startswith(name,'A') eq true", vec!["Anna"]),
        ("endswith(name,'a')", vec!["Anna", "Carla"]),
        ("endswith(name,'a very long end')", vec![]),
        ("tolower(name) eq 'anna'", vec!["Anna"]),
        ("length(name) eq 5", vec!["Carla"]),
        ("NAME eq 'Bert'", vec!["Bert"]),
        ("name eq '%'", vec![]),
        ("name eq '\"; DROP TABLE person; --'", vec![]),
        ("17 lt age", vec!["Anna", "Carla"]),
    ] {
        assert_eq!(base.names(json!({ "$filter": filter })).await, names, "{filter}");
    }
    assert_eq!(
        base.names(json!({ "$orderby": "age desc, name" })).await,
        ["Carla", "Anna", "Bert"]
    );
    let page = json!({ "$orderby": "name", "$top": "1", "$skip": 1 });
    assert_eq!(base.names(page).await, ["Bert"]);
    let narrow = json!({ "table": "person", "$select": "name", "$top": 1 });
    assert_eq!(base.call("GetItems_V2", narrow).await.1["value"], json!([{ "name": "Anna" }]));
    let view = json!({ "table": "adult", "$orderby": "id" });
    assert_eq!(base.call("GetItems_V2", view).await.1["value"].as_array().unwrap().len(), 2);
    for query in [
        json!({ "$filter": "nothing eq 1" }),
        json!({ "$filter": "age gt 1; DROP TABLE person" }),
        json!({ "$filter": "1 eq 1) or (1 eq" }),
        json!({ "$orderby": "name; DROP TABLE person" }),
        json!({ "$orderby": "name desc, (SELECT 1)" }),
        json!({ "$select": "name, (SELECT 1)" }),
        json!({ "$top": "1; DROP TABLE person" }),
        json!({ "$top": -1 }),
        json!({ "$filter": "name gt null" }),
    ] {
        let mut parameters = query.clone();
        parameters["table"] = json!("person");
        assert_eq!(base.call("GetItems_V2", parameters).await.0, 400, "{query}");
    }
    for table in ["nowhere", "person; DROP TABLE person", "\"person\" WHERE 1=1 --", "pg_x.person"]
    {
        let status = base.call("GetItems_V2", json!({ "table": table })).await.0;
        assert!(status == 404 || status == 400, "{table}");
    }
}

async fn a_row_is_added_read_changed_and_removed(base: &Base) {
    let item = json!({ "name": "D'); DROP TABLE p;--", "age": "51", "odd \"name": 1.5 });
    let (status, made) = base.call("PostItem_V2", json!({ "table": "person", "item": item })).await;
    assert_eq!(status, 200, "{made}");
    assert_eq!((&made["id"], &made["age"]), (&json!(4), &json!(51)));
    assert_eq!(made["odd \"name"], 1.5);
    let one = json!({ "table": "[person]", "id": "4" });
    assert_eq!(base.call("GetItem_V2", one.clone()).await.1, made);
    let change = json!({ "table": "person", "id": 4, "item": { "Age": null, "name": "Dora" } });
    let (status, changed) = base.call("PatchItem_V2", change).await;
    assert_eq!((status, &changed["age"], &changed["name"]), (200, &Json::Null, &json!("Dora")));
    assert_eq!(base.call("DeleteItem_V2", one.clone()).await.0, 200);
    assert_eq!(base.call("DeleteItem_V2", one.clone()).await.0, 404);
    assert_eq!(base.call("GetItem_V2", one.clone()).await.0, 404);
    let none = json!({ "table": "person", "id": "4", "item": { "age": 1 } });
    assert_eq!(base.call("PatchItem_V2", none).await.0, 404);
    let unknown = json!({ "table": "person", "item": { "nme": "x" } });
    let (status, body) = base.call("PostItem_V2", unknown).await;
    assert_eq!(status, 400);
    assert!(body["message"].as_str().unwrap().contains("'nme'"), "{body}");
    let twice = json!({ "table": "person", "item": { "id": 1, "name": "x" } });
    assert_eq!(base.call("PostItem_V2", twice).await.0, 409);
    let pair =
        json!({ "table": "pair", "item": { "a": 1, "b": "x", "c": "2026-01-02T03:04:05Z" } });
    assert_eq!(base.call("PostItem_V2", pair).await.0, 200);
    let pair = base.call("GetItem_V2", json!({ "table": "pair", "id": "x,1" })).await;
    assert_eq!((pair.0, &pair.1["a"]), (200, &json!(1)), "{}", pair.1);
    assert_eq!(base.call("GetItem_V2", json!({ "table": "pair", "id": "x" })).await.0, 400);
    assert_eq!(base.call("GetItem_V2", json!({ "table": "adult", "id": "1" })).await.0, 400);
}

async fn a_query_takes_named_parameters(base: &Base) {
    let (status, body) = base
        .query(
            "SELECT name, age + @more AS later FROM person WHERE name = @who OR note = @who;",
            json!({ "who": "it's", "@more": "2" }),
            json!({ "who": "NVARCHAR(50)", "@more": "INT" }),
        )
        .await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["ResultSets"]["Table1"], json!([{ "name": "Anna", "later": 32 }]));
    let change = "UPDATE person SET age = age + 1 WHERE id = @id";
    let (status, body) = base.query(change, json!({ "id": 2 }), json!({})).await;
    assert_eq!((status, &body["ResultSets"]), (200, &json!({})), "{body}");
    let again = "UPDATE person SET age = age + 1 WHERE id = @id RETURNING age -- done";
    let (_, body) = base.query(again, json!({ "id": 2 }), json!({})).await;
    assert_eq!(body["ResultSets"]["Table1"], json!([{ "age": 19 }]));
    let (status, body) = base.query("SELECT 1; DROP TABLE person", json!({}), json!({})).await;
    assert_eq!(status, 400, "{body}");
    assert_eq!(base.query("SELECT nothing FROM person", json!({}), json!({})).await.0, 400);
    let injection = json!({ "who": "x' OR '1'='1" });
    let (_, body) =
        base.query("SELECT * FROM person WHERE name = @who", injection, json!({})).await;
    assert_eq!(body["ResultSets"]["Table1"], json!([]));
}

async fn a_large_answer_is_refused(base: &Base) {
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001) \
                SELECT i FROM n";
    assert_eq!(base.query(many, json!({}), json!({})).await.0, 413);
}

#[tokio::test]
async fn postgresql_serves_rows_and_queries() {
    let base = postgres("rows").await;
    rows_are_filtered_sorted_and_counted(&base).await;
    a_row_is_added_read_changed_and_removed(&base).await;
    a_query_takes_named_parameters(&base).await;
    a_large_answer_is_refused(&base).await;
    let tables = base.call("GetTables_V2", json!({})).await.1;
    let names: Vec<&str> =
        tables["value"].as_array().unwrap().iter().map(|it| it["Name"].as_str().unwrap()).collect();
    assert_eq!(names, ["public.adult", "public.pair", "public.person"]);
    let long = json!({ "table": "person", "item": { "name": "x".repeat(21) } });
    assert_eq!(base.call("PostItem_V2", long).await.0, 400, "nothing is cut silently");
    let wrong = json!({ "table": "person", "item": { "name": "x", "age": "many" } });
    assert_eq!(base.call("PostItem_V2", wrong).await.0, 400);
    let (_, body) = base.query("SHOW statement_timeout", json!({}), json!({})).await;
    assert_eq!(body["ResultSets"]["Table1"], json!([{ "statement_timeout": "1min" }]));
    let inner = "WITH made AS (INSERT INTO person (name, age) VALUES (@n, 9) RETURNING id, name) \
                 SELECT name, length(name) AS l, now() > 'epoch' AS b FROM made";
    let (status, body) = base.query(inner, json!({ "n": "Eva" }), json!({})).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["ResultSets"]["Table1"], json!([{ "name": "Eva", "l": 3, "b": true }]));
    let (status, _) = base.query("EXPLAIN DELETE FROM person", json!({}), json!({})).await;
    assert_eq!(status, 200);
    let huge = "SELECT repeat('x', 40000000) AS x";
    assert_eq!(base.query(huge, json!({}), json!({})).await.0, 413);
}

#[tokio::test]
async fn functions_and_procedures_of_postgresql_are_called_by_name() {
    let base = postgres("procedures").await;
    let call = json!({ "procedure": "[public].[older]", "parameters": { "Years": "1" } });
    let (status, body) = base.call("ExecuteProcedure_V2", call).await;
    assert_eq!(status, 200, "{body}");
    assert_eq!(body["ResultSets"]["Table1"][1], json!({ "name": "Bert", "age": 18 }));
    assert_eq!(body["ReturnCode"], 0);
    let call = json!({ "procedure": "total", "parameters": { "years": 0 } });
    let (_, body) = base.call("ExecuteProcedure_V2", call).await;
    assert_eq!(body["ResultSets"]["Table1"], json!([{ "total": 89 }]));
    let call = json!({ "procedure": "forget", "parameters": { "who": "Bert" } });
    let (status, body) = base.call("ExecuteProcedure_V2", call).await;
    assert_eq!((status, &body["ResultSets"]), (200, &json!({})), "{body}");
    assert_eq!(base.names(json!({})).await, ["Anna", "Carla"]);
    for (call, status) in [
        (json!({ "procedure": "nothing" }), 404),
        (json!({ "procedure": "older", "parameters": { "months": 1 } }), 400),
        (json!({ "procedure": "older(1); DROP TABLE person; --" }), 404),
    ] {
        assert_eq!(base.call("ExecuteProcedure_V2", call.clone()).await.0, status, "{call}");
    }
}

#[tokio::test]
async fn a_slow_statement_is_ended() {
    let base = postgres("slow").await;
    let started = std::time::Instant::now();
    let object = json!({ "query": { "query": "SELECT pg_sleep(600)" } });
    let answered = base
        .world
        .call_within(
            std::time::Duration::from_millis(800),
            "shared_sql",
            "ExecutePassThroughNativeQuery_V2",
            &base.connection,
            &object,
        )
        .await;
    assert!(started.elapsed().as_secs() < 30);
    // Whoever is first, the database or we: the call ends.
    match answered {
        Ok(answered) => assert_eq!(answered.status, 504),
        Err(failure) => assert_eq!(failure, HttpFailure::Timeout),
    }
    let lite = sqlite();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                   SELECT count(*) FROM n";
    let object = json!({ "query": { "query": endless } });
    let answered = lite
        .world
        .call_within(
            std::time::Duration::from_millis(300),
            "shared_sql",
            "ExecutePassThroughNativeQuery_V2",
            &lite.connection,
            &object,
        )
        .await;
    match answered {
        Ok(answered) => assert_eq!(answered.status, 504),
        Err(failure) => assert_eq!(failure, HttpFailure::Timeout),
    }
}

#[tokio::test]
async fn postgresql_is_reached_encrypted_and_only_where_the_policy_allows() {
    let base = postgres("encrypted").await;
    let server = base.postgres.as_ref().unwrap();
    let ask = json!({ "table": "person" });
    // A server that does not encrypt is not used for what should be encrypted.
    let mut connection = base.connection.clone();
    connection["encryption"] = json!("tls");
    connection["server"] = json!("localhost");
    let refused =
        base.world.try_call("shared_sql", "GetItems_V2", &connection, &ask).await.unwrap_err();
    assert!(matches!(refused, HttpFailure::Unreachable(_)), "{refused}");
    let denied = World::with_policy("", None);
    let refused =
        denied.try_call("shared_sql", "GetItems_V2", &base.connection, &ask).await.unwrap_err();
    assert!(matches!(refused, HttpFailure::Denied(_)), "{refused}");
    let _ = server;

    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::create(directory.path()).unwrap();
    let certificate = authority.issue("database", &["localhost"]).unwrap();
    let own = Postgres::start(directory.path()).unwrap();
    own.encrypt(&certificate.certificate, &certificate.key).await.unwrap();
    own.execute("postgres", "CREATE TABLE person (name text); INSERT INTO person VALUES ('Eva')")
        .await
        .unwrap();
    let connection = json!({ "server": "localhost", "port": own.port(), "database": "postgres",
        "username": "postgres", "password": "none is asked for" });
    let believer = World::new(Some(&std::fs::read(authority.certificate()).unwrap()));
    let (status, body) = believer.call("shared_sql", "GetItems_V2", &connection, ask.clone()).await;
    assert_eq!((status, &body["value"][0]["name"]), (200, &json!("Eva")), "{body}");
    let failure =
        base.world.try_call("shared_sql", "GetItems_V2", &connection, &ask).await.unwrap_err();
    assert!(matches!(failure, HttpFailure::Unreachable(_)), "{failure}");
}

#[tokio::test]
async fn sqlite_serves_rows_and_queries() {
    let base = sqlite();
    rows_are_filtered_sorted_and_counted(&base).await;
    a_row_is_added_read_changed_and_removed(&base).await;
    a_query_takes_named_parameters(&base).await;
    a_large_answer_is_refused(&base).await;
    let tables = base.call("GetTables_V2", json!({})).await.1;
    assert_eq!(tables["value"][2]["Name"], "person");
    let call = json!({ "procedure": "x" });
    assert_eq!(base.call("ExecuteProcedure_V2", call).await.0, 400);
}

#[tokio::test]
async fn a_statement_of_sqlite_reaches_its_own_file_only() {
    let base = sqlite();
    let folder = base.world.context.folder.clone().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let other = outside.path().join("other.db").display().to_string();
    for text in [
        format!("ATTACH DATABASE '{other}' AS other"),
        "ATTACH DATABASE 'people.db' AS other".to_owned(),
        "ATTACH DATABASE ':memory:' AS other".to_owned(),
        format!("VACUUM INTO '{other}'"),
        "SELECT load_extension('libm.so')".to_owned(),
        "PRAGMA writable_schema = 1".to_owned(),
        "PRAGMA journal_mode = wal".to_owned(),
        "PRAGMA temp_store_directory = '/'".to_owned(),
        "PRAGMA trusted_schema = 1".to_owned(),
        "SELECT * FROM pragma_database_list".to_owned(),
        "DETACH DATABASE main".to_owned(),
        "SELECT zeroblob(100000000)".to_owned(),
    ] {
        let (status, body) = base.query(&text, json!({}), json!({})).await;
        assert!((400..500).contains(&status), "{text}: {status} {body}");
        assert!(!body.to_string().contains("/tmp"), "{text}: {body}");
    }
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[tokio::test]
async fn a_database_outside_of_the_folder_is_not_opened() {
    let base = sqlite();
    let folder = base.world.context.folder.clone().unwrap();
    let outside = tempfile::tempdir().unwrap();
    let there = outside.path().join("there.db");
    rusqlite::Connection::open(&there).unwrap().execute_batch("CREATE TABLE person (a)").unwrap();
    std::os::unix::fs::symlink(&there, folder.join("link.db")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.join("way")).unwrap();
    let up = format!("../{}/there.db", outside.path().file_name().unwrap().display());
    for path in [
        there.to_str().unwrap(),
        "link.db",
        "way/there.db",
        &up,
        "file:people.db?mode=memory",
        ":memory:",
        "nothing.db",
        "/",
        "",
    ] {
        let connection = json!({ "engine": "sqlite", "database": path });
        let ask = json!({ "table": "person" });
        let (status, body) = base.world.call("shared_sql", "GetItems_V2", &connection, ask).await;
        assert!((400..500).contains(&status), "{path}: {status} {body}");
    }
    assert!(!Path::new(&folder).join("nothing.db").exists());
    let other = json!({ "server": "default", "database": "other.db", "table": "person" });
    let (status, _) = base.world.call("shared_sql", "GetItems_V2", &base.connection, other).await;
    assert_eq!(status, 403);
}
