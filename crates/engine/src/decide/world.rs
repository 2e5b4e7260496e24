//! Random books of any legs for the property tests, and what executing a decision does to them.

use alloc::vec;
use alloc::vec::Vec;

use fixed::{BPS, Bps, WAD, Wad};
use proptest::prelude::*;

use super::{Action, Decision, Facts, Lever, Means, Oracle, Side, decide};
use crate::leg::Rate;
use crate::testing::{any_curve_leg, any_params};
use crate::venue::Quote;
use crate::{Assessment, Leg, Params, Price, Rejection, accept, assess};

/// A book with everything that a decision depends on.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// Cash is leg 0, spot of underlying u is leg u.
    pub(crate) legs: Vec<Leg>,
    pub(crate) prices: Vec<Price>,
    pub(crate) params: Params,
    pub(crate) facts: Facts<'static>,
    pub(crate) quotes: Vec<Quote>,
}

impl World {
    /// Cash, and spot in tokens of each underlying at its price.
    pub(crate) fn new(cash: i128, spot: &[(i128, i128)]) -> Self {
        let mut world = Self {
            legs: vec![Leg::Cash {
                amount: Wad(cash * WAD),
            }],
            prices: vec![Price::ASSET],
            params: Params {
                exit_cost: Bps(0),
                max_net_leverage: Wad(3 * WAD),
                band_kind: crate::BandKind::Fixed,
                band_cap: Bps(2_500),
                ..Params::default()
            },
            facts: Facts {
                means: Means::ALL,
                ..Facts::default()
            },
            quotes: Vec::new(),
        };
        for ((tokens, price), underlying) in spot.iter().zip(1_u8..) {
            world.legs.push(Leg::Spot {
                underlying,
                quantity: Wad(tokens * WAD),
            });
            world.prices.push(Price {
                mid: Wad(price * WAD),
                confidence: Bps(0),
            });
        }
        world
    }

    pub(crate) fn with(mut self, leg: Leg) -> Self {
        self.legs.push(leg);
        self
    }

    /// A perp of underlying 1 without profit so far.
    pub(crate) fn with_perp(self, tokens: i128, collateral: i128) -> Self {
        let price = self.prices[1].mid.0;
        self.with(Leg::Perp {
            underlying: 1,
            size: Wad(tokens * WAD),
            cost_basis: Wad(tokens * price),
            collateral: Wad(collateral * WAD),
            collateral_in_underlying: false,
            accrued: Wad::ZERO,
            maintenance: Bps(100),
            rate: Rate(0),
        })
    }

    pub(crate) fn assess(&self) -> Assessment {
        let mut words = Vec::new();
        for leg in &self.legs {
            leg.pack(&mut words).unwrap();
        }
        assess(&words, &self.prices, &self.params, 0).unwrap_or_else(|error| panic!("{error:?} of {self:?}"))
    }

