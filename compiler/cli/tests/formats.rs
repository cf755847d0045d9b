//! What `flowc check` writes for people at terminals and for the tools of a team.

use assert_cmd::Command;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use tempfile::TempDir;

/// An error whose path spans lines, a warning, a misspelt name with a fix, letters that take more
/// than a byte, and text that every format has to escape.
const MESSY: &str = "\
workflow Pay v1 (id: text) idempotent by id {
  step Bank.charge(id) retry forever
  step Bank.check(id)
  unused = \"é, 100% <&> : done\" + lenght(id)
}
service Bank {
  write charge(id: text) idempotent within 1s
  read check(id: text) within 1s
}
fn length(id: text) -> text = id
";
const WARNED: &str = "workflow A v1 (id: text) idempotent by id { n = id.len }\n";
const CLEAN: &str = "workflow Ping v1 (id: text) idempotent by id { pass }\n";

fn folder() -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let files = [
        ("one/flows/pay.flow", MESSY),
        ("one/flows/clean.flow", CLEAN),
        ("two & more/flows/a.flow", WARNED),
    ];
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("it is below the folder")).expect("writable");
        fs::write(path, text).expect("writable");
    }
    dir
}

fn flowc(dir: &TempDir, args: &[&str], env: &[(&str, &str)]) -> (i32, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_flowc"))
        .current_dir(dir.path())
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS")
        .envs(env.iter().copied())
        .args(args)
        .output()
        .expect("it runs");
    let text = String::from_utf8(done.stdout).expect("it writes text");
    (done.status.code().expect("it ends by itself"), text)
}

/// The output in a format; every format agrees on the exit code.
fn written(format: &str) -> String {
    let (code, text) = flowc(&folder(), &["check", "--format", format], &[]);
    assert_eq!(code, 1, "{text}");
    text
}

