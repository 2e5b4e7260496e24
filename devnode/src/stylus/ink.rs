//! Ink: what host functions cost. One gas is [`INK_PRICE`] ink, unless chain owners changed that.
//!
//! The prices are those of the Stylus rules of ArbOS 61; operators are priced by `crate::wasm`.

/// Ink per gas, by default.
pub const INK_PRICE: u32 = 10_000;
/// Stack words a program may use, by default.
pub const MAX_STACK_DEPTH: u32 = 22_000;

/// Base price of most host functions.
pub const HOSTIO: u64 = 8_400;
/// Price of each pointer that a host function reads or writes through.
pub const PTR: u64 = 5_040;
/// Price of leaving the program for the chain.
pub const API: u64 = 59_673;

/// Price of writing `len` bytes into guest memory.
pub const fn write(len: u32) -> u64 {
    5_040 + 30 * (len.saturating_sub(32) as u64)
}

/// Price of reading `len` bytes from guest memory.
pub const fn read(len: u32) -> u64 {
    16_381 + 55 * (len.saturating_sub(32) as u64)
}

/// Price of a keccak-256 over `len` bytes.
pub const fn keccak(len: u32) -> u64 {
    121_800 + 21_000 * ((len as u64).div_ceil(32).saturating_sub(2))
}

/// Price of a 256-bit power beyond its base, for an exponent of `significant` non-zero bytes.
pub const fn pow(significant: u64) -> u64 {
    3_000 + 17_500 * (1 + significant)
}

/// Gas prices that host functions share with the EVM.
pub mod gas {
    /// First touch of a storage slot in a transaction (EIP-2929).
    pub const COLD_SLOAD: u64 = 2_100;
    /// Any later touch of an account or slot.
    pub const WARM: u64 = 100;
    /// First touch of an account.
    pub const COLD_ACCOUNT: u64 = 2_600;
    /// Reading code, besides touching the account.
    pub const EXT_CODE: u64 = 700;
    /// Least gas that must be left to write storage (EIP-2200's sentry).
    pub const STORE_SENTRY: u64 = 2_300;
    /// Dearest look-up of the storage cache.
    pub const STORAGE_CACHE: u64 = 10;
    /// A log, and each of its topics.
    pub const LOG: u64 = 375;
    /// A byte of log data.
    pub const LOG_DATA: u64 = 8;
    /// A value transfer.
    pub const CALL_VALUE: u64 = 9_000;
    /// Gas given to the receiver of a value transfer.
    pub const CALL_STIPEND: u64 = 2_300;
    /// Bringing an account into being by a transfer.
    pub const NEW_ACCOUNT: u64 = 25_000;
    /// A contract creation.
    pub const CREATE: u64 = 32_000;
    /// A word of init code hashed for CREATE2.
    pub const KECCAK_WORD: u64 = 6;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_match_documented_traces() {
        assert_eq!(HOSTIO + 2 * read(32), 41_162);
        assert_eq!(keccak(64), 121_800);
        assert_eq!(keccak(65), 142_800);
        assert_eq!(23_520 + pow(0), 44_020);
    }
}
