//! A browser: it keeps cookies, follows nothing, and fills the forms of pages.

use super::house::{Form, House, PASSWORD};
use crate::world::Answer;
use reqwest::Method;
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    /// One with a cookie.
    pub fn with(cookie: &str) -> Browser {
        let (name, value) = cookie.split_once('=').expect("a cookie");
        Browser { cookies: BTreeMap::from([(name.to_owned(), value.to_owned())]) }
    }

    pub async fn get(&mut self, house: &House, path: &str) -> Answer {
        let request = house.request(Method::GET, path).header("cookie", self.cookie());
        self.keep(Answer::of(request).await)
    }

    /// Sends the form of a page, with more fields than are in it.
    pub async fn submit(
        &mut self,
        house: &House,
        path: &str,
        page: &Answer,
        more: &Form<'_>,
    ) -> Answer {
        let hidden = hidden(&page.text);
        let mut form: Form<'_> = hidden.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        form.extend(more);
        let request = house.filled(path, &form).header("cookie", self.cookie());
        self.keep(Answer::of(request).await)
    }

    /// The same with the form of a step, where there are several.
    pub async fn submit_step(
        &mut self,
        house: &House,
        path: &str,
        page: &Answer,
        step: &str,
        more: &Form<'_>,
    ) -> Answer {
        let form = form_of(&page.text, step).unwrap_or_else(|| panic!("{step}: {}", page.text));
        let page = Answer { text: form.to_owned(), ..page.clone() };
        self.submit(house, path, &page, more).await
    }

    /// Signs in on the page that asks for it.
    pub async fn sign_in(
        &mut self,
        house: &House,
        path: &str,
        page: &Answer,
        name: &str,
    ) -> Answer {
        let more = vec![("username", name), ("password", PASSWORD)];
        self.submit(house, path, page, &more).await
    }

    pub fn cookie(&self) -> String {
        let pairs: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }

    fn keep(&mut self, answer: Answer) -> Answer {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().expect("a cookie");
            assert!(line.contains("HttpOnly") && line.contains("SameSite=Lax"), "{line}");
            let pair = line.split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("a name");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        if answer.header("content-type").starts_with("text/html") {
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("default-src 'none'"), "{policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(answer.header("cache-control"), "no-store");
            let is_sent = policy.contains("script-src 'sha256-");
            assert_eq!(answer.text.contains("<script>"), is_sent, "{}", answer.text);
            assert!(!policy.contains("unsafe"), "{policy}");
        }
        answer
    }
}

/// The form of a step.
pub fn form_of<'a>(page: &'a str, step: &str) -> Option<&'a str> {
    let is_it = format!("name=\"step\" value=\"{step}\"");
    page.split("<form ").skip(1).find(|form| form.contains(&is_it))
}

/// The hidden fields of a page that are filled, of its first form.
pub fn hidden(page: &str) -> Vec<(String, String)> {
    let attribute = |tag: &str, name: &str| {
        let start = tag.find(&format!("{name}=\""))? + name.len() + 2;
        let end = start + tag[start..].find('"')?;
        Some(tag[start..end].to_owned())
    };
    let form = page.split("</form>").next().unwrap_or_default();
    form.split("<input ")
        .filter(|tag| tag.starts_with("type=\"hidden\""))
        .filter_map(|tag| Some((attribute(tag, "name")?, attribute(tag, "value")?)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// What an address that a browser is sent to says.
pub fn query(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 303, "{answer:?}");
    let url = url::Url::parse(answer.header("location")).expect("an address");
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