/// What every format has to report: path, line and code.
fn reported() -> Vec<(String, u64, String)> {
    let short = written("short");
    let all: Vec<_> = short
        .lines()
        .map(|line| {
            let (place, rest) = line.split_once(": ").expect("a place and the rest");
            let mut parts = place.split(':');
            let path = parts.next().expect("a path").to_owned();
            let line = parts.next().and_then(|n| n.parse().ok()).expect("a line");
            let code = rest.split(['[', ']']).nth(1).expect("a code").to_owned();
            (path, line, code)
        })
        .collect();
    assert!(all.len() >= 3, "{short}");
    all
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn items(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list"))
}

#[test]
fn output_is_the_same_every_time_and_in_the_order_of_paths() {
    let first = written("json");
    for _ in 0..5 {
        assert_eq!(written("json"), first);
    }
    let paths: Vec<String> = reported().into_iter().map(|(path, _, _)| path).collect();
    assert!(paths.is_sorted(), "{paths:?}");
}

#[test]
fn json_lines_are_the_items_of_the_json_array() {
    let array: Value = serde_json::from_str(&written("json")).expect("it is JSON");
    let lines: Vec<Value> = written("json-lines")
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    assert_eq!(items(&array), lines);
    let all: Vec<_> = lines
        .iter()
        .map(|f| (text(&f["span"]["path"]), number(&f["span"]["line"]), text(&f["code"])))
        .collect();
    assert_eq!(all, reported());
}

/// What the SARIF 2.1.0 schema says of an object: its properties, and which it must have. Other
/// properties are forbidden there.
const SARIF: [(&str, &[&str], &[&str]); 15] = [
    ("", &["$schema", "version", "runs"], &["version", "runs"]),
    ("runs", &["tool", "columnKind", "results"], &["tool"]),
    ("tool", &["driver"], &["driver"]),
    ("driver", &["name", "version", "rules"], &["name"]),
    ("rules", &["id", "shortDescription", "help"], &["id"]),
    (
        "results",
        &["ruleId", "ruleIndex", "level", "message", "locations", "codeFlows", "fixes"],
        &["message"],
    ),
    ("locations", &["physicalLocation", "message", "location"], &[]),
    ("location", &["physicalLocation", "message"], &["physicalLocation", "message"]),
    ("physicalLocation", &["artifactLocation", "region"], &["artifactLocation"]),
    ("artifactLocation", &["uri"], &["uri"]),
    ("region", REGION, REGION),
    ("deletedRegion", REGION, REGION),
    ("codeFlows", &["threadFlows"], &["threadFlows"]),
    ("threadFlows", &["locations"], &["locations"]),
    ("fixes", &["description", "artifactChanges"], &["artifactChanges"]),
];
const REGION: &[&str] = &["startLine", "startColumn", "endLine", "endColumn"];
/// Objects that are texts, and those of a fix.
const SARIF_MORE: [(&str, &[&str], &[&str]); 6] = [
    ("message", &["text"], &["text"]),
    ("description", &["text"], &["text"]),
    ("shortDescription", &["text"], &["text"]),
    ("help", &["text", "markdown"], &["text"]),
    ("insertedContent", &["text"], &["text"]),
    ("replacements", &["deletedRegion", "insertedContent"], &["deletedRegion"]),
];
const SARIF_CHANGE: (&str, &[&str], &[&str]) = (
    "artifactChanges",
    &["artifactLocation", "replacements"],
    &["artifactLocation", "replacements"],
);

/// Holds a value against what the schema says of the property it is in.
fn hold_against_schema(property: &str, value: &Value) {
    match value {
        Value::Array(all) => {
            let distinct: BTreeSet<String> = all.iter().map(Value::to_string).collect();
            let unique = matches!(property, "rules" | "fixes");
            assert!(!unique || distinct.len() == all.len(), "{property} must be unique");
            all.iter().for_each(|one| hold_against_schema(property, one));
        }
        Value::Object(fields) => {
            let (_, known, required) = SARIF
                .iter()
                .chain(&SARIF_MORE)
                .chain([&SARIF_CHANGE])
                .find(|(name, _, _)| *name == property)
                .unwrap_or_else(|| panic!("`{property}` holds an object"));
            for name in *required {
                assert!(fields.contains_key(*name), "{property} without {name}: {value}");
            }
            for (name, inner) in fields {
                assert!(known.contains(&name.as_str()), "{property}.{name} is not in the schema");
                hold_against_schema(name, inner);
            }
        }
        Value::Number(_) => assert!(number(value) >= u64::from(property != "ruleIndex")),
        Value::String(one) => match property {
            "level" => assert!(["none", "note", "warning", "error"].contains(&one.as_str())),
            "columnKind" => assert_eq!(one, "unicodeCodePoints"),
            // `replacements` may delete without inserting anything.
            "uri" => assert!(!one.contains([' ', '&']) && !one.is_empty(), "{one}"),
            _ => {}
        },
        _ => panic!("{property}: {value}"),
    }
}

#[test]
fn sarif_is_what_its_schema_demands() {
    let log: Value = serde_json::from_str(&written("sarif")).expect("it is JSON");
    hold_against_schema("", &log);
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = items(&run["tool"]["driver"]["rules"]);
    let mut all = Vec::new();
    for result in items(&run["results"]) {
        let rule = &rules[number(&result["ruleIndex"]) as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let path = text(&place["artifactLocation"]["uri"]).replace("%20", " ").replace("%26", "&");
        all.push((path, number(&place["region"]["startLine"]), text(&result["ruleId"])));
    }
    assert_eq!(all, reported());
    assert!(items(&run["results"]).iter().any(|r| r.get("codeFlows").is_some()), "{log:#}");
    assert!(items(&run["results"]).iter().any(|r| r.get("fixes").is_some()), "{log:#}");
}

#[test]
fn sarif_of_nothing_is_a_run_without_results() {
    let (code, out) =
        flowc(&folder(), &["check", "--format", "sarif", "one/flows/clean.flow"], &[]);
    let log: Value = serde_json::from_str(&out).expect("it is JSON");
    hold_against_schema("", &log);
    assert_eq!((code, items(&log["runs"][0]["results"]).len()), (0, 0));
}

#[test]
fn github_annotations_are_one_line_and_have_columns_only_on_one_line() {
    let out = written("github");
    let mut all = Vec::new();
    for line in out.lines() {
        let (head, message) =
            line.strip_prefix("::").and_then(|l| l.split_once("::")).expect("a command");
        let (level, properties) = head.split_once(' ').expect("a level");
        assert!(["error", "warning"].contains(&level), "{line}");
        let get = |name: &str| {
            properties.split(',').find_map(|p| p.strip_prefix(&format!("{name}=")[..]))
        };
        let (line_no, end) = (get("line").expect("a line"), get("endLine").expect("an end"));
        assert_eq!(get("col").is_some(), line_no == end, "{line}");
        assert!(!message.is_empty());
        let path = get("file").expect("a file").to_owned();
        all.push((path, line_no.parse().expect("a number"), get("title").expect("a code").into()));
    }
    assert_eq!(all, reported());
}

#[test]
fn github_annotations_over_several_lines_have_no_columns() {
    let dir = folder();
    let wide = "workflow A v1 (id: text) idempotent by id {\n  step Bank.pay(\n    idd: id\n  )\n}\n\
                service Bank { write pay(id: text) idempotent within 1s }\n";
    fs::write(dir.path().join("wide.flow"), wide).expect("writable");
    let (_, json) = flowc(&dir, &["check", "--format", "json", "wide.flow"], &[]);
    let (_, out) = flowc(&dir, &["check", "--format", "github", "wide.flow"], &[]);
    let json: Value = serde_json::from_str(&json).expect("it is JSON");
    let mut wide = 0;
    for (finding, line) in items(&json).iter().zip(out.lines()) {
        let over_lines = finding["span"]["line"] != finding["span"]["end_line"];
        assert_eq!(line.contains(",col="), !over_lines, "{line}");
        wide += usize::from(over_lines);
    }
    assert!(wide > 0, "{json:#}");
}

#[test]
fn github_escapes_what_would_end_a_command() {
    let dir = folder();
    let odd = "workflow A v1 (id: text) idempotent by id fails \"a%b\" { pass }\n";
    fs::write(dir.path().join("odd,name%.flow"), odd).expect("writable");
    let (_, out) = flowc(&dir, &["check", "--format", "github", "odd,name%.flow"], &[]);
    assert!(out.contains("file=odd%2Cname%25.flow,line="), "{out}");
}

#[test]
fn gitlab_fingerprints_are_distinct_and_survive_a_moved_line() {
    let dir = folder();
    let report = || -> Value {
        let (_, out) = flowc(&dir, &["check", "--format", "gitlab"], &[]);
        serde_json::from_str(&out).expect("it is JSON")
    };
    let prints = |report: &Value| -> Vec<String> {
        items(report).iter().map(|f| text(&f["fingerprint"])).collect()
    };
    let before = report();
    let all: Vec<_> = items(&before)
        .iter()
        .map(|f| {
            assert!(["major", "minor"].contains(&text(&f["severity"]).as_str()));
            assert!(!text(&f["description"]).is_empty());
            let line = number(&f["location"]["lines"]["begin"]);
            (text(&f["location"]["path"]), line, text(&f["check_name"]))
        })
        .collect();
    assert_eq!(all, reported());
    let distinct: BTreeSet<_> = prints(&before).into_iter().collect();
    assert_eq!(distinct.len(), all.len());
    let moved = format!("\n\n// Moved.\n{MESSY}");
    fs::write(dir.path().join("one/flows/pay.flow"), moved).expect("writable");
    assert_eq!(prints(&before), prints(&report()));
}

/// The elements of a document with their attributes, in order; checks that tags pair.
fn elements(document: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut rest =
        document.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").expect("XML");
    let (mut open, mut out) = (Vec::new(), Vec::new());
    while let Some((before, after)) = rest.split_once('<') {
        assert!(!before.contains('>'), "{before}");
        let (tag, behind) = after.split_once('>').expect("a tag ends");
        rest = behind;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name));
            continue;
        }
        let tag_body = tag.trim_end_matches('/');
        let (name, mut list) = tag_body.split_once(' ').unwrap_or((tag_body, ""));
        let mut attributes = Vec::new();
        while let Some((key, value)) = list.split_once("=\"") {
            let (value, behind) = value.split_once('"').expect("a value ends");
            attributes.push((key.trim().to_owned(), value.to_owned()));
            list = behind;
        }
        if !tag.ends_with('/') {
            open.push(name.to_owned());
        }
        out.push((name.to_owned(), attributes));
    }
    assert!(open.is_empty(), "{open:?}");
    out
}

