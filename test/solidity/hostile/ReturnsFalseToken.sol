// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Token that reports failure by its return value
/// @notice Behaves as a plain ERC-20 token until a function is switched to fail: from then on that function changes
/// nothing and returns false instead of reverting. A caller that ignores the value believes it was paid.
contract ReturnsFalseToken {
    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    string public constant name = "Returns False";
    string public constant symbol = "FALSE";
    uint8 public constant decimals = 6;

    uint256 public totalSupply;
    mapping(address owner => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    bool public transferFails;
    bool public transferFromFails;
    bool public approveFails;

    /// @notice Chooses which functions fail from now on.
    function setFailing(bool transfer_, bool transferFrom_, bool approve_) external {
        transferFails = transfer_;
        transferFromFails = transferFrom_;
        approveFails = approve_;
    }

    function mint(address to, uint256 value) external {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        if (approveFails) return false;
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function transfer(address to, uint256 value) external returns (bool) {
        if (transferFails || balanceOf[msg.sender] < value) return false;
        _move(msg.sender, to, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        if (transferFromFails || balanceOf[from] < value || allowance[from][msg.sender] < value) return false;
        allowance[from][msg.sender] -= value;
        _move(from, to, value);
        return true;
    }

    function _move(address from, address to, uint256 value) private {
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
    }
}
