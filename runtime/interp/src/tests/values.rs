//! Expressions, decisions, patterns, keys.

use super::build::*;
use crate::codec::{decode, encode};
use crate::eval::{Env, Eval};
use sagaflow_core::codegen::{Fault, Machine as _};
use sagaflow_fir as fir;
use sagaflow_fir::{
    BinaryOp as Op, Expr, ExprKind, Fir, FunctionBody, LocalId, PatternKind, Rule, TextPart, Ty,
};
use serde_json::{Value as Json, json};

fn eval_in(fir: &Fir, expr: &Expr) -> Result<Json, Fault> {
    let mut draw = draw();
    let mut eval = Eval::new(fir, "t", Some(&mut draw));
    eval.expr(&mut Env::new(4), expr).map(|value| encode(&value))
}

fn eval(expr: &Expr) -> Result<Json, String> {
    eval_in(&Fir::default(), expr).map_err(|fault| fault.message)
}

fn money() -> Ty {
    Ty::Money(Some("EUR".into()))
}

fn ints(items: &[i64]) -> Expr {
    lit(Ty::List(Box::new(Ty::Int)), json!(items))
}

fn calc(left: (Ty, Json), by: Op, right: (Ty, Json), ty: Ty) -> Result<Json, String> {
    eval(&op(by, lit(left.0, left.1), lit(right.0, right.1), ty))
}

#[test]
fn arithmetic_is_exact_checked_and_rounds_half_to_even() {
    let eur = |text: &str| (money(), json!(text));
    let percent = |text: &str| (Ty::Percent, json!(text));
    let dec = |text: &str| (Ty::Decimal, json!(text));
    let whole = |n: i64| (Ty::Int, json!(n));
    let dur = |text: &str| (Ty::Duration, json!(text));
    let time = |text: &str| (Ty::Time, json!(text));
    let date = |text: &str| (Ty::Date, json!(text));
    let noon = "2026-01-31T12:00:00Z";
    let cases = [
        (calc(eur("0.05 EUR"), Op::Mul, dec("0.5"), money()), json!("0.02 EUR")),
        (calc(eur("0.15 EUR"), Op::Mul, dec("0.5"), money()), json!("0.08 EUR")),
        (calc(percent("20%"), Op::Mul, eur("12.50 EUR"), money()), json!("2.50 EUR")),
        (calc(eur("10.00 EUR"), Op::Div, whole(3), money()), json!("3.33 EUR")),
        (calc(eur("10.00 EUR"), Op::Div, eur("4.00 EUR"), Ty::Decimal), json!("2.5")),
        (calc(eur("10.00 EUR"), Op::Sub, eur("0.01 EUR"), money()), json!("9.99 EUR")),
        (calc(percent("80%"), Op::Add, percent("5.5%"), Ty::Percent), json!("85.5%")),
        (calc(whole(7), Op::Div, whole(2), Ty::Int), json!(3)),
        (calc(whole(-7), Op::Rem, whole(2), Ty::Int), json!(-1)),
        (calc(dec("1"), Op::Div, dec("8"), Ty::Decimal), json!("0.125")),
        (calc(whole(1), Op::Add, dec("0.5"), Ty::Decimal), json!("1.5")),
        (calc(time(noon), Op::Add, dur("1d"), Ty::Time), json!("2026-02-01T12:00:00Z")),
        (calc(time(noon), Op::Sub, time("2026-01-30T11:59:30Z"), Ty::Duration), json!("1d30s")),
        (calc(date("2026-01-31"), Op::Add, dur("1d"), Ty::Date), json!("2026-02-01")),
        (calc(date("2026-03-01"), Op::Sub, date("2026-02-01"), Ty::Duration), json!("28d")),
        (calc(dur("1m"), Op::Mul, dec("1.5"), Ty::Duration), json!("1m30s")),
        (calc((Ty::Text, json!("a")), Op::Add, (Ty::Text, json!("b")), Ty::Text), json!("ab")),
    ];
    for (index, (result, expected)) in cases.into_iter().enumerate() {
        assert_eq!(result, Ok(expected), "case {index}");
    }
}

