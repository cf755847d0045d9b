//! Finding files, naming modules, and refusing what cannot be read.

use super::*;

/// Files in memory.
struct Memory(BTreeMap<&'static str, &'static str>);

impl Files for Memory {
    fn read(&self, path: &str) -> Result<String, String> {
        self.0.get(path).map(|text| (*text).to_owned()).ok_or_else(|| "no such file".into())
    }

    fn exists(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let prefix = if folder == "." { String::new() } else { format!("{folder}/") };
        let names: BTreeSet<String> = self
            .0
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix))
            .map(|rest| {
                rest.split_once('/').map_or(rest.to_owned(), |(first, _)| format!("{first}/"))
            })
            .collect();
        (!names.is_empty()).then(|| names.into_iter().collect())
    }
}

fn memory(files: &[(&'static str, &'static str)]) -> Memory {
    Memory(files.iter().copied().collect())
}

fn modules(paths: &[&str], files: &Memory) -> Vec<String> {
    let paths: Vec<String> = paths.iter().map(|p| (*p).to_owned()).collect();
    let loaded = load(&paths, files).expect("the paths of this test can be read");
    loaded.sources.iter().map(|(_, s)| s.module.clone()).collect()
}

#[test]
fn modules_are_named_below_the_nearest_root() {
    let files = memory(&[
        ("a/flows/shop/orders.flow", ""),
        ("b/flow.toml", ""),
        ("b/deep/x.flow", ""),
        ("c/alone.flow", ""),
    ]);
    assert_eq!(modules(&["a/flows/shop/orders.flow"], &files), ["shop.orders"]);
    assert_eq!(modules(&["./b"], &files), ["deep.x"]);
    assert_eq!(modules(&["c/alone.flow"], &files), ["alone"]);
}

#[test]
fn what_a_module_uses_is_read_with_it_once() {
    let files = memory(&[
        ("flows/a.flow", "use shop.b { B }\nuse shop.c { C }"),
        ("flows/shop/b.flow", "use shop.c { C }\nrecord B {}"),
        ("flows/shop/c.flow", "record C {}"),
    ]);
    assert_eq!(modules(&["flows/a.flow"], &files), ["a", "shop.b", "shop.c"]);
}

#[test]
fn programs_of_different_roots_are_apart() {
    let files = memory(&[("x/flows/a.flow", ""), ("y/flows/a.flow", ""), ("x/flows/b.flow", "")]);
    let found = roots(&["x".into(), "y".into()], &files).expect("both are folders");
    assert_eq!(found, [vec!["x/flows/a.flow", "x/flows/b.flow"], vec!["y/flows/a.flow"]]);
}

#[test]
fn samples_beside_a_module_are_read_and_listed() {
    let files = memory(&[
        ("flows/shop/a.flow", ""),
        ("flows/shop/samples/order.json", "{}"),
        ("flows/shop/samples/notes.txt", ""),
    ]);
    let loaded = load(&["flows".into()], &files).expect("the folder can be read");
    let names: Vec<_> = loaded.samples.keys().map(|(m, n)| format!("{m}:{n}")).collect();
    assert_eq!(names, ["shop.a:order"]);
    assert_eq!(loaded.read, ["flows/shop/a.flow", "flows/shop/samples/order.json"]);
}

#[test]
fn a_path_that_is_nowhere_is_named() {
    let missing = load(&["nowhere.flow".into()], &memory(&[])).expect_err("there is nothing");
    assert_eq!(missing.path, "nowhere.flow");
    let used = load(&["a.flow".into()], &memory(&[("a.flow", "use b { X }")]));
    assert!(used.is_ok_and(|l| l.unreadable.is_empty()));
}

#[test]
fn what_is_parsed_again_is_what_would_have_been_parsed_at_first() {
    let a = "use b { B }\nrecord A { b: B }";
    let files = |b: &'static str, more: bool| {
        let mut files = vec![("flows/a.flow", a), ("flows/b.flow", b), ("flows/d.flow", "record")];
        if more {
            // Order: a file in front of the others gives each of them another id.
            files.insert(0, ("flows/_.flow", "record Z {"));
        }
        memory(&files)
    };
    let mut cache = Cache::default();
    for files in [
        files("record B {}", false),
        files("record B {}", false),
        files("record B { x: int }", false),
        files("record B { x: int }", true),
        files("record B {", true),
        files("record B {}", false),
    ] {
        let again = load_again(&["flows".into()], &files, &mut cache).expect("readable");
        let fresh = load(&["flows".into()], &files).expect("readable");
        assert_eq!(again.asts, fresh.asts);
        assert_eq!(again.diagnostics, fresh.diagnostics);
        assert_eq!(again.read, fresh.read);
    }
}

/// A released version that calls a service and waits for a task of these modules.
const RELEASED: &str = r#"{"fir":{"services":{"std.notify.Chat":0},"databases":{},"events":{},
    "humans":{"desk.Sign":0}}}"#;

