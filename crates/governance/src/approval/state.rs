//! What is known of an approval, and what answers make of it.

use super::evidence::{self, Comment, Entry, Forged, Via, What};
use super::plan::{Escalation, Plan, PlanFault, Rule, Stage};
use super::timing::Timing;
use super::{About, Refusal, Tell};
use crate::limits::TASKS_MAX;
use durable::Ticks;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An approval that has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    pub(super) plan: Plan,
    pub(super) stage: usize,
    pub(super) tasks: Vec<Task>,
    pub(super) standing: Standing,
    pub(super) timing: Timing,
    pub(super) history: Vec<Entry>,
    pub(super) comments: Vec<Comment>,
    /// Who is not to be asked any more, and who said so.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) excused: BTreeMap<String, String>,
}

/// How an approval stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Standing {
    Open,
    Decided { outcome: String, time: Ticks },
    Cancelled { time: Ticks },
}

/// Somebody who is, or was, asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    pub assignee: String,
    pub stage: usize,
    pub asked: Ticks,
    pub state: TaskState,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum TaskState {
    Open,
    Answered {
        option: String,
        /// The assignee or a deputy.
        by: String,
        time: Ticks,
        /// Of the answers of the approval the which, from 0.
        order: usize,
        comment: Option<String>,
    },
    Reassigned {
        to: String,
    },
    /// Nobody waits for it any more.
    Withdrawn,
}

/// Somebody answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub assignee: String,
    /// The assignee, or a deputy of theirs: who may be is not decided here.
    pub by: String,
    pub option: String,
    pub comment: Option<Comment>,
    pub via: Via,
}

/// Somebody else is to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reassignment {
    pub from: String,
    pub to: String,
    pub by: String,
    pub comment: Option<Comment>,
    /// Whether whoever does it may also where assignees may not.
    pub is_forced: bool,
}

impl Approval {
    /// Begins. `about` is a hash of what is asked.
    ///
    /// # Errors
    /// What is wrong with the plan.
    pub fn begin(plan: Plan, now: Ticks, about: &str) -> Result<(Approval, Vec<Tell>), PlanFault> {
        plan.check()?;
        let about = about_with(&plan, about);
        let mut approval = Approval {
            plan,
            stage: 0,
            tasks: Vec::new(),
            standing: Standing::Open,
            timing: Timing::default(),
            history: Vec::new(),
            comments: Vec::new(),
            excused: BTreeMap::new(),
        };
        let mut tells = Vec::new();
        approval.note(now, What::Created { about });
        approval.begin_stage(now, &mut tells);
        Ok((approval, tells))
    }

    /// Looks whether the history is what was written, and the rest what the history says.
    /// `about` is a hash of what is asked, as it is kept now.
    ///
    /// # Errors
    /// The first that is not what it was.
    pub fn check(&self, about: &str) -> Result<(), Forged> {
        evidence::verify(&self.history, &self.comments)?;
        let about = about_with(&self.plan, about);
        match self.history.first().map(|entry| &entry.what) {
            Some(What::Created { about: written }) if *written == about => {}
            _ => return Err(Forged::Asked),
        }
        self.check_answers()?;
        let ends = |it: &&What| matches!(it, What::Decided { .. } | What::Cancelled { .. });
        let end = self.history.iter().map(|entry| &entry.what).find(ends);
        match (&self.standing, end) {
            (Standing::Open, None) | (Standing::Cancelled { .. }, Some(What::Cancelled { .. })) => {
                Ok(())
            }
            (Standing::Decided { outcome, .. }, Some(What::Decided { outcome: written }))
                if outcome == written =>
            {
                Ok(())
            }
            _ => Err(Forged::Outcome),
        }
    }

    /// Each answer is in the history, and each of the history is kept.
    fn check_answers(&self) -> Result<(), Forged> {
        let written = self.history.iter().filter_map(|entry| match &entry.what {
            What::Answered { assignee, by, option, comment, .. } => {
                Some((assignee, by, option, comment))
            }
            _ => None,
        });
        let mut written: Vec<_> = written.map(Some).collect();
        for (number, task) in self.tasks.iter().enumerate() {
            let TaskState::Answered { option, by, order, comment, .. } = &task.state else {
                continue;
            };
            let kept = Some((&task.assignee, by, option, comment));
            match written.get_mut(*order).map(Option::take) {
                Some(entry) if entry == kept => {}
                _ => return Err(Forged::Task(number)),
            }
        }
        // an answer that no task has was taken out
        match written.iter().flatten().next() {
            Some((assignee, ..)) => {
                let place = self.tasks.iter().position(|task| task.assignee == **assignee);
                Err(Forged::Task(place.unwrap_or_default()))
            }
            None => Ok(()),
        }
    }

    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The number of the stage that goes on, or was the last.
    #[must_use]
    pub fn stage(&self) -> usize {
        self.stage
    }

