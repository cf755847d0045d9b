//! Random expressions and the forms of statements that the sweep's programs leave out.
//!
//! A second workflow of each program: values of every type, computed by expressions of every kind and
//! kept over a durable point, and a few statements. What was used least is used next, so that a few
//! programs together use everything.

use sagaflow_sweep::random::Random;
use std::collections::BTreeMap;

/// Bound: expressions inside expressions.
const DEPTH_MAX: u32 = 2;

/// Values of one program.
const VALUES: usize = 6;

/// Statements of one program beside them.
const FORMS: usize = 2;

/// Declarations that the expressions and statements are about.
const HEAD: &str = r#"
enum Level { Low, High, Middle }
enum Verdict { Yes(note: text?), No(reason: text, code: int), Perhaps }
type Sku = text matching "[A-Z]{3}-[0-9]{4}"
record Home { street: text?, no: int }
record Item { name: text, count: int, price: money<EUR>, home: Home? }
record Bag {
  id: uuid
  n: int
  t: text
  xs: list<int>
  items: list<Item>
  names: map<text, int>
  fee: money<EUR>
  open: money
  rate: percent
  weight: decimal
  due: time
  day: date
  wait: duration
  level: Level
  verdict: Verdict
  note: text?
  room: size
  yes: bool
  sku: Sku
  who: pii text
}
event Ready key id { id: uuid, level: Level, text: text? }
event Seen key id { id: uuid, n: int, note: text? }
human Ask(id: uuid, what: text) -> Level {
  title  "Ask {what} of {id}"
  assign role("boss") or user("ann")
  show   what
}
service Shelf {
  read look(id: uuid, n: int) -> int fails Lost(what: text, code: int), Shut within 1s
  read tell(id: uuid) -> Verdict within 1s
  write put(id: uuid, what: text) -> text
    idempotent
    fails Lost(what: text, code: int)
    compensate unput(id, what)
    within 2s
  write unput(id: uuid, what: text) idempotent within 2s
}
fn half(n: int) -> int = n / 2
fn worth(item: Item) -> money<EUR> {
  many = item.count % 4
  item.price * many
}
decide rank(level: Level, n: int) -> int {
  level == Level.Low and n > 1 => 1
  n < 0 => 2
  else => 3
}
"#;

/// What stands where nothing more is to be nested: type, expression.
const ATOMS: &[(&str, &str)] = &[
    ("int", "bag.n"),
    ("int", "2"),
    ("bool", "bag.yes"),
    ("bool", "bag.n > 1"),
    ("text", "bag.t"),
    ("text", "\"b,a\""),
    ("decimal", "bag.weight"),
    ("decimal", "1.5"),
    ("percent", "bag.rate"),
    ("money", "bag.fee"),
    ("money", "2.50 EUR"),
    ("duration", "bag.wait"),
    ("duration", "90s"),
    ("time", "bag.due"),
    ("date", "bag.day"),
    ("ints", "bag.xs"),
    ("texts", "bag.t.split(\",\")"),
    ("items", "bag.items"),
    ("map", "bag.names"),
    ("note", "bag.note"),
    ("level", "bag.level"),
    ("verdict", "bag.verdict"),
];

