//! Random books for the property tests, and what a trade does to them.

use alloc::vec::Vec;

use fixed::{BPS, Bps, WAD, Wad};
use proptest::prelude::*;

use crate::leg::{Rate, Right};
use crate::{
    Action, Assessment, BandKind, Decision, Facts, Leg, Params, Price, Rejection, Report, Side, accept, assess,
};

/// A signed 96-bit number, of every length.
fn narrow() -> impl Strategy<Value = i128> {
    (-(1_i128 << 95)..1 << 95, 0_u32..95).prop_map(|(x, shift)| x >> shift)
}

fn positive() -> impl Strategy<Value = Wad> {
    (1_i128..1 << 95, 0_u32..95).prop_map(|(x, shift)| Wad((x >> shift).max(1)))
}

/// Any leg that can be packed.
pub(crate) fn any_leg() -> impl Strategy<Value = Leg> {
    let underlying = 1_u8..;
    let amount = || (0_i128..).prop_map(Wad);
    let rate = || any::<i32>().prop_map(Rate);
    let perp = (
        underlying.clone(),
        any::<i128>(),
        narrow(),
        positive(),
        any::<bool>(),
        narrow(),
        0..=BPS,
        rate(),
    );
    let liquidity = (
        underlying.clone(),
        amount(),
        1_i128..1 << 70,
        1_i128..1 << 70,
        positive(),
        positive(),
    );
    let option = (
        underlying.clone(),
        any::<bool>(),
        any::<i128>(),
        positive(),
        positive(),
        (0..=i32::MAX).prop_map(Rate),
        rate(),
        0..=i64::MAX.unsigned_abs(),
    );
    prop_oneof![
        amount().prop_map(|amount| Leg::Cash { amount }),
        (amount(), rate()).prop_map(|(amount, rate)| Leg::Debt { amount, rate }),
        (underlying.clone(), amount()).prop_map(|(underlying, quantity)| Leg::Spot { underlying, quantity }),
        (underlying.clone(), amount(), rate()).prop_map(|(underlying, quantity, rate)| Leg::BorrowedSpot {
            underlying,
            quantity,
            rate
        }),
        perp.prop_map(
            |(underlying, size, basis, collateral, in_underlying, accrued, maintenance, rate)| Leg::Perp {
                underlying,
                size: Wad(size),
                cost_basis: Wad(basis),
                collateral,
                collateral_in_underlying: in_underlying,
                accrued: Wad(accrued),
                maintenance: Bps(maintenance),
                rate,
            }
        ),
        liquidity.prop_map(
            |(underlying, liquidity, lower, width, fees_asset, fees_underlying)| Leg::Liquidity {
                underlying,
                liquidity,
                sqrt_lower: Wad(lower),
                sqrt_upper: Wad(lower + width),
                fees_asset,
                fees_underlying,
            }
        ),
        option.prop_map(
            |(underlying, put, quantity, strike, forward, volatility, rate, expiry)| Leg::Option {
                underlying,
                right: if put { Right::Put } else { Right::Call },
                quantity: Wad(quantity),
                strike,
                forward,
                volatility,
                rate,
                expiry,
            }
        ),
        (underlying, any::<i128>(), positive()).prop_map(|(underlying, delta, collateral)| Leg::Order {
            underlying,
            expected_delta: Wad(delta),
            collateral,
        }),
    ]
}

/// A book that holds cash and spot and may owe cash, owe spot and hold a perp.
#[derive(Clone, Debug)]
pub(crate) struct Book {
    pub(crate) cash: i128,
    pub(crate) spot: i128,
    pub(crate) others: Vec<Leg>,
    pub(crate) price: Price,
    pub(crate) params: Params,
    pub(crate) needed: Wad,
}

impl Book {
    pub(crate) fn new(cash: i128, spot: i128, price: i128) -> Self {
        Self {
            cash: cash * WAD,
            spot: spot * WAD,
            others: Vec::new(),
            price: Price {
                mid: Wad(price * WAD),
                confidence: Bps(0),
            },
            params: Params {
                exit_cost: Bps(0),
                max_net_leverage: Wad(3 * WAD),
                band_kind: BandKind::Fixed,
                band_cap: Bps(2_500),
                ..Params::default()
            },
            needed: Wad::ZERO,
        }
    }

