//! Types of actions and triggers. Letter case is ignored everywhere: Microsoft's own
//! workflows write `"compose"` and `"foreach"`.

macro_rules! kinds {
    ($(#[$doc:meta])* $name:ident, $other:ident: $($kind:ident)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum $name {
            $($kind,)*
            $other,
        }

        impl $name {
            pub fn from_name(name: &str) -> Self {
                $(if name.eq_ignore_ascii_case(stringify!($kind)) {
                    return $name::$kind;
                })*
                $name::$other
            }
        }
    };
}

kinds! {
    /// Types of actions that are executed here.
    ActionKind, Unsupported:
    Compose ParseJson Select Query Join Table Expression
    InitializeVariable SetVariable IncrementVariable DecrementVariable
    AppendToStringVariable AppendToArrayVariable
    If Switch Scope Foreach Until Wait Terminate Response Http Workflow HttpWebhook
    ApiConnection ApiConnectionWebhook OpenApiConnection OpenApiConnectionWebhook
}

kinds! {
    /// Types of triggers that are served here. `Manual` is the old name of `Request`.
    TriggerKind, Unsupported:
    Request Manual Recurrence Http HttpWebhook
    ApiConnection ApiConnectionWebhook
    OpenApiConnection OpenApiConnectionWebhook OpenApiConnectionNotification
}

/// Whether `listCallbackUrl()` has a meaning in an action or trigger of the type.
pub(super) fn has_callback(type_name: &str) -> bool {
    let lower = type_name.to_ascii_lowercase();
    lower.contains("webhook") || lower.contains("notification")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_is_ignored() {
        assert_eq!(ActionKind::from_name("parsejson"), ActionKind::ParseJson);
        assert_eq!(ActionKind::from_name("HTTP"), ActionKind::Http);
        assert_eq!(ActionKind::from_name("Liquid"), ActionKind::Unsupported);
        assert_eq!(TriggerKind::from_name("manual"), TriggerKind::Manual);
    }
}
