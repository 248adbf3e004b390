//! Statements for tables, written from names that the database gave and places for values.

use std::fmt::Write as _;

use expr::{Object, Value};

use super::super::Arguments;
use super::super::limits::{ROWS_DEFAULT, ROWS_MAX, STATEMENT_VALUES_MAX};
use super::super::stop::Stop;
use super::filter::{self, Comparison, Filter, Operand, Where};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Postgres,
    Sqlite,
}

/// A value that goes to the database beside the statement.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Bound {
    Null,
    Int(i64),
    Float(f64),
    Flag(bool),
    Text(String),
}

/// A statement and its values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) values: Vec<Bound>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// As the database writes it.
    pub(super) kind: String,
    pub(super) is_key: bool,
}

/// A table as the database describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) schema: Option<String>,
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
}

/// `$filter`, `$orderby`, `$select`, `$top`, `$skip`
pub(super) struct Query {
    filter: Option<Filter>,
    order: Vec<(String, bool)>,
    select: Vec<String>,
    top: u64,
    skip: u64,
}

impl Bound {
    pub(super) fn of(value: &Value) -> Bound {
        match value {
            Value::Null => Bound::Null,
            Value::Bool(flag) => Bound::Flag(*flag),
            Value::Int(number) => Bound::Int(*number),
            Value::Float(number) => Bound::Float(*number),
            Value::Decimal(number) => Bound::Text(number.to_string()),
            Value::String(text) => Bound::Text(text.to_string()),
            Value::Array(_) | Value::Object(_) => Bound::Text(expr::json::to_string(value)),
        }
    }

    /// As text, which PostgreSQL reads as whatever it is cast to.
    pub(super) fn text(self) -> Option<String> {
        match self {
            Bound::Null => None,
            Bound::Int(number) => Some(number.to_string()),
            Bound::Float(number) => Some(number.to_string()),
            Bound::Flag(flag) => Some(flag.to_string()),
            Bound::Text(text) => Some(text),
        }
    }
}

/// The parts of `[schema].[table]`, `schema.table` or `"table"`.
pub(super) fn name_parts(name: &str) -> Result<Vec<String>, Stop> {
    let mut parts = vec![String::new()];
    let mut close = None;
    for letter in name.trim().chars() {
        match (letter, close) {
            (_, Some(end)) if letter == end => close = None,
            ('[', None) => close = Some(']'),
            ('"', None) => close = Some('"'),
            ('.', None) => parts.push(String::new()),
            _ => parts.iter_mut().last().into_iter().for_each(|part| part.push(letter)),
        }
    }
    if parts.len() > 2 || parts.iter().any(|part| part.is_empty() || part.contains('\0')) {
        return Err(Stop::bad(format!("'{name}' is no name; expected table or schema.table.")));
    }
    Ok(parts)
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Query {
    pub(super) fn read(given: Arguments<'_>) -> Result<Query, Stop> {
        if given.text("$apply")?.is_some() {
            return Err(Stop::bad("'$apply' is not supported."));
        }
        let filter = given.text("$filter")?;
        let list = |text: Option<String>| -> Vec<String> {
            let text = text.unwrap_or_default();
            let parts = text.split(',').map(|it| it.trim().to_owned());
            parts.filter(|it| !it.is_empty() && it != "*").collect()
        };
        let order = list(given.text("$orderby")?).into_iter().map(|part| {
            let mut words = part.split_whitespace();
            let name = words.next().unwrap_or_default().trim_matches(['[', ']']).to_owned();
            match words.next().map(str::to_ascii_lowercase).as_deref() {
                None | Some("asc") => Ok((name, false)),
                Some("desc") => Ok((name, true)),
                Some(_) => Err(Stop::bad(format!("'{part}' in '$orderby' cannot be read."))),
            }
        });
        Ok(Query {
            filter: filter.as_deref().map(filter::read).transpose()?,
            order: order.collect::<Result<_, _>>()?,
            select: list(given.text("$select")?),
            top: given.count("$top", ROWS_MAX)?.unwrap_or(ROWS_DEFAULT),
            skip: given.count("$skip", i64::MAX.unsigned_abs())?.unwrap_or(0),
        })
    }
}

/// A statement that is being written.
struct Writer<'a> {
    dialect: Dialect,
    table: &'a Table,
    text: String,
    values: Vec<Bound>,
}

impl Table {
    fn column(&self, name: &str) -> Result<&Column, Stop> {
        let exact = self.columns.iter().find(|it| it.name == name);
        let found =
            exact.or_else(|| self.columns.iter().find(|it| it.name.eq_ignore_ascii_case(name)));
        found.ok_or_else(|| Stop::bad(format!("The table '{}' has no column '{name}'.", self.name)))
    }

