// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title Contract account with a say in what its signature is
/// @notice Holds shares and answers EIP-1271 questions as its keeper told it to: honestly, or in each of the ways in
/// which a contract can answer wrongly.
contract SignatureWallet {
    enum Answer {
        Honest, // yes if `signer` signed
        Always, // yes to everything
        Refuse, // the standard's "no"
        Revert, // fails, with a reason
        Burn, // fails, and uses all gas
        Nothing, // returns no data
        Short, // returns the four bytes alone
        Dirty, // returns the right four bytes and something behind them
        Long, // returns the right word and much more
        True // returns 1, as if it were a bool
    }

    bytes4 private constant YES = 0x1626ba7e;

    address public immutable signer;
    Answer public answer;
    constructor(address signer_) {
        signer = signer_;
    }

    function setAnswer(Answer answer_) external {
        answer = answer_;
    }

    /// @notice Does whatever anybody asks for in the wallet's name. It is a test's wallet.
    function execute(address target, bytes calldata data) external returns (bytes memory) {
        (bool done, bytes memory returned) = target.call(data);
        if (!done) {
            assembly ("memory-safe") {
                revert(add(returned, 32), mload(returned))
            }
        }
        return returned;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        Answer how = answer;
        if (how == Answer.Always) return YES;
        if (how == Answer.Refuse) return 0xffffffff;
        if (how == Answer.Revert) revert("the wallet does not sign");
        assembly ("memory-safe") {
            switch how
            case 4 { invalid() }
            case 5 { return(0, 0) }
            case 6 {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
            case 7 {
                mstore(0, or(shl(224, 0x1626ba7e), 1))
                return(0, 32)
            }
            case 8 {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4096)
            }
            case 9 {
                mstore(0, 1)
                return(0, 32)
            }
        }
        if (signature.length != 65) return 0xffffffff;
        bytes32 r = bytes32(signature[:32]);
        bytes32 s = bytes32(signature[32:64]);
        address recovered = ecrecover(hash, uint8(signature[64]), r, s);
        return recovered != address(0) && recovered == signer ? YES : bytes4(0xffffffff);
    }
}
