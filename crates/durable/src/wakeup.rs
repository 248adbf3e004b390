//! Wakeups in memory: who is woken when, and in which order when many are due.
//!
//! Environments take turns, and within an environment its flows: one flow's million does
//! not delay another's one.

use crate::id::{ProcessId, Ticks};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Whose turn a wakeup takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Lane {
    /// A number for the environment.
    pub environment: u32,
    /// Key of the flow.
    pub flow: i64,
}

type Entry<T> = (Ticks, ProcessId, T);

/// Wakeups, each with a note of what it is for.
#[derive(Debug)]
pub struct Wakeups<T> {
    lanes: HashMap<Lane, BTreeSet<Entry<T>>>,
    /// The first wakeup of each lane that is not having its turns.
    heads: BTreeSet<(Ticks, Lane)>,
    /// Lanes with something due, in the order of their turns, by environment.
    turns: BTreeMap<u32, VecDeque<Lane>>,
    /// The environment that had its turn last.
    last: Option<u32>,
    /// Lanes that have more than is held: what is held of them is the earliest.
    cut: BTreeSet<Lane>,
    count: usize,
    count_max: usize,
    lane_max: usize,
}

/// What became of a wakeup that was to be held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// It is the first of all.
    First,
    Later,
    /// There is no room.
    Refused,
}

