//! Events as words: the topics, then the data. One encoder for all, instead of one per event.

use super::field::Field;
use alloc::vec::Vec;
use alloy_primitives::U256;
use alloy_sol_types::SolEvent;
use stylus_sdk::{host::VM, prelude::RawLogAccess};

/// An event whose fields are single words.
pub trait WordEvent: SolEvent {
    /// Signature and indexed fields, then the other fields.
    fn encode(&self) -> Vec<u8>;
}

/// Emits `event`.
#[inline]
pub fn emit<E: WordEvent>(vm: &VM, event: &E) {
    vm.emit_log(&event.encode(), <E::TopicList as alloy_sol_types::TopicList>::COUNT);
}

/// `Interface::Event { indexed; not indexed }`, in the order of the declaration.
macro_rules! word_events {
    ($($interface:ident::$event:ident { $($topic:ident),*; $($data:ident),* })*) => {$(
        impl WordEvent for crate::$interface::$event {
            #[inline(never)]
            fn encode(&self) -> Vec<u8> {
                let mut out = Vec::with_capacity(256);
                Self::SIGNATURE_HASH.append(&mut out);
                $(self.$topic.append(&mut out);)*
                $(self.$data.append(&mut out);)*
                out
            }
        }
    )*};
}

word_events! {
    IGovernor::OwnershipTransferStarted { previousOwner, newOwner; }
    IGovernor::OwnershipTransferred { previousOwner, newOwner; }
    IGovernor::GuardianChanged { guardian; }
    IGovernor::AllocatorChanged { allocator; }
    IGovernor::Executed { target, selector; }
    IOracle::FeedSet { asset, aggregator; heartbeatSecs, confidenceBps, minAnswer, maxAnswer }
    IRisk::ParameterSet { book, id; value }
    IBook::Initialized { governor, vault; }
    IBook::ModulesSet { rebalancer, risk, oracle; }
    IBook::TokenRegistered { index, token; decimals }
    IBook::AdapterRegistered { adapter; }
    IBook::AdapterReplaced { adapter, replacement; }
    IBook::CallDisallowed { adapter, target, selector; }
    IBook::PlanExecuted { adapter, tokenIn, tokenOut; spent, received }
    IBook::AssetsRecalled { ; assets }
    IRebalancer::Initialized { governor, vault; }
    IRebalancer::AdapterSet { book, adapter; }
    IRebalancer::Rebalanced { book, keeper; rule, deltaBefore, deltaAfter, amountIn, amountOut, costWad }
    IVault::Transfer { from, to; value }
    IVault::Approval { owner, spender; value }
    IVault::Deposit { sender, owner; assets, shares }
    IVault::Withdraw { sender, receiver, owner; assets, shares }
    IVault::RedeemRequest { controller, owner, requestId; sender, shares }
    IVault::OperatorSet { controller, operator; approved }
    IVault::Initialized { governor, asset; name, symbol, shareDecimals }
    IVault::RequestWithdrawn { controller, receiver, requestId; sender, shares }
    IVault::BatchOpened { batchId; cutOff }
    IVault::BatchSettled { batchId; shares, assets, sharesLeft, unfilledRay }
    IVault::WindDownSet { ; windingDown }
    IVault::FeesAccrued { ; managementShares, performanceShares, highWaterMark }
    IVault::PocketOpened { pocket, book; }
    IVault::PocketJoined { pocket, batchId; units, fractionRay }
    IVault::PocketPaid { pocket; assets, fractionRay }
    IVault::RestClaimed { pocket, requestId, controller; receiver, assets }
    IVault::BookAdded { book; isolated }
    IVault::BookRemoved { book; }
    IVault::BookCapSet { book; cap }
    IVault::Allocated { book; assets }
    IVault::Recalled { book; assets }
    IVault::LossRealized { book; loss }
    IVault::SurplusNoted { ; assets, bookableAt }
    IVault::SurplusBooked { ; assets }
    IVault::ParameterSet { id; value }
    IVault::FeeRecipientSet { feeRecipient; }
    IVault::RebalancerSet { rebalancer; }
}

/// One array behind the indexed fields.
impl WordEvent for crate::IBook::CallAllowed {
    fn encode(&self) -> Vec<u8> {
        let mut out = Self::SIGNATURE_HASH.to_vec();
        self.adapter.append(&mut out);
        self.target.append(&mut out);
        self.selector.append(&mut out);
        U256::from(32).append(&mut out); // where the array starts
        U256::from(self.template.len()).append(&mut out);
        for word in &self.template {
            word.append(&mut out);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IBook, IGovernor, IOracle, IRebalancer, IVault};
    use alloy_primitives::{Address, B256, FixedBytes, I256};

    /// What the SDK's own logging would emit.
    fn reference<E: SolEvent>(event: &E) -> Vec<u8> {
        let mut bytes: Vec<u8> = event.encode_topics().into_iter().flat_map(|topic| topic.0.0).collect();
        bytes.extend(event.encode_data());
        bytes
    }

    fn address(byte: u8) -> Address {
        Address::repeat_byte(byte)
    }

    #[test]
    fn encode_every_field_type_matches_alloy() {
        macro_rules! same {
            ($event:expr) => {{
                let event = $event;
                assert_eq!(event.encode(), reference(&event));
            }};
        }
        same!(IGovernor::Executed {
            target: address(1),
            selector: FixedBytes([1, 2, 3, 4])
        });
        for length in 0..3 {
            same!(IBook::CallAllowed {
                adapter: address(1),
                target: address(2),
                selector: FixedBytes([1, 2, 3, 4]),
                template: (0..length).map(B256::with_last_byte).collect(),
            });
        }
        same!(IOracle::FeedSet {
            asset: address(1),
            aggregator: address(2),
            heartbeatSecs: U256::from(3),
            confidenceBps: U256::from(4),
            minAnswer: I256::MINUS_ONE,
            maxAnswer: I256::MAX,
        });
        same!(IRebalancer::Rebalanced {
            book: address(1),
            keeper: address(2),
            rule: 6,
            deltaBefore: I256::MINUS_ONE,
            deltaAfter: I256::ONE,
            amountIn: U256::from(3),
            amountOut: U256::from(4),
            costWad: I256::MIN,
        });
        same!(IVault::OperatorSet {
            controller: address(1),
            operator: address(2),
            approved: true
        });
        same!(IVault::RedeemRequest {
            controller: address(1),
            owner: address(2),
            requestId: U256::from(3),
            sender: address(4),
            shares: U256::MAX,
        });
        same!(IVault::Withdraw {
            sender: address(1),
            receiver: address(2),
            owner: address(3),
            assets: U256::from(4),
            shares: U256::from(5),
        });
        same!(IVault::BatchSettled {
            batchId: U256::from(1),
            shares: U256::from(2),
            assets: U256::from(3),
            sharesLeft: U256::from(4),
            unfilledRay: U256::from(9),
        });
    }
}