    fn writer(&self, dialect: Dialect) -> Writer<'_> {
        Writer { dialect, table: self, text: String::new(), values: Vec::new() }
    }

    fn full_name(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}.{}", quoted(schema), quoted(&self.name)),
            None => quoted(&self.name),
        }
    }

    fn keys(&self) -> Result<Vec<&Column>, Stop> {
        let keys: Vec<&Column> = self.columns.iter().filter(|it| it.is_key).collect();
        if keys.is_empty() {
            return Err(Stop::bad(format!("The table '{}' has no primary key.", self.name)));
        }
        Ok(keys)
    }

    pub(super) fn select(&self, dialect: Dialect, query: &Query) -> Result<Statement, Stop> {
        let mut writer = self.writer(dialect);
        let columns = match query.select.as_slice() {
            [] => "*".to_owned(),
            names => {
                let names = names.iter().map(|name| Ok(quoted(&self.column(name)?.name)));
                names.collect::<Result<Vec<_>, Stop>>()?.join(", ")
            }
        };
        writer.text = format!("SELECT {columns} FROM {}", self.full_name());
        if let Some(filter) = &query.filter {
            writer.text.push_str(" WHERE ");
            writer.filter(filter)?;
        }
        let mut order = Vec::new();
        for (name, descends) in &query.order {
            let direction = if *descends { " DESC" } else { "" };
            order.push(format!("{}{direction}", quoted(&self.column(name)?.name)));
        }
        if order.is_empty() {
            // Pages of rows in no order would overlap.
            order = self.columns.iter().filter(|it| it.is_key).map(|it| quoted(&it.name)).collect();
        }
        if !order.is_empty() {
            let _ = write!(writer.text, " ORDER BY {}", order.join(", "));
        }
        let _ = write!(writer.text, " LIMIT {} OFFSET {}", query.top, query.skip);
        writer.finish()
    }

    pub(super) fn select_one(&self, dialect: Dialect, id: &str) -> Result<Statement, Stop> {
        let mut writer = self.writer(dialect);
        writer.text = format!("SELECT * FROM {}", self.full_name());
        writer.is_row(id)?;
        writer.finish()
    }

    pub(super) fn insert(&self, dialect: Dialect, item: &Object) -> Result<Statement, Stop> {
        let mut writer = self.writer(dialect);
        writer.text = format!("INSERT INTO {}", self.full_name());
        let (mut names, mut places) = (Vec::new(), Vec::new());
        for (name, value) in item.iter() {
            let column = self.column(name)?;
            names.push(quoted(&column.name));
            places.push(writer.place(Bound::of(value), Some(&column.kind)));
        }
        if names.is_empty() {
            writer.text.push_str(" DEFAULT VALUES");
        } else {
            let _ = write!(writer.text, " ({}) VALUES ({})", names.join(", "), places.join(", "));
        }
        writer.text.push_str(" RETURNING *");
        writer.finish()
    }

    pub(super) fn update(
        &self,
        dialect: Dialect,
        id: &str,
        item: &Object,
    ) -> Result<Statement, Stop> {
        let mut writer = self.writer(dialect);
        let mut sets = Vec::new();
        for (name, value) in item.iter() {
            let column = self.column(name)?;
            let place = writer.place(Bound::of(value), Some(&column.kind));
            sets.push(format!("{} = {place}", quoted(&column.name)));
        }
        if sets.is_empty() {
            return Err(Stop::bad("The row has no column to change."));
        }
        writer.text = format!("UPDATE {} SET {}", self.full_name(), sets.join(", "));
        writer.is_row(id)?;
        writer.text.push_str(" RETURNING *");
        writer.finish()
    }

    pub(super) fn delete(&self, dialect: Dialect, id: &str) -> Result<Statement, Stop> {
        let mut writer = self.writer(dialect);
        writer.text = format!("DELETE FROM {}", self.full_name());
        writer.is_row(id)?;
        writer.text.push_str(" RETURNING *");
        writer.finish()
    }
}

