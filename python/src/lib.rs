//! The compiled module `nanobook.nanobook`.
