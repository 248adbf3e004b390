//! The texts of the pages, in the languages there are.
//!
//! Invariant: a text has nothing in it that is markup; what is put in is escaped before.

mod fault;

use crate::api::language::Language;
use axum::http::HeaderMap;
use std::borrow::Cow;

/// Each text by its name, in English and in German; what is put in stands in the same order in
/// both.
macro_rules! texts {
    ($($name:ident: $english:literal, $german:literal;)*) => {
        /// What the pages say. `{}` stands for what is put in.
        pub struct Texts {
            pub language: &'static str,
            /// What other layers say in English, and the same in this language.
            said: &'static [(&'static str, &'static str)],
            $(pub $name: &'static str,)*
        }

        static ENGLISH: Texts = Texts { language: "en", said: &[], $($name: $english,)* };

        static GERMAN: Texts =
            Texts { language: "de", said: fault::IN_GERMAN, $($name: $german,)* };

        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$(($english, $german),)*];
    };
}

texts! {
    back_title:
        "Back to the application",
        "Zur\u{fc}ck zur Anwendung";
    taken_back:
        "You are being taken back to the application.",
        "Sie werden zur Anwendung zur\u{fc}ckgeleitet.";
    no_way_back:
        "There is no way back.",
        "Es gibt keinen Weg zur\u{fc}ck.";
    go_on:
        "Go on",
        "Weiter";
    sign_in:
        "Sign in",
        "Anmelden";
    sign_in_with:
        "Sign in with {}",
        "Anmelden mit {}";
    name:
        "Name",
        "Name";
    password:
        "Password",
        "Kennwort";
    enter_code:
        "Enter code",
        "Code eingeben";
    code_or_recovery:
        "Code that your app shows, or one of your recovery codes",
        "Code, den Ihre App anzeigt, oder einer Ihrer Wiederherstellungscodes";
    second_factor:
        "Second factor",
        "Zweiter Faktor";
    no_app:
        "You have no app that shows codes. With one, signing in takes a code from it besides your password.",
        "Sie haben keine App, die Codes anzeigt. Mit einer verlangt die Anmeldung neben Ihrem Kennwort einen Code aus ihr.";
    your_password:
        "Your password",
        "Ihr Kennwort";
    set_up:
        "Set up",
        "Einrichten";
    new_key:
        "Enter this key in your app. It is shown only now.",
        "Geben Sie diesen Schl\u{fc}ssel in Ihrer App ein. Er wird nur jetzt angezeigt.";
    as_address:
        "The same as an address:",
        "Derselbe als Adresse:";
    code_now:
        "Code that your app shows now",
        "Code, den Ihre App jetzt anzeigt";
    confirm:
        "Confirm",
        "Best\u{e4}tigen";
    recovery:
        "Your second factor is set up. Keep these codes somewhere safe: each lets you in once without your phone. They are shown only now.",
        "Ihr zweiter Faktor ist eingerichtet. Bewahren Sie diese Codes sicher auf: Mit jedem k\u{f6}nnen Sie sich einmal ohne Ihr Telefon anmelden. Sie werden nur jetzt angezeigt.";
    has_app:
        "You have an app that shows codes. {} recovery codes were not used yet.",
        "Sie haben eine App, die Codes anzeigt. Noch nicht verwendete Wiederherstellungscodes: {}.";
    remove:
        "Remove",
        "Entfernen";
    app_removed:
        "Your app is asked for no more; your passkeys are.",
        "Ihre App wird nicht mehr verlangt, Ihre Passkeys weiterhin.";
    factor_removed:
        "You have no second factor any more.",
        "Sie haben keinen zweiten Faktor mehr.";
    device_code:
        "Code that your program or device shows",
        "Code, den Ihr Programm oder Ger\u{e4}t anzeigt";
    next:
        "Next",
        "Weiter";
    no_device:
        "No device waits with this code. Look at it again, or begin again there.",
        "Mit diesem Code wartet kein Ger\u{e4}t. Pr\u{fc}fen Sie ihn noch einmal, oder beginnen Sie dort von vorn.";
    device_signed_in:
        "You have signed in to {}. You may close this page.",
        "Sie haben sich bei {} angemeldet. Sie k\u{f6}nnen diese Seite schlie\u{df}en.";
    nothing_allowed:
        "Nothing was allowed. You may close this page.",
        "Es wurde nichts erlaubt. Sie k\u{f6}nnen diese Seite schlie\u{df}en.";
    done:
        "Done",
        "Fertig";
    permission:
        "Permission requested",
        "Berechtigung angefordert";
    application_asks:
        "{} asks to sign in as {} and to do in your name what you may do here: see, change and run your flows.",
        "{} m\u{f6}chte sich als {} anmelden und in Ihrem Namen tun, was Sie hier d\u{fc}rfen: Ihre Flows ansehen, \u{e4}ndern und ausf\u{fc}hren.";
    application:
        "Application {}",
        "Anwendung {}";
    only_if_begun:
        "Go on only if you have just begun to sign in there yourself.",
        "Fahren Sie nur fort, wenn Sie die Anmeldung dort gerade selbst begonnen haben.";
    for_organization:
        "Consent on behalf of your organization: nobody else is asked",
        "Im Namen Ihrer Organisation zustimmen: Niemand sonst wird gefragt";
    accept:
        "Accept",
        "Zustimmen";
    cancel:
        "Cancel",
        "Abbrechen";
    service_title:
        "Sign in at a service",
        "Anmeldung bei einem Dienst";
    service_asks:
        "{} asks you to sign in at the service of {}, for the connection {} on this server. Whoever may use the connection acts there in your name.",
        "{} bittet Sie, sich beim Dienst von {} anzumelden, f\u{fc}r die Verbindung {} auf diesem Server. Wer die Verbindung verwenden darf, handelt dort in Ihrem Namen.";
    only_if_asked:
        "Go on only if you have just asked for this yourself.",
        "Fahren Sie nur fort, wenn Sie dies gerade selbst angefordert haben.";
    no_service_address:
        "The address of the service cannot be followed.",
        "Der Adresse des Dienstes kann nicht gefolgt werden.";
    connected:
        "Connected",
        "Verbunden";
    connection_signed_in:
        "The connection '{}' is signed in. You may close this page.",
        "Die Verbindung '{}' ist angemeldet. Sie k\u{f6}nnen diese Seite schlie\u{df}en.";
    passkeys:
        "Passkeys",
        "Passkeys";
    needs_script:
        "Passkeys need script in this browser.",
        "Passkeys brauchen Skripte in diesem Browser.";
    passkey_unused:
        "The passkey was not used: it was cancelled, took too long, or is not one for this.",
        "Der Passkey wurde nicht verwendet: Es wurde abgebrochen, hat zu lange gedauert, oder er ist nicht hierf\u{fc}r.";
    sign_in_passkey:
        "Sign in with a passkey",
        "Mit einem Passkey anmelden";
    use_your_passkey:
        "Use your passkey",
        "Verwenden Sie Ihren Passkey";
    use_passkey:
        "Use a passkey",
        "Passkey verwenden";
    other_address:
        "Your passkeys were made for another address of this server. Go there, or ask an administrator to take them away.",
        "Ihre Passkeys wurden f\u{fc}r eine andere Adresse dieses Servers erstellt. Gehen Sie dorthin, oder bitten Sie einen Administrator, sie zu entfernen.";
    about_passkeys:
        "A passkey is a key on your phone, your computer or a security key. Signing in takes it besides your password; one that checks who you are lets you in without.",
        "Ein Passkey ist ein Schl\u{fc}ssel auf Ihrem Telefon, Ihrem Computer oder einem Sicherheitsschl\u{fc}ssel. Die Anmeldung verlangt ihn neben Ihrem Kennwort; mit einem, der pr\u{fc}ft, wer Sie sind, geht es ohne.";
    no_passkeys:
        "You have no passkeys.",
        "Sie haben keine Passkeys.";
    sign_in_to_change:
        "To change your passkeys, sign in again.",
        "Um Ihre Passkeys zu \u{e4}ndern, melden Sie sich noch einmal an.";
    sign_in_again:
        "Sign in again",
        "Noch einmal anmelden";
    needs_address:
        "Passkeys need this server to have a public address with a name, over https: ask an administrator.",
        "F\u{fc}r Passkeys braucht dieser Server eine \u{f6}ffentliche Adresse mit einem Namen, \u{fc}ber https: Fragen Sie einen Administrator.";
    passkey_name:
        "Name of a new passkey",
        "Name eines neuen Passkeys";
    add_passkey:
        "Add a passkey",
        "Passkey hinzuf\u{fc}gen";
    app_codes:
        "Codes from an app",
        "Codes aus einer App";
    added_used:
        "{} added {}, last used {}.",
        "{}, hinzugef\u{fc}gt {}, zuletzt verwendet {}.";
    added_unused:
        "{} added {}, not used yet.",
        "{}, hinzugef\u{fc}gt {}, noch nicht verwendet.";
    rename:
        "Rename",
        "Umbenennen";
    signed_out_title:
        "Signed out",
        "Abgemeldet";
    signed_out:
        "You have signed out in this browser.",
        "Sie haben sich in diesem Browser abgemeldet.";
    failed:
        "This did not work",
        "Das hat nicht geklappt";
}