#[test]
fn a_module_that_only_a_released_version_names_is_read_with_it() {
    let mut all = vec![
        ("flows/shop.flow", ""),
        ("flows/other.flow", ""),
        ("flows/desk.flow", ""),
        ("flows/released/shop.Pay@1.fir.json", RELEASED),
    ];
    assert_eq!(modules(&["flows/shop.flow"], &memory(&all)), ["shop", "std.notify", "desk"]);
    assert_eq!(modules(&["flows/other.flow"], &memory(&all)), ["other"], "it is of no matter");
    all.remove(2);
    let loaded = load(&["flows/shop.flow".into()], &memory(&all)).expect("it can be read");
    assert_eq!(loaded.gone.into_iter().collect::<Vec<_>>(), ["desk"]);
}

#[test]
fn a_root_with_nothing_but_released_versions_is_a_program_that_lacks_its_modules() {
    let files = memory(&[
        ("x/flows/released/shop.Pay@1.fir.json", RELEASED),
        ("x/flows/deep/released/notes.fir.json", ""),
        ("y/flows/a.flow", ""),
        ("y/flows/released/a.Do@1.fir.json", "{"),
    ]);
    let all = [vec!["y/flows/a.flow".to_owned()], vec!["x/flows/released".to_owned()]];
    assert_eq!(programs(&["x".into(), "y".into()], &files).expect("folders"), all);
    for path in ["x", "x/flows", "x/flows/released"] {
        let loaded = load(&[path.into()], &files).expect("it can be read");
        let gone: Vec<&str> = loaded.gone.iter().map(String::as_str).collect();
        assert_eq!((gone, loaded.released.len()), (vec!["desk", "shop"], 1), "{path}");
        let found = crate::analyze(&loaded).diagnostics;
        let place = |it: &Diagnostic| loaded.sources.get(it.span.file).map(|it| it.path.clone());
        let at = "x/flows/released/shop.Pay@1.fir.json";
        assert!(found.iter().all(|it| place(it).as_deref() == Some(at)), "{found:?}");
        assert_eq!(found.first().map(|it| it.code), Some("F0901"), "it is none: {found:?}");
    }
}

#[test]
fn what_old_runs_call_in_the_standard_library_is_judged_though_nobody_uses_it_any_more() {
    let first = "use std.notify { Pager }\nworkflow Pay v1 (id: text) -> text idempotent by id deadline 1h {\n\
        step Pager.resolve(id) else skip\nreturn id\n}\n";
    let loaded = load(&["flows".into()], &memory(&[("flows/shop.flow", first)])).expect("readable");
    let fir = crate::analyze(&loaded).lower(&loaded.sources).expect("nothing is wrong with it");
    let mut frozen = fir.freeze("shop.Pay").expect("it is there");
    let found = |frozen: &sagaflow_fir::Frozen| {
        let second =
            "workflow Pay v2 (id: text) -> text idempotent by id deadline 1h { return id }\n";
        let text: &'static str = Box::leak(frozen.text().into_boxed_str());
        let files =
            memory(&[("flows/shop.flow", second), ("flows/released/shop.Pay@1.fir.json", text)]);
        let loaded = load(&["flows".into()], &files).expect("readable");
        let found = crate::analyze(&loaded).diagnostics;
        found.into_iter().map(|it| format!("{}: {}", it.code, it.headline)).collect::<Vec<_>>()
    };
    assert_eq!(found(&frozen), [""; 0]);
    // As if an older library had promised more of it.
    let service = frozen.fir.services.get_mut("std.notify.Pager").expect("it is called");
    let action = service.actions.get_mut("resolve").expect("it is called");
    action.result = Some(sagaflow_fir::Ty::Text);
    frozen.hash = frozen.fir.hash("shop.Pay");
    let said = "F0903: runs of `Pay` v1 could not go on: they call `Pager.resolve`";
    assert_eq!(found(&frozen), [said]);
}

#[test]
fn a_waiver_is_not_called_needless_where_its_module_is_only_imported() {
    let service = "service Board { write post(id: text) idempotent by id \
                   compensate none because \"a post informs and nothing hangs on it\" within 1s }\n\
                   service Pay { pivot go(id: text) idempotent by id within 1s }";
    let uses = "use board { Board, Pay }\n\
                workflow B v1 (id: text) idempotent by id { pivot Pay.go(id) retry forever \
                step Board.post(id) retry forever }";
    let chat = "use std.notify { Chat, Notice }\nuse board { Pay }\n\
                workflow C v1 (id: text) idempotent by id { pivot Pay.go(id) retry forever \
                step Chat.post(id, \"x\", Notice(title: id, body: id, link: none)) retry forever \
                on NoSuchRoom => skip }";
    let files =
        memory(&[("flows/board.flow", service), ("flows/b.flow", uses), ("flows/c.flow", chat)]);
    let codes = |path: &str| {
        let loaded = load(&[path.into()], &files).expect("readable");
        crate::analyze(&loaded).diagnostics.iter().map(|d| d.code).collect::<Vec<_>>()
    };
    assert!(codes("flows/b.flow").is_empty(), "another module may need it");
    assert!(codes("flows/c.flow").is_empty(), "nobody can change the standard library");
    assert_eq!(codes("flows"), ["F0214"], "here is everybody who uses it");
}
