//! Details of the users of flows, for administrators in person.

use super::{Answered, Asked, done, ok};
use axum::http::Method;
use flow::run::format_time;
use serde_json::{Value, json};

pub async fn details(asked: &Asked) -> Answered {
    let id = asked.last_segment(0);
    if asked.method() == Method::DELETE {
        asked.app.remove_user_details(&asked.caller, id).await?;
        return done();
    }
    asked.expect(&Method::GET)?;
    let user = asked.app.get_user_details(&asked.caller, id).await?;
    // what is not recorded is null
    let consented = user.consented.map(format_time);
    ok(json!({
        "tenantId": &*asked.app.tenant,
        "puid": Value::Null,
        "objectId": user.id,
        // there are no plans that somebody could be kept from
        "isDisallowedForInternalPlans": false,
        "consentTime": consented,
        "serviceSettingsSelectionTime": Value::Null,
        "consentBusinessAppPlatformTime": Value::Null,
    }))
}
