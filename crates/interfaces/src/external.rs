//! The parts of other protocols' interfaces that Gimbal uses. Amounts are in token units.

use alloy_sol_types::sol;

sol! {
    /// Signatures of contracts.
    interface IERC1271 {
        function isValidSignature(bytes32 hash, bytes signature) external view returns (bytes4);
    }

    /// ERC-20 with metadata; return values of tokens that return nothing are handled by the safe helper.
    #[sol(extra_methods)]
    interface IERC20 {
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Approval(address indexed owner, address indexed spender, uint256 value);

        function name() external view returns (string);
        function symbol() external view returns (string);
        function decimals() external view returns (uint8);
        function totalSupply() external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function transfer(address to, uint256 value) external returns (bool);
        function transferFrom(address from, address to, uint256 value) external returns (bool);
        function approve(address spender, uint256 value) external returns (bool);
    }

    /// A Chainlink-style price feed. `answer` has `decimals()` decimals; times are Unix seconds.
    interface IAggregator {
        function decimals() external view returns (uint8);
        function latestRoundData() external view returns (
            uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound);
    }

    /// A Uniswap v3 pool. `sqrtPriceX96` is √(token1 units per token0 unit)·2⁹⁶.
    interface IUniswapV3Pool {
        function token0() external view returns (address);
        function token1() external view returns (address);
        function fee() external view returns (uint24);
        function tickSpacing() external view returns (int24);
        function liquidity() external view returns (uint128);
        function slot0() external view returns (
            uint160 sqrtPriceX96, int24 tick, uint16 observationIndex, uint16 observationCardinality,
            uint16 observationCardinalityNext, uint8 feeProtocol, bool unlocked);
        function initialize(uint160 sqrtPriceX96) external;
    }

    /// Uniswap v3's registry of pools. `fee` is in hundredths of a basis point.
    interface IUniswapV3Factory {
        function getPool(address tokenA, address tokenB, uint24 fee) external view returns (address pool);
        function createPool(address tokenA, address tokenB, uint24 fee) external returns (address pool);
    }

    /// Uniswap v3's position manager: used to seed pools, not by the contracts.
    #[allow(clippy::too_many_arguments)]
    interface INonfungiblePositionManager {
        struct MintParams {
            address token0;
            address token1;
            uint24 fee;
            int24 tickLower;
            int24 tickUpper;
            uint256 amount0Desired;
            uint256 amount1Desired;
            uint256 amount0Min;
            uint256 amount1Min;
            address recipient;
            uint256 deadline;
        }

        function createAndInitializePoolIfNecessary(
            address token0, address token1, uint24 fee, uint160 sqrtPriceX96) external payable returns (address pool);
        function mint(MintParams calldata params) external payable returns (
            uint256 tokenId, uint128 liquidity, uint256 amount0, uint256 amount1);
    }

    /// Uniswap's SwapRouter02 (no deadline word).
    interface ISwapRouter02 {
        struct ExactInputSingleParams {
            address tokenIn;
            address tokenOut;
            uint24 fee;
            address recipient;
            uint256 amountIn;
            uint256 amountOutMinimum;
            uint160 sqrtPriceLimitX96;
        }

        function factory() external view returns (address);
        function exactInputSingle(ExactInputSingleParams calldata params) external payable returns (uint256 amountOut);
    }

    /// Functions that no allow-list may ever contain: they move or delegate whatever the book owns, or
    /// carry calls that the template cannot see.
    interface IForbidden {
        function approve(address spender, uint256 value) external;
        function increaseAllowance(address spender, uint256 value) external;
        function increaseApproval(address spender, uint256 value) external;
        function transfer(address to, uint256 value) external;
        function transferFrom(address from, address to, uint256 value) external;
        function safeTransferFrom(address from, address to, uint256 id) external;
        function safeTransferFrom(address from, address to, uint256 id, bytes data) external;
        function safeTransferFrom(address from, address to, uint256 id, uint256 value, bytes data) external;
        function setApprovalForAll(address operator, bool approved) external;
        function setOperator(address operator, bool approved) external;
        function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function permit(address holder, address spender, uint256 nonce, uint256 expiry, bool allowed, uint8 v, bytes32 r, bytes32 s) external;
        function approveDelegation(address delegatee, uint256 amount) external;
        function multicall(bytes[] data) external;
        function multicall(uint256 deadline, bytes[] data) external;
        function multicall(bytes32 previousBlockhash, bytes[] data) external;
        function sweepToken(address token, uint256 minimum) external;
        function sweepToken(address token, uint256 minimum, address recipient) external;
        function pull(address token, uint256 value) external;
        function transferAndCall(address to, uint256 value, bytes data) external;
    }
}
