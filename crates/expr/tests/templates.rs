//! Templates as the crates above use them: faults, constants, conditions, calls.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use expr::context::JsonContext;
use expr::{Binder, NoBinder, Object, RefKind, Template, Value, json};

fn value(text: &str) -> Value {
    json::parse(text.as_bytes()).unwrap()
}

fn context(text: &str) -> JsonContext {
    let root: Object = (**value(text).as_object().unwrap()).clone();
    JsonContext::new(root, 0, 1).unwrap()
}

#[test]
fn all_faults_are_collected_with_their_places() {
    let definition = value(
        r#"{"a": "@concat('x'", "b": [1, "@{", {"odd name": "@{}"}], "@bad": 1, "it's": "@x"}"#,
    );
    let faults = Template::compile(&definition, &NoBinder).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, [".a", ".b[1]", ".b[2]['odd name']", "['@bad']", "['it''s']"]);
    assert_eq!(faults[0].error.offset, 11);
    assert_eq!(faults[0].error.expected, "',' or ')'");
}

#[test]
fn parts_without_expressions_are_constants() {
    let template =
        Template::compile(&value(r#"{"a": ["@@x", {"b": 1}], "@@c": "y@@{z}"}"#), &NoBinder);
    let expected = value(r#"{"a": ["@x", {"b": 1}], "@c": "y@{z}"}"#);
    assert_eq!(template.unwrap().as_const(), Some(&expected));
    let template =
        Template::compile(&value(r#"{"a": [1, 2], "b": "@item()"}"#), &NoBinder).unwrap();
    assert!(template.as_const().is_none());
    let mut context = context(r#"{"item": 5}"#);
    let (first, second) =
        (template.eval(&mut context).unwrap(), template.eval(&mut context).unwrap());
    let array = |value: &Value| std::sync::Arc::as_ptr(value.get("a").unwrap().as_array().unwrap());
    assert_eq!(array(&first), array(&second));
}

#[test]
fn depth_is_limited_everywhere() {
    let mut deep = Value::from("@item()");
    for _ in 0..500 {
        deep = Value::array(vec![deep]);
    }
    assert!(Template::compile(&deep, &NoBinder).unwrap_err()[0].error.message.contains("nested"));
    let mut tree = value(r#"{"equals": [1, 1]}"#);
    for _ in 0..500 {
        let mut object = Object::new();
        object.insert("not", tree);
        tree = object.into();
    }
    assert!(Template::compile_condition(&tree, &NoBinder).is_err());
}

fn condition(text: &str, surroundings: &str) -> Result<Value, String> {
    let template = Template::compile_condition(&value(text), &NoBinder)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    template.eval(&mut context(surroundings)).map_err(|error| error.to_string())
}

#[test]
fn conditions_are_expressions_or_operator_trees() {
    let yes = Ok(Value::Bool(true));
    assert_eq!(condition(r#""@equals(1, 1)""#, "{}"), yes);
    assert_eq!(condition("true", "{}"), yes);
    assert_eq!(
        condition(r#"{"AND": [{"equals": [{"lENgth": ["ab"]}, 2]}, {"less": [1, 2]}]}"#, "{}"),
        yes
    );
    assert_eq!(condition(r#"{"not": {"equals": ["@item()", "x"]}}"#, r#"{"item": "y"}"#), yes);
    assert_eq!(condition(r#"{"startsWith": ["a@{item()}c", "AB"]}"#, r#"{"item": "b"}"#), yes);
    assert_eq!(condition(r#"{"empty": "@item()"}"#, r#"{"item": []}"#), yes);
    assert_eq!(condition(r#"{"contains": [["a", "@item()"], "b"]}"#, r#"{"item": "b"}"#), yes);
    assert_eq!(
        condition(r#"{"equals": [{"variables": "n"}, 3]}"#, r#"{"variables": {"N": 3}}"#),
        yes
    );
    assert_eq!(condition(r#"{"or": [true, {"nonsense": []}]}"#, "{}"), yes);
    assert!(condition(r#"{"and": [true, {"nonsense": []}]}"#, "{}").is_err());
}

#[test]
fn what_is_no_condition_is_a_fault() {
    for text in [
        "{}",
        "[]",
        "5",
        "null",
        r#"{"equals": [1, 1], "not": false}"#,
        r#"{"and": [{}]}"#,
        r#"{"and": ["@("]}"#,
    ] {
        assert!(Template::compile_condition(&value(text), &NoBinder).is_err(), "{text}");
    }
    let faults =
        Template::compile_condition(&value(r#"{"and": [{}, "@("]}"#), &NoBinder).unwrap_err();
    let paths: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, [".and[0]", ".and[1]"]);
    assert!(faults[0].error.expected.contains("operator"));
}

fn calls(template: &Template) -> Vec<String> {
    let mut found = Vec::new();
    template.visit_calls(&mut |call| {
        found.push(format!(
            "{} {}{}{}@{}",
            call.path,
            call.function,
            call.name.map(|name| format!("({name})")).unwrap_or_default(),
            if call.known { "" } else { "?" },
            call.offset
        ));
    });
    found
}

#[test]
fn calls_are_visited() {
    let json =
        value(r#"{"a": ["@body('X')?[variables('i')]"], "@{item()}": "é @{foo(outputs('Y'))}"}"#);
    let template = Template::compile(&json, &NoBinder).unwrap();
    let expected = [
        ".a[0] body(X)@1",
        ".a[0] variables(i)@12",
        "['@{item()}'] item@2",
        "['@{item()}'] foo?@4",
        "['@{item()}'] outputs(Y)@8",
    ];
    assert_eq!(calls(&template), expected);
    let json = value(r#"{"and": [{"outputs": ["A"]}, {"equals": ["@body('B')", 1]}]}"#);
    let template = Template::compile_condition(&json, &NoBinder).unwrap();
    let expected =
        [" and@0", ".and[0] outputs(A)@0", ".and[1] equals@0", ".and[1].equals[0] body(B)@1"];
    assert_eq!(calls(&template), expected);
}

struct Names;

impl Binder for Names {
    fn bind(&self, kind: RefKind, name: &str) -> Option<u32> {
        (kind == RefKind::Variable && name == "v").then_some(3)
    }
}

struct Slots;

impl expr::Context for Slots {
    fn now(&mut self) -> expr::Ticks {
        0
    }

    fn random(&mut self) -> u64 {
        0
    }

    fn variable(&self, name: &expr::Name) -> Result<Value, expr::EvalError> {
        Ok(name.slot.map_or(Value::Null, Value::from))
    }
}

#[test]
fn names_are_bound_once_where_they_are_literal() {
    let eval = |text| Template::compile_text(text, &Names).unwrap().eval(&mut Slots).unwrap();
    assert_eq!(eval("@variables('v')"), Value::Int(3));
    assert_eq!(eval("@variables(concat('v'))"), Value::Null);
    assert_eq!(eval("@variables('w')"), Value::Null);
}

#[test]
fn errors_know_where_they_are() {
    let template = Template::compile_text("é@{add(1, int('x'))}", &NoBinder).unwrap();
    let error = template.eval(&mut Slots).unwrap_err();
    assert_eq!(error.offset(), Some(10));
    assert_eq!(error.function(), Some("int"));
    let template = Template::compile_text("@json('{\"a\":1}').b", &NoBinder).unwrap();
    let error = template.eval(&mut Slots).unwrap_err();
    assert!(error.message().contains("property 'b' doesn't exist, available properties are 'a'"));
}
