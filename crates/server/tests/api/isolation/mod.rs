//! Isolation: in a random world, random calls read and change only what the page of rights
//! says. `SLUICEGATE_SEED` gives one walk again, `SLUICEGATE_ISOLATION_STEPS` makes it longer.

mod call;
mod model;
mod scene;

use crate::support::random::Random;
use crate::world::Answer;
use call::{Call, Effect, With};
use model::{Noun, Rule, Thing};
use reqwest::Method;
use scene::{PEOPLE, Scene};
use serde_json::Value;

const STEPS: usize = 1_500;

/// What was tried.
#[derive(Default)]
struct Tally {
    allowed: usize,
    refused: usize,
    changed: usize,
    unknown: usize,
    shown: usize,
    faults: Vec<String>,
}

impl Tally {
    /// Goes on after a fault, so that a walk tells all it finds.
    fn expect(&mut self, is_right: bool, told: impl FnOnce() -> String) {
        if !is_right {
            self.faults.push(told().chars().take(2_000).collect());
        }
    }
}

/// One call: who, which, about what, where.
struct Step<'a> {
    who: usize,
    call: &'a Call,
    at: usize,
    place: usize,
    other: usize,
    principal: (String, &'static str),
    /// Whose connection a call over one takes.
    via: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn random_calls_read_and_change_what_the_page_of_rights_allows_only() {
    let seed = Random::seed("SLUICEGATE_SEED");
    eprintln!("SLUICEGATE_SEED={seed}");
    let steps = std::env::var("SLUICEGATE_ISOLATION_STEPS")
        .map_or(STEPS, |text| text.parse().expect("the steps are a number"));
    let (mut scene, calls, mut tally) = (Scene::build(seed).await, call::all(), Tally::default());
    for number in 0..steps {
        let Some(step) = choose(&mut scene, &calls) else { continue };
        walk(&mut scene, step, &mut tally, &format!("seed {seed}, step {number}")).await;
    }
    nobody_sees_anything_without_a_key(&scene).await;
    let Tally { allowed, refused, changed, unknown, shown, faults } = tally;
    eprintln!(
        "{allowed} allowed, {refused} refused, {changed} changed, {unknown} unknown, {shown} shown"
    );
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
    let least = steps / 20;
    let told = [allowed, refused, unknown, shown].iter().all(|count| *count > least);
    assert!(told && changed > least / 4, "the walk has seen too little");
}

fn choose<'a>(scene: &mut Scene, calls: &'a [Call]) -> Option<Step<'a>> {
    let call = &calls[scene.below(calls.len())];
    let about = |it: &Thing| it.is_alive && it.noun == call.noun;
    let known: Vec<usize> =
        (0..scene.things.len()).filter(|at| about(&scene.things[*at])).collect();
    // what is about nothing has the first environment, which nothing is done to
    let at =
        if call.noun == Noun::Server { 0 } else { *known.get(scene.below(known.len().max(1)))? };
    let is_strange = call.names_environment() && scene.below(3) == 0;
    let place = if is_strange { scene.below(scene.places.len()) } else { scene.things[at].place };
    // who made it, somebody it is shared with, or anybody
    let shares = scene.things[at].shares.len();
    let principal = match scene.below(3) {
        0 => Some(scene.things[at].owner.clone()),
        1 if shares > 0 => {
            let share = scene.below(shares);
            Some(scene.things[at].shares[share].0.clone())
        }
        _ => None,
    };
    let with = |id: String| scene.all.iter().position(|it| it.principals.contains(&id));
    let who = principal.and_then(with);
    let who = who.unwrap_or_else(|| scene.below(scene.all.len()));
    let (other, principal) = (scene.below(scene.places.len()), scene.principal());
    // somebody who has a part already: whether it may be changed has rules of its own
    if matches!(call.effect, Effect::Share(_)) && !scene.is_new(at, &principal.0) {
        return None;
    }
    let via = if scene.below(4) == 0 { scene.below(PEOPLE) } else { who };
    Some(Step { who, call, at, place, other, principal, via })
}