/// Expressions: type, text. `{int}` is any expression of that type, `#` a name of its own.
const EXPRESSIONS: &[(&str, &str)] = &[
    ("int", "{int} + {int}"),
    ("int", "{int} - {int}"),
    ("int", "{int} * 3"),
    ("int", "{int} / 2"),
    ("int", "{int} % 5"),
    ("int", "-{int}"),
    ("int", "{int}.abs"),
    ("int", "{int}.min({int})"),
    ("int", "{int}.max({int})"),
    ("int", "{text}.len"),
    ("int", "{ints}.len"),
    ("int", "{map}.len"),
    ("int", "{map}.get({text}) ?? {int}"),
    ("int", "{ints}.first() ?? {int}"),
    ("int", "{ints}.last() ?? {int}"),
    ("int", "{ints}.min() ?? {int}"),
    ("int", "{ints}.max() ?? {int}"),
    ("int", "{ints}.sum()"),
    ("int", "{items}.sum(# => #.count % 7)"),
    ("int", "{ints}.fold({int}, (#a, #b) => #a + #b % 3)"),
    ("int", "{ints}.count(# => # > {int})"),
    ("int", "if {bool} { {int} } else { {int} }"),
    ("int", "match {verdict} { Yes(#) => #?.len ?? 0, No(_, #c) => #c, Perhaps => {int} }"),
    ("int", "match {level} { Low => 1, Middle => {int}, _ => 3 }"),
    ("int", "match {int} { 0 => 7, 1 => 8, # => # - 1 }"),
    ("int", "match {note} { none => 0, # => #.len }"),
    ("int", "if bag.xs.len > 0 { bag.xs[0] } else { {int} }"),
    ("int", "if \"a\" in bag.names { bag.names[\"a\"] } else { {int} }"),
    ("int", "half({int})"),
    ("int", "rank({level}, {int})"),
    ("int", "{decimal}.int"),
    ("int", "{money}.minor"),
    ("int", "bag.room.bytes"),
    ("int", "{date}.year"),
    ("int", "{date}.month + {date}.day + {date}.weekday"),
    ("int", "{time}.hour + {time}.minute + {time}.second"),
    ("int", "{duration}.seconds + {duration}.minutes"),
    ("int", "{duration}.hours + {duration}.days"),
    ("int", "range(4).len + range(1, 3).len"),
    ("int", "dates({date}, {date} + 2d).len"),
    ("int", "{items}.first()?.home?.no ?? {int}"),
    ("int", "random().int"),
    ("bool", "{bool} and {bool}"),
    ("bool", "{bool} or {bool}"),
    ("bool", "not {bool}"),
    ("bool", "{int} == {int}"),
    ("bool", "{text} != {text}"),
    ("bool", "{money} < {money}"),
    ("bool", "{decimal} <= {decimal}"),
    ("bool", "{duration} > {duration}"),
    ("bool", "{time} >= {time}"),
    ("bool", "{int} in {ints}"),
    ("bool", "{text} in {map}"),
    ("bool", "\"a\" in {text}"),
    ("bool", "{ints}.any(# => # > {int})"),
    ("bool", "{ints}.all(# => # < {int})"),
    ("bool", "{ints}.contains({int})"),
    ("bool", "{ints}.is_empty"),
    ("bool", "{text}.is_empty"),
    ("bool", "{text}.contains(\"b\")"),
    ("bool", "{text}.starts_with({text})"),
    ("bool", "{text}.ends_with({text})"),
    ("bool", "{note} == none"),
    ("bool", "{level} == Level.High"),
    ("bool", "{verdict} == Verdict.Perhaps"),
    ("bool", "same_currency(bag.open, bag.fee) and bag.open > bag.fee"),
    ("bool", "new_uuid() == bag.id"),
    ("bool", "{date} == {date}"),
    ("text", "\"{int}:{money} {level}\""),
    ("text", "\"{duration} {time} {date} {percent}\""),
    ("text", "\"{bag.id} {bag.open} {decimal}\""),
    ("text", "{text}.upper()"),
    ("text", "{text}.lower()"),
    ("text", "{text}.trim()"),
    ("text", "{text}.replace(\"a\", {text})"),
    ("text", "{text}.slice(1)"),
    ("text", "{text}.slice(0, 2)"),
    ("text", "{texts}.join(\"-\")"),
    ("text", "{note} ?? {text}"),
    ("text", "{texts}.first() ?? \"none\""),
    ("text", "match {verdict} { Yes(#) => # ?? \"y\", No(#r, _) => #r, _ => {text} }"),
    ("text", "{items}.map(# => #.name).join(\",\")"),
    ("text", "{map}.entries.map(# => \"{#.key}={#.value}\").join(\";\")"),
    ("text", "{map}.keys.join(\"/\")"),
    ("text", "({items}.min(# => #.price))?.name ?? \"least\""),
    ("text", "({items}.max(# => #.count))?.name ?? \"most\""),
    ("text", "{items}.first()?.home?.street ?? \"nowhere\""),
    ("text", "{money}.currency"),
    ("text", "bag.sku.lower()"),
    ("text", "fingerprint(bag.who)"),
    ("text", "reveal(bag.who, \"the test tells it\")"),
    ("bool", "bag.sku == \"ABC-1234\""),
    ("decimal", "{decimal} + {decimal}"),
    ("decimal", "{decimal} - {decimal}"),
    ("decimal", "{decimal} * 2"),
    ("decimal", "{decimal} / 4"),
    ("decimal", "-{decimal}"),
    ("decimal", "{decimal}.floor"),
    ("decimal", "{decimal}.ceil"),
    ("decimal", "{decimal}.round(1)"),
    ("decimal", "{decimal}.abs"),
    ("decimal", "{int}.decimal"),
    ("decimal", "{percent}.decimal"),
    ("decimal", "{money} / 3.00 EUR"),
    ("decimal", "{money}.amount"),
    ("percent", "if {bool} { 12% } else { {percent} }"),
    ("money", "{money} + {money}"),
    ("money", "{money} - {money}"),
    ("money", "{money} * 2"),
    ("money", "{money} * {percent}"),
    ("money", "({money} * {decimal}).round(\"half_up\")"),
    ("money", "{money} / 3"),
    ("money", "{money}.abs"),
    ("money", "{money}.split(3).sum()"),
    ("money", "{items}.sum(# => #.price)"),
    ("money", "{items}.sum(# => worth(#))"),
    ("duration", "{duration} + {duration}"),
    ("duration", "{duration} * 3"),
    ("duration", "{duration} / 2"),
    ("duration", "{time} - {time}"),
    ("duration", "({duration} - 1h).abs"),
    ("time", "{time} + {duration}"),
    ("time", "{time} - 1h"),
    ("time", "now()"),
    ("date", "{date} + 3d"),
    ("date", "{time}.date"),
    ("ints", "[{int}, {int}]"),
    ("ints", "{ints} + [{int}]"),
    ("ints", "{ints}.map(# => # * 2)"),
    ("ints", "{ints}.where(# => # > {int})"),
    ("ints", "{ints}.sort_by(# => 0 - # % 4)"),
    ("ints", "{ints}.take(2)"),
    ("ints", "{ints}.drop(1)"),
    ("ints", "{ints}.unique()"),
    ("ints", "{ints}.reverse()"),
    ("ints", "{ints}.zip({ints}, (#a, #b) => #a - #b)"),
    ("ints", "{map}.values"),
    ("ints", "range(3)"),
    ("texts", "{text}.split(\"a\")"),
    ("texts", "[{text}, \"x\"]"),
    ("texts", "{items}.map(# => #.name)"),
    ("items", "{items}.where(# => #.count > {int})"),
    ("items", "{items}.sort_by(# => #.name)"),
    ("items", "{items} + [Item(name: {text}, count: {int}, price: {money}, home: none)]"),
    ("items", "{items}.map(# => # with (count: {int}, home: Home(street: none, no: 4)))"),
    ("map", "{items}.count_by(# => #.name)"),
    ("map", "{texts}.count_by(# => #)"),
    ("note", "if {bool} { none } else { {text} }"),
    ("note", "{texts}.last()"),
    ("note", "{items}.last()?.name"),
    ("note", "{note}?.upper()"),
    ("level", "if {bool} { Level.Low } else { {level} }"),
    ("verdict", "Verdict.No(reason: {text}, code: {int})"),
    ("verdict", "if {bool} { Verdict.Yes(note: {note}) } else { Verdict.Perhaps }"),
];

