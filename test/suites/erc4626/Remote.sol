// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.20;

interface IRpcVm {
    function envAddress(string calldata name) external view returns (address);
    function envString(string calldata name) external view returns (string memory);
    function setEnv(string calldata name, string calldata value) external;
    function rpc(string calldata url, string calldata method, string calldata params)
        external
        returns (bytes memory);
    function toString(bytes calldata value) external pure returns (string memory);
    function toString(address value) external pure returns (string memory);
}

/// @title Stand-in for a contract on another chain
/// @notice forge cannot execute Stylus programs. What the suite sends here is asked of the node at `DEVNODE_URL`, in the
/// name of whoever sent it, and what the node answers is returned.
abstract contract Remote {
    error NodeRefuses(string method);

    IRpcVm internal constant VM = IRpcVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    /// @dev As a call: the answer, and no trace on the node.
    function _ask(address from, address to, bytes memory data) internal returns (bytes memory) {
        return _rpc("eth_call", string.concat("[", _transaction(from, to, data), ',"latest"]'));
    }

    /// @dev As a transaction: asked first, so that what fails is refused with nothing done.
    function _send(address from, address to, bytes memory data) internal returns (bytes memory answer) {
        answer = _ask(from, to, data);
        _rpc("eth_sendTransaction", string.concat("[", _transaction(from, to, data), "]"));
    }

    /// @dev A request that may fail: then this call fails, and the suite drops its inputs.
    function _rpc(string memory method, string memory params) internal returns (bytes memory) {
        try VM.rpc(VM.envString("DEVNODE_URL"), method, params) returns (bytes memory answer) {
            return answer;
        } catch {
            revert NodeRefuses(method);
        }
    }

    /// @dev Every word of calldata that names `from` names `to` afterwards.
    function _replaced(bytes calldata data, address from, address to) internal pure returns (bytes memory copy) {
        copy = data;
        for (uint256 at = 4; at + 32 <= copy.length; at += 32) {
            assembly ("memory-safe") {
                let word := add(add(copy, 32), at)
                if eq(mload(word), from) { mstore(word, to) }
            }
        }
    }

    function _transaction(address from, address to, bytes memory data) private pure returns (string memory) {
        return string.concat(
            '{"from":"',
            VM.toString(from),
            '","to":"',
            VM.toString(to),
            '","data":"',
            VM.toString(data),
            '","gas":"0x1e00000","gasPrice":"0x0"}'
        );
    }
}
