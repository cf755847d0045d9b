//! The design's programs parse clean; errors are found, each at its place; nothing panics.

use super::ast::*;
use super::parse;
use crate::diagnostic::Diagnostic;
use crate::source::Source;
use crate::span::FileId;
use std::time::{Duration, Instant};

fn read(text: &str) -> (File, Vec<Diagnostic>) {
    parse(FileId(0), text)
}

fn codes(text: &str) -> Vec<&'static str> {
    read(text).1.iter().map(|d| d.code).collect()
}

/// Code, line and covered text of each finding.
fn findings(text: &str) -> Vec<(&'static str, usize, String)> {
    let source = Source::new("a.flow", "a", text);
    let place = |d: &Diagnostic| text[d.span.start as usize..d.span.end as usize].to_owned();
    let line = |d: &Diagnostic| source.line_column(d.span.start).0;
    read(text).1.iter().map(|d| (d.code, line(d), place(d))).collect()
}

fn flows() -> Vec<(String, String)> {
    let mut out = Vec::new();
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../flows");
    let mut folders = vec![std::path::PathBuf::from(root)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder of the design's flows") {
            let path = entry.expect("an entry of a folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "flow") {
                let text = std::fs::read_to_string(&path).expect("a readable flow");
                out.push((path.display().to_string(), text));
            }
        }
    }
    out.sort();
    assert!(out.len() >= 8, "the flows of the design");
    out
}

/// A workflow with this body.
fn body(stmts: &str) -> String {
    format!("workflow W(a: int) {{\n{stmts}\n}}\n")
}

fn stmts(text: &str) -> Vec<Stmt> {
    let (file, diagnostics) = read(&body(text));
    assert_eq!(diagnostics, [], "{text}");
    match file.items.into_iter().next() {
        Some(Item::Workflow(workflow)) => workflow.body.stmts,
        other => panic!("no workflow but {other:?}"),
    }
}

/// An expression with all its parentheses, without spans.
fn show(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Name(name) => name.text.to_string(),
        ExprKind::Literal(Literal::Number(n)) => n.to_string(),
        ExprKind::Unary { op, operand } => format!("({op:?} {})", show(operand)),
        ExprKind::Binary { op, left, right } => {
            format!("({} {:?} {})", show(left), op.node, show(right))
        }
        ExprKind::Member { base, name, .. } => format!("{}.{}", show(base), name.text),
        ExprKind::Index { base, index } => format!("{}[{}]", show(base), show(index)),
        other => format!("{other:?}"),
    }
}

fn folded(text: &str) -> String {
    let text = format!("fn f() -> int = {text}");
    let (file, diagnostics) = read(&text);
    assert_eq!(diagnostics, [], "{text}");
    match &file.items[0] {
        Item::Fn(FnDecl { body: FnBody::Expr(expr), .. }) => show(expr),
        other => panic!("no function but {other:?}"),
    }
}

#[test]
fn the_flows_of_the_design_parse_clean() {
    for (path, text) in flows() {
        let (file, diagnostics) = read(&text);
        assert_eq!(diagnostics, [], "{path}");
        assert!(
            file.module.is_some() && !file.items.is_empty() && file.skipped.is_empty(),
            "{path}"
        );
    }
}

#[test]
fn the_slow_way_reads_the_same_tree() {
    for (path, text) in flows() {
        let (whole, _) = read(&text);
        let broken = format!("{text}\nrecord Broken {{ a b }}\n");
        let (mut pieces, diagnostics) = read(&broken);
        assert_eq!(diagnostics.len(), 1, "{path}: {diagnostics:?}");
        pieces.items.pop();
        assert_eq!(pieces.items, whole.items, "{path}");
        assert_eq!(
            (pieces.docs, pieces.module, pieces.uses),
            (whole.docs, whole.module, whole.uses)
        );
    }
}

#[test]
fn spans_end_at_the_last_token() {
    let text = body("  fail Unshippable   // why\n\n  // more\n  pass");
    let (file, _) = read(&text);
    let Item::Workflow(workflow) = &file.items[0] else { panic!("a workflow") };
    let span = workflow.body.stmts[0].span;
    assert_eq!(&text[span.start as usize..span.end as usize], "fail Unshippable");
    let span = file.items[0].span();
    assert!(text[..span.end as usize].ends_with('}'));
    let comments: Vec<_> = file.comments.iter().map(|c| c.text.as_str()).collect();
    assert_eq!(comments, ["// why", "// more"]);
}

