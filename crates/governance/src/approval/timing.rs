//! What time does to an approval: reminders, escalations and deadlines of its stage.

use super::evidence::What;
use super::plan::{Escalating, Escalation, Stage, is_reminded_again};
use super::state::{Approval, TaskState};
use super::{About, Tell};
use crate::calendar::Calendar;
use crate::limits::TASKS_MAX;
use durable::Ticks;
use serde::{Deserialize, Serialize};

/// When something is due in the stage that goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Timing {
    deadline: Option<Ticks>,
    escalation: Option<Ticks>,
    reminder: Option<Ticks>,
    #[serde(default)]
    reminders: u32,
}

impl Timing {
    pub(super) fn of(stage: &Stage, calendar: &Calendar, now: Ticks) -> Timing {
        Timing {
            deadline: stage.deadline.as_ref().map(|it| calendar.after(now, it.after)),
            escalation: stage.escalation.as_ref().map(|it| calendar.after(now, it.after)),
            reminder: stage.reminder.map(|it| calendar.after(now, it.after)),
            reminders: 0,
        }
    }

    /// Whether an escalation is still to come.
    pub(super) fn escalates(&self) -> bool {
        self.escalation.is_some()
    }

    fn due(&self) -> Option<Ticks> {
        [self.deadline, self.escalation, self.reminder].into_iter().flatten().min()
    }
}

impl Approval {
    /// When the clock does something next.
    #[must_use]
    pub fn due(&self) -> Option<Ticks> {
        self.timing.due()
    }

    /// When the stage that goes on ends by itself.
    #[must_use]
    pub fn deadline(&self) -> Option<Ticks> {
        self.timing.deadline
    }

    /// Does what time has brought. Each of the three happens once at most in a stage that is
    /// looked at late; what the next stage brings is counted from now on.
    pub(super) fn pass_time(&mut self, now: Ticks, tells: &mut Vec<Tell>) {
        while let Some(due) = self.timing.due().filter(|due| *due <= now && self.is_open()) {
            if self.timing.deadline == Some(due) {
                self.pass_deadline(now, tells);
            } else if self.timing.escalation == Some(due) {
                self.escalate(now, tells);
            } else {
                self.remind(now, tells);
            }
        }
    }

    fn pass_deadline(&mut self, now: Ticks, tells: &mut Vec<Tell>) {
        self.timing.deadline = None;
        let deadline = self.current().and_then(|stage| stage.deadline.clone());
        let Some(deadline) = deadline else { return };
        self.note(now, What::DeadlinePassed { outcome: deadline.outcome.clone() });
        self.end_stage(now, deadline.outcome, tells);
    }

    fn remind(&mut self, now: Ticks, tells: &mut Vec<Tell>) {
        let every = self.current().and_then(|stage| stage.reminder).and_then(|it| it.every);
        self.timing.reminders += 1;
        let again = every.filter(|_| is_reminded_again(self.timing.reminders));
        self.timing.reminder = again.map(|every| self.plan.calendar.after(now, every));
        let people: Vec<String> = self.open_tasks().map(|it| it.assignee.clone()).collect();
        self.note(now, What::Reminded { people: people.len() });
        let remind = |person| Tell { person, about: About::Reminded };
        tells.extend(people.into_iter().map(remind));
    }

    fn escalate(&mut self, now: Ticks, tells: &mut Vec<Tell>) {
        self.timing.escalation = None;
        let escalation = self.current().and_then(|stage| stage.escalation.clone());
        let Some(Escalation { to, how, .. }) = escalation else { return };
        // who has answered does so once, and does not stand for another by that
        let can_come = |it: &String| match how {
            Escalating::Notify => !self.is_excused(it),
            Escalating::ReassignTo => !self.is_excused(it) && !self.is_answered_by(it),
        };
        let to: Vec<String> = to.into_iter().filter(can_come).collect();
        self.note(now, What::Escalated { to: to.clone() });
        match how {
            Escalating::Notify => {
                let tell = |person| Tell { person, about: About::Escalated };
                tells.extend(to.into_iter().map(tell));
            }
            Escalating::ReassignTo => self.hand_over_all(now, &to, tells),
        }
        // where fewer are asked than before, that may be an outcome
        if let Some(outcome) = self.stage_outcome() {
            self.end_stage(now, outcome, tells);
        }
    }

    /// Others are asked instead of all who have not answered.
    fn hand_over_all(&mut self, now: Ticks, to: &[String], tells: &mut Vec<Tell>) {
        let stage = self.stage;
        let is_open = |task: &&super::Task| task.stage == stage && task.state == TaskState::Open;
        let open: Vec<usize> = (0..self.tasks.len())
            .filter(|place| self.tasks.get(*place).is_some_and(|task| is_open(&task)))
            .filter(|place| self.tasks.get(*place).is_some_and(|it| !to.contains(&it.assignee)))
            .collect();
        let Some(first) = to.first() else { return };
        if open.is_empty() || self.tasks.len() + to.len() > TASKS_MAX {
            return;
        }
        for place in open {
            self.hand_over(now, (place, first), (None, None), tells);
        }
        to.iter().for_each(|person| self.ask(now, person, tells));
    }
}
