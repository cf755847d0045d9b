//! The shipped order process without one of its undos: refused, with the path that loses money.

use std::path::{Path, PathBuf};
use std::process::Command;

fn shop() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../flows/shop")
}

/// Checks the order process after a change of its text: exit code and what was drawn.
fn check(change: impl FnOnce(String) -> String) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let own = folder.path().join("flows/shop");
    std::fs::create_dir_all(own.join("samples")).expect("folders");
    for name in ["types.flow", "samples/order.json"] {
        std::fs::copy(shop().join(name), own.join(name)).expect("it is copied");
    }
    let text = std::fs::read_to_string(shop().join("orders.flow")).expect("it is read");
    std::fs::write(own.join("orders.flow"), change(text)).expect("it is written");
    let out = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .args(["check", "flows/shop/orders.flow"])
        .current_dir(folder.path())
        .env("NO_COLOR", "1")
        .output()
        .expect("flowc starts");
    (out.status.code(), String::from_utf8_lossy(&out.stdout).into_owned())
}

fn without(line: &str) -> (Option<i32>, String) {
    check(|text| {
        assert_eq!(text.matches(line).count(), 1, "{line}");
        text.replace(line, "")
    })
}

#[test]
fn the_process_as_it_is_shipped_is_accepted() {
    assert_eq!(check(|text| text).0, Some(0));
}

#[test]
fn without_any_one_of_its_undos_it_is_refused_with_the_path() {
    for (undo, step, then) in [
        ("    compensate release(order)\n", "Inventory.reserve", "nobody reviewed it in time"),
        ("    compensate void(order)\n", "Payments.authorize", "NoCarrier"),
        ("    compensate cancel(order)\n", "Shipping.book", "HoldExpired"),
    ] {
        let (code, drawn) = without(undo);
        assert_eq!(code, Some(1), "{drawn}");
        assert!(drawn.contains("F0201"), "{drawn}");
        assert!(drawn.contains(step) && drawn.contains("may have happened here"), "{drawn}");
        assert!(drawn.contains(then), "the failure that loses it is shown: {drawn}");
    }
}
