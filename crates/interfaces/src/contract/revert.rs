//! Revert data: encoded where an error is raised, passed on unchanged when another contract raised it.

use super::field::Field;
use alloc::vec::Vec;
use alloy_sol_types::SolError;
use core::marker::PhantomData;

/// An error whose fields are all single words.
pub trait WordError: SolError {
    /// Selector and fields.
    fn encode(&self) -> Vec<u8>;
}

/// Encoded revert data of no particular interface: what a shared helper raised, or what a called
/// contract answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Bubble(pub Vec<u8>);

impl<E: WordError> From<E> for Bubble {
    #[inline]
    fn from(error: E) -> Self {
        Self(error.encode())
    }
}

/// Encoded revert data of a contract whose errors are the enum `I` (`IVault::IVaultErrors` and so on).
///
/// Only errors that the interface declares convert into it, so that the published list stays complete;
/// data of called contracts passes through as [`Bubble`].
#[derive(Debug, PartialEq, Eq)]
pub struct Revert<I> {
    data: Vec<u8>,
    interface: PhantomData<I>,
}

impl<I: From<E>, E: WordError> From<E> for Revert<I> {
    #[inline]
    fn from(error: E) -> Self {
        Self {
            data: error.encode(),
            interface: PhantomData,
        }
    }
}

impl<I> From<Bubble> for Revert<I> {
    #[inline]
    fn from(bubble: Bubble) -> Self {
        Self {
            data: bubble.0,
            interface: PhantomData,
        }
    }
}

impl<I> From<Revert<I>> for Vec<u8> {
    #[inline]
    fn from(revert: Revert<I>) -> Self {
        revert.data
    }
}

/// The signatures of an interface's errors, for printing.
#[cfg(feature = "export-abi")]
pub trait ErrorList: 'static {
    /// Signatures such as `Unauthorized(address)`.
    const SIGNATURES: &'static [&'static str];
}

#[cfg(feature = "export-abi")]
impl<I: ErrorList> stylus_sdk::abi::export::internal::InnerTypes for Revert<I> {
    fn inner_types() -> Vec<stylus_sdk::abi::export::internal::InnerType> {
        let lines: Vec<_> = I::SIGNATURES
            .iter()
            .map(|signature| format!("error {};", signature.replace(',', ", ")))
            .collect();
        vec![stylus_sdk::abi::export::internal::InnerType {
            name: lines.join("\n\n    "),
            id: core::any::TypeId::of::<I>(),
        }]
    }
}

#[cfg(feature = "export-abi")]
macro_rules! error_lists {
    ($($errors:path),* $(,)?) => {
        $(impl ErrorList for $errors { const SIGNATURES: &'static [&'static str] = <$errors>::SIGNATURES; })*
    };
}

#[cfg(feature = "export-abi")]
error_lists! {
    crate::IGovernor::IGovernorErrors,
    crate::IOracle::IOracleErrors,
    crate::IRisk::IRiskErrors,
    crate::IBook::IBookErrors,
    crate::IAdapter::IAdapterErrors,
    crate::IRebalancer::IRebalancerErrors,
    crate::IVault::IVaultErrors,
}

/// `Interface::Error { fields }`, in the order of the declaration. An error that is missing here cannot be raised.
macro_rules! word_errors {
    ($($interface:ident::$error:ident { $($field:ident),* })*) => {$(
        impl WordError for crate::$interface::$error {
            #[inline(never)]
            fn encode(&self) -> Vec<u8> {
                #[allow(unused_mut)]
                let mut out = Self::SELECTOR.to_vec();
                $(self.$field.append(&mut out);)*
                out
            }
        }
    )*};
}

