//! Commands about many runs that a query finds: asked for a part at a time.

use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::client::{Client, Resource};
use super::failure::Failure;
use super::json_text::{self, Members};
use super::output::{Output, Table};
use super::run::count;

/// Which runs of a flow, and how many.
#[derive(Debug, Args)]
pub struct ManyArgs {
    /// Runs of this flow instead of one run, newest first
    #[arg(long, value_name = "NAME")]
    pub flow: Option<String>,
    /// Only those started from this time on, such as 2026-11-22T08:00:00Z
    #[arg(long, value_name = "T", requires = "flow")]
    from: Option<String>,
    /// Only those started before this time
    #[arg(long, value_name = "T", requires = "flow")]
    to: Option<String>,
    /// Only show which they are
    #[arg(long, requires = "flow")]
    pub dry_run: bool,
    /// At most N of them
    #[arg(long, value_name = "N", requires = "flow", conflicts_with = "all",
        default_value_t = 100, value_parser = count)]
    top: usize,
    /// All of them
    #[arg(long, requires = "flow")]
    all: bool,
}

/// Runs that one request is asked for.
const RUNS_PER_REQUEST: usize = 100;

/// The answer to one request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<T> {
    runs: Vec<T>,
    skip_token: Option<String>,
}

/// Asks again and again until there are no more, or enough were found.
pub struct Walk<'a> {
    args: &'a ManyArgs,
    resource: Resource,
    left: usize,
    token: Option<String>,
    is_over: bool,
    pub found: usize,
    /// The runs as they were told.
    texts: Vec<String>,
}

impl<'a> Walk<'a> {
    pub fn new(args: &'a ManyArgs, resource: Resource) -> Walk<'a> {
        let left = if args.all { usize::MAX } else { args.top };
        Walk { args, resource, left, token: None, is_over: false, found: 0, texts: Vec::new() }
    }

    /// The next part. `filter` and `body` hold what else is asked.
    pub async fn next<T: DeserializeOwned>(
        &mut self,
        client: &Client,
        (filter, body): (Members, Members),
    ) -> Result<Option<Vec<T>>, Failure> {
        if self.is_over {
            return Ok(None);
        }
        let text = client.post(&self.resource, Some(self.body(filter, body))).await?;
        let part: Part<T> = client.read(&text)?;
        let runs = json_text::member(&text, "runs").and_then(json_text::items);
        self.texts.extend(runs.into_iter().flatten().map(str::to_owned));
        self.found += part.runs.len();
        self.left = self.left.saturating_sub(part.runs.len());
        self.token = part.skip_token.filter(|next| self.token.as_ref() != Some(next));
        self.is_over = self.token.is_none() || self.left == 0;
        Ok(Some(part.runs))
    }

    /// Whether another part follows.
    pub fn goes_on(&self) -> bool {
        !self.is_over
    }

    fn body(&self, mut filter: Members, body: Members) -> String {
        for (name, value) in [("from", &self.args.from), ("to", &self.args.to)] {
            if let Some(value) = value {
                filter = filter.text(name, value);
            }
        }
        let mut body = body
            .raw("filter", &filter.build())
            .raw("limit", &self.left.min(RUNS_PER_REQUEST).to_string())
            .raw("dryRun", if self.args.dry_run { "true" } else { "false" });
        if let Some(token) = &self.token {
            body = body.text("skipToken", token);
        }
        body.build()
    }

    /// Tells what was found; `what` says in a sentence what came of it.
    pub fn tell(self, table: &Table, what: &str, out: &mut Output<'_>) -> Result<(), Failure> {
        if out.is_json() {
            return out.document(&format!("{{\"value\":[{}]}}", self.texts.join(",")));
        }
        if self.found == 0 {
            return out.note("There are no such runs.");
        }
        out.table(table)?;
        let more = if self.token.is_some() { " There may be more; see --all." } else { "" };
        out.note(format_args!("{} runs{what}{more}", self.found))
    }
}
