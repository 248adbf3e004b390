//! What is different between two definitions: triggers, actions, parameters, references to
//! connections and the rest, each with its place.
//!
//! Actions are the same when they have the same name, wherever they stand: what is put into
//! a scope has moved and is not new. What stands inside of an action is told by itself.

use super::Loaded;
use super::parameter::given;
use super::path::{At, index, property};
use crate::limits::DIFFERENCES_MAX;
use expr::value::eq_ignore_case;
use expr::{Object, Str, Value};
use std::collections::{HashMap, HashSet};

/// What a difference is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Trigger,
    Action,
    Parameter,
    ConnectionReference,
    /// Anything else of the definition.
    Definition,
}

impl Part {
    /// Its name in APIs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Part::Trigger => "trigger",
            Part::Action => "action",
            Part::Parameter => "parameter",
            Part::ConnectionReference => "connectionReference",
            Part::Definition => "definition",
        }
    }
}

/// What became of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Removed,
    Changed,
    /// An action that stands elsewhere: before and after are its places.
    Moved,
}

impl ChangeKind {
    /// Its name in APIs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ChangeKind::Added => "added",
            ChangeKind::Removed => "removed",
            ChangeKind::Changed => "changed",
            ChangeKind::Moved => "moved",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub part: Part,
    /// Of the trigger, action, parameter, reference or property.
    pub name: Str,
    pub kind: ChangeKind,
    /// JSON path, in the later definition where it is there.
    pub path: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// What is compared: a definition, and the values that were given for its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    pub loaded: &'a Loaded,
    pub values: Option<&'a Value>,
}

/// Differences in the order of the definitions, and whether there are more.
#[must_use]
pub fn differences(before: Compared<'_>, after: Compared<'_>) -> (Vec<Difference>, bool) {
    let mut found = Found::default();
    let (old, new) = (&before.loaded.definition, &after.loaded.definition);
    let (old_root, new_root) = (At::new(old, "$"), At::new(new, "$"));
    for (part, name) in [(Part::Parameter, "parameters"), (Part::Trigger, "triggers")] {
        found.named(part, entries(&old_root, name), entries(&new_root, name));
    }
    found.named(Part::Action, actions(&old_root), actions(&new_root));
    let reference = |of: Compared<'_>| {
        let root = of.loaded.connection_references.clone().unwrap_or_default();
        owned_entries(&At::new(&root, "$.connectionReferences"))
    };
    found.named(Part::ConnectionReference, reference(before), reference(after));
    found.values(before, after);
    found.named(Part::Definition, rest(&old_root), rest(&new_root));
    (found.list, found.is_full)
}

/// Something with a name: where it stands, and what it is.
struct Place {
    name: Str,
    path: String,
    value: Value,
}

fn entries(root: &At<'_>, name: &str) -> Vec<Place> {
    root.get(name).map(|at| owned_entries(&at)).unwrap_or_default()
}

fn owned_entries(at: &At<'_>) -> Vec<Place> {
    let own = |(name, at): (&Str, At<'_>)| Place {
        name: name.clone(),
        path: at.path,
        value: at.value.clone(),
    };
    at.entries().into_iter().map(own).collect()
}

/// Properties of the definition that are compared as they are.
fn rest(root: &At<'_>) -> Vec<Place> {
    let is_rest = |place: &Place| {
        let compared = ["parameters", "triggers", "actions"];
        !compared.iter().any(|name| eq_ignore_case(name, &place.name))
    };
    owned_entries(root).into_iter().filter(is_rest).collect()
}

/// Every action, those inside of others as well, each without those inside of it.
fn actions(root: &At<'_>) -> Vec<Place> {
    let mut found = Vec::new();
    collect(root, &mut found);
    found
}

/// Depth is limited by what reads JSON.
fn collect(block: &At<'_>, found: &mut Vec<Place>) {
    let Some(actions) = block.get("actions") else { return };
    for (name, at) in actions.entries() {
        let value = without_inner(at.value);
        found.push(Place { name: name.clone(), path: at.path.clone(), value });
        collect(&at, found);
        for inner in ["else", "default"] {
            at.get(inner).iter().for_each(|inner| collect(inner, found));
        }
        if let Some(cases) = at.get("cases") {
            cases.entries().iter().for_each(|(_, case)| collect(case, found));
        }
    }
}

fn without_inner(action: &Value) -> Value {
    let Some(object) = action.as_object() else { return action.clone() };
    let mut own = without_actions(object);
    for name in ["else", "default"] {
        if let Some((name, Value::Object(inner))) = object.get_entry(name) {
            own.insert(name.clone(), without_actions(inner));
        }
    }
    if let Some((name, Value::Object(cases))) = object.get_entry("cases") {
        let mut left = Object::with_capacity(cases.len());
        for (name, case) in cases.iter() {
            let case = match case {
                Value::Object(case) => without_actions(case).into(),
                other => other.clone(),
            };
            left.insert(name.clone(), case);
        }
        own.insert(name.clone(), left);
    }
    own.into()
}

