//! The RSS connector: what a feed has, and what is new in it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::argument::value;
use super::feed::{self, Item};
use super::limits::{FEED_BYTES_MAX, FEED_ITEMS_MAX};
use super::stop::{Outcome, Stop};
use super::{Answered, Arguments, Called, Context, Polled};
use crate::http::{Authentication, HttpCall, Transfer};

/// Which date of an item counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Since {
    Published,
    Updated,
}

/// What the last poll has seen: ids, each with the date that counts when it is the date of
/// an update, so that an item that was changed is new again.
#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    seen: BTreeSet<String>,
}

pub(super) async fn call(context: &Context, called: Called<'_>) -> Outcome {
    let given = Arguments(called.parameters);
    let since = given.text("since")?.map(|text| {
        time(text.trim()).ok_or_else(|| {
            Stop::bad(format!("'since' is '{text}'; expected a time like 2026-01-31T10:00:00Z."))
        })
    });
    let since = since.transpose()?;
    let which = Since::read(given)?;
    let items = fetch(context, called).await?;
    let wanted = items.iter().filter(|item| match (since, which.of(item)) {
        (None, _) => true,
        (Some(since), Some(at)) => at > since,
        (Some(_), None) => false,
    });
    Ok(Answered::json(200, wanted.map(describe).collect()))
}

/// A time, in UTC when it has no offset.
fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let local: jiff::civil::DateTime = text.parse().ok()?;
        Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

/// `OnNewFeed`
pub(super) async fn poll(
    context: &Context,
    called: Called<'_>,
    state: &Json,
) -> Result<Polled, Stop> {
    let which = Since::read(Arguments(called.parameters))?;
    let items = fetch(context, called).await?;
    let last: Option<State> = serde_json::from_value(state.clone()).ok();
    let mut new: Vec<&Item> = match &last {
        None => Vec::new(),
        Some(last) => items.iter().filter(|item| !last.seen.contains(&which.key(item))).collect(),
    };
    // Feeds have the newest first; runs begin with the oldest.
    new.reverse();
    new.sort_by_key(|item| which.of(item));
    let new: Vec<expr::Value> = new.into_iter().map(|item| value(describe(item))).collect();
    let mut seen: BTreeSet<String> = items.iter().map(|item| which.key(item)).collect();
    // An item that is away for a moment (a feed from several servers) is not new again.
    for key in last.map(|last| last.seen).unwrap_or_default() {
        if seen.len() >= 2 * FEED_ITEMS_MAX {
            break;
        }
        seen.insert(key);
    }
    Ok(Polled { items: new, state: json!({ "seen": seen }), has_more: false })
}

async fn fetch(context: &Context, called: Called<'_>) -> Result<Vec<Item>, Stop> {
    let address = Arguments(called.parameters).required("feedUrl")?;
    let accepted =
        "application/rss+xml, application/atom+xml, application/xml, text/xml, */*;q=0.5";
    let sent = context.http.send(HttpCall {
        method: "GET".to_owned(),
        uri: address,
        headers: vec![("Accept".to_owned(), accepted.to_owned())],
        body: None,
        authentication: Authentication::None,
        timeout: called.timeout,
        redirects: called.redirects.clone(),
        transfer: Transfer::Whole,
    });
    let answer = Box::pin(sent).await?;
    if answer.status != 200 {
        let status = if answer.status >= 500 { 502 } else { answer.status.max(400) };
        return Err(Stop::Answer(status, format!("The feed answers {}.", answer.status)));
    }
    if answer.body.len() > FEED_BYTES_MAX {
        return Err(Stop::Answer(413, format!("The feed has more than {FEED_BYTES_MAX} bytes.")));
    }
    // What is no feed will hardly be one at the next attempt.
    feed::read(&answer.body)
        .ok_or_else(|| Stop::bad("What the address gives is no RSS and no Atom feed."))
}

impl Since {
    fn read(given: Arguments<'_>) -> Result<Since, Stop> {
        let text = given.text("sinceProperty")?.unwrap_or_default();
        match text.trim().to_ascii_lowercase().as_str() {
            "" | "publishdate" => Ok(Since::Published),
            "updatedon" => Ok(Since::Updated),
            _ => Err(Stop::bad(format!(
                "'sinceProperty' is '{text}'; expected PublishDate or UpdatedOn."
            ))),
        }
    }

    fn of(self, item: &Item) -> Option<Timestamp> {
        match self {
            Since::Published => item.published,
            Since::Updated => item.updated,
        }
    }

    fn key(self, item: &Item) -> String {
        let key = match (self, item.updated) {
            (Since::Updated, Some(at)) => format!("{}|{at}", item.id),
            _ => item.id.clone(),
        };
        // An id may be of any length; the state holds many.
        if key.len() <= 64 {
            return key;
        }
        let head: String = key.chars().take(24).collect();
        format!("{head}|{:032x}", fingerprint(key.as_bytes()))
    }
}

/// FNV-1a, of 128 bits: ids of one feed do not fall together by chance.
fn fingerprint(bytes: &[u8]) -> u128 {
    let step = |hash: u128, byte: &u8| {
        (hash ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    };
    bytes.iter().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, step)
}

fn describe(item: &Item) -> Json {
    let date = |at: Option<Timestamp>| at.map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
    json!({
        "id": item.id,
        "title": item.title,
        "primaryLink": item.links.first(),
        "links": item.links,
        "updatedOn": date(item.updated).unwrap_or_else(|| "0001-01-01 00:00:00Z".to_owned()),
        "publishDate": date(item.published),
        "summary": item.summary,
        "copyright": item.copyright,
        "categories": item.categories,
    })
}
