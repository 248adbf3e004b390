//! Reading the events of a chunk.

use super::*;
use crate::run::start;
use crate::run::state::TriggerRun;
use durable::PayloadHash;
use expr::codec::{self, Corrupt, take_bytes, take_str, take_varint};

/// Why events could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("stored events are corrupt: {0}")]
    Corrupt(&'static str),
    #[error("stored events have an unknown version {0}")]
    Version(u8),
    /// The content of this payload has to be given.
    #[error("a payload is missing")]
    MissingPayload(PayloadHash),
}

impl From<Corrupt> for ReadError {
    fn from(error: Corrupt) -> Self {
        ReadError::Corrupt(error.0)
    }
}

/// Contents of payloads by hash, as far as they are at hand.
pub type Payloads = std::collections::HashMap<PayloadHash, Value>;

/// Parses a payload's content, decompressed.
pub fn read_payload(content: &[u8]) -> Result<Value, ReadError> {
    Ok(codec::take(&mut &content[..])?)
}

/// Hashes of the payloads that a chunk refers to and that are not at hand.
pub fn payload_hashes(bytes: &[u8], payloads: &Payloads) -> Result<Vec<PayloadHash>, ReadError> {
    let mut reader = EventReader::new(bytes, payloads)?;
    reader.lenient = true;
    while reader.next_event()?.is_some() {}
    reader.missing.sort_unstable();
    reader.missing.dedup();
    Ok(reader.missing)
}

/// Reads the events of one chunk, decompressed.
pub struct EventReader<'a> {
    input: &'a [u8],
    payloads: &'a Payloads,
    /// The moment of the step that wrote the chunk.
    pub now: Ticks,
    /// Missing payloads read as null instead of being an error.
    pub lenient: bool,
    /// Payloads that were missing.
    missing: Vec<PayloadHash>,
}

impl<'a> EventReader<'a> {
    pub fn new(bytes: &'a [u8], payloads: &'a Payloads) -> Result<Self, ReadError> {
        let (&version, rest) = bytes.split_first().ok_or(ReadError::Corrupt("empty chunk"))?;
        if version != VERSION {
            return Err(ReadError::Version(version));
        }
        let (now, input) =
            rest.split_first_chunk::<8>().ok_or(ReadError::Corrupt("chunk is cut short"))?;
        Ok(EventReader {
            input,
            payloads,
            now: Ticks::from_le_bytes(*now),
            lenient: false,
            missing: Vec::new(),
        })
    }

    /// Hashes of the payloads that were missing so far: only a lenient reader goes on.
    #[must_use]
    pub fn missing(&self) -> &[PayloadHash] {
        &self.missing
    }

    /// Whether nothing follows.
    pub(in crate::run) fn is_at_end(&self) -> bool {
        self.input.is_empty()
    }

    pub(in crate::run) fn byte(&mut self) -> Result<u8, ReadError> {
        Ok(take_bytes(&mut self.input, 1)?[0])
    }

    pub(in crate::run) fn number(&mut self) -> Result<u64, ReadError> {
        Ok(take_varint(&mut self.input)?)
    }

    pub(in crate::run) fn small(&mut self) -> Result<u32, ReadError> {
        u32::try_from(self.number()?).map_err(|_| ReadError::Corrupt("number is out of range"))
    }

    pub(in crate::run) fn ticks(&mut self) -> Result<Ticks, ReadError> {
        Ticks::try_from(self.number()?).map_err(|_| ReadError::Corrupt("time is out of range"))
    }

    pub(in crate::run) fn optional_ticks(&mut self) -> Result<Option<Ticks>, ReadError> {
        Ok(Some(self.ticks()?).filter(|ticks| *ticks != 0))
    }

    pub(in crate::run) fn text(&mut self) -> Result<Str, ReadError> {
        Ok(take_str(&mut self.input)?.into())
    }

    pub(in crate::run) fn status(&mut self) -> Result<Status, ReadError> {
        Status::from_number(self.byte()?).ok_or(ReadError::Corrupt("unknown status"))
    }

    pub(in crate::run) fn code(&mut self) -> Result<Str, ReadError> {
        match self.byte()? {
            0xff => self.text(),
            number => CODES
                .get(usize::from(number))
                .map(|code| Str::from(*code))
                .ok_or(ReadError::Corrupt("unknown code")),
        }
    }

    pub(in crate::run) fn value(&mut self) -> Result<Value, ReadError> {
        if self.input.first() != Some(&PAYLOAD) {
            return Ok(codec::take(&mut self.input)?);
        }
        let bytes = take_bytes(&mut self.input, 33)?;
        let hash: PayloadHash =
            bytes[1..].try_into().map_err(|_| ReadError::Corrupt("hash is cut short"))?;
        match self.payloads.get(&hash) {
            Some(value) => Ok(value.clone()),
            None if self.lenient => {
                self.missing.push(hash);
                Ok(Value::Null)
            }
            None => Err(ReadError::MissingPayload(hash)),
        }
    }

    pub(in crate::run) fn error(&mut self) -> Result<ErrorInfo, ReadError> {
        Ok(ErrorInfo { code: self.code()?, message: self.text()? })
    }

    pub(in crate::run) fn action(&mut self) -> Result<(ActionId, Path), ReadError> {
        let action = ActionId(self.small()?);
        let depth = self.small()? as usize;
        if depth > crate::limits::NESTING_MAX {
            return Err(ReadError::Corrupt("iterations are nested too deeply"));
        }
        let mut indexes = [0u32; crate::limits::NESTING_MAX];
        for place in indexes.iter_mut().take(depth) {
            *place = self.small()?;
        }
        Ok((action, Path::from_outermost(&indexes[..depth])))
    }

