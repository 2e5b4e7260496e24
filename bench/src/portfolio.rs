//! The portfolios that both sides measure, and how they are written down.
//!
//! A number takes eight bytes on either side; programs read little-endian ones, as their memory holds them, and
//! Solidity big-endian ones, as call data loads them. Neither pays for the other's order.

use pricing::ONE;

/// Order of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Of wasm.
    Little,
    /// Of the EVM.
    Big,
}

/// Price of the underlying: 3,000 with eleven decimals.
pub const SPOT: u64 = 300_000_000_000_000;

/// Numbers, one after the other.
pub fn bytes(numbers: impl IntoIterator<Item = u64>, order: Order) -> Vec<u8> {
    numbers
        .into_iter()
        .flat_map(|number| match order {
            Order::Little => number.to_le_bytes(),
            Order::Big => number.to_be_bytes(),
        })
        .collect()
}

/// Option number `i`: forward, strike with the put's bit, years, volatility, rate. No two have a term in common.
pub fn option(i: u64) -> [u64; 5] {
    let one = ONE.cast_unsigned();
    let forward = SPOT + i * 7_919_000_001;
    [
        forward,
        (i % 2) << 63 | (forward / 100 * (70 + i * 13 % 61)),
        one / 365 * (1 + i * 5 % 400) + i,
        one / 100 * (20 + i * 3 % 180) + i,
        one / 1_000 * (i % 80) + i,
    ]
}

/// Perpetuals beside the options.
pub const PERPS: u64 = 8;

/// Signed quantity of position `i`, 1 token = 2^32: between a third of a token and six tokens, long and short.
pub fn quantity(i: u64) -> i64 {
    let size = (1 + i * 29 % 16).cast_signed() * 1_600_000_003;
    if i.is_multiple_of(3) { -size } else { size }
}
