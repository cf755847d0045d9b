//! Where a run of one version may go on with another.

use super::super::moves;
use super::{BODY, frozen, program};
use sagaflow_fir::{CallUndo, Point, Stmt};

/// Points where a run may not move, with why.
fn stuck(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (frozen(&program(old)), frozen(&program(new).replacen("v1", "v2", 1)));
    let all = moves(&old, &new);
    assert!(all.iter().any(|it| it.at == "start"), "the start is a point too: {all:?}");
    let no = all.into_iter().filter(|it| !it.because.is_empty());
    no.map(|it| format!("{}: {}", it.at, it.because.join("; "))).collect()
}

#[test]
fn a_run_may_move_everywhere_to_a_version_that_needs_nothing_more() {
    assert_eq!(stuck(BODY, BODY), [""; 0]);
    assert_eq!(stuck(BODY, &BODY.replace("Mail.send(paid)", "Mail.send(\"x\")")), [""; 0]);
}

#[test]
fn a_run_may_not_move_to_where_a_value_is_missing_or_an_undo_is_another() {
    let needs = format!("now_then = cents * 2\n{BODY}\nprogress \"{{now_then}}\"");
    let found = stuck(BODY, &needs);
    assert!(found.iter().any(|it| it.starts_with("paid: it needs `now_then`")), "{found:?}");
    assert!(!found.iter().any(|it| it.starts_with("start")), "it is bound behind it: {found:?}");
    let undone =
        BODY.replace("charge(id, cents)", "charge(id, cents) compensate Bank.give_back(id)");
    let found = stuck(BODY, &undone);
    assert!(
        found.iter().any(|it| it.starts_with("ok: the undo of `paid` is another")),
        "{found:?}"
    );
    assert!(!found.iter().any(|it| it.starts_with("start")), "nothing is armed there: {found:?}");
}

#[test]
fn a_run_may_not_move_to_where_what_undoes_has_become_another() {
    let text = program(BODY);
    let stuck = |new: &str| -> Vec<String> {
        let all = moves(&frozen(&text), &frozen(&new.replacen("v1", "v2", 1)));
        all.into_iter().find(|it| it.at == "ok").map(|it| it.because).unwrap_or_default()
    };
    assert_eq!(stuck(&text), [""; 0]);
    let busy = "refund(id: text) idempotent by id fails Busy transient within 2s";
    let busy = text.replace("refund(id: text) idempotent by id within 2s", busy);
    let because = "`Bank.refund`, which undoes, has changed: the error `Busy` is new";
    let found = stuck(&busy);
    assert!(found.iter().any(|it| it == because), "{found:?}");
}

#[test]
fn a_run_may_not_move_to_where_steps_have_changed_places() {
    let text = program("  step a = Bank.charge(id, cents)\n  step b = Mail.send(id)");
    let swapped = program("  step b = Mail.send(id)\n  step a = Bank.charge(id, cents)");
    let found = stuck_of(&text, &swapped);
    assert!(says(&found, "a", "`b` was not done, and would be passed over"), "{found:?}");
    assert!(says(&found, "b", "`a` is done, and would be done again"), "{found:?}");
    assert!(!found.iter().any(|it| it.starts_with("start")), "nothing is done there: {found:?}");
}

#[test]
fn a_run_may_not_move_to_where_its_point_is_gone() {
    let other = BODY.replace("step paid =", "step charged =").replace("(paid)", "(charged)");
    let found = stuck(BODY, &other);
    assert!(found.iter().any(|it| it == "paid: there is no such point any more"), "{found:?}");
}

/// The same of whole programs, as they are written.
fn stuck_of(old: &str, new: &str) -> Vec<String> {
    assert_ne!(old, new, "the texts differ");
    let all = moves(&frozen(old), &frozen(&new.replacen("v1", "v2", 1)));
    let no = all.into_iter().filter(|it| !it.because.is_empty());
    no.map(|it| format!("{}: {}", it.at, it.because.join("; "))).collect()
}

/// Whether something is said of a point that holds these words.
fn says(found: &[String], at: &str, words: &str) -> bool {
    found
        .iter()
        .any(|it| it.strip_prefix(at).is_some_and(|it| it.starts_with(": ") && it.contains(words)))
}

#[test]
fn a_step_that_is_undone_may_be_added_where_a_run_has_passed_or_will_come() {
    let before = format!("step first = Till.take(\"{{id}} 1\")\n{BODY}");
    assert_eq!(stuck(BODY, &before), [""; 0]);
    let old = format!("{BODY}\nprogress \"{{id}}\"");
    let behind = format!("{BODY}\nstep last = Till.take(\"{{id}} 1\")\nprogress \"{{id}}\"");
    assert_eq!(stuck(&old, &behind), [""; 0]);
}

