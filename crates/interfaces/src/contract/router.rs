//! From calldata to methods and back, in words.
//!
//! The SDK's router decodes and encodes through generic tuples, compiled once per distinct signature: about 300
//! bytes of wasm per method. [`routes!`](crate::routes) does the same with one cursor and one writer for all methods.
//! Argument types are proven against the published interface at compile time, and the SDK's `#[public]` still prints
//! the ABI from the very same methods.
//!
//! Decoding is strict: every word canonical (addresses, booleans, small integers), arrays inside the calldata.
//! Calldata that does not decode, unknown selectors and calls with value revert without data, as with the SDK.

use super::Revert;
use crate::{BookView, Call, Decision, Excess, Exposure, Facts, Overview, Plan, Report};
use alloc::{string::String, vec::Vec};
use alloy_primitives::{Address, B256, Bytes, FixedBytes, I256, U256};
use stylus_sdk::ArbResult;

/// Reads arguments one after the other.
///
/// What does not decode yields a placeholder and marks the whole as failed, so that the check is made once.
#[derive(Debug)]
pub struct Args<'a> {
    data: &'a [u8],
    next: usize,
    failed: bool,
}

/// A type that can be an argument.
pub trait Argument {
    /// Reads the argument at the cursor and moves behind it.
    fn read(args: &mut Args<'_>) -> Self;
}

impl<'a> Args<'a> {
    /// Arguments, without the selector.
    pub const fn new(data: &'a [u8]) -> Self {
        Self {
            data,
            next: 0,
            failed: false,
        }
    }

    /// Whether an argument did not decode.
    pub const fn failed(&self) -> bool {
        self.failed
    }

    /// Marks the arguments as failed unless `canonical`.
    fn require(&mut self, canonical: bool) {
        self.failed |= !canonical;
    }

    #[inline(never)]
    fn word(&mut self) -> B256 {
        let word = self.data.get(self.next..).and_then(<[u8]>::first_chunk::<32>);
        self.require(word.is_some());
        self.next = self.next.saturating_add(32);
        B256::new(word.copied().unwrap_or_default())
    }

    /// A word below 2³², as lengths, offsets and small numbers are.
    #[inline(never)]
    fn small(&mut self) -> usize {
        let limbs = *U256::read(self).as_limbs();
        let [low, 0, 0, 0] = limbs else {
            self.failed = true;
            return 0;
        };
        let small = u32::try_from(low).ok().and_then(|low| usize::try_from(low).ok());
        self.require(small.is_some());
        small.unwrap_or_default()
    }

    /// What the offset at the cursor points to, relative to the start of these arguments.
    #[inline(never)]
    fn behind(&mut self) -> Self {
        let inner = self.data.get(self.small()..);
        self.require(inner.is_some());
        Self {
            failed: self.failed,
            ..Self::new(inner.unwrap_or_default())
        }
    }

    /// The rest of these arguments, with offsets counted from here.
    fn rest(&self) -> Self {
        Self {
            failed: self.failed,
            ..Self::new(self.data.get(self.next..).unwrap_or_default())
        }
    }

    /// Takes over the failure of inner arguments.
    fn absorb(&mut self, inner: &Self) {
        self.failed |= inner.failed;
    }

    #[inline(never)]
    fn bytes(&mut self) -> &'a [u8] {
        let mut inner = self.behind();
        let length = inner.small();
        let bytes = inner.rest().data.get(..length);
        self.require(bytes.is_some() && !inner.failed);
        bytes.unwrap_or_default()
    }
}

impl Argument for B256 {
    fn read(args: &mut Args<'_>) -> Self {
        args.word()
    }
}

impl Argument for U256 {
    #[inline(never)]
    fn read(args: &mut Args<'_>) -> Self {
        Self::from_be_bytes(args.word().0)
    }
}

impl Argument for I256 {
    fn read(args: &mut Args<'_>) -> Self {
        Self::from_raw(U256::read(args))
    }
}

impl Argument for Address {
    #[inline(never)]
    fn read(args: &mut Args<'_>) -> Self {
        let word = args.word();
        let address = Self::from_word(word);
        args.require(address.into_word() == word);
        address
    }
}

impl Argument for bool {
    fn read(args: &mut Args<'_>) -> Self {
        let value = args.small();
        args.require(value <= 1);
        value == 1
    }
}

