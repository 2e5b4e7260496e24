// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Library that has to be linked
/// @notice External, so that a client deploys it first and puts its address into the contract that uses it.
library Squares {
    function square(uint256 value) external pure returns (uint256) {
        return value * value;
    }
}

/// @title Sample
/// @notice One of each thing that clients show or decode: storage, events, errors of every kind, value, nested calls.
contract Sample {
    event Stored(address indexed by, uint256 indexed value, string note);
    event Paid(address indexed by, uint256 value);

    error TooLarge(uint256 value, uint256 limit);

    uint256 public constant LIMIT = 1_000_000;

    /// @dev Slot 0: clients read it as storage too.
    uint256 public value;
    mapping(address account => uint256) public paid;
    /// @dev What `cleared` refunds gas for.
    uint256[4] private _filled;

    constructor(uint256 initial) payable {
        value = initial;
    }

    function set(uint256 value_, string calldata note) external {
        if (value_ > LIMIT) revert TooLarge(value_, LIMIT);
        value = value_;
        emit Stored(msg.sender, value_, note);
    }

    function pay() external payable returns (uint256) {
        paid[msg.sender] += msg.value;
        emit Paid(msg.sender, msg.value);
        return paid[msg.sender];
    }

    function fill() external {
        for (uint256 i; i < 4; ++i) _filled[i] = i + 1;
    }

    /// @notice Uses more gas than it is charged in the end: the refund comes last.
    function clear() external {
        for (uint256 i; i < 4; ++i) delete _filled[i];
    }

    /// @notice Calls itself `depth` times before it stores, each time with 63/64 of the gas.
    function nest(uint256 depth) external {
        if (depth == 0) value += 1;
        else this.nest(depth - 1);
    }

    function complain() external pure {
        revert("the sample complains");
    }

    function panic(uint256 divisor) external pure returns (uint256) {
        return 1 / divisor;
    }

    function fault() external pure {
        assembly {
            invalid()
        }
    }

    function who() external view returns (address) {
        return msg.sender;
    }

    function block_() external view returns (uint256 timestamp, uint256 basefee, uint256 chain) {
        return (block.timestamp, block.basefee, block.chainid);
    }
}

/// @title Contract that needs `Squares`
contract Linked {
    function square(uint256 value) external pure returns (uint256) {
        return Squares.square(value);
    }
}
