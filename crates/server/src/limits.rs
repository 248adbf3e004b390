//! Every limit of the server that is not a setting, with its unit and its reason.

use std::time::Duration;

/// Bytes of an API request's body: a definition document and what wraps it.
pub const API_BODY_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Calls that wait to tell a trigger that there is something new: they all say the same.
pub const POKES_WAITING_MAX: usize = 16;

/// Rows of a page, and when the caller does not say.
pub const PAGE_ROWS_MAX: usize = 1_000;
pub const PAGE_ROWS_DEFAULT: usize = 100;

/// Flows whose environment is kept in memory.
pub const FLOWS_NOTED_MAX: usize = 65_536;

/// Loaded versions of flows kept in memory.
pub const VERSIONS_CACHED_MAX: usize = 2_048;

/// Runs kept in memory although they wait: the rest is loaded when its time comes.
pub const PARKED_RUNS_CACHED_MAX: usize = 4_096;

/// Seconds ahead that wakeups are held in memory; later ones stay in the store.
pub const TIMER_HORIZON_SECONDS: i64 = 60;

/// Wakeups held in memory.
pub const TIMERS_HELD_MAX: usize = 240_000;

/// Wakeups of one flow held in memory.
pub const TIMERS_HELD_PER_FLOW_MAX: usize = 160_000;

/// Wakeups in memory below which more are read, when there were more than fit.
pub const TIMERS_HELD_LOW: usize = 10_000;

/// Processes that are woken by the clock at a time. Few, since who comes from outside
/// waits for what they commit; enough to keep the store busy.
pub const WAKING_PROCESSES_MAX: usize = 12;

/// Processes taken up at a time when a node takes partitions.
pub const TAKING_UP_MAX: usize = 256;

/// Messages that one look at all inboxes reads.
pub const INBOX_ROWS_MAX: usize = 4_096;

/// How often a node says that it lives.
pub const BEAT_EVERY: Duration = Duration::from_secs(2);

/// How long a node lives in the eyes of others after it said so: after that they take
/// what it holds.
pub const LEASE_LASTS: Duration = Duration::from_secs(10);

/// A node stops so long before others may take what it holds: its clock may run slower.
pub const LEASE_MARGIN: Duration = Duration::from_secs(3);

/// Outside calls that wait for their turn before triggers are asked to come later.
pub const CALLS_WAITING_MAX: usize = 16_384;

/// How often a node looks for an answer that another node gives.
pub const ANSWER_LOOK_EVERY: Duration = Duration::from_millis(500);

/// A flow that another node may have changed is looked at again after so long.
pub const FLOW_FRESH: Duration = Duration::from_secs(1);

/// Outside calls under way at a time; more wait their turn.
pub const CALLS_MAX: usize = 1_024;

/// Seconds until an outside call is given up (documented: 120).
pub const CALL_TIMEOUT_SECONDS: u64 = 120;

/// Bytes of the answer to an outside call (documented: 100 MiB).
pub const CALL_ANSWER_BYTES_MAX: u64 = 104_857_600;

/// Levels of flows that call flows, so that a circle ends.
pub const CHILD_DEPTH_MAX: usize = 32;

/// Seconds to read a request's head, and its body, before a slow client is given up.
pub const REQUEST_HEAD_SECONDS: u64 = 20;
pub const REQUEST_BODY_SECONDS: u64 = 120;

/// Seconds that a shutdown waits for requests and steps under way.
pub const SHUTDOWN_SECONDS: u64 = 25;

/// Runs that retention deletes in one transaction, so that others are not delayed.
pub const RETENTION_RUNS_PER_BATCH: usize = 200;

/// Chunks read at a time when a history is rendered.
pub const HISTORY_CHUNKS_PER_READ: usize = 16;

/// Runs that one transaction starts when a trigger splits an array.
pub const SPLIT_RUNS_PER_COMMIT: usize = 500;

/// Events a watcher may lag behind before it is told to look again.
pub const WATCHER_EVENTS_MAX: usize = 256;

/// Tries of a step in a row, refused by the store, after which the log says so.
pub const STEP_TRIES_LOGGED: u32 = 8;

