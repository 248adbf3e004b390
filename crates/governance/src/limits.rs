//! Limits of the rules, each with its unit.

/// Stages of a plan.
pub const STAGES_MAX: usize = 50;

/// Assignees of a stage, groups being people already.
pub const ASSIGNEES_MAX: usize = 500;

/// Tasks of an approval over all of its life: reassignments make new ones.
pub const TASKS_MAX: usize = 2_000;

/// Options to answer with, and bytes of one.
pub const OPTIONS_MAX: usize = 50;
pub const OPTION_BYTES_MAX: usize = 200;

/// Bytes of a comment.
pub const COMMENT_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a stage's name, and of the id of a person.
pub const NAME_BYTES_MAX: usize = 400;

/// Reminders of one stage.
pub const REMINDERS_MAX: u32 = 100;

/// Days that a span may have.
pub const SPAN_DAYS_MAX: u32 = 3_660;

/// Holidays of a calendar.
pub const HOLIDAYS_MAX: usize = 2_000;