impl Argument for u8 {
    fn read(args: &mut Args<'_>) -> Self {
        let value = Self::try_from(args.small());
        args.require(value.is_ok());
        value.unwrap_or_default()
    }
}

impl Argument for FixedBytes<4> {
    fn read(args: &mut Args<'_>) -> Self {
        let word = args.word();
        let [a, b, c, d, rest @ ..] = word.0;
        args.require(rest == [0; 28]);
        Self([a, b, c, d])
    }
}

impl Argument for Vec<B256> {
    #[inline(never)]
    fn read(args: &mut Args<'_>) -> Self {
        let mut inner = args.behind();
        let length = inner.small();
        let mut words = Self::new();
        while words.len() < length && !inner.failed {
            words.push(inner.word());
        }
        args.absorb(&inner);
        words
    }
}

impl Argument for Vec<U256> {
    fn read(args: &mut Args<'_>) -> Self {
        Vec::<B256>::read(args)
            .into_iter()
            .map(|word| U256::from_be_bytes(word.0))
            .collect()
    }
}

impl Argument for Bytes {
    fn read(args: &mut Args<'_>) -> Self {
        Self::copy_from_slice(args.bytes())
    }
}

impl Argument for Plan {
    #[inline(never)]
    fn read(args: &mut Args<'_>) -> Self {
        let mut plan = args.behind();
        let adapter = Address::read(&mut plan);
        let token_in = Address::read(&mut plan);
        let amount_in = U256::read(&mut plan);
        let token_out = Address::read(&mut plan);
        let min_out = U256::read(&mut plan);
        let mut array = plan.behind();
        let length = array.small();
        let mut items = array.rest();
        let mut calls = Vec::new();
        while calls.len() < length && !items.failed {
            let mut call = items.behind();
            let target = Address::read(&mut call);
            let data = Bytes::read(&mut call);
            items.absorb(&call);
            calls.push(Call { target, data });
        }
        plan.absorb(&items);
        args.absorb(&plan);
        Self {
            adapter,
            tokenIn: token_in,
            amountIn: amount_in,
            tokenOut: token_out,
            minOut: min_out,
            calls,
        }
    }
}

/// Reads a [`Report`] and, behind it, a [`Decision`] out of returned words, or a report alone.
pub(super) fn struct_at<T: Argument>(data: &[u8], word: usize) -> Option<T> {
    let mut args = Args::new(data.get(word.checked_mul(32)?..)?);
    let value = T::read(&mut args);
    (!args.failed).then_some(value)
}

/// Collects returned values: words in the head, dynamic contents behind it.
#[derive(Debug)]
pub struct Writer {
    head: Vec<u8>,
    tail: Vec<u8>,
    head_bytes: usize,
}

/// A type that can be returned.
pub trait Returned {
    /// Words in the head.
    const WORDS: usize;
    /// Appends the value.
    fn write(&self, out: &mut Writer);
}

impl Writer {
    #[inline(never)]
    fn new(words: usize) -> Self {
        Self {
            head: Vec::new(),
            tail: Vec::new(),
            head_bytes: words.saturating_mul(32),
        }
    }

    #[inline(never)]
    fn word(&mut self, word: &[u8; 32]) {
        self.head.extend_from_slice(word);
    }

    /// Starts dynamic contents of `length` items.
    #[inline(never)]
    fn dynamic(&mut self, length: usize) {
        let offset = self.head_bytes.saturating_add(self.tail.len());
        self.word(&U256::from(offset).to_be_bytes());
        self.tail.extend_from_slice(&U256::from(length).to_be_bytes::<32>());
    }

    #[inline(never)]
    fn bytes(&mut self, bytes: &[u8]) {
        self.dynamic(bytes.len());
        self.tail.extend_from_slice(bytes);
        while !self.tail.len().is_multiple_of(32) {
            self.tail.push(0);
        }
    }

    #[inline(never)]
    fn finish(mut self) -> Vec<u8> {
        self.head.append(&mut self.tail);
        self.head
    }
}

impl Returned for () {
    const WORDS: usize = 0;
    fn write(&self, _: &mut Writer) {}
}

impl Returned for U256 {
    const WORDS: usize = 1;
    #[inline(never)]
    fn write(&self, out: &mut Writer) {
        out.word(&self.to_be_bytes());
    }
}

