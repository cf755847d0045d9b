/**
 * The grammar of `.flow` for tree-sitter.
 *
 * The language is what `compiler/src/syntax/flow.pest` says; this follows it rule by rule, under the same names, and
 * the tests beside it hold the two against each other. Where they differ, this one is wrong.
 *
 * Two things are said otherwise here. A parsing expression grammar takes the first alternative that fits and looks
 * ahead as far as it likes; this parser looks one word ahead, and where that is not enough follows both ways until one
 * ends (`conflicts`). And words are told apart by where they stand: one that is a keyword at its place is a keyword,
 * any other is a name, unless it is reserved (`reserved`).
 */

// Words that no bare name can be.
const RESERVED = [
  "again", "allow", "and", "await", "compensate", "each", "else", "emit", "fail", "fallback", "false", "give",
  "idempotent", "if", "in", "lock", "manual", "match", "none", "not", "on", "or", "parallel", "pass", "pivot",
  "progress", "reject", "repeat", "reply", "retry", "return", "review", "run", "savepoint", "scope", "skip", "sleep",
  "start", "step", "transaction", "true", "use", "within",
];

// Keywords at places where a name may stand as well: what follows them says which it is.
const EITHER = [
  "at", "calls", "deadline", "escalate", "event", "failed", "first", "heartbeat", "never", "probe", "remind", "until",
  "with",
];

// Types that take other types, and may be meant without them.
const GENERIC = ["list", "map", "outcome", "batch", "money"];

// How tightly operators bind, the loosest first.
const BINDS = { or: 1, and: 2, not: 3, compare: 4, coalesce: 5, add: 6, multiply: 7, negate: 8, postfix: 9 };

const comma_list1 = rule => seq(rule, repeat(seq(",", rule)));
const comma_list = rule => optional(seq(comma_list1(rule), optional(",")));
const rows = rule => repeat1(seq(rule, optional(",")));
const bound_to = $ => seq(field("name", $._name), "=");

