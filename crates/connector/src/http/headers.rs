//! Which request headers an Http action may set.
//!
//! Only names are judged here; whether a value is well-formed is found when the
//! request is built. Responses of a flow have a list of their own, in `flow`.

/// Whether the Http action sends a header of this name. Those it drops belong to the
/// transport or to the service, as in the real one: a flow that copies the headers
/// of its trigger into a call must not break the call.
///
/// Source: "Actions and triggers: HTTP" of the Logic Apps documentation, headers
/// without effect. `Cookie` is dropped because cookies have an input of their own.
#[must_use]
pub fn sendable(name: &str, has_body: bool) -> bool {
    let name = name.trim().to_ascii_lowercase();
    match name.as_str() {
        "accept-version" => true,
        "content-disposition" | "content-encoding" | "content-type" => has_body,
        "allow" | "cookie" | "expires" | "last-modified" | "origin" | "set-cookie" => false,
        _ if name.starts_with("accept-") || name.starts_with("content-") => false,
        _ => !owned_by_transport(&name),
    }
}

/// Whether the client alone sets this header (name in lower case). A `Host` other
/// than the URI's would reach another site than the one the egress guard judged, and
/// lengths or connection options other than the real ones allow request smuggling.
pub(crate) fn owned_by_transport(name: &str) -> bool {
    matches!(
        name,
        "host"
            | "content-length"
            | "transfer-encoding"
            | "connection"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "upgrade"
    )
}
