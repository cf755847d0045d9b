//! Mutants of the emitter, made of what it emits.
//!
//! ```text
//!  flows/mutants/emitted.flow ──compiler──► Rust ──one edit each──► OUT_DIR/emitted.rs ──► tests/mutants
//! ```
//!
//! The machines of that file are copied once for every edit; each copy differs from the original in
//! one decision that the emitter has made. A build script, so that the mutants are always those of the
//! emitter as it is: a committed copy of its output would be a mutant of an earlier one. Promises: an
//! edit changes exactly what it names or is reported as stale, which a test refuses; a build never
//! fails because of one. Must not: reach anything but this package's tests.

use proc_macro2::TokenStream;
use sagaflow_compiler::load::load_text;
use sagaflow_compiler::{analyze, emit};
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

const FLOW: &str = "flows/mutants/emitted.flow";

/// One edit: in the machine of a workflow, each text, which stands there once, becomes another.
struct Edit {
    /// Name of the mutant's module.
    name: &'static str,
    /// Module of the machine.
    machine: &'static str,
    /// From what to what, as `flowc debug rust` prints it. Tokens, so that lines do not matter; `rt::`, `Option::` and `Result::` are
    /// short for their paths.
    changes: &'static [(&'static str, &'static str)],
}

const STEPS: &str = "__w0_steps";
const TURNS: &str = "__w1_turns";
const WAITS: &str = "__w2_waits";

