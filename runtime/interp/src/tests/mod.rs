//! The interpreter against programs written as data.

mod blocks;
pub(crate) mod build;
mod saga;
mod services;
mod steps;
mod values;
