//! The named parameters of a flow's own query: `@name` becomes a place for a value.

use super::super::Arguments;
use super::super::limits::STATEMENT_VALUES_MAX;
use super::super::stop::Stop;
use super::statement::{Bound, Statement};

/// A parameter: its name, what kind it is said to be, its value.
pub(super) struct Parameters(pub(super) Vec<(String, Option<&'static str>, Bound)>);

impl Parameters {
    /// `formalParameters` says the kinds, `actualParameters` the values.
    pub(super) fn read(query: Arguments<'_>) -> Result<Parameters, Stop> {
        let object = |name: &str| match query.get(name) {
            Some(_) => query.object(name).map(Some),
            None => Ok(None),
        };
        let (kinds, values) = (object("formalParameters")?, object("actualParameters")?);
        let mut all = Vec::new();
        for (name, value) in values.iter().flat_map(|it| it.0.iter()) {
            let name = name.trim_start_matches('@');
            let kind = match kinds {
                Some(kinds) => kinds.text(name)?.or(kinds.text(&format!("@{name}"))?),
                None => None,
            };
            let kind = kind.map(|kind| kind_of(&kind)).transpose()?;
            all.push((name.to_owned(), kind, Bound::of(value)));
        }
        if all.len() > STATEMENT_VALUES_MAX {
            return Err(Stop::bad(format!(
                "There are more than {STATEMENT_VALUES_MAX} parameters."
            )));
        }
        Ok(Parameters(all))
    }

    /// The query with `$1` for each name that is a parameter. What is within texts, quoted
    /// names and comments stays as it is.
    pub(super) fn place(&self, query: &str) -> Statement {
        let mut values: Vec<(usize, Bound)> = Vec::new();
        let mut text = String::with_capacity(query.len());
        let mut rest = query;
        while let Some(first) = rest.chars().next() {
            let length = match first {
                '\'' | '"' => closed(rest, first),
                '-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
                '/' if rest.starts_with("/*") => comment(rest),
                '$' => dollar(rest),
                '@' => match self.at(&rest[1..]) {
                    Some((at, length)) => {
                        let (_, kind, value) = &self.0[at];
                        let place = values.iter().position(|(it, _)| *it == at);
                        let place = place.unwrap_or_else(|| {
                            values.push((at, value.clone()));
                            values.len() - 1
                        });
                        let kind = kind.unwrap_or(match value {
                            Bound::Int(_) => "bigint",
                            Bound::Float(_) => "double precision",
                            Bound::Flag(_) => "boolean",
                            Bound::Text(_) | Bound::Null => "text",
                        });
                        text.push_str(&format!("CAST(${}::text AS {kind})", place + 1));
                        rest = &rest[1 + length..];
                        continue;
                    }
                    None => 1,
                },
                other => other.len_utf8(),
            };
            text.push_str(&rest[..length]);
            rest = &rest[length..];
        }
        Statement { text, values: values.into_iter().map(|(_, value)| value).collect() }
    }

    /// The parameter whose name a text begins with.
    fn at(&self, text: &str) -> Option<(usize, usize)> {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        let name = &text[..end];
        let at = self.0.iter().position(|(it, ..)| it.eq_ignore_ascii_case(name))?;
        Some((at, end))
    }
}

/// The kinds of SQL Server that flows write, as PostgreSQL has them.
fn kind_of(kind: &str) -> Result<&'static str, Stop> {
    let name = kind.split(['(', ' ']).next().unwrap_or_default().to_ascii_lowercase();
    Ok(match name.as_str() {
        "bit" | "bool" | "boolean" => "boolean",
        "tinyint" | "smallint" | "int" | "integer" => "integer",
        "bigint" => "bigint",
        "real" | "float" | "double" => "double precision",
        "decimal" | "numeric" | "money" | "smallmoney" => "numeric",
        "date" => "date",
        "time" => "time",
        "datetime" | "datetime2" | "smalldatetime" | "timestamp" => "timestamp",
        "datetimeoffset" | "timestamptz" => "timestamptz",
        "uniqueidentifier" | "uuid" => "uuid",
        "json" | "jsonb" => "jsonb",
        "char" | "nchar" | "varchar" | "nvarchar" | "text" | "ntext" | "string" | "xml" => "text",
        _ => return Err(Stop::bad(format!("'{kind}' is not a known kind of parameter."))),
    })
}

/// To the end of a quoted text; doubled quotes close and open again, which is the same.
fn closed(rest: &str, quote: char) -> usize {
    rest[1..].find(quote).map_or(rest.len(), |at| at + 2)
}

/// Comments stand within each other.
fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `$tag$ text $tag$`
fn dollar(rest: &str) -> usize {
    let Some(end) = rest[1..].find('$') else { return 1 };
    let tag = &rest[..end + 2];
    if !tag[1..=end].chars().all(|c| c.is_alphanumeric() || c == '_') {
        return 1;
    }
    rest[tag.len()..].find(tag).map_or(rest.len(), |at| at + 2 * tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_within_texts_and_comments_stay() {
        let parameters = Parameters(vec![
            ("a".to_owned(), Some("integer"), Bound::Int(1)),
            ("b".to_owned(), None, Bound::Text("x".to_owned())),
        ]);
        let query = "x @a '@a ''@b' \"@a\" -- @a\n @B /* @a /* @a */ */ @a $t$ @a $t$ @c a@>b";
        let placed = parameters.place(query);
        assert_eq!(
            placed.text,
            "x CAST($1::text AS integer) '@a ''@b' \"@a\" -- @a\n CAST($2::text AS text) \
             /* @a /* @a */ */ CAST($1::text AS integer) $t$ @a $t$ @c a@>b"
        );
        assert_eq!(placed.values.len(), 2);
    }

    #[test]
    fn what_has_no_end_ends_with_the_query() {
        let parameters = Parameters(vec![("a".to_owned(), None, Bound::Null)]);
        for query in ["'@a", "\"@a", "/* @a", "-- @a", "$x$ @a", "$", "@", "", "ä$ä$@a", "/*ä"] {
            assert_eq!(parameters.place(query).text, query);
        }
    }

    proptest::proptest! {
        #[test]
        fn any_query_keeps_its_text(text in "[a@$'\"/*é\n -]{0,60}|\\PC{0,40}") {
            let none = Parameters(Vec::new());
            proptest::prop_assert_eq!(&none.place(&text).text, &text);
            let one = Parameters(vec![("a".to_owned(), None, Bound::Null)]);
            proptest::prop_assert!(one.place(&text).values.len() <= 1);
        }
    }
}