/// Statements. `@` is a number that no other statement of the program has; what they may bind is not
/// read behind them.
const FORMS_OF: &[&str] = &[
    "each # in {ints} max 9 {\n    step f@ = Shelf.look(bag.id, #) else use {int}\n    if f@ > 3 { progress \"{f@}\" at 40% }\n  }",
    "each (#k, #v) in {map} {\n    step pa@ = Shelf.put(bag.id, \"{#k}{#v}@\") else skip\n  }",
    "f@ = each (#k, #v) in {map} settle {\n    step g@ = Shelf.look(bag.id, #v)\n    if g@ > 2 { give {int} }\n    give g@\n  }\n  h@ = f@.map(# => match # { Ok(#o) => \"{#o}\", Failed(#e) => #e.name, Unknown => \"?\" })\n  progress \"{h@.join(\",\")}\"",
    "f@ = parallel each (#k, #v) in {map} max 3 settle {\n    step g@ = Shelf.put(bag.id, \"{#k}@\")\n    give \"{g@}{#v}\"\n  }\n  progress \"{f@.count(# => match # { Ok(_) => true, _ => false })}\"",
    "f@ = parallel each # in {ints} max 2 {\n    step g@ = Shelf.look(bag.id, #)\n    give g@\n  } on Lost(#w, #c) => { if #c > 1 { use [#c] } else { use [] } }\n    on timeout => use [1, 2]\n    else use {ints}\n  progress \"{f@.len}\"",
    "f@ = parallel each # in {ints} max 2 {\n    step g@ = Shelf.look(bag.id, #)\n    give g@\n  } fallback { step h@ = Shelf.look(bag.id, 9)  use [h@] }\n    else use [0]\n  progress \"{f@.len}\"",
    "reply \"{text} so far\"",
    "manual \"what about {text}?\"",
    "match {verdict} {\n    Yes(#) => { step pa@ = Shelf.put(bag.id, # ?? \"none@\") else skip }\n    No(#r, #c) => { if #c > 2 { progress \"{#r}\" } }\n    _ => pass\n  }",
    "match {note} {\n    none => pass\n    # => { emit Seen(id: bag.id, n: #.len, note: #) }\n  }",
    "await e@ = event Ready where id == bag.id and text != none and level == {level} within 2h\n    on timeout => { review \"late @\" return \"late\" }\n  progress \"{e@.level} {e@.text ?? \"none\"}\"",
    "await e@ = event Seen where id == bag.id fresh within {duration}\n    on timeout => skip",
    "await e@ = Ask(bag.id, {text}) within {duration}\n    on timeout => use Level.Low\n  progress \"{e@}\"",
    "await first {\n    #s = event Seen where id == bag.id and n > {int} fresh => progress \"{#s.n}\"\n    #l = Ask(bag.id, \"again @\") => { if #l == Level.High { return \"high\" } }\n    sleep until now() + {duration} => pass\n  }",
    "sleep {duration}",
    "f@ = repeat (#n = {int}, #all: list<int> = []) up to 3 times {\n    step g@ = Shelf.look(bag.id, #n) on Shut => give #all\n    if g@ > 3 { give #all + [g@] }\n    again (#n: g@ + 1, #all: #all + [g@])\n  } else use {ints}\n  progress \"{f@.len}\"",
    "repeat up to 3 times {\n    step g@ = Shelf.look(bag.id, {int}) else use 0\n    sleep 5s\n  } until g@ > 1 else { progress \"not yet\" }",
    "f@ = repeat forever {\n    step g@ = Shelf.look(bag.id, {int}) else { sleep 1m give {int} }\n    if g@ > 1 { give g@ }\n    sleep 1s\n  }\n  progress \"{f@}\"",
    "scope c@ {\n    step f@ = Shelf.put(bag.id, {text})\n    sleep 1m\n    step pa@ = Shelf.put(bag.id, \"{f@}\")\n  } on event Ready(_, #l) where id == bag.id and level != {level} keep => { review \"now {#l}\" }\n    on event Seen(_, #n) where id == bag.id and n > 2 => fail Lost(\"seen\", #n)\n    on Lost(#w, _) => { progress \"{#w}\" }\n    else skip",
    "scope c@ fails Worse(by: duration) {\n    step f@ = Shelf.look(bag.id, {int}) else use 1\n    if f@ > 2 { fail Worse({duration}) }\n    step pa@ = Shelf.put(bag.id, \"{f@}\")\n  } retry 2 times\n    fallback { step pb@ = Shelf.put(bag.id, \"other @\") }\n    on Worse(#by) => { progress \"{#by}\" }\n    else skip",
    "parallel {\n    step f@ = Shelf.put(bag.id, \"one @\")\n    step g@ = Shelf.look(bag.id, {int}) else use 2\n    h@ = each # in {ints} { give # + 1 }\n    if {bool} { step pa@ = Shelf.put(bag.id, \"two @\") }\n  } on Lost(#w, #c) => fail Lost(#w, #c)\n    else { review \"branches @\" return \"left\" }\n  progress \"{f@}{h@.len}\"",
    "step f@ = Shelf.tell(bag.id)\n    retry 2 times\n    on timeout => use {verdict}\n    else { review \"no verdict\" use Verdict.Yes(note: {note}) }\n  match f@ { Perhaps => progress \"perhaps\"  _ => pass }",
    "step f@ = Shelf.put(bag.id, {text})\n    retry 3 times\n    fallback Shelf.put(bag.id, \"instead @\")\n    on Lost(#w, #c) => fail Lost(#w, #c + 1)\n    on unknown => use \"?\"\n  progress \"{f@}\"",
    "step f@ = Shelf.put(bag.id, {text})\n    retry 3 times\n    on Lost(#w, #c) => fail Lost(#w, #c + 1)\n    on unknown => manual \"was it put?\"\n  progress \"{f@}\"",
    "if {bool} { return {text} } else { emit Ready(id: bag.id, level: {level}, text: {note}) }",
];

