//! What is refused, with which words, and what is shown.

use super::{Config, Flags, StoreUrl};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn load(text: &str, env: &[(&str, &str)], flags: &Flags) -> Result<Config, String> {
    let mut config = Config::default();
    config.read(text, Path::new("etc/flowd.toml")).map_err(|e| e.to_string())?;
    let env = env.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned()));
    config.environment(env).map_err(|e| e.to_string())?;
    if let Some(store) = &flags.store {
        config.store = StoreUrl::parse(store).map_err(|e| e.to_string())?;
    }
    Ok(config)
}

const WHOLE: &str = r#"
store = "sqlite:./data/flow.db"
listen = "127.0.0.1:7071"
namespace = "shop"
[flows]
files = ["flows/shop/orders.flow"]
[services."shop.orders.Payments"]
url = "https://user:hunter2@pay.example/v1"
headers = { authorization = "Bearer hunter3" }
errors = { 402 = "Declined" }
"#;

#[test]
fn a_whole_file_is_read_with_paths_relative_to_it() {
    let config = load(WHOLE, &[], &Flags::default()).unwrap();
    assert_eq!(config.store, StoreUrl::Sqlite(PathBuf::from("etc/./data/flow.db")));
    assert_eq!(config.files, [PathBuf::from("etc/flows/shop/orders.flow")]);
    assert_eq!(config.services["shop.orders.Payments"].errors["402"], "Declined");
    assert_eq!((config.listen.port(), config.namespace.as_str()), (7071, "shop"));
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let env = [("SAGAFLOW_STORE", "other.db"), ("SAGAFLOW_LISTEN", "localhost:1")];
    let config = load(WHOLE, &env, &Flags::default()).unwrap();
    assert_eq!(config.store, StoreUrl::Sqlite(PathBuf::from("other.db")));
    assert_eq!(config.listen.to_string(), "127.0.0.1:1");
    let flags = Flags { store: Some("sqlite:third.db".to_owned()), ..Flags::default() };
    let config = load(WHOLE, &env, &flags).unwrap();
    assert_eq!(config.store, StoreUrl::Sqlite(PathBuf::from("third.db")));
}

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    let refused = |text: &str| load(text, &[], &Flags::default()).unwrap_err();
    assert_eq!(
        refused("listn = \"x\""),
        "R1031: etc/flowd.toml: unknown key `listn`; did you mean `listen`?"
    );
    let service = "[services.\"a.B\"]\nurl = \"http://x\"\nheader = {}";
    assert!(refused(service).ends_with("`services.\"a.B\".header`; did you mean `headers`?"));
    assert!(refused("[flows]\nfile = []").contains("did you mean `files`?"));
    assert!(refused("zzz = 1").contains("known are store, listen"));
    let env = load("", &[("SAGAFLOW_STOER", "x")], &Flags::default()).unwrap_err();
    assert!(env.contains("did you mean `SAGAFLOW_STORE`?"), "{env}");
}

#[test]
fn what_this_program_cannot_do_is_refused_by_name() {
    let refused = |text: &str| load(text, &[], &Flags::default()).unwrap_err();
    assert!(refused("store = \"mysql://u:hunter2@h/db\"").starts_with("R1034"));
    assert!(!refused("store = \"mysql://u:hunter2@h/db\"").contains("hunter2"));
    if !cfg!(feature = "kafka") {
        let said = refused("[kafka]\nbrokers = \"x:1\"");
        assert!(said.starts_with("R1044") && said.contains("feature `kafka`"), "{said}");
    }
    for bad in
        ["listen = \"7070\"", "namespace = \"A b\"", "store = 5", "store =", "[services.x]\nurl=5"]
    {
        assert!(refused(bad).starts_with("R1032"), "{bad}: {}", refused(bad));
    }
}

