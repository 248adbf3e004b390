//! What the rules say of an approval, told a second time: from its plan and the events of its
//! history. What is certain is not counted here as the approval counts it, but tried: whatever
//! the rest would answer, the outcome is the same.
//!
//! Invariant: how many are asked is kept apart from who is waited for. Those who are withdrawn
//! because a stage ends were asked, so that an end that comes too early does not justify itself.
//! Invariant: what has to follow an event is owed as soon as it has happened. Nothing that is not
//! owed happens by itself, and at rest nothing is owed.

use durable::Ticks;
use governance::approval::{Entry, Escalating, Input, Plan, Rule, Stage, What};
use std::collections::{BTreeMap, VecDeque};

/// An answer that counts.
struct Counted {
    assignee: String,
    by: String,
    option: String,
}

/// How an approval came to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Decided(String),
    Cancelled,
}

pub struct Ruling<'a> {
    plan: &'a Plan,
    stage: usize,
    begun: Ticks,
    /// Who is waited for, in the order of asking.
    open: Vec<String>,
    /// How many were asked in the stage that goes on and not taken back.
    asked: usize,
    answers: Vec<Counted>,
    has_escalated: bool,
    /// Who is not asked any more, and who said so.
    excused: BTreeMap<String, String>,
    /// What follows from what has happened, and has not happened yet.
    owed: VecDeque<What>,
    end: Option<End>,
}

impl<'a> Ruling<'a> {
    pub fn new(plan: &'a Plan) -> Ruling<'a> {
        Ruling {
            plan,
            stage: 0,
            begun: 0,
            open: Vec::new(),
            asked: 0,
            answers: Vec::new(),
            has_escalated: false,
            excused: BTreeMap::new(),
            owed: VecDeque::new(),
            end: None,
        }
    }

    pub fn stage(&self) -> usize {
        self.stage
    }

    pub fn open(&self) -> &[String] {
        &self.open
    }

    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Reads what was added to a history at once, and gives how much of it followed from nothing
    /// before it.
    ///
    /// # Errors
    /// What the rules do not allow, or what they demand and is not there.
    pub fn follow(&mut self, entries: &[Entry]) -> Result<usize, String> {
        let mut causes = 0;
        for Entry { time, what, .. } in entries {
            match self.owed.pop_front() {
                Some(owed) if owed == *what => {}
                Some(owed) => return Err(format!("{what:?}, and the rules give {owed:?}")),
                None => {
                    self.happened(*time, what)?;
                    causes += 1;
                }
            }
        }
        match self.owed.front() {
            Some(owed) => Err(format!("{owed:?} did not come")),
            None => Ok(causes),
        }
    }

    /// What an input makes first; none where it is refused or nothing but the time.
    pub fn expected(&self, input: &Input) -> Option<What> {
        if self.end.is_some() {
            return None;
        }
        let is_known = |person: &String| {
            self.open.contains(person) || self.answers.iter().any(|it| it.assignee == *person)
        };
        match input.clone() {
            Input::Clock => None,
            Input::Cancel { by, comment } => {
                let comment = comment.map(|it| it.commitment);
                Some(What::Cancelled { by, comment })
            }
            Input::Answer(it) => {
                let counts = self.open.contains(&it.assignee)
                    && self.plan.options.contains(&it.option)
                    && !(self.counts_people() && self.has_spoken(&it.by));
                let comment = it.comment.map(|it| it.commitment);
                let (assignee, by, option, via) = (it.assignee, it.by, it.option, it.via);
                counts.then_some(What::Answered { assignee, by, option, comment, via })
            }
            Input::Reassign(it) => {
                let is_allowed = self.plan.is_reassignable && !self.excused.contains_key(&it.to);
                let counts = self.open.contains(&it.from)
                    && !is_known(&it.to)
                    && (is_allowed || it.is_forced);
                let comment = it.comment.map(|it| it.commitment);
                let (from, to, by) = (it.from, it.to, Some(it.by));
                counts.then_some(What::Reassigned { from, to, by, comment })
            }
            Input::Excuse { person: assignee, by } => {
                let is_new = !self.excused.contains_key(&assignee) && self.comes_to(&assignee);
                let counts = self.open.contains(&assignee) || is_new;
                counts.then_some(What::Excused { assignee, by })
            }
        }
    }

    /// # Errors
    /// What the time has brought by `now` and is not there.
    pub fn rest(&self, now: Ticks) -> Result<(), String> {
        let is_late = |due: Option<Ticks>| self.end.is_none() && due.is_some_and(|it| it <= now);
        if is_late(self.deadline()) {
            return Err("a deadline has passed, and nothing ended".to_owned());
        }
        if is_late(self.escalation()) {
            return Err("a stage takes long, and nobody else was told".to_owned());
        }
        Ok(())
    }

    fn here(&self) -> &'a Stage {
        &self.plan.stages[self.stage]
    }

