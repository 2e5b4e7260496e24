//! Results of the vault, and the bridge from arithmetic to its errors.

use fixed::MathError;
use interfaces::{IVault, contract::Revert};

/// Result with the vault's revert data.
pub(crate) type Outcome<T> = core::result::Result<T, Revert<IVault::IVaultErrors>>;

/// `ArithmeticOverflow` for any calculation without a result.
pub(crate) trait Checked<T> {
    /// Raises the error.
    fn checked(self) -> Outcome<T>;
}

impl<T> Checked<T> for Result<T, MathError> {
    #[inline]
    fn checked(self) -> Outcome<T> {
        self.map_err(|_| IVault::ArithmeticOverflow {}.into())
    }
}