#[test]
fn a_run_may_not_move_to_where_its_branch_is_another() {
    let fork = |branches: &str| format!("parallel {{ {branches} }}\n{BODY}");
    let (one, two) = ("step one = Till.take(\"{id} 1\")", "step two = Till.take(\"{id} 2\")");
    let both = fork(&format!("{one}\n{two}"));
    let found = stuck(&both, &fork(&format!("{two}\n{one}")));
    assert!(says(&found, "one", "within other blocks"), "{found:?}");
    assert!(!says(&found, "paid", ""), "its branches are done: {found:?}");
    let found = stuck(&both, &fork(&format!("{one}\n{two}\nstep three = Till.take(\"{{id}} 3\")")));
    assert!(says(&found, "two", "a branch is new"), "{found:?}");
    let found = stuck(&fork(&format!("{one}\n{two}\nsleep 1h")), &both);
    assert!(says(&found, "two", "a branch is gone"), "{found:?}");
    let later = BODY.replace("Mail.send(paid)", "Mail.send(\"{paid} {one}\")");
    let found = stuck(&both, &both.replace(BODY, &later));
    assert!(says(&found, "two", "`one`"), "a branch that has ended has not kept it: {found:?}");
}

#[test]
fn a_run_may_not_move_to_where_it_calls_or_waits_for_something_else() {
    let text = program(BODY);
    let other = text.replace("Mail.send(paid)", "Mail.tell(paid)");
    let tell =
        "write tell(id: text) idempotent by id compensate none because \"no harm\" within 2s\n";
    let with = |text: &str| text.replace("write send", &format!("{tell}  write send"));
    let found = stuck_of(&with(&text), &with(&other));
    assert_eq!(found, ["sent: it calls `Mail.send`, and would call `Mail.tell`"]);
    let take = "step paid = Bank.collect(id, cents) compensate Bank.refund(id)";
    let collect = "write collect(id: text, cents: int) -> text idempotent by id fails Declined within 2s\n  write refund";
    let own = text.replace("charge(id, cents)\n", "charge(id, cents) compensate Bank.refund(id)\n");
    let new = text.replace("step paid = Bank.charge(id, cents)", take);
    let found =
        stuck_of(&own.replace("write refund", collect), &new.replace("write refund", collect));
    assert!(
        says(&found, "paid", "it calls `Bank.charge`, and would call `Bank.collect`"),
        "{found:?}"
    );
    assert!(says(&found, "ok", "the undo of `paid` is that of another call"), "{found:?}");
    let task = "human Sign(id: text) -> bool { title \"Sign\" assign role(\"clerk\") }\n";
    let (old, new) =
        (format!("{text}{task}"), format!("{}{task}", text.replace("= Agree(id)", "= Sign(id)")));
    assert_eq!(stuck_of(&old, &new), ["ok: it waits for `Agree`, and would wait for `Sign`"]);
    let wait = "await ok = Agree(id) within 10m on timeout => fail Late";
    let step = text.replace(wait, "step ok = Desk.ask(id)");
    let desk = "service Desk { read ask(id: text) -> bool within 2s }\n";
    let found = stuck_of(&text, &format!("{step}{desk}"));
    assert_eq!(found, ["ok: it is a wait, and would be a step"]);
    assert_eq!(
        stuck(BODY, &BODY.replace("Agree(id) within 10m", "Agree(\"my {id}\") within 20m")),
        [""; 0]
    );
}

#[test]
fn a_run_may_not_move_to_where_what_an_undo_says_is_another() {
    let own = "charge(id, cents) compensate Bank.refund(told(id))";
    let text = program(&BODY.replace("charge(id, cents)", own));
    let found = stuck_of(&text, &text.replace("text = \"no. ", "text = \"number "));
    assert!(says(&found, "ok", "the undo of `paid` uses `told`, which is another"), "{found:?}");
    assert!(!says(&found, "start", ""), "nothing is armed there: {found:?}");
    let least = "compensate Bank.refund([1, 2].map(a => \"{a}{id}\").join(\"\"))";
    let text = program(&BODY.replace("charge(id, cents)", &format!("charge(id, cents) {least}")));
    assert_eq!(stuck_of(&text, &text.replace("a => \"{a}{id}\"", "b => \"{b}{id}\"")), [""; 0]);
    let found = stuck_of(&text, &text.replace("\"{a}{id}\"", "\"{id}{a}\""));
    assert!(says(&found, "ok", "the undo of `paid` is another"), "{found:?}");
}

#[test]
fn a_run_may_move_where_only_the_policy_of_an_undo_is_another() {
    let own = "charge(id, cents) compensate { step Bank.refund(id) within 2s }";
    let text = program(&BODY.replace("charge(id, cents)", own));
    assert_eq!(stuck_of(&text, &text.replace("(id) within 2s }", "(id) within 5s }")), [""; 0]);
}