    pub(crate) fn facts(&self) -> Facts<'_> {
        Facts {
            quotes: &self.quotes,
            ..self.facts
        }
    }

    pub(crate) fn decide(&self) -> Decision {
        decide(&self.assess(), &self.prices, &self.params, &self.facts())
            .unwrap_or_else(|error| panic!("{error:?} of {self:?}"))
    }

    pub(crate) fn accept(&self, after: &Self, decision: &Decision) -> Result<(), Rejection> {
        let (before, after) = (self.assess().report, after.assess().report);
        accept(&before, &after, decision, &self.prices, &self.params, &self.facts())
    }

    pub(crate) fn cash(&self) -> Wad {
        match self.legs[0] {
            Leg::Cash { amount } => amount,
            _ => unreachable!(),
        }
    }

    /// Changes the book by something that no decision asked for.
    pub(crate) fn disturb(&mut self, cash: i128, spot: i128, dropped: usize) {
        self.add_cash(cash.max(-self.cash().0));
        if let Leg::Spot { quantity, .. } = &mut self.legs[1] {
            quantity.0 = (quantity.0 + spot).max(0);
        }
        if dropped > 2 && dropped < self.legs.len() {
            self.legs.remove(dropped);
        }
    }

    fn add_cash(&mut self, change: i128) {
        let amount = Wad(self.cash().0 + change);
        assert!(
            amount >= Wad::ZERO,
            "DEC-4: {change} of more cash than {:?}",
            self.cash()
        );
        self.legs[0] = Leg::Cash { amount };
    }

    fn add_spot(&mut self, underlying: u8, change: i128) {
        if let Leg::Spot { quantity, .. } = &mut self.legs[usize::from(underlying)] {
            quantity.0 += change;
            assert!(*quantity >= Wad::ZERO, "DEC-4: more spot than is held");
        }
    }

    /// The book after the decision was carried out, losing `slippage_ppm` of the cost that it may have.
    pub(crate) fn after(&self, decision: &Decision, slippage_ppm: i128) -> Self {
        let mut after = self.clone();
        let Decision {
            action,
            side,
            leg,
            underlying,
            amount_in,
            ..
        } = *decision;
        let lost = |value: Wad| {
            let rate = if decision.value == Wad::ZERO {
                0
            } else {
                decision.cost_bound.0
            };
            // The bound's share of this part of the value, rounded down.
            let bound = Wad(rate)
                .mul_down(value)
                .unwrap()
                .div_down(decision.value.max(Wad(1)))
                .unwrap();
            bound.0.saturating_sub(2).max(0) / 1_000_000 * slippage_ppm
        };
        // A purchase is decided in asset units.
        let price = self.prices[usize::from(underlying)].mid;
        let amount = if (action, side) == (Action::Trade, Side::Buy) {
            amount_in.div_down(price).unwrap()
        } else {
            amount_in
        };
        let paid = ((action, side) == (Action::Trade, Side::Buy)).then_some((amount_in, decision.min_out));
        after.act(self, action, side, leg, underlying, amount, paid, &lost);
        if decision.partner != Action::None {
            let other = if side == Side::Buy { Side::Sell } else { Side::Buy };
            after.act(
                self,
                decision.partner,
                other,
                decision.partner_leg,
                underlying,
                decision.partner_amount,
                None,
                &lost,
            );
        }
        after
    }

    #[expect(clippy::too_many_arguments, clippy::too_many_lines, reason = "one arm per action")]
    fn act(
        &mut self,
        before: &Self,
        action: Action,
        side: Side,
        leg: u8,
        underlying: u8,
        amount: Wad,
        paid: Option<(Wad, Wad)>,
        lost: &dyn Fn(Wad) -> i128,
    ) {
        let index = usize::from(leg);
        let price = self.prices[usize::from(underlying)].mid;
        let value = amount.mul_down(price).unwrap();
        let mark = (leg != Lever::NO_LEG).then(|| before.assess().legs[index].mark);
        match action {
            Action::Trade if side == Side::Buy => {
                let (paid, least) = paid.unwrap_or((value, Wad::ZERO));
                let received = amount.0 - Wad(lost(paid)).div_down(price).unwrap().0;
                self.add_cash(-paid.0);
                self.add_spot(underlying, received.max(least.0));
            }
            Action::Trade => {
                self.add_spot(underlying, -amount.0);
                self.add_cash(value.0 - lost(value));
            }
            Action::AddMargin => {
                self.add_cash(-amount.0);
                match &mut self.legs[index] {
                    Leg::Perp {
                        collateral,
                        collateral_in_underlying: false,
                        ..
                    } => collateral.0 += amount.0,
                    // What cannot take the asset pays off what the position owes.
                    Leg::Perp { accrued, .. } => accrued.0 -= amount.0,
                    other => panic!("no margin in {other:?}"),
                }
            }
            Action::ReducePerp | Action::IncreasePerp => {
                let cost = lost(value);
                let Leg::Perp {
                    size,
                    cost_basis,
                    accrued,
                    ..
                } = &mut self.legs[index]
                else {
                    unreachable!()
                };
                let signed = if side == Side::Buy { amount.0 } else { -amount.0 };
                let notional = amount.mul_up(price).unwrap().0;
                assert!(
                    action == Action::IncreasePerp || (size.0 ^ signed) < 0 && size.0.abs() >= amount.0,
                    "DEC-4: more than the perp"
                );
                size.0 += signed;
                cost_basis.0 += if side == Side::Buy { notional } else { -value.0 };
                accrued.0 += cost;
            }
            Action::Repay => match &mut self.legs[index] {
                Leg::Debt { amount: owed, .. } => {
                    owed.0 -= amount.0;
                    assert!(*owed >= Wad::ZERO, "DEC-4: more than is owed");
                    self.add_cash(-amount.0);
                }
                Leg::BorrowedSpot {
                    quantity, underlying, ..
                } => {
                    quantity.0 -= amount.0;
                    assert!(*quantity >= Wad::ZERO, "DEC-4: more than is owed");
                    let underlying = *underlying;
                    self.add_spot(underlying, -amount.0);
                }
                other => panic!("no loan in {other:?}"),
            },
            Action::ShrinkRange | Action::UnwindRange => {
                let mark = mark.unwrap();
                let Leg::Liquidity {
                    liquidity,
                    fees_asset,
                    fees_underlying,
                    ..
                } = &mut self.legs[index]
                else {
                    unreachable!()
                };
                let whole = *liquidity;
                let part = |x: Wad| x.mul_down(amount).unwrap().div_down(whole).unwrap();
                assert!(amount <= whole, "DEC-4: more than the range");
                liquidity.0 -= amount.0;
                fees_asset.0 -= part(*fees_asset).0;
                fees_underlying.0 -= part(*fees_underlying).0;
                let (value, tokens) = (part(mark.value), part(mark.delta));
                if action == Action::UnwindRange {
                    self.add_cash(value.0 - lost(value));
                } else {
                    self.add_spot(underlying, tokens.0);
                    let asset = value.0 - tokens.mul_up(price).unwrap().0;
                    self.add_cash((asset - lost(value)).max(-self.cash().0));
                }
            }
            Action::ReduceOption => {
                let mark = mark.unwrap();
                let Leg::Option { quantity, .. } = &mut self.legs[index] else {
                    unreachable!()
                };
                let whole = quantity.abs().unwrap();
                assert!(amount <= whole, "DEC-4: more than the option");
                quantity.0 -= if quantity.0 > 0 { amount.0 } else { -amount.0 };
                let part = |x: Wad| x.mul_down(amount).unwrap().div_down(whole).unwrap();
                let base = part(mark.value)
                    .abs()
                    .unwrap()
                    .max(part(mark.delta).abs().unwrap().mul_up(price).unwrap());
                self.add_cash(part(mark.value).0 - lost(base));
            }
            Action::CancelOrder => {
                let Leg::Order { collateral, .. } = self.legs[index] else {
                    unreachable!()
                };
                self.legs.remove(index);
                self.add_cash(collateral.0);
            }
            Action::MoveHedge | Action::Allocate | Action::None => panic!("{action:?} is not simulated"),
        }
    }
}