#[test]
fn what_has_no_value_is_a_fault() {
    let huge = (Ty::Int, json!(i64::MAX));
    let faults = [
        calc(huge.clone(), Op::Mul, huge.clone(), Ty::Int),
        calc((Ty::Int, json!(i64::MIN)), Op::Div, (Ty::Int, json!(-1)), Ty::Int),
        calc((Ty::Int, json!(1)), Op::Div, (Ty::Int, json!(0)), Ty::Int),
        calc((Ty::Int, json!(1)), Op::Rem, (Ty::Int, json!(0)), Ty::Int),
        calc((money(), json!("1.00 EUR")), Op::Div, (Ty::Int, json!(0)), money()),
        calc((money(), json!("1.00 EUR")), Op::Add, (Ty::Money(None), json!("1.00 USD")), money()),
        calc((money(), json!("1.00 EUR")), Op::Lt, (Ty::Money(None), json!("1.00 USD")), Ty::Bool),
        calc((Ty::Date, json!("2026-01-31")), Op::Add, (Ty::Duration, json!("1h")), Ty::Date),
        eval(&expr(Ty::Int, ExprKind::Index(Box::new(ints(&[1])), Box::new(int(1))))),
        eval(&expr(Ty::Int, ExprKind::Index(Box::new(ints(&[1])), Box::new(int(-1))))),
        eval(&lit(Ty::Uuid, json!("no uuid"))),
    ];
    for (index, result) in faults.iter().enumerate() {
        assert!(result.is_err(), "case {index}: {result:?}");
    }
}

#[test]
fn the_right_side_is_evaluated_only_if_it_is_needed() {
    let boom = || expr(Ty::Bool, ExprKind::Index(Box::new(ints(&[])), Box::new(int(0))));
    let truth = |value: bool| lit(Ty::Bool, json!(value));
    let none = || expr(Ty::Optional(Box::new(Ty::Bool)), ExprKind::None);
    assert_eq!(eval(&op(Op::And, truth(false), boom(), Ty::Bool)), Ok(json!(false)));
    assert_eq!(eval(&op(Op::Or, truth(true), boom(), Ty::Bool)), Ok(json!(true)));
    assert_eq!(eval(&op(Op::Coalesce, truth(true), boom(), Ty::Bool)), Ok(json!(true)));
    assert_eq!(eval(&op(Op::Coalesce, none(), truth(false), Ty::Bool)), Ok(json!(false)));
    assert!(eval(&op(Op::And, truth(true), boom(), Ty::Bool)).is_err());
}

#[test]
fn rounding_of_money_can_be_chosen_before_it_is_lost() {
    let product =
        op(Op::Mul, lit(money(), json!("0.05 EUR")), lit(Ty::Decimal, json!("0.5")), money());
    let round = |mode: &str| method(product.clone(), "money", "round", vec![text(mode)], money());
    assert_eq!(eval(&round("up")), Ok(json!("0.03 EUR")));
    assert_eq!(eval(&round("down")), Ok(json!("0.02 EUR")));
    let whole = lit(money(), json!("-10.00 EUR"));
    let split = method(whole, "money", "split", vec![int(3)], Ty::List(Box::new(money())));
    assert_eq!(eval(&split), Ok(json!(["-3.34 EUR", "-3.33 EUR", "-3.33 EUR"])));
}

