//! Whether a store is whole: nothing is found on a healthy one, and damage is.

use crate::stored::filled;
use durable::PayloadHash;
use server::auth::seal::root::{KeySource, MasterKey};
use server::verify::{Report, Versions, verify};
use store::portable::{Cell, Page, TABLES};
use store::sqlite::SqliteReader;
use store::{Answer, Source, StoreError};
use tokio::sync::mpsc;

/// Rows by table, given as an export gives them, and the master key.
#[derive(Clone)]
struct Tables(Vec<Vec<Vec<Cell>>>, MasterKey);

fn place(table: &str) -> usize {
    TABLES.iter().position(|known| known.name == table).expect("a table")
}

impl Tables {
    async fn of(source: &dyn Source, master: MasterKey) -> Tables {
        let (sender, mut receiver) = mpsc::channel::<Page>(8);
        let mut tables = vec![Vec::new(); TABLES.len()];
        let taking = async {
            while let Some(page) = receiver.recv().await {
                tables[page.table].extend(page.rows);
            }
        };
        let (exported, ()) = tokio::join!(source.everything(sender), taking);
        exported.expect("an export");
        Tables(tables, master)
    }

    fn rows(&mut self, table: &str) -> &mut Vec<Vec<Cell>> {
        &mut self.0[place(table)]
    }

    /// A row whose column is this.
    fn row(&mut self, table: &str, column: usize, cell: &Cell) -> &mut Vec<Cell> {
        let found = self.rows(table).iter_mut().find(|row| row[column] == *cell);
        found.expect("a row")
    }

    async fn verify(&self) -> Report {
        let mut versions = Versions::opening(Some(self.1.clone()));
        verify(self, &mut versions, &mut |_| {}).await.expect("a report")
    }
}

impl Source for Tables {
    fn everything(&self, pages: mpsc::Sender<Page>) -> Answer<'_, ()> {
        let gone = |_| StoreError::Closed;
        Box::pin(async move {
            for (table, rows) in self.0.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
                pages.send(Page { table, rows: rows.clone() }).await.map_err(gone)?;
            }
            pages.send(Page::END).await.map_err(gone)
        })
    }

    fn content(&self, hash: PayloadHash) -> Answer<'_, Option<Vec<u8>>> {
        let hash = Cell::Bytes(hash.to_vec());
        let found = self.0[place("payload")].iter().find(|row| row[0] == hash);
        let content = found.and_then(|row| match &row[1] {
            Cell::Bytes(bytes) => durable::codec::decompress_limited(bytes, 1 << 27).ok(),
            _ => None,
        });
        Box::pin(async move { Ok(content) })
    }

    fn fact(&self, kind: u8, id: &str) -> Answer<'_, Option<store::Record>> {
        let is_it = |row: &&Vec<Cell>| {
            row[0] == Cell::Int(i64::from(kind)) && row[1] == Cell::Text(id.to_owned())
        };
        let row = self.0[place("record")].iter().find(is_it);
        let record = row.and_then(|row| match &row[..] {
            [_, Cell::Text(id), Cell::Int(revision), Cell::Bytes(body)] => Some(store::Record {
                kind,
                id: id.clone(),
                revision: *revision,
                body: body.clone(),
                keys: Vec::new(),
            }),
            _ => None,
        });
        Box::pin(async move { Ok(record) })
    }
}

