//! What the rules say of an approval that the simulation asked for, told a second time: from
//! its history alone, and from the plan that is written here and not from the one that is kept.

use durable::Ticks;
use governance::approval::{APPROVE, Entry, REJECT, What};
use std::collections::BTreeSet;

const MINUTE: Ticks = 600_000_000;

/// Minutes of each stage, after which it is rejected.
pub const DEADLINE_MINUTES: u32 = 4;

/// Who must approve in the second stage.
pub const QUORUM: usize = 2;

/// The stage that goes on.
#[derive(Default)]
struct Stage {
    number: usize,
    begun: Ticks,
    open: Vec<String>,
    /// How many were asked and not taken back.
    asked: usize,
    /// Who spoke, and what.
    answers: Vec<(String, String)>,
    is_over_time: bool,
}

impl Stage {
    fn due(&self) -> Ticks {
        self.begun + Ticks::from(DEADLINE_MINUTES) * MINUTE
    }

    /// What the answers make; none while that is not certain.
    fn verdict(&self) -> Option<&'static str> {
        let approvals = self.answers.iter().filter(|(_, option)| option == APPROVE).count();
        let missing = self.asked.saturating_sub(self.answers.len());
        if self.is_over_time {
            return Some(REJECT);
        }
        match self.number {
            0 if approvals < self.answers.len() => Some(REJECT),
            0 => (missing == 0).then_some(APPROVE),
            _ => {
                let needed = QUORUM.min(self.asked);
                let is_lost = approvals + missing < needed;
                (approvals >= needed).then_some(APPROVE).or(is_lost.then_some(REJECT))
            }
        }
    }
}

/// Reads a history. `apart` is how far the clocks of nodes are from each other.
///
/// # Errors
/// What the rules do not allow.
pub fn judge(history: &[Entry], apart: Ticks) -> Result<(), String> {
    let (mut stage, mut excused) = (Stage::default(), BTreeSet::new());
    for entry in history {
        match &entry.what {
            What::Created { .. } => stage.begun = entry.time,
            What::Asked { assignee, stage: number } => {
                if *number != stage.number || stage.open.contains(assignee) {
                    return Err(format!("{assignee} is asked in stage {number} once more"));
                }
                if excused.contains(assignee) {
                    return Err(format!("{assignee} is asked and was excused"));
                }
                stage.open.push(assignee.clone());
                stage.asked += 1;
            }
            What::Answered { assignee, by, option, .. } => {
                answered(&mut stage, (assignee, by, option), entry.time - apart)?;
            }
            What::Reassigned { from, to, .. } => {
                if excused.contains(to) {
                    return Err(format!("{to} is asked instead of {from} and was excused"));
                }
                taken_back(&mut stage, from)?;
            }
            What::Excused { assignee, .. } => {
                excused.insert(assignee.clone());
                if stage.open.contains(assignee) {
                    taken_back(&mut stage, assignee)?;
                }
            }
            // who was excused is not asked any more already
            What::Withdrawn { assignee } => stage.open.retain(|it| it != assignee),
            What::DeadlinePassed { .. } if entry.time + apart < stage.due() => {
                return Err("a deadline passed before its time".to_owned());
            }
            What::DeadlinePassed { .. } => stage.is_over_time = true,
            What::StagePassed { .. } if stage.verdict() != Some(APPROVE) => {
                return Err("a stage was passed that does not approve".to_owned());
            }
            What::StagePassed { stage: number } => {
                stage = Stage { number: number + 1, begun: entry.time, ..Stage::default() };
            }
            What::Decided { outcome } => {
                let expected = stage.verdict();
                return match expected == Some(outcome.as_str()) {
                    true => Ok(()),
                    false => {
                        Err(format!("the outcome is {outcome}, and {expected:?} by the rules"))
                    }
                };
            }
            What::Cancelled { .. } => return Ok(()),
            What::Reminded { .. } | What::Escalated { .. } => {}
        }
    }
    Ok(())
}

fn answered(
    stage: &mut Stage,
    (assignee, by, option): (&String, &String, &String),
    time: Ticks,
) -> Result<(), String> {
    if !stage.open.contains(assignee) {
        return Err(format!("{assignee} answered and was not asked"));
    }
    if time > stage.due() {
        return Err(format!("{assignee} answered after the deadline, and that counted"));
    }
    if stage.number == 1 && stage.answers.iter().any(|(it, _)| it == by) {
        return Err(format!("{by} is several people of a quorum"));
    }
    stage.open.retain(|it| it != assignee);
    stage.answers.push((by.clone(), option.clone()));
    Ok(())
}

fn taken_back(stage: &mut Stage, person: &String) -> Result<(), String> {
    if !stage.open.contains(person) {
        return Err(format!("{person} is not asked any more and was not asked"));
    }
    stage.open.retain(|it| it != person);
    stage.asked -= 1;
    Ok(())
}