const EDITS: &[Edit] = &[
    Edit {
        name: "branches_change_places",
        machine: STEPS,
        changes: &[
            ("rt::Event::Branch(0u32) =>", "rt::Event::Branch(1u32) =>"),
            ("rt::Event::Branch(1u32) =>", "rt::Event::Branch(0u32) =>"),
        ],
    },
    Edit {
        name: "what_branches_bind_changes_places",
        machine: STEPS,
        changes: &[
            ("rt::fixed(&w18, 0usize)", "rt::fixed(&w18, 1usize)"),
            ("rt::fixed(&w18, 1usize)", "rt::fixed(&w18, 0usize)"),
        ],
    },
    Edit {
        name: "handlers_change_places",
        machine: STEPS,
        changes: &[
            (r#"w15.name == "Closed""#, r#"w15.name == "Sold""#),
            (r#"w15.name == "Sold""#, r#"w15.name == "Closed""#),
        ],
    },
    Edit {
        name: "a_handler_takes_another_cause",
        machine: STEPS,
        changes: &[("rt::FailureKind::Timeout", "rt::FailureKind::Refused")],
    },
    Edit {
        name: "the_key_of_a_call_is_dropped",
        machine: STEPS,
        changes: &[(
            "let by = Option::Some(rt::Json::Array(::std::vec![
                rt::encode((&(* rt::read((&cx.work), &v0_id)?)))?, rt::encode((&v2_size))?
            ],),);",
            "let by = Option::None;",
        )],
    },
    Edit {
        name: "the_parts_of_a_key_change_places",
        machine: STEPS,
        changes: &[(
            "::std::vec![rt::encode((&(* rt::read((&cx.work), &v0_id)?)))?, rt::encode((&v2_size))?]",
            "::std::vec![rt::encode((&v2_size))?, rt::encode((&(* rt::read((&cx.work), &v0_id)?)))?]",
        )],
    },
    Edit {
        name: "the_key_of_a_run_is_dropped",
        machine: STEPS,
        changes: &[(
            "Result::Ok(Option::Some(rt::encode((&(*rt::read((&work), &v0_id)?)),)?,),)",
            "Result::Ok(Option::None)",
        )],
    },
    Edit {
        name: "an_undo_is_dropped",
        machine: STEPS,
        changes: &[("Option::Some(undo)", "Option::None")],
    },
    Edit {
        name: "a_captured_value_is_lost",
        machine: STEPS,
        changes: &[(
            r#"undo.insert(::std::string::String::from("count"), rt::encode((&v2_size))?,);"#,
            "",
        )],
    },
    Edit {
        name: "an_undo_captures_the_value_of_another_call",
        machine: WAITS,
        changes: &[(
            r#"undo.insert(::std::string::String::from("amount"), rt::encode((&v4_c))?,);"#,
            r#"undo.insert(::std::string::String::from("amount"), rt::encode((&v1_limit))?,);"#,
        )],
    },
    Edit {
        name: "a_probe_is_dropped",
        machine: STEPS,
        changes: &[(
            r#"let probe = Option::Some(rt::payload([
                ("id", rt::encode((&(*rt::read((&cx.work), &v0_id)?)),)?,), ("count", rt::encode((&v8_a))?),
            ]),);"#,
            "let probe = Option::None;",
        )],
    },
    Edit {
        name: "the_live_set_lacks_a_value",
        machine: STEPS,
        changes: &[(r#"rt::put(&mut values, "b", v9_b)?; "sent""#, r#""sent""#)],
    },
    Edit {
        name: "the_live_set_keeps_a_value_that_is_dead",
        machine: STEPS,
        changes: &[(
            r#"rt::put(&mut values, "id", v0_id)?; "held""#,
            r#"rt::put(&mut values, "id", v0_id)?; rt::put(&mut values, "size", &3i64)?; "held""#,
        )],
    },
    Edit {
        name: "an_answer_is_converted_wrongly",
        machine: STEPS,
        changes: &[(
            r#"let v10_sent: i64 = rt::decode(&value, "sent",)?;"#,
            r#"let v10_sent: i64 = rt::decode::<i64>(&value, "sent")?.saturating_abs();"#,
        )],
    },
    Edit {
        name: "a_branch_binds_the_name_of_another",
        machine: STEPS,
        changes: &[(
            r#"rt::object([("a", rt::encode(&v8_a)?),])"#,
            r#"rt::object([("b", rt::encode(&v8_a)?),])"#,
        )],
    },
    Edit {
        name: "a_skipped_step_is_not_told",
        machine: STEPS,
        changes: &[(
            "cx.leave = rt::Leave::Skip; cx.outside(0usize);
             Result::Ok(Step::Go(Go::B5 { v0_id }))",
            "cx.outside(0usize); Result::Ok(Step::Go(Go::B5 { v0_id }))",
        )],
    },
    Edit {
        name: "a_call_rests_at_the_wrong_point",
        machine: WAITS,
        changes: &[(
            "At::PaidC { v0_id, v1_limit }.frame(cx)?",
            "At::PaidD { v0_id, v1_limit }.frame(cx)?",
        )],
    },
    Edit {
        name: "an_else_is_taken_for_its_then",
        machine: TURNS,
        changes: &[(
            "rt::compare((&v4_one), (&v2_limit))?.is_gt()",
            "!rt::compare((&v4_one), (&v2_limit))?.is_gt()",
        )],
    },
    Edit {
        name: "a_loop_turns_once_more",
        machine: TURNS,
        changes: &[("cx.turn() < 3u32", "cx.turn() < 4u32")],
    },
    Edit {
        name: "a_turn_is_not_counted",
        machine: TURNS,
        changes: &[(
            "cx.next_turn(1usize)?;
             Result::Ok(Step::Go(Go::B15 { v2_limit, v5_held, v6_n }))",
            "Result::Ok(Step::Go(Go::B15 { v2_limit, v5_held, v6_n }))",
        )],
    },
    Edit {
        name: "a_loop_begins_with_its_second_item",
        machine: TURNS,
        changes: &[("rt::item(&w9, cx.turn())?", "rt::item(&w9, cx.turn() + 1)?")],
    },
    Edit {
        name: "the_next_turn_sees_a_stale_value",
        machine: TURNS,
        changes: &[("(rt::Plus::plus(v6_n.clone(), v7_x.clone())?,)", "(v6_n.clone(),)")],
    },
    Edit {
        name: "what_a_turn_gives_is_lost",
        machine: TURNS,
        changes: &[("w10.push(v4_one.clone());", "")],
    },
    Edit { name: "a_unit_is_not_left", machine: WAITS, changes: &[(r#"cx.left("paid");"#, "")] },
    Edit {
        name: "a_unit_hears_no_interrupt",
        machine: WAITS,
        changes: &[(
            r#"::std::vec![rt::subscription(
                "mutants.emitted.Stop", (* rt::read((&cx.work), &v0_id)?).clone(), true
            )]"#,
            "::std::vec::Vec::new()",
        )],
    },
    Edit {
        name: "the_condition_of_an_event_is_dropped",
        machine: WAITS,
        changes: &[("rt::compare((&v10_event2.count), (&v1_limit),)? .is_gt()", "true")],
    },
    Edit {
        name: "the_arms_of_a_wait_change_places",
        machine: WAITS,
        changes: &[
            (
                "rt::Event::Arm { index: 0usize, value, }",
                "rt::Event::Arm { index: 1usize, value, }",
            ),
            (
                "rt::Event::Arm { index: 1usize, value, }",
                "rt::Event::Arm { index: 0usize, value, }",
            ),
        ],
    },
    Edit {
        name: "an_event_is_not_sent",
        machine: WAITS,
        changes: &[(
            r#"cx.ops.push(rt::Op::Emit {
                event: ::std::string::String::from("mutants.emitted.Stop"), key, payload,
            });"#,
            "",
        )],
    },
];

