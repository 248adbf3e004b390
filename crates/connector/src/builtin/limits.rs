//! The limits of the built-in connectors, with their units and reasons.

use std::time::Duration;

/// Time to resolve, connect and shake hands with a server that is not HTTP. Shorter than
/// an action's own time, so that a dead host is known as not reached.
pub const DIAL_TIMEOUT: Duration = Duration::from_secs(15);

/// Recipients of one mail, of all kinds. Exchange Online allows 500.
pub const RECIPIENTS_MAX: usize = 500;

/// Bytes of the attachments of one mail that is sent. Servers refuse more than some tens
/// of megabytes; the real connectors stop at 49 MB.
pub const ATTACHMENT_BYTES_MAX: usize = 50 * 1024 * 1024;

/// Bytes of a mail that is read whole. Of a larger one only the beginning is.
pub const MAIL_BYTES_MAX: u32 = 50 * 1024 * 1024;

/// Bytes read of a mail that is larger: headers and the beginning of its text.
pub const MAIL_BEGINNING_BYTES: u32 = 256 * 1024;

/// Mails that one poll gives; what is beyond comes with the next.
pub const NEW_MAILS_MAX: usize = 50;

/// Mails that a list has without a number, and at most.
pub const MAILS_DEFAULT: u64 = 10;
pub const MAILS_MAX: u64 = 1_000;

/// Mails that are read for a list, whatever the filter leaves of them.
pub const MAILS_LOOKED_AT_MAX: usize = 2_000;

/// Bytes of mail that one poll or list reads: what is beyond comes with the next.
pub const NEW_MAILS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that an SMTP server may send: some sentences for each recipient.
pub const SMTP_BYTES_MAX: usize = 1024 * 1024;

/// Bytes that an IMAP server may answer to one command: a mail, and what it has to say
/// besides.
pub const IMAP_ANSWER_BYTES_MAX: usize = 66 * 1024 * 1024;

/// Bytes that a database may send in one call: the rows twice, and what comes with them.
pub const DATABASE_BYTES_MAX: usize = 3 * ROWS_BYTES_MAX;

/// Bytes of one line of an IMAP server, without literals. A list of uids is the longest.
pub const IMAP_LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Responses to one IMAP command: some for each mail that is looked at, and what the
/// server has to say besides.
pub const IMAP_RESPONSES_MAX: usize = 100_000;

/// Characters of a preview of a mail's text, as in the real connector.
pub const PREVIEW_CHARS: usize = 255;

/// Bytes of a file that is read or written in one call. The real connector takes 30 MB;
/// a message of a flow has at most 100 MB.
pub const FILE_BYTES_MAX: u64 = 100 * 1024 * 1024;

/// Entries of a folder that are listed.
pub const FOLDER_ENTRIES_MAX: usize = 10_000;

/// Parts of a path of a file, and bytes of one of them.
pub const PATH_PARTS_MAX: usize = 64;
pub const PATH_PART_BYTES_MAX: usize = 255;

/// Rows of an answer when the call asks for no number, as in the real connector.
pub const ROWS_DEFAULT: u64 = 2_048;

/// Rows of one answer at most.
pub const ROWS_MAX: u64 = 100_000;

/// Bytes of the rows of one answer, as JSON.
pub const ROWS_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Time of one statement; the real connector has 110 seconds.
pub const STATEMENT_TIMEOUT: Duration = Duration::from_secs(110);

/// Bytes of a filter, and how deep its brackets go.
pub const FILTER_BYTES_MAX: usize = 16_384;
pub const FILTER_DEPTH_MAX: usize = 50;

/// Values in one statement. PostgreSQL's protocol has room for 65,535.
pub const STATEMENT_VALUES_MAX: usize = 2_000;

/// Items of a feed that are read, and ids that a poll remembers.
pub const FEED_ITEMS_MAX: usize = 1_000;

/// Bytes of a feed. Those of large sites have some hundreds of kilobytes.
pub const FEED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Elements of a feed's document.
pub const FEED_NODES_MAX: u32 = 200_000;

/// People that a search gives.
pub const PEOPLE_MAX: u64 = 999;

/// Characters of another server's sentence that are repeated in ours.
pub const FOREIGN_SENTENCE_CHARS: usize = 500;
