//! `runtimeConfiguration` of a call whose answer comes in pages, or whose content in parts.
//!
//! Source: "Get more data, items, or records by using pagination", "Handle large messages in
//! workflows using chunking".

use super::loading::{Loading, Site};
use super::path::At;
use super::{ActionId, Behavior, Transfer, code};
use crate::limits::PAGED_ITEMS_MAX;

impl<'a> Loading<'a, '_> {
    /// What an action says of it; only those that call something can.
    pub fn transfer(
        &mut self,
        id: ActionId,
        behavior: &Behavior,
        runtime: Option<&At<'a>>,
    ) -> Transfer {
        let calls = matches!(behavior, Behavior::Http { .. } | Behavior::Connector { .. });
        let Some(runtime) = runtime.filter(|_| calls) else { return Transfer::default() };
        let items_min = runtime.walk(&["paginationPolicy", "minimumItemCount"]).and_then(|found| {
            let number = self.integer(&found, Site::inputs(id), 1..=i64::from(PAGED_ITEMS_MAX))?;
            u32::try_from(number).ok()
        });
        let mode = runtime.walk(&["contentTransfer", "transferMode"]);
        let is_chunked = mode.is_some_and(|mode| {
            let is_chunked = mode.text().is_some_and(|text| text.eq_ignore_ascii_case("chunked"));
            if !is_chunked {
                let message = format!("The transfer mode {} is not known.", mode.shown());
                self.problems.expected(code::INVALID_VALUE, &mode.path, message, "'Chunked'");
            }
            is_chunked
        });
        Transfer { items_min, is_chunked }
    }
}
