//! What happened to an approval, as a chain: the hash of each entry holds those of all before
//! it. People are named by their ids and comments by a salted hash, so that both can be
//! erased while the chain stays what it was.

use durable::Ticks;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub time: Ticks,
    pub what: What,
    /// Of this entry and of all before it, in hexadecimal.
    pub hash: String,
}

/// What can happen. Names are stored and never get a new meaning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "event")]
pub enum What {
    /// What was asked, as a hash of it and of its plan.
    Created {
        about: String,
    },
    Asked {
        assignee: String,
        stage: usize,
    },
    Answered {
        assignee: String,
        /// Who answered: the assignee or a deputy.
        by: String,
        option: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
        via: Via,
    },
    Reassigned {
        from: String,
        to: String,
        /// None: an escalation.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
    /// Nobody waits for this one's answer any more.
    Withdrawn {
        assignee: String,
    },
    /// Somebody is not to be asked any more, in no stage.
    Excused {
        assignee: String,
        by: String,
    },
    Reminded {
        people: usize,
    },
    Escalated {
        to: Vec<String>,
    },
    DeadlinePassed {
        outcome: String,
    },
    /// A stage approved, and the next begins.
    StagePassed {
        stage: usize,
    },
    Decided {
        outcome: String,
    },
    Cancelled {
        /// None: what asked for it has ended.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        comment: Option<String>,
    },
}

/// Which way an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Via {
    Api,
    Console,
    Mail,
}

/// A comment, apart from the chain, which knows its commitment only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Comment {
    pub commitment: String,
    pub by: String,
    /// Gone once it was erased, with what the text could be guessed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub salt: String,
    pub text: String,
}

impl Comment {
    /// `salt` is random.
    #[must_use]
    pub fn new(by: &str, text: &str, salt: [u8; 16]) -> Comment {
        let content = Content { salt: hex(&salt), text: text.to_owned() };
        Comment { commitment: content.commitment(), by: by.to_owned(), content: Some(content) }
    }
}

impl Content {
    fn commitment(&self) -> String {
        hash_of(&[self.salt.as_bytes(), self.text.as_bytes()])
    }
}

/// The hash of some parts, none of which can be taken for the end of another.
#[must_use]
pub fn hash_of(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn link(before: &str, time: Ticks, what: &What) -> String {
    // members are written in the order of their declaration: the same bytes every time
    let what = serde_json::to_vec(what).unwrap_or_default();
    hash_of(&[before.as_bytes(), &time.to_be_bytes(), &what])
}

/// Goes on with a chain.
pub(super) fn append(history: &mut Vec<Entry>, time: Ticks, what: What) {
    let before = history.last();
    // clocks of nodes are apart; what happened later is never written earlier
    let time = before.map_or(time, |entry| entry.time.max(time));
    let hash = link(before.map_or("", |entry| &entry.hash), time, &what);
    history.push(Entry { time, what, hash });
}

/// # Errors
/// The number of the first entry, from 0, that does not fit what is before it, or of the
/// first comment that is not what was written.
pub fn verify(history: &[Entry], comments: &[Comment]) -> Result<(), Forged> {
    let mut before = "";
    for (number, entry) in history.iter().enumerate() {
        if entry.hash != link(before, entry.time, &entry.what) {
            return Err(Forged::Entry(number));
        }
        before = &entry.hash;
    }
    let is_known = |comment: &Comment| {
        let named = history.iter().any(|it| it.what.comment() == Some(&comment.commitment));
        let text = comment.content.as_ref();
        named && text.is_none_or(|content| content.commitment() == comment.commitment)
    };
    match comments.iter().position(|it| !is_known(it)) {
        Some(number) => Err(Forged::Comment(number)),
        None => Ok(()),
    }
}

/// What is not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forged {
    Entry(usize),
    Comment(usize),
    /// What was asked, or how it is decided.
    Asked,
    /// The answer to a task.
    Task(usize),
    Outcome,
}

impl What {
    /// The commitment of the comment that came with it.
    #[must_use]
    pub fn comment(&self) -> Option<&String> {
        match self {
            What::Answered { comment, .. }
            | What::Reassigned { comment, .. }
            | What::Cancelled { comment, .. } => comment.as_ref(),
            What::Created { .. }
            | What::Asked { .. }
            | What::Withdrawn { .. }
            | What::Excused { .. }
            | What::Reminded { .. }
            | What::Escalated { .. }
            | What::DeadlinePassed { .. }
            | What::StagePassed { .. }
            | What::Decided { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_shows_what_was_changed_and_lets_comments_be_erased() {
        let comment = Comment::new("ada", "not before March", [7; 16]);
        let mut history = Vec::new();
        append(&mut history, 10, What::Created { about: "x".to_owned() });
        let given = Some(comment.commitment.clone());
        let (assignee, by) = ("ada".to_owned(), "ada".to_owned());
        let option = "Reject".to_owned();
        let answered = What::Answered { assignee, by, option, comment: given, via: Via::Api };
        append(&mut history, 9, answered);
        assert_eq!(history[1].time, 10, "time does not go back");
        let mut comments = vec![comment];
        assert_eq!(verify(&history, &comments), Ok(()));

        let mut forged = comments.clone();
        forged[0].content.as_mut().expect("a text").text = "as soon as you like".to_owned();
        assert_eq!(verify(&history, &forged), Err(Forged::Comment(0)));
        let mut forged = history.clone();
        forged[0].time = 1;
        assert_eq!(verify(&forged, &comments), Err(Forged::Entry(0)));
        let removed = &history[1..];
        assert_eq!(verify(removed, &comments), Err(Forged::Entry(0)));

        comments[0].content = None;
        assert_eq!(verify(&history, &comments), Ok(()), "erased");
    }
}
