//! Mail through a real SMTP server into a real mailbox, and out of it by IMAP.

use crate::world::{World, items};
use connector::builtin::{HttpFailure, MailServer, MailTls};
use rig::mail::{MAIL_PASSWORD, MAIL_USER};
use rig::{Authority, Mail};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

struct Post {
    servers: Mail,
    world: World,
    _directory: TempDir,
}

fn post() -> Post {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::create(directory.path()).unwrap();
    let certificate = authority.issue("mail", &["localhost"]).unwrap();
    let servers = Mail::start(directory.path(), &certificate).unwrap();
    let world = World::new(Some(&std::fs::read(authority.certificate()).unwrap()));
    Post { servers, world, _directory: directory }
}

impl Post {
    fn outlook(&self) -> Json {
        json!({
            "userName": MAIL_USER, "password": MAIL_PASSWORD,
            "smtpServer": "localhost", "smtpPort": self.servers.smtp_tls, "smtpSecurity": "tls",
            "imapServer": "localhost", "imapPort": self.servers.imap_tls, "imapSecurity": "tls",
        })
    }

    fn smtp(&self, security: &str, port: u16) -> Json {
        json!({
            "serverAddress": "localhost", "port": port, "security": security,
            "userName": MAIL_USER, "password": MAIL_PASSWORD,
        })
    }

    async fn outlook_call(&self, operation: &str, parameters: Json) -> (u16, Json) {
        self.world.call("shared_office365", operation, &self.outlook(), parameters).await
    }

    async fn look(&self, filter: Json, state: &mut Json) -> Vec<Json> {
        let polled = self
            .world
            .poll("shared_office365", "OnNewEmailV3", &self.outlook(), filter, state)
            .await;
        *state = polled.state.clone();
        items(&polled)
    }

    async fn send(&self, email: Json) {
        let sent = self.outlook_call("SendEmailV2", json!({ "emailMessage": email })).await;
        assert_eq!(sent, (200, Json::Null));
    }
}

#[tokio::test]
async fn what_is_sent_arrives_with_all_its_parts() {
    let post = post();
    let mut state = Json::Null;
    assert_eq!(post.look(json!({}), &mut state).await, Vec::<Json>::new());
    post.send(json!({
        "To": "Maria <maria@example.org>; hans@example.org", "Cc": "ida@example.org",
        "Bcc": "secret@example.org", "ReplyTo": "answers@example.org",
        "Subject": "Größe & Preis", "Body": "<p>Grüße <b>hier</b></p>", "Importance": "High",
        "Attachments": [{ "Name": "prices ä.csv", "ContentBytes": "YSxiDQoxLDI=" }],
    }))
    .await;
    let found = post.look(json!({ "includeAttachments": true }), &mut state).await;
    assert_eq!(found.len(), 1);
    let mail = &found[0];
    assert_eq!(mail["subject"], "Größe & Preis");
    assert_eq!(mail["from"], MAIL_USER);
    assert_eq!(mail["toRecipients"], "maria@example.org;hans@example.org");
    assert_eq!(mail["ccRecipients"], "ida@example.org");
    assert_eq!(mail["bccRecipients"], Json::Null);
    assert_eq!(mail["replyTo"], "answers@example.org");
    assert_eq!(mail["importance"], "high");
    assert_eq!(mail["isHtml"], true);
    assert_eq!(mail["isRead"], false);
    assert_eq!(mail["bodyPreview"], "Grüße hier");
    assert_eq!(mail["internetMessageId"], "<call-1@example.org>");
    assert!(mail["receivedDateTime"].is_string());
    assert_eq!(mail["hasAttachments"], true);
    assert_eq!(mail["attachments"][0]["name"], "prices ä.csv");
    assert_eq!(mail["attachments"][0]["contentType"], "text/csv");
    assert_eq!(mail["attachments"][0]["contentBytes"], "YSxiDQoxLDI=");
    // Each mail is given once.
    assert_eq!(post.look(json!({}), &mut state).await.len(), 0);
}

