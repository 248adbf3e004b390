//! Values of a body in another shape: a list as an object, an object as a list, a text as a
//! list of objects.

use super::expression::{Function, Step, Template, steps, walk};
use super::property::set;
use crate::call::text;
use expr::{Object, Value};

/// A conversion: from where, to where, and how.
#[derive(Clone, Debug)]
pub(super) struct Conversion {
    /// The object, or the list of objects, in which the value is.
    pub parent: Template,
    /// The value in it; empty: the parent itself.
    pub value: String,
    pub target: Template,
    pub shape: Shape,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// Items by the text that each has at a path.
    Object { key: String, retain: bool },
    /// Entries with their names, and their values below a name or beside it.
    List { key: String, value: Option<String>, retain: bool },
    /// Pieces of a text, each below a name.
    Pieces { delimiters: String, child: String },
}

impl Conversion {
    pub fn apply(&self, body: &mut Value) {
        let Some(parent) = self.parent.only().filter(|it| it.function == Function::Body) else {
            return;
        };
        let inner = path(&self.value);
        let made = |value: &Value| self.shape.of(walk(value, &inner)?);
        match self.target.only() {
            Some(call) if call.function == Function::Body => {
                let Some(names) = names(&call.steps) else { return };
                let parent = parent.steps.clone();
                set(body, &[], &names, &|body| made(walk(body, &parent)?));
            }
            Some(call) if call.function == Function::Item => {
                let Some(names) = names(&call.steps) else { return };
                set(body, &parent.steps, &names, &made);
            }
            _ => {
                let target = path(&self.target.plain());
                let Some(names) = names(&target) else { return };
                set(body, &parent.steps, &names, &made);
            }
        }
    }
}

impl Shape {
    /// The value in this shape; none when it has another than is expected.
    fn of(&self, value: &Value) -> Option<Value> {
        match self {
            Shape::Object { key, retain } => {
                let key = path(key);
                let mut object = Object::new();
                for item in value.as_array()?.iter() {
                    let name = text(walk(item, &key).filter(|it| !it.is_null())?);
                    object.insert(name, if *retain { item.clone() } else { without(item, &key) });
                }
                Some(object.into())
            }
            Shape::List { key, value: below, retain } => {
                let item = |(name, value): (&expr::Str, &Value)| {
                    let mut item = Object::new();
                    if *retain {
                        item.insert(key.as_str(), name.clone());
                    }
                    match (below, value.as_object()) {
                        (Some(below), _) => item.insert(below.as_str(), value.clone()),
                        (None, Some(own)) => {
                            own.iter()
                                .for_each(|(name, value)| item.insert(name.clone(), value.clone()));
                        }
                        (None, None) => item.insert("value", value.clone()),
                    }
                    Value::from(item)
                };
                Some(Value::array(value.as_object()?.iter().map(item).collect()))
            }
            Shape::Pieces { delimiters, child } => {
                let text = value.as_str()?;
                let pieces = text.split(|it| delimiters.contains(it));
                let pieces = pieces.filter(|_| !text.is_empty());
                let item = |piece: &str| {
                    let mut item = Object::new();
                    item.insert(child.as_str(), piece);
                    Value::from(item)
                };
                Some(Value::array(pieces.map(item).collect()))
            }
        }
    }
}

/// An item without the property that names it.
fn without(item: &Value, key: &[Step]) -> Value {
    let ([Step::Name(name)], Some(object)) = (key, item.as_object()) else { return item.clone() };
    let mut object = Object::clone(object);
    object.remove(name);
    object.into()
}

/// `a.b` as steps.
fn path(text: &str) -> Vec<Step> {
    if text.is_empty() { Vec::new() } else { steps(&format!(".{text}")).0 }
}

/// Names only: an item of a list cannot be made.
fn names<'a>(steps: &'a [Step]) -> Option<Vec<&'a str>> {
    let name = |step: &'a Step| match step {
        Step::Name(name) => Some(name.as_str()),
        Step::Index(_) => None,
    };
    steps.iter().map(name).collect::<Option<Vec<&str>>>().filter(|it| !it.is_empty())
}