impl Returned for I256 {
    const WORDS: usize = 1;
    fn write(&self, out: &mut Writer) {
        self.into_raw().write(out);
    }
}

impl Returned for u8 {
    const WORDS: usize = 1;
    #[inline(never)]
    fn write(&self, out: &mut Writer) {
        let mut word = B256::ZERO;
        if let Some(last) = word.last_mut() {
            *last = *self;
        }
        out.word(&word.0);
    }
}

impl Returned for bool {
    const WORDS: usize = 1;
    fn write(&self, out: &mut Writer) {
        u8::from(*self).write(out);
    }
}

impl Returned for Address {
    const WORDS: usize = 1;
    #[inline(never)]
    fn write(&self, out: &mut Writer) {
        out.word(&self.into_word().0);
    }
}

impl Returned for B256 {
    const WORDS: usize = 1;
    fn write(&self, out: &mut Writer) {
        out.word(&self.0);
    }
}

impl Returned for FixedBytes<1> {
    const WORDS: usize = 1;
    fn write(&self, out: &mut Writer) {
        let mut word = B256::ZERO;
        let ([first, ..], [byte]) = (&mut word.0, self.0);
        *first = byte;
        out.word(&word.0);
    }
}

impl Returned for String {
    const WORDS: usize = 1;
    fn write(&self, out: &mut Writer) {
        out.bytes(self.as_bytes());
    }
}

impl Returned for Bytes {
    const WORDS: usize = 1;
    fn write(&self, out: &mut Writer) {
        out.bytes(self);
    }
}

impl Returned for Vec<B256> {
    const WORDS: usize = 1;
    #[inline(never)]
    fn write(&self, out: &mut Writer) {
        out.dynamic(self.len());
        for word in self {
            out.tail.extend_from_slice(word.as_slice());
        }
    }
}

impl Returned for Vec<U256> {
    const WORDS: usize = 1;
    fn write(&self, out: &mut Writer) {
        out.dynamic(self.len());
        for word in self {
            out.tail.extend_from_slice(&word.to_be_bytes::<32>());
        }
    }
}

/// An array of structs with a dynamic member: offsets of the items, then the items.
impl Returned for Vec<Call> {
    const WORDS: usize = 1;
    fn write(&self, out: &mut Writer) {
        out.dynamic(self.len());
        let mut items = Writer::new(self.len());
        for call in self {
            let mut item = Writer::new(2);
            call.target.write(&mut item);
            item.bytes(&call.data);
            let offset = items.head_bytes.saturating_add(items.tail.len());
            items.word(&U256::from(offset).to_be_bytes());
            items.tail.append(&mut item.finish());
        }
        out.tail.append(&mut items.finish());
    }
}

/// A static struct whose members are words of their own: how it is read and written. A member that is missing here does
/// not compile.
macro_rules! static_struct {
    ($name:ident, $words:expr; $($kind:ident: $($field:ident)+;)+) => {
        impl Argument for $name {
            #[inline(never)]
            fn read(args: &mut Args<'_>) -> Self {
                Self { $($($field: $kind::read(args),)+)+ }
            }
        }

        impl Returned for $name {
            const WORDS: usize = $words;
            #[inline(never)]
            fn write(&self, out: &mut Writer) {
                $(for value in [$(&self.$field),+] {
                    value.write(out);
                })+
            }
        }
    };
}

static_struct! {
    Exposure, super::EXPOSURE_WORDS;
    I256: delta expectedDelta gamma gammaLow gammaHigh vega theta rho carry deltaValue expectedDeltaValue grossValue
        spot;
}

static_struct! {
    Excess, super::EXCESS_WORDS;
    I256: gross net margin liquidation gamma vega;
}

static_struct! {
    Report, super::REPORT_WORDS;
    I256: navMin navMid navMax grossValue netValue grossLeverage netLeverage liquid raisable worstLoss worstScenario
        initialMargin maintenanceMargin nearestLiquidation nearestLiquidationSigmas nearestLiquidationLeg budgetLoss
        carry;
    Excess: excess;
    Exposure: exposure;
}

/// The decision's distances.
type Distances = [I256; super::DISTANCES];

