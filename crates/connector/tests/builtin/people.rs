//! People from a directory.

use crate::world::World;
use connector::builtin::{Directory, DirectoryFailure, Person, Photo};
use serde_json::{Value as Json, json};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

type Later<'a, T> = Pin<Box<dyn Future<Output = Result<T, DirectoryFailure>> + Send + 'a>>;

/// Anna leads Bert and Carla.
struct House;

fn person(name: &str) -> Person {
    let properties = json!({ "displayName": name, "mail": format!("{name}@x.org"), "city": "Ulm",
        "mobilePhone": "1" });
    Person {
        id: format!("id-{name}"),
        user_principal_name: format!("{name}@x.org"),
        properties: properties.as_object().unwrap().clone(),
    }
}

fn find(name: &str) -> Option<Person> {
    let all = ["anna", "bert", "carla"];
    let is = |it: &&&str| name == format!("{it}@x.org") || name == format!("id-{it}");
    all.iter().find(is).map(|it| person(it))
}

impl Directory for House {
    fn person<'a>(&'a self, name: &'a str) -> Later<'a, Option<Person>> {
        Box::pin(async move { Ok(find(name)) })
    }

    fn manager<'a>(&'a self, name: &'a str) -> Later<'a, Option<Person>> {
        let found = find(name).filter(|it| it.id != "id-anna").map(|_| person("anna"));
        Box::pin(async move { Ok(found) })
    }

    fn direct_reports<'a>(&'a self, name: &'a str) -> Later<'a, Vec<Person>> {
        let found = find(name).filter(|it| it.id == "id-anna");
        let found = found.map(|_| vec![person("bert"), person("carla")]).unwrap_or_default();
        Box::pin(async move { Ok(found) })
    }

    fn search<'a>(&'a self, text: &'a str, from: u64, most: u64) -> Later<'a, Vec<Person>> {
        let all = ["anna", "bert", "carla"].into_iter().filter(|it| it.starts_with(text));
        let all = all.skip(usize::try_from(from).unwrap()).take(usize::try_from(most).unwrap());
        let found = all.map(person).collect();
        Box::pin(async move { Ok(found) })
    }

    fn photo<'a>(&'a self, name: &'a str) -> Later<'a, Option<Photo>> {
        let photo = Photo {
            content_type: "image/jpeg".to_owned(),
            bytes: vec![255, 216],
            width: 2,
            height: 3,
        };
        let found = find(name).filter(|it| it.id == "id-anna").map(|_| photo);
        Box::pin(async move { Ok(found) })
    }
}

#[tokio::test]
async fn people_are_looked_up_and_searched() {
    let mut world = World::new(None);
    world.context.directory = Some(Arc::new(House));
    let connection = json!({ "userPrincipalName": "bert@x.org" });
    let call = async |operation: &str, parameters: Json| {
        world.call("shared_office365users", operation, &connection, parameters).await
    };
    let anna = json!({ "id": "anna@x.org", "$select": "displayName, Mail" });
    let expected = json!({ "displayName": "anna", "mail": "anna@x.org" });
    assert_eq!(call("UserProfile_V2", anna.clone()).await, (200, expected.clone()));
    assert_eq!(call("MyProfile_V2", json!({})).await.1["id"], "id-bert");
    assert_eq!(call("UserProfile_V2", json!({ "id": "nobody@x.org" })).await.0, 404);
    let bert = json!({ "id": "id-bert", "$select": "displayName,mail" });
    assert_eq!(call("Manager_V2", bert).await, (200, expected));
    assert_eq!(call("Manager_V2", anna.clone()).await.0, 404);
    let reports = json!({ "id": "anna@x.org", "$top": 1 });
    let (_, reports) = call("DirectReports_V2", reports).await;
    assert_eq!(reports["value"].as_array().unwrap().len(), 1);
    assert_eq!(call("DirectReports_V2", json!({ "id": "x" })).await.0, 404);

    let (_, found) = call("SearchUserV2", json!({ "searchTerm": "b" })).await;
    assert_eq!(found["value"][0]["DisplayName"], "bert");
    assert_eq!(found["value"][0]["mobilePhone"], "1");
    assert_eq!(call("SearchUserV2", json!({})).await.1["value"], json!([]));
    let all = json!({ "top": 2, "isSearchTermRequired": false });
    let (_, page) = call("SearchUserV2", all).await;
    assert_eq!(page["value"].as_array().unwrap().len(), 2);
    assert_eq!(page["@odata.nextLink"], "skipToken=2");
    let rest = json!({ "top": 2, "isSearchTermRequired": false, "skipToken": "2" });
    let (_, page) = call("SearchUserV2", rest).await;
    assert_eq!((page["value"].as_array().unwrap().len(), page.get("@odata.nextLink")), (1, None));

    let (_, photo) = call("UserPhotoMetadata", json!({ "userId": "anna@x.org" })).await;
    assert_eq!(photo["ImageFileExtension"], ".jpg");
    let (_, none) = call("UserPhotoMetadata", json!({ "userId": "bert@x.org" })).await;
    assert_eq!(none, json!({ "HasPhoto": false }));
    let (_, photo) = call("UserPhoto_V2", json!({ "id": "anna@x.org" })).await;
    assert_eq!(photo, json!({ "$content-type": "image/jpeg", "$content": "/9g=" }));
    assert_eq!(call("UserPhoto_V2", json!({ "id": "bert@x.org" })).await.0, 404);
}
