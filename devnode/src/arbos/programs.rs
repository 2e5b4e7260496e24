//! Records of activated programs, and what entering and storing them costs.

use super::{
    params::{SCALAR_UNIT, StylusParams},
    state::{self, ARBOS, Space, read, write},
};
use crate::{
    stylus::{
        code::{CodeError, Limits, Stored},
        program::HostFailure,
    },
    wasm::Activated,
};
use alloy_primitives::{B256, U256};
use revm::{Database, context_interface::JournalTr, state::EvmState};
use std::sync::LazyLock;
use thiserror::Error;

/// Start of the hour counter in program records, in Unix seconds.
pub const START_TIME: u64 = 1_421_388_000;
/// What the chain remembers of an activated program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Stylus version at activation; 0 when never activated.
    pub version: u16,
    /// Gas to enter it uncached, beyond the minimum.
    pub init_cost: u16,
    /// Gas to enter it cached, beyond the minimum.
    pub cached_cost: u16,
    /// Initial memory in pages.
    pub footprint: u16,
    /// Hours from [`START_TIME`] to activation.
    pub activated_at: u32,
    /// Estimated native code, in KiB.
    pub asm_kb: u32,
    /// Whether the cache manager pinned it.
    pub cached: bool,
}

/// Why a program may not be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unusable {
    /// No record.
    #[error("not activated")]
    NotActivated,
    /// Activated under another Stylus version.
    #[error("activated under Stylus version {0}, needs an upgrade")]
    NeedsUpgrade(u16),
    /// Not kept alive; the age in seconds.
    #[error("expired, {0} seconds after its activation")]
    Expired(u64),
}

impl Record {
    /// The record of a program activated at `timestamp` under a Stylus version.
    pub fn new(activated: &Activated, version: u16, timestamp: u64, cached: bool) -> Self {
        Self {
            version,
            init_cost: activated.init_cost,
            cached_cost: activated.cached_cost,
            footprint: activated.footprint,
            activated_at: hours(timestamp),
            asm_kb: activated.asm_estimate.div_ceil(1024),
            cached,
        }
    }

    /// The record after it was kept alive at `timestamp`.
    #[must_use]
    pub fn renewed(self, timestamp: u64) -> Self {
        Self {
            activated_at: hours(timestamp),
            ..self
        }
    }

    /// Estimated native code in bytes, as far as the record tells.
    pub fn asm_bytes(&self) -> u32 {
        self.asm_kb.saturating_mul(1024)
    }

    /// Seconds since activation.
    pub fn age_secs(&self, timestamp: u64) -> u64 {
        timestamp.saturating_sub(START_TIME + 3600 * u64::from(self.activated_at))
    }

    /// Whether it may be called at `timestamp`.
    pub fn check(&self, timestamp: u64, params: &StylusParams) -> Result<(), Unusable> {
        if self.version == 0 {
            return Err(Unusable::NotActivated);
        }
        if self.version != params.version {
            return Err(Unusable::NeedsUpgrade(self.version));
        }
        if self.activated_at == 0 || self.age_secs(timestamp) > secs(params.expiry_days) {
            return Err(Unusable::Expired(self.age_secs(timestamp)));
        }
        Ok(())
    }

    /// Gas to enter the program when it is cached.
    pub fn cached_gas(&self, params: &StylusParams) -> u64 {
        params.min_cached_gas() + scaled(self.cached_cost, params.cached_cost_scalar)
    }

    /// Gas to enter the program, on top of [`Self::cached_gas`], when it is not.
    pub fn init_gas(&self, params: &StylusParams) -> u64 {
        params.min_init_gas() + scaled(self.init_cost, params.init_cost_scalar)
    }

    fn to_word(self) -> B256 {
        let mut word = B256::ZERO;
        let [_, at @ ..] = self.activated_at.to_be_bytes();
        let [_, asm @ ..] = self.asm_kb.to_be_bytes();
        let fields = [
            &self.version.to_be_bytes()[..],
            &self.init_cost.to_be_bytes(),
            &self.cached_cost.to_be_bytes(),
            &self.footprint.to_be_bytes(),
            &at,
            &asm,
            &[u8::from(self.cached)],
        ]
        .concat();
        for (target, byte) in word.iter_mut().zip(fields) {
            *target = byte;
        }
        word
    }

