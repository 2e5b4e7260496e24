// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IToken {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
}

/// @title Book that does not keep its word
/// @notice Passes for a book of a vault and holds nothing but cash. Each of the two things that a vault asks of a book
/// can be made to go wrong. Anyone may choose how.
contract HostileBook {
    enum Marks {
        Honest,
        Revert,
        BurnGas, // uses all the gas it is given
        Short, // answers fewer words than it should
        HugeAnswer, // answers much more than it should, and nonsense
        HugeRevert, // reverts with much data
        Unordered, // the low mark above the high one
        Enormous // all marks the largest number
    }

    enum Recall {
        Honest,
        Revert,
        BurnGas,
        Nothing, // pays nothing and says nothing
        HugeAnswer,
        HugeRevert,
        TooMuch, // pays all it has
        Reenter // makes a chosen call, then pays
    }

    address public immutable vault;
    address public immutable asset;
    Marks public onMarks;
    Recall public onRecall;
    /// @notice Added to all marks, in asset units.
    int256 public extra;
    uint256 public disturbanceBps;
    address public target;
    bytes public data;
    /// @notice How the chosen call ended: 0 not made, 1 refused, 2 went through; and what it answered.
    uint256 public ending;
    bytes public output;

    uint256 private constant MUCH = 0xa0000;

    constructor(address vault_, address asset_) {
        vault = vault_;
        asset = asset_;
    }

    function setBehaviour(Marks onMarks_, Recall onRecall_) external {
        onMarks = onMarks_;
        onRecall = onRecall_;
    }

    function setMarks(int256 extra_, uint256 disturbanceBps_) external {
        extra = extra_;
        disturbanceBps = disturbanceBps_;
    }

    function setCall(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    /// @notice Sends what the book holds to anyone: a loss, or theft.
    function lose(address to, uint256 value) external {
        IToken(asset).transfer(to, value);
    }

    function token(uint256) external view returns (address, uint256) {
        return (asset, 6);
    }

    function marks() external view returns (uint256, uint256, uint256, uint256) {
        Marks kind = onMarks;
        uint256 much = MUCH;
        assembly ("memory-safe") {
            switch kind
            case 1 { revert(0, 0) }
            case 2 { invalid() }
            case 3 { return(0, 0x40) }
            case 4 {
                mstore(0, not(0))
                return(0, much)
            }
            case 5 { revert(0, much) }
        }
        if (kind == Marks.Unordered) return (2, 1, 0, 0);
        if (kind == Marks.Enormous) return (type(uint256).max, type(uint256).max, type(uint256).max, 0);
        int256 value = int256(IToken(asset).balanceOf(address(this))) + extra;
        uint256 mark = value < 0 ? 0 : uint256(value);
        return (mark, mark, mark, disturbanceBps);
    }

    function recall(uint256 assets) external {
        Recall kind = onRecall;
        uint256 much = MUCH;
        assembly ("memory-safe") {
            switch kind
            case 1 { revert(0, 0) }
            case 2 { invalid() }
            case 3 { return(0, 0) }
            case 5 { revert(0, much) }
        }
        if (kind == Recall.TooMuch) assets = IToken(asset).balanceOf(address(this));
        if (kind == Recall.Reenter) {
            (bool success, bytes memory answer) = target.call(data);
            (ending, output) = (success ? 2 : 1, answer);
        }
        IToken(asset).transfer(vault, assets);
        if (kind == Recall.HugeAnswer) {
            assembly ("memory-safe") {
                return(0, much)
            }
        }
    }
}