#[test]
fn methods_of_lists_take_lambdas_and_answer_in_order() {
    let x = LocalId(0);
    let is_big = || lambda(&[x], op(Op::Gt, name(x, Ty::Int), int(1), Ty::Bool));
    let parity = || lambda(&[x], op(Op::Rem, name(x, Ty::Int), int(2), Ty::Int));
    let many = || Ty::List(Box::new(Ty::Int));
    let map_of = |of: Ty| Ty::Map(Box::new(Ty::Int), Box::new(of));
    let opt = || Ty::Optional(Box::new(Ty::Int));
    let on = |items: &[i64], name: &str, args: Vec<Expr>, ty: Ty| {
        eval(&method(ints(items), "list", name, args, ty))
    };
    let minus = || {
        lambda(&[x], expr(Ty::Int, ExprKind::Unary(fir::UnaryOp::Neg, Box::new(name(x, Ty::Int)))))
    };
    let add = || {
        lambda(&[x, LocalId(1)], op(Op::Add, name(x, Ty::Int), name(LocalId(1), Ty::Int), Ty::Int))
    };
    assert_eq!(on(&[3, 1, 2], "where", vec![is_big()], many()), Ok(json!([3, 2])));
    assert_eq!(on(&[3, 1], "map", vec![minus()], many()), Ok(json!([-3, -1])));
    assert_eq!(on(&[3, 1, 2], "sum", vec![], Ty::Int), Ok(json!(6)));
    assert_eq!(on(&[], "sum", vec![], Ty::Int), Ok(json!(0)));
    assert_eq!(on(&[3, 1, 2], "count", vec![is_big()], Ty::Int), Ok(json!(2)));
    assert_eq!(on(&[3, 1, 2], "sort_by", vec![minus()], many()), Ok(json!([3, 2, 1])));
    assert_eq!(on(&[3, 1, 2], "min", vec![], opt()), Ok(json!(1)));
    assert_eq!(on(&[], "max", vec![], opt()), Ok(json!(null)));
    assert_eq!(on(&[3, 1, 3], "unique", vec![], many()), Ok(json!([3, 1])));
    assert_eq!(on(&[3, 1, 2], "take", vec![int(2)], many()), Ok(json!([3, 1])));
    assert_eq!(on(&[3, 1, 2], "drop", vec![int(9)], many()), Ok(json!([])));
    assert_eq!(
        on(&[3, 1, 2], "count_by", vec![parity()], map_of(Ty::Int)),
        Ok(json!({"0": 1, "1": 2}))
    );
    let groups = on(&[3, 1, 2], "group_by", vec![parity()], map_of(many()));
    assert_eq!(groups, Ok(json!({"0": [2], "1": [3, 1]})));
    assert_eq!(on(&[3, 1, 2], "fold", vec![int(10), add()], Ty::Int), Ok(json!(16)));
    assert_eq!(on(&[3, 1, 2], "contains", vec![int(1)], Ty::Bool), Ok(json!(true)));
    assert_eq!(on(&[], "all", vec![is_big()], Ty::Bool), Ok(json!(true)));
    assert!(on(&[1], "shuffle", vec![], many()).is_err());
}

#[test]
fn maps_go_by_key_and_text_counts_characters() {
    let map = || lit(Ty::Map(Box::new(Ty::Int), Box::new(Ty::Text)), json!({"10": "b", "9": "a"}));
    let texts = || Ty::List(Box::new(Ty::Text));
    let keys = method(map(), "map", "keys", vec![], Ty::List(Box::new(Ty::Int)));
    assert_eq!(eval(&keys), Ok(json!([9, 10])));
    let get = method(map(), "map", "get", vec![int(7)], Ty::Optional(Box::new(Ty::Text)));
    assert_eq!(eval(&get), Ok(json!(null)));
    let on = |of: &str, name: &str, args: Vec<Expr>, ty: Ty| {
        eval(&method(text(of), "text", name, args, ty))
    };
    assert_eq!(on("häuser", "len", vec![], Ty::Int), Ok(json!(6)));
    assert_eq!(on("häuser", "slice", vec![int(1), int(3)], Ty::Text), Ok(json!("äu")));
    assert_eq!(on("a,b", "split", vec![text(",")], texts()), Ok(json!(["a", "b"])));
    assert_eq!(on("aa", "replace", vec![text(""), text("x")], Ty::Text), Ok(json!("aa")));
}

#[test]
fn interpolation_prints_the_json_form_without_quotes() {
    let value = |ty, json| TextPart::Value(lit(ty, json));
    let parts = vec![
        value(Ty::Percent, json!("80%")),
        TextPart::Text(" ".into()),
        value(Ty::Text, json!("x")),
        TextPart::Text(" ".into()),
        value(Ty::Duration, json!("90s")),
        TextPart::Text(" ".into()),
        value(Ty::List(Box::new(Ty::Text)), json!(["a"])),
    ];
    let printed = eval(&expr(Ty::Text, ExprKind::Text(parts)));
    assert_eq!(printed, Ok(json!("80% x 1m30s [\"a\"]")));
}

