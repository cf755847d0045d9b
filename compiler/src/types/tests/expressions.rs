//! What fits where: F0102, F0101 of members, F0114, F0115, F0120 of methods, F0203.

use super::{after_world, body, codes};

#[test]
fn a_value_of_another_type_is_refused() {
    assert_eq!(codes("fn f() -> int = \"a\""), ["1 F0102"]);
    assert_eq!(body("step Shop.mail(id, 3)"), ["1 F0102"]);
    assert_eq!(body("if order.customer { pass }"), ["1 F0102"]);
    assert_eq!(body("each l in order.lines {\n step Shop.mail(id, l.quantity)\n}"), ["2 F0102"]);
    assert_eq!(body("parallel {\n step Shop.mail(id, 1h)\n step Shop.release(id)\n}"), ["2 F0102"]);
    assert_eq!(body("a = if order.gift { 1 } else { \"one\" }\nprogress \"{a}\""), ["1 F0102"]);
    assert_eq!(body("a = [1, \"one\"]\nprogress \"{a}\""), ["1 F0102"]);
    assert_eq!(body("sleep order.customer"), ["1 F0102"]);
    assert_eq!(body("emit Paid(order: id, amount: 5, by: none)"), ["1 F0102"]);
    assert_eq!(body("start W(order, order, many)"), ["1 F0102"]);
    assert_eq!(body("if order.gift { return 1 }"), ["1 F0102"]);
}

#[test]
fn what_fits_is_accepted() {
    assert!(codes("fn f() -> decimal = 1").is_empty());
    assert!(codes("fn f() -> decimal = -1").is_empty());
    assert!(codes("fn f() -> list<decimal> = [1, 2.5]").is_empty());
    assert!(codes("fn f() -> text? = \"a\"").is_empty());
    assert!(codes("fn f(a: bool) -> text? = if a { none } else { \"a\" }").is_empty());
    assert!(codes("fn f(a: bool) -> list<text?> = [none, \"a\"]").is_empty());
    assert!(codes("fn f() -> date = \"2026-01-31\"").is_empty());
    assert!(codes("fn f(a: time) -> duration = a - \"2026-01-31T00:00:00Z\"").len() == 1);
    assert!(codes("fn f() -> map<text, int> = [\"a\"].count_by(x => x)").is_empty());
    assert!(codes("fn f(a: int, b: decimal) -> decimal = a * b + 1").is_empty());
    assert!(codes("fn f(a: int, b: int) -> decimal = a / b").is_empty());
    assert!(codes("fn f(a: time) -> int = (a + 3h).hour").is_empty());
    assert!(codes("fn f(a: percent) -> percent = a * 2").is_empty());
    assert!(codes("fn f(a: text) -> text = a + \"!\"").is_empty());
    assert!(codes("fn f(a: text) -> bool = \"x\" in a and a in [\"b\"]").is_empty());
}

#[test]
fn operators_take_what_goes_together() {
    assert_eq!(codes("fn f(a: text) -> text = a - \"x\""), ["1 F0102"]);
    assert_eq!(codes("fn f(a: int) -> int = a + \"x\""), ["1 F0102"]);
    assert_eq!(codes("fn f(a: bool) -> bool = a < true"), ["1 F0102"]);
    assert_eq!(codes("fn f(a: int) -> bool = a == \"x\""), ["1 F0102"]);
    assert_eq!(codes("fn f(a: int) -> bool = a and true"), ["1 F0102"]);
    assert_eq!(codes("fn f(a: text) -> text = -a"), ["1 F0102"]);
    assert_eq!(codes("fn f(a: int) -> bool = a in 3"), ["1 F0102"]);
    assert_eq!(codes("fn f(a: time, b: time) -> time = a + b"), ["1 F0102"]);
}

#[test]
fn an_unknown_member_is_named_with_suggestions() {
    assert_eq!(body("start Say(order.custmer)"), ["1 F0101"]);
    assert_eq!(body("progress \"{order.lines.lenn}\""), ["1 F0101"]);
    assert_eq!(body("start Say(order.customer.trimm())"), ["1 F0101"]);
    assert_eq!(body("each l in order.lines {\n progress \"{l.prize}\"\n}"), ["2 F0101"]);
    assert_eq!(body("n = order.lines.where(l => l.qty > 1)\nprogress \"{n}\""), ["1 F0101"]);
    assert!(body("start Say(order.customer.trim)").is_empty());
    assert!(body("progress \"{order.lines.where(l => l.quantity > 1).len}\"").is_empty());
}

