// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IToken {
    function approve(address spender, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

interface IRouter {
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

/// @title Venue that calls somebody back while it trades
/// @notice A swap router that first makes every call that was planned, remembers the answers, and then has the real
/// router trade as it was asked to. So what it tried is all that can be wrong with the trade.
contract ReentrantVenue {
    struct Attempt {
        address target;
        bytes data;
    }

    IRouter private immutable router;
    Attempt[] private planned;
    bool[] private successes;
    bytes[] private answers;

    constructor(IRouter router_) {
        router = router_;
    }

    /// @notice Plans one more call for the next trades.
    function plan(address target, bytes calldata data) external {
        planned.push(Attempt(target, data));
    }

    /// @notice Makes a call at once: it succeeds or fails with what the target says.
    function make(address target, bytes calldata data) external {
        (bool success, bytes memory answer) = target.call(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    /// @notice How many calls the last trade made.
    function made() external view returns (uint256) {
        return answers.length;
    }

    /// @notice What came of the last trade's call `index`.
    function result(uint256 index) external view returns (bool success, bytes memory answer) {
        return (successes[index], answers[index]);
    }

    function factory() external view returns (address) {
        return router.factory();
    }

    function exactInputSingle(IRouter.ExactInputSingleParams calldata params) external returns (uint256) {
        delete successes;
        delete answers;
        for (uint256 i = 0; i < planned.length; i++) {
            (bool success, bytes memory answer) = planned[i].target.call(planned[i].data);
            successes.push(success);
            answers.push(answer);
        }
        IToken(params.tokenIn).transferFrom(msg.sender, address(this), params.amountIn);
        IToken(params.tokenIn).approve(address(router), params.amountIn);
        return router.exactInputSingle(params);
    }
}
