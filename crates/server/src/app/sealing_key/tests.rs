use super::*;
use crate::app::catalog::Catalog;
use crate::app::directory::user::UserInput;
use crate::app::flow::FlowInput;
use crate::cli::serve::ServeArgs;
use crate::clock::Clock;
use crate::config::Config;
use crate::open::{open_sealer, open_store};
use crate::worker::known_secret::Kept;
use crate::worker::{Engine, EngineParts, EngineSettings, HttpOutside};
use durable::NodeId;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use store::Store;
use tempfile::TempDir;

/// A store and the folder of each node.
struct Place {
    dir: TempDir,
    database: Option<String>,
    /// Lives as long as the place.
    _postgres: Option<Arc<rig::Postgres>>,
    /// Seconds that all clocks are ahead.
    ahead: Arc<AtomicI64>,
}

impl Place {
    fn sqlite() -> Place {
        Place {
            dir: tempfile::tempdir().unwrap(),
            database: None,
            _postgres: None,
            ahead: Arc::default(),
        }
    }

    async fn postgres(name: &str) -> Place {
        let postgres = rig::Postgres::shared().unwrap();
        let database = Some(postgres.create_database(name).await.unwrap());
        Place { database, _postgres: Some(postgres), ..Place::sqlite() }
    }

    fn config(&self, node: u64, variables: &[(&str, &Path)]) -> Config {
        let data = match self.database {
            Some(_) => self.dir.path().join(node.to_string()),
            None => self.dir.path().to_owned(),
        };
        let args = ServeArgs {
            data: Some(data),
            database_url: self.database.clone(),
            ..ServeArgs::default()
        };
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_str().unwrap().to_owned()));
        Config::load(args, variables).unwrap()
    }

    /// The file with the master key of the first node.
    fn key(&self) -> PathBuf {
        match self.database {
            Some(_) => self.dir.path().join("1/master.key"),
            None => self.dir.path().join("master.key"),
        }
    }

    async fn start(&self, node: u64) -> App {
        let key = self.key();
        let variables = [("SLUICEGATE_MASTER_KEY_FILE", key.as_path())];
        let config = self.config(node, if node > 1 { &variables } else { &[] });
        self.start_with(node, &config).await.unwrap()
    }

    async fn start_with(&self, node: u64, config: &Config) -> Result<App, String> {
        let store: Arc<dyn Store> = open_store(config).await?;
        let (system, ahead) = (Clock::new().unwrap(), Arc::clone(&self.ahead));
        let now = move || system.now() + ahead.load(Ordering::Relaxed) * SECOND;
        let clock = Clock::given(Arc::new(now), node);
        let sealer = open_sealer(config, &*store, clock.now()).await;
        let sealer = match sealer {
            Ok(sealer) => sealer,
            Err(error) => {
                store.close().await.unwrap();
                return Err(error);
            }
        };
        let engine = Engine::new(EngineParts {
            node: NodeId(node),
            catalog: Catalog::new(Arc::clone(&store), Arc::new(sealer)),
            store,
            clock,
            settings: EngineSettings {
                response_timeout: Duration::from_secs(10),
                retention: Duration::from_secs(86_400),
                recycle: Duration::from_secs(86_400),
            },
            outside: Arc::new(HttpOutside::new(connector::http::EgressPolicy::default())),
            paused: false,
        });
        engine.join().await.unwrap();
        Ok(App::new(engine, Arc::default(), "11111111-2222-4333-8444-555555555555"))
    }
}

async fn stop(app: App) {
    app.engine.leave().await;
    app.engine.store.close().await.unwrap();
}

fn root() -> Caller {
    Caller::root("test")
}

const PASSWORD: &str = "correct horse battery";

