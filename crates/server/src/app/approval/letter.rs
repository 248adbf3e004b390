//! What letters about approvals say.

use super::notice::{ApprovalNotice, Subject};
use super::record::ApprovalRecord;
use crate::app::App;
use flow::run::format_time;

/// Characters of a title in the subject of a letter, and of the details in its text.
const TITLE_CHARACTERS_MAX: usize = 150;
const DETAILS_CHARACTERS_MAX: usize = 4_000;

impl App {
    /// Subject and text.
    pub(super) fn approval_letter(
        &self,
        record: &ApprovalRecord,
        notice: &ApprovalNotice,
    ) -> (String, String) {
        let title = one_line(&record.title, TITLE_CHARACTERS_MAX);
        let outcome = record.outcome().unwrap_or_default();
        let (subject, first) = match notice.subject {
            Subject::Asked => {
                (format!("Approval requested: {title}"), "You are asked for an approval.")
            }
            Subject::Reminded => {
                (format!("Reminder: {title}"), "An approval still waits for your answer.")
            }
            Subject::Escalated => {
                (format!("Not answered yet: {title}"), "An approval has waited for long.")
            }
            Subject::Cancelled => {
                (format!("Cancelled: {title}"), "An approval was cancelled: no answer is needed.")
            }
            Subject::Completed => (
                format!("{}: {title}", one_line(outcome, 60)),
                "An approval that you asked for is completed.",
            ),
        };
        let mut text = format!("{first}\n\n{title}\n");
        if let Some(requestor) = record.requestor.as_ref().map(|id| record.party(id)) {
            text.push_str(&format!("Requested by: {}\n", one_line(&requestor.display_name, 200)));
        }
        text.push_str(&format!("Requested: {}\n", format_time(record.created)));
        if let Some(deadline) = record.state.deadline().filter(|_| record.state.is_open()) {
            text.push_str(&format!("To be answered by: {}\n", format_time(deadline)));
        }
        if notice.subject == Subject::Completed {
            text.push_str(&format!("Outcome: {}\n", one_line(outcome, 400)));
        }
        if let Some(details) = &record.details {
            let details: String = details.chars().take(DETAILS_CHARACTERS_MAX).collect();
            text.push_str(&format!("\n{details}\n"));
        }
        if let Some(link) = &record.item_link {
            let name = record.item_link_description.as_deref().unwrap_or("Link");
            text.push_str(&format!("\n{}: {link}\n", one_line(name, 200)));
        }
        text.push_str(&format!("\n{}\n", self.respond_link(&record.id)));
        (subject, text)
    }
}

/// A text without what would begin another line or header.
fn one_line(text: &str, characters_max: usize) -> String {
    text.chars().filter(|it| !it.is_control()).take(characters_max).collect()
}
