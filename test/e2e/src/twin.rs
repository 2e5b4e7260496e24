//! The vault behind its proxy, and the Solidity model of it, side by side on one chain.
//!
//! Both have the same asset, governor, fee recipient and rebalancer, and as many scripted books each. What is done to one
//! is done to the other at the same time, and must have the same outcome: return data or error, and events.

use crate::root;
use alloy_primitives::{Address, B256, Bytes, Log, U256};
use alloy_sol_types::{SolCall, SolError, sol};
use anyhow::Result;
use devnode::Chain;
use gimbal::{
    deploy::proxy,
    world::people::{ALLOCATOR, DEPOSITORS, GUARDIAN, OWNER},
};
use interfaces::{IGovernor, IVault};
use venues::{Artifacts, Network, NetworkError, simulated, stylus};

sol! {
    interface IVaultModelExtension {
        constructor(address governor, address asset, bytes32 name, bytes32 symbol);
    }

    interface IVaultModel {
        constructor(
            address extension, address governor, address asset, bytes32 name, bytes32 symbol, address rebalancer,
            address feeRecipient, uint256[] parameters);
    }

    interface IVaultShell {
        constructor(bytes32 slot, address implementation, bytes initialisation, bytes runtime);
    }

    interface IVaultSigner {
        constructor(bytes signature);
    }

    /// See `VaultBook`.
    interface IScriptedBook {
        constructor(address vault, address asset);
        function setMarks(uint128 other, uint16 lowerBps, uint16 higherBps, uint16 disturbanceBps) external;
        function setMode(uint8 mode, bool refuses) external;
        function lose(uint256 assets) external;
    }

    /// See `VaultCaller`.
    interface IVaultCaller {
        #[derive(Debug)]
        struct Result {
            bool success;
            bytes answer;
        }

        function run(address target, bytes[] calls) external returns (Result[]);
    }

    error Panic(uint256 code);
    error FullMulDivFailed();
}

/// Where a proxy keeps its implementation (EIP-1967).
pub const IMPLEMENTATION_SLOT: B256 =
    alloy_primitives::b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc");
/// Gets the fees of both.
pub const FEES: Address = alloy_primitives::address!("0000000000000000000000000000000000aa0021");
/// Books of each, the first two added, the second isolated.
pub const BOOKS: usize = 3;

/// One of the two.
#[derive(Clone, Debug)]
pub struct Side {
    /// Its vault.
    pub vault: Address,
    /// Its books.
    pub books: Vec<Address>,
}

/// Both.
#[derive(Clone, Debug)]
pub struct Twin {
    /// The chain.
    pub chain: Chain,
    /// The asset of both.
    pub token: Address,
    /// The governor of both.
    pub governor: Address,
    /// The rebalancer of both: makes several calls in one transaction.
    pub caller: Address,
    /// The vault and the model.
    pub sides: [Side; 2],
}

/// What both did.
pub type Outcome = Result<(Bytes, Vec<Log>), Bytes>;

/// Deploys the model for direct use. `setup` is what a proxy would be initialised with.
pub fn model(chain: &mut Chain, artifacts: &Artifacts, setup: &IVault::initializeCall) -> Result<Address> {
    let extension = IVaultModelExtension::constructorCall {
        governor: setup.governor,
        asset: setup.asset,
        name: setup.name,
        symbol: setup.symbol,
    };
    let extension = chain.deploy(OWNER, &artifacts.compiled("VaultModelExtension")?.code()?, &extension)?;
    let model = IVaultModel::constructorCall {
        extension,
        governor: setup.governor,
        asset: setup.asset,
        name: setup.name,
        symbol: setup.symbol,
        rebalancer: setup.rebalancer,
        feeRecipient: setup.feeRecipient,
        parameters: setup.parameters.clone(),
    };
    Ok(chain.deploy(OWNER, &artifacts.compiled("VaultModel")?.code()?, &model)?)
}

/// Puts the code of `proxy` in front of a `model`, which is initialised like the vault behind that proxy.
pub fn model_behind(
    chain: &mut Chain,
    artifacts: &Artifacts,
    proxy: Address,
    model: Address,
    setup: &IVault::initializeCall,
) -> Result<Address> {
    let shell = IVaultShell::constructorCall {
        slot: IMPLEMENTATION_SLOT,
        implementation: model,
        initialisation: setup.abi_encode().into(),
        runtime: chain.code(proxy),
    };
    Ok(chain.deploy(OWNER, &artifacts.compiled("VaultShell")?.code()?, &shell)?)
}

/// Deploys a scripted book of `vault`.
pub fn scripted_book(chain: &mut Chain, artifacts: &Artifacts, vault: Address, asset: Address) -> Result<Address> {
    let code = artifacts.compiled("VaultBook")?.code()?;
    Ok(chain.deploy(OWNER, &code, &IScriptedBook::constructorCall { vault, asset })?)
}

