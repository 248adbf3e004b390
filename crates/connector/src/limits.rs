//! Every limit of this crate, with its unit and the reason for its value.
//!
//! Limits of a flow (retry counts, time-outs of actions) are the caller's and are
//! deliberately not repeated here.

use std::time::Duration;

/// Bytes of an answer's body, after decompression. Messages of the real service
/// are at most 100 MB; a compressed answer is measured by what it becomes, so that
/// a small one cannot fill the memory.
pub const RESPONSE_BYTES_MAX: u64 = 104_857_600;

/// Redirects followed for one call. Honest chains have a few hops (scheme, host,
/// language, login); longer ones are loops. Most HTTP clients stop at ten.
pub const REDIRECTS_MAX: u32 = 10;

/// Time for resolving, connecting and the TLS handshake. Shorter than the 120 s of
/// an action, so that a dead host is reported as not reached (nothing was sent, a
/// retry is safe) and not as a time-out (which may have been sent).
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of a part of a content that is sent in parts, when the other side names no size. Half
/// of what a proxy buffers by default would be smaller; a GB still fits into the parts there may be.
pub const PART_BYTES_DEFAULT: usize = 8 * 1024 * 1024;

/// Bytes of a part at most (documented).
pub const PART_BYTES_MAX: usize = 52_428_800;

/// Requests for one content that travels in parts (documented).
pub const PARTS_MAX: usize = 1_000;

/// How long the parts of one content may take together.
pub const TRANSFER_TIMEOUT: Duration = Duration::from_secs(900);

/// Idle connections kept for one host and port. Loops call the same host with up
/// to 50 branches; more would only hold file descriptors.
pub const POOL_IDLE_PER_HOST_MAX: usize = 50;

/// Time an idle connection is kept. Below the 60 s and more after which load
/// balancers drop one silently, which would turn the next call into an interrupted one.
pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// Bytes of a request's URI. The real service documents 2 KB for the input; common
/// servers refuse more than 8 to 16 KiB, so more cannot be meant.
pub const URI_BYTES_MAX: usize = 16_384;

/// Bytes of a token endpoint's answer. Access tokens with many groups reach some
/// 10 KB; more is not a token.
pub const TOKEN_RESPONSE_BYTES_MAX: u64 = 65_536;

/// How long before its end an access token is replaced, so that it does not end on
/// the way to a slow receiver. At most half of the token's life.
pub const TOKEN_RENEW_BEFORE: Duration = Duration::from_secs(300);

/// Longest life believed of a token, whatever its endpoint says: bounds how long a
/// revoked client keeps working, and keeps clock arithmetic in range.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_secs(86_400);

/// Access tokens kept in memory, one for each client, audience and secret in use.
/// A few KB each.
pub const TOKEN_CACHE_ENTRIES_MAX: usize = 1_000;

/// Characters of a token endpoint's error text repeated in ours: enough for the
/// vendor's code and sentence, not for a page of HTML.
pub const TOKEN_ERROR_CHARS_MAX: usize = 500;

/// References (`$ref`) followed from one to the next. Honest ones lead to what they name;
/// some lead to another reference.
pub const REFERENCES_MAX: usize = 16;

/// Schemas of one document. The largest public connectors have some 10,000.
pub const SCHEMAS_MAX: usize = 100_000;

/// Properties that schemas of one document take over from their parts (`allOf`): a few
/// hundred schemas that take over each other would otherwise make millions.
pub const SCHEMA_PROPERTIES_MAX: usize = 200_000;

/// Operations of one connector. The largest public ones have some 500.
pub const OPERATIONS_MAX: usize = 5_000;

/// Parameters of one operation.
pub const OPERATION_PARAMETERS_MAX: usize = 500;

/// Bytes of an operation's path: what is longer than an address may be is none.
pub const PATH_TEMPLATE_BYTES_MAX: usize = 4_096;

/// Steps of an address inside a body (`a/b/c`), and objects in objects that are filled in
/// with their defaults. The designer stops at ten or so.
pub const BODY_DEPTH_MAX: usize = 32;

/// Schemas that are filled in with their defaults for one call.
pub const FILLED_SCHEMAS_MAX: usize = 1_000;

/// Attempts to take one segment of a path apart: names with literals between them could be
/// tried in as many ways as there are characters, to the power of the names.
pub const PATH_STEPS_MAX: usize = 10_000;
/// Time for a token endpoint's answer. Longer than any that works takes, and well below what
/// the call that waits for the token may take.
pub const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// Client certificates kept open, each with the connections over which it is shown. Opening
/// one costs some tenths of a second.
pub const IDENTITIES_MAX: usize = 32;

/// Values of a parameter that its service tells. Nobody chooses from more.
pub const DYNAMIC_VALUES_MAX: usize = 10_000;

/// Parameters of one operation that are shown, with what is in them.
pub const PARAMETERS_SHOWN_MAX: usize = 500;

/// Objects in objects of a parameter that are shown. The designer of the original stops there too.
pub const SHOWN_DEPTH_MAX: usize = 6;

/// Policies of one connector. Each copies the request that it changes.
pub const POLICIES_MAX: usize = 200;

/// Objects in objects of an answer that is made up.
pub const MOCK_DEPTH_MAX: usize = 8;

/// Values of an answer that is made up: schemas that name each other often would otherwise
/// make as many as fit into memory.
pub const MOCK_VALUES_MAX: usize = 2_000;

/// Items of a list in an answer that is made up, where flows read them by their numbers.
pub const MOCK_ITEMS_MAX: usize = 32;

/// Items of a list that are known to be read.
pub const INFERRED_ITEMS_MAX: usize = 32;

/// Shapes of values that are learnt from flows at a time. The largest solutions have some 20,000.
pub const INFERRED_SHAPES_MAX: usize = 500_000;

/// Values in values of which something is learnt.
pub const INFERRED_DEPTH_MAX: usize = 24;

/// The limits of a client that an administrator may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    pub response_bytes_max: u64,
    pub redirects_max: u32,
    pub connect_timeout: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        HttpLimits {
            response_bytes_max: RESPONSE_BYTES_MAX,
            redirects_max: REDIRECTS_MAX,
            connect_timeout: CONNECT_TIMEOUT,
        }
    }
}

/// Calls in a window that a connector's policy may allow over a connection: the moments of all
/// of them are kept.
pub const RATE_CALLS_MAX: usize = 5_000;

/// Seconds of such a window: a day.
pub const RATE_SECONDS_MAX: i64 = 86_400;
