//! Every limit of definitions and runs, with its unit and its reason. Documented
//! ones name their source: "Limits and configuration reference for Azure Logic Apps".

/// Violations of a schema that an error message lists: enough to act on.
pub const SCHEMA_VIOLATIONS_SHOWN_MAX: usize = 10;

/// Bytes of a definition document: some hundred times the largest real one.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Actions of a definition (documented: 500). Larger ones are accepted with a
/// warning up to this many, which bounds what a run state costs.
pub const ACTIONS_MAX: usize = 10_000;

/// Actions beyond which the real service refuses a definition.
pub const ACTIONS_DOCUMENTED_MAX: usize = 500;

/// Nesting of containers (documented: 8; real files reach 9).
pub const NESTING_DOCUMENTED_MAX: usize = 8;

/// Nesting of containers that is accepted.
pub const NESTING_MAX: usize = 32;

/// Characters of an action's or trigger's name (documented).
pub const NAME_CHARACTERS_MAX: usize = 80;

/// Variables of a definition (documented).
pub const VARIABLES_MAX: usize = 250;

/// Cases of a Switch (documented).
pub const SWITCH_CASES_MAX: usize = 25;

/// Items of a Foreach (documented).
pub const FOREACH_ITEMS_MAX: usize = 100_000;

/// Iterations of a Foreach at a time (documented).
pub const FOREACH_CONCURRENCY_MAX: u32 = 50;

/// Items that an action may ask to have from the pages of a list (documented).
pub const PAGED_ITEMS_MAX: u32 = 100_000;

/// Pages of a list that are got for one action (documented).
pub const PAGES_MAX: usize = 1_000;

/// Bytes of the address of a next page: it is kept with the run.
pub const PAGE_LINK_BYTES_MAX: usize = 16 << 10;

/// Items of a `splitOn` array (documented).
pub const SPLIT_ON_ITEMS_MAX: usize = 100_000;

/// Iterations of an Until (documented).
pub const UNTIL_COUNT_MAX: i64 = 5_000;

/// Repetitions by a retry policy (documented).
pub const RETRY_COUNT_MAX: u32 = 90;

/// Characters of the tracked properties of an action (documented).
pub const TRACKED_PROPERTIES_CHARACTERS_MAX: usize = 8_000;

/// Bytes of the input or output of one operation (documented), counted as stored. An
/// action whose inputs or outputs are larger fails.
pub const OPERATION_BYTES_MAX: usize = 104_857_600;

/// Levels of a value that an action takes or gives: the 512 that decoding accepts, less
/// those that records put around it.
pub const STORED_LEVELS_MAX: usize = 480;

/// Bytes of the message of an error: it stands in the events themselves, and may quote
/// values of any size.
pub const ERROR_MESSAGE_BYTES_MAX: usize = 16 * 1024;

/// Bytes of the code of an error, which a definition may compute.
pub const ERROR_CODE_BYTES_MAX: usize = 256;

/// Bytes of what a run is tracked as, which a definition may compute.
pub const CLIENT_TRACKING_ID_BYTES_MAX: usize = 1_024;

/// Polls of an asynchronous call: with the shortest interval about three days.
pub const POLLS_MAX: u32 = 10_000;

/// Bytes of events and large values, before compression, that a resumed run takes over:
/// they are held in memory until they are durable together.
pub const RESUME_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Bytes after which they go on in another chunk, with room for what one action adds.
pub const RESUME_PART_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Actions of all iterations of a Foreach with which a resumed run goes on: they are in
/// memory together.
pub const RESUME_OPEN_ACTIONS_MAX: usize = 250_000;

/// Problems that a report lists: enough to act on, bounded for hostile documents.
pub const PROBLEMS_MAX: usize = 1_000;

/// Levels of arrays and objects in a document: what the JSON parser lets in.
pub const DOCUMENT_DEPTH_MAX: usize = 128;

/// Parameters or variables of a deployment template that refer to each other.
pub const DEPLOYMENT_REFERENCES_MAX: usize = 16;

