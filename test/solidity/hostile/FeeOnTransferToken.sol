// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Token that keeps a part of every transfer
/// @notice The receiver gets less than `value`; the rest is burned. A caller that books `value` instead of the
/// difference of balances counts units that do not exist.
contract FeeOnTransferToken {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    error FeeTooHigh(uint256 feeBps);

    uint256 private constant BPS = 10_000;

    string public constant name = "Fee On Transfer";
    string public constant symbol = "FEE";
    uint8 public constant decimals = 6;

    /// @notice Part of each transfer that is burned, in hundredths of a percent, rounded up.
    uint256 public feeBps;
    uint256 public totalSupply;
    mapping(address owner => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    constructor(uint256 feeBps_) {
        setFeeBps(feeBps_);
    }

    function setFeeBps(uint256 feeBps_) public {
        if (feeBps_ > BPS) revert FeeTooHigh(feeBps_);
        feeBps = feeBps_;
    }

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        _move(from, to, value);
        return true;
    }

    function _move(address from, address to, uint256 value) private {
        uint256 fee = (value * feeBps + BPS - 1) / BPS;
        balanceOf[from] -= value;
        balanceOf[to] += value - fee;
        totalSupply -= fee;
        emit Transfer(from, to, value - fee);
        if (fee != 0) emit Transfer(from, address(0), fee);
    }
}