#[test]
fn junit_has_a_suite_a_file_and_a_case_a_finding_with_true_sums() {
    let out = written("junit");
    let get = |attributes: &[(String, String)], name: &str| {
        attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    };
    let (mut suites, mut cases, mut failures) = (Vec::new(), 0, 0);
    for (name, attributes) in elements(&out) {
        let names: BTreeSet<&str> = attributes.iter().map(|(key, _)| key.as_str()).collect();
        let want: &[&str] = match name.as_str() {
            "testsuites" => &["name", "tests", "failures", "errors"],
            "testsuite" => &["name", "tests", "failures", "errors", "skipped"],
            "testcase" => &["name", "classname"],
            "failure" => &["type", "message"],
            "system-out" => &[],
            other => panic!("<{other}> is no element of a report"),
        };
        assert_eq!(names, want.iter().copied().collect(), "{name}");
        match name.as_str() {
            "testsuite" => suites.push(get(&attributes, "name").expect("a name")),
            "testcase" => cases += 1,
            "failure" => failures += 1,
            _ => {}
        }
    }
    let wanted = ["one/flows/clean.flow", "one/flows/pay.flow", "two &amp; more/flows/a.flow"];
    assert_eq!(suites, wanted);
    let whole = &elements(&out)[0].1;
    assert_eq!(get(whole, "tests"), Some(format!("{cases}")));
    assert_eq!(get(whole, "failures"), Some(format!("{failures}")));
    // One case of a file in which nothing is wrong.
    assert_eq!(cases, reported().len() + 1);
}

