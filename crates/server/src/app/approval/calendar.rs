//! Calendars of environments: which days are days of work.

use crate::app::data::{self, Change, Kind, Known, Stored};
use crate::app::environment::Environment;
use crate::app::error::{AppError, ErrorKind};
use crate::app::{App, Operation};
use crate::auth::caller::Caller;
use crate::limits::CALENDARS_MAX;
use governance::calendar::Calendar;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::RecordKey;

const BY_ENVIRONMENT: u8 = 1;

/// The calendar that counts where none is named.
const DEFAULT: &str = "default";

/// A calendar of an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BusinessCalendar {
    id: String,
    environment: String,
    pub name: String,
    pub calendar: Calendar,
}

impl Stored for BusinessCalendar {
    const KIND: Kind = Kind::BusinessCalendar;

    fn id(&self) -> &str {
        &self.id
    }

    fn keys(&self) -> Vec<RecordKey> {
        vec![data::key(BY_ENVIRONMENT, &[&self.environment, &self.name.to_lowercase()])]
    }
}

fn calendar_id(environment: &str, name: &str) -> String {
    format!("{environment}/{}", name.to_lowercase())
}

impl App {
    /// The calendar by which an approval counts, as it is now.
    pub(super) async fn calendar_for(
        &self,
        environment: &Environment,
        name: Option<&str>,
    ) -> Result<Calendar, AppError> {
        let id = calendar_id(&environment.id, name.unwrap_or(DEFAULT));
        match (self.get::<BusinessCalendar>(&id).await?, name) {
            (Some(found), _) => Ok(found.value.calendar),
            (None, None) => Ok(Calendar::default()),
            (None, Some(name)) => Err(no_calendar(name)),
        }
    }

    pub async fn list_calendars(
        &self,
        caller: &Caller,
        environment: &str,
    ) -> Result<Vec<Known<BusinessCalendar>>, AppError> {
        let operation = Operation::CreateApproval;
        let within = match self.environment_for(caller, operation, environment).await {
            Err(error) if error.kind == ErrorKind::Forbidden => {
                self.environment_for(caller, Operation::ManageApprovals, environment).await?
            }
            found => found?,
        };
        self.list_all(BY_ENVIRONMENT, &[&within.id]).await
    }

    /// Makes a calendar, or another of one that is there: it counts for what begins then.
    pub async fn set_calendar(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
        calendar: Calendar,
    ) -> Result<Known<BusinessCalendar>, AppError> {
        let operation = Operation::ManageApprovals;
        let within = self.environment_for(caller, operation, environment).await?;
        crate::app::flow::check_name(name)?;
        if let Some(message) = calendar.fault() {
            return Err(AppError::invalid("InvalidCalendar", message));
        }
        let id = calendar_id(&within.id, name);
        let known = self.get::<BusinessCalendar>(&id).await?;
        let all = self.list_all::<BusinessCalendar>(BY_ENVIRONMENT, &[&within.id]).await?;
        if known.is_none() && all.len() >= CALENDARS_MAX {
            let message = format!("An environment has {CALENDARS_MAX} calendars at most.");
            return Err(AppError::new(ErrorKind::Conflict, "TooManyCalendars", message));
        }
        let (environment, name) = (within.id.clone(), name.to_owned());
        let value = BusinessCalendar { id, environment, name, calendar };
        let mut stored = known.unwrap_or_else(|| Known::new(value.clone()));
        stored.value = value;
        let detail = json!({"calendar": stored.calendar});
        let change = Change::default().put(&stored)?.audit("SetCalendar", &stored.id, &detail);
        self.apply(caller, change).await?;
        Ok(stored)
    }

    pub async fn delete_calendar(
        &self,
        caller: &Caller,
        environment: &str,
        name: &str,
    ) -> Result<(), AppError> {
        let operation = Operation::ManageApprovals;
        let within = self.environment_for(caller, operation, environment).await?;
        let known = self.get::<BusinessCalendar>(&calendar_id(&within.id, name)).await?;
        let known = known.ok_or_else(|| no_calendar(name))?;
        let change = Change::default().remove(&known);
        let change = change.audit("DeleteCalendar", &known.id, &json!({}));
        self.apply(caller, change).await.map(|_| ())
    }
}

fn no_calendar(name: &str) -> AppError {
    let message = format!("The environment has no calendar '{name}'.");
    AppError::not_found("CalendarNotFound", message)
}
