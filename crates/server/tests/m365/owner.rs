//! Owners: given and taken by object id and by name.

use crate::client::Cli;
use crate::flow::Flow;
use crate::world::{principal_name, text};
use serde_json::Value;
use std::collections::BTreeSet;

/// Who is there to share with.
pub struct Others {
    /// Object ids of the users `ben` and `cleo`.
    pub ben: String,
    pub cleo: String,
    /// Object ids of the groups `Sales` and `Support`.
    pub sales: String,
    pub support: String,
}

fn listed(owners: &Value) -> BTreeSet<[String; 3]> {
    let owners = owners.as_array().expect("a list").iter();
    let part = |owner: &Value, place: &str| text(owner.pointer(place).expect("a member"));
    let places = ["/name", "/properties/roleName", "/properties/principal/type"];
    owners.map(|owner| places.map(|place| part(owner, place))).collect()
}

/// Shares a flow in every way and takes it back; `scope` is empty, or asks as an
/// administrator.
pub async fn share(cli: &Cli, flow: &Flow, others: &Others, scope: &str) {
    let Others { ben, cleo, sales, support } = others;
    let list = format!("flow owner list {}{scope}", flow.within());
    let before = listed(&cli.json(&list).await);
    let name = principal_name("cleo");
    let given = [
        (format!("--userId {ben}"), "CanEdit", [ben, "CanEdit", "User"]),
        (format!("--userName {name}"), "CanView", [cleo, "CanView", "User"]),
        (format!("--groupId {sales}"), "CanView", [sales, "CanView", "Group"]),
        ("--groupName Support".to_owned(), "CanEdit", [support, "CanEdit", "Group"]),
    ];
    let mut expected = before.clone();
    for (whom, role, shown) in &given {
        let whom = format!("{whom} --roleName {role}{scope}");
        cli.done(&format!("flow owner ensure {} {whom}", flow.within())).await;
        expected.insert(shown.map(str::to_owned));
    }
    assert_eq!(listed(&cli.json(&list).await), expected);
    for (whom, _, _) in &given {
        cli.done(&format!("flow owner remove {} {whom} --force{scope}", flow.within())).await;
    }
    assert_eq!(listed(&cli.json(&list).await), before);
    let nobody =
        [format!("--userName {}", principal_name("nobody")), "--groupName Nobody".to_owned()];
    let ensure = |whom: &String| {
        format!("flow owner ensure {} {whom} --roleName CanEdit{scope}", flow.within())
    };
    cli.all_refused(&nobody.each_ref().map(ensure), &["does not exist"]).await;
}
