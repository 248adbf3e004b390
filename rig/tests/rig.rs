//! The rig does what it says, so that a test that uses it tests the product.

use rig::{Cut, Postgres, Proxy};
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn count(url: &str) -> i64 {
    let client = connect(url).await.expect("a connection");
    client.query_one("TABLE counted", &[]).await.expect("a row").get(0)
}

const COUNT_UP: &str = "BEGIN; UPDATE counted SET number = number + 1";

async fn database(server: &Postgres, name: &str) -> String {
    let url = server.create_database(name).await.expect("a database");
    let made = "CREATE TABLE counted AS VALUES (0::bigint); \
                ALTER TABLE counted RENAME column1 TO number";
    server.execute(name, made).await.expect("a table");
    url
}

#[tokio::test]
async fn what_was_committed_survives_a_crash() {
    let directory = tempfile::tempdir().expect("a directory");
    let server = Postgres::start(directory.path()).expect("a server");
    let url = database(&server, "crash").await;
    let client = connect(&url).await.expect("a connection");
    client.batch_execute(COUNT_UP).await.expect("it is counted");
    client.batch_execute("COMMIT").await.expect("it is kept");
    assert!(server.pids().len() > 3, "{:?}", server.pids());
    server.kill().expect("it is killed");
    assert_eq!(server.pids(), [0; 0]);
    assert!(connect(&url).await.is_err());
    server.start_again().expect("it starts again");
    assert_eq!(count(&url).await, 1);
    server.stop().expect("it stops");
    server.start_again().expect("it starts again");
    assert_eq!(count(&url).await, 1);
    let client = connect(&url).await.expect("a connection");
    // it is counted in hundredths of a second
    let work = "SELECT sum(length(md5(i::text))) FROM generate_series(1, 300000) AS i";
    client.batch_execute(work).await.expect("it works");
    assert!(server.processor_time() > Duration::ZERO);
}

#[tokio::test]
async fn commits_are_cut_on_either_side() {
    let server = Postgres::shared().expect("a server");
    let url = database(&server, "cut").await;
    let proxy = Proxy::start(server.port()).await.expect("a proxy");
    let through = server.url_at(proxy.port(), "cut");
    for (how, counted) in [(Cut::Before, 0), (Cut::After, 1), (Cut::HalfOpen, 1)] {
        let client = connect(&through).await.expect("a connection");
        client.batch_execute(COUNT_UP).await.expect("it is counted");
        proxy.cut_next_commit(how);
        client.batch_execute("COMMIT").await.expect_err("the connection is cut");
        // The server carries out the commit while the client knows already.
        let kept = async { while count(&url).await < counted {} };
        tokio::time::timeout(Duration::from_secs(20), kept).await.expect("it is kept");
        assert_eq!(count(&url).await, counted, "{how:?}");
    }
    let client = connect(&through).await.expect("a connection");
    proxy.cut();
    client.batch_execute("BEGIN").await.expect_err("the connection is cut");
    proxy.refuse();
    assert!(connect(&through).await.is_err());
    proxy.accept();
    let client = connect(&through).await.expect("a connection");
    proxy.stall();
    let waiting = client.batch_execute("BEGIN");
    tokio::pin!(waiting);
    tokio::time::timeout(Duration::from_millis(50), &mut waiting).await.expect_err("it waits");
    proxy.carry_on();
    waiting.await.expect("it goes on");
    let counts = proxy.counts();
    assert_eq!((counts.cut_before, counts.cut_after, counts.half_open), (1, 1, 1));
    assert_eq!((counts.commits, counts.refused), (3, 1));
}
