// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FeeOnTransferToken} from "../hostile/FeeOnTransferToken.sol";
import {NoReturnToken} from "../hostile/NoReturnToken.sol";
import {ReturnsFalseToken} from "../hostile/ReturnsFalseToken.sol";
import {RevertingFeed} from "../hostile/RevertingFeed.sol";
import {PriceFeed} from "../venues/PriceFeed.sol";
import {TestToken} from "../venues/TestToken.sol";

/// @notice The test doubles do what they say: a hostile one that behaves well would prove nothing.
contract MisbehaviourTest {
    address private constant RECEIVER = address(0xBEEF);

    function testTestTokenMovesExactly(uint128 minted, uint128 value) public {
        TestToken token = new TestToken("Wrapped BTC", "WBTC", 8);
        token.mint(address(this), minted);
        (bool success,) = address(token).call(abi.encodeCall(token.transfer, (RECEIVER, value)));
        assert(success == (value <= minted));
        assert(token.balanceOf(RECEIVER) == (success ? value : 0));
        assert(token.balanceOf(address(this)) + token.balanceOf(RECEIVER) == token.totalSupply());
    }

    function testTestTokenSpendsAllowance() public {
        TestToken token = new TestToken("USD Coin", "USDC", 6);
        token.mint(address(this), 10);
        token.approve(address(this), 6);
        assert(token.transferFrom(address(this), RECEIVER, 4));
        assert(token.allowance(address(this), address(this)) == 2);
        (bool success,) = address(token).call(abi.encodeCall(token.transferFrom, (address(this), RECEIVER, 3)));
        assert(!success);
    }

    function testReturnsFalseTokenChangesNothing() public {
        ReturnsFalseToken token = new ReturnsFalseToken();
        token.mint(address(this), 10);
        token.setFailing(true, true, true);
        assert(!token.transfer(RECEIVER, 1));
        assert(!token.approve(RECEIVER, 1));
        assert(!token.transferFrom(address(this), RECEIVER, 0));
        assert(token.balanceOf(RECEIVER) == 0 && token.allowance(address(this), RECEIVER) == 0);
    }

    function testNoReturnTokenReturnsNothing() public {
        NoReturnToken token = new NoReturnToken();
        token.mint(address(this), 10);
        (bool success, bytes memory returned) = address(token).call(abi.encodeCall(token.transfer, (RECEIVER, 4)));
        assert(success && returned.length == 0 && token.balanceOf(RECEIVER) == 4);
    }

    function testNoReturnTokenRefusesChangeOfAllowance() public {
        NoReturnToken token = new NoReturnToken();
        token.approve(RECEIVER, 1);
        (bool success,) = address(token).call(abi.encodeCall(token.approve, (RECEIVER, 2)));
        assert(!success);
        token.approve(RECEIVER, 0);
        token.approve(RECEIVER, 2);
        assert(token.allowance(address(this), RECEIVER) == 2);
    }

    function testFeeOnTransferTokenDeliversLess(uint96 value) public {
        FeeOnTransferToken token = new FeeOnTransferToken(30);
        token.mint(address(this), value);
        assert(token.transfer(RECEIVER, value));
        uint256 received = token.balanceOf(RECEIVER);
        assert(value == 0 ? received == 0 : received < value);
        assert(token.totalSupply() == received);
    }

    function testPriceFeedReportsWhatIsSet(int256 answer, uint256 updatedAt) public {
        PriceFeed feed = new PriceFeed("BTC / USD", 8);
        feed.setAnswer(answer, updatedAt);
        (uint80 round, int256 reported,, uint256 at, uint80 answeredIn) = feed.latestRoundData();
        assert(round == 1 && reported == answer && at == updatedAt && answeredIn == 1);
    }

    function testPriceFeedReportsOpenRound() public {
        PriceFeed feed = new PriceFeed("BTC / USD", 8);
        feed.setAnswer(42e8, 1000);
        feed.openRound(2000);
        (uint80 round,, uint256 startedAt, uint256 updatedAt, uint80 answeredIn) = feed.latestRoundData();
        assert(round == 2 && startedAt == 2000 && updatedAt == 0 && answeredIn == 1);
    }

    function testPriceFeedWithoutRoundReverts() public {
        PriceFeed feed = new PriceFeed("BTC / USD", 8);
        (bool success,) = address(feed).staticcall(abi.encodeCall(feed.latestRoundData, ()));
        assert(!success);
    }

    function testRevertingFeedFailsInItsWay() public {
        assert(_revertData(RevertingFeed.Failure.Silent).length == 0);
        assert(bytes4(_revertData(RevertingFeed.Failure.Reason)) == bytes4(keccak256("Error(string)")));
        assert(bytes4(_revertData(RevertingFeed.Failure.Panic)) == bytes4(keccak256("Panic(uint256)")));
        assert(_revertData(RevertingFeed.Failure.HugeRevert).length == 0x10000);
    }

    function testRevertingFeedBurnsGas() public {
        RevertingFeed feed = new RevertingFeed(RevertingFeed.Failure.BurnGas);
        uint256 before = gasleft();
        (bool success,) = address(feed).staticcall{gas: 200_000}(abi.encodeCall(feed.latestRoundData, ()));
        assert(!success && before - gasleft() >= 200_000);
    }

    function testRevertingFeedAnswersShort() public {
        RevertingFeed feed = new RevertingFeed(RevertingFeed.Failure.ShortAnswer);
        (bool success, bytes memory data) = address(feed).staticcall(abi.encodeCall(feed.latestRoundData, ()));
        assert(success && data.length == 64);
    }

    function _revertData(RevertingFeed.Failure failure) private returns (bytes memory data) {
        RevertingFeed feed = new RevertingFeed(failure);
        bool success;
        (success, data) = address(feed).staticcall(abi.encodeCall(feed.latestRoundData, ()));
        assert(!success);
    }
}