#[tokio::test]
async fn a_filter_takes_only_what_it_says() {
    let post = post();
    let mut start = Json::Null;
    post.look(json!({}), &mut start).await;
    post.send(json!({ "To": "a@x.org", "Subject": "Invoice 1", "Body": "x", "Importance": "Low" }))
        .await;
    let file = json!([{ "Name": "x.txt", "ContentBytes": "eA==" }]);
    post.send(json!({ "To": "b@x.org", "Cc": "c@x.org", "Subject": "Offer", "Body": "x",
        "Attachments": file }))
        .await;
    for (filter, subjects) in [
        (json!({}), vec!["Invoice 1", "Offer"]),
        (json!({ "subjectFilter": "invoice" }), vec!["Invoice 1"]),
        (json!({ "to": "B@x.org" }), vec!["Offer"]),
        (json!({ "toOrCc": "c@x.org; d@x.org" }), vec!["Offer"]),
        (json!({ "from": MAIL_USER }), vec!["Invoice 1", "Offer"]),
        (json!({ "from": "somebody@x.org" }), vec![]),
        (json!({ "importance": "Low" }), vec!["Invoice 1"]),
        (json!({ "importance": "Any" }), vec!["Invoice 1", "Offer"]),
        (json!({ "fetchOnlyWithAttachment": "true" }), vec!["Offer"]),
    ] {
        let found = post.look(filter.clone(), &mut start.clone()).await;
        let found: Vec<&str> = found.iter().map(|it| it["subject"].as_str().unwrap()).collect();
        assert_eq!(found, subjects, "{filter}");
    }
    let found = post.look(json!({}), &mut start.clone()).await;
    assert_eq!(found[1]["attachments"], json!([]), "contents are given on demand");
}

#[tokio::test]
async fn a_folder_that_was_made_anew_gives_what_is_newer() {
    let post = post();
    let mut state = Json::Null;
    post.look(json!({}), &mut state).await;
    post.send(json!({ "To": "a@x.org", "Subject": "one", "Body": "x" })).await;
    let mut anew = state.clone();
    anew["uidValidity"] = json!(1);
    anew["uidNext"] = json!(900);
    anew["received"] = json!("2020-01-01T00:00:00Z");
    assert_eq!(post.look(json!({}), &mut anew).await.len(), 1);
    assert_eq!(anew["uidValidity"], state["uidValidity"]);
    assert_eq!(post.look(json!({}), &mut anew).await.len(), 0);
    anew["uidValidity"] = json!(1);
    assert_eq!(post.look(json!({}), &mut anew).await.len(), 0, "each mail is given once");
}

#[tokio::test]
async fn more_mails_than_one_poll_takes_come_with_the_next() {
    let post = post();
    let mut state = Json::Null;
    post.look(json!({}), &mut state).await;
    let to = json!({ "To": "a@x.org", "Subject": "many", "Body": "x" });
    for _ in 0..52 {
        post.send(to.clone()).await;
    }
    let first = post
        .world
        .poll("shared_office365", "OnNewEmailV3", &post.outlook(), json!({}), &state)
        .await;
    assert_eq!((first.items.len(), first.has_more), (50, true));
    let second = post
        .world
        .poll("shared_office365", "OnNewEmailV3", &post.outlook(), json!({}), &first.state)
        .await;
    assert_eq!((second.items.len(), second.has_more), (2, false));
}

