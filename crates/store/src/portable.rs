//! Everything that is stored, in a form that every database can give and take.
//!
//! Leases and nodes are not part of it: they belong to the servers that run.

/// Counts the forms that [`TABLES`] has had: a file says which one it is in.
pub const FORM: u16 = 2;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Int,
    Text,
    Bytes,
    /// The id of the process that a row belongs to. Databases that keep partitions apart
    /// take the partition from it.
    Owner,
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub is_optional: bool,
}

/// A table. The first columns are its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    pub columns: &'static [Column],
    /// How many columns the key has.
    pub key: usize,
    /// The first column is counted up by the database for new rows.
    pub is_counted: bool,
}

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Cell {
    /// Bytes of memory beside the cell itself.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Cell::Null | Cell::Int(_) => 0,
            Cell::Text(text) => text.len(),
            Cell::Bytes(bytes) => bytes.len(),
        }
    }
}

/// Rows of a table; one without rows is the last of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Place of the table in [`TABLES`].
    pub table: usize,
    pub rows: Vec<Vec<Cell>>,
}

impl Page {
    /// What ends an export.
    pub const END: Page = Page { table: 0, rows: Vec::new() };
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_optional: false }
}

const fn optional(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, is_optional: true }
}

const fn table(name: &'static str, key: usize, columns: &'static [Column]) -> Table {
    Table { name, columns, key, is_counted: false }
}

const fn counted(name: &'static str, columns: &'static [Column]) -> Table {
    Table { name, columns, key: 1, is_counted: true }
}

/// Every table, in the order in which they are given and taken.
pub const TABLES: &[Table] = &[
    table("setting", 1, &[column("name", Kind::Text), column("value", Kind::Bytes)]),
    table(
        "token",
        1,
        &[column("name", Kind::Text), column("hash", Kind::Bytes), column("created", Kind::Int)],
    ),
    counted(
        "workflow",
        &[
            column("key", Kind::Int),
            column("id", Kind::Text),
            column("environment", Kind::Text),
            column("name", Kind::Text),
            column("display_name", Kind::Text),
            column("state", Kind::Int),
            column("dialect", Kind::Int),
            column("version", Kind::Int),
            column("created", Kind::Int),
            column("changed", Kind::Int),
            column("primary_key", Kind::Bytes),
            column("secondary_key", Kind::Bytes),
            optional("trigger_process", Kind::Bytes),
            column("revision", Kind::Int),
        ],
    ),
    table(
        "workflow_version",
        2,
        &[
            column("workflow", Kind::Int),
            column("number", Kind::Int),
            column("created", Kind::Int),
            column("document", Kind::Bytes),
        ],
    ),
    table(
        "retention",
        2,
        &[
            column("environment", Kind::Text),
            column("workflow", Kind::Int),
            column("seconds", Kind::Int),
        ],
    ),
    table(
        "process",
        1,
        &[
            column("id", Kind::Owner),
            column("kind", Kind::Int),
            column("seq", Kind::Int),
            optional("due", Kind::Int),
            column("workflow", Kind::Int),
        ],
    ),
    table(
        "snapshot",
        1,
        &[column("process", Kind::Owner), column("seq", Kind::Int), column("content", Kind::Bytes)],
    ),
    table(
        "effect",
        2,
        &[column("process", Kind::Owner), column("id", Kind::Int), column("attempt", Kind::Int)],
    ),
    counted(
        "inbox",
        &[
            column("id", Kind::Int),
            column("target", Kind::Owner),
            column("sender", Kind::Bytes),
            column("effect", Kind::Int),
            column("kind", Kind::Int),
            column("body", Kind::Bytes),
        ],
    ),
    table(
        "start_key",
        2,
        &[
            column("source", Kind::Bytes),
            column("key", Kind::Bytes),
            column("process", Kind::Bytes),
        ],
    ),
    table("payload", 1, &[column("hash", Kind::Bytes), column("content", Kind::Bytes)]),
    table("payload_ref", 2, &[column("process", Kind::Owner), column("hash", Kind::Bytes)]),
    table(
        "run",
        1,
        &[
            column("id", Kind::Owner),
            column("workflow", Kind::Int),
            column("version", Kind::Int),
            column("status", Kind::Int),
            optional("ended", Kind::Int),
            optional("code", Kind::Text),
            optional("error", Kind::Text),
            optional("client_tracking_id", Kind::Text),
            optional("parent", Kind::Bytes),
        ],
    ),
    table(
        "chunk",
        2,
        &[
            column("process", Kind::Owner),
            column("first_seq", Kind::Int),
            column("events", Kind::Int),
            column("content", Kind::Bytes),
        ],
    ),
    table(
        "record",
        2,
        &[
            column("kind", Kind::Int),
            column("id", Kind::Text),
            column("revision", Kind::Int),
            column("body", Kind::Bytes),
        ],
    ),
    table(
        "record_key",
        4,
        &[
            column("kind", Kind::Int),
            column("name", Kind::Int),
            column("value", Kind::Bytes),
            column("id", Kind::Text),
            column("is_unique", Kind::Int),
        ],
    ),
    table(
        "audit",
        1,
        &[
            column("number", Kind::Int),
            column("time", Kind::Int),
            column("actor", Kind::Text),
            column("operation", Kind::Text),
            column("target", Kind::Text),
            column("content", Kind::Bytes),
            column("hash", Kind::Bytes),
        ],
    ),
];
