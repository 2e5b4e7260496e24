// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

interface IAsset {
    function balanceOf(address account) external view returns (uint256);
    function approve(address spender, uint256 value) external returns (bool);
    function transfer(address to, uint256 value) external returns (bool);
    function transferFrom(address from, address to, uint256 value) external returns (bool);
}

/// @dev What a third party takes from the standards, and the one function of the vault's own that it likes.
interface IShares is IAsset {
    function asset() external view returns (address);
    function share() external view returns (address);
    function supportsInterface(bytes4 interfaceId) external view returns (bool);
    function depositWithMin(uint256 assets, address receiver, uint256 minShares) external returns (uint256);
    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256);
    function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256);
    function maxRedeem(address controller) external view returns (uint256);
    function redeem(uint256 shares, address receiver, address controller) external returns (uint256);
    function isOperator(address controller, address operator) external view returns (bool);
    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature)
        external;
}

/// @title Savings club on top of a vault
/// @notice What a third party would build: it takes assets of its members, holds shares for them, redeems for them all
/// in rounds of one request each, and serves as operator those who hold their shares themselves. Written from the
/// standards alone: ERC-20, ERC-2612, ERC-4626, ERC-7540, ERC-7575, ERC-165, ERC-1271.
contract Integrator {
    struct Round {
        uint256 requestId;
        uint256 shares;
        uint256 assets; // claimed so far
        mapping(address member => uint256) sharesOf;
        mapping(address member => uint256) paidTo;
    }

    error NotAVault(address vault);
    error NotEnough(uint256 shares, uint256 wanted);
    error RoundPending(uint256 round);
    error NotYourOperator(address member);
    error NotMoved();

    event Joined(address indexed member, uint256 assets, uint256 shares);
    event Left(address indexed member, uint256 indexed round, uint256 shares);
    event Paid(address indexed member, uint256 indexed round, uint256 assets);

    bytes4 private constant REDEMPTIONS = 0x620ee8e4;
    bytes4 private constant OPERATORS = 0xe3bc4e65;
    bytes4 private constant VAULT = 0x2f0a18c5;
    bytes4 private constant DEPOSITS = 0xce3bbe50;
    bytes4 private constant SIGNED = 0x1626ba7e;

    IShares public immutable vault;
    IAsset public immutable asset;
    /// @notice Its signature is the club's.
    address public immutable treasurer;

    mapping(address member => uint256) public sharesOf;
    uint256 public totalShares;
    /// @notice The round that members leave in, from 1; it is requested all at once.
    uint256 public round = 1;
    mapping(uint256 number => Round) private _rounds;

    constructor(IShares vault_, address treasurer_) {
        bool fits = vault_.supportsInterface(REDEMPTIONS) && vault_.supportsInterface(OPERATORS)
            && vault_.supportsInterface(VAULT) && !vault_.supportsInterface(DEPOSITS)
            && vault_.share() == address(vault_);
        if (!fits) revert NotAVault(address(vault_));
        (vault, asset, treasurer) = (vault_, IAsset(vault_.asset()), treasurer_);
    }

    // ---- members whose shares the club holds ----

    /// @notice Takes assets of the caller and buys at least `minShares` for them.
    function join(uint256 assets, uint256 minShares) external returns (uint256 shares) {
        _done(asset.transferFrom(msg.sender, address(this), assets));
        _done(asset.approve(address(vault), assets));
        shares = vault.depositWithMin(assets, address(this), minShares);
        _credit(msg.sender, shares);
        emit Joined(msg.sender, assets, shares);
    }

    /// @notice Takes shares of the caller by its permit.
    function joinWithPermit(uint256 shares, uint256 deadline, bytes calldata signature) external {
        vault.permit(msg.sender, address(this), shares, deadline, signature);
        _done(vault.transferFrom(msg.sender, address(this), shares));
        _credit(msg.sender, shares);
        emit Joined(msg.sender, 0, shares);
    }

    /// @notice Puts shares of the caller into the next round.
    function leave(uint256 shares) external returns (uint256 number) {
        uint256 held = sharesOf[msg.sender];
        if (shares > held) revert NotEnough(held, shares);
        sharesOf[msg.sender] = held - shares;
        totalShares -= shares;
        number = round;
        Round storage current = _rounds[number];
        current.sharesOf[msg.sender] += shares;
        current.shares += shares;
        emit Left(msg.sender, number, shares);
    }

    /// @notice Requests the round's shares, once the last round is claimed completely. Anyone may call.
    function requestRound() external returns (uint256 requestId) {
        uint256 last = round - 1;
        if (last != 0) {
            collect();
            uint256 open = vault.pendingRedeemRequest(_rounds[last].requestId, address(this));
            if (open != 0) revert RoundPending(last);
        }
        Round storage current = _rounds[round];
        requestId = vault.requestRedeem(current.shares, address(this), address(this));
        current.requestId = requestId;
        round += 1;
    }

    /// @notice Claims what is settled of the round that was requested last. Anyone may call.
    function collect() public returns (uint256 assets) {
        uint256 shares = vault.maxRedeem(address(this));
        if (shares == 0) return 0;
        assets = vault.redeem(shares, address(this), address(this));
        _rounds[round - 1].assets += assets;
    }

    /// @notice Pays the caller its part of what a round has brought so far.
    function withdraw(uint256 number) external returns (uint256 assets) {
        Round storage past = _rounds[number];
        uint256 earned = past.assets * past.sharesOf[msg.sender] / past.shares;
        assets = earned - past.paidTo[msg.sender];
        past.paidTo[msg.sender] = earned;
        _done(asset.transfer(msg.sender, assets));
        emit Paid(msg.sender, number, assets);
    }

    // ---- members who hold their shares themselves and made the club their operator ----

    /// @notice Requests redemption of a member's own shares; the request is the member's.
    function requestFor(address member, uint256 shares) external returns (uint256) {
        if (!vault.isOperator(member, address(this))) revert NotYourOperator(member);
        return vault.requestRedeem(shares, member, member);
    }

    /// @notice Claims for a member; the assets go to the member.
    function claimFor(address member) external returns (uint256) {
        return vault.redeem(vault.maxRedeem(member), member, member);
    }

    // ---- the club's own signature ----

    /// @notice EIP-1271: what the treasurer signed, the club signed.
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65) return 0xffffffff;
        address signer =
            ecrecover(hash, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64]));
        return signer != address(0) && signer == treasurer ? SIGNED : bytes4(0xffffffff);
    }

    function _done(bool success) private pure {
        if (!success) revert NotMoved();
    }

    function _credit(address member, uint256 shares) private {
        sharesOf[member] += shares;
        totalShares += shares;
    }
}