    fn from_word(word: B256) -> Self {
        let number =
            |range: std::ops::Range<usize>| word[range].iter().fold(0, |n: u32, byte| n << 8 | u32::from(*byte));
        #[expect(clippy::cast_possible_truncation, reason = "two bytes each")]
        let short = |start: usize| number(start..start + 2) as u16;
        Self {
            version: short(0),
            init_cost: short(2),
            cached_cost: short(4),
            footprint: short(6),
            activated_at: number(8..11),
            asm_kb: number(11..14),
            cached: word[14] != 0,
        }
    }
}

/// A recorded cost in gas after its scalar.
fn scaled(cost: u16, scalar: u8) -> u64 {
    (u64::from(cost) * u64::from(scalar) * SCALAR_UNIT).div_ceil(100)
}

/// Hours from [`START_TIME`] to `timestamp`.
fn hours(timestamp: u64) -> u32 {
    u32::try_from(timestamp.saturating_sub(START_TIME) / 3600).unwrap_or(u32::MAX)
}

/// Days in seconds.
pub const fn secs(days: u16) -> u64 {
    days as u64 * 86_400
}

fn programs() -> Space {
    Space::root().sub(8)
}

/// Records by code hash; asked for by every call of a program.
static RECORDS: LazyLock<Space> = LazyLock::new(|| programs().sub(1));
/// Module hashes by code hash, likewise.
static MODULE_HASHES: LazyLock<Space> = LazyLock::new(|| programs().sub(2));

/// The module of a program, put together from its `code` and the fragments that it may list.
///
/// Nothing becomes warm. The program has been activated, so without a module the chain's state is broken.
pub fn assemble<J, E>(journal: &mut J, code: &[u8]) -> Result<Vec<u8>, E>
where
    J: JournalTr<State = EvmState>,
    E: From<HostFailure> + From<<J::Database as Database>::Error>,
{
    let failure = |error: CodeError| HostFailure(error.to_string());
    let mut stored = Stored::parse(code, Limits::ACTIVATED).map_err(failure)?;
    for fragment in stored.fragments() {
        let (_, _, code) = state::look_up(journal, fragment)?;
        stored.add_fragment(&code).map_err(failure)?;
    }
    Ok(stored.decompress().map_err(failure)?)
}

/// The record of the program with this code hash; all zero when there is none.
pub fn load<J>(journal: &mut J, codehash: B256) -> Result<Record, <J::Database as Database>::Error>
where
    J: JournalTr<State = EvmState>,
{
    let word = read(journal, ARBOS, RECORDS.slot(codehash))?;
    Ok(Record::from_word(word.into()))
}

/// Stores a record.
pub fn store<J>(journal: &mut J, codehash: B256, record: Record) -> Result<(), <J::Database as Database>::Error>
where
    J: JournalTr<State = EvmState>,
{
    write(journal, ARBOS, RECORDS.slot(codehash), record.to_word().into())
}

/// The hash of a program's compiled module; zero when there is none.
pub fn module_hash<J>(journal: &mut J, codehash: B256) -> Result<B256, <J::Database as Database>::Error>
where
    J: JournalTr<State = EvmState>,
{
    read(journal, ARBOS, MODULE_HASHES.slot(codehash)).map(B256::from)
}

/// Stores the hash of a program's compiled module.
pub fn store_module_hash<J>(journal: &mut J, codehash: B256, hash: B256) -> Result<(), <J::Database as Database>::Error>
where
    J: JournalTr<State = EvmState>,
{
    write(journal, ARBOS, MODULE_HASHES.slot(codehash), hash.into())
}

/// Slots of the data pricer.
const DEMAND: u8 = 0;
const BYTES_PER_SECOND: u8 = 1;
const LAST_UPDATE: u8 = 2;
const MIN_PRICE: u8 = 3;
const INERTIA: u8 = 4;

