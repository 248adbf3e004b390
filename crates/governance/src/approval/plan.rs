//! What an approval is to be: who is asked, in which order, and what decides.

use crate::calendar::{Calendar, Span};
use crate::limits::{
    ASSIGNEES_MAX, NAME_BYTES_MAX, OPTION_BYTES_MAX, OPTIONS_MAX, REMINDERS_MAX, STAGES_MAX,
};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fmt;

pub const APPROVE: &str = "Approve";
pub const REJECT: &str = "Reject";

/// What an approval is to be. Never changed once it has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// One after the other; a stage begins when the one before it approves.
    pub stages: Vec<Stage>,
    /// What can be answered.
    pub options: Vec<String>,
    /// The option that approves; none: whatever is answered is the outcome.
    pub approving: Option<String>,
    /// Whether assignees may have others answer instead.
    pub is_reassignable: bool,
    #[serde(default)]
    pub calendar: Calendar,
}

/// People who are asked together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stage {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Ids of people; who is named twice is asked once.
    pub assignees: Vec<String>,
    pub rule: Rule,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reminder: Option<Reminder>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
}

/// Which answers end a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Rule {
    /// The first answer, whatever it is.
    First,
    /// Everybody approves, or the first who does not.
    All,
    /// So many approve, or so many do not that they cannot be reached. Of fewer who are
    /// asked, all.
    Quorum(u32),
    /// Everybody has answered: the outcome is what they answered, in the order of answers.
    EveryAnswer,
}

/// When a stage ends by itself, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deadline {
    pub after: Span,
    /// One of the options.
    pub outcome: String,
}

/// When those who have not answered are told again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reminder {
    pub after: Span,
    /// Between one reminder and the next; none: there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Span>,
}

/// What happens when a stage takes long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Escalation {
    pub after: Span,
    pub to: Vec<String>,
    pub how: Escalating,
}

/// The names are those of escalation types of approval processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Escalating {
    /// They are told.
    Notify,
    /// They are asked instead of those who have not answered.
    ReassignTo,
}

/// What is wrong with a plan, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanFault {
    /// The member: `stages[0].rule`.
    pub path: String,
    pub message: String,
}

impl fmt::Display for PlanFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

impl Stage {
    /// People who are asked together, without anything that time does.
    #[must_use]
    pub fn new(assignees: Vec<String>, rule: Rule) -> Stage {
        Stage { name: None, assignees, rule, deadline: None, reminder: None, escalation: None }
    }
}

impl Plan {
    /// Approve or Reject.
    #[must_use]
    pub fn binary(stages: Vec<Stage>) -> Plan {
        Plan {
            stages,
            options: vec![APPROVE.to_owned(), REJECT.to_owned()],
            approving: Some(APPROVE.to_owned()),
            is_reassignable: true,
            calendar: Calendar::default(),
        }
    }

    /// Options of one's own, in one stage.
    #[must_use]
    pub fn custom(options: Vec<String>, stage: Stage) -> Plan {
        Plan { options, approving: None, ..Plan::binary(vec![stage]) }
    }

    #[must_use]
    pub fn knows(&self, option: &str) -> bool {
        self.options.iter().any(|it| it == option)
    }

    /// # Errors
    /// The first thing that is wrong with it.
    pub fn check(&self) -> Result<(), PlanFault> {
        let fault = |path: &str, message: String| Err(PlanFault { path: path.to_owned(), message });
        let distinct: HashSet<&String> = self.options.iter().collect();
        if self.options.is_empty() || self.options.len() > OPTIONS_MAX {
            let count = self.options.len();
            return fault("options", format!("There are {count}; expected 1 to {OPTIONS_MAX}."));
        }
        let is_plain = |it: &String| !it.trim().is_empty() && it.len() <= OPTION_BYTES_MAX;
        if distinct.len() < self.options.len() || !self.options.iter().all(is_plain) {
            return fault(
                "options",
                format!("Expected different texts of 1 to {OPTION_BYTES_MAX} bytes."),
            );
        }
        if let Some(option) = self.approving.as_ref().filter(|it| !self.knows(it)) {
            return fault("approving", format!("'{option}' is not among the options."));
        }
        if let Some(message) = self.calendar.fault() {
            return fault("calendar", message);
        }
        if self.stages.is_empty() || self.stages.len() > STAGES_MAX {
            let count = self.stages.len();
            return fault("stages", format!("There are {count}; expected 1 to {STAGES_MAX}."));
        }
        if self.approving.is_none() && self.stages.len() > 1 {
            let message = "A plan whose options do not approve has one stage.".to_owned();
            return fault("stages", message);
        }
        let mut stages = self.stages.iter().enumerate();
        stages.try_for_each(|(number, stage)| {
            self.stage_fault(stage).map_or(Ok(()), |(member, message)| {
                Err(PlanFault { path: format!("stages[{number}].{member}"), message })
            })
        })
    }

    fn stage_fault(&self, stage: &Stage) -> Option<(&'static str, String)> {
        if let Some(message) = people_fault(&stage.assignees) {
            return Some(("assignees", message));
        }
        if stage.name.as_ref().is_some_and(|it| it.len() > NAME_BYTES_MAX) {
            return Some(("name", format!("A name has {NAME_BYTES_MAX} bytes at most.")));
        }
        let rule = match stage.rule {
            Rule::First => None,
            Rule::All | Rule::Quorum(1..) if self.approving.is_some() => None,
            Rule::EveryAnswer if self.stages.len() == 1 => None,
            Rule::Quorum(0) => Some("A quorum is 1 at least."),
            Rule::All | Rule::Quorum(_) => Some("The rule asks for an option that approves."),
            Rule::EveryAnswer => Some("All answers are collected in a plan of one stage only."),
        };
        if let Some(message) = rule {
            return Some(("rule", message.to_owned()));
        }
        self.timing_fault(stage)
    }

    fn timing_fault(&self, stage: &Stage) -> Option<(&'static str, String)> {
        if let Some(deadline) = &stage.deadline {
            let unknown = || {
                let outcome = &deadline.outcome;
                (!self.knows(outcome)).then(|| format!("'{outcome}' is not among the options."))
            };
            if let Some(message) = deadline.after.fault().or_else(unknown) {
                return Some(("deadline", message));
            }
        }
        if let Some(Reminder { after, every }) = stage.reminder
            && let Some(message) = after.fault().or_else(|| every.and_then(Span::fault))
        {
            return Some(("reminder", message));
        }
        let escalation = stage.escalation.as_ref()?;
        let fault = escalation.after.fault().or_else(|| people_fault(&escalation.to));
        fault.map(|message| ("escalation", message))
    }
}

/// Reminders that follow the first one.
#[must_use]
pub(super) fn is_reminded_again(sent: u32) -> bool {
    sent < REMINDERS_MAX
}

fn people_fault(people: &[String]) -> Option<String> {
    let is_right = |it: &String| !it.is_empty() && it.len() <= NAME_BYTES_MAX;
    if people.is_empty() || people.len() > ASSIGNEES_MAX || !people.iter().all(is_right) {
        let count = people.len();
        return Some(format!("There are {count} people; expected 1 to {ASSIGNEES_MAX}."));
    }
    None
}