/// The help of the first finding on a text.
fn helped(text: &str) -> String {
    let loaded = crate::load::load_text("test.flow", "test", text);
    let analysis = crate::analyze(&loaded);
    let finding = analysis.diagnostics.first().expect("there is a finding");
    finding.help.clone().unwrap_or_default()
}

#[test]
fn methods_of_plain_values_show_their_signatures_where_they_are_called_wrongly() {
    for (call, signature) in [
        ("x.abs(2)", "it is called as `abs`"),
        ("x.clamp(1.0)", "it is called as `clamp(least, greatest)`"),
        (
            "x.round(1, \"up\", 2)",
            "it is called as `round()` or `round(digits)` or `round(digits, mode)`",
        ),
    ] {
        assert_eq!(helped(&format!("fn f(x: decimal) -> decimal = {call}")), signature);
    }
    let money = helped("fn f(x: money<EUR>) -> money<EUR> = x.round(2, \"up\")");
    assert_eq!(money, "it is called as `round()` or `round(mode)`");
    let sorted = helped("fn f(xs: list<text>) -> list<text> = xs.sort(x => x.len)");
    assert!(sorted.contains("`sort_by(x => key)`"), "{sorted}");
}

#[test]
fn methods_say_how_they_are_called() {
    assert_eq!(body("progress \"{order.lines.take()}\""), ["1 F0120"]);
    assert_eq!(body("progress \"{order.lines.where(1)}\""), ["1 F0102"]);
    assert_eq!(body("progress \"{order.lines.where((a, b) => true)}\""), ["1 F0120"]);
    assert_eq!(body("start Say(order.customer.replace(\"a\"))"), ["1 F0120"]);
    assert_eq!(body("progress \"{order.lines.where(l => l.quantity)}\""), ["1 F0102"]);
    assert_eq!(body("progress \"{order.lines.sum(l => l.sku)}\""), ["1 F0102"]);
    assert!(body("progress \"{order.lines.fold(0, (a, l) => a + l.quantity)}\"").is_empty());
    assert!(body("progress \"{order.lines.zip(many, (l, m) => m)}\"").is_empty());
    assert!(
        body("progress \"{order.lines.group_by(l => l.sku).entries.map(e => e.value.len)}\"")
            .is_empty()
    );
    assert!(body("progress \"{order.lines.sort_by(l => l.price).first?.sku}\"").is_empty());
    assert!(body("start Say(\", \".join(order.lines.map(l => l.sku)))").is_empty());
}

#[test]
fn an_optional_is_not_used_as_if_present() {
    assert_eq!(body("step Shop.mail(id, order.note)"), ["1 F0114"]);
    assert_eq!(body("start Say(order.note.trim())"), ["1 F0114"]);
    assert_eq!(body("if order.gift {\n start Say(order.note)\n}"), ["2 F0114"]);
    assert_eq!(body("progress \"{order.lines.first.sku}\""), ["1 F0114"]);
    assert_eq!(body("a = order.note + \"!\"\nstart Say(a)"), ["1 F0114"]);
    assert_eq!(body("if order.note < \"a\" { pass }"), ["1 F0114"]);
    assert_eq!(body("each m in many {\n step Shop.mail(m, order.note)\n}"), ["2 F0114"]);
    assert_eq!(codes("fn f(a: list<int>?) -> int = a[0]"), ["1 F0114"]);
    assert!(body("start Say(order.note ?? \"nothing\")").is_empty());
    assert!(body("start Say(match order.note { none => \"\", note => note })").is_empty());
    assert!(body("if order.note == \"x\" { pass }").is_empty());
    assert!(body("start Say(order.note?.trim() ?? \"\")").is_empty());
    assert!(body("progress \"{order.note}\"").is_empty());
}