/// Something sealed of every kind.
async fn fill(app: &App) {
    let document = br#"{"triggers": {"manual": {"type": "Request", "kind": "Http"}}, "actions": {},
        "parameters": {"secret": {"type": "SecureString"}}}"#;
    for name in ["a", "b"] {
        let parameters = expr::json::parse(br#"{"secret": "planted"}"#).unwrap();
        let input = FlowInput {
            name: Some(name.to_owned()),
            display_name: None,
            dialect: None,
            parameters: Some(parameters),
            state: None,
            template_name: None,
            copied_from: None,
            document: document.to_vec(),
        };
        app.create_flow(&root(), "default", input).await.unwrap();
    }
    let input = UserInput {
        user_principal_name: "ada@example.org".to_owned(),
        display_name: None,
        mail: None,
        password: Some(PASSWORD.to_owned()),
        roles: Vec::new(),
    };
    let user = app.create_user(&root(), input).await.unwrap();
    let own = crate::app::signin::passkey::Own { user: &user, browser: "b", cookie: "" };
    assert!(app.begin_second_factor(&own, PASSWORD).await.is_ok());
    app.rotate_signing_key(&root()).await.unwrap();
    let sealed = app.engine.catalog.sealer().seal("connection c", b"planted").unwrap();
    let connection = serde_json::json!({"id": "c", "environment": "default", "connector": "x",
        "name": "c", "displayName": "c", "set": "", "parameters": {},
        "sealed": STANDARD.encode(sealed), "created": 1, "changed": 1});
    let connection: Connection = serde_json::from_value(connection).unwrap();
    let change = Change::default().put(&Known::new(connection)).unwrap();
    app.apply(&root(), change).await.unwrap();
    app.create_vault(&root(), "default", "v").await.unwrap();
    let at = vault::SecretAt { environment: "default", vault: "v", name: "s" };
    for value in ["planted", "planted anew"] {
        let input = vault::SecretInput {
            value: zeroize::Zeroizing::new(value.to_owned()),
            content_type: None,
            is_enabled: true,
            validity: vault::Validity::default(),
        };
        app.set_secret(&root(), at, input).await.unwrap();
    }
    let kept = Kept::of(&["planted".to_owned()], &[]);
    app.engine.note_secrets("f", &kept).await.unwrap();
}

/// Everything opens; by which keys.
async fn look(app: &App) -> Vec<Vec<u8>> {
    let catalog = &app.engine.catalog;
    let store = &app.engine.store;
    let mut sealed = Vec::new();
    for row in store.workflows(None, None, 10).await.unwrap() {
        let entry = catalog.entry(row.clone()).await.unwrap();
        let value = &entry.version.flow.parameters[0].value;
        assert_eq!(value.as_str(), Some("planted"));
        sealed.extend([row.primary_key, row.secondary_key]);
    }
    let user = app.list::<User>(BY_NAME, &[], None, 2).await.unwrap().rows.remove(0);
    let mut factor = app.get::<SecondFactor>(&user.id).await.unwrap().unwrap();
    let mut connection = app.get::<Connection>("c").await.unwrap().unwrap();
    let mut key = app.list::<SigningKey>(BY_TIME, &[], None, 2).await.unwrap().rows.remove(0);
    let values = app.list::<VaultSecretValue>(vault::BY_SECRET, &[], None, 9).await.unwrap();
    let mut values = values.rows;
    assert_eq!(values.len(), 2);
    let mut known = app.get::<KnownSecrets>("f").await.unwrap().unwrap();
    let masked = app.engine.known_secrets("f").await.unwrap().text("it is planted");
    assert_eq!(masked.as_deref(), Some("it is ********"));
    let others = [factor.sealed(), connection.sealed(), key.sealed(), known.sealed()];
    let values = values.iter_mut().map(|it| it.sealed());
    for (owner, text) in others.into_iter().chain(values).flatten() {
        let secret = STANDARD.decode(text).unwrap();
        catalog.open_secret(&owner, &secret).await.unwrap();
        sealed.push(secret);
    }
    app.keyring().await.map(drop).unwrap();
    sealed.push(store.setting(FIRST_KEY).await.unwrap().unwrap());
    let ids = sealed.iter().map(|sealed| sealed[1..9].to_vec());
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    ids.dedup();
    ids
}