    fn deadline(&self) -> Option<Ticks> {
        let deadline = self.here().deadline.as_ref();
        deadline.map(|it| self.plan.calendar.after(self.begun, it.after))
    }

    /// When others are told or asked; none once they were.
    fn escalation(&self) -> Option<Ticks> {
        let escalation = self.here().escalation.as_ref().filter(|_| !self.has_escalated);
        escalation.map(|it| self.plan.calendar.after(self.begun, it.after))
    }

    fn counts_people(&self) -> bool {
        matches!(self.here().rule, Rule::Quorum(_))
    }

    fn has_spoken(&self, person: &str) -> bool {
        self.answers.iter().any(|it| it.by == person)
    }

    /// Whether somebody is to be asked or told later on.
    fn comes_to(&self, person: &String) -> bool {
        let escalates =
            |it: &Stage| it.escalation.as_ref().is_some_and(|it| it.to.contains(person));
        let is_in = |it: &Stage| it.assignees.contains(person) || escalates(it);
        (!self.has_escalated && escalates(self.here()))
            || self.plan.stages[self.stage + 1..].iter().any(is_in)
    }

    /// Something that follows from nothing before it.
    fn happened(&mut self, time: Ticks, what: &What) -> Result<(), String> {
        if self.end.is_some() {
            return Err(format!("{what:?} after the end"));
        }
        match what {
            What::Created { .. } if self.asked == 0 => self.begin(0, time),
            What::Answered { assignee, by, option, .. } => {
                self.answered(time, (assignee, by, option))?;
            }
            What::Reassigned { from, to, by: Some(_), .. } => {
                if self.open.contains(to) || self.answers.iter().any(|it| it.assignee == *to) {
                    return Err(format!("{to} is asked once more"));
                }
                self.take_back(from)?;
                // that it was somebody who may ask who was excused, `expected` says
                self.excused.remove(to);
                self.ask(to);
            }
            What::Excused { assignee, by } => self.excuse(time, (assignee, by))?,
            What::Escalated { to } => self.escalated(time, to)?,
            What::Reminded { people } => {
                let is_right = self.here().reminder.is_some() && *people == self.open.len();
                is_right.then_some(()).ok_or("a reminder of others than who is waited for")?;
            }
            What::DeadlinePassed { outcome } => self.ran_out(time, outcome)?,
            What::Cancelled { .. } => self.cancel(),
            What::Created { .. }
            | What::Reassigned { by: None, .. }
            | What::Asked { .. }
            | What::Withdrawn { .. }
            | What::StagePassed { .. }
            | What::Decided { .. } => return Err(format!("{what:?}, and nothing asks for it")),
        }
        Ok(())
    }

    fn begin(&mut self, stage: usize, time: Ticks) {
        (self.stage, self.begun, self.asked, self.has_escalated) = (stage, time, 0, false);
        self.answers.clear();
        for assignee in &self.here().assignees {
            if !self.excused.contains_key(assignee) {
                self.ask(assignee);
            }
        }
        if self.asked == 0 {
            let by = self.here().assignees.iter().find_map(|it| self.excused.get(it)).cloned();
            self.owed.push_back(What::Cancelled { by, comment: None });
            self.cancel();
        }
    }

    /// Asks whoever is not asked.
    fn ask(&mut self, person: &str) {
        if !self.open.iter().any(|it| it == person) {
            let assignee = person.to_owned();
            self.open.push(assignee.clone());
            self.asked += 1;
            self.owed.push_back(What::Asked { assignee, stage: self.stage });
        }
    }

    fn take_back(&mut self, person: &str) -> Result<(), String> {
        let place = self.open.iter().position(|it| it == person);
        self.open.remove(place.ok_or_else(|| format!("{person} was not asked"))?);
        self.asked -= 1;
        Ok(())
    }

    fn answered(
        &mut self,
        time: Ticks,
        (assignee, by, option): (&String, &String, &String),
    ) -> Result<(), String> {
        let place = self.open.iter().position(|it| it == assignee);
        let place = place.ok_or_else(|| format!("{assignee} answered and was not asked"))?;
        if self.deadline().is_some_and(|due| due <= time) {
            return Err(format!("{assignee} answered after the deadline, and that counted"));
        }
        if self.counts_people() && self.has_spoken(by) {
            return Err(format!("{by} is several people of a quorum"));
        }
        if !self.plan.options.contains(option) {
            return Err(format!("{option} is no answer"));
        }
        self.open.remove(place);
        let (assignee, by, option) = (assignee.clone(), by.clone(), option.clone());
        self.answers.push(Counted { assignee, by, option });
        self.settle(time);
        Ok(())
    }