/// Rounds of cancelling in which the same run does not end, before a deletion gives up.
pub const CANCEL_ROUNDS_MAX: u32 = 50;

/// How long a round of cancelling waits for runs to end.
pub const CANCEL_ROUND: Duration = Duration::from_millis(200);

/// Connections that may wait to be accepted.
pub const LISTEN_BACKLOG: u32 = 4_096;

/// How often a released run of a paused server is looked at: whether it is due.
pub const RELEASED_LOOK_EVERY: Duration = Duration::from_millis(250);

/// Seconds that a retention may be set to: a hundred years at most.
pub const RETENTION_SECONDS_MAX: i64 = 36_525 * 86_400;

/// Bytes of a frame of an export, compressed: a large value and what is around it.
pub const FRAME_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Problems that a verification lists; it counts all of them.
pub const VERIFY_PROBLEMS_MAX: usize = 1_000;

/// Bytes of snapshots that a verification holds; runs whose snapshot has no room are folded
/// from their whole history.
pub const VERIFY_SNAPSHOT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Rows after which a verification says how far it is.
pub const VERIFY_ROWS_PER_PROGRESS: u64 = 4_096;

/// Principals kept in memory.
pub const PRINCIPALS_CACHED_MAX: usize = 16_384;

/// What another node has changed of a principal counts after so long.
pub const PRINCIPAL_FRESH: Duration = Duration::from_secs(1);

/// Rows of a page of the resource providers when the caller does not say (documented for
/// runs: 50), and at most.
pub const PROVIDER_PAGE_ROWS: usize = 50;
pub const PROVIDER_PAGE_ROWS_MAX: usize = 250;

/// Connection references of a flow that is made over the resource providers: one for each
/// of its actions at most (documented for actions: 500).
pub const REFERENCES_MAX: usize = 500;

/// Parts in a flow that one request gives and takes: each is looked up.
pub const SHARES_PER_REQUEST_MAX: usize = 1_000;

/// Hours after the present one began that content links can be read.
pub const CONTENT_LINK_HOURS: i64 = 4;

/// Roles that one principal may have.
pub const ROLES_MAX: usize = 256;

/// Seconds that a secret or a key may be good for: a hundred years at most.
pub const CREDENTIAL_SECONDS_MAX: i64 = 36_525 * 86_400;

/// Entries of the audit read at a time, when all of it is.
pub const AUDIT_ROWS_PER_READ: usize = 1_024;

/// Bytes of a signed token that is looked at.
pub const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Seconds that clocks of others may be apart from ours.
pub const CLOCK_LEEWAY_SECONDS: i64 = 60;

/// Seconds that an access token lasts.
pub const ACCESS_TOKEN_SECONDS: i64 = 3_600;

/// Seconds that a session may rest before it ends, and that it lasts at most.
pub const SESSION_RESTS_SECONDS: i64 = 14 * 86_400;
pub const SESSION_LASTS_SECONDS: i64 = 90 * 86_400;

/// Seconds in which a refresh token that was exchanged is still taken: the answer may have
/// been lost, or two programs of one person asked at the same moment.
pub const REFRESH_GRACE_SECONDS: i64 = 30;

/// Seconds that a person has for a device code, and between two looks at it.
pub const DEVICE_CODE_SECONDS: i64 = 900;
pub const DEVICE_LOOK_SECONDS: i64 = 1;

/// Seconds in which an authorization code is to be exchanged.
pub const AUTHORIZATION_CODE_SECONDS: i64 = 300;

/// Seconds that an application may let an assertion last.
pub const ASSERTION_SECONDS_MAX: i64 = 600;

/// Seconds that a person stays signed in in a browser.
pub const BROWSER_SECONDS: i64 = 8 * 3_600;

/// Entries of the audit about sign-ins of nobody, in a minute: strangers cause them.
pub const STRANGERS_PER_MINUTE: u32 = 600;

/// Device codes that are given in a minute: anybody may ask for one.
pub const DEVICES_PER_MINUTE: u32 = 300;

/// Codes that people enter and that no device has, in a minute.
pub const GUESSES_PER_MINUTE: u32 = 60;

