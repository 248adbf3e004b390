//! Deliberate bugs: each is to be caught by the audit, or the audit proves nothing.

/// What is done wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Bug {
    /// Effects begin without a durable word that they will.
    SkipIntent,
    /// The store takes steps of nodes that have lost their partition.
    IgnoreEpoch,
    /// The store says that a commit is durable, and makes it so only afterwards.
    ActBeforeCommit,
    /// An answer whose question is not known yet is thrown away.
    ForgetEarlyAnswer,
    /// A message is acknowledged and not kept.
    DropInputRow,
    /// A request to cancel is acknowledged and not kept.
    LoseCancel,
}

impl Bug {
    pub const ALL: [Bug; 6] = [
        Bug::SkipIntent,
        Bug::IgnoreEpoch,
        Bug::ActBeforeCommit,
        Bug::ForgetEarlyAnswer,
        Bug::DropInputRow,
        Bug::LoseCancel,
    ];
}
