//! Every run-time code with its HTTP status and title. A number is never reused; each has a page in
//! `docs/errors`.

use crate::error::Error;
use sagaflow_core::port;

/// A stable code, its HTTP status, and its title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// `R1001`.
    pub name: &'static str,
    /// HTTP status.
    pub status: u16,
    /// In a few words.
    pub title: &'static str,
}

macro_rules! codes {
    ($($name:ident $code:literal $status:literal $title:literal;)*) => {
        $(#[doc = $title] pub const $name: Code = Code { name: $code, status: $status, title: $title };)*
        /// All of them, in order.
        pub const ALL: &[Code] = &[$($name),*];
    };
}

codes! {
    NO_WORKFLOW "R1001" 404 "no such workflow";
    NO_RUN "R1002" 404 "no such run";
    NOT_FOUND "R1003" 404 "no such thing";
    INPUT "R1004" 400 "the input does not fit its type";
    VALUE "R1005" 400 "the value does not fit its type";
    OTHER_INPUT "R1006" 422 "the key was used with another input";
    CONFLICT "R1007" 409 "the key has started a run";
    TOO_LATE "R1008" 409 "it comes too late";
    FORBIDDEN "R1009" 403 "the caller may not do this";
    CLAIMED "R1010" 409 "somebody else has claimed it";
    BUSY "R1011" 429 "the node is busy";
    AWAY "R1012" 503 "the store is away";
    STOPPING "R1013" 503 "the node is stopping";
    FAULT "R1014" 422 "the program is at fault";
    REFUSED "R1015" 409 "it cannot be done";
    STORE "R1016" 500 "the store cannot be used";
    NOT_JSON "R1017" 400 "the body is not JSON";
    TOO_LARGE "R1018" 413 "the body is too large";
    TOO_DEEP "R1019" 400 "the body is nested too deeply";
    HOST "R1020" 403 "the request names another host";
    NO_ROUTE "R1021" 404 "no such address";
    METHOD "R1022" 405 "no such method here";
    PARAMETER "R1023" 400 "a parameter is not understood";
    PANIC "R1024" 500 "the server is at fault";
    IN_FLIGHT "R1025" 409 "another run is in flight";
    LISTEN "R1030" 500 "this address may not be listened on";
    UNKNOWN_KEY "R1031" 500 "the configuration has an unknown key";
    CONFIGURATION "R1032" 500 "the configuration cannot be used";
    HELD "R1033" 503 "the store is held by another process";
    STORE_KIND "R1034" 500 "this program has no such store";
    BINDING "R1035" 500 "a service cannot be bound";
    PROGRAM "R1036" 500 "the program cannot run";
    NO_INPUT "R1037" 400 "the input cannot be read";
    ADDRESS "R1038" 500 "the address cannot be listened on";
    ELSEWHERE "R1039" 503 "another node owns the run";
    OUTCOME "R1040" 504 "whether it was done is not known";
    UNMIGRATED "R1041" 500 "the store has not been migrated";
    TOPIC "R1042" 500 "a topic cannot be used";
    BROKERS "R1043" 503 "the brokers do not answer";
    UNBUILT "R1044" 500 "the program was built without it";
    STAYS "R1045" 409 "the run stays on its version";
}

/// The code of an error.
#[must_use]
pub fn of(error: &Error) -> Code {
    match error {
        Error::NoWorkflow { .. } => NO_WORKFLOW,
        Error::NotFound("run") => NO_RUN,
        Error::NotFound(_) => NOT_FOUND,
        Error::Input(_) => INPUT,
        Error::Value(_) => VALUE,
        Error::OtherInput { .. } => OTHER_INPUT,
        Error::InFlight { .. } => IN_FLIGHT,
        Error::TooLate => TOO_LATE,
        Error::Forbidden => FORBIDDEN,
        Error::Claimed { .. } => CLAIMED,
        Error::Busy { .. } => BUSY,
        Error::Away { .. } | Error::Store(port::Error::Unavailable(_)) => AWAY,
        Error::Elsewhere { .. } => ELSEWHERE,
        Error::Stopping => STOPPING,
        Error::Fault(_) => FAULT,
        Error::Stays(_) => STAYS,
        Error::Refused(_) => REFUSED,
        Error::Store(port::Error::Held(_)) => HELD,
        Error::Store(_) => STORE,
    }
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use std::collections::BTreeSet;

    #[test]
    fn a_code_is_given_once_and_has_a_page() {
        let names: BTreeSet<_> = ALL.iter().map(|code| code.name).collect();
        assert_eq!(names.len(), ALL.len());
        let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/errors");
        let index = std::fs::read_to_string(docs.join("README.md")).unwrap_or_default();
        for code in ALL {
            let row = format!("| [{0}]({0}.md) | {1} |", code.name, code.title);
            assert!(index.contains(&row), "the index must have `{row}`");
            let page = docs.join(format!("{}.md", code.name));
            let text = std::fs::read_to_string(&page).unwrap_or_default();
            let title = format!("# {}: {}", code.name, code.title);
            assert!(text.starts_with(&title), "{} must begin with `{title}`", page.display());
        }
    }
}