/// The texts in the language that a browser likes best.
pub fn of(headers: &HeaderMap) -> &'static Texts {
    match Language::of(headers) {
        Language::English => &ENGLISH,
        Language::German => &GERMAN,
    }
}

impl Texts {
    /// What another layer says in English, in this language: as it is when nobody has
    /// translated it.
    pub fn said<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let known = self.said.iter().find_map(|(english, own)| {
            let parts: Vec<&str> =
                parts_of(english, text)?.into_iter().map(|part| self.word(part)).collect();
            Some(Cow::Owned(filled(own, &parts)))
        });
        known.unwrap_or(Cow::Borrowed(text))
    }

    /// A reason within a sentence, as it is when it is none that is known.
    fn word<'a>(&self, part: &'a str) -> &'a str {
        self.said.iter().find(|(english, _)| *english == part).map_or(part, |(_, own)| own)
    }
}

/// A text with what is put in, in the order of its places. What is put in is not looked at.
pub fn filled(text: &str, parts: &[impl AsRef<str>]) -> String {
    let mut pieces = text.split("{}");
    let mut filled = pieces.next().unwrap_or_default().to_owned();
    let mut parts = parts.iter();
    for piece in pieces {
        filled.push_str(parts.next().map_or("", AsRef::as_ref));
        filled.push_str(piece);
    }
    filled
}