#[test]
fn rdjson_counts_columns_in_bytes_and_suggests_the_fix() {
    let report: Value = serde_json::from_str(&written("rdjson")).expect("it is JSON");
    assert_eq!(report["source"]["name"], "flowc");
    let findings = items(&report["diagnostics"]);
    let all: Vec<_> = findings
        .iter()
        .map(|f| {
            assert!(["ERROR", "WARNING"].contains(&text(&f["severity"]).as_str()));
            let line = number(&f["location"]["range"]["start"]["line"]);
            (text(&f["location"]["path"]), line, text(&f["code"]["value"]))
        })
        .collect();
    assert_eq!(all, reported());
    let fixed = findings.iter().find(|f| f.get("suggestions").is_some()).expect("one has a fix");
    let suggestion = &fixed["suggestions"][0];
    let line = MESSY.lines().nth(3).expect("the line with the misspelling");
    let from = number(&suggestion["range"]["start"]["column"]) as usize - 1;
    let to = number(&suggestion["range"]["end"]["column"]) as usize - 1;
    assert_eq!((&line[from..to], &suggestion["text"]), ("lenght", &Value::from("length")));
}

#[test]
fn denied_warnings_are_errors() {
    let dir = folder();
    let path = "two & more/flows/a.flow";
    assert_eq!(flowc(&dir, &["check", "--format", "short", path], &[]).0, 0);
    let deny = ["check", "--format", "short", "--deny", "warnings", path];
    let (code, out) = flowc(&dir, &deny, &[]);
    assert_eq!(code, 1);
    assert!(out.contains(": error["), "{out}");
    assert_eq!(flowc(&dir, &["check", "--deny", "warnings", "one/flows/clean.flow"], &[]).0, 0);
    assert_eq!(flowc(&dir, &["check", "--deny", "everything", path], &[]).0, 2);
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let dir = folder();
    let coloured = |args: &[&str], env: &[(&str, &str)]| {
        let args: Vec<&str> = ["check"].iter().chain(args).copied().collect();
        flowc(&dir, &args, env).1.contains('\u{1b}')
    };
    assert!(!coloured(&[], &[]));
    assert!(coloured(&["--color", "always"], &[]));
    assert!(coloured(&["--color", "always"], &[("NO_COLOR", "1")]));
    assert!(!coloured(&["--color", "never"], &[]));
    assert!(!coloured(&["--format", "short", "--color", "always"], &[]));
}

#[test]
fn sentences_are_wrapped_to_a_narrow_terminal_and_the_source_is_not() {
    let dir = folder();
    let (_, wide) = flowc(&dir, &["check", "one"], &[]);
    let (_, narrow) = flowc(&dir, &["check", "one"], &[("COLUMNS", "50")]);
    let longest = |text: &str| {
        let prose = |l: &&str| !l.contains(['│', '·', '╭', '╰']);
        text.lines().filter(prose).map(|l| l.chars().count()).max().expect("lines")
    };
    assert!(longest(&wide) > 50, "{wide}");
    assert!(longest(&narrow) <= 50, "{narrow}");
    for line in MESSY.lines().filter(|l| l.contains("unused")) {
        assert!(narrow.contains(line), "{narrow}");
    }
    let words = |text: &str| text.split_whitespace().filter(|w| w.len() > 1).count();
    assert!(words(&narrow) >= words(&wide), "nothing is cut off");
}