impl Argument for Distances {
    fn read(args: &mut Args<'_>) -> Self {
        core::array::from_fn(|_| I256::read(args))
    }
}

impl Returned for Distances {
    const WORDS: usize = super::DISTANCES;
    fn write(&self, out: &mut Writer) {
        for value in self {
            value.write(out);
        }
    }
}

static_struct! {
    Decision, super::DECISION_WORDS;
    U256: rule action side underlying leg venue partner partnerLeg;
    I256: amountIn minOut value costBound progress partnerAmount expectedDelta deltaTarget lower upper grossLeverage
        netLeverage;
    Distances: distances;
}

static_struct! {
    Facts, super::FACTS_WORDS;
    I256: liquidityNeeded capacity budgetLeft costLeft executionFee;
    U256: oracle means blocked skip violatedSecs;
}

static_struct! {
    Overview, super::OVERVIEW_WORDS;
    U256: navMin navMid navMax unmeasured supply pendingFees highWaterMark idle claimReserve windingDown locked openBatch
        openCutOff oldestBatch oldestCutOff oldestSharesLeft balance maxDeposit value requestId pendingShares
        claimableShares claimableAssets nonce;
}

static_struct! {
    BookView, super::BOOK_VIEW_WORDS;
    Address: book;
    U256: isolated cap allocated pocket measured navMin navMid navMax;
}

/// An array of static structs: the words of one after those of the other.
impl Returned for Vec<BookView> {
    const WORDS: usize = 1;
    fn write(&self, out: &mut Writer) {
        out.dynamic(self.len());
        for book in self {
            let mut item = Writer::new(0);
            book.write(&mut item);
            out.tail.append(&mut item.head);
        }
    }
}

macro_rules! tuples {
    ($($($name:ident)+;)+) => {$(
        #[allow(non_snake_case)]
        impl<$($name: Returned),+> Returned for ($($name,)+) {
            const WORDS: usize = 0 $(+ $name::WORDS)+;
            fn write(&self, out: &mut Writer) {
                let ($($name,)+) = self;
                $($name.write(out);)+
            }
        }
    )+};
}

tuples! {
    A B;
    A B C;
    A B C D;
    A B C D E;
    A B C D E F;
    A B C D E F G;
}

/// What an entry point answers to a caller that its program has called: `Locked()`.
pub const LOCKED: [u8; 4] = <crate::IBook::Locked as alloy_sol_types::SolError>::SELECTOR;

/// What a method gives back to its caller.
pub trait Reply {
    /// Returned data, or revert data.
    fn reply(self) -> ArbResult;
}

impl<T: Returned> Reply for T {
    fn reply(self) -> ArbResult {
        let mut out = Writer::new(T::WORDS);
        self.write(&mut out);
        Ok(out.finish())
    }
}

/// A failed method replies with its revert data.
impl<T: Reply, I> Reply for Result<T, Revert<I>> {
    fn reply(self) -> ArbResult {
        match self {
            Ok(value) => value.reply(),
            Err(revert) => Err(revert.into()),
        }
    }
}

