; Later patterns win over earlier ones.

; ───────────── names ─────────────
(identifier) @variable
(type_identifier) @type
(type_name (identifier) @type)
((type_name (identifier) @type.builtin)
  (#any-of? @type.builtin
    "text" "bool" "int" "decimal" "percent" "money" "duration" "time" "date" "uuid" "size" "blob" "list" "map" "outcome"
    "batch"))
(generic name: _ @type.builtin)

(path (identifier) @module)
(event_decl (path (identifier) @variable.member))
(use_decl "{" (identifier) @function)

(param name: (identifier) @variable.parameter)
(named_arg name: (identifier) @variable.parameter)
(upgrade_value name: (identifier) @variable.parameter)
(loop_var name: (identifier) @variable.parameter)
(lambda parameter: (identifier) @variable.parameter)
(lambda_parameters (identifier) @variable.parameter)
(field name: (identifier) @variable.member)
(member name: (identifier) @variable.member)
(member name: (identifier) @function.method (args))

(call function: (identifier) @function.call)
(fn_decl name: (identifier) @function)
(decide_decl name: (identifier) @function)
(action name: (identifier) @function.method)
(action_call action: (identifier) @function.method.call)
(local_call action: (identifier) @function.method.call)
(call_ref action: (identifier) @function.method.call)

(policy_decl name: (identifier) @constant)
(retry_spec policy: (identifier) @constant)
(scope name: (identifier) @label)
(savepoint name: (identifier) @label)

(variant name: (type_identifier) @constructor)
(construct variant: (type_identifier) @constructor)
(wild) @variable.builtin

; ───────────── words ─────────────
[
  "database" "decide" "enum" "event" "fn" "human" "policy" "record" "resource" "schedule" "service" "test" "type"
  "workflow"
] @keyword.type

["module" "use"] @keyword.import

["await" "deliver" "emit" "run" "start" "step" "pivot"] @keyword.coroutine

["after" "compensate" "fallback" "probe" "retry" "on"] @keyword.exception

[
  "again" "allow" "fail" "give" "if" "else" "lock" "manual" "match" "parallel" "progress" "reject" "reply" "review"
  "savepoint" "scope" "sleep" "transaction"
] @keyword.control
["each" "repeat"] @keyword.repeat
"return" @keyword.return
(skip) @keyword.control
(pass) @keyword.control
(use_value "use" @keyword.control)

["and" "in" "not" "or" "with"] @keyword.operator

["pii" "secret"] @keyword.modifier
(effect) @keyword.modifier

[
  "all" "as" "assign" "at" "backoff" "batch" "because" "breaker" "by" "cache" "calls" "catch" "completed" "concurrency"
  "deadline" "escalate" "every" "except" "expect" "failed" "fails" "failure" "failures" "first" "for" "forever" "fresh"
  "from" "given" "heartbeat" "idempotent" "index" "isolation" "jitter" "join" "keep" "key" "lasts" "limit" "matching"
  "max" "missed" "never" "no" "of" "opens" "overlap" "per" "probes" "queue" "refuse" "refused" "remind" "replace"
  "retain" "rows" "settle" "settled" "shard" "show" "sql" "subject" "timeout" "times" "title" "to" "transient" "ttl"
  "twice" "unknown" "unless" "until" "up" "upgrade" "where" "within"
] @keyword
(schedule_option "skip" @keyword)

; ───────────── values ─────────────
[(integer) (money) (percent) (duration) (size)] @number
(decimal) @number.float
(boolean) @boolean
(none) @constant.builtin
(compensate "none" @constant.builtin)
(version) @constant
(code) @constant

[(string) (plain) (sql_text)] @string
(escape) @string.escape
(interp) @none
(interp ["{" "}"] @punctuation.special)

[(comment)] @comment
(doc) @comment.documentation

; ───────────── marks ─────────────
["{" "}" "(" ")" "[" "]"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter
["=" "=>" "->" "==" "!=" "<=" ">=" "<" ">" "+" "-" "*" "/" "%" "??" "?." "?" ".."] @operator
(generic ["<" ">"] @punctuation.bracket)