impl Writer<'_> {
    fn finish(self) -> Result<Statement, Stop> {
        if self.values.len() > STATEMENT_VALUES_MAX {
            return Err(Stop::bad(format!(
                "The statement has more than {STATEMENT_VALUES_MAX} values."
            )));
        }
        Ok(Statement { text: self.text, values: self.values })
    }

    /// The place of a value, as what kind of column it is for.
    fn place(&mut self, value: Bound, kind: Option<&str>) -> String {
        self.values.push(value);
        let number = self.values.len();
        match (self.dialect, kind) {
            (Dialect::Postgres, Some(kind)) => format!("CAST(${number}::text AS {kind})"),
            (Dialect::Postgres, None) => format!("${number}::text"),
            (Dialect::Sqlite, _) => format!("?{number}"),
        }
    }

    /// Keys of several columns have commas between their values.
    fn is_row(&mut self, id: &str) -> Result<(), Stop> {
        let keys = self.table.keys()?;
        let values: Vec<&str> =
            if keys.len() == 1 { vec![id] } else { id.split(',').map(str::trim).collect() };
        if keys.len() != values.len() {
            return Err(Stop::bad(format!("The key has {} columns.", keys.len())));
        }
        for (at, (key, value)) in keys.iter().zip(values).enumerate() {
            let place = self.place(Bound::Text(value.to_owned()), Some(&key.kind));
            let link = if at == 0 { "WHERE" } else { "AND" };
            let _ = write!(self.text, " {link} {} = {place}", quoted(&key.name));
        }
        Ok(())
    }

    fn filter(&mut self, filter: &Filter) -> Result<(), Stop> {
        match filter {
            Filter::And(left, right) | Filter::Or(left, right) => {
                let link = if matches!(filter, Filter::And(..)) { " AND " } else { " OR " };
                self.text.push('(');
                self.filter(left)?;
                self.text.push_str(link);
                self.filter(right)?;
                self.text.push(')');
            }
            Filter::Not(inner) => {
                self.text.push_str("NOT (");
                self.filter(inner)?;
                self.text.push(')');
            }
            Filter::Compare(left, comparison, right) => self.compare(left, *comparison, right)?,
            Filter::Has(text, place, part) => self.has(text, *place, part)?,
        }
        Ok(())
    }

    fn compare(
        &mut self,
        left: &Operand,
        comparison: Comparison,
        right: &Operand,
    ) -> Result<(), Stop> {
        let (some, is_null) = match (left, right) {
            (Operand::Null, other) | (other, Operand::Null) => (other, true),
            _ => (left, false),
        };
        if is_null {
            let is = match comparison {
                Comparison::Equal => "IS NULL",
                Comparison::NotEqual => "IS NOT NULL",
                _ => return Err(Stop::bad("'null' is compared with eq and ne only.")),
            };
            let some = self.operand(some, None)?;
            let _ = write!(self.text, "{some} {is}");
            return Ok(());
        }
        let sign = match comparison {
            Comparison::Equal => "=",
            Comparison::NotEqual => "<>",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
        };
        // A value is what it is compared with.
        let kind = self.kind(left)?.or(self.kind(right)?);
        let left = self.operand(left, kind.as_deref())?;
        let right = self.operand(right, kind.as_deref())?;
        let _ = write!(self.text, "{left} {sign} {right}");
        Ok(())
    }

    fn has(&mut self, text: &Operand, place: Where, part: &Operand) -> Result<(), Stop> {
        let text = self.operand(text, Some("text"))?;
        let part = self.operand(part, Some("text"))?;
        let (text, part) = (format!("CAST({text} AS text)"), format!("CAST({part} AS text)"));
        let _ = match (place, self.dialect) {
            (Where::Anywhere, Dialect::Postgres) => write!(self.text, "strpos({text}, {part}) > 0"),
            (Where::Anywhere, Dialect::Sqlite) => write!(self.text, "instr({text}, {part}) > 0"),
            (Where::AtStart, _) => write!(self.text, "substr({text}, 1, length({part})) = {part}"),
            (Where::AtEnd, _) => write!(
                self.text,
                "(length({text}) >= length({part}) AND \
                 substr({text}, length({text}) - length({part}) + 1) = {part})"
            ),
        };
        Ok(())
    }

    /// The kind of an operand that has one by itself.
    fn kind(&self, operand: &Operand) -> Result<Option<String>, Stop> {
        Ok(match operand {
            Operand::Column(name) => Some(self.table.column(name)?.kind.clone()),
            Operand::Lower(_) | Operand::Upper(_) | Operand::Trim(_) => Some("text".to_owned()),
            Operand::Length(_) => Some("integer".to_owned()),
            Operand::Text(_) | Operand::Number(_) | Operand::Flag(_) | Operand::Null => None,
        })
    }

    fn operand(&mut self, operand: &Operand, kind: Option<&str>) -> Result<String, Stop> {
        let mut applied = |name: &str, inner: &Operand| -> Result<String, Stop> {
            let inner = self.operand(inner, Some("text"))?;
            Ok(format!("{name}(CAST({inner} AS text))"))
        };
        Ok(match operand {
            Operand::Column(name) => quoted(&self.table.column(name)?.name),
            Operand::Text(text) => self.place(Bound::Text(text.clone()), kind),
            Operand::Number(number) => {
                let value = match (number.parse::<i64>(), number.parse::<f64>()) {
                    (Ok(whole), _) => Bound::Int(whole),
                    (_, Ok(float)) => Bound::Float(float),
                    _ => Bound::Text(number.clone()),
                };
                self.place(value, kind)
            }
            Operand::Flag(flag) => self.place(Bound::Flag(*flag), kind),
            Operand::Null => self.place(Bound::Null, kind),
            Operand::Lower(inner) => applied("lower", inner)?,
            Operand::Upper(inner) => applied("upper", inner)?,
            Operand::Trim(inner) => applied("trim", inner)?,
            Operand::Length(inner) => applied("length", inner)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_and_quoted() {
        assert_eq!(name_parts("[dbo].[My.Table]").unwrap(), ["dbo", "My.Table"]);
        assert_eq!(name_parts("public.t").unwrap(), ["public", "t"]);
        assert!(name_parts("a.b.c").is_err());
        assert!(name_parts("").is_err());
        assert_eq!(quoted("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
    }
}