impl<T: Copy + Ord> Wakeups<T> {
    /// Holds so many, and so many of one lane.
    #[must_use]
    pub fn new(count_max: usize, lane_max: usize) -> Self {
        Wakeups {
            lanes: HashMap::new(),
            heads: BTreeSet::new(),
            turns: BTreeMap::new(),
            last: None,
            cut: BTreeSet::new(),
            count: 0,
            count_max,
            lane_max,
        }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Notes that a lane has more than is held.
    pub fn cut(&mut self, lane: Lane) {
        self.cut.insert(lane);
    }

    /// Everything has been looked for: what is not held is noted anew.
    pub fn forget_cuts(&mut self) {
        self.cut.clear();
    }

    /// True when a lane that was cut holds fewer than so many, and there is room for more.
    #[must_use]
    pub fn is_short(&self, low: usize) -> bool {
        let is_low = |lane: &Lane| self.lanes.get(lane).map_or(0, BTreeSet::len) < low;
        self.count <= self.count_max / 2 && self.cut.iter().any(is_low)
    }

    /// Makes room for an earlier one by letting go the latest of its lane.
    fn make_room(&mut self, lane: Lane, due: Ticks) -> bool {
        let Some(entries) = self.lanes.get_mut(&lane) else { return self.count < self.count_max };
        if self.count < self.count_max && entries.len() < self.lane_max {
            return true;
        }
        let is_earlier = entries.len() > 1 && entries.last().is_some_and(|last| due < last.0);
        if is_earlier {
            entries.pop_last();
            self.count -= 1;
            self.cut.insert(lane);
        }
        is_earlier
    }

    /// Holds a wakeup; one that is held already stays as it is.
    pub fn hold(&mut self, lane: Lane, due: Ticks, process: ProcessId, note: T) -> Held {
        if !self.make_room(lane, due) {
            self.cut.insert(lane);
            return Held::Refused;
        }
        let first_of_all = self.next();
        let entries = self.lanes.entry(lane).or_default();
        let first = entries.first().map(|entry| entry.0);
        if !entries.insert((due, process, note)) {
            return Held::Later;
        }
        self.count += 1;
        if first.is_none_or(|first| due < first) {
            // a lane that is having its turns has no head
            let is_waiting = match first {
                Some(first) => self.heads.remove(&(first, lane)),
                None => true,
            };
            if is_waiting {
                self.heads.insert((due, lane));
            }
        }
        if first_of_all.is_none_or(|first| due < first) { Held::First } else { Held::Later }
    }

    /// When the next one is due; a moment that has passed when some are due now.
    #[must_use]
    pub fn next(&self) -> Option<Ticks> {
        let turns = self.turns.values().flatten();
        let due = turns.filter_map(|lane| self.lanes.get(lane)?.first()).map(|entry| entry.0);
        due.chain(self.heads.first().map(|head| head.0)).min()
    }

    /// Takes what is due, at most so many, each lane in its turn.
    pub fn take(&mut self, now: Ticks, wakeups_max: usize) -> Vec<(ProcessId, T)> {
        while let Some(head) = self.heads.first().copied().filter(|head| head.0 <= now) {
            self.heads.remove(&head);
            self.turns.entry(head.1.environment).or_default().push_back(head.1);
        }
        let mut taken = Vec::new();
        while taken.len() < wakeups_max
            && let Some(lane) = self.next_lane()
        {
            let Some(entries) = self.lanes.get_mut(&lane) else { continue };
            if let Some((_, process, note)) = entries.pop_first() {
                self.count -= 1;
                taken.push((process, note));
            }
            match entries.first().map(|entry| entry.0) {
                Some(due) if due <= now => {
                    self.turns.entry(lane.environment).or_default().push_back(lane);
                }
                Some(due) => {
                    self.heads.insert((due, lane));
                }
                None => {
                    self.lanes.remove(&lane);
                }
            }
        }
        taken
    }

    /// The lane whose turn it is; it has to be put back.
    fn next_lane(&mut self) -> Option<Lane> {
        let after = self.last.and_then(|last| last.checked_add(1)).unwrap_or(0);
        let next = self.turns.range(after..).next().or_else(|| self.turns.iter().next());
        let environment = *next?.0;
        self.last = Some(environment);
        let lanes = self.turns.get_mut(&environment)?;
        let lane = lanes.pop_front();
        if lanes.is_empty() {
            self.turns.remove(&environment);
        }
        lane
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Partition;

    fn id(number: u32) -> ProcessId {
        ProcessId::new(1_000, Partition(0), number)
    }

    fn lane(environment: u32, flow: i64) -> Lane {
        Lane { environment, flow }
    }

    fn taken(wakeups: &mut Wakeups<u8>, now: Ticks, most: usize) -> Vec<ProcessId> {
        wakeups.take(now, most).into_iter().map(|(process, _)| process).collect()
    }

    #[test]
    fn what_is_due_comes_earliest_first_and_once() {
        let mut wakeups = Wakeups::new(10, 10);
        assert_eq!(wakeups.hold(lane(0, 1), 30, id(3), 0), Held::First);
        assert_eq!(wakeups.hold(lane(0, 1), 10, id(1), 0), Held::First);
        assert_eq!(wakeups.hold(lane(0, 1), 10, id(1), 0), Held::Later);
        assert_eq!(wakeups.hold(lane(0, 1), 20, id(2), 0), Held::Later);
        assert_eq!((wakeups.len(), wakeups.next()), (3, Some(10)));
        assert_eq!(taken(&mut wakeups, 5, 9), []);
        assert_eq!(taken(&mut wakeups, 20, 9), [id(1), id(2)]);
        assert_eq!(wakeups.next(), Some(30));
        assert_eq!(taken(&mut wakeups, 99, 9), [id(3)]);
        assert!(wakeups.is_empty() && wakeups.next().is_none());
    }

    #[test]
    fn flows_and_environments_take_turns() {
        let mut wakeups = Wakeups::new(2_000, 2_000);
        for number in 0..1_000 {
            wakeups.hold(lane(0, 1), i64::from(number), id(number), 0);
        }
        wakeups.take(500, 10);
        // those of others come later, and are due later
        for (environment, flow, number) in [(0, 2, 5_000), (0, 2, 5_001), (1, 3, 6_000)] {
            wakeups.hold(lane(environment, flow), 400, id(number), 0);
        }
        let first = taken(&mut wakeups, 500, 4);
        for number in [5_000, 6_000] {
            assert!(first.contains(&id(number)), "{first:?}");
        }
        let next = taken(&mut wakeups, 500, 3);
        assert!(next.contains(&id(5_001)), "{next:?}");
    }

    #[test]
    fn one_lane_does_not_take_all_the_room() {
        let mut wakeups = Wakeups::new(5, 3);
        for number in 0..3 {
            assert_ne!(wakeups.hold(lane(0, 1), 1, id(number), 0), Held::Refused);
        }
        assert_eq!(wakeups.hold(lane(0, 1), 1, id(3), 0), Held::Refused);
        assert_ne!(wakeups.hold(lane(0, 2), 1, id(4), 0), Held::Refused);
        assert_ne!(wakeups.hold(lane(0, 3), 1, id(5), 0), Held::Refused);
        assert_eq!(wakeups.hold(lane(0, 4), 1, id(6), 0), Held::Refused);
        assert_eq!(wakeups.take(1, 9).len(), 5);
    }

    #[test]
    fn a_full_lane_keeps_the_earliest_and_says_when_it_is_short() {
        let mut wakeups = Wakeups::new(100, 3);
        for number in [5, 6, 7] {
            wakeups.hold(lane(0, 1), i64::from(number), id(number), 0);
        }
        assert!(!wakeups.is_short(3));
        assert_eq!(wakeups.hold(lane(0, 1), 2, id(2), 0), Held::First);
        assert_eq!(wakeups.hold(lane(0, 1), 9, id(9), 0), Held::Refused);
        assert!(!wakeups.is_short(3), "it is full");
        assert_eq!(taken(&mut wakeups, 5, 9), [id(2), id(5)]);
        assert!(wakeups.is_short(3));
        wakeups.forget_cuts();
        assert!(!wakeups.is_short(3));
        assert_eq!(taken(&mut wakeups, 99, 9), [id(6)]);
    }

    #[test]
    fn a_lane_in_its_turns_takes_what_is_due_earlier() {
        let mut wakeups = Wakeups::new(10, 10);
        for (due, number) in [(10, 1), (20, 2), (90, 9)] {
            wakeups.hold(lane(0, 1), due, id(number), 0);
        }
        assert_eq!(taken(&mut wakeups, 50, 1), [id(1)]);
        assert_eq!(wakeups.hold(lane(0, 1), 15, id(3), 0), Held::First);
        assert_eq!(taken(&mut wakeups, 50, 9), [id(3), id(2)]);
        assert_eq!(wakeups.next(), Some(90));
    }
}
