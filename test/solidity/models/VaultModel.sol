// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FixedPointMathLib as Math} from "solady/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {VaultModelBase} from "./VaultModelBase.sol";
import {ISetUp, IToken} from "./VaultModelTypes.sol";

/// @title Solidity vault of equal features
/// @notice What a Solidity engineer would deploy for the same specification, written from it and from `IVault`, apart from
/// the Rust code that it is compared with, in results and in gas. Both take the same calls and emit the same events.
///
/// What Solidity offers is used: immutables for what never changes, packed slots, transient storage for the lock, one
/// write of each slot per call, solady's arithmetic, the IR pipeline with the optimizer at its highest setting. As that
/// does not fit into one contract, what people rarely call is in an extension, which costs the rest nothing.
///
/// Narrower than the original: totals, what is given to a book, batches, requests and pockets count in 128 bits, and a
/// book whose marks need more counts as failing; cut-offs end in 2106. An overflow is Solidity's panic or solady's
/// `FullMulDivFailed` instead of `ArithmeticOverflow`. Nothing else is left out.
contract VaultModel is VaultModelBase {
    address private immutable EXTENSION;

    /// @notice Sets up this address itself: directly used, or locked behind a proxy.
    constructor(
        address extension,
        address governor_,
        address asset_,
        bytes32 name_,
        bytes32 symbol_,
        address rebalancer_,
        address feeRecipient_,
        uint256[] memory parameters
    ) VaultModelBase(governor_, asset_, name_, symbol_) {
        EXTENSION = extension;
        bytes memory data = abi.encodeCall(
            ISetUp.initialize, (governor_, asset_, name_, symbol_, rebalancer_, feeRecipient_, parameters)
        );
        (bool success, bytes memory answer) = extension.delegatecall(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    /// @dev Everything that is not below.
    fallback() external {
        address extension = EXTENSION;
        assembly {
            calldatacopy(0x00, 0x00, calldatasize())
            let success := delegatecall(gas(), extension, 0x00, calldatasize(), 0x00, 0x00)
            returndatacopy(0x00, 0x00, returndatasize())
            if iszero(success) { revert(0x00, returndatasize()) }
            return(0x00, returndatasize())
        }
    }

    // ---- lock ----

    function lock() external {
        if (msg.sender != _rebalancer) revert Unauthorized(msg.sender);
        _take();
    }

    function unlock() external {
        if (msg.sender != _rebalancer) revert Unauthorized(msg.sender);
        if (!_locked) revert NotLocked();
        _locked = false;
    }

    function locked() external view returns (bool) {
        return _locked;
    }

    // ---- ERC-20 ----

    function decimals() external view returns (uint8) {
        return DECIMALS;
    }

    function name() external view returns (string memory) {
        return string(_text(NAME));
    }

    function symbol() external view returns (string memory) {
        return string(_text(SYMBOL));
    }

    function totalSupply() external view returns (uint256) {
        return _totals.supply;
    }

    function balanceOf(address account) external view returns (uint256) {
        return _balances[account];
    }

    function allowance(address owner, address spender) external view returns (uint256) {
        return _allowances[owner][spender];
    }

    function transfer(address to, uint256 value) external returns (bool) {
        _free();
        _checkReceiver(to);
        _move(msg.sender, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        _free();
        _approve(msg.sender, spender, value);
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _free();
        _checkReceiver(to);
        _spend(from, msg.sender, value);
        _move(from, to, value);
        return true;
    }

    function _spend(address owner, address spender, uint256 value) private {
        uint256 allowed = _allowances[owner][spender];
        if (allowed == type(uint256).max) return;
        if (allowed < value) revert ERC20InsufficientAllowance(spender, allowed, value);
        unchecked {
            _allowances[owner][spender] = allowed - value;
        }
    }

    // ---- value ----

    function totalAssets() public view returns (uint256) {
        Marks memory m = _measure(_config, _totals.idle, false, 0);
        return m.failures == 0 ? m.mid : _measured.mid;
    }

    function convertToShares(uint256 assets) external view returns (uint256) {
        (, Marks memory m, uint256 all) = _look();
        return Math.fullMulDiv(assets, all, (m.failures == 0 ? m.mid : _measured.mid) + 1);
    }

    function convertToAssets(uint256 shares) external view returns (uint256) {
        (, Marks memory m, uint256 all) = _look();
        return Math.fullMulDiv(shares, (m.failures == 0 ? m.mid : _measured.mid) + 1, all);
    }

    function idle() external view returns (uint256) {
        return _totals.idle;
    }

    function claimReserve() external view returns (uint256) {
        return _queue.claimReserve;
    }

    // ---- ERC-4626, deposit side ----

    function asset() external view returns (address) {
        return ASSET;
    }

    function deposit(uint256 assets, address receiver) external returns (uint256) {
        return _deposit(assets, receiver, 0);
    }

    function depositWithMin(uint256 assets, address receiver, uint256 minShares) external returns (uint256) {
        return _deposit(assets, receiver, minShares);
    }

    function mint(uint256 shares, address receiver) external returns (uint256) {
        return _mintExactly(shares, receiver, type(uint256).max);
    }

    function mintWithMax(uint256 shares, address receiver, uint256 maxAssets) external returns (uint256) {
        return _mintExactly(shares, receiver, maxAssets);
    }

    function _deposit(uint256 assets, address receiver, uint256 minShares) private returns (uint256 shares) {
        (Config memory config, Totals memory totals, Marks memory m, uint256 supply) = _open();
        uint256 all = supply + VIRTUAL_SHARES;
        uint256 max = _room(config, m, totals.idle, receiver, all);
        if (assets > max) revert ERC4626ExceededMaxDeposit(receiver, assets, max);
        shares = _sharesDown(config, assets, m.max, all);
        if (shares < minShares) revert SlippageExceeded(shares, minShares);
        _takeIn(config, totals, m, supply, assets, shares, receiver);
    }

    function _mintExactly(uint256 shares, address receiver, uint256 maxAssets) private returns (uint256 assets) {
        (Config memory config, Totals memory totals, Marks memory m, uint256 supply) = _open();
        uint256 all = supply + VIRTUAL_SHARES;
        assets = _assetsUp(config, shares, m.max, all);
        uint256 max = _room(config, m, totals.idle, receiver, all);
        if (assets > max) revert ERC4626ExceededMaxMint(receiver, shares, _mostShares(config, max, m.max, all));
        if (assets > maxAssets) revert CostExceeded(assets, maxAssets);
        _takeIn(config, totals, m, supply, assets, shares, receiver);
    }

    /// @dev What every deposit begins with: the lock, a measurement that is good enough, fees.
    function _open() private returns (Config memory config, Totals memory totals, Marks memory m, uint256 supply) {
        _take();
        config = _config;
        totals = _totals;
        m = _measure(config, totals.idle, true, config.maxDisturbanceBps);
        _checkOpen(config, m);
        (supply,,) = _accrue(config, totals.supply, m.min, true);
    }

    /// @dev Raises the high-water mark by what the entry cost adds to the price: that is no profit.
    function _raiseMark(uint256 all, uint256 min, uint256 assets, uint256 shares) private {
        uint256 before = Math.fullMulDiv(min, PRICE_SCALE, all);
        uint256 afterwards = Math.fullMulDivUp(min + assets, PRICE_SCALE, all + shares);
        uint256 mark = _fees.highWaterMark + Math.zeroFloorSub(afterwards, before);
        _fees.highWaterMark = uint192(mark);
        emit FeesAccrued(0, 0, mark);
    }

    function _takeIn(
        Config memory config,
        Totals memory totals,
        Marks memory m,
        uint256 supply,
        uint256 assets,
        uint256 shares,
        address receiver
    ) private {
        if (assets == 0 || shares == 0) revert ZeroAmount();
        _checkReceiver(receiver);
        if (config.performanceFeeBps != 0) _raiseMark(supply + VIRTUAL_SHARES, m.min + 1, assets, shares);
        unchecked {
            _remember(m.mid + assets, m.max + assets);
        }
        _totals = Totals(_u128(supply + shares), _u128(totals.idle + assets));
        _mint(receiver, shares);
        emit Deposit(msg.sender, receiver, assets, shares);
        uint256 before = IToken(ASSET).balanceOf(address(this));
        if (!SafeTransferLib.trySafeTransferFrom(ASSET, msg.sender, address(this), assets)) {
            revert TransferFailed(ASSET);
        }
        uint256 held = IToken(ASSET).balanceOf(address(this));
        if (held < before || held - before != assets) revert TransferFailed(ASSET);
        _locked = false;
    }

    // ---- ERC-7540, redemption side ----

    function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256 id) {
        _free();
        if (shares == 0) revert ZeroAmount();
        if (controller != owner) _checkOperator(controller);
        if (msg.sender != owner && !_operators[owner][msg.sender]) _spend(owner, msg.sender, shares);
        _move(owner, address(this), shares);
        uint256 cutOff;
        bool opened;
        (id, cutOff, opened) = _openBatch();
        Request storage request = _requests[controller];
        uint256 held = request.batch;
        if (held != id && held != 0) _leave(controller, request);
        Batch storage batch = _batches[id];
        if (opened) {
            _queue.lastBatch = uint64(id);
            (batch.shares, batch.cutOff) = (_u128(shares), uint32(cutOff));
            emit BatchOpened(id, cutOff);
        } else {
            batch.shares = _u128(batch.shares + shares);
        }
        if (held == id) request.shares = _u128(request.shares + shares);
        else (request.batch, request.shares) = (uint64(id), _u128(shares));
        emit RedeemRequest(controller, owner, id, msg.sender, shares);
    }

    /// @dev Makes sure that an earlier request can be forgotten: shares settled for nothing may be, assets may not.
    function _leave(address controller, Request storage request) private {
        (uint256 id, uint256 pending,, uint256 claimable) = _claimOf(controller);
        if (pending != 0) revert RequestUnsettled(controller, id);
        if (claimable != 0) revert RequestUnclaimed(controller, id);
        if (_batches[id].pocketed) _archive[controller][id] = request.shares;
        (request.claimedShares, request.claimedAssets) = (0, 0);
    }

    function isOperator(address controller, address operator) external view returns (bool) {
        return _operators[controller][operator];
    }

    function setOperator(address operator, bool approved) external returns (bool) {
        _free();
        _operators[msg.sender][operator] = approved;
        emit OperatorSet(msg.sender, operator, approved);
        return true;
    }

    function redeem(uint256 shares, address receiver, address controller) external returns (uint256 assets) {
        (,, uint256 max, uint256 claimable) = _claimOf(controller);
        if (shares > max) revert ERC4626ExceededMaxRedeem(controller, shares, max);
        if (shares == 0) revert ZeroAmount();
        assets = Math.fullMulDiv(claimable, shares, max);
        _payClaim(shares, assets, receiver, controller);
    }

    function withdraw(uint256 assets, address receiver, address controller) external returns (uint256 shares) {
        (,, uint256 claimable, uint256 max) = _claimOf(controller);
        if (assets > max) revert ERC4626ExceededMaxWithdraw(controller, assets, max);
        if (assets == 0) revert ZeroAmount();
        shares = Math.fullMulDivUp(claimable, assets, max);
        _payClaim(shares, assets, receiver, controller);
    }

    function _payClaim(uint256 shares, uint256 assets, address receiver, address controller) private {
        _take();
        _checkOperator(controller);
        _checkReceiver(receiver);
        Request storage request = _requests[controller];
        // Never more than was requested and set aside.
        unchecked {
            (request.claimedShares, request.claimedAssets) =
            (uint128(request.claimedShares + shares), uint128(request.claimedAssets + assets));
            _queue.claimReserve -= uint128(assets);
        }
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
        _pay(receiver, assets);
        _locked = false;
    }

    function maxRedeem(address controller) external view returns (uint256 shares) {
        (,, shares,) = _claimOf(controller);
    }

    function maxWithdraw(address controller) external view returns (uint256 assets) {
        (,,, assets) = _claimOf(controller);
    }

    // ---- settlement ----

    /// @dev What a settlement carries along.
    struct Settling {
        uint256 id;
        uint256 unfilledRay;
        uint256 unfilled;
        uint256 failures;
        uint256 supply;
        uint256 owed;
        uint256 idle;
        uint256 reserve;
        uint256 burned;
        uint256 assets;
    }

    function settle() external returns (uint256, uint256, uint256) {
        _take();
        Settling memory s;
        Queue memory queue = _queue;
        if (queue.settledBatches == queue.lastBatch) revert NothingToSettle();
        unchecked {
            s.id = uint256(queue.settledBatches) + 1;
        }
        Batch memory batch = _batches[s.id];
        if (block.timestamp < batch.cutOff) revert BatchStillOpen(s.id, batch.cutOff);
        Config memory config = _config;
        unchecked {
            s.unfilledRay = RAY - batch.filledRay;
        }
        s.unfilled = _unfilled(batch.shares, s.unfilledRay);
        if (s.unfilled == 0) {
            // Everybody withdrew the request.
            _queue.settledBatches = uint64(s.id);
            emit BatchSettled(s.id, 0, 0, 0, 0);
            _judgeWait(config, s.id + 1, queue.lastBatch, 0, false);
            _locked = false;
            return (s.id, 0, 0);
        }
        Totals memory totals = _totals;
        // Pools must be half as close to the oracle as for deposits: leavers pay no entry cost.
        Marks memory m = _measure(config, totals.idle, true, config.maxDisturbanceBps / 2);
        s.failures = m.failures;
        bool overdue = block.timestamp >= batch.cutOff + GRACE;
        if (!overdue) {
            if (s.failures != 0) revert MarkUnavailable(m.failed);
            _checkSpread(config, m.min, m.mid, m.max);
            _checkPools(m, config.maxDisturbanceBps / 2);
        } else if (s.failures != 0 && (msg.sender != tx.origin || msg.sender.code.length != 0)) {
            // A contract can arrange that books fail that are sound; an account cannot.
            revert MarkUnavailable(m.failed);
        }
        (s.supply,,) = _accrue(config, totals.supply, m.min, s.failures == 0);
        s.owed = Math.fullMulDiv(s.unfilled, m.min + 1, s.supply + VIRTUAL_SHARES);
        (s.idle, s.reserve) = (totals.idle, queue.claimReserve);
        _raise(config, s);
        _fill(batch, s);
        uint256 left;
        unchecked {
            left = s.unfilled - s.burned;
            if (s.failures == 0) {
                _remember(Math.zeroFloorSub(m.mid, s.assets), Math.zeroFloorSub(m.max, s.assets));
            } else if (s.burned != 0) {
                // Their part of what was last measured, the books that cannot be measured now included.
                Measured memory last = _measured;
                uint256 went = Math.fullMulDiv(s.burned, uint256(last.mid) + 1, s.supply + VIRTUAL_SHARES);
                _remember(Math.zeroFloorSub(last.mid, went), Math.zeroFloorSub(last.max, went));
            }
            if (s.burned != 0) {
                if (s.failures != 0 && _stake(config, s)) batch.pocketed = _batches[s.id].pocketed = true;
                _burn(s.burned);
            }
            _totals = Totals(_u128(s.supply - s.burned), _u128(s.idle - s.assets));
            bool done = left == 0 && s.unfilledRay == 0;
            _queue = Queue(_u128(s.reserve + s.assets), queue.lastBatch, done ? uint64(s.id) : queue.settledBatches);
            if (s.assets != 0) {
                _batches[s.id].assetsPerShare =
                    uint248(batch.assetsPerShare + Math.fullMulDiv(s.assets, PER_UNIT_SCALE, batch.shares));
            }
            if (!done && s.burned != 0) _batches[s.id].filledRay = uint96(RAY - s.unfilledRay);
            if (s.burned != 0) emit BatchSettled(s.id, s.burned, s.assets, left, s.unfilledRay);
            (uint256 oldest, uint256 cutOff) = done ? (s.id + 1, 0) : (s.id, uint256(batch.cutOff));
            bool judged = _judgeWait(config, oldest, queue.lastBatch, cutOff, left * DUST_DIVISOR > s.supply);
            if (s.burned == 0 && !judged) revert NothingToSettle();
        }
        _locked = false;
        return (s.id, s.burned, s.assets);
    }

    /// @dev Recalls what the measured books hold in cash until idle covers what is owed. Leavers keep their part of the
    /// others: cash of theirs would become the stayers' alone.
    function _raise(Config memory config, Settling memory s) private {
        for (uint256 i; i < config.books && s.idle < s.owed; ++i) {
            if (s.failures >> i & 1 != 0) continue;
            unchecked {
                (, uint256 kept, uint256 pocketed) = _pull(_books[i], s.owed - s.idle);
                s.idle += kept;
                s.reserve += pocketed;
            }
        }
    }

    /// @dev Fills the batch by min(1, idle / owed), the same part for every request.
    function _fill(Batch memory batch, Settling memory s) private pure {
        if (s.owed == 0) {
            // Worth less than a unit, or only what cannot be measured: burned for a part of the latter at most, or it
            // would hold up every later batch.
            if (s.failures != 0 || s.unfilled * DUST_DIVISOR <= s.supply) (s.unfilledRay, s.burned) = (0, s.unfilled);
            return;
        }
        uint256 paid = Math.min(s.owed, s.idle);
        if (paid == 0) return;
        unchecked {
            uint256 left = Math.fullMulDivUp(s.unfilledRay, s.owed - paid, s.owed);
            uint256 burned = s.unfilled - _unfilled(batch.shares, left);
            uint256 assets = Math.min(Math.fullMulDiv(s.owed, burned, s.unfilled), paid);
            if (assets == 0) return;
            (s.unfilledRay, s.burned, s.assets) = (left, burned, assets);
        }
    }

    /// @dev Winds down if the oldest unsettled batch is older than the wait limit and short of liquidity after it was
    /// tried, and no more if the oldest is not older. Returns whether anything changed. `cutOff` may be left to find out.
    function _judgeWait(Config memory config, uint256 oldest, uint256 last, uint256 cutOff, bool short)
        private
        returns (bool)
    {
        bool before = config.windingDown;
        bool afterwards = before || short;
        if (afterwards) {
            if (oldest > last) {
                afterwards = false;
            } else {
                if (cutOff == 0) cutOff = _batches[oldest].cutOff;
                afterwards = block.timestamp >= cutOff + config.waitLimitSecs;
            }
        }
        if (afterwards == before) return false;
        _config.windingDown = afterwards;
        emit WindDownSet(afterwards);
        return true;
    }

    function _burn(uint256 shares) private {
        // Escrow holds what the batches have.
        unchecked {
            _balances[address(this)] -= shares;
        }
        emit Transfer(address(this), address(0), shares);
    }

    // ---- pockets ----

    /// @dev Gives the leavers their part of every book that failed. Returns whether they got any.
    function _stake(Config memory config, Settling memory s) private returns (bool kept) {
        uint256 all = s.supply + VIRTUAL_SHARES;
        for (uint256 i; i < config.books; ++i) {
            if (s.failures >> i & 1 == 0) continue;
            Book storage book = _books[i];
            uint256 fraction = book.pocketRay;
            uint256 more = Math.fullMulDiv(RAY - fraction, s.burned, all);
            Limit storage limit = _limits[book.at];
            uint256 id = limit.pocket;
            uint256 units = id == 0 ? more : Math.fullMulDiv(more, _pockets[id].units, fraction);
            if (units == 0) continue;
            kept = true;
            if (id == 0) {
                id = ++_config.pockets;
                limit.pocket = uint32(id);
                _pockets[id].book = book.at;
                emit PocketOpened(id, book.at);
            }
            Pocket storage pocket_ = _pockets[id];
            Stake storage stake = _stakes[id][s.id];
            stake.paidBefore += _u128(Math.fullMulDivUp(units, pocket_.paidPerUnit, PER_UNIT_SCALE));
            stake.units += _u128(units);
            pocket_.units += units;
            book.pocketRay = uint96(fraction + more);
            emit PocketJoined(id, s.id, units, fraction + more);
        }
    }

    // ---- books ----

    // ---- parameters ----

    // ---- helpers ----
}
