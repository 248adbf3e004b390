//! The one tenant of a server.

use crate::clock;
use store::Store;

/// Setting of the store: the tenant's id.
const TENANT: &str = "tenant";

/// The tenant's id, a GUID. The first start makes it.
pub async fn open_tenant(store: &dyn Store) -> Result<String, String> {
    let new = clock::guid().map_err(|error| format!("no random numbers: {error}"))?;
    let stored = store.setting_or(TENANT, new.as_bytes()).await;
    let stored = stored.map_err(|error| format!("the tenant cannot be read: {error}"))?;
    String::from_utf8(stored).map_err(|_| "the tenant's id is damaged".to_owned())
}