/// Records that have expired and are removed when another of their kind is made.
pub const EXPIRED_ROWS_PER_SWEEP: usize = 16;

/// Bytes of a form that is sent to sign in, and of one of its fields.
pub const LOGIN_BODY_BYTES_MAX: usize = 64 * 1024;
pub const LOGIN_FIELD_BYTES_MAX: usize = 16 * 1024;

/// Seconds in which a person signs in at the service of a connection.
pub const CONSENT_SECONDS: i64 = 900;

/// Seconds before its end in which a connection's token is not used any more: on the way to
/// the service it would end, or the service's clock is ahead. Of short ones, half their life.
pub const TOKEN_SKEW_SECONDS: i64 = 60;

/// Seconds for which a node may be asking for another token before others take it for
/// dead: longer than any answer is waited for.
pub const RENEWAL_LEASE_SECONDS: i64 = 60;

/// How often a node looks whether another has a new token, and how many times.
pub const RENEWAL_LOOK_EVERY: Duration = Duration::from_millis(100);
pub const RENEWAL_LOOKS_MAX: u32 = 700;

/// Tries of a change that somebody else makes at the same moment.
pub const CHANGE_TRIES_MAX: u32 = 4;

/// Tries of counting a call over a connection, while other nodes count theirs: each of them
/// is somebody's call that was counted.
pub const CALL_COUNT_TRIES_MAX: u32 = 32;

/// Connections whose calls a node counts at the same moment.
pub const CALL_COUNT_LANES: usize = 64;

/// Bytes of a connector's definition, and of its properties: the largest public ones have
/// some 650 KB.
pub const CONNECTOR_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Bytes of a connector's icon.
pub const CONNECTOR_ICON_BYTES_MAX: usize = 1024 * 1024;

/// Hours that the addresses of a connector's files can be read.
pub const CONNECTOR_LINK_HOURS: i64 = 1;

/// Bytes of a history, with its large values, of which a run can be resumed: all of it is
/// held in memory meanwhile.
pub const RESUME_HISTORY_BYTES_MAX: usize = 256 * 1024 * 1024;

/// Seconds that a resumed run has to begin: after that who resumed it has gone.
pub const RESUME_BEGINS_SECONDS: i64 = 60;

/// Runs that one request resubmits when the caller does not say, and at most.
pub const BULK_RUNS_DEFAULT: usize = 100;
pub const BULK_RUNS_MAX: usize = 500;

/// Runs that one request looks at to find those, and at a time.
pub const BULK_ROWS_MAX: usize = 10_000;
pub const BULK_ROWS_PER_READ: usize = 500;

/// Characters of a text that is searched for in histories.
pub const SEARCH_CHARACTERS_MAX: usize = 200;

/// What one request searches: bytes of histories, and runs; and runs listed at a time.
pub const SEARCH_BYTES_MAX: usize = 16 * 1024 * 1024;
pub const SEARCH_RUNS_MAX: usize = 1_000;
pub const SEARCH_ROWS_PER_READ: usize = 100;
/// Bytes of a webhook's address.
pub const WEBHOOK_URL_BYTES_MAX: usize = 2_048;

/// How often a node looks for runs that failed, and for notices that are due.
pub const NOTIFY_EVERY: Duration = Duration::from_secs(15);

/// Seconds after its end in which a run's row is there for certain, though its node waited
/// for the store and its clock is not ours.
pub const FAILURES_SETTLE_SECONDS: i64 = 30;

/// Failed runs that one transaction takes over into notices.
pub const FAILURES_PER_READ: usize = 256;

/// Notices that one round sends.
pub const NOTICES_PER_ROUND: usize = 64;

/// Flows and codes that a notice lists, and characters of an error in it.
pub const NOTICE_LINES_MAX: usize = 100;
pub const NOTICE_ERROR_CHARACTERS_MAX: usize = 300;

/// People who are told of one flow's failures: each has a notice that changes with them.
pub const NOTICE_PEOPLE_MAX: usize = 500;

/// Seconds that a node has to send a notice before another may: longer than sending takes.
pub const NOTICE_CLAIM_SECONDS: i64 = 300;

