//! Storage of the risk contract. Append only.

use alloc::{vec, vec::Vec};
use alloy_primitives::{Address, U32, U128};
use engine::{ParamId, Params, params};
use fixed::{Bps, Wad};
use stylus_sdk::{
    prelude::*,
    storage::{StorageAddress, StorageMap, StorageU32, StorageU128},
};

interfaces::layout! {
    /// Parameters of all books.
    pub struct Risk {
        /// The address that all setters trust; zero until initialised.
        0, 12: governor: StorageAddress,
        /// Parameters of each book.
        1, 0: books: StorageMap<Address, StoredParams>,
    }
}

/// The parameters of one book, in two slots. A band of 0 is outside its hard range and means: never set, so all
/// parameters have their defaults.
#[storage]
pub struct StoredParams {
    /// Basis points of equity.
    pub(crate) target_weight: StorageU32,
    /// Basis points of equity; 0 if nothing was set.
    pub(crate) band: StorageU32,
    /// Basis points.
    pub(crate) exit_cost: StorageU32,
    /// Basis points.
    pub(crate) max_slippage: StorageU32,
    /// Asset units, 18 decimals.
    pub(crate) min_trade: StorageU128,
    /// Ratio, 18 decimals.
    pub(crate) max_gross_leverage: StorageU128,
    /// Ratio, 18 decimals.
    pub(crate) max_net_leverage: StorageU128,
}

const _: () = assert!(
    params::spec(ParamId::Band).min > 0,
    "a band of 0 marks a book without settings"
);

impl StoredParams {
    /// What was set, or the defaults.
    pub(crate) fn load_params(&self) -> Params {
        let band = bps(self.band.get());
        if band.0 == 0 {
            return defaults();
        }
        Params {
            target_weight: bps(self.target_weight.get()),
            band,
            max_gross_leverage: wad(self.max_gross_leverage.get()),
            max_net_leverage: wad(self.max_net_leverage.get()),
            exit_cost: bps(self.exit_cost.get()),
            max_slippage: bps(self.max_slippage.get()),
            min_trade: wad(self.min_trade.get()),
        }
    }

    /// Stores parameters that passed their ranges: none is negative.
    pub(crate) fn store_params(&mut self, set: &Params) {
        self.target_weight.set(U32::from(set.target_weight.0));
        self.band.set(U32::from(set.band.0));
        self.exit_cost.set(U32::from(set.exit_cost.0));
        self.max_slippage.set(U32::from(set.max_slippage.0));
        self.min_trade.set(U128::from(set.min_trade.0.unsigned_abs()));
        self.max_gross_leverage
            .set(U128::from(set.max_gross_leverage.0.unsigned_abs()));
        self.max_net_leverage
            .set(U128::from(set.max_net_leverage.0.unsigned_abs()));
    }
}

fn defaults() -> Params {
    let wad = |id| Wad(params::spec(id).default);
    let bps = |id| Bps(u32::try_from(params::spec(id).default).unwrap_or_default());
    Params {
        target_weight: bps(ParamId::TargetWeight),
        band: bps(ParamId::Band),
        max_gross_leverage: wad(ParamId::MaxGrossLeverage),
        max_net_leverage: wad(ParamId::MaxNetLeverage),
        exit_cost: bps(ParamId::ExitCost),
        max_slippage: bps(ParamId::MaxSlippage),
        min_trade: wad(ParamId::MinTrade),
    }
}

fn bps(stored: U32) -> Bps {
    Bps(u32::try_from(stored).unwrap_or_default())
}

fn wad(stored: U128) -> Wad {
    Wad(i128::try_from(stored).unwrap_or(i128::MAX))
}
