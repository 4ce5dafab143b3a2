//! What the tests share: the reference exchange, the generator of command streams, what drives the
//! real exchange with them, a reference portfolio, and what forges saved states.
#![allow(
    dead_code,
    unused_imports,
    reason = "every test binary compiles this module and uses its own part of it"
)]

pub(crate) mod drive;
pub(crate) mod generator;
pub(crate) mod ledger;
pub(crate) mod live;
pub(crate) mod reference;
pub(crate) mod seal;

pub(crate) use drive::{Reply, Through, drive, same_error};
pub(crate) use generator::{Action, Command, Ids, Profile, Random, Stream};
pub(crate) use ledger::Ledger;
pub(crate) use reference::Reference;
pub(crate) use seal::reseal;
