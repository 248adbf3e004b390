//! Documents of connectors, read once.

use crate::app::App;
use crate::app::connector::{Connector, File, builtin};
use crate::app::error::AppError;
use crate::limits::CONNECTOR_DOCUMENTS_CACHED_MAX;
use ::connector::definition::Document;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Documents by their connectors: with the moment of the change that they were read after.
#[derive(Default)]
pub struct Documents(Mutex<HashMap<String, (i64, Arc<Document>)>>);

impl App {
    /// The document of a connector.
    pub(crate) async fn document_of(
        &self,
        connector: &Connector,
    ) -> Result<Arc<Document>, AppError> {
        let key = format!("{} {}", connector.id, connector.name);
        let known = self.documents.0.lock().get(&key).cloned();
        if let Some((_, document)) = known.filter(|(changed, _)| *changed == connector.changed) {
            return Ok(document);
        }
        let text = match connector.is_custom() {
            true => self.file_of(&connector.id, File::Definition).await?,
            false => {
                let text = builtin::document(connector);
                text.ok_or_else(|| AppError::internal("a connector has no document"))?.into_bytes()
            }
        };
        let mut document = Document::read(&String::from_utf8_lossy(&text))
            .map_err(|fault| AppError::internal(format!("{} at {}", fault.message, fault.path)))?;
        document.service = connector.own_service.applied(document.service);
        let document = Arc::new(document);
        let mut documents = self.documents.0.lock();
        if documents.len() >= CONNECTOR_DOCUMENTS_CACHED_MAX {
            documents.clear();
        }
        documents.insert(key, (connector.changed, Arc::clone(&document)));
        Ok(document)
    }
}
