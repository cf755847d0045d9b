//! Values written out: their types, their boundary JSON, and what a nominal type asks of them.

use super::cx::Cx;
use super::table::{Adjust, Adjustment};
use crate::diagnostic::Diagnostic;
use crate::hir::{Alias, ExprId, ExprKind, Literal, TextPart, Ty, TyKind};
use crate::span::Span;
use serde_json::Value;

/// Units of a duration from the widest to the narrowest.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A value written out, as boundary JSON of its own type.
#[must_use]
pub fn literal_json(literal: &Literal) -> Value {
    match literal {
        Literal::Money { amount, currency } => Value::from(format!("{amount} {currency}")),
        Literal::Percent(value) => Value::from(format!("{value}%")),
        Literal::Duration(ms) => Value::from(duration(*ms)),
        Literal::Size(bytes) => Value::from(*bytes),
        Literal::Int(value) => Value::from(*value),
        Literal::Decimal(value) => Value::from(value.to_string()),
        Literal::Text(text) => Value::from(text.as_str()),
        Literal::Bool(value) => Value::from(*value),
        Literal::None => Value::Null,
    }
}

fn duration(ms: i64) -> String {
    let mut rest = ms.unsigned_abs();
    let mut text = String::from(if ms < 0 { "-" } else { "" });
    for (name, unit) in UNITS {
        if rest >= unit {
            text.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    if ms == 0 { "0s".to_owned() } else { text }
}

/// The type of a value written out.
pub(super) fn literal_ty(literal: &Literal) -> Ty {
    Ty::new(match literal {
        Literal::Money { currency, .. } => TyKind::Money(Some(currency.clone())),
        Literal::Percent(_) => TyKind::Percent,
        Literal::Duration(_) => TyKind::Duration,
        Literal::Size(_) => TyKind::Size,
        Literal::Int(_) => TyKind::Int,
        Literal::Decimal(_) => TyKind::Decimal,
        Literal::Text(_) => TyKind::Text,
        Literal::Bool(_) => TyKind::Bool,
        Literal::None => TyKind::None,
    })
}

/// Digits of a currency's minor unit, as ISO 4217 has them; two where it is silent.
fn minor_digits(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        "CLF" | "UYW" => 4,
        _ => 2,
    }
}

/// Whether a text is the boundary form of a `uuid`, `date` or `time`.
pub(super) fn reads_as(text: &str, kind: &TyKind) -> bool {
    match kind {
        TyKind::Uuid => text.len() == 36 && uuid::Uuid::try_parse(text).is_ok(),
        TyKind::Date => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        TyKind::Time => text.contains('T') && text.parse::<jiff::Timestamp>().is_ok(),
        _ => false,
    }
}

/// Whether the pattern of a nominal text matches all of it. A pattern that cannot be read matches
/// everything, because it is reported where it is declared.
pub(super) fn matches(alias: &Alias, text: &str) -> bool {
    let Some(pattern) = &alias.matching else { return true };
    let whole = format!("^(?:{})$", pattern.node);
    regex_lite::Regex::new(&whole).map_or(true, |regex| regex.is_match(text))
}

impl Cx<'_> {
    /// The characters of a text without interpolation.
    pub fn literal_text(&self, id: ExprId) -> Option<String> {
        match &self.program.exprs[id].kind {
            ExprKind::Text(parts) => parts
                .iter()
                .map(|part| match part {
                    TextPart::Chars(chars) => Some(chars.as_str()),
                    TextPart::Interp(_) => None,
                })
                .collect(),
            ExprKind::Literal(Literal::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    /// Checks a literal that takes a nominal type against the pattern of that type.
    pub fn check_nominal(&mut self, id: ExprId, steps: &[Adjustment]) {
        let Some(text) = self.literal_text(id) else { return };
        for step in steps {
            if let (Adjust::Nominal, TyKind::Alias(alias)) = (step.how, &step.to.kind) {
                self.check_pattern(*alias, &text, self.span(id));
            }
        }
    }

    /// Reports a text that the pattern of a nominal type does not match.
    pub fn check_pattern(&mut self, alias: crate::hir::AliasId, text: &str, span: Span) {
        let alias = &self.program.aliases[alias];
        if matches(alias, text) {
            return;
        }
        let name = &alias.name.name;
        let mut finding = Diagnostic::error("F0102", span, format!("this text is no `{name}`"))
            .label(span, format!("does not match the pattern of `{name}`"));
        if let Some(pattern) = &alias.matching {
            finding = finding.label(pattern.span, "all of the text must match this");
        }
        self.report(finding);
    }

    /// Reports an amount with digits that its currency does not have.
    pub fn check_amount(&mut self, literal: &Literal, span: Span) {
        let Literal::Money { amount, currency } = literal else { return };
        let digits = minor_digits(currency);
        if amount.normalize().scale() > digits {
            self.report(
                Diagnostic::error(
                    "F0102",
                    span,
                    format!("an amount of {currency} has at most {digits} decimal places"),
                )
                .label(span, "has more")
                .help("round it, or use a `decimal` for a rate"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_the_widest_units_first() {
        assert_eq!(duration(5_400_000), "1h30m");
        assert_eq!(duration(0), "0s");
        assert_eq!(duration(-1_001), "-1s1ms");
    }
}