async fn walk(scene: &mut Scene, step: Step<'_>, tally: &mut Tally, seed: &str) {
    let Step { who, call, at, place, other, ref principal, via } = step;
    let (thing, caller) = (scene.things[at].clone(), &scene.all[who]);
    let is_here = thing.place == place || call.noun == Noun::Environment;
    let is_own = !call.is_over() || (caller.is_person && via == who);
    let may = is_own && caller.may(call.rule, place, Some(&thing), &scene.places);
    let may_there = match call.effect {
        Effect::Double => caller.is_maker(other, &scene.places),
        Effect::Move => caller.is_maker(other, &scene.places) || caller.is_admin(other),
        Effect::Nothing | Effect::Share(_) | Effect::Delete => true,
    };
    let (reads, over) = (caller.reads(&thing, &scene.places), via.to_string());
    let with = With {
        environment: &scene.places[place].wire,
        id: &thing.id,
        run: if thing.run.is_empty() { "norun" } else { &thing.run },
        principal: &principal.0,
        kind: principal.1,
        other: &scene.places[other].wire,
        via: &over,
    };
    let (method, path, body) = call.request(&with);
    let told = format!("{seed}: {who} {method} {path}");
    let before = if call.is_read() { String::new() } else { scene.state(at).await };
    let answer = scene.send(who, (method, &path, body.as_ref())).await;
    tally.expect(answer.status < 500 && answer.status != 401, || format!("{told}: {answer:?}"));
    scan(scene, who, &answer, &told, tally);
    // to delete what is not there is done
    let is_gone = answer.status == 204 && !is_here;
    let is_refused = is_gone || matches!(answer.status, 403 | 404);
    if is_here && may && may_there && call.rule != Rule::Unsaid {
        tally.allowed += 1;
        let is_content = CONTENT.iter().any(|code| answer.text.contains(code));
        tally.expect(!is_refused || is_content, || format!("{told} is allowed: {}", answer.text));
    } else if call.rule != Rule::Unsaid {
        tally.refused += 1;
        tally.expect(is_refused, || format!("{told} is not allowed: {}", answer.text));
    }
    if is_refused && !call.is_read() {
        let after = scene.state(at).await;
        tally.expect(before == after, || {
            format!(
                "{told} was refused and changed something:
{before}
{after}"
            )
        });
    }
    // what is not here, or not theirs to see, is like what is nowhere
    let is_hidden = call.noun != Noun::Server && (!is_here || (!may && (!reads || !is_own)));
    if is_hidden {
        tally.unknown += 1;
        like_unknown(scene, &step, &answer, &told, tally).await;
    }
    if (200..300).contains(&answer.status) && is_here {
        tally.changed += usize::from(!call.is_read());
        if call.is_cancel() {
            // later on nothing changes by itself
            scene.world.api.ended(&thing.run).await;
        }
        happened(scene, &step, &answer).await;
    }
}

/// Answers with these codes say something about what is there, to who may know.
const CONTENT: [&str; 6] = [
    "ApprovalNotAssigned",
    "OperationNotFound",
    "InvalidOAuthSettings",
    "RunNotFound",
    "TriggerNotEnabled",
    "UserNotFound",
];

/// No answer holds a marker of what the caller may not read.
fn scan(scene: &Scene, who: usize, answer: &Answer, told: &str, tally: &mut Tally) {
    let caller = &scene.all[who];
    let reads = |marker: &str| {
        let mut bearers = scene.things.iter().filter(|it| it.marker == marker);
        bearers.any(|it| caller.reads(it, &scene.places))
    };
    for thing in scene.things.iter().filter(|it| answer.text.contains(&it.marker)) {
        tally.expect(reads(&thing.marker), || format!("{told} shows {thing:?}: {}", answer.text));
        tally.shown += 1;
    }
}