#[test]
fn ids_of_different_kinds_never_stand_for_each_other() {
    let invoice = "fn g(i: InvoiceId) -> int = 1\n";
    assert_eq!(after_world(&format!("{invoice}fn f(o: OrderId) -> int = g(o)")), ["2 F0115"]);
    assert_eq!(after_world("fn f(o: OrderId, i: InvoiceId) -> bool = o == i"), ["1 F0115"]);
    assert_eq!(
        after_world(
            "workflow W v1 (i: InvoiceId) idempotent by i {\n each x in [1] {\n step Shop.release(i)\n}\n}"
        ),
        ["3 F0115"]
    );
    assert_eq!(after_world("fn f(i: InvoiceId?) -> OrderId? = i"), ["1 F0115"]);
    assert!(after_world("fn f(o: OrderId, i: OrderId) -> bool = o == i").is_empty());
    assert!(after_world(&format!("{invoice}fn f(u: uuid) -> int = g(InvoiceId(u))")).is_empty());
    assert_eq!(after_world(&format!("{invoice}fn f(u: uuid) -> int = g(u)")), ["2 F0102"]);
}

#[test]
fn a_literal_takes_the_nominal_type_and_is_checked() {
    assert!(after_world("fn f() -> Sku = \"ABC-0001\"").is_empty());
    assert!(after_world("fn f(s: Sku) -> bool = s == \"ABC-0001\"").is_empty());
    assert!(after_world("fn f() -> OrderId = \"0192f0c1-7a50-7cc3-9a53-1f2c6d3b9a21\"").is_empty());
    assert_eq!(after_world("fn f() -> Sku = \"abc\""), ["1 F0102"]);
    assert_eq!(after_world("fn f() -> Sku = Sku(\"abc\")"), ["1 F0102"]);
    assert_eq!(after_world("fn f(s: Sku) -> bool = s == \"abc\""), ["1 F0102"]);
    assert_eq!(after_world("fn f(t: text) -> Sku = t"), ["1 F0102"]);
    assert!(after_world("fn f(t: text) -> Sku = Sku(t)").is_empty());
    assert!(after_world("fn f(s: Sku) -> text = s").is_empty());
    assert_eq!(after_world("fn f() -> OrderId = \"nonsense\""), ["1 F0102"]);
}

#[test]
fn arguments_of_a_compensation_must_fit() {
    let service = |undo: &str| {
        format!(
            "service S {{\n write a(id: OrderId, n: int) -> text idempotent by id within 1s\n compensate {undo}\n write b(id: OrderId, n: int) idempotent by id within 1s\n}}"
        )
    };
    assert_eq!(after_world(&service("b(id, id)")), ["3 F0203"]);
    assert_eq!(after_world(&service("b(n, n)")), ["3 F0203"]);
    assert_eq!(after_world(&service("{ step b = S.b(id, result) }")), ["3 F0203"]);
    assert!(after_world(&service("b(id, n)")).is_empty());
    assert!(after_world(&service("b(id, result.len)")).is_empty());
    assert_eq!(
        body("step x = Shop.reserve(id)\n compensate release(x)\n on OutOfStock => fail Late"),
        ["2 F0203"]
    );
    assert!(body("step x = Shop.reserve(id)\n compensate { step Shop.mail(id, x) }\n on OutOfStock => fail Late").is_empty());
}

#[test]
fn samples_of_nothing_in_particular_have_no_type() {
    assert_eq!(
        codes("fn f() -> int = 1\ntest \"t\" {\n a = sample(\"x\")\n expect a == 1\n}"),
        ["3 F0102"]
    );
}

#[test]
fn records_are_built_and_copied_by_field() {
    let record = "record R { a: int, b: text? = none, c: decimal = 1 }\n";
    assert!(codes(&format!("{record}fn f() -> R = R(a: 1)")).is_empty());
    assert!(codes(&format!("{record}fn f(r: R) -> R = r with (a: 2, b: \"x\")")).is_empty());
    assert_eq!(codes(&format!("{record}fn f() -> R = R(a: \"x\")")), ["2 F0102"]);
    assert_eq!(codes(&format!("{record}fn f(r: R) -> R = r with (d: 2)")), ["2 F0101"]);
    assert_eq!(codes(&format!("{record}fn f(r: R) -> R = r with (a: none)")), ["2 F0114"]);
    assert_eq!(codes("record R { a: int = \"x\" }"), ["1 F0102"]);
    assert_eq!(codes("type A = text matching \"[a\""), ["1 F0102"]);
    assert_eq!(codes("type A = int matching \"a\""), ["1 F0102"]);
}

