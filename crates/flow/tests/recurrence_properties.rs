//! Properties of the calendar: later each time, nothing left out, nothing twice,
//! across changes of offset.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use flow::trigger::recurrence::{Frequency, MonthlyOccurrence, Recurrence, Schedule, Start, Zone};
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;
use proptest::prelude::*;

const SECOND: i64 = 10_000_000;
const DAY: i64 = 86_400 * SECOND;
/// 2000-01-01 and 2060-01-01.
const FROM: i64 = 630_822_816_000_000_000;
const UNTIL: i64 = 649_756_512_000_000_000;

/// Zones with changes of an hour, half an hour, a day; at midnight; and none.
const ZONES: [&str; 7] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Havana",
    "Asia/Kathmandu",
    "UTC",
];

fn week_day() -> impl Strategy<Value = Weekday> {
    (0i8..7).prop_map(|day| Weekday::from_sunday_zero_offset(day).unwrap())
}

fn start() -> impl Strategy<Value = Option<Start>> {
    let moment = (FROM..UNTIL).prop_map(|ticks| ticks / (60 * SECOND) * 60 * SECOND);
    let local = (2000i16..2060, 1i8..=12, 1i8..=28, 0i8..24, 0i8..60)
        .prop_map(|(y, m, d, h, min)| DateTime::new(y, m, d, h, min, 0, 0).unwrap());
    prop_oneof![
        Just(None),
        moment.prop_map(|ticks| Some(Start::Instant(ticks))),
        local.prop_map(|local| Some(Start::Local(local))),
    ]
}

fn schedule(frequency: Frequency) -> impl Strategy<Value = Option<Schedule>> {
    let occurrence = (week_day(), prop_oneof![1i8..=4, -4i8..=-1])
        .prop_map(|(week_day, occurrence)| MonthlyOccurrence { week_day, occurrence });
    let lists = (
        prop::collection::vec(0i8..24, 0..4),
        prop::collection::vec(0i8..60, 0..4),
        prop::collection::vec(week_day(), 0..4),
        prop::collection::vec(prop_oneof![1i8..=31, -31i8..=-1], 0..4),
        prop::collection::vec(occurrence, 0..3),
    );
    let schedule = lists.prop_map(move |(hours, minutes, week_days, month_days, occurrences)| {
        let weekly = frequency == Frequency::Week;
        let monthly = frequency == Frequency::Month;
        Schedule {
            hours,
            minutes,
            week_days: if weekly { week_days } else { Vec::new() },
            month_days: if monthly { month_days } else { Vec::new() },
            monthly_occurrences: if monthly { occurrences } else { Vec::new() },
        }
    });
    prop::option::of(schedule)
        .prop_map(move |schedule| schedule.filter(|_| frequency.exact_ticks().is_none()))
}

fn recurrence() -> impl Strategy<Value = Recurrence> {
    let frequency = prop_oneof![
        Just(Frequency::Second),
        Just(Frequency::Minute),
        Just(Frequency::Hour),
        Just(Frequency::Day),
        Just(Frequency::Week),
        Just(Frequency::Month),
        Just(Frequency::Year),
    ];
    frequency.prop_flat_map(|frequency| {
        let parts = (1u32..17, start(), prop::option::of(0..ZONES.len()), schedule(frequency));
        parts.prop_map(move |(interval, start, zone, schedule)| {
            let mut recurrence = Recurrence::every(interval, frequency);
            recurrence.start = start;
            recurrence.zone = zone.map(|at| Zone {
                name: ZONES[at].into(),
                rules: TimeZone::get(ZONES[at]).unwrap(),
            });
            recurrence.schedule = schedule;
            recurrence
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Going on from any moment between two occurrences leads to the second, and
    /// none is before the flow was turned on.
    #[test]
    fn occurrences_increase_and_nothing_lies_between(
        recurrence in recurrence(),
        created in FROM..UNTIL,
        share in 0.0f64..1.0,
    ) {
        let mut last = None;
        for _ in 0..12 {
            let Some(next) = recurrence.next_after(created, last) else { break };
            prop_assert!(next >= created);
            if let Some(last) = last {
                prop_assert!(next > last);
                let between = last + ((next - last - 1) as f64 * share) as i64;
                prop_assert_eq!(recurrence.next_after(created, Some(between)), Some(next));
                prop_assert_eq!(recurrence.next_after(created, Some(next - 1)), Some(next));
            }
            last = Some(next);
        }
    }

    /// One run a day in every zone: never less than a day without the largest change
    /// of offset apart, never more than a day with it. (Samoa's left-out day counts
    /// as one.)
    #[test]
    fn daily_runs_come_once_a_day(
        zone in 0..ZONES.len(),
        hour in 0i8..24,
        minute in 0i8..60,
        created in FROM..UNTIL,
    ) {
        let mut recurrence = Recurrence::every(1, Frequency::Day);
        recurrence.zone =
            Some(Zone { name: ZONES[zone].into(), rules: TimeZone::get(ZONES[zone]).unwrap() });
        recurrence.schedule =
            Some(Schedule { hours: vec![hour], minutes: vec![minute], ..Schedule::default() });
        let mut last = recurrence.next_after(created, None).unwrap();
        for _ in 0..400 {
            let next = recurrence.next_after(created, Some(last)).unwrap();
            let apart = next - last;
            prop_assert!(apart >= DAY - 3_600 * SECOND, "{apart}");
            prop_assert!(apart <= DAY + 3_600 * SECOND, "{apart}");
            last = next;
        }
    }

    /// Exact units do not know zones.
    #[test]
    fn hours_are_exact(interval in 1u32..100, start in FROM..UNTIL, zone in 0..ZONES.len()) {
        let mut recurrence = Recurrence::every(interval, Frequency::Hour);
        recurrence.start = Some(Start::Instant(start));
        recurrence.zone =
            Some(Zone { name: ZONES[zone].into(), rules: TimeZone::get(ZONES[zone]).unwrap() });
        let first = recurrence.next_after(FROM, None).unwrap();
        prop_assert_eq!(first, start);
        let next = recurrence.next_after(FROM, Some(first)).unwrap();
        prop_assert_eq!(next - first, i64::from(interval) * 3_600 * SECOND);
    }
}
