//! What it costs to take a run from its trigger to its batch, nothing stored.

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use durable::{Partition, ProcessId};
use expr::{Object, Value, json};
use flow::Flow;
use flow::definition::{LoadOptions, load};
use flow::run::state::Caller;
use flow::run::{FlowInfo, Input, Moment, Run, StartRequest, Step};
use sluicegate_bench::definition;
use sluicegate_bench::order::{Filler, Order};
use std::hint::black_box;
use std::sync::Arc;

/// A moment in 2026.
const NOW: i64 = 639_000_000_000_000_000;

struct Scene {
    flow: Arc<Flow>,
    info: Arc<FlowInfo>,
    body: Vec<u8>,
}

impl Scene {
    fn new(document: &serde_json::Value, body: Vec<u8>) -> Scene {
        let report = load(document.to_string().as_bytes(), &LoadOptions::default());
        let loaded = report.loaded.unwrap_or_else(|| panic!("{:?}", report.problems));
        let info = FlowInfo {
            key: 1,
            id: "flow".to_owned(),
            name: "flow".to_owned(),
            display_name: "flow".to_owned(),
            environment: "default".to_owned(),
            version: 1,
            public_url: "http://127.0.0.1".to_owned(),
            callback_key: Default::default(),
        };
        Scene { flow: Arc::new(loaded.flow), info: Arc::new(info), body }
    }

    /// All steps of a run that waits for nothing.
    fn run(&self) -> Step {
        let parsed = json::parse(&self.body).expect("the body is JSON");
        let mut outputs = Object::new();
        outputs.insert("headers", Value::from(Object::new()));
        outputs.insert("body", parsed);
        let request = StartRequest {
            id: ProcessId::new(NOW, Partition(0), 1),
            flow: self.flow.clone(),
            info: self.info.clone(),
            trigger: "manual",
            outputs: outputs.into(),
            raw_body: Some(&self.body),
            scheduled: None,
            client_tracking_id: None,
            origin: None,
            caller: Caller::Request { deadline: NOW + 1_200_000_000 },
            start_key: None,
            parameters: expr::Object::new(),
            invoker: expr::Value::Null,
            is_held: false,
        };
        let moment = Moment { now: NOW, seed: 1 };
        let (mut run, mut step) = Run::start(request, moment).expect("the trigger is there");
        while step.more {
            step = run.handle(Input::Continue, moment);
        }
        assert!(run.status().is_final(), "the run is over after its last step");
        step
    }
}

fn order_scene() -> Scene {
    let mut body = Vec::new();
    Order::new(4711).write_body(Filler::Words, &mut body);
    Scene::new(&definition::order_answered(), body)
}

fn items_scene(count: u64) -> Scene {
    let items: Vec<serde_json::Value> = (0..count)
        .map(|n| serde_json::json!({"n": n, "name": format!("item number {n}")}))
        .collect();
    let body = serde_json::json!({"items": items}).to_string().into_bytes();
    Scene::new(&definition::items(), body)
}

fn step(c: &mut Criterion) {
    let mut group = c.benchmark_group("step");
    let scene = order_scene();
    group.throughput(Throughput::Elements(1));
    group.bench_function("order, five steps", |b| b.iter(|| black_box(&scene).run()));
    let scene = items_scene(1_000);
    group.throughput(Throughput::Elements(2_000));
    group.bench_function("1,000 items, two actions", |b| {
        b.iter_batched(|| &scene, Scene::run, BatchSize::SmallInput);
    });
    group.finish();
}

criterion_group!(benches, step);
criterion_main!(benches);