/// What was put into a text; none when it is another one.
fn parts_of<'a>(text: &str, filled: &'a str) -> Option<Vec<&'a str>> {
    let Some((first, more)) = text.split_once("{}") else {
        return (text == filled).then(Vec::new);
    };
    let (more, last) = more.rsplit_once("{}").map_or((None, more), |(it, last)| (Some(it), last));
    let mut rest = filled.strip_prefix(first)?.strip_suffix(last)?;
    let mut parts = Vec::new();
    for piece in more.into_iter().flat_map(|it| it.split("{}")) {
        let (part, after) = rest.split_once(piece)?;
        parts.push(part);
        rest = after;
    }
    parts.push(rest);
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_there_in_both_languages() {
        for (english, german) in ALL.iter().chain(fault::IN_GERMAN) {
            assert!(!english.trim().is_empty() && !german.trim().is_empty(), "{english}: {german}");
            assert_eq!(english.matches("{}").count(), german.matches("{}").count(), "{german}");
        }
        for text in ALL.iter().flat_map(|(english, german)| [english, german]) {
            assert!(!text.contains(['<', '>', '&', '"']), "{text}");
        }
    }

    #[test]
    fn what_is_put_in_is_found_again_and_not_looked_at() {
        for (text, parts) in [
            ("one", vec![]),
            ("{}", vec!["one"]),
            ("<{}>", vec!["{}"]),
            ("{} and {}, not {}.", vec!["one", "", "three"]),
        ] {
            let whole = filled(text, &parts);
            assert_eq!(parts_of(text, &whole), Some(parts), "{whole}");
        }
        assert_eq!(parts_of("one", "other"), None);
        assert_eq!(parts_of("aba{}aba", "aba"), None);
        assert_eq!(parts_of("{} and {}.", "one."), None);
    }

    #[test]
    fn what_other_layers_say_is_said_in_german_as_far_as_it_is_known() {
        let said = |text| GERMAN.said(text).into_owned();
        assert_eq!(said("The user account is disabled."), "Das Benutzerkonto ist deaktiviert.");
        assert_eq!(
            said("You were not signed in there: the user is gone."),
            "Sie wurden dort nicht angemeldet: Es gibt den Benutzer nicht mehr."
        );
        assert_eq!(said("Something else."), "Something else.");
        assert_eq!(ENGLISH.said("The user account is disabled."), "The user account is disabled.");
    }
}
