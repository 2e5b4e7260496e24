// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Replaying price feed
/// @notice Reports prices that its owner sets, through the interface of a Chainlink aggregator proxy. The embedded
/// chain uses it to replay recorded prices; it aggregates nothing and signs nothing.
/// @dev Checks no value on purpose: a reader must survive negative prices, zero, times in the future and rounds that
/// were never completed.
contract PriceFeed {
    struct Round {
        int256 answer;
        uint256 startedAt;
        uint256 updatedAt;
        uint80 answeredInRound;
    }

    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);
    event NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt);

    error NotOwner(address caller);
    error NoDataPresent();

    uint256 public constant version = 4;

    address public immutable owner;
    uint8 public immutable decimals;
    string public description;
    uint80 public latestRound;
    mapping(uint80 roundId => Round) private rounds;

    constructor(string memory description_, uint8 decimals_) {
        owner = msg.sender;
        description = description_;
        decimals = decimals_;
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    /// @notice Completes a new round with `answer`, as of `updatedAt`.
    function setAnswer(int256 answer, uint256 updatedAt) external onlyOwner {
        uint80 roundId = latestRound + 1;
        _setRound(roundId, answer, updatedAt, updatedAt, roundId);
    }

    /// @notice Opens a new round that has no answer yet: `updatedAt` is 0, as aggregators report it.
    function openRound(uint256 startedAt) external onlyOwner {
        uint80 previous = latestRound;
        _setRound(previous + 1, 0, startedAt, 0, previous);
    }

    /// @notice Makes `roundId` the latest round, with exactly these values.
    function setRound(uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
        external
        onlyOwner
    {
        _setRound(roundId, answer, startedAt, updatedAt, answeredInRound);
    }

    function latestRoundData()
        external
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        return getRoundData(latestRound);
    }

    function getRoundData(uint80 id)
        public
        view
        returns (uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
    {
        if (latestRound == 0 || id > latestRound) revert NoDataPresent();
        Round storage round = rounds[id];
        return (id, round.answer, round.startedAt, round.updatedAt, round.answeredInRound);
    }

    function _setRound(uint80 roundId, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredInRound)
        private
    {
        latestRound = roundId;
        rounds[roundId] = Round(answer, startedAt, updatedAt, answeredInRound);
        emit NewRound(roundId, msg.sender, startedAt);
        emit AnswerUpdated(answer, roundId, updatedAt);
    }
}