#[test]
fn decisions_take_the_first_row_and_a_bare_name_leaves_none_to_its_arm() {
    let mut fir = Fir::default();
    let n = || name(LocalId(0), Ty::Int);
    let rule = |limit: i64, then: &str| Rule {
        when: op(Op::Le, n(), int(limit), Ty::Bool),
        then: text(then),
    };
    let body = FunctionBody::Decide {
        rules: vec![rule(5, "low"), rule(10, "middle")],
        otherwise: Some(text("high")),
    };
    let locals = vec![fir::Local { name: "n".into(), ty: Ty::Int }];
    let function = fir::Function { locals, params: 1, result: Ty::Text, body };
    fir.functions.insert("t.size".into(), function);
    let size = |n: i64| expr(Ty::Text, ExprKind::Call("t.size".into(), vec![int(n)]));
    for (n, expected) in [(5, "low"), (6, "middle"), (11, "high")] {
        assert_eq!(eval_in(&fir, &size(n)), Ok(json!(expected)));
    }
    let subject = |json: Json| Box::new(lit(Ty::Optional(Box::new(Ty::Int)), json));
    let arms = || {
        vec![
            (PatternKind::Bind(LocalId(0)), name(LocalId(0), Ty::Int)),
            (PatternKind::None, int(-1)),
        ]
    };
    let taken = |json: Json| eval(&expr(Ty::Int, ExprKind::Match(subject(json), arms())));
    assert_eq!((taken(json!(4)), taken(json!(null))), (Ok(json!(4)), Ok(json!(-1))));
}

#[test]
fn endless_recursion_is_a_fault() {
    let mut fir = Fir::default();
    let value = expr(Ty::Int, ExprKind::Call("t.f".into(), vec![]));
    let body = FunctionBody::Fn { lets: vec![], value: value.clone() };
    let function = fir::Function { locals: vec![], params: 0, result: Ty::Int, body };
    fir.functions.insert("t.f".into(), function);
    let fault = eval_in(&fir, &value).unwrap_err();
    assert_eq!(fault.message, "expressions are nested too deeply");
}

fn decision() -> Fir {
    let mut fir = Fir::default();
    let fields = vec![field("note", Ty::Optional(Box::new(Ty::Text)))];
    let variants = vec![
        fir::Variant { name: "Approved".into(), fields },
        fir::Variant { name: "Rejected".into(), fields: vec![] },
    ];
    let decl = fir::TypeDecl::Enum(variants);
    fir.types.insert("t.Decision".into(), fir::NamedType { decl, doc: String::new() });
    fir
}

#[test]
fn every_boundary_form_comes_back_as_it_was() {
    let fir = decision();
    let named = || Ty::Named("t.Decision".into());
    let cases = [
        (named(), json!("Rejected")),
        (named(), json!({"Approved": {"note": "fine"}})),
        (Ty::Optional(Box::new(named())), json!(null)),
        (Ty::Outcome(Box::new(Ty::Int)), json!({"Ok": 1})),
        (Ty::Outcome(Box::new(Ty::Int)), json!("Unknown")),
        (Ty::Map(Box::new(Ty::Bool), Box::new(money())), json!({"true": "1.00 EUR"})),
        (Ty::Time, json!("2026-01-31T12:00:00.250Z")),
        (Ty::Size, json!(5_000_000)),
        (Ty::Blob, json!({"blob": "ab", "size": 2})),
    ];
    for (ty, json) in cases {
        let value = decode(&fir, &ty, &json).unwrap();
        assert_eq!(encode(&value), json, "{ty:?}");
    }
    let kept = decode(&fir, &named(), &json!({"Approved": {}})).unwrap();
    assert_eq!(encode(&kept), json!({"Approved": {}}), "a payload of nothing is still a payload");
}

#[test]
fn the_key_of_a_workflow_is_its_value_or_the_list_of_its_values() {
    let mut build = Build::new();
    let n = build.param("n", Ty::Int);
    let t = build.param("t", Ty::Text);
    build.flow.key = Some(vec![name(t, Ty::Text)]);
    build.flow.body = vec![];
    let input = [("n".to_owned(), json!(1)), ("t".to_owned(), json!("x"))].into();
    let mut two = Build { fir: build.fir.clone(), flow: build.flow.clone() };
    two.flow.key = Some(vec![name(n, Ty::Int), name(t, Ty::Text)]);
    assert_eq!(build.machine().key(&input), Ok(Some(json!("x"))));
    assert_eq!(two.machine().key(&input), Ok(Some(json!([1, "x"]))));
    assert_eq!(Build::new().machine().key(&input), Ok(None));
}