/// Bytes that resolving a deployment template may read and make: variables may refer
/// to variables, each several times.
pub const DEPLOYMENT_RESOLVED_BYTES_MAX: usize = 4 * DOCUMENT_BYTES_MAX;

/// What resolving an expression counts besides its text and value, in bytes.
pub const DEPLOYMENT_EXPRESSION_BYTES: usize = 1_000;

/// Deployment templates within deployment templates.
pub const DEPLOYMENT_NESTING_MAX: usize = 8;

/// Parameters of a definition (documented for the single-tenant host).
pub const PARAMETERS_DOCUMENTED_MAX: usize = 500;

/// Outputs of a definition (documented).
pub const OUTPUTS_DOCUMENTED_MAX: usize = 10;

/// Triggers of a definition (documented).
pub const TRIGGERS_DOCUMENTED_MAX: usize = 10;

/// Runs at a time of a trigger, and starts that wait (documented).
pub const TRIGGER_CONCURRENCY_MAX: u32 = 100;

/// Periods of a recurrence that are searched for an occurrence: the 31st of every
/// sixteenth month comes within two years or never.
pub const RECURRENCE_PERIODS_MAX: usize = 1_000;

/// Bytes of a package as it arrives: what an API request can carry in base64.
pub const PACKAGE_BYTES_MAX: usize = 24 * 1024 * 1024;

/// Entries of a package: some times more than solutions have.
pub const PACKAGE_ENTRIES_MAX: usize = 10_000;

/// Bytes of one file of a package, unpacked: a document at most.
pub const PACKAGE_ENTRY_BYTES_MAX: usize = DOCUMENT_BYTES_MAX;

/// Bytes of all files of a package that are read, unpacked.
pub const PACKAGE_UNPACKED_BYTES_MAX: usize = 32 * 1024 * 1024;

/// How many times smaller than its content an entry may be: JSON and XML of real packages
/// come to 30, a bomb to 1,000.
pub const PACKAGE_RATIO_MAX: u64 = 200;

/// Bytes up to which the ratio of an entry does not matter.
pub const PACKAGE_RATIO_FREE_BYTES: u64 = 256 * 1024;

/// Characters of the path of an entry.
pub const PACKAGE_PATH_CHARACTERS_MAX: usize = 512;

/// Nodes of an XML document of a package, which bounds its memory.
pub const PACKAGE_XML_NODES_MAX: u32 = 1_000_000;

/// Flows of a package.
pub const PACKAGE_FLOWS_MAX: usize = 500;

/// Faults and remarks that reading a package lists.
pub const PACKAGE_FAULTS_MAX: usize = 100;

/// Differences between two definitions that are told: more than anybody reads.
pub const DIFFERENCES_MAX: usize = 10_000;

/// Attempts to end a subscription that nobody waits for: with growing pauses, some days.
pub const SUBSCRIPTION_END_ATTEMPTS_MAX: u32 = 30;

/// Ticks of the longest pause between two attempts to begin or end a subscription: 6 hours.
pub const SUBSCRIPTION_PAUSE_MAX: durable::Ticks = 6 * 3_600 * 10_000_000;

/// Ticks between two questions of a trigger, however soon an answer wants the next one: a
/// service that always says "at once" is not asked as quickly as it answers.
pub const POLL_PAUSE_MIN: durable::Ticks = 10_000_000;

/// Ticks before a subscription is renewed, however soon it says to end: a minute.
pub const SUBSCRIPTION_RENEWAL_MIN: durable::Ticks = 60 * 10_000_000;

/// Characters from which on a known secret is masked in what is shown, and how many are
/// looked for: each is a search through everything that is shown.
pub const MASKED_CHARACTERS_MIN: usize = 6;
pub const MASKED_VALUES_MAX: usize = 64;

/// How often the subscription of a trigger looks whether its flow is still on: who turned it
/// off may have ended before it could say so.
pub const SUBSCRIPTION_LOOK_EVERY: durable::Ticks = 15 * 60 * 10_000_000;