    /// Those who are left decide; where nobody is, nothing is approved.
    fn excuse(&mut self, time: Ticks, (person, by): (&String, &String)) -> Result<(), String> {
        self.excused.insert(person.clone(), by.clone());
        if !self.open.contains(person) {
            return Ok(());
        }
        self.take_back(person)?;
        self.owed.push_back(What::Withdrawn { assignee: person.clone() });
        if self.asked == 0 {
            self.owed.push_back(What::Cancelled { by: Some(by.clone()), comment: None });
            self.cancel();
        }
        self.settle(time);
        Ok(())
    }

    fn escalated(&mut self, time: Ticks, to: &[String]) -> Result<(), String> {
        let due = self.escalation().filter(|due| *due <= time);
        let due = due.ok_or("an escalation before its time, or once more")?;
        if self.deadline().is_some_and(|deadline| deadline <= due) {
            return Err("an escalation after the deadline".to_owned());
        }
        self.has_escalated = true;
        let Some(escalation) = &self.here().escalation else { return Ok(()) };
        let asks = escalation.how == Escalating::ReassignTo;
        let has_answered = |who: &String| self.answers.iter().any(|it| it.assignee == *who);
        let stays_away = |who: &String| self.excused.contains_key(who) || asks && has_answered(who);
        let whom: Vec<&String> = escalation.to.iter().filter(|it| !stays_away(it)).collect();
        if !to.iter().eq(whom) {
            return Err(format!("an escalation to {to:?}"));
        }
        let others: Vec<String> = self.open.iter().filter(|it| !to.contains(it)).cloned().collect();
        // where they are the ones who are waited for, there is nobody whom to ask instead of
        if let Some(first) = to.first().filter(|_| asks && !others.is_empty()) {
            for from in others {
                self.take_back(&from)?;
                let (to, by, comment) = (first.clone(), None, None);
                self.owed.push_back(What::Reassigned { from, to, by, comment });
                self.ask(first);
            }
            to.iter().for_each(|it| self.ask(it));
        }
        self.settle(time);
        Ok(())
    }

    fn ran_out(&mut self, time: Ticks, outcome: &String) -> Result<(), String> {
        let due = self.deadline().filter(|due| *due <= time);
        let due = due.ok_or("a deadline passed before its time")?;
        if self.escalation().is_some_and(|escalation| escalation < due) {
            return Err("a deadline passed before the escalation that was due".to_owned());
        }
        let given = self.here().deadline.as_ref().map(|it| &it.outcome);
        if given != Some(outcome) {
            return Err(format!("a deadline made {outcome}, and the plan says {given:?}"));
        }
        self.finish(time, outcome.clone());
        Ok(())
    }

    fn cancel(&mut self) {
        self.withdraw();
        self.end = Some(End::Cancelled);
    }

    /// They were asked all the same.
    fn withdraw(&mut self) {
        let open = self.open.drain(..);
        self.owed.extend(open.map(|assignee| What::Withdrawn { assignee }));
    }

    fn settle(&mut self, time: Ticks) {
        if let Some(outcome) = self.certain().filter(|_| self.end.is_none()) {
            self.finish(time, outcome);
        }
    }

    fn finish(&mut self, time: Ticks, outcome: String) {
        self.withdraw();
        let approves = self.plan.approving.as_ref() == Some(&outcome);
        if approves && self.stage + 1 < self.plan.stages.len() {
            self.owed.push_back(What::StagePassed { stage: self.stage });
            self.begin(self.stage + 1, time);
        } else {
            self.owed.push_back(What::Decided { outcome: outcome.clone() });
            self.end = Some(End::Decided(outcome));
        }
    }

    /// The outcome that comes whatever the rest would answer; none while it could be one or
    /// another. The rules know no case in which a mixture of answers does what none of them
    /// does alone.
    fn certain(&self) -> Option<String> {
        let missing = self.asked - self.answers.len();
        let mut outcomes = self.plan.options.iter().map(|rest| {
            let given = self.answers.iter().map(|it| it.option.as_str());
            let all: Vec<&str> = given.chain(std::iter::repeat_n(rest.as_str(), missing)).collect();
            self.of_all(&all)
        });
        let first = outcomes.next()?;
        outcomes.all(|it| it == first).then_some(first)
    }

    /// The outcome once everybody has answered.
    fn of_all(&self, answers: &[&str]) -> String {
        let approving = self.plan.approving.as_deref();
        let refusals: Vec<&str> =
            answers.iter().copied().filter(|it| Some(*it) != approving).collect();
        let refused_by = |count: usize| match refusals.get(..count) {
            Some([first, ..]) => (*first).to_owned(),
            Some([]) | None => approving.unwrap_or_default().to_owned(),
        };
        match self.here().rule {
            Rule::First => answers.first().copied().unwrap_or_default().to_owned(),
            Rule::All => refused_by(1),
            Rule::Quorum(needed) => {
                // so many can refuse, and the others are enough
                let spare = answers.len().saturating_sub(needed as usize);
                refused_by(spare + 1)
            }
            Rule::EveryAnswer => answers.join(", "),
        }
    }
}
