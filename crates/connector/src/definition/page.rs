//! What a connector's documentation page shows besides its operations: whom to ask, where it
//! is from, and where it is available.

use serde_json::Value;

/// Of `info.contact`, `x-ms-connector-metadata`, and `x-availability`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub contact: Contact,
    pub website: Option<String>,
    pub privacy_policy: Option<String>,
    pub categories: Vec<String>,
    pub availability: Vec<Availability>,
}

/// Whom to ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    pub name: Option<String>,
    pub url: Option<String>,
    pub email: Option<String>,
}

/// In which product a connector is, of which class, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Availability {
    pub service: String,
    /// `Standard` or `Premium`.
    pub class: String,
    pub regions: String,
    /// Regions where it is not.
    pub except: Vec<String>,
}

impl Page {
    /// What a document says; what is not as it should be is left out.
    pub(super) fn read(root: &Value) -> Page {
        let contact = root.pointer("/info/contact").unwrap_or(&Value::Null);
        let metadata = |name: &str| {
            let entries = root.get("x-ms-connector-metadata")?.as_array()?.iter();
            let mut entries = entries.filter(|entry| {
                text(entry, "propertyName").is_some_and(|it| it.eq_ignore_ascii_case(name))
            });
            entries.find_map(|entry| text(entry, "propertyValue"))
        };
        let categories = metadata("Categories").unwrap_or_default();
        let categories = categories.split([';', ',']).map(str::trim).filter(|it| !it.is_empty());
        let places = root.get("x-availability").and_then(Value::as_array);
        Page {
            contact: Contact {
                name: text(contact, "name"),
                url: text(contact, "url"),
                email: text(contact, "email"),
            },
            website: metadata("Website"),
            privacy_policy: metadata("Privacy policy"),
            categories: categories.map(str::to_owned).collect(),
            availability: places.into_iter().flatten().filter_map(availability).collect(),
        }
    }
}

fn availability(entry: &Value) -> Option<Availability> {
    let except = entry.get("except").and_then(Value::as_array).into_iter().flatten();
    Some(Availability {
        service: text(entry, "service")?,
        class: text(entry, "class")?,
        regions: text(entry, "regions")?,
        except: except.filter_map(Value::as_str).map(str::to_owned).collect(),
    })
}

fn text(value: &Value, name: &str) -> Option<String> {
    let text = value.get(name)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_is_what_the_document_says() {
        let page = Page::read(&json!({
            "info": {"contact": {"name": "Support", "url": "https://s", "email": " "}},
            "x-ms-connector-metadata": [
                {"propertyName": "Website", "propertyValue": "https://w"},
                {"propertyName": "Privacy Policy", "propertyValue": "https://p"},
                {"propertyName": "Categories", "propertyValue": "AI;Productivity"},
                {"propertyName": "Odd"}
            ],
            "x-availability": [
                {"service": "Logic Apps", "class": "Standard", "regions": "All", "except": ["DoD"]},
                {"service": "Power Apps"}
            ]
        }));
        assert_eq!(page.contact.name.as_deref(), Some("Support"));
        assert_eq!((page.contact.url.as_deref(), page.contact.email), (Some("https://s"), None));
        assert_eq!(page.website.as_deref(), Some("https://w"));
        assert_eq!(page.privacy_policy.as_deref(), Some("https://p"));
        assert_eq!(page.categories, ["AI", "Productivity"]);
        let [only] = &page.availability[..] else { panic!("{:?}", page.availability) };
        assert_eq!((only.class.as_str(), &only.except[..]), ("Standard", &["DoD".to_owned()][..]));
        assert_eq!(Page::read(&json!({"info": 1, "x-availability": {}})), Page::default());
    }
}
