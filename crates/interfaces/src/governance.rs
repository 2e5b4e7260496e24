//! Roles and prices: the governor and the oracle.

use alloy_sol_types::sol;

sol! {
    /// Roles and the one address that all setters trust.
    ///
    /// `owner` acts through [`execute`](IGovernor::executeCall); `guardian` may tighten limits;
    /// `allocator` moves idle assets between books inside their caps.
    #[derive(Debug, PartialEq, Eq)]
    #[sol(extra_methods)]
    interface IGovernor {
        event OwnershipTransferStarted(address indexed previousOwner, address indexed newOwner);
        event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
        event GuardianChanged(address indexed guardian);
        event AllocatorChanged(address indexed allocator);
        event Executed(address indexed target, bytes4 indexed selector);

        error AlreadyInitialized();
        error Unauthorized(address caller);
        error ZeroAddress();

        function initialize(address owner, address guardian, address allocator) external;
        function owner() external view returns (address);
        function pendingOwner() external view returns (address);
        function guardian() external view returns (address);
        function allocator() external view returns (address);
        function transferOwnership(address newOwner) external;
        function acceptOwnership() external;
        function setGuardian(address guardian) external;
        function setAllocator(address allocator) external;
        function execute(address target, bytes data) external returns (bytes);
    }

    /// Prices from Chainlink-style feeds.
    ///
    /// `midWad`: quote asset per one whole unit of `asset`, 1e18, rounded down. `confidenceBps`: the price
    /// may be off by this many basis points either way. Times in seconds.
    #[derive(Debug, PartialEq, Eq)]
    #[sol(extra_methods)]
    interface IOracle {
        event FeedSet(
            address indexed asset, address indexed aggregator, uint256 heartbeatSecs, uint256 confidenceBps,
            int256 minAnswer, int256 maxAnswer);

        error AlreadyInitialized();
        error Unauthorized(address caller);
        error ZeroAddress();
        error ArithmeticOverflow();
        error ParameterOutOfRange(uint256 value, uint256 min, uint256 max);
        error BoundsInvalid(int256 minAnswer, int256 maxAnswer);
        error UnknownAsset(address asset);
        error StalePrice(address asset, uint256 updatedAt, uint256 maxAgeSecs);
        error InvalidPrice(address asset, int256 answer);
        error IncompleteRound(address asset, uint256 roundId);
        error FeedFailed(address asset, address aggregator);

        function initialize(address governor, address quote) external;
        function governor() external view returns (address);
        function quote() external view returns (address);
        function setFeed(
            address asset, address aggregator, uint256 heartbeatSecs, uint256 confidenceBps, int256 minAnswer,
            int256 maxAnswer) external;
        function feed(address asset) external view returns (
            address aggregator, uint256 heartbeatSecs, uint256 confidenceBps, int256 minAnswer, int256 maxAnswer,
            uint256 decimals);
        function price(address asset) external view returns (uint256 midWad, uint256 confidenceBps);
    }
}
