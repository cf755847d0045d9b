//! Personal data and secrets: values that do not print themselves.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! label {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name<T>(pub T);

        impl<T> $name<T> {
            /// The value, for whoever has a reason to look at it.
            pub fn reveal(self) -> T {
                self.0
            }
        }

        impl<T> $name<Option<T>> {
            /// Whether there is nothing to hide.
            pub fn is_none(&self) -> bool {
                self.0.is_none()
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("…")
            }
        }

        impl<T> From<T> for $name<T> {
            fn from(value: T) -> Self {
                Self(value)
            }
        }
    };
}

label!(
    /// Personal data: `Debug` prints `…`.
    Pii
);
label!(
    /// A secret: `Debug` prints `…`.
    Secret
);