/// Draws expressions and statements.
pub struct Values {
    /// How often each template was used.
    used: BTreeMap<&'static str, usize>,
}

impl Values {
    /// Nothing used yet.
    pub fn new() -> Self {
        Self { used: BTreeMap::new() }
    }

    /// The declarations and the workflow `Values` of one program.
    pub fn text(&mut self, seed: u64) -> String {
        let mut drawing = Drawing { values: self, random: Random::new(seed), names: 0 };
        let mut body = String::new();
        let mut told = Vec::new();
        for index in 0..VALUES {
            let all: Vec<_> = EXPRESSIONS.iter().map(|(_, text)| *text).collect();
            let template = drawing.least(&all);
            let ty = EXPRESSIONS.iter().find(|(_, text)| *text == template);
            let ty = ty.map_or("int", |(ty, _)| ty);
            let value = drawing.fill(template, DEPTH_MAX);
            body += &format!("  v{index} = {value}\n");
            told.push(told_as(ty, &format!("v{index}")));
        }
        body += "  step kept = Shelf.look(bag.id, 1) else use 5\n";
        for index in 0..FORMS {
            let form = drawing.least(FORMS_OF);
            let text = drawing.fill(form, DEPTH_MAX - 1).replace('@', &index.to_string());
            body += &format!("  {text}\n");
        }
        let told = told.join(" ");
        format!(
            "{HEAD}workflow Values v1 (bag: Bag) -> text\n  idempotent by bag.id\n  \
             fails Lost(what: text, code: int)\n  deadline 9h\n{{\n{body}  \
             return \"{told} {{kept}}\"\n}}\n"
        )
    }
}