#[tokio::test]
async fn mails_are_listed_the_newest_first() {
    let post = post();
    for subject in ["one", "two", "other"] {
        post.send(json!({ "To": "a@x.org", "Subject": subject, "Body": "x" })).await;
    }
    let list = async |query: Json| {
        let (status, body) = post.outlook_call("GetEmailsV3", query).await;
        assert_eq!(status, 200, "{body}");
        let mails = body["value"].as_array().unwrap().clone();
        mails.into_iter().map(|it| it["subject"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(list(json!({ "folderPath": "Inbox" })).await, ["other", "two", "one"]);
    assert_eq!(list(json!({ "top": 1 })).await, ["other"]);
    assert_eq!(list(json!({ "subjectFilter": "O", "top": 2 })).await, ["other", "two"]);
    let newest = &post.outlook_call("GetEmailsV3", json!({ "top": 1 })).await.1["value"][0];
    let mark = json!({ "messageId": newest["id"], "body": { "isRead": true } });
    assert_eq!(post.outlook_call("MarkAsRead_V3", mark).await.0, 200);
    assert_eq!(list(json!({})).await, ["two", "one"]);
    assert_eq!(list(json!({ "fetchOnlyUnread": false })).await, ["other", "two", "one"]);
    let nowhere = post.outlook_call("GetEmailsV3", json!({ "folderPath": "Nowhere" })).await;
    assert_eq!(nowhere.0, 404);
}

#[tokio::test]
async fn a_mail_is_answered_forwarded_marked_moved_and_deleted() {
    let post = post();
    let mut state = Json::Null;
    post.look(json!({}), &mut state).await;
    let file = json!([{ "Name": "x.txt", "ContentBytes": "eA==" }]);
    post.send(json!({ "To": "a@x.org; b@x.org", "Cc": "c@x.org", "Subject": "Order",
        "ReplyTo": "desk@x.org", "Body": "<i>text</i>", "Attachments": file }))
        .await;
    let id = post.look(json!({}), &mut state).await[0]["id"].clone();
    let reply = json!({ "messageId": id, "replyParameters": { "Body": "Yes", "ReplyAll": true } });
    assert_eq!(post.outlook_call("ReplyToV3", reply).await.0, 200);
    let forward =
        json!({ "message_id": id, "body": { "ToRecipients": "z@x.org", "Comment": "See" } });
    assert_eq!(post.outlook_call("ForwardEmail_V2", forward).await.0, 202);
    let found = post.look(json!({ "includeAttachments": true }), &mut state).await;
    assert_eq!(found[0]["subject"], "RE: Order");
    assert_eq!(found[0]["toRecipients"], "desk@x.org;a@x.org;b@x.org");
    assert_eq!(found[0]["ccRecipients"], "c@x.org");
    assert_eq!(found[0]["conversationId"], "call-1@example.org");
    assert!(found[0]["body"].as_str().unwrap().contains("<i>text</i>"));
    assert_eq!(found[1]["subject"], "FW: Order");
    assert_eq!(found[1]["toRecipients"], "z@x.org");
    assert_eq!(found[1]["attachments"][0]["contentBytes"], "eA==");

    let (status, mail) = post
        .outlook_call("GetEmailV2", json!({ "messageId": id, "includeAttachments": true }))
        .await;
    assert_eq!((status, &mail["isRead"]), (200, &json!(false)));
    let file = json!({ "messageId": id, "attachmentId": mail["attachments"][0]["id"] });
    assert_eq!(post.outlook_call("GetAttachment_V2", file).await.1["name"], "x.txt");
    let none = json!({ "messageId": id, "attachmentId": "9" });
    assert_eq!(post.outlook_call("GetAttachment_V2", none).await.0, 404);
    let mark = json!({ "messageId": id, "body": { "isRead": true } });
    assert_eq!(post.outlook_call("MarkAsRead_V3", mark).await.0, 200);
    let mail = post.outlook_call("GetEmailV2", json!({ "messageId": id })).await.1;
    assert_eq!(mail["isRead"], true);
    let nowhere = json!({ "messageId": id, "folderPath": "Nowhere" });
    assert_eq!(post.outlook_call("MoveV2", nowhere).await.0, 502);
    assert_eq!(post.outlook_call("DeleteEmail_V2", json!({ "messageId": id })).await.0, 200);
    assert_eq!(post.outlook_call("GetEmailV2", json!({ "messageId": id })).await.0, 404);
    assert_eq!(post.outlook_call("GetEmailV2", json!({ "messageId": "AAMk" })).await.0, 404);
}

#[tokio::test]
async fn both_ways_of_encryption_and_signing_in_work() {
    let post = post();
    let email = json!({ "emailMessage": {
        "From": "desk@example.org", "To": "a@x.org", "Subject": "s", "Body": "plain < text",
        "Attachments": [
            { "FileName": "a.txt", "ContentData": "as it is", "ContentType": "text/plain",
              "ContentTransferEncoding": "none" },
            { "FileName": "b.bin", "ContentData": "AAEC", "ContentType": "application/x-b",
              "ContentTransferEncoding": "base64" },
        ],
    } });
    let mut state = Json::Null;
    post.look(json!({}), &mut state).await;
    for (security, port) in
        [("tls", post.servers.smtp_tls), ("starttls", post.servers.smtp_starttls)]
    {
        let connection = post.smtp(security, port);
        let sent = post.world.call("shared_smtp", "SendEmailV3", &connection, email.clone()).await;
        assert_eq!(sent.0, 200, "{security}: {}", sent.1);
        let mut connection = post.outlook();
        if security == "starttls" {
            connection["imapSecurity"] = json!("starttls");
            connection["imapPort"] = json!(post.servers.imap_starttls);
        }
        let filter = json!({ "includeAttachments": true });
        let found =
            post.world.poll("shared_office365", "OnNewEmailV3", &connection, filter, &state).await;
        state = found.state.clone();
        let found = items(&found);
        assert_eq!(found.len(), 1, "{security}");
        assert_eq!(found[0]["from"], "desk@example.org");
        assert_eq!(found[0]["isHtml"], false);
        assert_eq!(found[0]["body"].as_str().unwrap().trim_end(), "plain < text");
        assert_eq!(found[0]["attachments"][1]["contentBytes"], "AAEC");
    }
}

#[tokio::test]
async fn other_mail_connectors_send_the_same_way() {
    let post = post();
    let mut state = Json::Null;
    post.look(json!({}), &mut state).await;
    for connector in ["shared_outlook", "shared_gmail"] {
        let email = json!({ "emailMessage": { "To": "a@x.org", "Subject": connector,
            "Body": "<p>x</p>" } });
        let sent = post.world.call(connector, "SendEmailV2", &post.outlook(), email.clone()).await;
        assert_eq!(sent.0, 200, "{connector}: {}", sent.1);
        assert_eq!(post.look(json!({}), &mut state).await[0]["subject"], connector);
        let other = post
            .world
            .try_call(connector, "DeleteEmail_V2", &post.outlook(), &email)
            .await
            .unwrap_err();
        assert!(matches!(other, HttpFailure::Invalid(_)), "{other}");
    }
}

#[tokio::test]
async fn a_server_that_never_stops_talking_is_left() {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let talking = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes: u64 = 0;
        // `220-` says that there is more to come.
        while tokio::io::AsyncWriteExt::write_all(&mut stream, b"220-hello\r\n").await.is_ok() {
            bytes += 11;
        }
        bytes
    });
    let world = World::new(None);
    let email = json!({ "emailMessage": { "From": "f@x.org", "To": "a@x.org", "Subject": "s" } });
    let connection = json!({ "serverAddress": "127.0.0.1", "port": port, "security": "none" });
    let failure =
        world.try_call("shared_smtp", "SendEmailV3", &connection, &email).await.unwrap_err();
    assert!(matches!(failure, HttpFailure::Unreachable(_)), "{failure}");
    assert!(talking.await.unwrap() < 20_000_000);
}

#[tokio::test]
async fn a_wrong_password_is_said_and_never_repeated() {
    let post = post();
    let email = json!({ "emailMessage": { "To": "a@x.org", "Subject": "s", "Body": "b" } });
    for (security, port) in
        [("tls", post.servers.smtp_tls), ("starttls", post.servers.smtp_starttls)]
    {
        let mut connection = post.smtp(security, port);
        connection["password"] = json!("wrong-password");
        let (status, body) =
            post.world.call("shared_smtp", "SendEmailV3", &connection, email.clone()).await;
        assert_eq!(status, 401, "{body}");
        assert!(!body.to_string().contains("wrong-password"));
    }
    let mut connection = post.outlook();
    connection["password"] = json!("wrong-password");
    let get = json!({ "messageId": "Ny4xLklOQk9Y" });
    let (status, body) = post.world.call("shared_office365", "GetEmailV2", &connection, get).await;
    assert_eq!(status, 401, "{body}");
    assert!(!body.to_string().contains("wrong-password"));
}

#[tokio::test]
async fn a_password_needs_encryption() {
    let post = post();
    let email = json!({ "emailMessage": { "To": "a@x.org", "Subject": "s", "Body": "b" } });
    let connection = post.smtp("none", post.servers.smtp_plain);
    let sent = post.world.call("shared_smtp", "SendEmailV3", &connection, email.clone()).await;
    assert_eq!(sent.0, 400, "{}", sent.1);
    let mut connection = post.outlook();
    connection["imapSecurity"] = json!("none");
    let get = json!({ "messageId": "Ny4xLklOQk9Y" });
    assert_eq!(post.world.call("shared_office365", "GetEmailV2", &connection, get).await.0, 400);
    // A server that does not encrypt is not used for what should be encrypted.
    let connection = post.smtp("starttls", post.servers.smtp_plain);
    let failure =
        post.world.try_call("shared_smtp", "SendEmailV3", &connection, &email).await.unwrap_err();
    assert!(matches!(failure, HttpFailure::Unreachable(_)), "{failure}");
}

#[tokio::test]
async fn what_the_server_refuses_is_told_apart() {
    let post = post();
    let connection = post.smtp("tls", post.servers.smtp_tls);
    let send = async |to: &str| {
        let email = json!({ "emailMessage": { "To": to, "Subject": "s", "Body": "b" } });
        post.world.try_call("shared_smtp", "SendEmailV3", &connection, &email).await
    };
    assert_eq!(send("refused@x.org").await.unwrap().status, 400);
    assert_eq!(send("later@x.org").await.unwrap().status, 503);
    assert!(matches!(send("broken@x.org").await, Err(HttpFailure::Interrupted(_))));
    assert_eq!(send("no address").await.unwrap().status, 400);
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_not_believed() {
    let post = post();
    let stranger = World::new(None);
    let email = json!({ "emailMessage": { "To": "a@x.org", "Subject": "s", "Body": "b" } });
    for (security, port) in
        [("tls", post.servers.smtp_tls), ("starttls", post.servers.smtp_starttls)]
    {
        let connection = post.smtp(security, port);
        let failure =
            stranger.try_call("shared_smtp", "SendEmailV3", &connection, &email).await.unwrap_err();
        assert!(matches!(failure, HttpFailure::Unreachable(_)), "{security}: {failure}");
    }
    let mut connection = post.outlook();
    for security in ["tls", "starttls"] {
        connection["imapSecurity"] = json!(security);
        if security == "starttls" {
            connection["imapPort"] = json!(post.servers.imap_starttls);
        }
        let get = json!({ "messageId": "Ny4xLklOQk9Y" });
        let failure = stranger
            .try_call("shared_office365", "GetEmailV2", &connection, &get)
            .await
            .unwrap_err();
        assert!(matches!(failure, HttpFailure::Unreachable(_)), "{security}: {failure}");
    }
}

#[tokio::test]
async fn the_egress_policy_holds_for_mail() {
    let world = World::with_policy("", None);
    let email = json!({ "emailMessage": { "From": "f@x.org", "To": "a@x.org",
        "Subject": "s", "Body": "b" } });
    for host in ["127.0.0.1", "localhost", "::1", "[::1]", "169.254.169.254", "10.0.0.1"] {
        let connection = json!({ "serverAddress": host, "port": 25, "security": "none" });
        let failure =
            world.try_call("shared_smtp", "SendEmailV3", &connection, &email).await.unwrap_err();
        assert!(matches!(failure, HttpFailure::Denied(_)), "{host}: {failure}");
        let connection = json!({ "userName": "u", "password": "p", "imapServer": host });
        let get = json!({ "messageId": "Ny4xLklOQk9Y" });
        let failure =
            world.try_call("shared_office365", "GetEmailV2", &connection, &get).await.unwrap_err();
        assert!(matches!(failure, HttpFailure::Denied(_)), "{host}: {failure}");
    }
}

#[tokio::test]
async fn the_administrators_server_sends_for_its_own_sender_only() {
    let mut post = post();
    post.world.context.mail.smtp = Some(MailServer {
        host: "localhost".to_owned(),
        port: Some(post.servers.smtp_plain),
        tls: MailTls::None,
        credentials: None,
    });
    post.world.context.mail.from = Some("flows@example.org".to_owned());
    let mut state = Json::Null;
    post.look(json!({}), &mut state).await;
    let mail = json!({ "request": { "to": "a@x.org", "subject": "s", "text": "<b>t</b>" } });
    let sent = post.world.call("shared_sendmail", "SendEmailV3", &json!({}), mail).await;
    assert_eq!(sent.0, 200, "{}", sent.1);
    let found = post.look(json!({}), &mut state).await;
    assert_eq!(
        (&found[0]["from"], &found[0]["isHtml"]),
        (&json!("flows@example.org"), &json!(true))
    );
    let forged = json!({ "emailMessage": {
        "From": "boss@example.org", "To": "a@x.org", "Subject": "s", "Body": "b" } });
    let sent = post.world.call("shared_smtp", "SendEmailV3", &json!({}), forged.clone()).await;
    assert_eq!(sent.0, 403);
    // A connection with a server of its own gets neither the sender nor the server.
    let connection = json!({ "serverAddress": "localhost", "port": post.servers.smtp_plain,
        "security": "none" });
    let anonymous = json!({ "emailMessage": { "To": "a@x.org", "Subject": "s", "Body": "b" } });
    let sent = post.world.call("shared_smtp", "SendEmailV3", &connection, anonymous).await;
    assert_eq!(sent.0, 400);
    let sent = post.world.call("shared_smtp", "SendEmailV3", &connection, forged).await;
    assert_eq!(sent.0, 200);
}