fn without_actions(object: &Object) -> Object {
    let mut own = object.clone();
    own.remove("actions");
    own
}

#[derive(Default)]
struct Found {
    list: Vec<Difference>,
    is_full: bool,
}

impl Found {
    fn push(&mut self, difference: Difference) {
        if self.list.len() < DIFFERENCES_MAX {
            self.list.push(difference);
        } else {
            self.is_full = true;
        }
    }

    /// Compares things by their names: those that went first, then in the new order.
    fn named(&mut self, part: Part, before: Vec<Place>, after: Vec<Place>) {
        let lower = |place: &Place| place.name.as_str().to_lowercase();
        let mut earlier: HashMap<String, Place> = HashMap::with_capacity(before.len());
        let order: Vec<String> = before.iter().map(lower).collect();
        earlier.extend(before.into_iter().map(|place| (lower(&place), place)));
        let new: HashSet<String> = after.iter().map(lower).collect();
        for gone in order.iter().filter(|name| !new.contains(*name)) {
            if let Some(Place { name, path, value }) = earlier.remove(gone) {
                let (kind, before) = (ChangeKind::Removed, Some(value));
                self.push(Difference { part, name, kind, path, before, after: None });
            }
        }
        for place in after {
            match earlier.remove(&lower(&place)) {
                Some(old) => self.same(part, &old, &place),
                None => {
                    let Place { name, path, value } = place;
                    let (kind, after) = (ChangeKind::Added, Some(value));
                    self.push(Difference { part, name, kind, path, before: None, after });
                }
            }
        }
    }

    /// Something that both have.
    fn same(&mut self, part: Part, before: &Place, after: &Place) {
        if part == Part::Action && before.path != after.path {
            self.push(Difference {
                part,
                name: after.name.clone(),
                kind: ChangeKind::Moved,
                path: after.path.clone(),
                before: Some(Value::string(before.path.as_str())),
                after: Some(Value::string(after.path.as_str())),
            });
        }
        self.compare((part, &after.name), &after.path, &before.value, &after.value);
    }

    /// Values, down to where they differ. Depth is limited by what reads JSON.
    fn compare(&mut self, of: (Part, &Str), path: &str, before: &Value, after: &Value) {
        if before == after || self.is_full {
            return;
        }
        match (before, after) {
            (Value::Object(old), Value::Object(new)) => {
                for (name, old) in old.iter() {
                    let path = property(path, name);
                    match new.get_exact(name) {
                        Some(new) => self.compare(of, &path, old, new),
                        None => self.changed(of, path, Some(old), None),
                    }
                }
                for (name, new) in new.iter().filter(|(name, _)| old.get_exact(name).is_none()) {
                    self.changed(of, property(path, name), None, Some(new));
                }
            }
            (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                for (at, (old, new)) in old.iter().zip(new.iter()).enumerate() {
                    self.compare(of, &index(path, at), old, new);
                }
            }
            _ => self.changed(of, path.to_owned(), Some(before), Some(after)),
        }
    }

    fn changed(
        &mut self,
        (part, name): (Part, &Str),
        path: String,
        before: Option<&Value>,
        after: Option<&Value>,
    ) {
        let kind = ChangeKind::Changed;
        let (before, after) = (before.cloned(), after.cloned());
        self.push(Difference { part, name: name.clone(), kind, path, before, after });
    }

    /// Values that were given for parameters. Those of secure parameters are not shown.
    fn values(&mut self, before: Compared<'_>, after: Compared<'_>) {
        let flows = [&before.loaded.flow, &after.loaded.flow];
        let parameters = flows.into_iter().flat_map(|flow| &flow.parameters);
        let secure = parameters.filter(|it| it.secure).map(|it| it.name.as_str().to_lowercase());
        let secure: HashSet<String> = secure.collect();
        let (old, new) = (values_of(before), values_of(after));
        let mut seen = HashSet::new();
        for name in before.names().into_iter().chain(after.names()) {
            let lower = name.as_str().to_lowercase();
            let (old, new) = (old.get(&lower), new.get(&lower));
            if old == new || !seen.insert(lower.clone()) {
                continue;
            }
            let path = format!("{}.value", property("$.parameters", &name));
            let hidden = Object::from_pairs(vec![("$secured".into(), true.into())]);
            let hidden = secure.contains(&lower).then(|| Value::from(hidden));
            let shown = |value| hidden.as_ref().or(value).filter(|_| value.is_some());
            self.changed((Part::Parameter, &name), path, shown(old), shown(new));
        }
    }
}

impl Compared<'_> {
    /// Names of the values, in their order.
    fn names(&self) -> Vec<Str> {
        let values = self.values.map(|it| given(it, None)).unwrap_or_default();
        values.into_iter().map(|it| it.name).collect()
    }
}

