//! What it costs to evaluate the expressions of W1 and some heavier ones.

use criterion::{Criterion, criterion_group, criterion_main};
use expr::context::JsonContext;
use expr::{NoBinder, Template, Value, json};
use std::hint::black_box;

const CASES: [(&str, &str); 7] = [
    ("constant", "gold"),
    ("trigger body", "@triggerBody()['id']"),
    ("multiply", "@mul(triggerBody()['amount'], triggerBody()['qty'])"),
    ("concat", "@concat(triggerBody()['name'], ' <', triggerBody()['email'], '>')"),
    ("slug", "@replace(toLower(outputs('Compose')['full']), ' ', '-')"),
    ("interpolated", "Order @{triggerBody()['id']} of @{triggerBody()['name']}"),
    ("format date", "@formatDateTime('2026-11-22T12:30:00Z', 'dddd, dd MMMM yyyy HH:mm')"),
];

const CONTEXT: &str = r#"{
    "trigger": {"outputs": {"headers": {}, "body": {
        "id": 4711, "name": "Grace Hopper", "email": "Grace.Hopper@Example.COM",
        "amount": 150, "qty": 3
    }}},
    "outputs": {"Compose": {"total": 450, "full": "Grace Hopper <Grace.Hopper@Example.COM>"}}
}"#;

fn context() -> JsonContext {
    let Ok(Value::Object(root)) = json::parse(CONTEXT.as_bytes()) else {
        panic!("the context is an object");
    };
    JsonContext::new((*root).clone(), 638_000_000_000_000_000, 1).expect("a context")
}

fn evaluate(c: &mut Criterion) {
    let mut group = c.benchmark_group("evaluate");
    let mut context = context();
    for (name, text) in CASES {
        let template = Template::compile_text(text, &NoBinder).expect("valid");
        group.bench_function(name, |b| {
            b.iter(|| black_box(&template).eval(&mut context).expect("a value"));
        });
    }
    group.finish();
}

criterion_group!(benches, evaluate);
criterion_main!(benches);