/// Attempts to send a notice: about a day.
pub const NOTICE_TRIES_MAX: u32 = 30;

/// Seconds for a step of talking to the mail server.
pub const MAIL_SECONDS: u64 = 30;

/// Bytes of an environment variable's value as JSON.
pub const VARIABLE_VALUE_BYTES_MAX: usize = 32 * 1024;

/// Characters of what is shown of an environment variable.
pub const VARIABLE_TEXT_CHARACTERS_MAX: usize = 2_000;

/// Deleted flows that one read of them brings.
pub const DELETED_FLOWS_PER_READ: usize = 256;

/// Characters of what an administrator says to a suspension.
pub const SUSPENSION_CHARACTERS_MAX: usize = 1_024;

/// Hours that the address of an exported package can be read.
pub const PACKAGE_LINK_HOURS: i64 = 1;

/// Hours that a file may be put at its address, and is kept.
pub const UPLOAD_HOURS: i64 = 1;

/// Files of one caller that are kept at a time: each may be as large as a package.
pub const UPLOADS_PER_OWNER_MAX: usize = 8;

/// Blocks that a file is put in: older clients send 4 MiB at a time.
pub const UPLOAD_BLOCKS_MAX: usize = 128;

/// Hours that the result of looking at a package, or of importing it, can be asked for.
pub const PACKAGING_HOURS: i64 = 24;

/// What another node has changed of the keys that sign tokens counts after so long.
pub const KEYRING_FRESH: Duration = Duration::from_secs(1);

/// Keys of tokens that are believed at a time: each rotation adds one for an hour.
pub const SIGNING_KEYS_MAX: usize = 16;

/// Steps of signing in at issuers from outside, in a minute: anybody may begin, and each asks
/// the issuer.
pub const OUTSIDE_SIGN_INS_PER_MINUTE: u32 = 600;

/// Seconds that somebody may take to sign in at an issuer from outside.
pub const OUTSIDE_SIGN_IN_SECONDS: i64 = 900;

/// Looks for a key that a token names and that is not known, in a minute: anybody may name
/// one.
pub const STRANGE_KEYS_PER_MINUTE: u32 = 60;

/// Seconds after which it is noted that somebody is still here in a browser.
pub const SESSION_NOTED_SECONDS: i64 = 60;

/// Sessions kept in memory as such that go on.
pub const LIVE_SESSIONS_MAX: usize = 65_536;

/// Issuers from outside that are trusted, and what each may have: keys that it publishes, and
/// roles here that go with groups and roles there.
pub const ISSUERS_MAX: usize = 16;
pub const ISSUER_KEYS_MAX: usize = 64;
pub const ISSUER_GRANTS_MAX: usize = 256;

/// Bytes of what an issuer publishes of itself, and seconds that it has for it.
pub const ISSUER_ANSWER_BYTES_MAX: u64 = 512 * 1024;
pub const ISSUER_CALL_SECONDS: u64 = 5;

/// Seconds after which its keys are asked for again, and at least between two times that
/// they are: anybody may name a key that there is not.
pub const ISSUER_KEYS_SECONDS: i64 = 3_600;
pub const ISSUER_ASKED_AGAIN_SECONDS: i64 = 30;

/// Bytes of what an issuer calls somebody.
pub const SUBJECT_BYTES_MAX: usize = 256;

/// Seconds in which a code of the second factor has to follow the password.
pub const SECOND_FACTOR_SECONDS: i64 = 300;

/// Codes on paper that somebody gets with a second factor.
pub const RECOVERY_CODES: usize = 10;

/// Documents of connectors that are kept in memory: a large one is some megabytes.
pub const CONNECTOR_DOCUMENTS_CACHED_MAX: usize = 128;

/// Seconds after signing in in which somebody may change their passkeys: later they sign in
/// again first.
pub const FRESH_SIGN_IN_SECONDS: i64 = 600;

/// Seconds that an authenticator has for a challenge, from when the page was shown.
pub const CHALLENGE_SECONDS: i64 = 600;

