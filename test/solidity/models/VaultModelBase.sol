// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FixedPointMathLib as Math} from "solady/utils/FixedPointMathLib.sol";
import {IMarkedBook, IRoles, IToken, VaultModelTypes} from "./VaultModelTypes.sol";

/// @title What both halves of the model share
/// @notice Storage, measurement and fees. See `VaultModel`.
abstract contract VaultModelBase is VaultModelTypes {
    // ---- constants ----

    uint256 internal constant BPS = 10_000;
    uint256 internal constant RAY = 1e27;
    uint256 internal constant PRICE_SCALE = 1e36;
    uint256 internal constant PER_UNIT_SCALE = 1e45;
    uint256 internal constant YEAR = 31_536_000;
    uint256 internal constant GRACE = 86_400;
    uint256 internal constant SURPLUS_DELAY = 3_600;
    uint256 internal constant DUST_DIVISOR = 1e6;
    uint256 internal constant MAX_BOOKS = 8;
    uint256 internal constant MARKS_GAS = 1_500_000;
    uint256 internal constant RECALL_GAS = 500_000;
    uint256 internal constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    bytes32 internal constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 internal constant PERMIT_TYPE =
        keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");

    // ---- what never changes ----

    address internal immutable GOVERNOR;
    address internal immutable ASSET;
    uint8 internal immutable DECIMALS;
    bytes32 internal immutable NAME;
    bytes32 internal immutable SYMBOL;
    bytes32 internal immutable NAME_HASH;
    uint256 internal immutable VIRTUAL_SHARES;

    // ---- storage ----

    struct Config {
        uint32 periodSecs;
        uint32 waitLimitSecs;
        uint16 entryCostBps;
        uint16 performanceFeeBps;
        uint16 managementFeeBps;
        uint16 maxSpreadBps;
        uint16 maxDisturbanceBps;
        uint8 books;
        uint32 pockets;
        bool windingDown;
        /// Whether the account cap is below the maximum, and its slot has to be read.
        bool accountCapped;
    }

    struct Totals {
        uint128 supply;
        uint128 idle;
    }

    struct Measured {
        uint128 mid;
        uint128 max;
    }

    struct Fees {
        uint192 highWaterMark;
        uint64 accruedAt;
    }

    struct Queue {
        uint128 claimReserve;
        uint64 lastBatch;
        uint64 settledBatches;
    }

    struct Batch {
        uint128 shares;
        /// The part settled. Not written when all of it is: `settledBatches` says so.
        uint96 filledRay;
        uint32 cutOff;
        uint248 assetsPerShare;
        bool pocketed;
    }

    struct Request {
        uint64 batch;
        uint128 shares;
        uint128 claimedShares;
        uint128 claimedAssets;
    }

    struct Book {
        address at;
        /// The pocket's part.
        uint96 pocketRay;
    }

    struct Limit {
        uint256 cap;
        uint128 allocated;
        uint32 pocket;
        /// Its index + 1; 0 if it is not registered.
        uint8 place;
        bool isolated;
    }

    struct Pocket {
        address book;
        uint256 units;
        uint256 paidPerUnit;
    }

    struct Stake {
        uint128 units;
        uint128 paidBefore;
    }

    struct Surplus {
        uint128 noted;
        uint64 bookableAt;
    }

    Config internal _config;
    Totals internal _totals;
    Measured internal _measured;
    Fees internal _fees;
    Queue internal _queue;
    Surplus internal _surplus;
    uint256 internal _depositCap;
    uint256 internal _accountCap;
    address internal _rebalancer;
    address internal _feeRecipient;
    Book[MAX_BOOKS] internal _books;
    mapping(address account => uint256) internal _balances;
    mapping(address owner => mapping(address spender => uint256)) internal _allowances;
    mapping(address owner => uint256) internal _nonces;
    mapping(address controller => mapping(address operator => bool)) internal _operators;
    mapping(uint256 id => Batch) internal _batches;
    mapping(address controller => Request) internal _requests;
    /// @dev Shares of earlier requests in batches that have stakes in pockets.
    mapping(address controller => mapping(uint256 id => uint256 shares)) internal _archive;
    mapping(address book => Limit) internal _limits;
    mapping(uint256 pocket => Pocket) internal _pockets;
    mapping(uint256 pocket => mapping(uint256 id => Stake)) internal _stakes;
    mapping(uint256 pocket => mapping(uint256 id => mapping(address controller => uint256))) internal _restClaimed;

    bool internal transient _locked;

    constructor(address governor, address asset, bytes32 name, bytes32 symbol) {
        if (governor == address(0)) revert ZeroAddress();
        uint256 assetDecimals = IToken(asset).decimals();
        if (assetDecimals > 18) revert DecimalsUnsupported(asset, assetDecimals);
        uint256 shareDecimals = assetDecimals > 12 ? assetDecimals + 6 : 18;
        (GOVERNOR, ASSET, DECIMALS, NAME, SYMBOL) = (governor, asset, uint8(shareDecimals), name, symbol);
        NAME_HASH = keccak256(_text(name));
        VIRTUAL_SHARES = 10 ** (shareDecimals - assetDecimals);
    }

    /// @dev Totals over idle assets and books. `failures` are the books that could not be measured, as bits, `failed` the
    /// first of them, `disturbed` the first whose pools are further from the oracle than `limit`.
    struct Marks {
        uint256 min;
        uint256 mid;
        uint256 max;
        uint256 failures;
        address failed;
        address disturbed;
        uint256 disturbanceBps;
    }

    function _take() internal {
        if (_locked) revert Locked();
        _locked = true;
    }

    function _free() internal view {
        if (_locked) revert Locked();
    }

    function _checkReceiver(address receiver) internal view {
        if (receiver == address(0) || receiver == address(this)) revert ERC20InvalidReceiver(receiver);
    }

    function _approve(address owner, address spender, uint256 value) internal {
        if (spender == address(0)) revert ERC20InvalidSpender(spender);
        _allowances[owner][spender] = value;
        emit Approval(owner, spender, value);
    }

    /// @dev The supply is the caller's to write.
    function _mint(address to, uint256 value) internal {
        unchecked {
            _balances[to] += value;
        }
        emit Transfer(address(0), to, value);
    }

    /// @dev Whether a call can get this much: its own price and the 64th that the EVM keeps back come on top.
    function _affords(uint256 amount) internal view returns (bool) {
        unchecked {
            return gasleft() >= amount + amount / 32 + 10_000;
        }
    }

    /// @dev Asks one book. `strict` reverts where too little gas is left to tell a failure from a starved call.
    function _ask(address book, bool strict)
        internal
        view
        returns (bool measured, uint256 min, uint256 mid, uint256 max, uint256 disturbanceBps)
    {
        // Nor does a view while the system is at work: values are half-way.
        if (!_affords(MARKS_GAS) || (!strict && _locked)) {
            if (strict) revert InsufficientGas();
            return (false, 0, 0, 0, 0);
        }
        bytes4 selector = IMarkedBook.marks.selector;
        assembly ("memory-safe") {
            let answer := mload(0x40)
            mstore(0x00, selector)
            // The arguments of `and` are evaluated from the right.
            measured := and(gt(returndatasize(), 0x7f), staticcall(MARKS_GAS, book, 0x00, 0x04, answer, 0x80))
            if measured {
                min := mload(answer)
                mid := mload(add(answer, 0x20))
                max := mload(add(answer, 0x40))
                disturbanceBps := mload(add(answer, 0x60))
                measured := iszero(or(or(gt(min, mid), gt(mid, max)), shr(128, max)))
            }
        }
    }

    function _measure(Config memory config, uint256 idle_, bool strict, uint256 limit)
        internal
        view
        returns (Marks memory m)
    {
        (m.min, m.mid, m.max) = (idle_, idle_, idle_);
        unchecked {
            for (uint256 i; i < config.books; ++i) {
                Book memory book = _books[i];
                (bool measured, uint256 min, uint256 mid, uint256 max, uint256 disturbanceBps) = _ask(book.at, strict);
                if (!measured) {
                    m.failures |= 1 << i;
                    if (m.failed == address(0)) m.failed = book.at;
                    continue;
                }
                if (book.pocketRay != 0) {
                    // Below 2¹²⁸·1e27.
                    uint256 rest = RAY - book.pocketRay;
                    min = min * rest / RAY;
                    mid = mid * rest / RAY;
                    max = (max * rest + RAY - 1) / RAY;
                }
                // At most nine numbers of 128 bits.
                m.min += min;
                m.mid += mid;
                m.max += max;
                if (disturbanceBps > limit && m.disturbed == address(0)) {
                    (m.disturbed, m.disturbanceBps) = (book.at, disturbanceBps);
                }
            }
        }
    }

    /// @dev Remembers totals for views while a book cannot be measured; they saturate.
    function _remember(uint256 mid, uint256 max) internal {
        _measured = Measured(uint128(Math.min(mid, type(uint128).max)), uint128(Math.min(max, type(uint128).max)));
    }

    /// @dev Fee shares due now for `supply` shares worth `min`, and the high-water mark after them.
    function _due(Config memory config, Fees memory fees, uint256 supply, uint256 min, bool performance)
        internal
        view
        returns (uint256 management, uint256 gain, uint256 mark)
    {
        mark = fees.highWaterMark;
        if (fees.accruedAt == block.timestamp) return (0, 0, mark);
        bool charged = (config.managementFeeBps | config.performanceFeeBps) != 0 && _feeRecipient != address(0);
        // 128 bits of shares, 9 of the rate, 64 of time.
        unchecked {
            if (charged) {
                management = supply * config.managementFeeBps * (block.timestamp - fees.accruedAt) / (BPS * YEAR);
            }
            if (performance) {
                uint256 all = supply + management + VIRTUAL_SHARES;
                uint256 price = Math.fullMulDiv(min + 1, PRICE_SCALE, all);
                if (price > mark) {
                    if (charged && config.performanceFeeBps != 0) {
                        uint256 gained = Math.fullMulDiv(price - mark, supply + management, PRICE_SCALE);
                        uint256 fee = Math.fullMulDiv(gained, config.performanceFeeBps, BPS);
                        gain = Math.fullMulDiv(fee, all, min + 1 - fee);
                        price = Math.fullMulDivUp(min + 1, PRICE_SCALE, all + gain);
                    } else {
                        price = Math.fullMulDivUp(min + 1, PRICE_SCALE, all);
                    }
                    if (price > mark) mark = price;
                }
            }
        }
    }

    /// @dev Charges what is due, and returns the supply afterwards, which is the caller's to write.
    function _accrue(Config memory config, uint256 supply, uint256 min, bool performance)
        internal
        returns (uint256, uint256 management, uint256 gain)
    {
        Fees memory fees = _fees;
        if (fees.accruedAt == block.timestamp) return (supply, 0, 0);
        uint256 mark;
        (management, gain, mark) = _due(config, fees, supply, min, performance);
        _fees = Fees(uint192(mark), uint64(block.timestamp));
        unchecked {
            uint256 shares = management + gain;
            if (shares != 0) _mint(_feeRecipient, shares);
            if (shares != 0 || mark != fees.highWaterMark) emit FeesAccrued(management, gain, mark);
            return (supply + shares, management, gain);
        }
    }

    /// @dev What views see: measured now, with the fees that the next deposit or settlement would charge.
    function _look() internal view returns (Config memory config, Marks memory m, uint256 all) {
        config = _config;
        Totals memory totals = _totals;
        m = _measure(config, totals.idle, false, config.maxDisturbanceBps);
        (uint256 management, uint256 gain,) = _due(config, _fees, totals.supply, m.min, m.failures == 0);
        unchecked {
            all = totals.supply + management + gain + VIRTUAL_SHARES;
        }
    }

    function _room(Config memory config, Marks memory m, uint256 idle_, address receiver, uint256 all)
        internal
        view
        returns (uint256 room)
    {
        // Amounts are stored in 128 bits.
        room = Math.min(Math.zeroFloorSub(_depositCap, m.mid), type(uint128).max - idle_);
        if (config.accountCapped) {
            uint256 value = Math.fullMulDivUp(_balances[receiver], m.mid + 1, all);
            room = Math.min(room, Math.zeroFloorSub(_accountCap, value));
        }
    }

    function _checkOperator(address controller) internal view {
        if (msg.sender != controller && !_operators[controller][msg.sender]) revert Unauthorized(msg.sender);
    }

    /// @dev The batch that a request joins now.
    function _openBatch() internal view returns (uint256 id, uint256 cutOff, bool opened) {
        id = _queue.lastBatch;
        cutOff = _batches[id].cutOff;
        if (block.timestamp >= cutOff) {
            uint256 period = _config.periodSecs;
            unchecked {
                return (id + 1, block.timestamp - block.timestamp % period + period, true);
            }
        }
    }

    function _claimOf(address controller)
        internal
        view
        returns (uint256 id, uint256 pending, uint256 shares, uint256 assets)
    {
        Request memory request = _requests[controller];
        id = request.batch;
        if (id == 0) return (0, 0, 0, 0);
        Batch memory batch = _batches[id];
        pending = _unfilled(request.shares, _unfilledRay(id, batch));
        uint256 earned = Math.fullMulDiv(request.shares, batch.assetsPerShare, PER_UNIT_SCALE);
        shares = Math.zeroFloorSub(request.shares - pending, request.claimedShares);
        assets = Math.zeroFloorSub(earned, request.claimedAssets);
    }

    function _unfilledRay(uint256 id, Batch memory batch) internal view returns (uint256) {
        unchecked {
            return id <= _queue.settledBatches ? 0 : RAY - batch.filledRay;
        }
    }

    /// @dev Rounded up; shares below 2¹²⁸.
    function _unfilled(uint256 shares, uint256 unfilledRay) internal pure returns (uint256) {
        unchecked {
            return (shares * unfilledRay + RAY - 1) / RAY;
        }
    }

    function _checkSpread(Config memory config, uint256 min, uint256 mid, uint256 max) internal pure {
        unchecked {
            uint256 spread = (max - min) * BPS;
            if (spread > config.maxSpreadBps * mid) {
                revert MarksTooWide(mid == 0 ? type(uint256).max : Math.divUp(spread, mid), config.maxSpreadBps);
            }
        }
    }

    /// @dev Takes back up to `assets`; a book that refuses gives 0. What belongs to the pocket goes to its holders.
    function _pull(Book memory book, uint256 assets)
        internal
        returns (uint256 received, uint256 kept, uint256 pocketed)
    {
        uint256 wanted = Math.min(assets, IToken(ASSET).balanceOf(book.at));
        if (wanted == 0) return (0, 0, 0);
        uint256 before = IToken(ASSET).balanceOf(address(this));
        if (!_affords(RECALL_GAS)) revert InsufficientGas();
        try IMarkedBook(book.at).recall{gas: RECALL_GAS}(wanted) {}
        catch {
            return (0, 0, 0);
        }
        received = Math.zeroFloorSub(IToken(ASSET).balanceOf(address(this)), before);
        Limit storage limit = _limits[book.at];
        limit.allocated = uint128(Math.zeroFloorSub(limit.allocated, received));
        emit Recalled(book.at, received);
        kept = received;
        if (book.pocketRay != 0) {
            pocketed = Math.fullMulDiv(received, book.pocketRay, RAY);
            kept = received - pocketed;
            _payPocket(limit.pocket, pocketed, book.pocketRay);
        }
    }

    function _payPocket(uint256 id, uint256 assets, uint256 fraction) internal {
        Pocket storage pocket_ = _pockets[id];
        pocket_.paidPerUnit += Math.fullMulDiv(assets, PER_UNIT_SCALE, pocket_.units);
        emit PocketPaid(id, assets, fraction);
    }

    function _onlyAllocator() internal view {
        if (msg.sender != IRoles(GOVERNOR).allocator()) revert Unauthorized(msg.sender);
    }

    /// @dev Sends assets; tokens that return nothing are accepted.
    function _pay(address to, uint256 amount) internal {
        address token = ASSET;
        bytes memory data = abi.encodeWithSelector(0xa9059cbb, to, amount);
        bool accepted;
        assembly ("memory-safe") {
            accepted := call(gas(), token, 0, add(data, 0x20), mload(data), 0x00, 0x20)
            if iszero(and(eq(mload(0x00), 1), accepted)) {
                accepted := lt(or(iszero(extcodesize(token)), returndatasize()), accepted)
            }
        }
        if (!accepted) revert TransferFailed(token);
    }

    /// @dev Checked.
    function _u128(uint256 value) internal pure returns (uint128) {
        if (value >> 128 != 0) revert ArithmeticOverflow();
        return uint128(value);
    }

    /// @dev Left-aligned ASCII up to the first zero byte.
    function _text(bytes32 word) internal pure returns (bytes memory text) {
        uint256 length;
        while (length < 32 && word[length] != 0) ++length;
        text = new bytes(length);
        for (uint256 i; i < length; ++i) {
            text[i] = word[i];
        }
    }

    function _checkOpen(Config memory config, Marks memory m) internal pure {
        if (config.windingDown) revert WindingDown();
        if (m.failures != 0) revert MarkUnavailable(m.failed);
        _checkPools(m, config.maxDisturbanceBps);
    }

    function _checkPools(Marks memory m, uint256 limit) internal pure {
        if (m.disturbed != address(0)) revert PoolDisturbed(m.disturbed, m.disturbanceBps, limit);
    }

    function _sharesDown(Config memory config, uint256 assets, uint256 max, uint256 all)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            return Math.fullMulDiv(Math.fullMulDiv(assets, BPS - config.entryCostBps, BPS), all, max + 1);
        }
    }

    /// @dev As `_sharesDown`, or the largest number.
    function _mostShares(Config memory config, uint256 assets, uint256 max, uint256 all)
        internal
        pure
        returns (uint256)
    {
        uint256 kept = Math.fullMulDiv(assets, BPS - config.entryCostBps, BPS);
        uint256 high;
        assembly ("memory-safe") {
            let low := mul(kept, all)
            let mixed := mulmod(kept, all, not(0))
            high := sub(sub(mixed, low), lt(mixed, low))
        }
        return high > max ? type(uint256).max : Math.fullMulDiv(kept, all, max + 1);
    }

    function _move(address from, address to, uint256 value) internal {
        uint256 balance = _balances[from];
        if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
        // The sum of all balances is the supply.
        unchecked {
            _balances[from] = balance - value;
            _balances[to] += value;
        }
        emit Transfer(from, to, value);
    }

    function _assetsUp(Config memory config, uint256 shares, uint256 max, uint256 all) internal pure returns (uint256) {
        unchecked {
            return Math.fullMulDivUp(Math.fullMulDivUp(shares, max + 1, all), BPS, BPS - config.entryCostBps);
        }
    }
}