/// The answer about an id that is nowhere is the same.
async fn like_unknown(
    scene: &mut Scene,
    step: &Step<'_>,
    answer: &Answer,
    told: &str,
    tally: &mut Tally,
) {
    let thing = scene.things[step.at].clone();
    let id = match thing.noun {
        Noun::Connection => scene.guid().replace('-', ""),
        Noun::Connector => "shared_nowhere".to_owned(),
        Noun::Variable => "walk_nowhere".to_owned(),
        Noun::Flow | Noun::Approval | Noun::Environment | Noun::Server => scene.guid(),
    };
    // another time of the same form
    let run: String = match thing.run.split_at_checked(12) {
        Some((start, rest)) => {
            let turned = |it: char| char::from_digit(9 - it.to_digit(10).unwrap_or(0), 10);
            let start: String = start
                .chars()
                .enumerate()
                .map(|(at, it)| if at < 8 { it } else { turned(it).unwrap_or(it) })
                .collect();
            start + rest
        }
        None => "norun".to_owned(),
    };
    let is_own = step.via == step.who && scene.all[step.who].is_person;
    let over = if is_own { step.via.to_string() } else { "nowhere".to_owned() };
    let places = &scene.places;
    let environment = places[step.place].wire.clone();
    let environment = if thing.noun == Noun::Environment { id.clone() } else { environment };
    let with = With {
        environment: &environment,
        id: &id,
        run: &run,
        principal: &step.principal.0,
        kind: step.principal.1,
        other: &places[step.other].wire,
        via: &over,
    };
    let (method, path, body) = step.call.request(&with);
    let unknown = scene.send(step.who, (method, &path, body.as_ref())).await;
    let neutral = |text: &str, id: &str, run: &str, via: &str| {
        let text = text.replace(id, "ID").replace(run, "RUN");
        text.replace(&format!("'m{via}'"), "VIA").replace(&format!("'a{via}'"), "VIA")
    };
    let via = step.via.to_string();
    let theirs = if thing.run.is_empty() { "norun" } else { &thing.run };
    let (given, expected) =
        (neutral(&answer.text, &thing.id, theirs, &via), neutral(&unknown.text, &id, &run, &over));
    tally.expect((answer.status, &given) == (unknown.status, &expected), || {
        format!(
            "{told} is told from {path}, which is nowhere:
{given}
{expected}"
        )
    });
}

/// Lets the model know what an allowed call did.
async fn happened(scene: &mut Scene, step: &Step<'_>, answer: &Answer) {
    match step.call.effect {
        Effect::Nothing => {}
        Effect::Share(part) => scene.share(step.at, &step.principal.0, part),
        Effect::Move => scene.things[step.at].place = step.other,
        Effect::Delete => {
            scene.things[step.at].is_alive = false;
            if scene.things[step.at].noun == Noun::Flow {
                scene.flow().await;
            }
        }
        Effect::Double => {
            let copy: Value = answer.json();
            let mut thing = scene.things[step.at].clone();
            thing.id = copy["id"].as_str().expect("an id").to_owned();
            thing.owner.clone_from(&scene.all[step.who].id);
            (thing.place, thing.is_alive) = (step.other, false);
            thing.shares.clear();
            scene.things.push(thing);
        }
    }
}

/// What takes no key shows nothing.
async fn nobody_sees_anything_without_a_key(scene: &Scene) {
    for path in ["/metrics", "/health/ready", "/api/v1/me", "/api/v1/flows", "/openapi.json", "/"] {
        let answer = Answer::of(scene.world.api.request(Method::GET, path)).await;
        for thing in &scene.things {
            assert!(!answer.text.contains(&thing.marker), "{path} shows {thing:?}");
        }
        for place in &scene.places {
            assert!(!answer.text.contains(&place.marker), "{path} shows an environment");
        }
    }
}
