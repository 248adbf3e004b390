//! An approval as an adaptive card, which flows post where people chat. Who follows its link
//! signs in and answers: the card itself decides nothing, as whoever sees it could.

use super::record::ApprovalRecord;
use crate::app::App;
use serde_json::{Value, json};

/// Characters of the details that a card shows.
const DETAILS_CHARACTERS_MAX: usize = 4_000;

impl App {
    /// The card, as text of JSON.
    pub(super) fn approval_card(&self, record: &ApprovalRecord) -> String {
        // runs of text are shown as they are; the details are Markdown
        let title = json!({"type": "RichTextBlock", "inlines": [
            {"type": "TextRun", "text": record.title, "weight": "Bolder", "size": "Medium"}]});
        let mut body = vec![title];
        if let Some(requestor) = record.requestor.as_ref().map(|id| record.party(id)) {
            let name = requestor.display_name;
            body.push(json!({"type": "RichTextBlock", "inlines": [
                {"type": "TextRun", "text": format!("Requested by {name}"), "isSubtle": true}]}));
        }
        if let Some(details) = &record.details {
            let text: String = details.chars().take(DETAILS_CHARACTERS_MAX).collect();
            body.push(json!({"type": "TextBlock", "text": text, "wrap": true}));
        }
        let open =
            |title: &str, url: &str| json!({"type": "Action.OpenUrl", "title": title, "url": url});
        let mut actions: Vec<Value> = vec![open("Respond", &self.respond_link(&record.id))];
        if let Some(link) = &record.item_link {
            let name = record.item_link_description.as_deref().filter(|it| !it.is_empty());
            actions.push(open(name.unwrap_or("Open"), link));
        }
        let card = json!({
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.2",
            "body": body,
            "actions": actions,
        });
        card.to_string()
    }
}
