//! The server as its callers see it: the real binary, over real HTTP.

#![allow(clippy::unwrap_used, reason = "a test that finds nothing fails")]
#![allow(clippy::needless_pass_by_value, reason = "definitions read best as nested literals")]

mod apim;
mod approval;
mod approval_flow;
mod approval_mail;
mod attack;
mod audit;
mod auth;
mod azure;
mod backend;
mod backup;
mod behind;
mod connection;
mod connector;
mod connector_call;
mod connector_mock;
mod connector_question;
mod connector_renewal;
mod connector_webhook;
mod console;
mod crowd;
mod data_policy;
mod directory;
mod dynamic;
mod environment;
mod firing;
mod flow;
mod health;
mod import;
mod imported;
mod input;
mod isolation;
mod item;
mod key;
mod known_secret;
mod login;
mod login_language;
mod mail;
mod managed;
mod mine;
mod notification;
mod oauth;
mod operation;
mod outside;
mod package;
mod page;
mod people;
mod polling;
mod powershell;
mod provider;
mod public;
mod real;
mod recording;
mod recycle;
mod repetition;
mod restart;
mod resume;
mod retention;
mod rights;
mod run;
mod sealing_key;
mod secret;
mod sharing;
mod signature;
mod stored;
mod suspension;
mod trace;
mod transfer;
mod trigger;
mod variable;
mod vault;
mod verify;
mod version;
mod webhook;
mod wire;
mod world;

#[path = "../support/authenticator.rs"]
mod authenticator;
#[path = "../support/mod.rs"]
mod support;