#[test]
fn a_server_and_its_cluster_are_read_and_shown_without_the_password() {
    let text = "store = \"postgres://flow:hunter2@db:5433/shop?sslmode=require&password=hunter3\"\n\
                [cluster]\naddress = \"http://10.0.0.5:7070/\"\nlease_ttl = \"3s\"";
    let config = load(text, &[], &Flags::default()).unwrap();
    assert_eq!(config.cluster.address.as_deref(), Some("http://10.0.0.5:7070"));
    assert_eq!(config.cluster.lease_ttl, Duration::from_secs(3));
    let StoreUrl::Postgres(url) = &config.store else { panic!("{:?}", config.store) };
    assert!(url.secret().contains("hunter2"), "the store gets all of it");
    let shown = config.to_string();
    assert!(shown.contains("store = \"postgres://flow@db:5433/shop?…\""), "{shown}");
    assert!(shown.contains("lease_ttl = \"3s\""), "{shown}");
    assert!(!format!("{shown}{config:?}").contains("hunter"), "{config:?}");
    let again = shown.replace("?…", "");
    assert_eq!(load(&again, &[], &Flags::default()).unwrap().cluster, config.cluster);
    let env = [("SAGAFLOW_CLUSTER_ADDRESS", "http://localhost:1")];
    let config = load(text, &env, &Flags::default()).unwrap();
    assert_eq!(config.cluster.address.as_deref(), Some("http://localhost:1"));
}

#[test]
fn a_cluster_that_cannot_work_is_refused_without_its_secrets() {
    let refused = |text: &str| load(text, &[], &Flags::default()).unwrap_err();
    assert!(refused("[cluster]\nadress = \"x\"").contains("did you mean `address`?"));
    for bad in ["2999ms", "2s", "-5s", "10", "", "soon"] {
        let said = refused(&format!("[cluster]\nlease_ttl = \"{bad}\""));
        assert!(said.starts_with("R1032") && said.contains("3s or more"), "{bad}: {said}");
    }
    for bad in ["", "10.0.0.5:7070", "http://", "http://:1", "http://u:hunter2@h:1", "ftp://h:1"]
        .into_iter()
        .chain(["http://h:1/api", "http://h:1?x=hunter2", "http://h:99999", "http://[::x]:1"])
    {
        let said = refused(&format!("[cluster]\naddress = \"{bad}\""));
        assert!(said.starts_with("R1032") && !said.contains("hunter"), "{bad}: {said}");
    }
    for bad in ["postgres:h/db", "postgres://u:hunter/2@h/db", "postgres://u:hunter2@h:x/db"]
        .into_iter()
        .chain(["postgres://u:hunter2@h/db?sslmode=hunter3"])
    {
        let said = refused(&format!("store = \"{bad}\""));
        assert!(said.starts_with("R1032") && !said.contains("hunter"), "{bad}: {said}");
    }
}

#[cfg(feature = "kafka")]
#[test]
fn brokers_are_read_and_shown_without_the_password() {
    let text = "[kafka]\nbrokers = [\"a:9092\", \"[::1]:9093\"]\nstart = \"latest\"\ngroup = \"g\"\n\
                mirror_letters = \"told.letters\"\n\
                [kafka.sasl]\nmechanism = \"PLAIN\"\nusername = \"ann\"\npassword = ";
    let clear = load(&format!("{text}\"hunter2\""), &[], &Flags::default()).unwrap();
    let kafka = clear.kafka.as_ref().unwrap();
    assert_eq!(kafka.brokers, ["a:9092", "[::1]:9093"]);
    assert!(kafka.latest && kafka.group == "g" && kafka.client_id == "sagaflow");
    assert_eq!(
        (kafka.mirror_letters.as_deref(), &kafka.mirror_runs),
        (Some("told.letters"), &None)
    );
    let shown = format!("{clear}{clear:?}");
    assert!(!shown.contains("hunter") && shown.contains("password = \"…\""), "{shown}");
    assert_eq!(kafka.secrets(|_| None).unwrap().password.as_deref(), Some("hunter2"));

    let named = load(&format!("{text}\"env:KAFKA_PASSWORD\""), &[], &Flags::default()).unwrap();
    assert!(named.to_string().contains("password = \"env:KAFKA_PASSWORD\""), "{named}");
    let again = load(&named.to_string(), &[], &Flags::default()).unwrap();
    assert_eq!(again.kafka, named.kafka, "what is shown is read again");
    let kafka = named.kafka.unwrap();
    let set = |name: &str| (name == "KAFKA_PASSWORD").then(|| "hunter3".to_owned());
    assert_eq!(kafka.secrets(set).unwrap().password.as_deref(), Some("hunter3"));
    let missing = kafka.secrets(|_| None).map(|_| ()).unwrap_err().to_string();
    assert!(missing.starts_with("R1032") && missing.contains("KAFKA_PASSWORD"), "{missing}");
}

