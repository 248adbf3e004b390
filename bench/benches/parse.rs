//! What it costs to compile the expressions of a definition, as at each save.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use expr::{NoBinder, Template, json};
use std::hint::black_box;

const SHORT: &str = "@triggerBody()['id']";

const INTERPOLATED: &str = "Order @{triggerBody()?['id']} of @{toUpper(triggerBody()?['name'])}: \
     @{outputs('Compose')?['total']} for @{formatDateTime(utcNow(), 'yyyy-MM-dd')}";

const NESTED: &str = "@if(and(greater(length(coalesce(triggerBody()?['items'], createArray())), 0), \
     not(equals(toLower(trim(triggerBody()?['kind'])), 'none'))), \
     concat(first(triggerBody()?['items'])?['name'], '-', string(add(mul(2, 3), sub(10, 4)))), \
     'it''s empty')";

/// The inputs of an action with several expressions at several depths.
const INPUTS: &str = r#"{
    "statusCode": 200,
    "headers": {"Content-Type": "application/json", "X-Total": "@{outputs('Compose')['total']}"},
    "body": {
        "id": "@triggerBody()['id']",
        "tier": "@coalesce(outputs('Gold'), outputs('Basic'))",
        "slug": "@outputs('Slug')",
        "lines": [{"n": "@add(1, 2)"}, {"n": "@{div(10, 3)}"}, "plain text", "@@escaped"]
    }
}"#;

fn parse(c: &mut Criterion) {
    let mut group = c.benchmark_group("parse");
    for (name, text) in [("short", SHORT), ("interpolated", INTERPOLATED), ("nested", NESTED)] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| Template::compile_text(black_box(text), &NoBinder).expect("valid"));
        });
    }
    let inputs = json::parse(INPUTS.as_bytes()).expect("valid JSON");
    group.throughput(Throughput::Bytes(INPUTS.len() as u64));
    group.bench_function("action inputs", |b| {
        b.iter(|| Template::compile(black_box(&inputs), &NoBinder).expect("valid"));
    });
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