word_errors! {
    IGovernor::AlreadyInitialized {}
    IGovernor::Unauthorized { caller }
    IGovernor::ZeroAddress {}
    IOracle::AlreadyInitialized {}
    IOracle::Unauthorized { caller }
    IOracle::ZeroAddress {}
    IOracle::ArithmeticOverflow {}
    IOracle::ParameterOutOfRange { value, min, max }
    IOracle::UnknownAsset { asset }
    IOracle::BoundsInvalid { minAnswer, maxAnswer }
    IOracle::StalePrice { asset, updatedAt, maxAgeSecs }
    IOracle::InvalidPrice { asset, answer }
    IOracle::IncompleteRound { asset, roundId }
    IOracle::FeedFailed { asset, aggregator }
    IRisk::AlreadyInitialized {}
    IRisk::Unauthorized { caller }
    IRisk::ZeroAddress {}
    IRisk::ArithmeticOverflow {}
    IRisk::UnknownParameter { id }
    IRisk::ParameterOutOfRange { value, min, max }
    IRisk::ParametersNotStored {}
    IRisk::BatchMalformed { length }
    IRisk::OptionInvalid { index, fault, value }
    IRisk::LegInvalid { word, fault }
    IRisk::LegUnvalued { kind }
    IRisk::UnknownUnderlying { underlying }
    IRisk::TooManyUnderlyings { max }
    IRisk::BadPrice { underlying }
    IRisk::NothingDecided {}
    IRisk::NoProgress { rule, excessBefore, excessAfter }
    IRisk::EarlierRuleWorse { rule, excessBefore, excessAfter }
    IRisk::LaterRuleWorse { rule, excessBefore, excessAfter }
    IRisk::CostTooHigh { costWad, boundWad }
    IBook::AlreadyInitialized {}
    IBook::Unauthorized { caller }
    IBook::Locked {}
    IBook::ZeroAddress {}
    IBook::ArithmeticOverflow {}
    IBook::TransferFailed { token }
    IBook::TokenNotRegistered { token }
    IBook::TokenExists { token }
    IBook::TooManyTokens { max }
    IBook::TooManyAdapters { max }
    IBook::TooManyLegs { max }
    IBook::DecimalsUnsupported { token, decimals }
    IBook::AdapterNotRegistered { adapter }
    IBook::AdapterExists { adapter }
    IBook::SelectorForbidden { selector }
    IBook::TargetForbidden { target }
    IBook::TemplateInvalid { index, word }
    IBook::CallNotAllowed { adapter, target, selector }
    IBook::CallMismatch { call, word }
    IBook::PlanInvalid {}
    IBook::ApprovalLeft { token, spender }
    IBook::MalformedReturn { target }
    IBook::SpentTooMuch { spent, maximum }
    IBook::SlippageExceeded { received, minimum }
    IAdapter::AlreadyInitialized {}
    IAdapter::ZeroAddress {}
    IAdapter::ArithmeticOverflow {}
    IAdapter::PairNotServed { tokenIn, tokenOut }
    IAdapter::PoolMismatch { pool }
    IAdapter::MalformedReturn { target }
    IRebalancer::VenueDisturbed { adapter, disturbanceBps, maxBps }
    IRebalancer::ActionUnsupported { action }
    IRebalancer::AlreadyInitialized {}
    IRebalancer::Unauthorized { caller }
    IRebalancer::ZeroAddress {}
    IRebalancer::ArithmeticOverflow {}
    IRebalancer::UnknownBook { book }
    IRebalancer::MalformedReturn { target }
    IRebalancer::NothingToDo { deltaWad, lowerWad, upperWad, netLeverageWad, grossLeverageWad }
    IVault::ERC20InsufficientBalance { sender, balance, needed }
    IVault::ERC20InsufficientAllowance { spender, allowance, needed }
    IVault::ERC20InvalidReceiver { receiver }
    IVault::ERC20InvalidSpender { spender }
    IVault::ERC2612ExpiredSignature { deadline }
    IVault::ERC2612InvalidSignature { owner }
    IVault::ERC4626ExceededMaxDeposit { receiver, assets, max }
    IVault::ERC4626ExceededMaxMint { receiver, shares, max }
    IVault::ERC4626ExceededMaxWithdraw { owner, assets, max }
    IVault::ERC4626ExceededMaxRedeem { owner, shares, max }
    IVault::AlreadyInitialized {}
    IVault::Unauthorized { caller }
    IVault::ZeroAddress {}
    IVault::ZeroAmount {}
    IVault::ArithmeticOverflow {}
    IVault::Locked {}
    IVault::NotLocked {}
    IVault::UnknownParameter { id }
    IVault::ParameterOutOfRange { value, min, max }
    IVault::DecimalsUnsupported { token, decimals }
    IVault::TransferFailed { token }
    IVault::SlippageExceeded { received, minimum }
    IVault::CostExceeded { assets, maximum }
    IVault::AsyncRedeem {}
    IVault::RequestUnsettled { controller, requestId }
    IVault::RequestUnclaimed { controller, requestId }
    IVault::RequestClosed { requestId, cutOff }
    IVault::RequestExceeded { controller, shares, max }
    IVault::BatchStillOpen { requestId, cutOff }
    IVault::NothingToSettle {}
    IVault::NothingToClaim {}
    IVault::MarksTooWide { spreadBps, maxBps }
    IVault::PoolDisturbed { book, disturbanceBps, maxBps }
    IVault::WindingDown {}
    IVault::MarkUnavailable { book }
    IVault::InsufficientGas {}
    IVault::UnknownBook { book }
    IVault::BookExists { book }
    IVault::TooManyBooks { max }
    IVault::BookCapExceeded { book, assets, max }
    IVault::BookInLoss { book, allocated, value }
    IVault::BookNotEmpty { book }
    IVault::BookPocketed { book, pocket }
    IVault::UnknownPocket { pocket }
    IVault::InsufficientIdle { assets, idle }
    IVault::SurplusTooFresh { bookableAt }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IBook, IOracle, IRebalancer, IVault};
    use alloy_primitives::{Address, B256, FixedBytes, I256, U256};

    #[test]
    fn encode_every_field_type_matches_alloy() {
        macro_rules! same {
            ($error:expr) => {{
                let error = $error;
                assert_eq!(error.encode(), error.abi_encode());
            }};
        }
        let address = Address::repeat_byte;
        same!(IVault::ZeroAmount {});
        same!(IVault::ERC20InsufficientAllowance {
            spender: address(1),
            allowance: U256::from(2),
            needed: U256::from(3),
        });
        same!(IBook::CallNotAllowed {
            adapter: address(1),
            target: address(2),
            selector: FixedBytes([1, 2, 3, 4])
        });
        same!(IBook::TemplateInvalid {
            index: U256::ONE,
            word: B256::repeat_byte(0xa4)
        });
        same!(IOracle::InvalidPrice {
            asset: address(1),
            answer: I256::MINUS_ONE
        });
        same!(IRebalancer::NothingToDo {
            deltaWad: I256::MINUS_ONE,
            lowerWad: I256::MIN,
            upperWad: I256::MAX,
            netLeverageWad: U256::from(4),
            grossLeverageWad: U256::from(5),
        });
    }
}