#[test]
fn a_run_may_not_move_to_where_a_label_is_another() {
    let text = |ty: &str| {
        format!(
            "workflow Pay v1 (id: text, to: {ty}) idempotent by id retain 30d deadline 1h {{\n\
             step first = Post.send(id, to)\nstep last = Post.send(first, to)\n}}\n\
             service Post {{ write send(id: text, to: pii text) -> text idempotent by id \
             compensate none because \"a letter harms nobody\" within 2s }}\n"
        )
    };
    let found = stuck_of(&text("text"), &text("pii text"));
    assert!(says(&found, "first", "`to` was text and is pii text"), "{found:?}");
    let found = stuck_of(&text("pii text"), &text("text"));
    assert!(says(&found, "first", "`to` was pii text and is text"), "{found:?}");
}

#[test]
fn a_run_may_not_move_to_where_something_is_undone_that_was_not() {
    let mail = "compensate none because \"a letter harms nobody\"";
    let text =
        program(&format!("step sent = Mail.send(id)\n{}", BODY.replace("sent", "told_them")));
    let unsend = "write unsend(id: text) idempotent by id within 2s\n  write send";
    let new = text.replace(mail, "compensate unsend(id)").replace("write send", unsend);
    let found = stuck_of(&text, &new);
    assert!(
        says(&found, "paid", "`sent` would be undone, and nothing of that is armed"),
        "{found:?}"
    );
    assert!(says(&found, "sent", "`sent` would be undone"), "it may have been sent: {found:?}");
    assert!(!says(&found, "start", ""), "{found:?}");
}

#[test]
fn a_step_that_commits_later_in_a_loop_may_have_committed() {
    let text = |pivot: &str| {
        program(&format!(
            "each n in [1, 2] {{\nawait ok = Agree(\"{{id}}{{n}}\") within 10m on timeout => skip\n\
             {pivot} sent = Mail.send(\"{{id}}{{n}}\") retry forever\n}}\n"
        ))
    };
    let found = stuck_of(&text("step"), &text("pivot"));
    assert!(says(&found, "each[]/ok", "`each[]/sent` would have committed the run"), "{found:?}");
}

#[test]
fn thousands_of_points_are_held_against_each_other() {
    let one = frozen(&program(BODY));
    let many = |version: u32| {
        let mut many = one.clone();
        many.version = version;
        let workflow = many.fir.workflows.get_mut("shop.Pay").expect("it is there");
        workflow.version = version;
        let Some(Stmt::Step(step)) = workflow.body.first().cloned() else {
            panic!("it begins with a step")
        };
        let (point, undo) = (workflow.points["paid"].clone(), workflow.points["paid/undo"].clone());
        for number in 0..4_000 {
            let mut step = step.clone();
            step.at = format!("paid{number}");
            step.bind = None;
            let CallUndo::Block { at, .. } = &mut step.undo else { panic!("it is undone") };
            *at = format!("paid{number}/undo");
            workflow.points.insert(at.clone(), Point { path: at.clone(), ..undo.clone() });
            workflow
                .points
                .insert(step.at.clone(), Point { path: step.at.clone(), ..point.clone() });
            workflow.body.push(Stmt::Step(step));
        }
        many
    };
    // Were each point compared with each step and each of these looked up, it would take hours.
    let all = moves(&many(1), &many(2));
    assert!(all.len() > 8_000 && all.iter().all(|it| it.because.is_empty()), "{:?}", all.first());
}

#[test]
fn a_run_may_move_to_where_a_label_is_written_out_that_a_name_stands_for() {
    let text = |ty: &str| {
        format!(
            "type Email = pii text\ntype Mail = Email\n\
             workflow Pay v1 (id: text, to: {ty}) idempotent by id retain 30d deadline 1h {{\n\
             step first = Post.send(id, to)\nstep last = Post.send(first, to)\n}}\n\
             service Post {{ write send(id: text, to: pii text?) -> text idempotent by id \
             compensate none because \"a letter harms nobody\" within 2s }}\n"
        )
    };
    let forms = ["pii text", "Email", "Mail", "pii Email"];
    for (old, new) in forms.iter().flat_map(|old| forms.map(|new| (*old, new))) {
        if old != new {
            assert_eq!(stuck_of(&text(old), &text(new)), [""; 0], "{old} and {new}");
        }
    }
    let found = stuck_of(&text("Email"), &text("text"));
    assert!(says(&found, "first", "`to` was `Email` and is text"), "{found:?}");
    let found = stuck_of(&text("secret text").replace("pii text?", "secret text?"), &text("Email"));
    assert!(says(&found, "first", "`to` was secret text and is `Email`"), "{found:?}");
}

