//! The texts of the pages, in the languages there are.

use axum::http::{HeaderMap, header};

/// What the pages say. `{}` stands for what is put in.
pub struct Texts {
    pub language: &'static str,
    pub approval: &'static str,
    pub asked: &'static str,
    pub requestor: &'static str,
    pub requested: &'static str,
    pub deadline: &'static str,
    pub details: &'static str,
    pub link: &'static str,
    pub attachments: &'static str,
    pub comments: &'static str,
    pub answer: &'static str,
    pub chosen: &'static str,
    pub once: &'static str,
    pub done: &'static str,
    pub close: &'static str,
    pub no_link: &'static str,
    pub no_use: &'static str,
    pub failed: &'static str,
    pub forged: &'static str,
    pub expired: &'static str,
    pub gone: &'static str,
    pub not_allowed: &'static str,
    pub answered: &'static str,
    pub reassigned: &'static str,
    pub cancelled: &'static str,
    pub decided: &'static str,
    pub unneeded: &'static str,
    pub no_form: &'static str,
    pub elsewhere: &'static str,
    pub unreadable: &'static str,
    pub too_many: &'static str,
}

static ENGLISH: Texts = Texts {
    language: "en",
    approval: "Approval",
    asked: "For",
    requestor: "Requested by",
    requested: "Requested",
    deadline: "To be answered by",
    details: "Details",
    link: "Link",
    attachments: "Attachments",
    comments: "Comments (optional)",
    answer: "Your answer",
    chosen: "You have chosen \u{201c}{}\u{201d}. Press the button to confirm.",
    once: "You answer once: it cannot be changed here afterwards.",
    done: "You answered \u{201c}{}\u{201d}.",
    close: "You may close this page.",
    no_link: "There is nothing here",
    no_use: "This link is of no use any more",
    failed: "This did not work",
    forged: "This link is not one that this server has sent. If it came in a letter, open it from there again, whole.",
    expired: "This link has expired.",
    gone: "What it was about is not kept any more.",
    not_allowed: "The account that it was sent to cannot be used any more.",
    answered: "It was answered already: \u{201c}{option}\u{201d}, {time}.",
    reassigned: "Somebody else was asked instead.",
    cancelled: "The approval was cancelled: no answer is needed.",
    decided: "The approval is decided already: \u{201c}{}\u{201d}.",
    unneeded: "Your answer is not needed any more: the approval has gone on without it.",
    no_form: "Nothing was answered. This page was open for too long, or something else than its form was sent. Please press a button below.",
    elsewhere: "Nothing was answered: another site sent this. Open the link from the letter instead.",
    unreadable: "Nothing was answered: what was sent is not the form of the page. Open the link from the letter again.",
    too_many: "Too many links that this server has not sent were tried from your network. Try again in {} seconds.",
};

static GERMAN: Texts = Texts {
    language: "de",
    approval: "Genehmigung",
    asked: "F\u{fc}r",
    requestor: "Angefordert von",
    requested: "Angefordert",
    deadline: "Zu beantworten bis",
    details: "Einzelheiten",
    link: "Link",
    attachments: "Anlagen",
    comments: "Kommentar (freiwillig)",
    answer: "Ihre Antwort",
    chosen: "Sie haben \u{201e}{}\u{201c} gew\u{e4}hlt. Best\u{e4}tigen Sie mit der Schaltfl\u{e4}che.",
    once: "Sie antworten einmal: Die Antwort kann hier nicht mehr ge\u{e4}ndert werden.",
    done: "Sie haben mit \u{201e}{}\u{201c} geantwortet.",
    close: "Sie k\u{f6}nnen diese Seite schlie\u{df}en.",
    no_link: "Hier ist nichts",
    no_use: "Dieser Link gilt nicht mehr",
    failed: "Das hat nicht geklappt",
    forged: "Diesen Link hat dieser Server nicht verschickt. Wenn er aus einer Nachricht stammt, \u{f6}ffnen Sie ihn von dort noch einmal, vollst\u{e4}ndig.",
    expired: "Dieser Link ist abgelaufen.",
    gone: "Worum es ging, wird nicht mehr aufbewahrt.",
    not_allowed: "Das Konto, an das er ging, kann nicht mehr verwendet werden.",
    answered: "Die Antwort wurde bereits gegeben: \u{201e}{option}\u{201c}, {time}.",
    reassigned: "Stattdessen wurde jemand anderes gefragt.",
    cancelled: "Die Genehmigung wurde abgebrochen: Eine Antwort ist nicht n\u{f6}tig.",
    decided: "Es ist bereits entschieden: \u{201e}{}\u{201c}.",
    unneeded: "Ihre Antwort wird nicht mehr ben\u{f6}tigt: Es ging ohne sie weiter.",
    no_form: "Es wurde nichts beantwortet. Diese Seite war zu lange offen, oder es wurde etwas anderes als ihr Formular gesendet. Bitte verwenden Sie eine Schaltfl\u{e4}che unten.",
    elsewhere: "Es wurde nichts beantwortet: Eine andere Seite hat dies gesendet. \u{d6}ffnen Sie stattdessen den Link aus der Nachricht.",
    unreadable: "Es wurde nichts beantwortet: Was gesendet wurde, ist nicht das Formular der Seite. \u{d6}ffnen Sie den Link aus der Nachricht noch einmal.",
    too_many: "Aus Ihrem Netz wurden zu viele Links aufgerufen, die dieser Server nicht verschickt hat. Versuchen Sie es in {} Sekunden noch einmal.",
};

/// Languages of a header that are looked at.
const LANGUAGES_MAX: usize = 20;

/// The texts in the language that a browser likes best; English when it knows none of ours.
pub fn of(headers: &HeaderMap) -> &'static Texts {
    let given = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
    let mut best: Option<(f32, &'static Texts)> = None;
    for part in given.unwrap_or_default().split(',').take(LANGUAGES_MAX) {
        let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
        let language = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        let texts = match language.as_str() {
            "en" => &ENGLISH,
            "de" => &GERMAN,
            _ => continue,
        };
        let weight = match rest.trim().strip_prefix("q=") {
            Some(weight) => weight.trim().parse().unwrap_or(0.0),
            None => 1.0_f32,
        };
        // of two that are liked as well, the first
        if weight > best.map_or(0.0, |(weight, _)| weight) {
            best = Some((weight, texts));
        }
    }
    best.map_or(&ENGLISH, |(_, texts)| texts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_is_liked_best() {
        let language = |given: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, given.parse().unwrap());
            of(&headers).language
        };
        assert_eq!(language("de"), "de");
        assert_eq!(language("de-AT,de;q=0.9,en;q=0.8"), "de");
        assert_eq!(language("fr,en;q=0.5,de;q=0.7"), "de");
        assert_eq!(language("en-GB,de"), "en");
        assert_eq!(language("fr, *"), "en");
        assert_eq!(language("de;q=0"), "en");
        assert_eq!(of(&HeaderMap::new()).language, "en");
    }
}