    /// The next event; `None` at the end.
    pub fn next_event(&mut self) -> Result<Option<Event>, ReadError> {
        if self.input.is_empty() {
            return Ok(None);
        }
        let event = match self.byte()? {
            RUN_STARTED => self.run_started()?,
            FINISHED => Event::Finished(Box::new(self.finished()?)),
            STARTED => {
                let (action, path) = self.action()?;
                Event::Started { action, path, inputs: self.value()?, detail: self.detail()? }
            }
            SKIPPED => {
                let (action, path) = self.action()?;
                Event::Skipped { action, path, reason: self.skip_reason()? }
            }
            ATTEMPT_FAILED => {
                let (action, path) = self.action()?;
                let (attempt, started) = (self.small()?, self.ticks()?);
                let (error, due) = (self.error()?, self.ticks()?);
                Event::AttemptFailed { action, path, attempt, started, error, due }
            }
            POLL_LATER => {
                let (action, path) = self.action()?;
                Event::PollLater { action, path, location: self.text()?, due: self.ticks()? }
            }
            CALLED_AGAIN => {
                let (action, path) = self.action()?;
                Event::CalledAgain { action, path }
            }
            PAGE => {
                let (action, path) = self.action()?;
                Event::Page { action, path, items: self.value()?, next: self.text()? }
            }
            CANCEL_ASKED => Event::CancelAsked,
            RELEASED => Event::Released,
            RESUMED => Event::Resumed { from: self.process()? },
            CARRIED => {
                let started = self.ticks()?;
                Event::Carried { started, finished: Box::new(self.finished()?) }
            }
            CARRIED_ALL => {
                let mut variables = Vec::new();
                for _ in 0..self.number()? {
                    variables.push(self.optional_value()?);
                }
                Event::CarriedAll { variables }
            }
            PARAMETERS => Event::Parameters(self.value()?),
            INVOKER => Event::Invoker(self.value()?),
            RUN_FINISHED => {
                let (status, code) = (self.status()?, self.code()?);
                let error = if self.byte()? == 1 { Some(self.error()?) } else { None };
                Event::RunFinished { status, code, error, outputs: self.value()? }
            }
            _ => return Err(ReadError::Corrupt("unknown event")),
        };
        Ok(Some(event))
    }

    fn detail(&mut self) -> Result<Detail, ReadError> {
        Ok(match self.byte()? {
            1 => Detail::Branch(self.small()?),
            2 => Detail::Foreach { items: self.value()? },
            3 => Detail::Until { count_max: self.small()?, deadline: self.ticks()? },
            4 => Detail::Timer { due: self.ticks()?, timeout: self.optional_ticks()? },
            5 => Detail::Call { effect: self.number()?, timeout: self.optional_ticks()? },
            _ => return Err(ReadError::Corrupt("unknown kind of beginning")),
        })
    }

    pub(in crate::run) fn skip_reason(&mut self) -> Result<SkipReason, ReadError> {
        Ok(match self.byte()? {
            1 => SkipReason::Condition { on: ActionId(self.small()?), was: self.status()? },
            2 => SkipReason::Branch,
            3 => SkipReason::Dependency {
                container: ActionId(self.small()?),
                status: self.status()?,
                code: self.code()?,
            },
            4 => SkipReason::Response,
            5 => SkipReason::Terminated,
            _ => return Err(ReadError::Corrupt("unknown reason")),
        })
    }

    fn finished(&mut self) -> Result<Finished, ReadError> {
        let (action, path) = self.action()?;
        let (status, flags, code) = (self.status()?, self.byte()?, self.code()?);
        let there = |bit: u8| flags & bit != 0;
        let inputs = if there(flag::INPUTS) { Some(self.value()?) } else { None };
        let outputs = if there(flag::OUTPUTS) {
            Outputs::Value(self.value()?)
        } else if there(flag::OUTPUTS_ARE_INPUTS) {
            Outputs::Inputs
        } else if there(flag::BODY_IS_INPUTS) {
            Outputs::BodyOfInputs
        } else {
            Outputs::None
        };
        let error = if there(flag::ERROR) { Some(self.error()?) } else { None };
        let tracked = if there(flag::TRACKED) { Some(self.value()?) } else { None };
        let ended = if there(flag::ENDED_BEFORE) { Some(self.ticks()?) } else { None };
        Ok(Finished { action, path, status, code, inputs, outputs, error, tracked, ended })
    }

    fn run_started(&mut self) -> Result<Event, ReadError> {
        let version = self.small()?;
        let is_held = self.byte()? == 1;
        let name = self.text()?;
        let mut outputs = self.value()?;
        if self.byte()? == 1 {
            let body = self.value()?;
            outputs = start::with_body(&outputs, body);
        }
        let scheduled = self.optional_ticks()?;
        let client_tracking_id = self.text()?;
        let origin = Some(self.text()?).filter(|origin| !origin.is_empty());
        let caller = self.caller()?;
        let trigger = TriggerRun {
            name,
            // of the definition: the reader fills them in
            inputs: Value::Null,
            outputs,
            start: self.now,
            scheduled,
            client_tracking_id,
            origin,
        };
        Ok(Event::RunStarted(Box::new(RunStarted { trigger, caller, version, is_held })))
    }
}
