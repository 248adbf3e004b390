//! Every limit of the language, each with its unit and its reason.
//!
//! Limits here bound what one expression or one value may cost. How large a
//! definition or a run may get is the business of the crates above.

/// Characters of one expression: the documented limit of the language.
pub const EXPRESSION_CHARS_MAX: usize = 8_192;

/// Levels of calls and brackets within one expression. Each level costs a stack
/// frame when parsed, evaluated and dropped; real expressions stay below 40.
pub const EXPRESSION_DEPTH_MAX: usize = 200;

/// Levels of arrays and objects in a template: what the JSON parser lets in.
pub const TEMPLATE_DEPTH_MAX: usize = 128;

/// Levels of arrays and objects a JSON writer or a comparison follows; deeper
/// values cannot be parsed back and would exhaust the stack.
pub const VALUE_DEPTH_MAX: usize = 512;

/// Characters of a text that a function may produce: the documented size of the
/// input or output of one operation (100 MiB).
pub const TEXT_CHARS_MAX: usize = 104_857_600;

/// Entries that `range` produces, documented.
pub const RANGE_COUNT_MAX: i64 = 100_000;

/// The last number that `range` may reach, documented.
pub const RANGE_END_MAX: i64 = 2_147_483_647;

/// Entries of an array that a function may produce (`split`, `chunk`): each costs
/// at least 24 bytes, so a short text with a short delimiter must not become
/// gigabytes.
pub const ARRAY_ITEMS_MAX: usize = 10_000_000;

/// Digits that a numeric format may ask for: the limit of .NET is far higher, and
/// nobody reads more.
pub const FORMAT_DIGITS_MAX: usize = 999;

/// Characters of a date or number format.
pub const FORMAT_CHARS_MAX: usize = 1_024;

/// Parts of one multipart body.
pub const MULTIPART_PARTS_MAX: usize = 10_000;

/// Levels of multipart within multipart.
pub const MULTIPART_DEPTH_MAX: usize = 4;

/// Property names that an error message lists.
pub const ERROR_NAMES_MAX: usize = 40;

/// Nodes of one XML document, attributes included: each costs some 150 bytes, so that a text
/// of a few megabytes must not become gigabytes.
pub const XML_NODES_MAX: usize = 500_000;

/// Levels of one XML document: what the JSON that it becomes may have.
pub const XML_DEPTH_MAX: usize = 128;

/// Attributes of one element: whether two of them have one name is asked of each pair.
pub const XML_ATTRIBUTES_MAX: usize = 1_000;

/// Declarations of prefixes that count at one place of a document: each element that makes
/// another one is compared with all of them.
pub const XML_PREFIXES_MAX: usize = 256;

/// Bytes of the nodes that an XPath expression finds, taken together.
pub const XPATH_FOUND_BYTES_MAX: usize = 32 << 20;

/// Characters of an XPath expression. Its operators go down the stack one by one.
pub const XPATH_CHARS_MAX: usize = 1_000;

/// Levels of brackets and signs in an XPath expression, each some ten calls deep.
pub const XPATH_DEPTH_MAX: usize = 24;

/// Nodes that one XPath expression looks at or compares, each time it does: some tenths of a
/// second.
pub const XPATH_STEPS_MAX: usize = 5_000_000;

/// Bytes of a text that an XPath expression gets in the time of one such step.
pub const XPATH_TEXT_BYTES_PER_STEP: usize = 256;

/// Letters that `translate` of XPath compares in the time of one.
pub const XPATH_LETTERS_PER_STEP: usize = 128;
