//! The rules by code: how much each weighs, and the page that explains it.
//!
//! Pages are the files of `docs/errors`, embedded: `F…` of the language, and `R…` of the run time,
//! which are no rules and only have a page. A code is stable for ever, and a number is never reused.

/// How much the findings of a rule weigh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Always an error.
    Error,
    /// Always a warning.
    Warning,
    /// An error or a warning, as the case may be.
    Either,
}

/// How much a rule weighs; none where there is no such rule.
#[must_use]
pub fn severity(code: &str) -> Option<Weight> {
    RULES.iter().find(|(known, _)| *known == code).map(|(_, weight)| *weight)
}

/// Every code of a rule, in order.
pub fn codes() -> impl Iterator<Item = &'static str> {
    RULES.iter().map(|(code, _)| *code)
}

/// Every code that has a page, in order.
pub fn pages() -> impl Iterator<Item = &'static str> {
    PAGES.iter().map(|(code, _)| *code)
}

/// The page of a code, as Markdown.
#[must_use]
pub fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(known, _)| *known == code).map(|(_, text)| *text)
}

use Weight::{Either, Error, Warning};

const RULES: &[(&str, Weight)] = &[
    ("F0001", Error),
    ("F0002", Error),
    ("F0003", Error),
    ("F0004", Error),
    ("F0005", Error),
    ("F0006", Error),
    ("F0007", Error),
    ("F0101", Error),
    ("F0102", Error),
    ("F0103", Error),
    ("F0104", Error),
    ("F0105", Error),
    ("F0106", Warning),
    ("F0107", Warning),
    ("F0108", Error),
    ("F0109", Error),
    ("F0110", Error),
    ("F0111", Error),
    ("F0112", Error),
    ("F0113", Error),
    ("F0114", Error),
    ("F0115", Error),
    ("F0116", Error),
    ("F0117", Warning),
    ("F0118", Error),
    ("F0119", Error),
    ("F0120", Error),
    ("F0201", Error),
    ("F0202", Error),
    ("F0203", Error),
    ("F0204", Error),
    ("F0205", Error),
    ("F0206", Error),
    ("F0207", Error),
    ("F0208", Error),
    ("F0209", Error),
    ("F0210", Error),
    ("F0211", Error),
    ("F0212", Warning),
    ("F0213", Error),
    ("F0214", Warning),
    ("F0215", Warning),
    ("F0216", Warning),
    ("F0301", Error),
    ("F0302", Error),
    ("F0303", Error),
    ("F0304", Error),
    ("F0305", Warning),
    ("F0306", Error),
    ("F0307", Error),
    ("F0308", Error),
    ("F0309", Error),
    ("F0310", Warning),
    ("F0311", Error),
    ("F0312", Error),
    ("F0401", Warning),
    ("F0402", Either),
    ("F0403", Warning),
    ("F0404", Error),
    ("F0405", Warning),
    ("F0406", Warning),
    ("F0407", Warning),
    ("F0408", Warning),
    ("F0409", Warning),
    ("F0410", Error),
    ("F0411", Warning),
    ("F0412", Warning),
    ("F0501", Error),
    ("F0502", Error),
    ("F0503", Error),
    ("F0504", Error),
    ("F0505", Error),
    ("F0506", Error),
    ("F0507", Warning),
    ("F0601", Error),
    ("F0602", Error),
    ("F0603", Error),
    ("F0604", Error),
    ("F0605", Either),
    ("F0606", Error),
    ("F0607", Warning),
    ("F0608", Warning),
    ("F0609", Error),
    ("F0610", Warning),
    ("F0611", Warning),
    ("F0701", Error),
    ("F0702", Warning),
    ("F0703", Error),
    ("F0704", Error),
    ("F0705", Warning),
    ("F0706", Error),
    ("F0707", Error),
    ("F0708", Error),
    ("F0709", Warning),
    ("F0710", Warning),
    ("F0711", Warning),
    ("F0712", Error),
    ("F0713", Warning),
    ("F0714", Error),
    ("F0715", Warning),
    ("F0801", Error),
    ("F0802", Error),
    ("F0803", Error),
    ("F0804", Error),
    ("F0805", Warning),
    ("F0806", Warning),
    ("F0901", Error),
    ("F0902", Error),
    ("F0903", Error),
    ("F0904", Error),
    ("F0905", Error),
    ("F0906", Error),
    ("F0907", Error),
    ("F0908", Warning),
];

macro_rules! pages {
    ($($code:literal),+ $(,)?) => {
        &[$(($code, include_str!(concat!("../../docs/errors/", $code, ".md")))),+]
    };
}

const PAGES: &[(&str, &str)] = pages![
    "F0001", "F0002", "F0003", "F0004", "F0005", "F0006", "F0007", "F0101", "F0102", "F0103",
    "F0104", "F0105", "F0106", "F0107", "F0108", "F0109", "F0110", "F0111", "F0112", "F0113",
    "F0114", "F0115", "F0116", "F0117", "F0118", "F0119", "F0120", "F0201", "F0202", "F0203",
    "F0204", "F0205", "F0206", "F0207", "F0208", "F0209", "F0210", "F0211", "F0212", "F0213",
    "F0214", "F0215", "F0301", "F0302", "F0303", "F0304", "F0305", "F0306", "F0307", "F0308",
    "F0309", "F0310", "F0311", "F0312", "F0401", "F0402", "F0403", "F0404", "F0405", "F0406",
    "F0407", "F0408", "F0409", "F0410", "F0411", "F0412", "F0501", "F0502", "F0503", "F0504",
    "F0505", "F0506", "F0507", "F0601", "F0602", "F0603", "F0604", "F0605", "F0606", "F0607",
    "F0608", "F0609", "F0610", "F0611", "F0701", "F0702", "F0703", "F0704", "F0705", "F0706",
    "F0707", "F0708", "F0709", "F0710", "F0711", "F0712", "F0713", "F0714", "F0715", "F0801",
    "F0802", "F0803", "F0804", "F0805", "F0806", "F0901", "F0902", "F0903", "F0904", "F0905",
    "F0906", "F0907", "F0908", "R1001", "R1002", "R1003", "R1004", "R1005", "R1006", "R1007",
    "R1008", "R1009", "R1010", "R1011", "R1012", "R1013", "R1014", "R1015", "R1016", "R1017",
    "R1018", "R1019", "R1020", "R1021", "R1022", "R1023", "R1024", "R1025", "R1030", "R1031",
    "R1032", "R1033", "R1034", "R1035", "R1036", "R1037", "R1038", "R1039", "R1040", "R1041",
    "R1042", "R1043", "R1044", "R1045",
];

#[cfg(test)]
mod tests;
