//! Apps, and with whom they are shared.

use super::Desk;

#[tokio::test]
async fn apps_are_registered_and_shared() {
    let desk = Desk::start().await;
    let flows = "flows=shared_flowmanagement";
    assert!(
        desk.run(&["power-app", "create", "Orders", "--reference", flows]).contains("'Orders'")
    );
    desk.run(&["power-app", "share", "Orders", "--everyone"]);
    let holders = desk.json(&["power-app", "permissions", "Orders"]);
    assert_eq!(holders["value"][0]["kind"], "Tenant");
    desk.run(&["power-app", "update", "Orders", "--display-name", "Sales"]);
    let used = desk.run(&["power-app", "connections", "Sales"]);
    assert!(used.contains("shared_flowmanagement") && used.contains("Required"), "{used}");
    desk.run(&["power-app", "delete", "Sales"]);
    assert!(!desk.run(&["power-app", "list"]).contains("Sales"));
}
