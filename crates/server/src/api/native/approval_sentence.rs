//! What happened to an approval, in sentences for people, in the language they read.

use crate::api::language::Language;
use crate::app::approval::ApprovalRecord;
use governance::approval::{Via, What};

/// What happened. Whoever was erased is somebody.
pub fn sentence(record: &ApprovalRecord, what: &What, language: Language) -> String {
    let name = |id: &String| record.party(id).display_name;
    match language {
        Language::English => english(record, what, |id| named(name(id), "Somebody")),
        Language::German => german(record, what, |id| named(name(id), "Jemand")),
    }
}

fn named(name: String, somebody: &str) -> String {
    if name.is_empty() { somebody.to_owned() } else { name }
}

fn names(people: &[String], name: impl Fn(&String) -> String) -> String {
    people.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn english(record: &ApprovalRecord, what: &What, name: impl Fn(&String) -> String) -> String {
    match what {
        What::Created { .. } => match &record.creator {
            Some(creator) => format!("{} asked for the approval.", name(creator)),
            None => "The approval was asked for.".to_owned(),
        },
        What::Asked { assignee, .. } => format!("{} was asked.", name(assignee)),
        What::Answered { assignee, by, option, via, .. } => {
            let whom = match assignee == by {
                true => String::new(),
                false => format!(" for {}", name(assignee)),
            };
            let via = if *via == Via::Mail { " by mail" } else { "" };
            format!("{} answered '{option}'{whom}{via}.", name(by))
        }
        What::Reassigned { from, to, by: Some(by), .. } => {
            format!("{} had {} asked instead of {}.", name(by), name(to), name(from))
        }
        What::Reassigned { from, to, by: None, .. } => {
            format!("{} was asked instead of {}, as nobody had answered.", name(to), name(from))
        }
        What::Withdrawn { assignee } => {
            format!("The answer of {} was not needed any more.", name(assignee))
        }
        What::Excused { assignee, by } => {
            format!("{} excused {} from the approval.", name(by), name(assignee))
        }
        What::Reminded { people } => format!("{people} were reminded."),
        What::Escalated { to } if to.is_empty() => {
            "It took long, and there was nobody else to ask.".to_owned()
        }
        What::Escalated { to } => format!("It took long: {} came in.", names(to, name)),
        What::DeadlinePassed { outcome } => {
            format!("The deadline passed, which means '{outcome}'.")
        }
        What::StagePassed { stage } => format!("Stage {} was passed.", stage + 1),
        What::Decided { outcome } => format!("The outcome is '{outcome}'."),
        What::Cancelled { by: Some(by), .. } => format!("{} cancelled it.", name(by)),
        What::Cancelled { by: None, .. } => "It was cancelled.".to_owned(),
    }
}

fn german(record: &ApprovalRecord, what: &What, name: impl Fn(&String) -> String) -> String {
    match what {
        What::Created { .. } => match &record.creator {
            Some(creator) => format!("{} hat um die Genehmigung gebeten.", name(creator)),
            None => "Um die Genehmigung wurde gebeten.".to_owned(),
        },
        What::Asked { assignee, .. } => format!("{} wurde gefragt.", name(assignee)),
        What::Answered { assignee, by, option, via, .. } => {
            let whom = match assignee == by {
                true => String::new(),
                false => format!(" in Vertretung von {}", name(assignee)),
            };
            let via = if *via == Via::Mail { " per E-Mail" } else { "" };
            format!("{} hat{whom}{via} mit \u{201e}{option}\u{201c} geantwortet.", name(by))
        }
        What::Reassigned { from, to, by: Some(by), .. } => {
            format!("{}: {} soll anstelle von {} antworten.", name(by), name(to), name(from))
        }
        What::Reassigned { from, to, by: None, .. } => format!(
            "{} wurde anstelle von {} gefragt, weil niemand geantwortet hatte.",
            name(to),
            name(from)
        ),
        What::Withdrawn { assignee } => {
            format!("Die Antwort von {} wurde nicht mehr ben\u{f6}tigt.", name(assignee))
        }
        What::Excused { assignee, by } => {
            format!("{}: {} soll nicht mehr gefragt werden.", name(by), name(assignee))
        }
        What::Reminded { people } => format!("Erinnerungen: {people}."),
        What::Escalated { to } if to.is_empty() => {
            "Es dauerte lange, und es gab niemanden sonst, den man fragen konnte.".to_owned()
        }
        What::Escalated { to } => format!("Es dauerte lange, daher auch: {}.", names(to, name)),
        What::DeadlinePassed { outcome } => {
            format!("Die Frist ist abgelaufen, das hei\u{df}t: \u{201e}{outcome}\u{201c}.")
        }
        What::StagePassed { stage } => format!("Stufe {} ist abgeschlossen.", stage + 1),
        What::Decided { outcome } => format!("Das Ergebnis ist \u{201e}{outcome}\u{201c}."),
        What::Cancelled { by: Some(by), .. } => format!("{} hat es abgebrochen.", name(by)),
        What::Cancelled { by: None, .. } => "Es wurde abgebrochen.".to_owned(),
    }
}
