//! What the random tests share: the reference exchange, the generator of command streams, and
//! what drives the real exchange with them.
#![allow(
    dead_code,
    unused_imports,
    reason = "every test binary compiles this module and uses its own part of it"
)]

pub(crate) mod drive;
pub(crate) mod generator;
pub(crate) mod live;
pub(crate) mod reference;

pub(crate) use drive::{Reply, Through, drive, same_error};
pub(crate) use generator::{Action, Command, Ids, Profile, Random, Stream};
pub(crate) use reference::Reference;