    pub(crate) fn with(mut self, leg: Leg) -> Self {
        self.others.push(leg);
        self
    }

    pub(crate) fn report(&self) -> Report {
        self.assess().report
    }

    pub(crate) fn assess(&self) -> Assessment {
        let mut words = Vec::new();
        let own = [
            Leg::Cash { amount: Wad(self.cash) },
            Leg::Spot {
                underlying: 1,
                quantity: Wad(self.spot),
            },
        ];
        for leg in own.iter().chain(&self.others) {
            leg.pack(&mut words).unwrap();
        }
        assess(&words, &[Price::ASSET, self.price], &self.params, 0).unwrap()
    }

    pub(crate) fn decide(&self) -> Decision {
        self.decide_with(&self.facts())
    }

    pub(crate) fn decide_with(&self, facts: &Facts<'_>) -> Decision {
        crate::decide(&self.assess(), &[Price::ASSET, self.price], &self.params, facts).unwrap()
    }

    pub(crate) fn facts(&self) -> Facts<'static> {
        Facts {
            liquidity_needed: self.needed,
            ..Facts::default()
        }
    }

    pub(crate) fn accept(&self, after: &Self, decision: &Decision) -> Result<(), Rejection> {
        self.accept_with(after, decision, &self.facts())
    }

    pub(crate) fn accept_with(&self, after: &Self, decision: &Decision, facts: &Facts<'_>) -> Result<(), Rejection> {
        let prices = [Price::ASSET, self.price];
        accept(&self.report(), &after.report(), decision, &prices, &self.params, facts)
    }

    /// The book after an exchange in which `slippage_ppm` of the accepted slippage is lost.
    pub(crate) fn after(&self, decision: &Decision, slippage_ppm: u32) -> Self {
        let Decision {
            side,
            amount_in,
            value,
            min_out,
            ..
        } = *decision;
        let best = match side {
            Side::Buy => amount_in.div_down(self.price.mid).unwrap(),
            Side::Sell => amount_in.mul_down(self.price.mid).unwrap(),
        };
        assert_eq!(decision.action, Action::Trade);
        assert!(value >= Wad::ZERO);
        let lost = best.0.saturating_sub(min_out.0).max(0) / 1_000_000 * i128::from(slippage_ppm);
        self.exchange(side, amount_in.0, best.0 - lost)
    }

    pub(crate) fn exchange(&self, side: Side, paid: i128, received: i128) -> Self {
        let mut book = self.clone();
        match side {
            Side::Buy => {
                book.cash -= paid;
                book.spot += received;
            }
            Side::Sell => {
                book.spot -= paid;
                book.cash += received;
            }
        }
        book
    }
}

/// Books of up to 100 million units with every mix of exposures, solvent or not.
pub(crate) fn any_book() -> impl Strategy<Value = Book> {
    let amount = || prop_oneof![1 => Just(0), 4 => 0..100_000_000 * WAD];
    let exposures = (
        amount(),
        amount(),
        amount(),
        amount(),
        -100_000_000 * WAD..100_000_000 * WAD,
    );
    let price = (WAD / 1_000..WAD * 100_000, 0_u32..300);
    (
        exposures,
        price,
        any_params(),
        prop_oneof![Just(0), 0..150_000_000 * WAD],
    )
        .prop_map(
            |((cash, spot, debt, borrowed, perp), (mid, confidence), mut params, needed)| {
                // At least a basis point of the book: slippage moves the band by a share of the trade, so smaller trades
                // would follow.
                params.min_trade.0 += (cash + spot + debt + borrowed + perp.abs()) / 10_000;
                let price = Price {
                    mid: Wad(mid),
                    confidence: Bps(confidence),
                };
                let tokens = |value: i128| Wad(value).div_down(price.mid).unwrap();
                let mut others = Vec::new();
                if debt % 3 == 0 {
                    others.push(Leg::Debt {
                        amount: Wad(debt / 2),
                        rate: Rate(0),
                    });
                }
                if borrowed % 3 == 0 {
                    others.push(Leg::BorrowedSpot {
                        underlying: 1,
                        quantity: tokens(borrowed / 2),
                        rate: Rate(0),
                    });
                }
                if perp % 3 == 0 {
                    others.push(Leg::Perp {
                        underlying: 1,
                        size: tokens(perp),
                        cost_basis: Wad(perp),
                        collateral: Wad(perp.abs() / 5),
                        collateral_in_underlying: false,
                        accrued: Wad(perp / 1_000),
                        maintenance: Bps(100),
                        rate: Rate(0),
                    });
                }
                Book {
                    cash,
                    spot: tokens(spot).0,
                    others,
                    price,
                    params,
                    needed: Wad(needed),
                }
            },
        )
}