/// Passkeys that somebody may have, and the length of what they call one.
pub const PASSKEYS_MAX: usize = 16;
pub const PASSKEY_NAME_CHARACTERS_MAX: usize = 64;

/// Bytes of what comes from an authenticator and its browser. Statements of attestation are
/// the longest; ids have the limit of Web Authentication.
pub const CLIENT_DATA_BYTES_MAX: usize = 4 * 1024;
pub const ATTESTATION_BYTES_MAX: usize = 8 * 1024;
pub const AUTHENTICATOR_DATA_BYTES_MAX: usize = 4 * 1024;
pub const CREDENTIAL_ID_BYTES_MAX: usize = 1_023;
pub const USER_HANDLE_BYTES_MAX: usize = 64;
pub const PASSKEY_SIGNATURE_BYTES_MAX: usize = 1_024;

/// Bytes of the modulus of an RSA key of a passkey: 4,096 bits.
pub const PASSKEY_MODULUS_BYTES_MAX: usize = 512;

/// Depth of CBOR from an authenticator.
pub const CBOR_DEPTH_MAX: usize = 16;
/// Seconds that a program has to print the master key, and bytes of what it prints, or of
/// the file that holds it.
pub const KEY_COMMAND_SECONDS: u64 = 30;
pub const KEY_TEXT_BYTES_MAX: usize = 4_096;

/// Sealing keys at a time: one seals, the others are kept for a day after they did.
pub const SEALING_KEYS_MAX: usize = 16;
pub const SEALING_KEY_KEPT_SECONDS: i64 = 86_400;

/// Flows, or records, that one step of a rotation looks at.
pub const ROTATION_ROWS_PER_STEP: usize = 64;

/// Words of an argument list that starts a program.
pub const KEY_COMMAND_WORDS_MAX: usize = 64;

/// Vaults of an environment, who may read one, and its secrets, which one list tells.
pub const VAULTS_MAX: usize = 200;
pub const VAULT_READERS_MAX: usize = 500;
pub const VAULT_SECRETS_MAX: usize = 1_000;

/// Versions of a secret that are kept: the record that names them is read for each call.
pub const SECRET_VERSIONS_MAX: usize = 100;

/// Bytes of a secret, and characters of its content type, as documented of the original.
pub const SECRET_BYTES_MAX: usize = 25_600;
pub const SECRET_TYPE_CHARACTERS_MAX: usize = 255;

/// Secrets that are kept of a flow to be masked in its histories, and tokens besides, which
/// end; each is a search through everything that is shown.
pub const KNOWN_SECRETS_MAX: usize = 128;
pub const KNOWN_TOKENS_MAX: usize = 32;

/// Bytes of a secret that is kept to be masked: longer ones are certificates.
pub const KNOWN_SECRET_BYTES_MAX: usize = 32 * 1024;

/// Flows whose known secrets are kept in memory.
pub const KNOWN_SECRETS_CACHED_MAX: usize = 1_024;

/// Recordings of an environment.
pub const RECORDINGS_MAX: usize = 200;

/// Exchanges of a recording: what tests play back is a few dozen, and all of them are read
/// for each call.
pub const RECORDED_EXCHANGES_MAX: usize = 500;

/// Bytes of an exchange.
pub const RECORDED_EXCHANGE_BYTES_MAX: usize = 262_144;

/// Bytes of all exchanges of a recording, which travel as one document.
pub const RECORDING_BYTES_MAX: usize = 4_194_304;

/// Attempts to change a recording that other calls change too.
pub const RECORDING_TRIES_MAX: usize = 100;

/// Data policies of the tenant: each is asked for every flow that is saved.
pub const DATA_POLICIES_MAX: usize = 128;

/// What a data policy may have: connectors that it names (there are some 1,500), environments,
/// endpoints or operations of one connector, and bytes of a text.
pub const DATA_POLICY_CONNECTORS_MAX: usize = 4_096;
pub const DATA_POLICY_ENVIRONMENTS_MAX: usize = 1_024;
pub const DATA_POLICY_RULES_MAX: usize = 512;
pub const DATA_POLICY_TEXT_BYTES_MAX: usize = 512;

