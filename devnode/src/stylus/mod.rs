//! Executes Stylus programs: code on chain, compiled modules, ink, host functions and the storage cache.
//!
//! A running program is a wasm instance on a stack of its own ([`program::Program`]). Whenever it needs
//! chain state it is suspended and hands a [`port::Request`] to the EVM side, which answers and resumes
//! it. So a Stylus frame is an ordinary frame of the EVM's loop: no host recursion, whatever the depth.

pub mod code;
pub mod host;
pub mod ink;
pub mod module;
pub mod pages;
pub mod port;
pub mod program;
pub mod storage;
pub mod trace;
