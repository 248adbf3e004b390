//! What must hold for any input.

#![allow(clippy::unwrap_used, reason = "a failed test should say where")]

use expr::context::JsonContext;
use expr::{NoBinder, Object, Template, Value, codec, content, json};
use proptest::prelude::*;

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("JSON has no other", |n| n.is_finite()).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}

fn tree() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::array),
            prop::collection::vec(("[a-zA-Z$ /é]{0,6}", inner), 0..6).prop_map(|pairs| {
                let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value));
                Value::from(pairs.collect::<Object>())
            }),
        ]
    })
}

/// Texts that look like expressions often enough to be evaluated.
fn expression() -> impl Strategy<Value = String> {
    let names: Vec<&'static str> = expr::functions::names().collect();
    let leaf = prop_oneof![
        "'[a-zA-Z0-9 :/,.%+-]{0,10}'",
        any::<i64>().prop_map(|n| n.to_string()),
        (-5i64..40).prop_map(|n| n.to_string()),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| format!("{n:e}")),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("'2024-02-29T12:00:00Z'".to_owned()),
        Just("variables('o')".to_owned()),
        Just("variables('a')".to_owned()),
        Just("variables('é')".to_owned()),
        Just("binary('x')".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let call =
            (prop::sample::select(names.clone()), prop::collection::vec(inner.clone(), 0..4))
                .prop_map(|(name, args)| format!("{name}({})", args.join(", ")));
        let access = (inner.clone(), prop::bool::ANY, inner.clone())
            .prop_map(|(base, q, index)| format!("{base}{}[{index}]", if q { "?" } else { "" }));
        let dotted = (inner, "[a-z]{1,3}").prop_map(|(base, name)| format!("{base}?.{name}"));
        prop_oneof![6 => call, 1 => access, 1 => dotted]
    })
}

fn surroundings() -> JsonContext {
    let root = br#"{"variables": {"o": {"a": 1, "B": [1.5, null]}, "a": ["x", 2, 3], "\u00e9": "\u00e9\ud83d\ude00"},
        "outputs": {"X": {"body": "y"}}, "item": 7, "utcNow": "2024-02-29T12:00:00Z"}"#;
    let root = json::parse(root).unwrap();
    JsonContext::new((**root.as_object().unwrap()).clone(), 0, 3).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_compiles_or_is_a_fault(text in "\\PC{0,40}") {
        let _ = Template::compile_text(&text, &NoBinder);
        let _ = Template::compile_text(&format!("@{text}"), &NoBinder);
        let _ = Template::compile_text(&format!("a@{{{text}}}"), &NoBinder);
    }

    #[test]
    fn texts_of_tokens_compile_or_are_faults(
        tokens in prop::collection::vec(
            prop::sample::select(vec!["@", "{", "}", "(", ")", "[", "]", "?", ".", ",", "'", "1", "-", "e", "f", " ", "é"]),
            0..30,
        )
    ) {
        let text = tokens.concat();
        if let Ok(template) = Template::compile_text(&text, &NoBinder) {
            let _ = template.eval(&mut surroundings());
        }
    }

    #[test]
    fn any_expression_evaluates_or_is_an_error(text in expression()) {
        let template = Template::compile_text(&format!("@{text}"), &NoBinder);
        if let Ok(template) = template
            && let Ok(value) = template.eval(&mut surroundings())
        {
            let _ = value.text();
            prop_assert!(value.language_eq(&value) || json::to_string(&value).contains("NaN"));
            let text = json::to_string(&value);
            prop_assert!(json::parse(text.as_bytes()).is_ok(), "{}", text);
        }
    }

    #[test]
    fn any_array_is_sorted_or_refused(items in prop::collection::vec(scalar(), 0..80)) {
        let mut root = Object::new();
        root.insert("item", Value::array(items));
        let template = Template::compile_text("@sort(item())", &NoBinder).unwrap();
        let _ = template.eval(&mut JsonContext::new(root, 0, 1).unwrap());
    }

    #[test]
    fn any_format_formats_or_is_an_error(format in "\\PC{0,16}", number in any::<f64>(), int in any::<i64>()) {
        let numbers = [Value::Float(number), Value::Int(int)];
        for number in numbers {
            let _ = expr::format::number::format(&number, &format, &expr::format::culture::EN_US);
        }
        let ticks = int.unsigned_abs() as i64 & 0x7fff_ffff_ffff_ffff;
        let moment = expr::format::date::Moment { ticks: ticks % expr::format::date::TICKS_MAX, is_utc: true };
        let _ = expr::format::date::format(moment, &format, &expr::format::culture::EN_US);
        let _ = expr::format::timespan::format_as(int, &format);
        let _ = expr::format::date::parse(&format);
        let _ = expr::format::date::parse_exact(&format, "yyyy-MM-dd", &expr::format::culture::EN_US);
        let _ = expr::format::duration::parse_iso8601(&format);
    }

    #[test]
    fn written_json_reads_back(value in tree()) {
        prop_assert_eq!(&json::parse(&json::to_vec(&value)).unwrap(), &value);
        prop_assert_eq!(&json::parse(json::to_string_pretty(&value).as_bytes()).unwrap(), &value);
        prop_assert!(value.language_eq(&value));
    }

    #[test]
    fn any_bytes_are_json_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Err(error) = json::parse(&bytes) {
            prop_assert!(error.offset <= bytes.len());
        }
        let _ = codec::take(&mut bytes.as_slice());
        for kind in [None, Some("application/json"), Some("text/plain; charset=utf-16"), Some("multipart/x; boundary=a"), Some("application/x-www-form-urlencoded")] {
            if let Ok(value) = content::from_body(kind, &bytes) {
                let _ = content::to_body(&value);
            }
        }
    }

    #[test]
    fn any_value_compiles_or_is_a_fault(value in tree()) {
        if let Ok(template) = Template::compile(&value, &NoBinder) {
            let _ = template.eval(&mut surroundings());
            template.visit_calls(&mut |_| {});
        }
        let _ = Template::compile_condition(&value, &NoBinder);
        let (_, body) = content::to_body(&value);
        let _ = body;
    }
}