#[test]
fn a_probe_reads_the_result_made_optional() {
    let probe = |result: &str, word: &str| {
        format!(
            "service S {{\n write a(id: text) -> int idempotent by id within 1s probe q(id)\n {word} q(id: text) -> {result} within 1s\n}}"
        )
    };
    assert!(codes(&probe("int?", "read")).is_empty());
    assert_eq!(codes(&probe("int", "read")), ["2 F0102"]);
    assert_eq!(codes(&probe("int?", "write")), ["2 F0102"]);
}

#[test]
fn a_trigger_brings_what_the_parameter_takes() {
    assert!(
        after_world("workflow W v1 (paid: Paid) on Paid(paid) idempotent by paid.order { }")
            .is_empty()
    );
    assert!(
        after_world("workflow W v1 (order: OrderId) on Paid(order) idempotent by order { }")
            .is_empty()
    );
    assert_eq!(
        after_world("workflow W v1 (x: text)\n on Paid(x) idempotent by x { }"),
        ["2 F0102"]
    );
    assert_eq!(
        after_world(
            "workflow W v1 (x: list<Paid>)\n on batch Paid up to 10 or every 1s idempotent by x.len { }"
        ),
        ["2 F0102"]
    );
    assert!(after_world("workflow W v1 (x: batch<Paid>)\n on batch Paid up to 10 or every 1s idempotent by x.id { }").is_empty());
}

#[test]
fn only_records_of_the_batch_that_a_workflow_takes_are_rejected() {
    let batch = |stmt: &str| {
        let headers = "on batch Paid up to 10 or every 1s idempotent by x.id";
        after_world(&format!("workflow W v1 (x: batch<Paid>) {headers} {{\n{stmt}\n}}"))
    };
    for fine in ["reject x as \"all\"", "reject x.take(1) as \"one\"", "reject x[0] as \"it\""] {
        assert!(batch(fine).is_empty(), "{fine}: {:?}", batch(fine));
    }
    assert_eq!(batch("reject x.len as \"a number\""), ["2 F0102"]);
    assert_eq!(batch("reject x.map(p => 1) as \"numbers\""), ["2 F0102"]);
    let single = "workflow W v1 (x: Paid) on Paid(x) idempotent by x.order {\nreject x as \"it\" }";
    assert_eq!(after_world(single), ["2 F0102"], "there is no batch");
}

#[test]
fn methods_check_what_they_are_given_and_say_what_they_answer() {
    assert!(codes("fn f(a: text) -> int = a.pad_start(9, \"0\").to_int ?? 0").is_empty());
    assert!(codes("fn f(a: list<int>) -> list<list<int>> = a.chunks(2)").is_empty());
    assert!(codes("fn f(a: list<list<int>>) -> list<int> = a.flat()").is_empty());
    assert!(
        codes("fn f(a: list<int>) -> map<text, int> = a.to_map(x => \"{x}\", x => x)").is_empty()
    );
    assert!(
        codes("fn f(a: map<text, int>) -> map<text, int> = a.put(\"x\", 1).where((k, v) => v > 0)")
            .is_empty()
    );
    assert!(
        codes("fn f(a: money<EUR>) -> list<money<EUR>> = a.max(1.00 EUR).allocate([1, 2])")
            .is_empty()
    );
    assert!(
        codes("fn f(a: date) -> time = a.add_months(1).at(\"09:30\", \"Europe/Berlin\")")
            .is_empty()
    );
    assert_eq!(codes("fn f(a: list<int>) -> list<int> = a.flat()"), ["1 F0102"]);
    assert_eq!(codes("fn f(a: text) -> text = a.pad_start(\"0\", 9)"), ["1 F0102", "1 F0102"]);
    assert_eq!(codes("fn f(a: money<EUR>) -> money = a.max(1.00 USD)"), ["1 F0112"]);
    assert_eq!(codes("fn f(a: money, b: money) -> money = a.min(b)"), ["1 F0112"]);
    assert_eq!(codes("fn f(a: date) -> time = a.at(\"9:30\", \"UTC\")"), ["1 F0102"]);
    assert_eq!(codes("fn f(a: time) -> date = a.date_in(\"Europe/Berln\")"), ["1 F0101"]);
    assert_eq!(codes("fn f(a: date) -> date = a.min(1h)"), ["1 F0102"]);
    assert_eq!(
        codes("fn f(a: map<text, int>) -> map<text, int> = a.put(\"x\", \"y\")"),
        ["1 F0102"]
    );
    assert_eq!(codes("fn f(a: list<text>) -> list<text> = a.filter(x => x != \"\")"), ["1 F0101"]);
}