#[test]
fn operators_fold_by_precedence() {
    assert_eq!(folded("a or b and c"), "(a Or (b And c))");
    assert_eq!(folded("not a == b and c"), "((Not (a Eq b)) And c)");
    assert_eq!(folded("a - b - c"), "((a Sub b) Sub c)");
    assert_eq!(folded("a ?? b ?? c + 1"), "(a Coalesce (b Coalesce (c Add 1)))");
    assert_eq!(folded("-a.b * c[0]"), "((Neg a.b) Mul c[0])");
    assert_eq!(folded("a in b or (c or d)"), "((a In b) Or (c Or d))");
    assert_eq!(folded("a + b * c % d"), "(a Add ((b Mul c) Rem d))");
}

#[test]
fn a_doc_line_after_a_value_is_no_division() {
    let (file, diagnostics) = read("fn f() -> int = 3\n/// Next.\nworkflow W() {}");
    assert_eq!(diagnostics, []);
    assert_eq!(file.items[1].lead().map(|l| l.docs[0].text.as_str()), Some("Next."));
}

#[test]
fn literals_become_values() {
    let text = r#"x = [5_00.50 EUR, 80%, 1h30m, 5MB, 1_000, "a\n\{{b}\"", none, 250ms]"#;
    let StmtKind::Let(binding) = &stmts(text)[0].kind else { panic!("a binding") };
    let ExprKind::List(items) = &binding.value.kind else { panic!("a list") };
    let literal = |i: usize| match &items[i].kind {
        ExprKind::Literal(literal) => literal.clone(),
        other => panic!("no literal but {other:?}"),
    };
    assert_eq!(literal(0), Literal::Money { amount: "500.50".into(), currency: "EUR".into() });
    assert_eq!(literal(1), Literal::Percent("80".into()));
    assert_eq!(literal(2), Literal::Duration(5_400_000));
    assert_eq!(literal(3), Literal::Size(5_000_000));
    assert_eq!(literal(4), Literal::Number("1000".into()));
    let Literal::Text(text) = literal(5) else { panic!("a text") };
    assert_eq!(text.parts[0], TextPart::Chars("a\n{".into()));
    assert!(matches!(&text.parts[1], TextPart::Interp(e) if show(e) == "b"));
    assert_eq!(text.parts[2], TextPart::Chars("\"".into()));
    assert_eq!(literal(6), Literal::None);
    assert_eq!(literal(7), Literal::Duration(250));
}

