//! The example as somebody tries it: one command, and what it prints.

use assert_cmd::Command;

#[test]
fn each_click_counts_once_and_the_rush_is_an_alert() {
    if sagaflow_postgres::shared().is_none() || sagaflow_kafka_server::shared().is_none() {
        return;
    }
    let done = Command::new(env!("CARGO_BIN_EXE_analytics")).output();
    let done = done.expect("it runs");
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success(), "{out}{err}");
    assert!(out.contains("each click counted once"), "{out}");
    assert!(out.contains("ALERT /sale"), "{out}");
}
