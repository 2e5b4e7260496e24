//! A Stylus and EVM chain in one process: a development tool, not a node.
//!
//! EVM code runs on revm, Stylus code on a wasm engine, both in one state and one frame loop, with the
//! gas and the results of ArbOS 61 and Stylus version 3. [`Chain`] is the way in; [`rpc`] serves one to
//! clients. Its README lists what differs from a node.
//!
//! # Deploy and call
//!
//! Calls, errors and events are alloy's [`sol!`] types. Accounts need no keys: the chain trusts its
//! embedder. [`DEV_ACCOUNT`] has a million ether.
//!
//! ```
//! use alloy_primitives::{U256, address};
//! use alloy_sol_types::sol;
//! use devnode::{Chain, DEV_ACCOUNT};
//!
//! sol! {
//!     event Transfer(address indexed from, address indexed to, uint256 amount);
//!     error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
//!     function mint(address to, uint256 amount);
//!     function transfer(address to, uint256 amount) returns (bool);
//!     function balanceOf(address account) returns (uint256);
//! }
//!
//! let mut chain = Chain::builder().chain_id(412_346).timestamp(1_750_000_000).build();
//!
//! // A Stylus program, here from the text form of wasm: fragments and activation included.
//! let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../test/programs/erc20.wat"))?;
//! let token = chain.create_program(DEV_ACCOUNT, &wat::parse_str(text)?)?;
//!
//! let (to, amount) = (address!("00000000000000000000000000000000000000a1"), U256::from(1_000));
//! let receipt = chain.send_call(DEV_ACCOUNT, token, &mintCall { to, amount })?;
//! assert_eq!(receipt.events::<Transfer>(token)[0].to, to);
//! assert_eq!(chain.read_call(token, &balanceOfCall { account: to })?, amount);
//!
//! // A refusal is an error that knows its Solidity type.
//! let error = chain
//!     .read_call_as(to, token, &transferCall { to: DEV_ACCOUNT, amount: U256::from(1_001) })
//!     .unwrap_err();
//! assert_eq!(error.decode::<ERC20InsufficientBalance>().unwrap().needed, U256::from(1_001));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An EVM contract comes from the artifact that Foundry or Hardhat wrote; [`Artifact::read`] takes a path.
//!
//! ```
//! use alloy_primitives::U256;
//! use alloy_sol_types::sol;
//! use devnode::{Artifact, Chain, DEV_ACCOUNT};
//!
//! sol! {
//!     function answer() returns (uint256);
//! }
//!
//! let artifact = Artifact::parse(r#"{ "bytecode": "0x67602a5f5260205ff35f5260086018f3" }"#)?;
//! let mut chain = Chain::default();
//! // With constructor arguments: `artifact.init_code(&constructorCall { .. })?`.
//! let contract = chain.create_contract(DEV_ACCOUNT, artifact.code()?)?;
//! assert_eq!(chain.read_call(contract, &answerCall {})?, U256::from(42));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Value, gas limit and fees belong to a [`Tx`]. [`Chain::send`] answers with the [`Receipt`] of whatever
//! was included, also when it reverted; [`Receipt::into_result`] turns that into an error.
//!
//! ```
//! use alloy_primitives::{Address, U256};
//! use devnode::{Chain, DEV_ACCOUNT, Tx};
//!
//! let mut chain = Chain::default();
//! let to = Address::with_last_byte(0xA1);
//! let receipt = chain.send(Tx::call(DEV_ACCOUNT, to, []).value(U256::from(7)).gas(30_000))?.into_result()?;
//! assert_eq!((receipt.gas_used, chain.balance(to)), (21_000, U256::from(7)));
//! # Ok::<(), devnode::CallError>(())
//! ```
//!
//! # Snapshots and time
//!
//! A chain is a value. A clone is a snapshot and costs next to nothing; assigning it back reverts, blocks and
//! clock included. The clock stands still unless it is moved.
//!
//! ```
//! use alloy_primitives::{Address, U256};
//! use devnode::{Chain, DEV_ACCOUNT, Tx};
//!
//! let mut chain = Chain::default();
//! let snapshot = chain.clone();
//! let start = chain.timestamp();
//!
//! chain.warp(24 * 3600);
//! let receipt = chain.send(Tx::call(DEV_ACCOUNT, Address::ZERO, []))?;
//! assert_eq!((receipt.block, receipt.timestamp), (1, start + 24 * 3600));
//!
//! chain = snapshot;
//! assert_eq!((chain.block_number(), chain.timestamp()), (0, start));
//! # Ok::<(), devnode::TxError>(())
//! ```
//!
//! # What a program did inside
//!
//! With [`Chain::set_trace`], receipts list every run of a program with its host calls and their ink.
//!
//! ```
//! use devnode::{Chain, DEV_ACCOUNT, Tx};
//!
//! let module = wat::parse_str(
//!     r#"(module
//!         (import "vm_hooks" "msg_value" (func $value (param i32)))
//!         (memory (export "memory") 1 1)
//!         (func (export "user_entrypoint") (param i32) (result i32) (call $value (i32.const 0)) (i32.const 0)))"#,
//! )?;
//! let mut chain = Chain::default();
//! let program = chain.create_program(DEV_ACCOUNT, &module)?;
//! chain.set_trace(true);
//! let receipt = chain.send(Tx::call(DEV_ACCOUNT, program, []))?;
//! let calls = &receipt.runs[0].finished.host_calls;
//! assert_eq!((calls[0].name, calls[0].ink), ("msg_value", 13_440));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Going on from another chain
//!
//! ```no_run
//! use devnode::{Chain, fork::Fork};
//!
//! // The block is read lazily, and what was read is kept in the directory for the next time.
//! let fork = Fork::connect("http://127.0.0.1:8545", Some(20_000_000), Some("target/forks".as_ref()))?;
//! let chain = Chain::builder().build_on(fork)?;
//! assert_eq!(chain.block_number(), 20_000_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`sol!`]: alloy_sol_types::sol

pub mod arbos;
mod artifact;
mod block;
mod chain;
mod deploy;
pub mod evm;
pub mod exec;
mod execute;
pub mod fork;
pub mod genesis;
pub mod rpc;
pub mod rpc_client;
pub mod state;
pub mod stylus;
mod tx;
mod typed;
pub mod wasm;

pub use artifact::{Artifact, ArtifactError};
pub use block::{Block, BlockContext, Mined};
pub use chain::{Builder, Chain, DEV_ACCOUNT, GenesisAccount, Scene, Watched};
pub use evm::{ProgramRun, TxError};
pub use tx::{Fees, Receipt, SignedTx, Tx};
pub use typed::{CallError, events};