module.exports = grammar({
  name: "flow",

  word: $ => $.identifier,
  reserved: { global: _ => RESERVED },
  extras: $ => [/[ \t\r\n]/, $.comment],
  supertypes: $ => [$._item, $._statement, $._expression, $._literal],

  conflicts: $ => [
    // `/// …` at the top: of the module, or of the first item.
    [$.source_file],
    // A word behind a statement goes on with it, or is bound by the next one: `deadline 2h`, `deadline = …`.
    [$.step], [$.pivot], [$.await_stmt], [$.parallel], [$.repeat], [$.transaction], [$.scope], [$.start], [$.progress],
    // `retry quick on Busy`, or `retry quick` and `on Busy => …`.
    [$.retry_spec],
    // `return if a { b } else { c }`, or `return` and a statement behind it.
    [$.return_stmt],
    // `sleep until x`, or `sleep until` where `until` is a name.
    [$.sleep, $._name],
    // A comma goes on with the list, or ends the arm that holds it.
    [$.idempotent],
    // `(a) => …` or `(a)`.
    [$.lambda_parameters, $._name],
  ],

  rules: {
    // ───────────── module ─────────────
    source_file: $ => seq(
      optional(seq(repeat($.doc), choice(seq($.module_decl, repeat($.use_decl)), repeat1($.use_decl)))),
      repeat(choice($.allow, $._item, seq($.doc, repeat(choice($.doc, $.allow)), $._item))),
    ),
    module_decl: $ => seq("module", $.path),
    use_decl: $ => seq("use", $.path, "{", comma_list1(choice($.type_identifier, $.identifier)), optional(","), "}"),
    allow: $ => seq("allow", $.code, "because", $.plain),
    code: _ => /F[0-9]{4}/,
    path: $ => seq($._word, repeat(seq(".", $._word))),

    _item: $ => choice(
      $.workflow_decl, $.service_decl, $.database_decl, $.record_decl, $.enum_decl, $.type_decl, $.event_decl,
      $.resource_decl, $.human_decl, $.policy_decl, $.decide_decl, $.fn_decl, $.schedule_decl, $.test_decl,
    ),

    // ───────────── types ─────────────
    type: $ => seq(optional(field("label", choice("pii", "secret"))), choice($.generic, $.type_name), optional("?")),
    generic: $ => seq(field("name", choice(...GENERIC)), "<", $.type, optional(seq(",", $.type)), ">"),
    type_name: $ => choice(
      $.type_identifier,
      seq(choice($._word, ...GENERIC.map(word => alias(word, $.identifier))), optional(seq(".", $.type_identifier))),
    ),
    type_decl: $ => seq("type", field("name", $.type_identifier), "=", $.type, optional(seq("matching", $.plain))),
    record_decl: $ => seq("record", field("name", $.type_identifier), $._fields),
    _fields: $ => seq("{", optional(rows(seq(repeat($.doc), $.field))), "}"),
    field: $ => seq(field("name", $._word), ":", $.type, optional(seq("=", $._literal))),
    enum_decl: $ => seq(
      "enum", field("name", $.type_identifier), "{", optional(rows(seq(repeat($.doc), $.variant))), "}",
    ),
    variant: $ => seq(field("name", $.type_identifier), optional($.params)),
    params: $ => seq("(", comma_list($.param), ")"),
    param: $ => seq(field("name", $._word), ":", $.type),
    event_decl: $ => seq(
      "event", field("name", $.type_identifier), optional(seq("on", $.plain)), "key", $.path,
      optional($.retain), $._fields,
    ),
    resource_decl: $ => seq(
      "resource", field("name", $.type_identifier), "(", $.type, ")", optional(seq("after", $.type_identifier)),
    ),
    policy_decl: $ => seq("policy", field("name", $.identifier), "=", $.retry_spec),

    // ───────────── contracts ─────────────
    service_decl: $ => seq(
      "service", field("name", $.type_identifier),
      choice(seq("=", $.type_identifier), seq("{", repeat(choice($.breaker, $.limit, $._documented_action)), "}")),
    ),
    database_decl: $ => seq("database", field("name", $.type_identifier), "{", repeat($._documented_action), "}"),
    breaker: $ => seq(
      "breaker", "opens", choice($.opens_rate, $.opens_failures), optional(seq("or", $.opens_failures)), ",", "probes",
      "after", $.duration,
    ),
    opens_rate: $ => seq("at", $.percent, "of", $.integer, "calls", "in", $.duration),
    opens_failures: $ => seq("after", $.integer, "failures"),
    limit: $ => seq("limit", $.integer, "per", $.duration),
    _documented_action: $ => seq(repeat($.doc), $.action),
    action: $ => seq(
      field("effect", $.effect), field("name", $._word), $.params, optional($.returns), repeat($._action_clause),
    ),
    effect: _ => choice("read", "write", "pivot", "tx"),
    returns: $ => seq("->", $.type),
    _action_clause: $ => choice(
      $.idempotent, $.fails, $.within, $.deadline, $.compensate, $.probe, $.lasts, $.cache, $.sql,
    ),
    lasts: $ => seq("lasts", $.duration),
    cache: $ => seq("cache", $.duration),
    sql: $ => seq("sql", $.sql_text, optional(seq("no", "rows", "=>", $.type_identifier))),
    fails: $ => prec.right(seq("fails", comma_list1($.error_ref))),
    error_ref: $ => seq(field("name", $.type_identifier), optional($.params), optional("transient")),

    // ───────────── pure code ─────────────
    fn_decl: $ => seq(
      "fn", field("name", $.identifier), $.params, $.returns, choice(seq("=", $._expression), $.fn_block),
    ),
    fn_block: $ => seq("{", repeat($.let_stmt), $._expression, "}"),
    decide_decl: $ => seq(
      "decide", field("name", $.identifier), $.params, $.returns, "{", repeat1($.decide_rule), optional($.decide_else),
      "}",
    ),
    decide_rule: $ => seq($._expression, "=>", $._expression),
    decide_else: $ => seq("else", "=>", $._expression),

    // ───────────── human tasks ─────────────
    human_decl: $ => seq(
      "human", field("name", $.type_identifier), $.params, $.returns, "{", repeat(choice($.title, $.assign, $.show)),
      "}",
    ),
    title: $ => seq("title", $.string),
    assign: $ => seq("assign", $._expression, optional(seq("except", $._expression))),
    show: $ => seq("show", comma_list1($._expression)),

    // ───────────── workflows ─────────────
    workflow_decl: $ => seq(
      "workflow", field("name", $.type_identifier), optional($.version), $.params, optional($.returns),
      repeat($._header), field("body", $.block), optional($.aftermath),
    ),
    aftermath: $ => seq("after", "failure", $.block),
    version: _ => /v[0-9]+/,
    _header: $ => choice(
      $.trigger, $.idempotent, $.fails, $.deadline, $.shard, $.concurrency, alias($.limit_by, $.limit), $.retain,
      $.subject_by, $.index_by, $.upgrade,
    ),
    subject_by: $ => seq("subject", "by", $._expression),
    index_by: $ => seq("index", "by", comma_list1($._expression)),
    upgrade: $ => seq("upgrade", "from", $.version, optional(seq("(", optional(rows($.upgrade_value)), ")"))),
    upgrade_value: $ => seq(field("name", $._word), "=", $._expression),
    limit_by: $ => seq("limit", $.integer, "per", $.duration, optional(seq("by", $._expression))),
    trigger: $ => seq("on", choice(
      seq("batch", $.type_identifier, "up", "to", $.integer, "or", "every", $.duration),
      seq($.type_identifier, "(", $.identifier, ")"),
    )),
    shard: $ => seq("shard", "by", $._expression),
    concurrency: $ => seq(
      "concurrency", $.integer, optional(seq("per", $._expression)),
      optional(seq("else", choice("join", "refuse", "replace"))),
    ),
    retain: $ => seq("retain", $.duration),
    schedule_decl: $ => seq(
      "schedule", field("name", $.type_identifier), $.args, choice(seq("every", $.duration), seq("at", $.plain)),
      optional(seq("in", $.plain)), repeat($.schedule_option),
    ),
    schedule_option: _ => choice(
      seq("catch", "up", "all"), seq("skip", "missed"), seq("overlap", choice("skip", "queue", "allow")),
    ),

    block: $ => seq("{", repeat(choice($.doc, $.allow, $._statement)), "}"),
    _statement: $ => choice(
      $.savepoint, $.step, $.pivot, $.await_first, $.await_stmt, $.parallel, $.transaction, $.lock, $.scope, $.each,
      $.repeat, $.if_stmt, $.match_stmt, $.emit, $.start, $.again, $.reply, $.review, $.progress, $.reject, $.sleep,
      $.fail, $.return_stmt, $.give, $.manual, $.skip, $.pass, $.use_value, $.let_stmt,
    ),

    step: $ => seq("step", optional(bound_to($)), $._effect_call, repeat($._clause)),
    pivot: $ => seq("pivot", optional(bound_to($)), $._effect_call, repeat($._clause)),
    _effect_call: $ => choice($.run_call, $.action_call),
    run_call: $ => seq("run", field("workflow", $.type_identifier), $.args),
    action_call: $ => seq(field("service", $.type_identifier), ".", field("action", $._word), $.args),
    _clause: $ => choice(
      $.retry, $.within, $.deadline, $.heartbeat, $.idempotent, $.compensate, $.probe, $.fallback, $.handler,
      $.else_clause,
    ),
    retry: $ => seq("retry", $.retry_spec),
    retry_spec: $ => seq(
      choice("forever", seq($.integer, "times"), field("policy", $.identifier)),
      optional(seq(optional(","), $.backoff)),
      optional(seq("on", comma_list1($.type_identifier))),
    ),
    backoff: $ => seq("backoff", $.duration, optional(seq("..", $.duration)), optional("jitter")),
    within: $ => seq("within", $.duration),
    deadline: $ => seq("deadline", $.duration),
    heartbeat: $ => seq("heartbeat", $.duration),
    idempotent: $ => seq(
      "idempotent", optional(seq("by", comma_list1($._expression))), optional(seq("for", $.duration)),
    ),
    compensate: $ => seq("compensate", choice(
      seq("none", "because", $.plain), $.block, $.action_call, $.run_call, $.local_call,
    )),
    local_call: $ => seq(field("action", $._word), $.args),
    probe: $ => seq("probe", choice($.action_call, $.local_call)),
    fallback: $ => seq("fallback", choice($.block, $._effect_call)),
    handler: $ => seq("on", $.failure_pattern, "=>", $._remedy),
    failure_pattern: $ => choice("timeout", "unknown", "refused", seq($.type_identifier, optional($.binders))),
    binders: $ => seq("(", comma_list1(choice($.wild, $.identifier)), ")"),
    wild: _ => "_",
    else_clause: $ => seq("else", $._remedy),
    _remedy: $ => choice($.fail, $.manual, $.skip, $.use_value, $.give, $.return_stmt, $.block),
    use_value: $ => seq("use", $._expression),
    manual: $ => seq("manual", $.string),
    skip: _ => "skip",
    pass: _ => "pass",

    await_stmt: $ => seq("await", optional(bound_to($)), $._awaited, repeat($._await_clause)),
    _awaited: $ => choice($.awaited_event, $.awaited_task),
    awaited_event: $ => seq("event", $.type_identifier, "where", $._expression, optional("fresh")),
    awaited_task: $ => seq(field("task", $.type_identifier), $.args),
    await_first: $ => seq("await", "first", "{", rows($.await_arm), "}"),
    await_arm: $ => seq(optional(bound_to($)), choice($.sleep, $._awaited), "=>", choice($.block, $._statement)),
    until: $ => seq("until", $._expression),
    wait_within: $ => seq("within", $._expression),
    _await_clause: $ => choice(alias($.wait_within, $.within), $.until, $.remind, $.escalate, $.handler, $.else_clause),
    remind: $ => seq("remind", "every", $.duration),
    escalate: $ => seq("escalate", "after", $.duration, "to", $._expression),

    parallel: $ => seq(
      optional(bound_to($)), "parallel",
      choice(
        seq("each", $.each_pat, "in", $._expression, optional($._first), optional($._max), optional("settle"), $.block),
        seq(optional($._first), optional($._max), $.block),
      ),
      repeat($._clause),
    ),
    _first: $ => seq("first", $.integer),
    _max: $ => seq("max", $.integer),
    each: $ => seq(
      optional(bound_to($)), "each", $.each_pat, "in", $._expression, optional($._max), optional("settle"), $.block,
    ),
    each_pat: $ => choice($.identifier, seq("(", comma_list1($.identifier), ")")),
    repeat: $ => seq(
      optional(bound_to($)), "repeat", optional($.loop_vars), choice("forever", seq("up", "to", $.integer, "times")),
      $.block, optional($.until), optional($.else_clause),
    ),
    loop_vars: $ => seq("(", comma_list1($.loop_var), optional(","), ")"),
    loop_var: $ => seq(field("name", $.identifier), optional(seq(":", $.type)), "=", $._expression),
    again: $ => seq("again", optional($.args)),
    lock: $ => seq(
      "lock", comma_list1($.lock_target), "ttl", $.duration, optional($.within), $.block,
      repeat(choice($.handler, $.else_clause)),
    ),
    lock_target: $ => seq($.type_identifier, "(", $._expression, ")"),
    transaction: $ => seq(
      "transaction", $.type_identifier, optional(seq("isolation", $.identifier)), optional($.retry), $.block,
      repeat($._clause),
    ),
    savepoint: $ => seq("savepoint", field("name", $.identifier), $.block, repeat($.handler)),
    scope: $ => seq(
      "scope", field("name", $.identifier), optional($.fails), $.block, repeat(choice($.interrupt, $._clause)),
    ),
    interrupt: $ => seq(
      "on", "event", $.type_identifier, optional($.binders), "where", $._expression, optional("keep"), "=>", $._remedy,
    ),
    if_stmt: $ => seq("if", $._expression, $.block, optional(seq("else", choice($.if_stmt, $.block)))),
    match_stmt: $ => seq("match", $._expression, "{", rows($.stmt_arm), "}"),
    stmt_arm: $ => seq($._pattern, "=>", choice($.block, $._statement)),
    emit: $ => seq("emit", field("event", $.type_identifier), $.args),
    start: $ => seq("start", field("workflow", $.type_identifier), $.args, optional(seq("at", $._expression))),
    reply: $ => seq("reply", $._expression),
    review: $ => seq("review", $.string),
    progress: $ => seq("progress", $.string, optional(seq("at", $._expression))),
    reject: $ => seq("reject", $._expression, "as", $.string),
    sleep: $ => seq("sleep", choice(prec.dynamic(1, seq("until", $._expression)), $._expression)),
    fail: $ => seq("fail", field("error", $.type_identifier), optional($.args)),
    return_stmt: $ => seq("return", optional($._expression)),
    give: $ => seq("give", $._expression),
    let_stmt: $ => seq(bound_to($), $._expression),

    _pattern: $ => choice($.wild, $._literal, $.variant_pattern, field("name", $._name)),
    variant_pattern: $ => seq(
      choice($.type_identifier, seq($.type_identifier, ".", $.type_identifier)), optional($.binders),
    ),

    // ───────────── expressions ─────────────
    _expression: $ => choice(
      $._literal, $.match_expr, $.if_expr, $.list, $.construct, $.call, $._name, $.group, $.member, $.index,
      $.update, $.unary, $.binary,
    ),
    binary: $ => choice(
      ...[
        ["or", BINDS.or], ["and", BINDS.and], ["==", BINDS.compare], ["!=", BINDS.compare], ["<=", BINDS.compare],
        [">=", BINDS.compare], ["<", BINDS.compare], [">", BINDS.compare], ["in", BINDS.compare], ["+", BINDS.add],
        ["-", BINDS.add], ["*", BINDS.multiply], ["/", BINDS.multiply], ["%", BINDS.multiply],
      ].map(([operator, binds]) => prec.left(binds, infix($, operator))),
      prec.right(BINDS.coalesce, infix($, "??")),
    ),
    unary: $ => choice(
      prec(BINDS.not, seq(field("operator", "not"), $._expression)),
      prec(BINDS.negate, seq(field("operator", "-"), $._expression)),
    ),
    update: $ => prec(BINDS.postfix, seq($._expression, "with", $.args)),
    // A capital before the dot is read together with it: a variant, or a member of a value that needs no arguments.
    member: $ => prec.right(BINDS.postfix, seq(
      field("value", choice($._expression, alias($.type_identifier, $.construct))),
      choice(".", "?."), field("name", $._word), optional($.args),
    )),
    // At once, so that a list on a line of its own is none.
    index: $ => prec(BINDS.postfix, seq(field("value", $._expression), token.immediate("["), $._expression, "]")),
    group: $ => seq("(", $._expression, ")"),
    construct: $ => prec.right(seq(
      $.type_identifier, optional(seq(".", field("variant", $.type_identifier))), optional($.args),
    )),
    call: $ => prec(BINDS.postfix, seq(field("function", $._name), $.args)),
    list: $ => seq("[", comma_list($._expression), "]"),
    args: $ => seq("(", comma_list($._arg), ")"),
    _arg: $ => choice($.lambda, $.named_arg, $._expression),
    named_arg: $ => seq(field("name", $._word), ":", $._expression),
    lambda: $ => seq(choice(field("parameter", $._name), $.lambda_parameters), "=>", $._expression),
    lambda_parameters: $ => seq("(", comma_list1($.identifier), ")"),
    if_expr: $ => seq(
      "if", $._expression, "{", $._expression, "}", "else", choice($.if_expr, seq("{", $._expression, "}")),
    ),
    match_expr: $ => seq("match", $._expression, "{", rows($.match_arm), "}"),
    match_arm: $ => seq($._pattern, "=>", $._expression),

    // ───────────── tests ─────────────
    test_decl: $ => seq("test", field("name", $.plain), "{", repeat($._test_statement), "}"),
    _test_statement: $ => choice($.given, $.deliver, $.run_stmt, $.every_stmt, $.expect, $.let_stmt),
    given: $ => seq(
      "given", choice(seq($.call_ref, optional($.args)), $.type_identifier), "=>",
      choice($.fail, "refused", "unknown", "timeout", $._expression),
      optional(seq("after", $.duration)), optional(seq("for", $.integer, "calls")),
    ),
    deliver: $ => seq("deliver", field("event", $.type_identifier), $.args, optional(seq("after", $.duration))),
    run_stmt: $ => seq(optional(bound_to($)), "run", field("workflow", $.type_identifier), $.args),
    every_stmt: $ => seq("every", "failure", "of", field("workflow", $.type_identifier), $.args),
    expect: $ => seq("expect", choice(
      "completed", seq("failed", $.type_identifier), "settled", seq("calls", comma_list1($.call_ref)),
      seq("never", $.call_ref, optional(choice("twice", seq("after", $.call_ref), seq("unless", $._expression)))),
      $._expression,
    )),
    call_ref: $ => seq(field("service", $.type_identifier), ".", field("action", $._word)),

    // ───────────── words and values ─────────────
    identifier: _ => /[a-z][A-Za-z0-9_]*/,
    type_identifier: _ => /[A-Z][A-Za-z0-9_]*/,
    // After `.` and before `:`, any word.
    _word: $ => choice($.identifier, ...[...RESERVED, ...EITHER].map(word => alias(word, $.identifier))),
    _name: $ => choice($.identifier, ...EITHER.map(word => alias(word, $.identifier))),

    _literal: $ => choice($.money, $.percent, $.duration, $.size, $.integer, $.decimal, $.string, $.boolean, $.none),
    integer: _ => /[0-9][0-9_]*/,
    decimal: _ => /[0-9][0-9_]*\.[0-9][0-9_]*/,
    percent: _ => /[0-9][0-9_]*(\.[0-9][0-9_]*)?%/,
    money: _ => /[0-9][0-9_]*(\.[0-9][0-9_]*)? [A-Z]{3}/,
    duration: _ => /([0-9]+(ms|s|m|h|d))+/,
    size: _ => /[0-9]+(KB|MB|GB)/,
    boolean: _ => choice("true", "false"),
    none: _ => "none",

    string: $ => seq('"', repeat(choice($.chars, $.escape, $.interp)), token.immediate('"')),
    chars: _ => token.immediate(prec(1, /[^"{\\\n]+/)),
    interp: $ => seq(token.immediate("{"), $._expression, "}"),
    // No interpolation: patterns (which keep their backslashes), topics, cron, names, reasons.
    plain: $ => seq(
      '"', repeat(choice(alias($.plain_chars, $.chars), alias($.plain_escape, $.escape))), token.immediate('"'),
    ),
    plain_chars: _ => token.immediate(prec(1, /([^"\\\n]|\\[^"\\])+/)),
    plain_escape: _ => token.immediate(prec(1, /\\["\\]/)),
    escape: _ => token.immediate(prec(1, /\\[ntr"\\{}]/)),
    sql_text: $ => seq('"""', optional($.sql_chars), token.immediate('"""')),
    sql_chars: _ => token.immediate(prec(1, /([^"]|"[^"]|""[^"])+/)),

    doc: _ => token(/\/\/\/([^\/\n][^\n]*)?/),
    comment: _ => token(choice(/\/\/([^\/\n][^\n]*)?/, /\/\/\/\/[^\n]*/)),
  },
});

function infix($, operator) {
  return seq(field("left", $._expression), field("operator", operator), field("right", $._expression));
}
