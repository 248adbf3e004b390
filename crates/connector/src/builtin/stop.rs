//! Why an operation ends early: with an answer, or without any.

use super::{Answered, HttpFailure};

/// Ends an operation.
#[derive(Debug)]
pub(super) enum Stop {
    /// An error that the connector answers: a status and a sentence.
    Answer(u16, String),
    Failure(HttpFailure),
}

impl From<HttpFailure> for Stop {
    fn from(failure: HttpFailure) -> Stop {
        Stop::Failure(failure)
    }
}

impl Stop {
    pub(super) fn bad(message: impl Into<String>) -> Stop {
        Stop::Answer(400, message.into())
    }

    pub(super) fn not_found(message: impl Into<String>) -> Stop {
        Stop::Answer(404, message.into())
    }
}

pub(super) type Outcome = Result<Answered, Stop>;
