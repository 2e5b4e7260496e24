//! Contracts of the embedded chain: tokens anyone may mint, replayed prices, hostile tokens, models to compare with.

use alloy_sol_types::sol;

sol! {
    /// `TestToken`: an ERC-20 token with open minting.
    interface ITestToken {
        constructor(string name, string symbol, uint8 decimals);
        function mint(address to, uint256 value) external;
    }

    /// `ReturnsFalseToken`: chosen functions change nothing and answer false.
    interface IReturnsFalseToken {
        function setFailing(bool transfer, bool transferFrom, bool approve) external;
    }

    /// `ReentrantToken`: every transfer first makes a call that anyone may choose.
    interface IReentrantToken {
        function setHook(address target, bytes data) external;
        function attempts() external view returns (uint256);
        function successes() external view returns (uint256);
    }

    /// `GasMeter`: gas that two calls in a row cost their caller.
    interface IGasMeter {
        function measure(address target, bytes data) external returns (uint256 cold, uint256 warm);
    }

    /// `ShareModelCaller`: the independent model of the share arithmetic.
    interface IShareModel {
        function convert(uint256 amount, uint256 totalAssets, uint256 totalShares) external pure returns (
            uint256 sharesDown, uint256 sharesUp, uint256 assetsDown, uint256 assetsUp);
    }

    /// `PriceFeed`: a Chainlink-style feed that reports what its owner sets.
    interface IPriceFeed {
        constructor(string description, uint8 decimals);
        function setAnswer(int256 answer, uint256 updatedAt) external;
        function openRound(uint256 startedAt) external;
        function setRound(uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound) external;
    }
}