/// What is done to a store, and what has to be said of it.
type Damage = (&'static str, fn(&mut Tables, &Cell, &Cell));

const DAMAGES: [Damage; 25] = [
    ("It has no history.", |it, ended, _| {
        it.rows("chunk").retain(|row| row[0] != *ended);
    }),
    ("something is missing", |it, ended, _| it.row("chunk", 0, ended)[1] = Cell::Int(2)),
    ("events, and its row says", |it, ended, _| it.row("chunk", 0, ended)[2] = Cell::Int(90)),
    ("stored chunk is corrupt", |it, ended, _| {
        it.row("chunk", 0, ended)[3] = Cell::Bytes(vec![1, 9, 0, 0, 0, 7]);
    }),
    ("and not a live process", |it, _, parked| {
        it.rows("process").retain(|row| row[0] != *parked);
    }),
    ("It is due at", |it, _, parked| it.row("process", 0, parked)[3] = Cell::Int(12)),
    ("and its process is at", |it, _, parked| it.row("process", 0, parked)[2] = Cell::Int(99)),
    ("and its history has no end", |it, _, parked| it.row("run", 0, parked)[3] = Cell::Int(1)),
    ("and its history says Succeeded", |it, ended, _| it.row("run", 0, ended)[3] = Cell::Int(2)),
    ("and not a run", |it, _, parked| it.rows("run").retain(|row| row[0] != *parked)),
    ("has no version 7", |it, ended, _| it.row("run", 0, ended)[2] = Cell::Int(7)),
    ("Its document cannot be opened.", |it, _, _| {
        it.rows("workflow_version")[0][3] = Cell::Bytes(vec![durable::codec::SEALED; 90]);
    }),
    // what belongs to another version does not open
    ("Its document cannot be opened.", |it, _, _| {
        let other = it.rows("workflow_version")[1][3].clone();
        it.rows("workflow_version")[0][3] = other;
    }),
    ("Its effects under way are []", |it, _, _| it.rows("effect").clear()),
    ("the process is not live", |it, ended, _| {
        it.rows("effect").push(vec![ended.clone(), Cell::Int(1), Cell::Int(1)]);
    }),
    ("which is not there", |it, _, _| it.rows("payload").clear()),
    ("Nothing refers to it.", |it, _, _| it.rows("payload_ref").clear()),
    ("Its content has another hash.", |it, _, _| {
        it.rows("payload")[0][1] = Cell::Bytes(durable::codec::compress(&[0]));
    }),
    ("start keys are there twice", |it, _, _| {
        let first = it.rows("start_key")[0].clone();
        it.rows("start_key").push(first);
    }),
    ("which is neither a run nor live", |it, _, _| {
        it.rows("start_key")[0][2] = Cell::Bytes(vec![0; 14]);
    }),
    ("What it holds cannot be read.", |it, _, _| {
        it.rows("record")[0][3] = Cell::Bytes(b"{".to_vec());
    }),
    ("It belongs to a record that is not there.", |it, _, _| it.rows("record").clear()),
    ("It or an entry before it was changed.", |it, _, _| {
        it.rows("audit")[1][2] = Cell::Text("somebody else".to_owned());
    }),
    ("It or an entry before it was changed.", |it, _, _| {
        it.rows("audit")[0][6] = Cell::Bytes(vec![0; 32]);
    }),
    ("The entry before it has number 1: something is missing.", |it, _, _| {
        it.rows("audit").remove(1);
    }),
];

#[tokio::test]
async fn damage_is_found_and_nothing_on_a_healthy_store() {
    let filled = filled().await;
    crate::directory::user(&filled.world, "ada@example.org", serde_json::json!([])).await;
    let id = |flow: &str| {
        let id = durable::ProcessId::from_run_name(filled.run(flow)).expect("an id");
        Cell::Bytes(id.as_bytes().to_vec())
    };
    let (ended, parked) = (id("echo"), id("parked"));
    let reader = SqliteReader::open(&filled.world.setup.data).expect("a store");
    // the server goes on meanwhile
    let file = KeySource::File(filled.world.setup.data.join("master.key"));
    let master = file.read().await.expect("a file").expect("a key");
    let mut versions = Versions::opening(Some(master.clone()));
    let online = verify(&reader, &mut versions, &mut |_| {}).await.expect("a report");
    assert_eq!((&online.problems[..], online.sealed), (&[][..], 0));
    assert_eq!((online.count("run"), online.live_runs, online.count("workflow")), (10, 6, 6));
    let healthy = Tables::of(&reader, master).await;
    for table in
        ["effect", "payload", "payload_ref", "start_key", "snapshot", "record_key", "audit"]
    {
        assert!(!healthy.0[place(table)].is_empty(), "no row of {table}: nothing is shown");
    }
    assert_eq!(healthy.verify().await, online);
    for (expected, damage) in DAMAGES {
        let mut damaged = healthy.clone();
        damage(&mut damaged, &ended, &parked);
        let report = damaged.verify().await;
        let told: Vec<String> = report.problems.iter().map(ToString::to_string).collect();
        assert!(told.iter().any(|told| told.contains(expected)), "{expected}: {told:#?}");
    }
    let mut unnamed = healthy.clone();
    unnamed.rows("workflow").iter_mut().for_each(|row| row[12] = Cell::Null);
    // it would end itself when it is due
    assert!(unnamed.verify().await.is_whole());
    let triggers = unnamed.rows("process").iter_mut().filter(|row| row[1] == Cell::Int(2));
    triggers.for_each(|row| row[3] = Cell::Null);
    let report = unnamed.verify().await;
    assert!(report.problems[0].message.contains("No flow names this trigger"), "{report:?}");
}
