//! The small EVM contract in front of the vault and of every book.

use alloy_sol_types::sol;

sol! {
    /// What the proxy answers itself; everything else goes to the program behind it. Times are Unix seconds.
    #[derive(Debug, PartialEq, Eq)]
    #[sol(extra_methods)]
    interface IProxy {
        event Upgraded(address indexed implementation);
        event Announced(address indexed next, bytes32 codeHash, uint256 readyAt, uint256 expiresAt);
        event AnnouncementWithdrawn(address indexed next);

        error Unauthorized(address caller);
        error ZeroAddress();
        error NotCallable(address program);
        error NotUncallable(address program);
        error NothingAnnounced();
        error AnnouncementTooFresh(uint256 readyAt);
        error AnnouncementExpired(uint256 expiresAt);
        error CodeHashChanged(address program, bytes32 announced, bytes32 found);

        constructor(address program, address governor, bytes initialisation);
        function REPOINT_DELAY() external view returns (uint256);
        function REPOINT_WINDOW() external view returns (uint256);
        function proxyGovernor() external view returns (address);
        function implementation() external view returns (address);
        function announcement() external view returns (
            address next, bytes32 codeHash, uint256 readyAt, uint256 expiresAt);
        function announce(address next) external;
        function withdrawAnnouncement() external;
        function repoint() external;
    }
}

#[cfg(test)]
mod tests {
    use super::IProxy::IProxyCalls;
    use crate::{IBook::IBookCalls, IVault::IVaultCalls};

    #[test]
    fn proxy_answers_no_selector_of_vault_or_book() {
        for selector in IProxyCalls::SELECTORS {
            assert!(
                !IVaultCalls::SELECTORS.contains(selector) && !IBookCalls::SELECTORS.contains(selector),
                "{}",
                IProxyCalls::name_by_selector(*selector).unwrap_or_default()
            );
        }
    }
}
