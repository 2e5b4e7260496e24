// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface ISpendable {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
}

/// @title Book whose marks a script sets
/// @notice Answers what a vault asks of a book. Its marks are the cash it holds, changed as the script says; it can fail
/// to answer, answer nonsense, and refuse to give anything back.
contract VaultBook {
    /// @notice How `marks` answers.
    enum Mode {
        Answers,
        Reverts,
        BurnsGas,
        AnswersShort,
        AnswersUnordered
    }

    address public immutable vault;
    address private immutable asset;

    /// @notice What the marks are besides the cash, in asset units, and how far they lie apart.
    struct Script {
        uint128 other;
        uint16 lowerBps;
        uint16 higherBps;
        uint16 disturbanceBps;
        Mode mode;
        bool refuses;
    }

    Script private script;

    error Scripted();
    error OnlyVault();

    constructor(address vault_, address asset_) {
        vault = vault_;
        asset = asset_;
    }

    /// @notice Sets navMid to cash + `other`, navMin to `lowerBps` less and navMax to `higherBps` more (1/10,000).
    function setMarks(uint128 other, uint16 lowerBps, uint16 higherBps, uint16 disturbanceBps) external {
        (script.other, script.lowerBps, script.higherBps) = (other, lowerBps, higherBps);
        script.disturbanceBps = disturbanceBps;
    }

    /// @notice Sets how `marks` answers, and whether `recall` refuses.
    function setMode(Mode mode, bool refuses) external {
        (script.mode, script.refuses) = (mode, refuses);
    }

    /// @notice Spends `assets` of the cash, as a losing trade does.
    function lose(uint256 assets) external {
        ISpendable(asset).transfer(address(0xdead), assets);
    }

    function token(uint256 index) external view returns (address, uint256) {
        return (index == 0 ? asset : address(0), 0);
    }

    function marks() external view returns (uint256 navMin, uint256 navMid, uint256 navMax, uint256 disturbanceBps) {
        Script memory s = script;
        if (s.mode == Mode.Reverts) revert Scripted();
        if (s.mode == Mode.BurnsGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (s.mode == Mode.AnswersShort) {
            assembly ("memory-safe") {
                mstore(0x00, 1)
                mstore(0x20, 1)
                return(0x00, 0x40)
            }
        }
        if (s.mode == Mode.AnswersUnordered) return (2, 1, 3, 0);
        navMid = ISpendable(asset).balanceOf(address(this)) + s.other;
        navMin = navMid - navMid * s.lowerBps / 10_000;
        navMax = navMid + navMid * s.higherBps / 10_000;
        disturbanceBps = s.disturbanceBps;
    }

    function recall(uint256 assets) external {
        if (msg.sender != vault) revert OnlyVault();
        if (script.refuses) revert Scripted();
        ISpendable(asset).transfer(msg.sender, assets);
    }
}
