//! Functions of XML.

use super::{Args, Function, values};
use crate::content;
use crate::error::EvalError;
use crate::value::Value;
use crate::xml::{self, Tree};

pub(super) const FUNCTIONS: &[Function] = &[
    values("xml", 1, 1, to_xml),
    values("xpath", 2, 2, |args| {
        let tree = document(args, args.get(0))?;
        xml::evaluate(&tree, args.text(1)?).map_err(|detail| args.error(detail))
    }),
];

fn to_xml(args: &mut Args<'_>) -> Result<Value, EvalError> {
    let made = match args.get(0) {
        Value::String(text) => xml::text(text).map(Tree::into_envelope),
        Value::Object(object) => match xml::relabelled(object) {
            Some(relabelled) => Ok(relabelled),
            None => Tree::of_object(object).map(Tree::into_envelope),
        },
        _ => return Err(args.wrong(0, "a string, an object or an XML")),
    };
    let detail = |detail| {
        args.error(format_args!("The provided value cannot be converted to XML: {detail}"))
    };
    made.map(Value::from).map_err(detail)
}

/// The document in an envelope. Text is no XML before `xml` made it one.
pub(super) fn document(args: &Args<'_>, value: &Value) -> Result<Tree, EvalError> {
    let is_envelope = value.as_object().is_some_and(|it| content::envelope_content(it).is_some());
    if !is_envelope {
        return Err(args.wrong(0, "an XML"));
    }
    let bytes = content::bytes_of(value).map_err(|error| args.error(error))?;
    xml::bytes(&bytes).map_err(|detail| args.error(detail))
}