/// Takes all steps of a rotation; a server dies after each, before the place was noted.
async fn rotate_dying(place: &Place, mut app: App) -> App {
    for _ in 0..100 {
        let before = app.get::<Rotation>(ROTATION).await.unwrap().unwrap();
        let stepped = app.rotation_step().await.unwrap();
        let mut after = app.get::<Rotation>(ROTATION).await.unwrap().unwrap();
        look(&app).await;
        match stepped {
            Stepped::Idle => return app,
            // the next beat says that the key is known
            Stepped::Waits => app.engine.join().await.unwrap(),
            Stepped::More => {}
        }
        after.value = before.value;
        app.apply(&root(), Change::default().put(&after).unwrap()).await.unwrap();
        stop(app).await;
        app = place.start(1).await;
        look(&app).await;
        if app.rotation_step().await.unwrap() == Stepped::Idle {
            return app;
        }
    }
    panic!("the rotation does not end");
}

async fn a_rotation_survives_everything(place: Place) {
    let app = place.start(1).await;
    fill(&app).await;
    let before = look(&app).await;
    assert_eq!(before.len(), 1);
    let rotation = app.rotate_sealing_key(&root()).await.unwrap();
    let refused = app.rotate_sealing_key(&root()).await.unwrap_err();
    assert_eq!(refused.code, "RotationUnderWay");
    let app = rotate_dying(&place, app).await;
    let after = look(&app).await;
    assert_eq!(after.iter().map(|id| hex(id)).collect::<String>(), rotation.key);
    let ended = app.get_rotation(&root()).await.unwrap();
    assert!(ended.ended.is_some() && ended.stage == Stage::Done && ended.damaged == 0);
    let keys = app.list_sealing_keys(&root()).await.unwrap();
    assert!(keys[0].is_sealing && keys[0].id == rotation.key && keys[1].retired.is_some());
    // a day later the old key goes, after one more look
    place.ahead.fetch_add(SEALING_KEY_KEPT_SECONDS + 60, Ordering::Relaxed);
    assert_eq!(app.rotation_step().await.unwrap(), Stepped::More);
    let app = rotate_dying(&place, app).await;
    assert_eq!(app.list_sealing_keys(&root()).await.unwrap().len(), 1);
    assert_eq!(app.rotation_step().await.unwrap(), Stepped::Idle);
    stop(app).await;
    let app = place.start(1).await;
    assert_eq!(look(&app).await, after);
    let record = app.engine.store.audit(store::AuditFilter { rows_max: 50, ..Default::default() });
    let told: Vec<String> = record.await.unwrap().into_iter().map(|it| it.operation).collect();
    for operation in ["RotateSealingKey", "FinishSealingKeyRotation"] {
        assert_eq!(told.iter().filter(|it| *it == operation).count(), 1, "{operation}");
    }
    stop(app).await;
}

#[tokio::test]
async fn a_rotation_survives_everything_on_sqlite() {
    a_rotation_survives_everything(Place::sqlite()).await;
}

#[tokio::test]
async fn a_rotation_survives_everything_on_postgresql() {
    a_rotation_survives_everything(Place::postgres("rotation").await).await;
}

