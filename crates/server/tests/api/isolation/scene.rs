//! A random world: environments, people, groups, programs, and what they made and share.

use super::model::{Noun, Place, Thing, Who};
use crate::support::random::Random;
use crate::world::{Answer, World, compose, definition};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};

pub const PEOPLE: usize = 7;
const PROGRAMS: usize = 3;
const FLOWS: usize = 12;
const OTHERS: usize = 6;

pub struct Scene {
    pub world: World,
    pub random: Random,
    pub places: Vec<Place>,
    pub all: Vec<Who>,
    pub things: Vec<Thing>,
    made: usize,
}

impl Scene {
    pub async fn build(seed: u64) -> Scene {
        let (world, random) = (World::start().await, Random::new(seed));
        let (places, all, things) = (Vec::new(), Vec::new(), Vec::new());
        let mut scene = Scene { world, random, places, all, things, made: 0 };
        scene.environments().await;
        scene.people().await;
        for _ in 0..FLOWS {
            scene.flow().await;
        }
        for place in 0..scene.places.len() {
            scene.connector(place, "shared_walk").await;
        }
        for number in 0..OTHERS {
            let place = scene.below(scene.places.len());
            scene.connector(place, &format!("shared_own{number}")).await;
            scene.connection().await;
            scene.variable().await;
            scene.approval().await;
        }
        scene
    }

