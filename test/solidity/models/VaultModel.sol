// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FixedPointMathLib as Math} from "solady/utils/FixedPointMathLib.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";
import {VaultModelBase} from "./VaultModelBase.sol";
import {VaultModelExtension} from "./VaultModelExtension.sol";
import {IToken} from "./VaultModelTypes.sol";

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
            VaultModelExtension.initialize, (governor_, asset_, name_, symbol_, rebalancer_, feeRecipient_, parameters)
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

    function _move(address from, address to, uint256 value) private {
        uint256 balance = _balances[from];
        if (balance < value) revert ERC20InsufficientBalance(from, balance, value);
        // The sum of all balances is the supply.
        unchecked {
            _balances[from] = balance - value;
            _balances[to] += value;
        }
        emit Transfer(from, to, value);
    }

    // ---- value ----

    /// @dev Charges what is due, and returns the supply afterwards, which is the caller's to write.
    function _accrue(Config memory config, uint256 supply, uint256 min, bool performance)
        private
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

    function accrueFees() external returns (uint256 management, uint256 gain) {
        _take();
        Config memory config = _config;
        Totals memory totals = _totals;
        Marks memory m = _measure(config, totals.idle, true);
        if (m.failures != 0) revert MarkUnavailable(m.failed);
        _remember(m);
        uint256 supply;
        (supply, management, gain) = _accrue(config, totals.supply, m.min, true);
        if (supply != totals.supply) _totals.supply = _u128(supply);
        _locked = false;
    }

    function marks() external view returns (uint256 navMin, uint256 navMid, uint256 navMax) {
        Marks memory m = _measure(_config, _totals.idle, false);
        return (m.min, m.mid, m.failures == 0 ? m.max : Math.max(m.max, _measured.max));
    }

    function totalAssets() public view returns (uint256) {
        Marks memory m = _measure(_config, _totals.idle, false);
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

    function highWaterMark() external view returns (uint256) {
        return _fees.highWaterMark;
    }

    function windingDown() external view returns (bool) {
        return _config.windingDown;
    }

    // ---- ERC-4626, deposit side ----

    function asset() external view returns (address) {
        return ASSET;
    }

    function maxDeposit(address receiver) public view returns (uint256) {
        (Config memory config, Marks memory m, uint256 all) = _look();
        if (m.failures != 0 || m.disturbed != address(0) || config.windingDown) return 0;
        return _room(config, m.mid, receiver, all);
    }

    function maxMint(address receiver) external view returns (uint256) {
        (Config memory config, Marks memory m, uint256 all) = _look();
        if (m.failures != 0 || m.disturbed != address(0) || config.windingDown) return 0;
        return _sharesDown(config, _room(config, m.mid, receiver, all), m.max, all);
    }

    function previewDeposit(uint256 assets) external view returns (uint256) {
        (Config memory config, Marks memory m, uint256 all) = _look();
        if (m.failures != 0) revert MarkUnavailable(m.failed);
        return _sharesDown(config, assets, m.max, all);
    }

    function previewMint(uint256 shares) external view returns (uint256) {
        (Config memory config, Marks memory m, uint256 all) = _look();
        if (m.failures != 0) revert MarkUnavailable(m.failed);
        return _assetsUp(config, shares, m.max, all);
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
        uint256 max = _room(config, m.mid, receiver, all);
        if (assets > max) revert ERC4626ExceededMaxDeposit(receiver, assets, max);
        shares = _sharesDown(config, assets, m.max, all);
        if (shares < minShares) revert SlippageExceeded(shares, minShares);
        _takeIn(totals, supply, assets, shares, receiver);
    }

    function _mintExactly(uint256 shares, address receiver, uint256 maxAssets) private returns (uint256 assets) {
        (Config memory config, Totals memory totals, Marks memory m, uint256 supply) = _open();
        uint256 all = supply + VIRTUAL_SHARES;
        assets = _assetsUp(config, shares, m.max, all);
        uint256 max = _room(config, m.mid, receiver, all);
        if (assets > max) revert ERC4626ExceededMaxMint(receiver, shares, _sharesDown(config, max, m.max, all));
        if (assets > maxAssets) revert CostExceeded(assets, maxAssets);
        _takeIn(totals, supply, assets, shares, receiver);
    }

    /// @dev What every deposit begins with: the lock, a measurement that is good enough, fees.
    function _open() private returns (Config memory config, Totals memory totals, Marks memory m, uint256 supply) {
        _take();
        config = _config;
        totals = _totals;
        if (config.windingDown) revert WindingDown();
        m = _measure(config, totals.idle, true);
        if (m.failures != 0) revert MarkUnavailable(m.failed);
        if (m.disturbed != address(0)) {
            revert PoolDisturbed(m.disturbed, m.disturbanceBps, config.maxDisturbanceBps);
        }
        _remember(m);
        (supply,,) = _accrue(config, totals.supply, m.min, true);
    }

    function _takeIn(Totals memory totals, uint256 supply, uint256 assets, uint256 shares, address receiver) private {
        if (assets == 0 || shares == 0) revert ZeroAmount();
        _checkReceiver(receiver);
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

    function _sharesDown(Config memory config, uint256 assets, uint256 max, uint256 all)
        private
        pure
        returns (uint256)
    {
        unchecked {
            return Math.fullMulDiv(Math.fullMulDiv(assets, BPS - config.entryCostBps, BPS), all, max + 1);
        }
    }

    function _assetsUp(Config memory config, uint256 shares, uint256 max, uint256 all) private pure returns (uint256) {
        unchecked {
            return Math.fullMulDivUp(Math.fullMulDivUp(shares, max + 1, all), BPS, BPS - config.entryCostBps);
        }
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
        uint256 old = _requestOf[controller];
        if (old != id) {
            if (old != 0) {
                (uint256 pending,, uint256 claimable) = _claimOf(controller, old);
                if (pending != 0) revert RequestUnsettled(controller, old);
                if (claimable != 0) revert RequestUnclaimed(controller, old);
            }
            _requestOf[controller] = id;
        }
        Batch storage batch = _batches[id];
        if (opened) {
            _queue.lastBatch = uint64(id);
            (batch.shares, batch.unfilledRay, batch.cutOff) = (_u128(shares), uint96(RAY), uint32(cutOff));
            emit BatchOpened(id, cutOff);
        } else {
            batch.shares = _u128(batch.shares + shares);
        }
        unchecked {
            _requested[controller][id] += shares;
        }
        emit RedeemRequest(controller, owner, id, msg.sender, shares);
    }

    function withdrawRequest(uint256 shares, address receiver, address controller) external {
        _free();
        if (shares == 0) revert ZeroAmount();
        _checkOperator(controller);
        _checkReceiver(receiver);
        uint256 id = _requestOf[controller];
        Batch storage batch = _batches[id];
        uint256 held = _requested[controller][id];
        if (id != 0 && block.timestamp >= batch.cutOff) revert RequestClosed(id, batch.cutOff);
        if (shares > held) revert RequestExceeded(controller, shares, held);
        unchecked {
            _requested[controller][id] = held - shares;
            batch.shares = uint128(batch.shares - shares);
        }
        _move(address(this), receiver, shares);
        emit RequestWithdrawn(controller, receiver, id, msg.sender, shares);
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
        _take();
        uint256 id = _requestOf[controller];
        (, uint256 max, uint256 claimable) = _claimOf(controller, id);
        if (shares > max) revert ERC4626ExceededMaxRedeem(controller, shares, max);
        if (shares == 0) revert ZeroAmount();
        assets = Math.fullMulDiv(claimable, shares, max);
        _payClaim(id, shares, assets, receiver, controller);
    }

    function withdraw(uint256 assets, address receiver, address controller) external returns (uint256 shares) {
        _take();
        uint256 id = _requestOf[controller];
        (, uint256 claimable, uint256 max) = _claimOf(controller, id);
        if (assets > max) revert ERC4626ExceededMaxWithdraw(controller, assets, max);
        if (assets == 0) revert ZeroAmount();
        shares = Math.fullMulDivUp(claimable, assets, max);
        _payClaim(id, shares, assets, receiver, controller);
    }

    function _payClaim(uint256 id, uint256 shares, uint256 assets, address receiver, address controller) private {
        _checkOperator(controller);
        _checkReceiver(receiver);
        Request storage claimed = _claimed[controller][id];
        // Never more than was requested and set aside.
        unchecked {
            (claimed.claimedShares, claimed.claimedAssets) =
            (uint128(claimed.claimedShares + shares), uint128(claimed.claimedAssets + assets));
            _queue.claimReserve -= uint128(assets);
        }
        emit Withdraw(msg.sender, receiver, controller, assets, shares);
        _pay(receiver, assets);
        _locked = false;
    }

    function pendingRedeemRequest(uint256 id, address controller) external view returns (uint256 pending) {
        if (id == _requestOf[controller]) (pending,,) = _claimOf(controller, id);
    }

    function claimableRedeemRequest(uint256 id, address controller) external view returns (uint256 shares) {
        if (id == _requestOf[controller]) (, shares,) = _claimOf(controller, id);
    }

    function maxRedeem(address controller) external view returns (uint256 shares) {
        (, shares,) = _claimOf(controller, _requestOf[controller]);
    }

    function maxWithdraw(address controller) external view returns (uint256 assets) {
        (,, assets) = _claimOf(controller, _requestOf[controller]);
    }

    function previewRedeem(uint256) external pure returns (uint256) {
        revert AsyncRedeem();
    }

    function previewWithdraw(uint256) external pure returns (uint256) {
        revert AsyncRedeem();
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == 0x01ffc9a7 || id == 0xe3bc4e65 || id == 0x620ee8e4 || id == 0x2f0a18c5 || id == 0xf815c03d;
    }

    function share() external view returns (address) {
        return address(this);
    }

    function vault(address asset_) external view returns (address) {
        return asset_ == ASSET ? address(this) : address(0);
    }

    function currentBatch() external view returns (uint256 id, uint256 cutOff) {
        (id, cutOff,) = _openBatch();
    }

    function nextBatch() external view returns (uint256 id, uint256 cutOff, uint256 sharesLeft) {
        Queue memory queue = _queue;
        if (queue.settledBatches == queue.lastBatch) return (0, 0, 0);
        unchecked {
            id = uint256(queue.settledBatches) + 1;
        }
        Batch memory batch = _batches[id];
        return (id, batch.cutOff, _unfilled(batch.shares, batch.unfilledRay));
    }

    // ---- settlement ----

    /// @dev What a settlement carries along.
    struct Settling {
        uint256 id;
        uint256 cutOff;
        uint256 unfilled;
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
        s.cutOff = batch.cutOff;
        if (block.timestamp < s.cutOff) revert BatchStillOpen(s.id, s.cutOff);
        Config memory config = _config;
        Totals memory totals = _totals;
        Marks memory m = _measure(config, totals.idle, true);
        if (block.timestamp < s.cutOff + GRACE) _checkMarks(config, m);
        if (m.failures == 0) _remember(m);
        (s.supply,,) = _accrue(config, totals.supply, m.min, m.failures == 0);
        s.unfilled = _unfilled(batch.shares, batch.unfilledRay);
        s.owed = Math.fullMulDiv(s.unfilled, m.min + 1, s.supply + VIRTUAL_SHARES);
        (s.idle, s.reserve) = (totals.idle, queue.claimReserve);
        _raise(config, s);
        _fill(batch, s);
        bool windDown = _windDown(config, queue, batch, s);
        if (s.burned == 0 && batch.unfilledRay != 0 && !windDown) revert NothingToSettle();
        if (s.burned != 0 && m.failures != 0) _stake(config, m.failures, s);
        _burn(s.burned);
        unchecked {
            _totals = Totals(_u128(s.supply - s.burned), uint128(s.idle - s.assets));
            _queue = Queue(
                _u128(s.reserve + s.assets),
                queue.lastBatch,
                batch.unfilledRay == 0 ? uint64(s.id) : queue.settledBatches
            );
            _batches[s.id] = batch;
            emit BatchSettled(s.id, s.burned, s.assets, s.unfilled - s.burned);
        }
        _locked = false;
        return (s.id, s.burned, s.assets);
    }

    /// @dev Overdue batches are exempt.
    function _checkMarks(Config memory config, Marks memory m) private pure {
        if (m.failures != 0) revert MarkUnavailable(m.failed);
        _checkSpread(config, m.min, m.mid, m.max);
    }

    /// @dev Recalls what the books hold in cash until idle covers what is owed.
    function _raise(Config memory config, Settling memory s) private {
        for (uint256 i; i < config.books && s.idle < s.owed; ++i) {
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
            // Worth less than a unit: burned for nothing, if it is small, or it would hold up every later batch.
            if (s.unfilled * DUST_DIVISOR <= s.supply) (batch.unfilledRay, s.burned) = (0, s.unfilled);
            return;
        }
        uint256 paid = Math.min(s.owed, s.idle);
        if (paid == 0 || batch.unfilledRay == 0) return;
        unchecked {
            uint256 left = Math.fullMulDivUp(batch.unfilledRay, s.owed - paid, s.owed);
            uint256 burned = s.unfilled - _unfilled(batch.shares, left);
            uint256 assets = Math.min(Math.fullMulDiv(s.owed, burned, s.unfilled), paid);
            if (assets == 0) return;
            batch.unfilledRay = uint96(left);
            batch.assetsPerShare += Math.fullMulDiv(assets, PER_UNIT_SCALE, batch.shares);
            (s.burned, s.assets) = (burned, assets);
        }
    }

    /// @dev A batch that waits beyond the limit winds the vault down; none that does lets it go on. Returns whether it
    /// winds down because of this batch.
    function _windDown(Config memory config, Queue memory queue, Batch memory batch, Settling memory s)
        private
        returns (bool late)
    {
        bool now_ = config.windingDown;
        if (batch.unfilledRay != 0) {
            late = block.timestamp >= s.cutOff + config.waitLimitSecs;
            now_ = late;
        } else if (now_) {
            now_ =
                s.id != queue.lastBatch && block.timestamp >= uint256(_batches[s.id + 1].cutOff) + config.waitLimitSecs;
        }
        if (now_ != config.windingDown) {
            _config.windingDown = now_;
            emit WindDownSet(now_);
        }
    }

    function _burn(uint256 shares) private {
        // Escrow holds what the batches have.
        unchecked {
            _balances[address(this)] -= shares;
        }
        emit Transfer(address(this), address(0), shares);
    }

    // ---- pockets ----

    /// @dev Gives the leavers their part of every book that failed.
    function _stake(Config memory config, uint256 failures, Settling memory s) private {
        uint256 all = s.supply + VIRTUAL_SHARES;
        for (uint256 i; i < config.books; ++i) {
            if (failures >> i & 1 == 0) continue;
            Book storage book = _books[i];
            uint256 fraction = book.pocketRay;
            uint256 more = Math.fullMulDiv(RAY - fraction, s.burned, all);
            if (more == 0) continue;
            Limit storage limit = _limits[book.at];
            uint256 id = limit.pocket;
            uint256 units = more;
            if (id == 0) {
                id = ++_config.pockets;
                limit.pocket = uint32(id);
                _pockets[id].book = book.at;
                emit PocketOpened(id, book.at);
            } else {
                units = Math.fullMulDiv(more, _pockets[id].units, fraction);
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