    #[must_use]
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    #[must_use]
    pub fn is_open(&self) -> bool {
        self.standing == Standing::Open
    }

    /// Everybody who is or was asked, in the order of asking.
    #[must_use]
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }

    #[must_use]
    pub fn history(&self) -> &[Entry] {
        &self.history
    }

    #[must_use]
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }

    /// The text behind a commitment; none once it is erased.
    #[must_use]
    pub fn comment(&self, commitment: &str) -> Option<&str> {
        let found = self.comments.iter().find(|it| it.commitment == commitment)?;
        found.content.as_ref().map(|content| content.text.as_str())
    }

    /// Erases what somebody wrote. The history stays what it is.
    pub fn erase(&mut self, person: &str) {
        let theirs = self.comments.iter_mut().filter(|it| it.by == person);
        theirs.for_each(|comment| comment.content = None);
    }

    /// Who is asked and has not answered, in the stage that goes on.
    pub fn open_tasks(&self) -> impl Iterator<Item = &Task> {
        let stage = self.stage;
        self.tasks.iter().filter(move |it| it.stage == stage && it.state == TaskState::Open)
    }

    pub(super) fn current(&self) -> Option<&Stage> {
        self.plan.stages.get(self.stage).filter(|_| self.is_open())
    }

    pub(super) fn note(&mut self, now: Ticks, what: What) {
        evidence::append(&mut self.history, now, what);
    }

    fn begin_stage(&mut self, now: Ticks, tells: &mut Vec<Tell>) {
        let Some(stage) = self.current().cloned() else { return };
        self.timing = Timing::of(&stage, &self.plan.calendar, now);
        for assignee in &stage.assignees {
            if !self.is_excused(assignee) {
                self.ask(now, assignee, tells);
            }
        }
        if self.open_tasks().next().is_none() {
            // silence approves nothing
            let by = stage.assignees.iter().find_map(|it| self.excused.get(it)).cloned();
            let _ = self.cancel(now, by, None, tells);
        }
    }

    pub(super) fn is_excused(&self, person: &str) -> bool {
        self.excused.contains_key(person)
    }

    /// Whether somebody is to be asked, or told, when the stage that goes on takes long, or by a
    /// later one.
    fn is_planned(&self, person: &str) -> bool {
        let is_in = |people: &[String]| people.iter().any(|it| it == person);
        let escalates = |it: &Escalation| is_in(&it.to);
        let here = self.current().filter(|_| self.timing.escalates());
        let mut later = self.plan.stages.iter().skip(self.stage + 1);
        here.and_then(|it| it.escalation.as_ref()).is_some_and(escalates)
            || later.any(|it| is_in(&it.assignees) || it.escalation.as_ref().is_some_and(escalates))
    }

    /// Asks somebody in the stage that goes on, unless they are asked there already.
    pub(super) fn ask(&mut self, now: Ticks, person: &str, tells: &mut Vec<Tell>) {
        if self.is_asked(person) {
            return;
        }
        let (assignee, stage) = (person.to_owned(), self.stage);
        self.note(now, What::Asked { assignee: assignee.clone(), stage });
        tells.push(Tell { person: assignee.clone(), about: About::Asked });
        self.tasks.push(Task { assignee, stage, asked: now, state: TaskState::Open });
    }

    /// Whether somebody is asked in the stage that goes on, or has answered in it.
    fn is_asked(&self, person: &str) -> bool {
        let here = self.tasks.iter().filter(|it| it.stage == self.stage && it.assignee == person);
        here.into_iter().any(|it| matches!(it.state, TaskState::Open | TaskState::Answered { .. }))
    }

    /// Whether somebody has given the answer that they were asked for in the stage that goes on.
    pub(super) fn is_answered_by(&self, person: &str) -> bool {
        let mut here = self.tasks.iter().filter(|it| it.stage == self.stage);
        here.any(|it| it.assignee == person && it.is_answered())
    }

    fn check_open(&self) -> Result<(), Refusal> {
        match &self.standing {
            Standing::Open => Ok(()),
            Standing::Decided { outcome, .. } => Err(Refusal::Decided { outcome: outcome.clone() }),
            Standing::Cancelled { .. } => Err(Refusal::Cancelled),
        }
    }

    /// The place of somebody's open task.
    fn open_task_of(&self, person: &str) -> Result<usize, Refusal> {
        self.check_open()?;
        let mut theirs = self
            .tasks
            .iter()
            .enumerate()
            .rev()
            .filter(|(_, it)| it.assignee == person && it.stage == self.stage);
        if let Some((place, _)) = theirs.clone().find(|(_, it)| it.state == TaskState::Open) {
            return Ok(place);
        }
        if let Some(TaskState::Answered { option, .. }) = theirs.next().map(|(_, it)| &it.state) {
            return Err(Refusal::Answered { option: option.clone() });
        }
        let mut later = self.plan.stages.iter().skip(self.stage + 1);
        let is_later = later.any(|stage| stage.assignees.iter().any(|it| it == person));
        match is_later && !self.is_excused(person) {
            true => Err(Refusal::NotYet),
            false => Err(Refusal::NotAsked),
        }
    }

    /// Whether somebody has answered in the stage that goes on, for whomever.
    fn has_answered_here(&self, person: &str) -> bool {
        let is_theirs =
            |it: &Task| matches!(&it.state, TaskState::Answered { by, .. } if by == person);
        self.tasks.iter().any(|it| it.stage == self.stage && is_theirs(it))
    }

    pub(super) fn answer(
        &mut self,
        now: Ticks,
        answer: Answer,
        tells: &mut Vec<Tell>,
    ) -> Result<(), Refusal> {
        let place = self.open_task_of(&answer.assignee)?;
        let Answer { assignee, by, option, comment, via } = answer;
        if !self.plan.knows(&option) {
            return Err(Refusal::UnknownOption { option, options: self.plan.options.clone() });
        }
        let is_quorum = self.current().is_some_and(|it| matches!(it.rule, Rule::Quorum(_)));
        if is_quorum && self.has_answered_here(&by) {
            // who is also a deputy would be several people
            return Err(Refusal::CountedAlready);
        }
        let comment = self.keep(comment);
        let order = self.tasks.iter().filter(|it| it.is_answered()).count();
        if let Some(task) = self.tasks.get_mut(place) {
            let (option, by, comment) = (option.clone(), by.clone(), comment.clone());
            task.state = TaskState::Answered { option, by, time: now, order, comment };
        }
        self.note(now, What::Answered { assignee, by, option, comment, via });
        if let Some(outcome) = self.stage_outcome() {
            self.end_stage(now, outcome, tells);
        }
        Ok(())
    }

    fn keep(&mut self, comment: Option<Comment>) -> Option<String> {
        let comment = comment?;
        let commitment = comment.commitment.clone();
        self.comments.push(comment);
        Some(commitment)
    }

    pub(super) fn reassign(
        &mut self,
        now: Ticks,
        it: Reassignment,
        tells: &mut Vec<Tell>,
    ) -> Result<(), Refusal> {
        let place = self.open_task_of(&it.from)?;
        if !self.plan.is_reassignable && !it.is_forced {
            return Err(Refusal::NotReassignable);
        }
        if self.is_asked(&it.to) {
            return Err(Refusal::AskedAlready);
        }
        if self.is_excused(&it.to) && !it.is_forced {
            return Err(Refusal::Excused);
        }
        if self.tasks.len() >= TASKS_MAX {
            return Err(Refusal::TooManyTasks);
        }
        // whoever administers asks them after all
        self.excused.remove(&it.to);
        let comment = self.keep(it.comment);
        self.hand_over(now, (place, &it.to), (Some(it.by), comment), tells);
        Ok(())
    }

    /// Somebody else is asked instead, unless they are asked already.
    pub(super) fn hand_over(
        &mut self,
        now: Ticks,
        (place, to): (usize, &str),
        (by, comment): (Option<String>, Option<String>),
        tells: &mut Vec<Tell>,
    ) {
        let to = to.to_owned();
        let Some(task) = self.tasks.get_mut(place) else { return };
        task.state = TaskState::Reassigned { to: to.clone() };
        let from = task.assignee.clone();
        tells.push(Tell { person: from.clone(), about: About::Withdrawn });
        self.note(now, What::Reassigned { from, to: to.clone(), by, comment });
        self.ask(now, &to, tells);
    }

    pub(super) fn cancel(
        &mut self,
        now: Ticks,
        by: Option<String>,
        comment: Option<Comment>,
        tells: &mut Vec<Tell>,
    ) -> Result<(), Refusal> {
        self.check_open()?;
        let comment = self.keep(comment);
        self.note(now, What::Cancelled { by, comment });
        self.withdraw(now, About::Cancelled, tells);
        self.standing = Standing::Cancelled { time: now };
        self.timing = Timing::default();
        Ok(())
    }

    /// Somebody is not asked any more, in the stage that goes on and in those that come. Those
    /// who are left decide; where nobody is and nobody has answered, it is taken back, as
    /// silence approves nothing.
    pub(super) fn excuse(
        &mut self,
        now: Ticks,
        (person, by): (&str, String),
        tells: &mut Vec<Tell>,
    ) -> Result<(), Refusal> {
        let open = self.open_task_of(person);
        self.check_open()?;
        if open.is_err() && (self.is_excused(person) || !self.is_planned(person)) {
            return open.map(|_| ());
        }
        self.excused.insert(person.to_owned(), by.clone());
        self.note(now, What::Excused { assignee: person.to_owned(), by: by.clone() });
        let Ok(place) = open else { return Ok(()) };
        if let Some(task) = self.tasks.get_mut(place) {
            task.state = TaskState::Withdrawn;
        }
        self.note(now, What::Withdrawn { assignee: person.to_owned() });
        tells.push(Tell { person: person.to_owned(), about: About::Withdrawn });
        let stage = self.stage;
        let is_left = self.open_tasks().next().is_some()
            || self.tasks.iter().any(|it| it.stage == stage && it.is_answered());
        if !is_left {
            return self.cancel(now, Some(by), None, tells);
        }
        if let Some(outcome) = self.stage_outcome() {
            self.end_stage(now, outcome, tells);
        }
        Ok(())
    }

    /// Nobody waits for the answers that are missing.
    fn withdraw(&mut self, now: Ticks, about: About, tells: &mut Vec<Tell>) {
        let open: Vec<String> = self.open_tasks().map(|it| it.assignee.clone()).collect();
        let stage = self.stage;
        for task in self.tasks.iter_mut().filter(|it| it.stage == stage) {
            if task.state == TaskState::Open {
                task.state = TaskState::Withdrawn;
            }
        }
        for assignee in open {
            self.note(now, What::Withdrawn { assignee: assignee.clone() });
            tells.push(Tell { person: assignee, about });
        }
    }

    /// Ends the stage that goes on: the next one begins, or it is decided.
    pub(super) fn end_stage(&mut self, now: Ticks, outcome: String, tells: &mut Vec<Tell>) {
        self.withdraw(now, About::Withdrawn, tells);
        self.timing = Timing::default();
        let is_last = self.stage + 1 >= self.plan.stages.len();
        if !is_last && self.plan.approving.as_ref() == Some(&outcome) {
            self.note(now, What::StagePassed { stage: self.stage });
            self.stage += 1;
            self.begin_stage(now, tells);
            return;
        }
        self.note(now, What::Decided { outcome: outcome.clone() });
        self.standing = Standing::Decided { outcome, time: now };
    }

    /// What the answers of the stage that goes on make, once that is certain.
    pub(super) fn stage_outcome(&self) -> Option<String> {
        let stage = self.current()?;
        let here = self.tasks.iter().filter(|it| it.stage == self.stage);
        let open = here.clone().filter(|it| it.state == TaskState::Open).count();
        let mut answers: Vec<(usize, &String)> = here.filter_map(Task::answer).collect();
        answers.sort_by_key(|(order, _)| *order);
        let approving = self.plan.approving.as_ref();
        let approvals = answers.iter().filter(|(_, it)| Some(*it) == approving).count();
        let refused = answers.iter().find(|(_, it)| Some(*it) != approving);
        let refused = refused.map(|(_, option)| (*option).clone());
        let asked = open + answers.len();
        match stage.rule {
            Rule::First => answers.first().map(|(_, option)| (*option).clone()),
            Rule::All => refused.or_else(|| approving.filter(|_| open == 0).cloned()),
            Rule::Quorum(needed) => {
                let needed = usize::try_from(needed).unwrap_or(usize::MAX).min(asked);
                match approvals >= needed {
                    true => approving.cloned(),
                    false => refused.filter(|_| approvals + open < needed),
                }
            }
            Rule::EveryAnswer => (open == 0).then(|| {
                let options: Vec<&str> = answers.iter().map(|(_, it)| it.as_str()).collect();
                options.join(", ")
            }),
        }
    }
}

impl Task {
    #[must_use]
    pub fn is_answered(&self) -> bool {
        matches!(self.state, TaskState::Answered { .. })
    }

    fn answer(&self) -> Option<(usize, &String)> {
        match &self.state {
            TaskState::Answered { order, option, .. } => Some((*order, option)),
            TaskState::Open | TaskState::Reassigned { .. } | TaskState::Withdrawn => None,
        }
    }
}

/// A hash of what is asked and of how it is decided.
fn about_with(plan: &Plan, about: &str) -> String {
    let plan = serde_json::to_vec(plan).unwrap_or_default();
    evidence::hash_of(&[about.as_bytes(), &plan])
}
