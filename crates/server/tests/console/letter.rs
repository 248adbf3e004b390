//! A server that sends letters, and a mail server that takes them.

use crate::journey::Console;
use crate::world::Answer;
use mail_parser::MessageParser;
use reqwest::Method;
use rig::{Authority, Mail};
use std::path::Path;
use std::time::{Duration, Instant};

pub const APPROVALS: &str = "/api/v1/environments/default/approvals";

/// Somebody who is not in the directory.
pub const OUTSIDE: &str = "bob@partner.example";

const WITHIN: Duration = Duration::from_secs(30);

pub struct Office {
    pub console: Console,
    dir: tempfile::TempDir,
    _servers: Mail,
}

impl Office {
    pub async fn open() -> Office {
        let dir = tempfile::tempdir().expect("a folder");
        let authority = Authority::create(dir.path()).expect("an authority");
        let certificate = authority.issue("mail", &["localhost"]).expect("a certificate");
        let servers = Mail::start(dir.path(), &certificate).expect("the mail servers");
        let port = servers.smtp_plain;
        let console = Console::open_with(|setup, folder| {
            setup
                .allow_loopback(folder)
                .env("SLUICEGATE_MAIL_SERVER", format!("localhost:{port}"))
                .env("SLUICEGATE_MAIL_TLS", "none")
                .env("SLUICEGATE_MAIL_FROM", "flows@example.org")
        })
        .await;
        Office { console, dir, _servers: servers }
    }

    /// Path and query of every link of the first letter, the one without a choice first.
    pub async fn links(&self) -> Vec<String> {
        let since = Instant::now();
        loop {
            if let Some(links) = links_in(self.dir.path()) {
                return links;
            }
            let log = self.console.world.server.log_tail();
            assert!(since.elapsed() < WITHIN, "no letter: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What programs do that look at letters before people do.
    pub async fn scan(&self, links: &[String]) {
        for link in links {
            for method in [Method::GET, Method::HEAD, Method::GET] {
                let request = self.console.world.api.request(method, link);
                let answer = Answer::of(request.header("user-agent", "scanner/1.0")).await;
                assert_eq!(answer.status, 200, "{answer:?}");
            }
        }
    }
}

fn links_in(dir: &Path) -> Option<Vec<String>> {
    let file = std::fs::read_dir(dir.join("mail/new")).expect("the mailbox").next()?;
    let raw = std::fs::read(file.expect("a file").path()).expect("a letter");
    let message = MessageParser::default().parse(&raw)?;
    let text = message.body_text(0)?;
    let links = text.split_whitespace().filter_map(|it| it.split_once("/approvals/respond/"));
    let links: Vec<String> =
        links.map(|(_, token)| format!("/approvals/respond/{token}")).collect();
    (!links.is_empty()).then_some(links)
}
