//! What the author of a service gives: arguments that succeed, arguments that provoke each declared
//! error, a read that shows an effect, and what must be called before.
//!
//! ```json
//! {"Payments.charge": {
//!   "args":    [{"amount": "5.00 EUR"}],
//!   "errors":  {"Declined": {"amount": "9999.00 EUR"}},
//!   "observe": {"read": "Payments.charged", "args": {"order": "order"}},
//!   "first":   {"call": "Orders.place", "take": {"order": "id"}}
//! }}
//! ```
//!
//! Arguments that are left out are made up, anew for each case: leave identities out.

use sagaflow_core::codegen::Json;
use std::collections::BTreeMap;

/// Bound: what a file of arguments may hold, in bytes.
pub const GIVEN_MAX: usize = 1024 * 1024;

/// By `Service.action`, qualified or short.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(transparent)]
pub struct Given(pub BTreeMap<String, GivenAction>);

/// What is given for one action.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenAction {
    /// Arguments that succeed, each as an object by parameter, taken in turn.
    #[serde(default)]
    pub args: Vec<BTreeMap<String, Json>>,
    /// Arguments that provoke this declared error.
    #[serde(default)]
    pub errors: BTreeMap<String, BTreeMap<String, Json>>,
    /// A read that shows whether it happened, and how often.
    #[serde(default)]
    pub observe: Option<Observe>,
    /// A call that is made before each case, for what this one needs.
    #[serde(default)]
    pub first: Option<First>,
}

/// A read that shows an effect.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Observe {
    /// `Service.action`.
    pub read: String,
    /// For a parameter of the read, the parameter of the action whose argument it gets. A parameter
    /// that is not here gets the argument of its own name.
    #[serde(default)]
    pub args: BTreeMap<String, String>,
}

/// A call that is made before.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct First {
    /// `Service.action`.
    pub call: String,
    /// For a parameter of the action, the part of the first call's answer that it gets, as `id` or
    /// `hold.id`; an empty text is the whole answer.
    #[serde(default)]
    pub take: BTreeMap<String, String>,
}

impl Given {
    /// Reads what is given.
    ///
    /// # Errors
    /// In words, what is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > GIVEN_MAX {
            return Err(format!("it is larger than {GIVEN_MAX} bytes"));
        }
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// What is given for an action, by its short or its qualified service.
    pub(crate) fn of(&self, service: &str, action: &str) -> Option<&GivenAction> {
        let short = service.rsplit('.').next().unwrap_or(service);
        let names = [format!("{service}.{action}"), format!("{short}.{action}")];
        names.iter().find_map(|name| self.0.get(name))
    }
}