/// Ways in which a flow breaks data policies that are kept of it; the others are counted.
pub const DATA_POLICY_VIOLATIONS_MAX: usize = 32;

/// Data policies that another node has changed count after so long.
pub const DATA_POLICIES_FRESH: Duration = Duration::from_secs(1);

/// How often it is asked whether flows are to be looked through, how many at a time, and the
/// seconds that a node has for these before another takes them.
pub const DATA_POLICIES_EVERY: Duration = Duration::from_secs(5);
pub const DATA_POLICY_FLOWS_PER_STEP: usize = 64;
pub const DATA_POLICY_CLAIM_SECONDS: i64 = 60;

/// Seconds after which flows are looked through again, for who saved one by older policies.
pub const DATA_POLICY_SETTLE_SECONDS: i64 = 10;

/// Connections of an account to one connector, and those shared with a principal, among which
/// one is chosen for a call.
pub const CHOICE_CONNECTIONS_MAX: usize = 256;
pub const CHOICE_SHARED_MAX: usize = 500;

/// Flows that stand behind connections and call one another: each waits for the next.
pub const FLOWS_BEHIND_CALLS_MAX: usize = 8;

/// What an app may have: connection references, people it is shared with, and characters of
/// its name and description.
pub const APP_REFERENCES_MAX: usize = 200;
pub const APP_PERMISSIONS_MAX: usize = 500;
pub const APP_NAME_CHARACTERS_MAX: usize = 256;
pub const APP_DESCRIPTION_CHARACTERS_MAX: usize = 4_096;

/// Apps of an owner: they are registered here and run elsewhere.
pub const APPS_PER_OWNER_MAX: usize = 1_000;

/// Apps of one connection, or of one principal, that are looked at to find out whether it is
/// shared with somebody.
pub const APPS_LOOKED_AT_MAX: usize = 500;

/// Tries of a change of an approval that many answer at the same moment.
pub const APPROVAL_TRIES_MAX: u32 = 64;

/// Bytes of what is asked: its title and other names, its details, an address.
pub const APPROVAL_TITLE_BYTES_MAX: usize = 1_024;
pub const APPROVAL_TEXT_BYTES_MAX: usize = 256 * 1024;
pub const APPROVAL_LINK_BYTES_MAX: usize = 4_096;

/// Files that come with an approval, and their bytes together.
pub const APPROVAL_ATTACHMENTS_MAX: usize = 20;
pub const APPROVAL_ATTACHMENTS_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Those who wait for one outcome, and how often one is told who does not answer.
pub const APPROVAL_WAITING_MAX: usize = 100;
pub const APPROVAL_WAKE_TRIES_MAX: u32 = 24;

/// Bytes of what flows are told of an outcome by one change, besides the first; the rest is
/// told by further ones.
pub const APPROVAL_TOLD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// How often approvals are looked at whose time has come, and how many at a time.
pub const APPROVALS_EVERY: Duration = Duration::from_secs(5);
pub const APPROVALS_PER_ROUND: usize = 256;

/// How long a link in a letter lets somebody answer, and how long the form of its page.
pub const APPROVAL_LINK_SECONDS: i64 = 60 * 86_400;
pub const APPROVAL_FORM_SECONDS: i64 = 86_400;

/// Links to answer by that this server has not sent, from one address in a minute; and the
/// addresses that are counted by themselves in a minute.
pub const FORGED_LINKS_PER_MINUTE: u32 = 30;
pub const PACED_ADDRESSES_MAX: usize = 16_384;

/// Options of an approval that have links of their own in a letter.
pub const APPROVAL_LETTER_OPTIONS_MAX: usize = 5;

/// Characters of a comment in the form of the page: no more bytes than a comment may have.
pub const APPROVAL_FORM_COMMENT_CHARACTERS_MAX: usize = 4_000;

/// People for whom one person answers.
pub const DEPUTIES_FOR_MAX: usize = 100;

/// Calendars of an environment.
pub const CALENDARS_MAX: usize = 50;

/// Bytes of what a policy of a connector keeps of how far a trigger has come: it is part of
/// the address of each question, which services limit themselves.
pub const POLL_PROGRESS_BYTES_MAX: usize = 4_096;
