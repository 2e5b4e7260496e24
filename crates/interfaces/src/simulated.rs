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

    /// `ReentrantToken`: every transfer makes calls that anyone may choose, and anyone may act as the token.
    interface IReentrantToken {
        #[derive(Debug)]
        struct Hook {
            address target;
            bytes data;
            bool afterMove;
        }

        event Ended(bool success, bytes output);

        function setHooks(Hook[] chosen) external;
        function act(address target, bytes data) external returns (bytes memory);
    }

    /// `RegulatedToken`: an issuer, which is anyone, blocks accounts and pauses transfers.
    interface IRegulatedToken {
        function setBlocked(address account, bool blocked) external;
        function setPaused(bool paused) external;
    }

    /// `RebasingToken`: multiplies all balances by a factor, 1e18 = one.
    interface IRebasingToken {
        function rebase(uint256 factorWad) external;
    }

    /// `FaultyToken`: lies, or fails in the worst ways. The faults are numbered in the contract.
    interface IFaultyToken {
        function setFaults(uint8 moving, uint8 reading) external;
        function setLie(address account, int256 lie) external;
    }

    /// `FeeOnTransferToken`: keeps a part of every transfer, in basis points.
    interface IFeeOnTransferToken {
        function setFeeBps(uint256 feeBps) external;
    }

    /// `HostileBook`: passes for a book of a vault, and fails as it is told to. Behaviours are numbered in the contract.
    interface IHostileBook {
        constructor(address vault, address asset);
        function setBehaviour(uint8 onMarks, uint8 onRecall) external;
        function setMarks(int256 extra, uint256 disturbanceBps) external;
        function setCall(address target, bytes data) external;
        function lose(address to, uint256 value) external;
        function ending() external view returns (uint256);
        function output() external view returns (bytes);
    }

    /// `Batcher`: calls one after the other in one transaction; all or nothing where a step must succeed.
    interface IBatcher {
        #[derive(Debug)]
        struct Step {
            address target;
            bytes data;
            bool mustSucceed;
            uint256 gasLimit;
        }

        error StepFailed(uint256 index, bytes output);

        function run(Step[] steps) external returns (bool[] memory successes, bytes[] memory outputs);
    }

    /// `FixedLegs`: an adapter that reports the same legs for every book.
    interface IFixedLegs {
        constructor(bytes32[] chosen);
    }

    /// `GasMeter`: gas that two calls in a row cost their caller.
    interface IGasMeter {
        function measure(address target, bytes data) external returns (uint256 cold, uint256 warm);
    }

    /// `ReentrantVenue`: a router that makes planned calls before it trades.
    interface IReentrantVenue {
        constructor(address router);
        function plan(address target, bytes data) external;
        function make(address target, bytes data) external;
        function made() external view returns (uint256);
        function result(uint256 index) external view returns (bool success, bytes answer);
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
