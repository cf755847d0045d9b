//! What later passes find in the table.

use super::inferred;
use crate::hir::{ExprKind, Idx, LocalId, StmtKind, TyKind};
use crate::load;
use crate::types::{Adjust, Member, PatternFit, Table};

fn table(text: &str) -> (crate::hir::Program, Table) {
    let (found, program, table) = inferred(&load::load_text("test.flow", "test", text));
    assert!(found.is_empty(), "{found:#?}");
    (program, table)
}

fn adjusted(table: &Table) -> Vec<Vec<Adjust>> {
    table.adjustments.values().map(|steps| steps.iter().map(|step| step.how).collect()).collect()
}

#[test]
fn conversions_that_the_source_leaves_out_are_written_down() {
    let of = |text: &str| adjusted(&table(text).1);
    assert_eq!(of("fn f() -> text? = \"a\""), [[Adjust::Some]]);
    assert_eq!(of("fn f() -> decimal? = 1"), [vec![Adjust::Decimal, Adjust::Some]]);
    assert_eq!(of("type A = text\nfn f() -> A? = \"a\""), [vec![Adjust::Nominal, Adjust::Some]]);
    assert_eq!(
        of("type A = uuid\nfn f() -> A = \"0192f0c1-7a50-7cc3-9a53-1f2c6d3b9a21\""),
        [vec![Adjust::Parsed, Adjust::Nominal]]
    );
    assert_eq!(of("type A = text\nfn f(a: A) -> int = a.len"), [[Adjust::Plain]]);
    assert_eq!(of("type A = int\nfn f(a: A) -> int = a + 1"), [[Adjust::Plain]]);
    assert_eq!(of("fn f() -> text? = none"), [[Adjust::Typed]]);
    assert_eq!(of("fn f(a: list<int>?) -> list<int> = a ?? []"), [[Adjust::Typed]]);
    assert_eq!(
        of("fn f(a: bool, t: text) -> text? = if a { t } else { none }"),
        [[Adjust::Some], [Adjust::Typed]]
    );
    assert!(of("fn f(a: text) -> text = a").is_empty());
}

#[test]
fn a_step_is_bound_to_its_result_joined_with_its_remedies() {
    let service = "service S { read get(a: text) -> text within 1s }\n";
    let (program, table) = table(&format!(
        "{service}workflow W v1 (a: text) idempotent by a {{ step x = S.get(a) else use none\nprogress \"{{x}}\" }}"
    ));
    let body = &program.workflows.values().next().unwrap().body;
    let StmtKind::Step(step) = &body.stmts[0].kind else { panic!("no step") };
    let signature = table.step(step.id).unwrap();
    assert_eq!(signature.result.kind, TyKind::Text);
    assert!(signature.bound.is_optional());
    assert_eq!(table.local(step.bind.unwrap()), signature.bound);
}

#[test]
fn a_loop_that_may_end_without_a_value_is_optional_and_its_give_is_not() {
    let (program, table) = table(
        "workflow W v1 (a: int) idempotent by a deadline 1h { x = repeat up to 3 times { sleep 1s if a > 1 { give a } }\nprogress \"{x}\" }",
    );
    let local = program.locals.iter().find(|(_, l)| l.name == "x").unwrap().0;
    assert!(table.local(local).is_optional());
    assert_eq!(table.collected[&local].kind, TyKind::Int);
}

#[test]
fn members_say_what_they_are() {
    let (program, table) =
        table("record R { len: int }\nfn f(r: R, t: list<int>) -> int = r.len + t.len");
    let mut members: Vec<&Member> = table.members.values().collect();
    members.sort_by_key(|member| format!("{member:?}"));
    assert_eq!(
        members,
        [&Member::Field("len".into()), &Member::Method { of: "list", name: "len" }]
    );
    assert_eq!(
        program.exprs.iter().filter(|(_, e)| matches!(e.kind, ExprKind::Field { .. })).count(),
        2
    );
}

#[test]
fn a_bare_name_takes_the_value_out_of_an_optional_only_beside_none() {
    let fits = |text: &str| table(text).1.patterns.into_values().collect::<Vec<_>>();
    assert_eq!(
        fits("fn f(a: text?) -> text = match a { none => \"\", x => x }"),
        [PatternFit::None, PatternFit::Bind { unwraps: true }]
    );
    assert_eq!(
        fits("fn f(a: text?) -> text? = match a { x => x }"),
        [PatternFit::Bind { unwraps: false }]
    );
}

#[test]
fn what_is_confidential_stays_so() {
    let (program, table) = table(
        "record R { a: pii text }\nfn f(r: R, rs: list<R>) -> list<pii text> { a = r.a.trim() b = \"{a}!\" rs.map(x => x.a + b) }",
    );
    for name in ["a", "b"] {
        let id = program.locals.iter().find(|(_, l)| l.name == name).unwrap().0;
        assert_eq!(table.local(id).label, crate::hir::Label::Pii, "{name}");
    }
    assert_eq!(table.local(LocalId::new(0)).label, crate::hir::Label::Open);
}