#[test]
fn patterns_keep_their_backslashes() {
    let (file, _) = read(r#"type T = text matching "\d{3}\\.\"""#);
    let Item::Type(decl) = &file.items[0] else { panic!("a type") };
    let text = decl.matching.as_ref().map(|p| p.text.as_str());
    assert_eq!(text, Some(r#"\d{3}\.""#));
}

#[test]
fn every_form_of_the_language_reads() {
    let forms = [
        "step child = run ShipOrder(order)",
        "await paid = event PaymentSettled where order == order.id fresh within 2d on \
         timeout => fail Late",
        "repeat up to 30 times { step s = Bank.poll(id)  sleep 5s } until s.done else skip",
        "all = parallel each url in urls first 2 max 8 settle { step p = Web.get(url) give p }",
        "t = repeat (c: text? = none, n = 0) forever { again (c: p.next, n: n + p.rows.len) }",
        "await first { c = event Cancelled where order == order.id => fail Late  sleep \
         until order.pickup => pass }",
        "scope search fails NoneFound { pass } on event Withdrawn(x) where id == \
         claim.id keep => skip on NoneFound => skip",
        "step p = Shipping.book(order.id, to) fallback Courier.book(order.id, to)",
        "savepoint s { step A.b() } on E(_) => skip",
        "lock R(a), S(b) ttl 2m within 5s { pass } on timeout => fail Busy else skip",
        "transaction D isolation serializable retry 5 times, backoff 20ms..1s jitter on \
         Busy { pass } compensate none because \"x\"",
        "start W(x) at t + 1h",
        "if a { pass } else if b { pass } else { fail E }",
        "match x { Kind.A(_, y) => pass, 3 => { pass } none => skip other => give 1 }",
        "parallel first 1 max 3 { pass } deadline 5m else manual \"what {now}?\"",
        "x = match a { A => 1, _ => if b { 2 } else if c { 3 } else { 4 } }",
        "y = r with (f: e, g: xs.map((a, b) => a + b))",
        "await Review(x) within t - 1h until u remind every 2d escalate after 5d to \
         role(\"cfo\") else give 3",
        "/// why\nallow F0305 because \"it is the point\"\nreject x as \"y\"\nprogress \
         \"z\" at 3\nreply 3\nreview \"q\"",
    ];
    for form in forms {
        assert!(!stmts(form).is_empty(), "{form}");
    }
    let StmtKind::If(chained) = &stmts(forms[12])[0].kind else { panic!("an if") };
    let otherwise = chained.otherwise.as_ref().expect("an else");
    assert!(!otherwise.braced && matches!(otherwise.stmts[0].kind, StmtKind::If(_)));
    let last = &stmts(forms[18])[0];
    assert_eq!((last.lead.docs.len(), last.lead.allows.len()), (1, 1));
}

#[test]
fn misspelt_words_are_suggested() {
    for (text, place, meant) in [
        (body("  stpe x = A.b()"), "stpe", "step"),
        (body("  step x = A.b()\n    retyr quick"), "retyr", "retry"),
        (body("  step x = A.b()\n    retry 3 tims"), "tims", "times"),
        ("recrd R { a: int }\n".to_owned(), "recrd", "record"),
        ("workflow W()\n  deadlin 3h\n{ pass }".to_owned(), "deadlin", "deadline"),
    ] {
        let (_, diagnostics) = read(&text);
        assert_eq!(
            findings(&text).iter().map(|f| f.2.as_str()).collect::<Vec<_>>(),
            [place],
            "{text}"
        );
        assert_eq!(diagnostics[0].help.as_deref(), Some(&*format!("did you mean `{meant}`?")));
        assert_eq!(diagnostics[0].fixes[0].replacement, meant);
    }
}

#[test]
fn habits_of_other_languages_are_answered() {
    for (text, place, help) in [
        ("  let a = 1", "let", "without a keyword"),
        ("  step a = parallel each b in c max 2 { give b }", "step", "with `name = …` alone"),
        ("  step A.b();", ";", "ends with its line"),
        ("  if a && b { pass }", "&", "write `and`"),
        ("  if !(a) { pass }", "!", "write `not`"),
        ("  step A.b('c')", "'", "double quotes"),
        ("  # a", "#", "starts with `//`"),
        ("  if a then { pass }", "then", "leave it out"),
        ("  for a in b { pass }", "for", "each x in list"),
        ("  while a { pass }", "while", "repeat"),
        ("  try { pass }", "try", "on E =>"),
        ("  throw Bad", "throw", "fail Error"),
        ("  await A.b(c)", "await", "for people and events"),
        ("  a := 1", ":", "bound with `=`"),
        ("  a += 1", "+", "bound once"),
        ("  A.b(c)", "A", "called by a `step`"),
        ("  pivot step A.b()", "step", "in the place of `step`"),
        ("  step pivot A.b()", "step", "in the place of `step`"),
        ("  step A.b() on Bad -> skip", "->", "on Error => …"),
        ("  step A.b() catch { skip }", "catch", "on E =>"),
        ("  step A.b() timeout 5s", "timeout", "within 5s"),
        ("  step A.b() retry(3)", "(", "retry 3 times"),
    ] {
        let text = body(text);
        let (_, diagnostics) = read(&text);
        assert_eq!(diagnostics.len(), 1, "{text}: {diagnostics:?}");
        assert_eq!(findings(&text)[0].2, place, "{text}");
        let said = diagnostics[0].help.as_deref().unwrap_or_default();
        assert!(said.contains(help), "{text}: {said}");
    }
}

#[test]
fn what_only_looks_like_a_habit_is_not_answered_as_one() {
    for text in [
        "record R { a: text? 5 }\n".to_owned(),
        "workflow W v1 (n: int) ->\n  deadline 1h\n{ pass }\n".to_owned(),
        body("  step A.b()\n    on timeout skip"),
    ] {
        let (_, diagnostics) = read(&text);
        assert!(!diagnostics.is_empty(), "{text}");
        for found in diagnostics {
            let labels = format!("{found:?}");
            assert!(!labels.contains("not said like this"), "{text}: {labels}");
        }
    }
}

#[test]
fn several_errors_are_found_at_their_places() {
    let text = "record A { a b }\n\nworkflow W() {\n  x = 3 +\n  step y = A.b(\n  fail 5\n  pass\n}\n\nenum E { a }\n";
    let places: Vec<_> = findings(text).into_iter().map(|f| (f.0, f.1)).collect();
    assert_eq!(places, [("F0001", 1), ("F0001", 4), ("F0002", 5), ("F0001", 6), ("F0001", 10)]);
    let (file, _) = read(text);
    assert_eq!(file.items.len(), 3);
    let Item::Workflow(workflow) = &file.items[1] else { panic!("a workflow") };
    assert!(matches!(workflow.body.stmts.last().map(|s| &s.kind), Some(StmtKind::Pass)));
    assert!(file.is_incomplete(workflow.span));
}

#[test]
fn an_unclosed_bracket_is_blamed_at_its_opener() {
    let text = "workflow W() {\n  if a {\n    pass\n  step A.b()\n}\n\nrecord R { a: int }\n";
    assert_eq!(findings(text), [("F0002", 2, "{".to_owned())]);
    let text = "workflow W() {\n  step A.b(x, y retry quick\n  pass\n}\n";
    assert_eq!(findings(text), [("F0002", 2, "(".to_owned())]);
    let text = "workflow W() {\n  pass\n\nrecord R { a: int }\n";
    assert_eq!(findings(text), [("F0002", 1, "{".to_owned())]);
    assert_eq!(read(text).0.items.len(), 2);
}

#[test]
fn an_unclosed_text_is_blamed_at_its_quote() {
    let text = "workflow W() {\n  fail E(\"no money)\n  pass\n}\n";
    assert_eq!(findings(text), [("F0001", 2, "\"".to_owned())]);
}

#[test]
fn reserved_words_are_no_names() {
    for text in [
        body("  step match = A.b()\n  reply match.x"),
        body("  in = 3\n  reply in + 1"),
        body("  each use in xs { pass }"),
        body("  step A.b() on E(reject) => fail F(reject)"),
        "fn give(a: int) -> int = a".to_owned(),
        "fn f(match: int) -> int = 3".to_owned(),
        "workflow W(retry: int) { pass }".to_owned(),
    ] {
        assert_eq!(codes(&text), ["F0007"], "{text}");
        let (_, diagnostics) = read(&text);
        assert!(diagnostics[0].fixes[0].replacement.ends_with("_value"));
    }
    assert_eq!(
        codes("service S { read match(in: int) within 2s }\nrecord R { use: int }"),
        [""; 0]
    );
}

#[test]
fn an_allow_in_front_of_nothing_is_refused() {
    assert_eq!(codes(&body("  pass\n  allow F0305 because \"x\"")), ["F0006"]);
    assert_eq!(codes("allow F0305 because \"x\"\n"), ["F0006"]);
}

#[test]
fn depth_is_limited_without_overflow() {
    let nested = |n: usize| format!("fn f() -> int = {}1{}", "(".repeat(n), ")".repeat(n));
    let blocks = |n: usize| body(&format!("{}pass{}", "if a { ".repeat(n), " }".repeat(n)));
    let chain = |n: usize| format!("fn f() -> int = 1{}", " + 1".repeat(n));
    let nots = |n: usize| format!("fn f() -> bool = {}a", "not ".repeat(n));
    let dots = |n: usize| format!("fn f() -> bool = a{}", ".b".repeat(n));
    let elses = |n: usize| body(&format!("if a {{}}{}", " else if a {}".repeat(n)));
    let types = |n: usize| format!("record R {{ a: {}int{} }}", "list<".repeat(n), ">".repeat(n));
    for (good, bad) in [
        (nested(256), nested(257)),
        (blocks(63), blocks(64)),
        (chain(256), chain(257)),
        (nots(256), nots(257)),
        (dots(256), dots(257)),
        (elses(200), elses(300)),
        (types(200), types(300)),
    ] {
        assert_eq!(codes(&good), [""; 0], "{good}");
        assert_eq!(codes(&bad), ["F0003"], "{bad}");
    }
    for huge in [nested(100_000), blocks(20_000), chain(300_000), nots(300_000), dots(500_000)] {
        let begin = Instant::now();
        assert_eq!(codes(&huge), ["F0003"]);
        // Bound: far below a second where no other build shares the cores.
        assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    }
    let open = "(".repeat(100_000);
    assert_eq!(codes(&format!("fn f() -> int = {open}")), ["F0003"]);
    assert_eq!(codes(&format!("fn f() -> text = {}", "\"{".repeat(100_000))).len(), 1);
}

mod mutations;

#[test]
fn a_slip_is_taken_for_the_word_that_begins_the_same() {
    for (written, meant) in [("slep 8h", "sleep"), ("mach a { 1 => pass 2 => pass }", "match")] {
        let (_, diagnostics) = read(&body(written));
        let help = diagnostics[0].help.as_deref();
        assert_eq!(help, Some(&*format!("did you mean `{meant}`?")), "{written}");
    }
}

#[test]
fn a_reserved_word_is_renamed_with_its_uses() {
    let text = body("give = a\nprogress \"{give}\"\nb = give + 1\nreturn b * give");
    let (_, diagnostics) = read(&text);
    let codes: Vec<_> = diagnostics.iter().map(|d| d.code).collect();
    assert_eq!(codes, ["F0007"]);
    let mended = crate::fix::apply(&text, &crate::fix::choose(&diagnostics, FileId(0)));
    assert_eq!(read(&mended).1, [], "{mended}");
}

#[test]
fn what_is_given_up_is_reported() {
    let uses = "progress \"{start}\"\n".repeat(40);
    let text = format!("workflow W(start: int) {{\n{uses}}}\nfn a(x: int) -> int = x\n/// b\nc(x)");
    let (file, diagnostics) = read(&text);
    let broken = file.items.iter().filter(|item| matches!(item, Item::Broken { .. })).count();
    assert_eq!((broken, diagnostics.len()), (1, 2), "{diagnostics:?}");
}
