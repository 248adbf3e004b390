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
    /// A subscription is told to end, and the word is not kept.
    LoseUnsubscribe,
    /// What is started under a key may be started under it again.
    ForgetStartKey,
    /// What a question of a trigger found is known by the question alone.
    KeyWithoutContent,
    /// When a trigger or a subscription is to be seen to again is forgotten.
    ForgetWakeup,
    /// The same of what is more than a minute away: only renewals are.
    ForgetFarWakeup,
    /// Triggers are woken half a minute before they are to be.
    WakeEarly,
    /// Who is told to end tells another.
    EndAnother,
    /// A flow that gets another version goes on naming what was begun for the one before.
    KeepTrigger,
    /// Whoever reads a version of a flow reads its newest.
    ReadNewestVersion,
    /// Records are changed whatever they are by now.
    IgnoreRevision,
    /// Approvals that have an outcome are changed by who has not seen it.
    AnswerOverOutcome,
    /// That somebody waits for an outcome is not found again.
    ForgetOwedWake,
    /// What changes of management data send is lost.
    LoseOutcome,
    /// Whoever is back is said to be, and their deputy is kept.
    KeepDeputy,
    /// Who answers for somebody is kept as that one.
    ForgetWhoAnswered,
    /// Who is not to be asked any more is not kept.
    ForgetExcused,
    /// Deadlines are kept later than they are.
    PostponeDeadline,
    /// Calendars are kept without their holidays.
    ForgetHolidays,
}

impl Bug {
    pub const ALL: [Bug; 24] = [
        Bug::SkipIntent,
        Bug::IgnoreEpoch,
        Bug::ActBeforeCommit,
        Bug::ForgetEarlyAnswer,
        Bug::DropInputRow,
        Bug::LoseCancel,
        Bug::LoseUnsubscribe,
        Bug::ForgetStartKey,
        Bug::KeyWithoutContent,
        Bug::ForgetWakeup,
        Bug::ForgetFarWakeup,
        Bug::WakeEarly,
        Bug::EndAnother,
        Bug::KeepTrigger,
        Bug::ReadNewestVersion,
        Bug::IgnoreRevision,
        Bug::AnswerOverOutcome,
        Bug::ForgetOwedWake,
        Bug::LoseOutcome,
        Bug::KeepDeputy,
        Bug::ForgetWhoAnswered,
        Bug::ForgetExcused,
        Bug::PostponeDeadline,
        Bug::ForgetHolidays,
    ];
}
