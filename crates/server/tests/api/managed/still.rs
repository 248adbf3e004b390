//! A house whose flows call connectors, and in which time passes only when it is told to.

use super::machine::{Call, Connection, Machine, Outcome};
use crate::login::house::{House, Plan};
use crate::people::OWNER;
use crate::support::api::{Api, path_of};
use crate::world::definition;
use serde_json::{Value, json};
use server::app::access::{FlowAt, Scope, id_to_guid};
use server::app::catalog::FlowState;
use server::app::connector::connection::ConnectionInput;
use server::app::connector::throttle::ConnectorLimits;
use server::app::flow::FlowInput;
use server::auth::caller::{Caller, Role};

pub struct Still {
    pub house: House,
    pub api: Api,
    /// Who makes everything, and administers the tenant.
    pub ada: Caller,
}

impl Still {
    /// With the limits of the pages, but for some.
    pub async fn build(change: impl FnOnce(&mut ConnectorLimits)) -> Still {
        let mut limits = ConnectorLimits { are_on: true, ..ConnectorLimits::default() };
        change(&mut limits);
        let plan = Plan { limits: Some(limits), ..Plan::default() };
        let house = House::build(plan).await;
        let ada = house.user("ada", vec![Role::TenantAdministrator]).await;
        let ada = Caller::person(&ada.id, Vec::new(), Vec::new());
        let api = Api::new(house.address);
        Still { house, api, ada }
    }

    pub async fn connection(&self, connector: &'static str, name: &str) -> Connection {
        let input =
            ConnectionInput { set: Some("firstParty".to_owned()), ..ConnectionInput::default() };
        let at = ("default", connector);
        let made = self.house.app.create_connection(&self.ada, at, Some(name), input).await;
        made.map(|_| ()).expect("a connection");
        let (environment, name) = ("default".to_owned(), name.to_owned());
        Connection { who: OWNER, environment, connector, name }
    }

    /// A flow with these actions.
    pub async fn flow(&self, connection: &Connection, actions: Value, calls: &[Call]) -> Machine {
        let document = json!({"properties": {"definition": definition(actions),
            "connectionReferences": {connection.connector: connection.reference()}}});
        let input = FlowInput {
            display_name: Some("Caller".to_owned()),
            dialect: Some(flow::definition::Dialect::PowerAutomate),
            state: Some(FlowState::Started),
            document: document.to_string().into_bytes(),
            ..FlowInput::default()
        };
        let app = &self.house.app;
        let made = app.create_flow(&self.ada, "default", input).await.expect("a flow");
        let id = id_to_guid(&made.entry.row.id);
        let at = FlowAt { environment: "default", name: &id, scope: Scope::Mine };
        let url = app.callback_url(&self.ada, at, None).await.expect("an address");
        Machine::at(path_of(&url.value), calls)
    }

    /// What calls, one after the other, come to.
    pub async fn calls(&self, connection: &Connection, calls: &[Call]) -> Vec<Outcome> {
        let machine = self.flow(connection, connection.actions(calls), calls).await;
        machine.run_at(&self.api).await
    }

    /// What calls at the same moment come to.
    pub async fn together(&self, connection: &Connection, calls: &[Call]) -> Vec<Outcome> {
        let mut actions = connection.actions(calls);
        for action in actions.as_object_mut().expect("actions").values_mut() {
            action["runAfter"] = json!({});
        }
        self.flow(connection, actions, calls).await.run_at(&self.api).await
    }
}