/// Parameters over their whole hard range, except that the smallest trade is small.
pub(crate) fn any_params() -> impl Strategy<Value = Params> {
    (
        0_u32..=10_000,
        10_u32..=2_500,
        0..=10 * WAD,
        0..=5 * WAD,
        0_u32..=500,
        1_u32..=300,
        WAD..=1_000 * WAD,
        any_margin_params(),
    )
        .prop_map(
            |(target_weight, band, gross, net, exit_cost, max_slippage, min_trade, margin)| Params {
                target_weight: Bps(target_weight),
                band: Bps(band),
                max_gross_leverage: Wad(gross),
                max_net_leverage: Wad(net),
                exit_cost: Bps(exit_cost),
                max_slippage: Bps(max_slippage),
                min_trade: Wad(min_trade),
                band_kind: BandKind::Fixed,
                band_cap: Bps(2_500),
                ..margin
            },
        )
}

/// The parameters of margin at their defaults, or anywhere in their hard range; others at their defaults.
fn any_margin_params() -> impl Strategy<Value = Params> {
    let anywhere = (
        0_u32..=2_000,
        prop_oneof![Just(0), 0..1_000_000 * WAD],
        0_u32..=5_000,
        10_000_u32..=50_000,
        1_000_u32..=10_000,
    )
        .prop_map(|(basis, limit, concentration, initial, maintenance)| Params {
            basis_contingency: Bps(basis),
            concentration_limit: Wad(limit),
            concentration_contingency: Bps(concentration),
            initial_margin: Bps(initial),
            maintenance_margin: Bps(maintenance),
            ..Params::default()
        });
    prop_oneof![Just(Params::default()), anywhere]
}

/// A liquidity range or an option, bought or sold, around the price `mid`.
pub(crate) fn any_curve_leg(mid: Wad) -> impl Strategy<Value = Leg> {
    let root = fixed::sqrt_down(mid).unwrap().0;
    let range = (0..1_000_000 * WAD, 5_000_i128..20_000, 10_001_i128..20_000, 0..WAD).prop_map(
        move |(liquidity, lower, width, fees)| {
            let sqrt_lower = Wad(root / 10_000 * lower);
            Leg::Liquidity {
                underlying: 1,
                liquidity: Wad(liquidity),
                sqrt_lower,
                sqrt_upper: Wad(sqrt_lower.0 / 10_000 * width),
                fees_asset: Wad(fees),
                fees_underlying: Wad(fees / 7),
            }
        },
    );
    let option = (
        any::<bool>(),
        -1_000 * WAD..1_000 * WAD,
        5_000_i128..20_000,
        9_000_i128..11_000,
        50_000..5_000_000,
        0_u64..31_536_000,
    )
        .prop_map(
            move |(put, quantity, strike, forward, volatility, expiry)| Leg::Option {
                underlying: 1,
                right: if put { Right::Put } else { Right::Call },
                quantity: Wad(quantity),
                strike: Wad(mid.0 / 10_000 * strike),
                forward: Wad(mid.0 / 10_000 * forward),
                volatility: Rate(volatility),
                rate: Rate(0),
                expiry,
            },
        );
    prop_oneof![range, option]
}