#[tokio::test]
async fn several_nodes_rotate_together() {
    let place = Place::postgres("rotation_nodes").await;
    let one = place.start(1).await;
    fill(&one).await;
    let two = place.start(2).await;
    // the first gives what the second is to have
    for app in [&one, &two, &one, &two] {
        app.engine.join().await.unwrap();
    }
    let rotation = one.rotate_sealing_key(&root()).await.unwrap();
    let leader = async || -> Stepped {
        let both = [one.rotation_step().await.unwrap(), two.rotation_step().await.unwrap()];
        both.into_iter().find(|it| *it != Stepped::Idle).unwrap_or(Stepped::Idle)
    };
    // the second has not said that it knows the key
    one.engine.join().await.unwrap();
    assert_eq!(leader().await, Stepped::Waits);
    // and meets it all the same
    let sealed = one.engine.catalog.sealer().seal("x", b"secret").unwrap();
    assert_eq!(hex(&sealed[1..9]), rotation.key);
    assert!(two.engine.catalog.sealer().open_secret("x", &sealed).is_err());
    assert_eq!(two.engine.catalog.open_secret("x", &sealed).await.unwrap().as_slice(), b"secret");
    two.engine.join().await.unwrap();
    let mut steps = 0;
    while leader().await != Stepped::Idle {
        steps += 1;
        for app in [&one, &two] {
            look(app).await;
        }
        assert!(steps < 100, "the rotation does not end");
    }
    assert!(steps > 8, "{steps}");
    for app in [&one, &two] {
        let ids = look(app).await;
        assert_eq!(ids.iter().map(|id| hex(id)).collect::<String>(), rotation.key);
    }
    stop(one).await;
    stop(two).await;
}

#[tokio::test]
async fn another_master_key_takes_the_place_of_one() {
    let place = Place::postgres("rotation_master").await;
    let one = place.start(1).await;
    fill(&one).await;
    let new = place.dir.path().join("new.key");
    MasterKey::generate().unwrap().write(&new).unwrap();
    let old = place.key();
    // it opens nothing by itself
    let alone = place.config(2, &[("SLUICEGATE_MASTER_KEY_FILE", &new)]);
    let ring = |app: &App| {
        let store = Arc::clone(&app.engine.store);
        async move { store.record(ring::KIND, ring::ID).await.unwrap().unwrap() }
    };
    let before = ring(&one).await;
    let error = place.start_with(2, &alone).await.err().unwrap();
    assert!(error.contains("new.key is not the master key"), "{error}");
    let missing = place.config(2, &[("SLUICEGATE_MASTER_KEY_FILE", Path::new("/nowhere/k"))]);
    let error = place.start_with(2, &missing).await.err().unwrap();
    assert!(error.contains("is missing: expected it in /nowhere/k"), "{error}");
    let swapped = [
        ("SLUICEGATE_MASTER_KEY_FILE", new.as_path()),
        ("SLUICEGATE_PREVIOUS_MASTER_KEY_FILE", new.as_path()),
    ];
    let error = place.start_with(2, &place.config(2, &swapped)).await.err().unwrap();
    assert!(error.contains("is not the master key"), "{error}");
    assert_eq!(ring(&one).await, before);
    assert!(!place.dir.path().join("2/master.key").exists());

    // node by node
    let both = [
        ("SLUICEGATE_MASTER_KEY_FILE", new.as_path()),
        ("SLUICEGATE_PREVIOUS_MASTER_KEY_FILE", old.as_path()),
    ];
    let two = place.start_with(2, &place.config(2, &both)).await.unwrap();
    for app in [&one, &two] {
        app.engine.join().await.unwrap();
        look(app).await;
        let refused = app.rotate_sealing_key(&root()).await.unwrap_err();
        assert_eq!(refused.code, "MasterKeysDiffer");
    }
    stop(one).await;
    let one = place.start_with(1, &place.config(1, &both)).await.unwrap();
    for app in [&two, &one, &two] {
        app.engine.join().await.unwrap();
    }
    one.rotate_sealing_key(&root()).await.unwrap();
    for _ in 0..100 {
        for app in [&one, &two] {
            app.engine.join().await.unwrap();
            app.rotation_step().await.unwrap();
        }
        if one.get_rotation(&root()).await.unwrap().ended.is_some() {
            break;
        }
    }
    look(&one).await;
    stop(two).await;
    let config = place.config(3, &[("SLUICEGATE_MASTER_KEY_FILE", &old)]);
    let error = place.start_with(3, &config).await.err().unwrap();
    assert!(error.contains("is not the master key"), "{error}");
    let config = place.config(3, &[("SLUICEGATE_MASTER_KEY_FILE", &new)]);
    let three = place.start_with(3, &config).await.unwrap();
    look(&three).await;
    stop(one).await;
    stop(three).await;
}