#[test]
fn what_is_kept_of_a_point_does_not_grow_with_the_steps_before_it() {
    let steps = |undo: &str| {
        let steps = (0..300).map(|n| format!("step s{n} = Bank.charge(\"{{id}} {n}\", cents)\n"));
        program(&steps.collect::<String>()).replace("compensate refund(id)", undo)
    };
    let all = moves(
        &frozen(&steps("compensate refund(id)")),
        &frozen(&steps("compensate give_back(id)").replacen("v1", "v2", 1)),
    );
    let kept: usize = all.iter().map(|it| it.because.len()).sum();
    assert!(kept <= all.len() * 8, "{kept} reasons of {} points", all.len());
    let last = all.iter().find(|it| it.at == "s299").expect("it is a point");
    assert_eq!(last.because[0], "the undo of `s0` is another");
}

#[test]
fn a_parameter_is_known_wherever_a_run_rests() {
    let later = format!("{BODY}\nprogress \"{{cents}}\"");
    assert_eq!(stuck(BODY, &later), [""; 0], "no frame of the old version holds it at the end");
}

#[test]
fn what_only_the_new_version_does_after_a_failure_needs_what_a_run_was_started_with() {
    let text = program(BODY);
    let after = |told: &str| {
        let block =
            format!("}} after failure {{ step Mail.send({told}) else skip }}\n\nservice Bank");
        text.replacen("}\n\nservice Bank", &block, 1)
    };
    assert_eq!(stuck_of(&text, &after("id")), [""; 0]);
    let more = after("more").replacen("cents: int)", "cents: int, more: text)", 1);
    let more = more.replacen("by id, cents", "by id, cents, more", 1);
    let found = stuck_of(&text, &more);
    assert!(says(&found, "after", "it needs `more`"), "{found:?}");
}

#[test]
fn a_run_may_not_move_within_a_block_that_might_be_done_again_and_remembers_no_keys() {
    let scope = |tail: &str| {
        program(&format!(
            "scope s {{\n step a = Bank.charge(id, cents)\n await ok = Agree(id) within 10m on timeout => fail Late\n}}{tail}"
        ))
    };
    let why = "`s` is done once, and might be done again";
    let plain = scope(" on Late => fail Late else fail Declined");
    let asks = scope(" on Late => fail Late else manual \"look\"");
    for point in ["s/a", "s/ok"] {
        assert!(says(&stuck_of(&plain, &asks), point, why), "{:?}", stuck_of(&plain, &asks));
    }
    assert!(!stuck_of(&asks, &plain).iter().any(|it| it.contains(why)));
}

#[test]
fn a_run_may_not_move_where_what_it_waits_for_has_another_kind_of_end() {
    let wait = |tail: &str| program(&format!("sleep 1m\nawait ok = Agree(id){tail}"));
    let bounded = wait(" within 10m on timeout => skip");
    let found = stuck_of(&bounded, &wait(""));
    assert!(says(&found, "ok", "it has a bound of time, and would have none"), "{found:?}");
    let found = stuck_of(&wait(""), &bounded);
    assert!(says(&found, "ok", "it has no bound of time, and would have one"), "{found:?}");
    let scope = |head: &str| {
        program(&format!(
            "scope s {{\n step a = Bank.charge(id, cents)\n}} {head}else fail Declined"
        ))
    };
    let found = stuck_of(&scope("deadline 5m "), &scope(""));
    assert!(says(&found, "s/a", "`s` has a bound of time, and would have none"), "{found:?}");
}

#[test]
fn a_run_may_not_move_where_a_branch_may_have_ended_without_what_is_used_now() {
    let fork = |handler: &str, use_it: &str| {
        program(&format!(
            "parallel {{\n scope s {{ step x = Bank.charge(id, cents)\n step Mail.send(x) }}{handler}\n await ok = Agree(id) within 10m on timeout => skip\n}}\n{use_it}"
        ))
    };
    let used = "progress \"{x}\"";
    let (skipping, bound) = (fork(" else skip", ""), fork("", used));
    let found = stuck_of(&skipping, &bound);
    assert!(says(&found, "ok", "has not kept `x`"), "{found:?}");
    assert!(!found.iter().any(|it| it.starts_with("start")), "nothing has ended there: {found:?}");
}

#[test]
fn a_run_may_not_move_to_where_a_step_it_has_done_is_done_under_another_name() {
    let text = program(
        "step told = Mail.send(id)\nawait ok = Agree(id) within 10m on timeout => fail Late",
    );
    let again = program(
        "await ok = Agree(id) within 10m on timeout => fail Late\nstep mailed = Mail.send(id)",
    );
    let found = stuck_of(&text, &again);
    assert!(says(&found, "ok", "`told` is done, and `mailed` would do it again"), "{found:?}");
    assert!(!found.iter().any(|it| it.starts_with("start")), "{found:?}");
}
