// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

import {Remote} from "../../Remote.sol";
import {ERC20} from "../../token/ERC20/ERC20.sol";

/// @title The vault's asset on the node, where the suite expects a mock of OpenZeppelin's
contract ERC20Mock is ERC20("", ""), Remote {
    /// @dev The suite draws numbers of up to 256 bits. In its set-up they are folded to what a token has units of.
    uint256 private constant FOLD = 1 << 90;

    /// @notice The stand-in of the vault.
    address public vault;
    /// @notice Whether the set-up is over. forge forgets it between runs, as it forgets all local storage.
    bool public ready;
    bool private _fresh;

    function attach(address vault_) external {
        vault = vault_;
    }

    /// @notice The amount that the set-up means.
    function folded(uint256 amount) public view returns (uint256) {
        return ready ? amount : amount % FOLD;
    }

    /// @notice Creates units for `to`; for the vault that is a gain of its book, and ends the set-up.
    function mint(address to, uint256 amount) external {
        if (!_fresh) _restore();
        uint256 units = folded(amount);
        address receiver = to;
        if (to == vault) (receiver, ready) = (VM.envAddress("BOOK"), true);
        _send(receiver, VM.envAddress("ASSET"), abi.encodeWithSelector(this.mint.selector, receiver, units));
    }

    /// @notice Takes units away. The suite only asks for the vault's: that is a loss of its book, and ends the set-up.
    function burn(address from, uint256 amount) external {
        require(from == vault, "nobody else loses");
        (address book, address asset) = (VM.envAddress("BOOK"), VM.envAddress("ASSET"));
        bytes memory held = _ask(book, asset, abi.encodeWithSignature("balanceOf(address)", book));
        uint256 loss = folded(amount) % (abi.decode(held, (uint256)) + 1);
        ready = true;
        _send(book, asset, abi.encodeWithSignature("transfer(address,uint256)", address(0xdead), loss));
    }

    fallback(bytes calldata data) external returns (bytes memory) {
        bytes memory call = _replaced(data, vault, VM.envAddress("VAULT"));
        bytes4 selector = msg.sig;
        bool writes = selector == bytes4(keccak256("approve(address,uint256)"))
            || selector == bytes4(keccak256("transfer(address,uint256)"))
            || selector == bytes4(keccak256("transferFrom(address,address,uint256)"));
        return writes
            ? _send(msg.sender, VM.envAddress("ASSET"), call)
            : _ask(msg.sender, VM.envAddress("ASSET"), call);
    }

    /// @dev Every run starts from the same state of the node.
    function _restore() private {
        _rpc("evm_revert", string.concat('["', VM.envString("SNAPSHOT"), '"]'));
        bytes memory answer = _rpc("evm_snapshot", "[]");
        uint256 id;
        for (uint256 i; i < answer.length; ++i) id = id << 8 | uint8(answer[i]);
        VM.setEnv("SNAPSHOT", _hex(id));
        _fresh = true;
    }

    function _hex(uint256 value) private pure returns (string memory text) {
        bytes16 digits = "0123456789abcdef";
        if (value == 0) return "0x0";
        for (; value != 0; value >>= 4) text = string.concat(string(abi.encodePacked(digits[value & 15])), text);
        return string.concat("0x", text);
    }
}