/// The first version of a flow as it was stored when only values of secure parameters were
/// sealed.
async fn old_version(app: &App, master: &MasterKey, row: &WorkflowRow) -> store::VersionRow {
    let mut version = app.engine.store.version(row.key, 1).await.unwrap().unwrap();
    let document = app.engine.catalog.document(row, 1).await.unwrap().unwrap();
    let mut secret = Vec::new();
    expr::codec::put(&document.parameters.unwrap(), &mut secret);
    let secret = master.seal_bare(format!("parameters of {}", row.id).as_bytes(), &secret);
    let mut bytes = vec![row.dialect | 0x80];
    expr::codec::put(&expr::json::parse(br#"{"secret": ""}"#).unwrap(), &mut bytes);
    bytes.extend_from_slice(&u32::try_from(secret.len()).unwrap().to_le_bytes());
    bytes.extend_from_slice(&secret);
    bytes.extend_from_slice(&document.text);
    version.document = durable::codec::compress(&bytes);
    version
}

/// A store from before there were keys besides the master key.
#[tokio::test]
async fn an_old_store_opens_and_is_sealed_anew() {
    let place = Place::sqlite();
    let app = place.start(1).await;
    fill(&app).await;
    // its secrets as they were: sealed with the master key itself, without a head
    let master = app.engine.catalog.sealer().master().unwrap().clone();
    let (store, sealer) = (Arc::clone(&app.engine.store), app.engine.catalog.sealer());
    for mut row in store.workflows(None, None, 10).await.unwrap() {
        let key = sealer.open_secret(&row.id, &row.primary_key).unwrap();
        row.primary_key = master.seal_bare(row.id.as_bytes(), &key);
        let key = sealer.open_secret(&row.id, &row.secondary_key).unwrap();
        row.secondary_key = master.seal_bare(row.id.as_bytes(), &key);
        let edit = Edit::ReplaceDocument(old_version(&app, &master, &row).await);
        store.change(vec![edit], Vec::new()).await.unwrap();
        store.update_workflow(row, None).await.unwrap();
    }
    let (kind, id) = (ring::KIND, ring::ID.to_owned());
    store.change(vec![Edit::Remove { kind, id, revision: None }], Vec::new()).await.unwrap();
    let flows = store.workflows(None, None, 10).await.unwrap();
    stop(app).await;
    // the wrong key changes nothing
    let path = place.key();
    let right = std::fs::read(&path).unwrap();
    std::fs::write(&path, [7; 32]).unwrap();
    let error = place.start_with(1, &place.config(1, &[])).await.err().unwrap();
    assert!(error.contains("is not the master key"), "{error}");
    std::fs::write(&path, right).unwrap();
    let app = place.start(1).await;
    for row in &flows {
        let opened = app.engine.catalog.open_secret(&row.id, &row.primary_key).await;
        assert_eq!(opened.unwrap().len(), 32);
    }
    app.rotate_sealing_key(&root()).await.unwrap();
    while app.rotation_step().await.unwrap() != Stepped::Idle {}
    let rotation = app.get_rotation(&root()).await.unwrap();
    assert!(rotation.ended.is_some() && rotation.sealed >= 4, "{rotation:?}");
    for row in app.engine.store.workflows(None, None, 10).await.unwrap() {
        assert_eq!(hex(&row.primary_key[1..9]), rotation.key);
        let version = app.engine.store.version(row.key, 1).await.unwrap().unwrap();
        assert_eq!(version.document[0], durable::codec::SEALED);
        let document = app.engine.catalog.document(&row, 1).await.unwrap().unwrap();
        let value = document.parameters.as_ref().and_then(|it| it.get("secret"));
        assert_eq!(value.and_then(|it| it.as_str()), Some("planted"));
    }
    // what was sealed with the keys that are gone is told, and left as it is
    assert!(rotation.damaged > 0, "{rotation:?}");
    stop(app).await;
}