/// The data pricer's storage at genesis.
pub fn genesis() -> Vec<(U256, U256)> {
    let pricer = programs().sub(3);
    [
        (BYTES_PER_SECOND, 34_865),
        (LAST_UPDATE, START_TIME),
        (MIN_PRICE, 82_928_201),
        (INERTIA, 21_360_419),
    ]
    .into_iter()
    .map(|(field, value)| (pricer.at(u64::from(field)), U256::from(value)))
    .collect()
}

/// The fee in wei for storing `bytes` of native code at `timestamp`; raises demand for later ones.
pub fn charge_data<J>(journal: &mut J, bytes: u32, timestamp: u64) -> Result<U256, <J::Database as Database>::Error>
where
    J: JournalTr<State = EvmState>,
{
    let pricer = programs().sub(3);
    let slot = |field| pricer.at(u64::from(field));
    let mut get = |field| read(journal, ARBOS, slot(field)).map(|value| u64::try_from(value).unwrap_or(u64::MAX));
    let (demand, rate, last) = (get(DEMAND)?, get(BYTES_PER_SECOND)?, get(LAST_UPDATE)?);
    let (min_price, inertia) = (get(MIN_PRICE)?, get(INERTIA)?);
    let demand = data_demand(demand, rate, timestamp.saturating_sub(last), bytes);
    write(journal, ARBOS, slot(DEMAND), U256::from(demand))?;
    write(journal, ARBOS, slot(LAST_UPDATE), U256::from(timestamp))?;
    Ok(data_fee(demand, min_price, inertia, bytes))
}

/// Demand after `elapsed_secs` of relief and `bytes` more; both saturate at 32 bits.
fn data_demand(demand: u64, rate: u64, elapsed_secs: u64, bytes: u32) -> u64 {
    let max = u64::from(u32::MAX);
    let relief = rate.saturating_mul(elapsed_secs.min(max)).min(max);
    (demand.saturating_sub(relief) + u64::from(bytes)).min(max)
}

/// `minPrice · e^(demand/inertia) · bytes` in wei, the exponential by twelve Taylor terms in basis points.
fn data_fee(demand: u64, min_price: u64, inertia: u64, bytes: u32) -> U256 {
    let x = 10_000 * demand / inertia.max(1);
    let mut ratio = 10_000 + x / 12;
    for i in (1..=11).rev() {
        ratio = 10_000 + ratio.saturating_mul(x) / (i * 10_000);
    }
    U256::from(min_price.saturating_mul(ratio) / 10_000) * U256::from(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_fee_on_fresh_chain_matches_documented_example() {
        let demand = data_demand(0, 34_865, 1 << 30, 878_887);
        assert_eq!(
            data_fee(demand, 82_928_201, 21_360_419, 878_887),
            U256::from(75_938_378_541_204_u64)
        );
    }

    #[test]
    fn record_word_round_trips() {
        let record = Record {
            version: 3,
            init_cost: 6029,
            cached_cost: 2119,
            footprint: 1,
            activated_at: 0x0A_BC_DE,
            asm_kb: 858,
            cached: true,
        };
        assert_eq!(Record::from_word(record.to_word()), record);
    }

    #[test]
    fn entry_gas_of_reference_erc20_matches_measurement() {
        let params = StylusParams::default();
        let record = Record {
            init_cost: 6029,
            cached_cost: 2119,
            ..Record::default()
        };
        assert_eq!(
            (
                record.cached_gas(&params) + record.init_gas(&params),
                record.cached_gas(&params)
            ),
            (17_332, 2_471)
        );
    }

    #[test]
    fn check_reports_missing_old_and_expired_programs() {
        let params = StylusParams::default();
        let live = Record {
            version: 3,
            activated_at: 10,
            ..Record::default()
        };
        let born = START_TIME + 36_000;
        assert_eq!(Record::default().check(born, &params), Err(Unusable::NotActivated));
        assert_eq!(
            Record { version: 2, ..live }.check(born, &params),
            Err(Unusable::NeedsUpgrade(2))
        );
        assert_eq!(live.check(born + 365 * 86_400, &params), Ok(()));
        assert_eq!(
            live.check(born + 365 * 86_400 + 1, &params),
            Err(Unusable::Expired(365 * 86_400 + 1))
        );
    }
}
