// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IAsset {
    function balanceOf(address account) external view returns (uint256);
    function transfer(address to, uint256 value) external returns (bool);
    function mint(address to, uint256 value) external;
    function decimals() external view returns (uint8);
}

/// @title Book that does as it is told
/// @notice Worth its cash and a position that cannot be recalled; fails, lies and refuses on demand. Open to everyone,
/// for tests only.
contract ScriptedBook {
    enum Marks {
        Honest,
        Silent, // reverts without data
        Reason, // reverts with a string
        BurnGas, // uses all the gas it is given
        ShortAnswer, // two words instead of four
        Disordered, // the lowest value above the highest
        Endless, // ordered values that no sum can hold
        LongRevert, // reverts with 64 KiB of data
        LongAnswer // 64 KiB of words out of order
    }
    enum Recall {
        Pay,
        Refuse,
        BurnGas,
        PayHalf,
        PayNothing, // without saying so
        PayAll, // more than was asked for
        LongRevert
    }

    address public immutable vault;
    address public immutable asset;
    /// @notice What is not cash, at mid, in asset units.
    uint256 public position;
    /// @notice The position's lowest and highest value lie this far from mid.
    uint256 public spreadBps;
    uint256 public disturbanceBps;
    Marks public marksMode;
    Recall public recallMode;

    constructor(address vault_, address asset_) {
        vault = vault_;
        asset = asset_;
    }

    function token(uint256 index) external view returns (address, uint256) {
        return index == 0 ? (asset, IAsset(asset).decimals()) : (address(0), 0);
    }

    function set(uint256 position_, uint256 spreadBps_, uint256 disturbanceBps_, Marks marks_, Recall recall_)
        external
    {
        position = position_;
        spreadBps = spreadBps_;
        disturbanceBps = disturbanceBps_;
        marksMode = marks_;
        recallMode = recall_;
    }

    /// @notice Loses cash, or turns it into a position.
    function spend(uint256 assets, address to) external {
        IAsset(asset).transfer(to, assets);
    }

    function marks() external view returns (uint256, uint256, uint256, uint256) {
        Marks mode = marksMode;
        if (mode == Marks.Reason) revert("no value today");
        if (mode == Marks.Disordered) return (3, 2, 1, 0);
        if (mode == Marks.Endless) return (type(uint256).max, type(uint256).max, type(uint256).max, 0);
        if (mode != Marks.Honest) {
            assembly ("memory-safe") {
                switch mode
                case 3 { invalid() }
                case 4 { return(0, 0x40) }
                case 7 { revert(0, 0x10000) }
                case 8 {
                    mstore(0, 9)
                    return(0, 0x10000)
                }
                default { revert(0, 0) }
            }
        }
        uint256 cash = IAsset(asset).balanceOf(address(this));
        uint256 apart = (position * spreadBps + 9_999) / 10_000;
        return (cash + position - apart, cash + position, cash + position + apart, disturbanceBps);
    }

    function recall(uint256 assets) external {
        Recall mode = recallMode;
        if (mode == Recall.Refuse) revert("not now");
        if (mode == Recall.PayNothing) return;
        if (mode == Recall.BurnGas || mode == Recall.LongRevert) {
            assembly ("memory-safe") {
                switch mode
                case 2 { invalid() }
                default { revert(0, 0x10000) }
            }
        }
        if (mode == Recall.PayHalf) assets /= 2;
        if (mode == Recall.PayAll) assets = IAsset(asset).balanceOf(address(this));
        IAsset(asset).transfer(vault, assets);
    }
}