impl Twin {
    /// Two vaults over an asset with so many decimals. Depositors have plenty of it and let both take it.
    pub fn new(decimals: u8, parameters: Vec<U256>) -> Result<Self> {
        let artifacts = Artifacts::new(root());
        let mut chain = Chain::builder().timestamp(crate::START).build();
        for person in [OWNER, GUARDIAN, ALLOCATOR, FEES].into_iter().chain(DEPOSITORS) {
            chain.deal(person, U256::from(10).pow(U256::from(24)));
        }
        let token = simulated::token(&mut chain, &artifacts, OWNER, "Asset", "A", decimals)?;
        let governor = stylus::deploy(&mut chain, OWNER, &artifacts.program("governor")?)?;
        let roles = IGovernor::initializeCall {
            owner: OWNER,
            guardian: GUARDIAN,
            allocator: ALLOCATOR,
        };
        chain.invoke(OWNER, governor, &roles)?;
        let caller = chain.create(OWNER, artifacts.compiled("VaultCaller")?.code()?)?;
        let setup = IVault::initializeCall {
            governor,
            asset: token,
            name: text("Gimbal"),
            symbol: text("G"),
            rebalancer: caller,
            feeRecipient: FEES,
            parameters,
        };
        let program = stylus::deploy(&mut chain, OWNER, &artifacts.program("vault")?)?;
        let vault = proxy(&mut chain, &artifacts, OWNER, program, governor, &setup)?;
        let model = model(&mut chain, &artifacts, &setup)?;
        let mut side = |vault| -> Result<Side> {
            let books = (0..BOOKS).map(|_| scripted_book(&mut chain, &artifacts, vault, token));
            Ok(Side {
                vault,
                books: books.collect::<Result<_>>()?,
            })
        };
        let sides = [side(vault)?, side(model)?];
        for person in DEPOSITORS {
            simulated::mint(&mut chain, OWNER, token, person, U256::from(1) << 120)?;
            for side in &sides {
                let spender = side.vault;
                let value = U256::MAX;
                chain.invoke(person, token, &interfaces::IERC20::approveCall { spender, value })?;
            }
        }
        Ok(Self {
            chain,
            token,
            governor,
            caller,
            sides,
        })
    }

    /// Sends a call to each vault, and compares what they do.
    ///
    /// # Panics
    /// If they do not do the same.
    pub fn send<C: SolCall>(&mut self, from: Address, call: impl Fn(&Side) -> C) -> Outcome {
        self.transact(from, |side| (side.vault, call(side).abi_encode()))
    }

    /// As [`Twin::send`], by the governor.
    pub fn govern<C: SolCall>(&mut self, call: impl Fn(&Side) -> C) -> Outcome {
        let governor = self.governor;
        self.transact(OWNER, |side| {
            let data = call(side).abi_encode().into();
            let call = IGovernor::executeCall {
                target: side.vault,
                data,
            };
            (governor, call.abi_encode())
        })
    }

    /// As [`Twin::send`], to anyone.
    pub fn transact(&mut self, from: Address, call: impl Fn(&Side) -> (Address, Vec<u8>)) -> Outcome {
        let sides = self.sides.clone();
        let [ours, theirs] = sides.each_ref().map(|side| {
            let (to, data) = call(side);
            let sent = Network::transact(&mut self.chain, from, Some(to), U256::ZERO, data.into());
            outcome(sent.map(|sent| (sent.output, sent.logs)))
        });
        let theirs = self.translate(theirs);
        assert_eq!(ours, theirs, "the vault and the model did different things");
        ours
    }

    /// Asks both vaults, and compares.
    ///
    /// # Panics
    /// If the answers differ.
    pub fn read(&mut self, name: &str, data: impl Fn(&Side) -> Vec<u8>) -> Result<Bytes, Bytes> {
        let sides = self.sides.clone();
        let [ours, theirs] = sides.each_ref().map(|side| {
            let answer = self.chain.query(Address::ZERO, side.vault, data(side).into());
            outcome(answer.map(|output| (output, Vec::new())))
        });
        let theirs = self.translate(theirs);
        assert_eq!(ours, theirs, "{name}: the vault and the model answer differently");
        ours.map(|(output, _)| output)
    }

    /// What the model did, with the vault's addresses and errors in place of its own.
    fn translate(&self, outcome: Outcome) -> Outcome {
        let [ours, theirs] = &self.sides;
        let names = [(theirs.vault, ours.vault)]
            .into_iter()
            .chain(theirs.books.iter().copied().zip(ours.books.iter().copied()));
        let names: Vec<_> = names.collect();
        let bytes = |data: &Bytes| {
            let mut data = data.to_vec();
            for (from, to) in &names {
                let places = data.windows(20).enumerate().filter(|(_, at)| *at == from.as_slice());
                for place in places.map(|(place, _)| place).collect::<Vec<_>>() {
                    data[place..place + 20].copy_from_slice(to.as_slice());
                }
            }
            Bytes::from(data)
        };
        match outcome {
            Ok((output, logs)) => {
                let logs = logs.iter().map(|log| {
                    let address = Address::from_slice(&bytes(&log.address.to_vec().into()));
                    let topics = log.data.topics().iter();
                    let topics = topics.map(|topic| B256::from_slice(&bytes(&topic.to_vec().into())));
                    Log::new_unchecked(address, topics.collect(), bytes(&log.data.data))
                });
                Ok((bytes(&output), logs.collect()))
            }
            Err(data) if overflowed(&data) => Err(IVault::ArithmeticOverflow {}.abi_encode().into()),
            Err(data) => Err(bytes(&data)),
        }
    }

    /// The latest block's time.
    pub fn now(&self) -> u64 {
        self.chain.timestamp()
    }
}

/// How the model tells of an overflow.
fn overflowed(data: &[u8]) -> bool {
    Panic::abi_decode(data).is_ok_and(|panic| panic.code == U256::from(0x11))
        || FullMulDivFailed::abi_decode(data).is_ok()
}

/// # Panics
/// If it failed in a way that contracts do not choose.
fn outcome(result: Result<(Bytes, Vec<Log>), NetworkError>) -> Outcome {
    match result {
        Ok(done) => Ok(done),
        Err(NetworkError::Reverted(data)) => Err(data),
        Err(error) => panic!("{error}"),
    }
}

/// Short text as left-aligned bytes.
pub fn text(text: &str) -> B256 {
    let mut word = [0; 32];
    word.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
    B256::from(word)
}