/// By names in lower case; of several the last counts.
fn values_of(of: Compared<'_>) -> HashMap<String, Value> {
    let values = of.values.map(|it| given(it, None)).unwrap_or_default();
    values.into_iter().map(|it| (it.name.as_str().to_lowercase(), it.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::{LoadOptions, load};
    use super::*;

    fn loaded(text: &str, values: Option<&Value>) -> Loaded {
        let options = LoadOptions { dialect: None, parameters: values.cloned() };
        let report = load(text.as_bytes(), &options);
        report.loaded.unwrap_or_else(|| panic!("{:?}", report.problems))
    }

    fn lines(before: &str, after: &str) -> Vec<String> {
        let (before, after) = (loaded(before, None), loaded(after, None));
        let of = |loaded| Compared { loaded, values: None };
        let (found, is_full) = differences(of(&before), of(&after));
        assert!(!is_full);
        found.iter().map(line).collect()
    }

    fn line(it: &Difference) -> String {
        let text = |value: &Option<Value>| value.as_ref().map(expr::json::to_string);
        let (before, after) = (text(&it.before), text(&it.after));
        let values = [before, after].map(|it| it.unwrap_or_else(|| "-".to_owned())).join(" > ");
        format!("{} {} {} {}: {values}", it.kind.name(), it.part.name(), it.name, it.path)
    }

    #[test]
    fn what_moved_is_not_new_and_what_is_the_same_is_not_told() {
        let compose = |value: u32| format!(r#"{{"type":"Compose","inputs":{value}}}"#);
        let before = format!(
            r#"{{"triggers":{{}},"actions":{{"A":{},"B":{},"S":{{"type":"Scope","actions":{{}}}}}}}}"#,
            compose(1),
            compose(2)
        );
        let after = format!(
            r#"{{"triggers":{{}},"actions":{{"S":{{"type":"Scope","actions":{{"a":{}}}}},"C d":{}}}}}"#,
            compose(1),
            compose(3)
        );
        assert_eq!(lines(&before, &before), Vec::<String>::new());
        assert_eq!(
            lines(&before, &after),
            [
                r#"removed action B $.actions.B: {"type":"Compose","inputs":2} > -"#,
                r#"moved action a $.actions.S.actions.a: "$.actions.A" > "$.actions.S.actions.a""#,
                r#"added action C d $.actions['C d']: - > {"type":"Compose","inputs":3}"#,
            ]
        );
    }

    #[test]
    fn places_lead_to_what_differs() {
        let before = r#"{"triggers":{"t":{"type":"Request","inputs":{"method":"GET"}}},
            "actions":{"I":{"type":"If","expression":{"equals":[1,1]},"actions":{},
                "else":{"actions":{"X":{"type":"Compose","inputs":{"a":[1,2],"b":1}}}}}},
            "parameters":{"p":{"type":"int","defaultValue":1}},"outputs":{}}"#;
        let after = before
            .replace("GET", "PUT")
            .replace("[1,2]", "[1,3]")
            .replace(r#""b":1"#, r#""c":1"#)
            .replace("[1,1]", "[1,2]")
            .replace(r#""defaultValue":1"#, r#""defaultValue":2"#)
            .replace(r#","outputs":{}"#, "");
        assert_eq!(
            lines(before, &after),
            [
                "changed parameter p $.parameters.p.defaultValue: 1 > 2",
                r#"changed trigger t $.triggers.t.inputs.method: "GET" > "PUT""#,
                "changed action I $.actions.I.expression.equals[1]: 1 > 2",
                "changed action X $.actions.I.else.actions.X.inputs.a[1]: 2 > 3",
                "changed action X $.actions.I.else.actions.X.inputs.b: 1 > -",
                "changed action X $.actions.I.else.actions.X.inputs.c: - > 1",
                "removed definition outputs $.outputs: {} > -",
            ]
        );
    }

    #[test]
    fn values_of_secure_parameters_are_not_shown() {
        let text = r#"{"triggers":{},"actions":{},"parameters":{
            "key":{"type":"securestring"},"p":{"type":"string"}}}"#;
        let values = |key: &str| expr::json::parse(key.as_bytes()).unwrap();
        let (one, two) = (values(r#"{"key":"a","p":"x"}"#), values(r#"{"key":"b","p":"y"}"#));
        let (before, after) = (loaded(text, Some(&one)), loaded(text, Some(&two)));
        let (found, _) = differences(
            Compared { loaded: &before, values: Some(&one) },
            Compared { loaded: &after, values: Some(&two) },
        );
        let told: Vec<String> = found.iter().map(line).collect();
        assert_eq!(
            told,
            [
                r#"changed parameter key $.parameters.key.value: {"$secured":true} > {"$secured":true}"#,
                r#"changed parameter p $.parameters.p.value: "x" > "y""#,
            ]
        );
    }
}