    pub fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).expect("a small number");
        usize::try_from(self.random.below(limit)).expect("a small number")
    }

    /// A text that is nowhere else.
    fn marker(&mut self) -> String {
        format!("mark{:016x}", self.random.next())
    }

    pub fn guid(&mut self) -> String {
        let (a, b) = (self.random.next(), self.random.next());
        let text = format!("{a:016x}{b:016x}");
        format!(
            "{}-{}-{}-{}-{}",
            &text[..8],
            &text[8..12],
            &text[12..16],
            &text[16..20],
            &text[20..]
        )
    }

    pub async fn send(
        &self,
        who: usize,
        (method, path, body): (Method, &str, Option<&Value>),
    ) -> Answer {
        let key = &self.all[who].key;
        let mut request = self.world.api.request(method, path).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(body);
        }
        Answer::of(request).await
    }

    async fn done(&self, who: usize, method: Method, path: &str, body: &Value) -> Value {
        let answer = self.send(who, (method.clone(), path, Some(body))).await;
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        serde_json::from_str(&answer.text).unwrap_or_default()
    }

    fn know(&mut self, noun: Noun, id: &str, place: usize, owner: &str, marker: String) {
        self.things.push(Thing {
            noun,
            id: id.to_owned(),
            place,
            owner: owner.to_owned(),
            shares: Vec::new(),
            run: String::new(),
            marker,
            // each environment has a connector of that name
            is_alive: noun != Noun::Server && id != "shared_walk",
        });
    }

    async fn environments(&mut self) {
        for number in 0..3 {
            let marker = self.marker();
            let name = format!("place{number}");
            let body = json!({"name": name, "displayName": marker, "description": marker});
            let made = self.world.call(Method::POST, "/api/v1/environments", body, 201).await;
            let wire = made["id"].as_str().expect("an id").to_owned();
            self.know(Noun::Environment, &wire, number, "", marker.clone());
            self.places.push(Place { wire, is_open: false, marker });
        }
        let shown = self.world.api.get("/api/v1/environments/default").await;
        let wire = shown["id"].as_str().expect("an id").to_owned();
        self.know(Noun::Environment, &wire, 3, "", "mark-of-default".to_owned());
        self.places.push(Place { wire, is_open: true, marker: "mark-of-default".to_owned() });
    }

    /// Random roles: the wire's, and the places of makers and administrators.
    fn roles(&mut self, is_head: bool) -> (Value, Vec<usize>, Vec<usize>) {
        if is_head {
            return (json!([{"role": "tenantAdministrator"}]), Vec::new(), Vec::new());
        }
        let (mut roles, mut makes, mut administers) = (Vec::new(), Vec::new(), Vec::new());
        for place in 0..3 {
            let (name, places) = match self.below(5) {
                0 => ("environmentAdministrator", &mut administers),
                1 | 2 => ("environmentMaker", &mut makes),
                _ => continue,
            };
            places.push(place);
            roles.push(json!({"role": name, "environment": format!("place{place}")}));
        }
        (roles.into(), makes, administers)
    }

    async fn people(&mut self) {
        for number in 0..PEOPLE + PROGRAMS {
            let is_person = number < PEOPLE;
            let is_head = number == 0 || number == PEOPLE + PROGRAMS - 1;
            let (mut roles, mut makes, mut administers) = self.roles(is_head);
            // one program is nothing at all
            if number == PEOPLE {
                (roles, makes, administers) = (json!([]), Vec::new(), Vec::new());
            }
            let marker = self.marker();
            let body = json!({"displayName": marker, "roles": roles});
            let (path, mut body) = match is_person {
                true => ("/api/v1/users", body),
                false => ("/api/v1/applications", body),
            };
            if is_person {
                body["userPrincipalName"] = format!("u{number}@example.org").into();
            }
            let made = self.world.call(Method::POST, path, body, 201).await;
            let id = made["id"].as_str().expect("an id").to_owned();
            let body = json!({"name": format!("key{number}"), "principal": id});
            let key = self.world.call(Method::POST, "/api/v1/keys", body, 201).await;
            let key = key["key"].as_str().expect("a key").to_owned();
            self.know(Noun::Server, &id, 0, "", marker);
            let principals = vec![id.clone()];
            self.all.push(Who { id, key, is_person, is_head, makes, administers, principals });
        }
        for number in 0..2 {
            let (roles, makes, administers) = self.roles(false);
            let marker = self.marker();
            let body = json!({"displayName": marker, "roles": roles});
            let made = self.world.call(Method::POST, "/api/v1/groups", body, 201).await;
            let id = made["id"].as_str().expect("an id").to_owned();
            self.know(Noun::Server, &id, 0, "", marker);
            let members = [1 + self.below(3), 4 + number];
            for member in members {
                let it = &mut self.all[member];
                it.makes.extend(&makes);
                it.administers.extend(&administers);
                it.principals.push(id.clone());
            }
            let body = json!({"add": members.map(|member| &self.all[member].id)});
            let path = format!("/api/v1/groups/{id}/members");
            self.world.call(Method::POST, &path, body, 200).await;
        }
        self.connect().await;
    }

    /// Everybody who is a person has a connection to each connector of the server.
    async fn connect(&self) {
        let body = json!({"properties": {"connectionParametersSet": {"name": "firstParty", "values": {}}}});
        let filter = format!("$filter=environment%20eq%20%27{}%27", self.places[3].wire);
        for who in 0..PEOPLE {
            for (connector, mark) in [("flowmanagement", "m"), ("microsoftflowforadmins", "a")] {
                let path = format!(
                    "/providers/Microsoft.PowerApps/apis/shared_{connector}/connections/{mark}{who}?{filter}"
                );
                self.done(who, Method::PUT, &path, &body).await;
            }
        }
    }

    /// Somebody who makes things in a place.
    fn maker(&mut self) -> (usize, usize) {
        loop {
            let (who, place) = (self.below(PEOPLE), self.below(self.places.len()));
            if self.all[who].is_maker(place, &self.places) {
                return (who, place);
            }
        }
    }

    /// Somebody to share with: a person or a group.
    pub fn principal(&mut self) -> (String, &'static str) {
        let who = self.below(PEOPLE);
        let known = &self.all[who].principals;
        match (known.get(1), self.random.below(3)) {
            (Some(group), 0) => (group.clone(), "Group"),
            _ => (known[0].clone(), "User"),
        }
    }

    pub async fn flow(&mut self) {
        let ((who, place), marker) = (self.maker(), self.marker());
        let mut document = definition(json!({
            "Say": compose("", json!(format!("{marker} @{{triggerBody()}}"))),
            "Rest": {"type": "Wait", "runAfter": {"Say": ["Succeeded"]},
                "inputs": {"interval": {"count": 1, "unit": "Hour"}}},
        }));
        document["triggers"]["manual"]["inputs"] = json!({});
        let body = json!({"properties": {"displayName": marker, "state": "Started",
            "definition": document, "connectionReferences": []}});
        let flows = format!(
            "/providers/Microsoft.ProcessSimple/environments/{}/flows",
            self.places[place].wire
        );
        let made = self.done(who, Method::POST, &flows, &body).await;
        let id = made["name"].as_str().expect("a name").to_owned();
        let run = format!("{flows}/{id}/triggers/manual/run");
        let run = self.done(who, Method::POST, &run, &json!({"text": marker})).await;
        let owner = self.all[who].id.clone();
        self.know(Noun::Flow, &id, place, &owner, marker);
        let last = self.things.len() - 1;
        self.things[last].run = run["name"].as_str().expect("a run").to_owned();
        for (what, part) in [("modifyOwners", 2), ("modifyUsers", 1)] {
            let (principal, kind) = self.principal();
            let thing = &mut self.things[last];
            if principal == owner || thing.shares.iter().any(|(it, _)| *it == principal) {
                continue;
            }
            thing.shares.push((principal.clone(), part));
            let body =
                json!({"put": [{"properties": {"principal": {"id": principal, "type": kind}}}]});
            self.done(who, Method::POST, &format!("{flows}/{id}/{what}"), &body).await;
        }
    }

    async fn connector(&mut self, place: usize, name: &str) {
        let maker = (0..PEOPLE).rfind(|who| self.all[*who].is_maker(place, &self.places));
        let Some(who) = maker else { return };
        let marker = self.marker();
        let body = json!({"name": name,
            "definition": json!({"swagger": "2.0", "info": {"title": marker}, "paths": {}}).to_string(),
            "properties": r#"{"properties": {"connectionParameters": {"key": {"type": "string"}}}}"#});
        let path = format!("/api/v1/environments/{}/connectors", self.places[place].wire);
        self.done(who, Method::POST, &path, &body).await;
        let owner = self.all[who].id.clone();
        self.know(Noun::Connector, name, place, &owner, marker);
    }

    async fn connection(&mut self) {
        let ((who, place), marker) = (self.maker(), self.marker());
        let name = self.guid().replace('-', "");
        let body =
            json!({"properties": {"displayName": marker, "connectionParameters": {"key": marker}}});
        let at = format!("/providers/Microsoft.PowerApps/apis/shared_walk/connections/{name}");
        let filter = format!("$filter=environment%20eq%20%27{}%27", self.places[place].wire);
        self.done(who, Method::PUT, &format!("{at}?{filter}"), &body).await;
        let owner = self.all[who].id.clone();
        self.know(Noun::Connection, &name, place, &owner, marker);
        let last = self.things.len() - 1;
        for (role, part) in [("CanView", 1), ("CanViewWithShare", 2), ("CanEdit", 3)] {
            let (principal, kind) = self.principal();
            let thing = &mut self.things[last];
            if principal == owner || thing.shares.iter().any(|(it, _)| *it == principal) {
                continue;
            }
            thing.shares.push((principal.clone(), part));
            let body = json!({"put": [{"properties": {"roleName": role,
                "principal": {"id": principal, "type": kind}}}]});
            self.done(who, Method::POST, &format!("{at}/modifyPermissions?{filter}"), &body).await;
        }
    }

    async fn variable(&mut self) {
        let ((who, place), marker) = (self.maker(), self.marker());
        self.made += 1;
        let name = format!("walk_v{}", self.made);
        let body = json!({"schemaName": name, "type": "String", "value": marker});
        let path = format!("/api/v1/environments/{}/variables", self.places[place].wire);
        self.done(who, Method::POST, &path, &body).await;
        let owner = self.all[who].id.clone();
        self.know(Noun::Variable, &name, place, &owner, marker);
    }

    /// Somebody asks one or two others, who may see what it is about.
    async fn approval(&mut self) {
        let ((who, place), marker) = (self.maker(), self.marker());
        let asked = [self.below(PEOPLE), self.below(PEOPLE)];
        let to = asked.map(|it| self.all[it].id.clone());
        let body = json!({"approvalType": "BasicAwaitAll", "title": marker, "assignedTo": to.join(";"),
            "details": marker, "attachments": [{"name": "a.txt", "content": STANDARD.encode(&marker)}]});
        let path = format!("/api/v1/environments/{}/approvals", self.places[place].wire);
        let made = self.done(who, Method::POST, &path, &body).await;
        let id = made["id"].as_str().expect("an id").to_owned();
        let owner = self.all[who].id.clone();
        self.know(Noun::Approval, &id, place, &owner, marker);
        let last = self.things.len() - 1;
        to.iter().for_each(|person| self.share(last, person, 2));
    }

    /// What root sees of a thing, and how much was ever changed.
    pub async fn state(&self, at: usize) -> String {
        let (thing, mut state) = (&self.things[at], String::new());
        let (id, wire) = (&thing.id, &self.places[thing.place].wire);
        let apps = format!(
            "/providers/Microsoft.PowerApps/scopes/admin/environments/{wire}/apis/shared_walk/connections/{id}"
        );
        let flow = format!(
            "/providers/Microsoft.ProcessSimple/scopes/admin/environments/{wire}/flows/{id}"
        );
        let paths = match thing.noun {
            Noun::Flow => vec![
                format!("/api/v1/flows/{id}?environment={wire}"),
                format!("{flow}/permissions"),
                format!("{flow}/runs"),
            ],
            Noun::Connection => vec![apps.clone(), format!("{apps}/permissions")],
            Noun::Connector => vec![format!("/api/v1/environments/{wire}/connectors/{id}")],
            Noun::Approval => vec![format!("/api/v1/approvals/{id}")],
            Noun::Variable => vec![format!("/api/v1/environments/{wire}/variables/{id}")],
            Noun::Environment => vec![
                format!("/api/v1/environments/{id}"),
                format!("/api/v1/flows?environment={id}&deleted=true"),
            ],
            Noun::Server => Vec::new(),
        };
        for path in paths {
            let (status, shown) = self.world.api.call(Method::GET, &path, None).await;
            assert!(status == 200 || path.ends_with("permissions"), "{path}: {shown}");
            state = format!("{state}{path}: {shown}\n");
        }
        let last = self.world.api.get("/api/v1/audit?top=1").await;
        format!("{state}{}", last["value"][0]["number"])
    }

    /// What an allowed share means.
    pub fn share(&mut self, at: usize, principal: &str, part: u8) {
        let thing = &mut self.things[at];
        if thing.owner != principal {
            thing.shares.retain(|(it, _)| it != principal);
            thing.shares.push((principal.to_owned(), part));
        }
    }

    /// Whether giving somebody a part is nothing that has rules of its own.
    pub fn is_new(&self, at: usize, principal: &str) -> bool {
        let thing = &self.things[at];
        thing.owner != principal && !thing.shares.iter().any(|(it, _)| it == principal)
    }
}