/// The entry point of a contract: one line per function of its interface.
///
/// `transferCall "transfer" => transfer(to: Address, value: U256);` sends calls of `IVault::transferCall` to the method `transfer`.
/// It does not compile unless the name and the argument types have the selector that the interface declares.
#[macro_export]
macro_rules! routes {
    ($contract:ident, $interface:ident { $($call:ident $sol:literal => $method:ident($($name:ident: $argument:ty),*);)* }) => {
        #[cfg(not(feature = "export-abi"))]
        #[allow(missing_docs, unreachable_pub, clippy::wildcard_imports, clippy::pedantic)] // the SDK's entry point
        mod entry {
            use super::*;
            use alloy_sol_types::SolCall as _;
            use stylus_sdk::prelude::*;
            use $crate::contract::router::{Args, Argument, Reply as _};

            $(
                #[allow(non_upper_case_globals)] // named after the interface's functions
                const $call: u32 = u32::from_be_bytes($interface::$call::SELECTOR);
                const _: () = assert!(
                    $call == u32::from_be_bytes(stylus_sdk::function_selector!($sol $(, $argument)*)),
                    "the method does not have the selector that the interface declares"
                );
            )*

            /// What the chain calls; the SDK's entry point, except that a program that is entered again while it is at
            /// work says `Locked()`, to views as well: what it holds may be half-way.
            #[cfg(target_arch = "wasm32")]
            #[allow(unsafe_code)] // the name is the chain's
            #[unsafe(no_mangle)]
            pub extern "C" fn user_entrypoint(length: usize) -> usize {
                let vm = stylus_sdk::host::VM { host: stylus_sdk::host::WasmVM {} };
                // Nitro's activation wants the import; it does nothing here.
                vm.pay_for_memory_grow(0);
                let answer = if vm.msg_reentrant() {
                    Err($crate::contract::router::LOCKED.to_vec())
                } else {
                    route(vm.read_args(length), vm.clone())
                };
                let (data, status) = match answer {
                    Ok(data) => (data, 0),
                    Err(data) => (data, 1),
                };
                vm.flush_cache(false);
                vm.write_result(&data);
                status
            }

            /// Finds the method that `input` calls and runs it.
            #[cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]
            #[allow(non_upper_case_globals)]
            fn route(input: alloc::vec::Vec<u8>, vm: stylus_sdk::host::VM) -> stylus_sdk::ArbResult {
                let Some((selector, input)) = input.split_first_chunk::<4>() else {
                    return Err(alloc::vec::Vec::new());
                };
                if !vm.msg_value().is_zero() {
                    return Err(alloc::vec::Vec::new());
                }
                #[allow(unused_mut)]
                let mut contract = $contract::open(vm);
                let mut args = Args::new(input);
                match u32::from_be_bytes(*selector) {
                    $($call => {
                        $(let $name = <$argument as Argument>::read(&mut args);)*
                        if !args.failed() {
                            return contract.$method($($name),*).reply();
                        }
                    })*
                    _ => {}
                }
                Err(alloc::vec::Vec::new())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IAdapter, IBook, IRisk};
    use alloc::{string::ToString, vec};
    use alloy_sol_types::{SolCall, SolType, SolValue};

    fn address(byte: u8) -> Address {
        Address::repeat_byte(byte)
    }

    /// A struct of `count` words, `first` and up.
    fn numbered<T: SolValue + From<<T::SolType as SolType>::RustType>>(count: usize, first: i64) -> T {
        let words: Vec<u8> = (first..)
            .take(count)
            .flat_map(|number| I256::try_from(number).unwrap().into_raw().to_be_bytes::<32>())
            .collect();
        T::abi_decode(&words).unwrap()
    }

    fn report(first: i64) -> Report {
        numbered(super::super::REPORT_WORDS, first)
    }

    fn decision() -> Decision {
        numbered(super::super::DECISION_WORDS, 1)
    }

    fn facts() -> Facts {
        numbered(super::super::FACTS_WORDS, 7)
    }

    fn calls() -> Vec<Call> {
        vec![
            Call {
                target: address(1),
                data: Bytes::from_static(b""),
            },
            Call {
                target: address(2),
                data: Bytes::from_static(&[7; 33]),
            },
            Call {
                target: address(3),
                data: Bytes::from_static(&[8; 64]),
            },
        ]
    }

    fn body(encoded: &[u8]) -> Args<'_> {
        Args::new(&encoded[4..])
    }

    #[test]
    fn read_plan_is_what_alloy_encoded() {
        let plan = Plan {
            adapter: address(1),
            tokenIn: address(2),
            amountIn: U256::from(3),
            tokenOut: address(4),
            minOut: U256::MAX,
            calls: calls(),
        };
        let encoded = IBook::executeCall { plan: plan.clone() }.abi_encode();
        let mut args = body(&encoded);
        assert_eq!(Plan::read(&mut args), plan);
        assert!(!args.failed());
        for length in 4..encoded.len() {
            let mut args = body(&encoded[..length]);
            Plan::read(&mut args);
            assert!(
                args.failed() || length > encoded.len() - 32,
                "calldata cut to {length} bytes"
            );
        }
    }

    #[test]
    fn read_arrays_and_structs_are_what_alloy_encoded() {
        let legs = vec![B256::repeat_byte(1), B256::repeat_byte(2)];
        let encoded = IRisk::decideCall {
            book: address(9),
            legs: legs.clone(),
            pricesWad: vec![U256::from(5)],
            confidenceBps: vec![],
            facts: facts(),
        }
        .abi_encode();
        let mut args = body(&encoded);
        assert_eq!(Address::read(&mut args), address(9));
        assert_eq!(Vec::<B256>::read(&mut args), legs);
        assert_eq!(Vec::<U256>::read(&mut args), vec![U256::from(5)]);
        assert_eq!(Vec::<U256>::read(&mut args), Vec::<U256>::new());
        assert_eq!(Facts::read(&mut args), facts());
        assert!(!args.failed());

        let encoded = IRisk::acceptCall {
            book: address(9),
            legs: legs.clone(),
            pricesWad: vec![],
            confidenceBps: vec![],
            measuredBefore: report(-10),
            decision: decision(),
            facts: facts(),
        }
        .abi_encode();
        let mut args = body(&encoded);
        assert_eq!(Address::read(&mut args), address(9));
        assert_eq!(Vec::<B256>::read(&mut args), legs);
        assert_eq!(Vec::<U256>::read(&mut args), Vec::<U256>::new());
        assert_eq!(Vec::<U256>::read(&mut args), Vec::<U256>::new());
        assert_eq!(Report::read(&mut args), report(-10));
        assert_eq!(Decision::read(&mut args), decision());
        assert_eq!(Facts::read(&mut args), facts());
        assert!(!args.failed());
    }

    #[test]
    fn read_words_that_are_not_canonical_fail() {
        fn fails<T: Argument>(word: [u8; 32]) -> bool {
            let mut args = Args::new(&word);
            T::read(&mut args);
            args.failed()
        }
        assert!(fails::<Address>([1; 32]));
        assert!(fails::<bool>(B256::with_last_byte(2).0));
        assert!(fails::<u8>([1; 32]));
        assert!(fails::<u8>(U256::from(256).to_be_bytes()));
        assert!(fails::<FixedBytes<4>>(B256::with_last_byte(1).0));
        assert!(!fails::<FixedBytes<4>>((U256::ONE << 224_usize).to_be_bytes()));
    }

    #[test]
    fn read_lengths_beyond_the_calldata_fail() {
        for length in [U256::from(2), U256::from(u32::MAX), U256::MAX] {
            let encoded = [B256::from(U256::from(32)), B256::from(length), B256::ZERO].concat();
            let mut args = Args::new(&encoded);
            Vec::<B256>::read(&mut args);
            assert!(args.failed());
            let mut args = Args::new(&encoded);
            Bytes::read(&mut args);
            assert_eq!(args.failed(), length > U256::from(32));
        }
        let mut args = Args::new(&[]);
        U256::read(&mut args);
        assert!(args.failed());
    }

    #[test]
    fn reply_is_what_alloy_encodes() {
        let legs = vec![B256::repeat_byte(1), B256::repeat_byte(2)];
        let prices = vec![U256::from(5)];
        assert_eq!(true.reply(), Ok(true.abi_encode()));
        assert_eq!(18_u8.reply(), Ok(U256::from(18).abi_encode()));
        assert_eq!(address(1).reply(), Ok(address(1).abi_encode()));
        assert_eq!(().reply(), Ok(vec![]));
        for text in ["", "Gimbal", &"x".repeat(32), &"x".repeat(33)] {
            assert_eq!(text.to_string().reply(), Ok(text.abi_encode()));
        }
        assert_eq!(
            Bytes::from_static(&[1; 31]).reply(),
            Ok(Bytes::from_static(&[1; 31]).abi_encode())
        );
        assert_eq!(legs.clone().reply(), Ok(legs.abi_encode()));
        assert_eq!(
            (true, legs.clone()).reply(),
            Ok((true, legs.clone()).abi_encode_params())
        );
        let measured = (legs, prices.clone(), Vec::<U256>::new());
        assert_eq!(measured.clone().reply(), Ok(measured.abi_encode_params()));
        assert_eq!(
            (report(1), decision()).reply(),
            Ok(IRisk::decideCall::abi_encode_returns(&IRisk::decideReturn {
                _0: report(1),
                _1: decision()
            }))
        );
        assert_eq!(calls().reply(), Ok(IAdapter::encodeCall::abi_encode_returns(&calls())));
        assert_eq!(Vec::<Call>::new().reply(), Ok(Vec::<Call>::new().abi_encode()));
    }
}