fn main() -> ExitCode {
    println!("cargo::rerun-if-changed={FLOW}");
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            println!("cargo::error={why}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<(), String> {
    let text = std::fs::read_to_string(FLOW).map_err(|error| error.to_string())?;
    let loaded = load_text(FLOW, "mutants.emitted", &text);
    let fir = analyze(&loaded).lower(&loaded.sources).ok_or("the flow has errors")?;
    let out = std::env::var("OUT_DIR").map_err(|error| error.to_string())?;
    let rust = file(&normal(&emit::pretty(&emit::modules(&fir)))?)?;
    std::fs::write(Path::new(&out).join("emitted.rs"), rust).map_err(|error| error.to_string())
}

/// The modules, the mutants beside the machines that they were, and lists of both.
fn file(modules: &str) -> Result<String, String> {
    let (mut mutants, mut lists) = (String::new(), String::new());
    let (mut made, mut stale) = (String::new(), String::new());
    for edit in EDITS {
        let (name, machine) = (edit.name, edit.machine);
        match mutant(modules, edit) {
            Ok(changed) => {
                mutants += &format!("pub mod {name} {changed}\n");
                let _ = write!(
                    made,
                    "({name:?}, std::sync::Arc::new(emitted::{name}::machine()), \
                     std::sync::Arc::new(emitted::{machine}::machine())),"
                );
            }
            Err(why) => stale += &format!("{:?},", format!("{name}: {why}")),
        }
    }
    let _ = write!(
        lists,
        "/// Name, the mutant, and the machine that it was.\n\
         pub fn mutants() -> Vec<(&'static str, Made, Made)> {{ vec![{made}] }}\n\
         /// Edits that do not fit what the emitter makes any more.\n\
         pub const STALE: &[&str] = &[{stale}];\n"
    );
    let end = modules.rfind('}').ok_or("there is no module")?;
    let (before, close) = modules.split_at(end);
    Ok(format!("{before}\n{mutants}{close}\n{lists}"))
}

/// The body of a machine's module with one edit.
fn mutant(modules: &str, edit: &Edit) -> Result<String, String> {
    let mut text = body(modules, edit.machine)?;
    let mut places = Vec::new();
    for (from, to) in edit.changes {
        let (from, to) = (normal(&full(from))?, normal(&full(to))?);
        let found: Vec<usize> = text.match_indices(&from).map(|(at, _)| at).collect();
        match found.as_slice() {
            [at] => places.push((*at..at + from.len(), to)),
            _ => return Err(format!("`{from}` stands there {} times", found.len())),
        }
    }
    // Order: from behind, so that the places in front stay where they are.
    places.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    places.into_iter().for_each(|(place, to)| text.replace_range(place, &to));
    normal(&text)
}

/// The body of a module inside the one module of the file, with its braces.
fn body(modules: &str, name: &str) -> Result<String, String> {
    let head = format!("pub mod {name} ");
    let at = modules.find(&head).ok_or(format!("there is no module `{name}`"))?;
    let rest = modules.get(at + head.len()..).unwrap_or_default();
    // What follows is the next item: only its own tokens know where the module ends.
    let outer = rest.rfind('}').and_then(|end| rest.get(..end)).ok_or("the file has no module")?;
    let tokens: TokenStream = outer.parse().map_err(|error| format!("{error}"))?;
    let body = tokens.into_iter().next().ok_or("the module has no body")?;
    Ok(body.to_string())
}

/// The one way in which tokens are written here.
fn normal(text: &str) -> Result<String, String> {
    let tokens: TokenStream = text.parse().map_err(|error| format!("{error} in `{text}`"))?;
    Ok(tokens.to_string())
}

/// An edit's text with its paths in full.
fn full(text: &str) -> String {
    text.replace("rt::", "::sagaflow::codegen::rt::")
        .replace("Option::", "::core::option::Option::")
        .replace("Result::", "::core::result::Result::")
}