#[cfg(feature = "kafka")]
#[test]
fn brokers_that_cannot_be_meant_are_refused_by_place_and_without_secrets() {
    let refused = |text: &str| {
        let said = load(&format!("[kafka]\n{text}"), &[], &Flags::default()).unwrap_err();
        assert!(said.contains("etc/flowd.toml") && !said.contains("hunter"), "{text}: {said}");
        said
    };
    let b = "brokers = \"a:1\"";
    assert!(refused("broker = \"a:1\"").contains("`kafka.broker`; did you mean `brokers`?"));
    assert!(refused(&format!("{b}\n[kafka.tls]\ncaa = \"x\"")).contains("`kafka.tls.caa`"));
    assert!(refused(&format!("{b}\n[kafka.sasl]\nuser = \"x\"")).contains("`kafka.sasl.user`"));
    for bad in ["", "brokers = 5", "brokers = []", "brokers = \"\"", "brokers = \"a\""]
        .into_iter()
        .chain(["brokers = \"u:hunter2@a:1\"", "brokers = \"a:0\"", "brokers = [\"a:1\", 5]"])
    {
        assert!(refused(bad).starts_with("R1032"), "{bad}");
    }
    for bad in [
        "start = \"middle\"",
        "group = \"\"",
        "client_id = \"a b\"",
        "group = 5",
        "mirror_runs = \"\"",
    ] {
        assert!(refused(&format!("{b}\n{bad}")).starts_with("R1032"), "{bad}");
    }
    for bad in
        ["mechanism = \"PLAIN\"", "mechanism = \"MD5\"\nusername = \"u\"\npassword = \"hunter2\""]
    {
        assert!(refused(&format!("{b}\n[kafka.sasl]\n{bad}")).starts_with("R1032"), "{bad}");
    }
    if !cfg!(feature = "kafka-tls") {
        assert!(refused(&format!("{b}\n[kafka.tls]")).starts_with("R1044"));
        let scram = "mechanism = \"SCRAM-SHA-256\"\nusername = \"u\"\npassword = \"hunter2\"";
        assert!(refused(&format!("{b}\n[kafka.sasl]\n{scram}")).starts_with("R1044"));
    }
}

#[test]
fn secrets_are_not_shown() {
    let shown = load(WHOLE, &[], &Flags::default()).unwrap();
    let text = format!("{shown}{shown:?}");
    assert!(!text.contains("hunter"), "{text}");
    assert!(text.contains("pay.example") && text.contains("authorization"), "{text}");
}

#[test]
fn a_database_is_read_and_shown_without_its_password() {
    let whole =
        "[databases.\"Ledger\"]\nurl = \"postgres://me:hunter2@db/ledger\"\nconnections = 3\n";
    let config = load(whole, &[], &Flags::default()).unwrap();
    let shown = config.to_string();
    assert!(
        shown.contains("[databases.\"Ledger\"]\nurl = \"postgres://db/ledger\"\nconnections = 3")
    );
    assert!(!shown.contains("hunter2") && !format!("{config:?}").contains("hunter2"), "{shown}");
    let none = load(&whole.replace('3', "0"), &[], &Flags::default()).unwrap_err();
    assert!(none.starts_with("R1032") && none.contains("nonzero"), "{none}");
    let near = load(&whole.replace("connections", "conections"), &[], &Flags::default());
    assert!(near.unwrap_err().contains("did you mean `connections`?"));
}