/// As [`any_world`], with options and ranges of underlying 1 as well.
pub(crate) fn any_curved_world() -> impl Strategy<Value = World> {
    any_world().prop_flat_map(|world| {
        let curves = prop::collection::vec(any_curve_leg(world.prices[1].mid), 1..4);
        curves.prop_map(move |curves| curves.into_iter().fold(world.clone(), World::with))
    })
}

/// Books with cash, spot of two underlyings, loans, perps and orders, some of them in trouble; with any means, capacity
/// and budget.
#[expect(clippy::too_many_lines, reason = "one strategy per part of a book")]
pub(crate) fn any_world() -> impl Strategy<Value = World> {
    let value = || prop_oneof![1 => Just(0), 4 => 0..1_000_000 * WAD];
    let signed = || prop_oneof![1 => Just(0), 4 => -1_000_000 * WAD..1_000_000 * WAD];
    let holdings = (value(), value(), value());
    let owed = (value(), value(), any::<u8>());
    let perps = prop::collection::vec((signed(), 1..200_u32, -100..200_i128, 1_u8..=2, any::<bool>()), 0..3);
    let prices = (WAD / 100..WAD * 10_000, WAD / 100..WAD * 10_000, 0_u32..300);
    let facts = (
        0_u16..=0xfff,
        prop_oneof![3 => Just(WAD), 1 => Just(0), 1 => 0..WAD],
        prop_oneof![3 => Just(i128::MAX), 1 => 0..200_000 * WAD],
        prop_oneof![2 => Just(0), 1 => 0..1_500_000 * WAD],
        0_u32..7_200,
        prop_oneof![4 => Just(Oracle::Fresh), 1 => Just(Oracle::Doubtful), 1 => Just(Oracle::Stale)],
        prop_oneof![2 => Just(0), 1 => 0..100 * WAD],
    );
    (holdings, owed, perps, prices, any_params(), facts).prop_map(
        |(holdings, owed, perps, prices, mut params, facts)| {
            let (cash, first, second) = holdings;
            let (mid1, mid2, confidence) = prices;
            let mut world = World::new(0, &[(0, 1), (0, 1)]);
            let tokens = |value: i128, mid: i128| Wad(value).div_down(Wad(mid)).unwrap();
            world.prices[1] = Price {
                mid: Wad(mid1),
                confidence: Bps(confidence),
            };
            world.prices[2] = Price {
                mid: Wad(mid2),
                confidence: Bps(confidence),
            };
            let mut total = cash + first + second;
            world.add_cash(cash);
            world.add_spot(1, tokens(first, mid1).0);
            world.add_spot(2, tokens(second, mid2).0);
            let (debt, borrowed, which) = owed;
            if which & 1 == 0 && debt > 0 {
                total += debt;
                world.legs.push(Leg::Debt {
                    amount: Wad(debt / 2),
                    rate: Rate(0),
                });
            }
            if which & 2 == 0 && borrowed > 0 {
                total += borrowed;
                world.legs.push(Leg::BorrowedSpot {
                    underlying: 1,
                    quantity: tokens(borrowed / 2, mid1),
                    rate: Rate(0),
                });
            }
            for (notional, margin_bps, profit_bps, underlying, in_underlying) in perps {
                total += notional.abs();
                let mid = if underlying == 1 { mid1 } else { mid2 };
                let collateral = notional.abs() / 100 * i128::from(margin_bps);
                world.legs.push(Leg::Perp {
                    underlying,
                    size: tokens(notional, mid),
                    cost_basis: Wad(notional + notional.abs() / i128::from(BPS) * profit_bps),
                    collateral: if in_underlying {
                        tokens(collateral, mid)
                    } else {
                        Wad(collateral)
                    },
                    collateral_in_underlying: in_underlying,
                    accrued: Wad(notional / 1_000),
                    maintenance: Bps(100),
                    rate: Rate(0),
                });
            }
            if which & 8 == 0 && first > 0 {
                // Hedges the spot.
                world.legs.push(Leg::Perp {
                    underlying: 1,
                    size: Wad(-tokens(first, mid1).0),
                    cost_basis: Wad(-first),
                    collateral: Wad(first / 3),
                    collateral_in_underlying: false,
                    accrued: Wad::ZERO,
                    maintenance: Bps(100),
                    rate: Rate(0),
                });
            }
            if which & 4 == 0 {
                world.legs.push(Leg::Order {
                    underlying: 1,
                    expected_delta: tokens(cash / 10, mid1),
                    collateral: Wad(cash / 20),
                });
            }
            params.min_trade.0 += total / 10_000;
            world.params = params;
            let (means, capacity, budget_left, needed, violated_secs, oracle, execution_fee) = facts;
            world.facts = Facts {
                liquidity_needed: Wad(needed),
                oracle,
                capacity: Wad(capacity),
                budget_left: Wad(budget_left),
                means: Means(means),
                violated_secs,
                execution_fee: Wad(execution_fee),
                ..Facts::default()
            };
            world
        },
    )
}
