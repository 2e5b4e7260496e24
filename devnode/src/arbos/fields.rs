//! The fields of ArbOS state that precompiles read and chain owners set, and their values at genesis.

use super::{
    address_set::AddressSet,
    params::{self, StylusParams},
    programs,
    state::{NETWORK_FEE_ACCOUNT, SEQUENCER, Space},
};
use alloy_primitives::{Address, U256};

/// ArbOS rules of this chain.
pub const ARBOS_VERSION: u64 = 61;
/// 0.1 gwei: the base fee of a chain without load.
pub const BASE_FEE_WEI: u64 = 100_000_000;

/// Most members or posters that one call lists.
pub const MOST_LISTED: u64 = 65_536;

/// Fields of the root region.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "named as the methods that read them")]
pub enum Root {
    Version,
    UpgradeVersion,
    UpgradeTimestamp,
    NetworkFeeAccount,
    ChainId,
    GenesisBlock,
    InfraFeeAccount,
    BrotliLevel,
    NativeTokenFrom,
    FilteringFrom,
    FilteredFundsRecipient,
    CollectTips,
}

/// Fields of the L1 pricer.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "named as the methods that read them")]
pub enum L1 {
    PayRewardsTo,
    EquilibrationUnits,
    Inertia,
    PerUnitReward,
    LastUpdateTime,
    FundsDueForRewards,
    UnitsSinceUpdate,
    PricePerUnit,
    LastSurplus,
    PerBatchGasCost,
    AmortizedCostCapBips,
    FeesAvailable,
    GasFloorPerToken,
}

/// Fields of the L2 pricer.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "named as the methods that read them")]
pub enum L2 {
    SpeedLimit,
    PerBlockGasLimit,
    BaseFee,
    MinBaseFee,
    Backlog,
    Inertia,
    BacklogTolerance,
    PerTxGasLimit,
}

impl From<Root> for U256 {
    fn from(field: Root) -> Self {
        Space::root().at(field as u64)
    }
}

impl From<L1> for U256 {
    fn from(field: L1) -> Self {
        Space::root().sub(0).at(field as u64)
    }
}

impl From<L2> for U256 {
    fn from(field: L2) -> Self {
        l2().at(field as u64)
    }
}

/// The L2 pricer.
pub fn l2() -> Space {
    Space::root().sub(1)
}

/// The batch posters: their total due is field 0, their addresses region 0, their records region 1.
pub fn batch_posters() -> Space {
    Space::root().sub(0).sub(0)
}

/// Where a batch poster's fees go.
pub fn fee_collector(poster: Address) -> U256 {
    batch_posters().sub(1).named(poster.as_slice()).at(1)
}

/// Addresses that may post batches.
pub fn posters() -> AddressSet {
    AddressSet::new(batch_posters().sub(0))
}

/// Accounts that may use ArbOwner.
pub fn chain_owners() -> AddressSet {
    AddressSet::new(Space::root().sub(4))
}

/// Accounts that may mint and burn the native token.
pub fn native_token_owners() -> AddressSet {
    AddressSet::new(Space::root().sub(10))
}

/// Accounts that may filter transactions.
pub fn filterers() -> AddressSet {
    AddressSet::new(Space::root().sub(11))
}

/// Accounts that may pin programs in the cache.
pub fn cache_managers() -> AddressSet {
    AddressSet::new(Space::root().sub(8).sub(4))
}

/// Compressed addresses: their number is field 0, the nth is field n.
pub fn address_table() -> Space {
    Space::root().sub(3)
}

/// Messages to the parent chain.
pub fn sends() -> Space {
    Space::root().sub(5)
}

/// Bit field of optional features.
pub fn features() -> U256 {
    Space::root().sub(9).at(0)
}

/// Gas that every activation burns beside its own price.
pub fn activation_gas() -> U256 {
    Space::root().sub(8).sub(5).at(0)
}

/// ArbOS storage of a new chain, whose only owner is `owner`.
///
/// As a development node has it, with the price of L1 data at zero.
pub fn genesis(owner: Address, chain_id: u64, stylus: &StylusParams) -> Vec<(U256, U256)> {
    let word = |address: Address| U256::from_be_bytes(address.into_word().0);
    let number = U256::from::<u64>;
    let mut slots = vec![
        (Root::Version.into(), number(ARBOS_VERSION)),
        (Root::NetworkFeeAccount.into(), word(NETWORK_FEE_ACCOUNT)),
        (Root::ChainId.into(), number(chain_id)),
        (Root::BrotliLevel.into(), number(1)),
        (L1::PayRewardsTo.into(), word(owner)),
        (L1::EquilibrationUnits.into(), number(160_000_000)),
        (L1::Inertia.into(), number(10)),
        (L1::PerUnitReward.into(), number(10)),
        (L1::PerBatchGasCost.into(), number(210_000)),
        (L2::SpeedLimit.into(), number(7_000_000)),
        (L2::PerBlockGasLimit.into(), number(32_000_000)),
        (L2::BaseFee.into(), number(BASE_FEE_WEI)),
        (L2::MinBaseFee.into(), number(BASE_FEE_WEI)),
        (L2::Inertia.into(), number(102)),
        (L2::BacklogTolerance.into(), number(10)),
        (L2::PerTxGasLimit.into(), number(32_000_000)),
        (fee_collector(SEQUENCER), word(SEQUENCER)),
        (params::SLOT, stylus.to_word()),
    ];
    slots.extend(posters().with_one_member(SEQUENCER));
    slots.extend(chain_owners().with_one_member(owner));
    slots.extend(programs::genesis());
    slots
}
