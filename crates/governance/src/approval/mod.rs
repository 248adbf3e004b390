//! Approvals: people are asked, and what they answer has one outcome, ever.
//!
//! [`Approval`] is the state; [`Approval::handle`] takes what comes (an answer, a
//! reassignment, the end of who asked, or the clock alone) and says who is to be told of what.
//! Whoever keeps it stores the state before anybody is told.
//!
//! Invariant: an outcome never changes, and nothing but it follows from what is in the history.
//! Invariant: people in the history are ids, and comments are commitments ([`evidence`]).

pub mod evidence;
mod plan;
mod state;
mod timing;

pub use evidence::{Comment, Entry, Via, What};
pub use plan::{
    APPROVE, Deadline, Escalating, Escalation, Plan, PlanFault, REJECT, Reminder, Rule, Stage,
};
pub use state::{Answer, Approval, Reassignment, Standing, Task, TaskState};

use durable::Ticks;
use std::fmt;

/// What comes to an approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Answer(Answer),
    Reassign(Reassignment),
    /// Who asked takes it back, or has ended (`by` is none).
    Cancel {
        by: Option<String>,
        comment: Option<Comment>,
    },
    /// Somebody is not to be asked any more, now or in a later stage: whoever administers
    /// says so.
    Excuse {
        person: String,
        by: String,
    },
    /// Nothing but the time.
    Clock,
}

/// Somebody who is to be told of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tell {
    pub person: String,
    pub about: About,
}

/// What somebody is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// They are asked.
    Asked,
    /// They are asked, and have not answered for a while.
    Reminded,
    /// Others have not answered for a while.
    Escalated,
    /// Their answer is not needed any more.
    Withdrawn,
    /// What they were asked was taken back.
    Cancelled,
}

/// Why something that came changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It has an outcome already.
    Decided {
        outcome: String,
    },
    Cancelled,
    /// The person answered before.
    Answered {
        option: String,
    },
    /// The person is not, or not any more, asked.
    NotAsked,
    /// The person is asked in a later stage, perhaps.
    NotYet,
    UnknownOption {
        option: String,
        options: Vec<String>,
    },
    NotReassignable,
    /// Whom it was to be reassigned to is asked already.
    AskedAlready,
    /// Whom it was to be reassigned to is not to be asked.
    Excused,
    /// Who answers has done so for somebody else, and a quorum counts each person once.
    CountedAlready,
    /// There were more reassignments than anybody needs.
    TooManyTasks,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Decided { outcome } => {
                write!(f, "The approval is decided already: its outcome is '{outcome}'.")
            }
            Refusal::Cancelled => f.write_str("The approval was cancelled."),
            Refusal::Answered { option } => {
                write!(f, "The approval was answered by the same person already: '{option}'.")
            }
            Refusal::NotAsked => f.write_str("The person is not asked for this approval."),
            Refusal::NotYet => {
                f.write_str("The stage in which the person is asked has not begun yet.")
            }
            Refusal::UnknownOption { option, options } => {
                write!(f, "'{option}' is no answer; expected one of '{}'.", options.join("', '"))
            }
            Refusal::NotReassignable => {
                f.write_str("The approval does not allow that somebody else is asked.")
            }
            Refusal::AskedAlready => f.write_str("The other person is asked already."),
            Refusal::Excused => f.write_str("The other person was excused from the approval."),
            Refusal::CountedAlready => f.write_str(
                "The same person has answered in this stage already, and a quorum counts each person once.",
            ),
            Refusal::TooManyTasks => {
                f.write_str("The approval was reassigned so often that it cannot be once more.")
            }
        }
    }
}

impl Approval {
    /// Takes what came at `now`. What time has done comes first, however late it is looked
    /// at: an answer after a deadline is late. The state may have changed although the input
    /// was refused.
    pub fn handle(&mut self, now: Ticks, input: Input) -> (Vec<Tell>, Result<(), Refusal>) {
        let mut tells = Vec::new();
        self.pass_time(now, &mut tells);
        let result = match input {
            Input::Clock => Ok(()),
            Input::Answer(answer) => self.answer(now, answer, &mut tells),
            Input::Reassign(reassignment) => self.reassign(now, reassignment, &mut tells),
            Input::Cancel { by, comment } => self.cancel(now, by, comment, &mut tells),
            Input::Excuse { person, by } => self.excuse(now, (&person, by), &mut tells),
        };
        (tells, result)
    }
}
