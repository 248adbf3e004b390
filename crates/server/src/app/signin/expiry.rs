//! Records that are of no use after a while: the next of their kind takes some away.

use crate::app::App;
use crate::app::data::{self, Change, Stored};
use crate::app::error::AppError;
use crate::auth::caller::Caller;
use crate::limits::EXPIRED_ROWS_PER_SWEEP;
use store::RecordKey;

/// Such records are found by when they end.
pub(crate) trait Expiring: Stored {
    const BY_EXPIRY: u8;

    /// Ticks.
    fn expires(&self) -> i64;

    fn expiry_key(&self) -> RecordKey {
        data::key(Self::BY_EXPIRY, &[&ordered(self.expires())])
    }
}

/// Ticks as text whose order is that of the numbers.
pub(super) fn ordered(ticks: i64) -> String {
    format!("{:020}", ticks.max(0))
}

impl App {
    /// Takes away a few that ended first. That somebody else does so too is no fault.
    pub(crate) async fn sweep<T: Expiring>(&self) -> Result<(), AppError> {
        let now = self.engine.clock.now();
        let listed = self.list::<T>(T::BY_EXPIRY, &[], None, EXPIRED_ROWS_PER_SWEEP).await?;
        let ended = listed.rows.iter().filter(|it| it.expires() <= now);
        for record in ended {
            let change = Change::default().remove(record);
            if self.apply(&Caller::root("server"), change).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}