/// How a text tells a value of a type.
fn told_as(ty: &str, name: &str) -> String {
    match ty {
        "note" => format!("{{{name} ?? \"none\"}}"),
        _ => format!("{{{name}}}"),
    }
}

struct Drawing<'v> {
    values: &'v mut Values,
    random: Random,
    names: usize,
}

impl Drawing<'_> {
    /// One of those that were used least.
    fn least(&mut self, of: &[&'static str]) -> &'static str {
        let used = |text: &&'static str| self.values.used.get(text).copied().unwrap_or(0);
        let least = of.iter().map(used).min().unwrap_or(0);
        let rarest: Vec<_> = of.iter().filter(|text| used(text) == least).copied().collect();
        let found = rarest.get(self.random.below(rarest.len())).copied().unwrap_or_default();
        *self.values.used.entry(found).or_default() += 1;
        found
    }

    /// An expression of a type.
    fn expr(&mut self, ty: &str, depth: u32) -> String {
        let from = if depth == 0 { ATOMS } else { EXPRESSIONS };
        let of: Vec<_> = from.iter().filter(|(of, _)| *of == ty).map(|(_, text)| *text).collect();
        let template = self.least(&of);
        match depth {
            0 => template.to_owned(),
            _ => format!("({})", self.fill(template, depth - 1)),
        }
    }

    /// A template with its names and holes filled.
    fn fill(&mut self, template: &str, depth: u32) -> String {
        self.names += 1;
        let mut left = template.replace('#', &format!("x{}", self.names));
        let mut out = String::new();
        // Holes are lower-case words in braces that name a type; other braces belong to the text.
        while let Some(open) = left.find('{') {
            let rest = left.split_off(open);
            out += &left;
            let hole = rest.find('}').map(|end| rest[1..end].to_owned()).unwrap_or_default();
            match ATOMS.iter().any(|(ty, _)| *ty == hole) {
                true => {
                    // Inside a text, what stands in braces needs no parentheses but the braces.
                    let quoted = out.matches('"').count() % 2 == 1;
                    let depth = if quoted { 0 } else { depth };
                    let value = self.expr(&hole, depth);
                    out += &if quoted { format!("{{{value}}}") } else { value };
                    left = rest[hole.len() + 2..].to_owned();
                }
                false => {
                    out.push('{');
                    left = rest[1..].to_owned();
                }
            }
        }
        out + &left
    }
}
