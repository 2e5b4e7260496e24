// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {FixedPointMathLib as Math} from "solady/utils/FixedPointMathLib.sol";
import {VaultModelBase} from "./VaultModelBase.sol";
import {IMarkedBook, IRoles, ISigner, IToken} from "./VaultModelTypes.sol";

/// @title The model's other half
/// @notice What people rarely call: set-up, permits, pockets, books, parameters, the overview. `VaultModel` runs it on its
/// own storage for every function that it does not have itself.
contract VaultModelExtension is VaultModelBase {
    constructor(address governor_, address asset_, bytes32 name_, bytes32 symbol_)
        VaultModelBase(governor_, asset_, name_, symbol_)
    {
        // Only what delegates to it can be set up, or used.
    }

    // ---- initialisation ----

    /// @notice Sets up the contract that is being created.
    function initialize(
        address governor_,
        address asset_,
        bytes32 name_,
        bytes32 symbol_,
        address rebalancer_,
        address feeRecipient_,
        uint256[] calldata parameters
    ) external {
        bool foreign =
            governor_ != GOVERNOR || asset_ != ASSET || name_ != NAME || symbol_ != SYMBOL;
        if (foreign || _fees.accruedAt != 0 || address(this).code.length != 0) revert AlreadyInitialized();
        _fees = Fees(uint192(Math.divUp(PRICE_SCALE, VIRTUAL_SHARES)), uint64(block.timestamp));
        emit Initialized(governor_, asset_, name_, symbol_, DECIMALS);
        _putRebalancer(rebalancer_);
        _putFeeRecipient(feeRecipient_);
        if (parameters.length > 9) revert UnknownParameter(9);
        for (uint256 id; id < 9; ++id) {
            _put(uint8(id), id < parameters.length ? parameters[id] : _default(id));
        }
    }

    // ---- ERC-2612 and EIP-5267 ----

    function nonces(address owner) external view returns (uint256) {
        return _nonces[owner];
    }

    function DOMAIN_SEPARATOR() public view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, NAME_HASH, keccak256("1"), block.chainid, address(this)));
    }

    function eip712Domain()
        external
        view
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return (0x0f, string(_text(NAME)), "1", block.chainid, address(this), 0, new uint256[](0));
    }

    function permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
    {
        bytes32 hash = _permitHash(owner, spender, value, deadline);
        bool valid = _recovers(owner, hash, v, r, s) || _signed(owner, hash, abi.encodePacked(r, s, v));
        if (!valid) revert ERC2612InvalidSignature(owner);
        _approve(owner, spender, value);
    }

    function permit(address owner, address spender, uint256 value, uint256 deadline, bytes calldata signature)
        external
    {
        bytes32 hash = _permitHash(owner, spender, value, deadline);
        bool valid = signature.length == 65
            && _recovers(owner, hash, uint8(signature[64]), bytes32(signature[0:32]), bytes32(signature[32:64]));
        valid = valid || _signed(owner, hash, signature);
        if (!valid) revert ERC2612InvalidSignature(owner);
        _approve(owner, spender, value);
    }

    function _permitHash(address owner, address spender, uint256 value, uint256 deadline) private returns (bytes32) {
        _free();
        if (block.timestamp > deadline) revert ERC2612ExpiredSignature(deadline);
        uint256 nonce;
        unchecked {
            nonce = _nonces[owner]++;
        }
        bytes32 content = keccak256(abi.encode(PERMIT_TYPE, owner, spender, value, nonce, deadline));
        return keccak256(abi.encodePacked(hex"1901", DOMAIN_SEPARATOR(), content));
    }

    function _recovers(address owner, bytes32 hash, uint8 v, bytes32 r, bytes32 s) private pure returns (bool) {
        return owner != address(0) && uint256(s) <= HALF_ORDER && ecrecover(hash, v, r, s) == owner;
    }

    function _signed(address owner, bytes32 hash, bytes memory signature) private view returns (bool) {
        if (owner.code.length == 0) return false;
        (bool success, bytes memory answer) =
            owner.staticcall(abi.encodeCall(ISigner.isValidSignature, (hash, signature)));
        return success && answer.length >= 32 && bytes32(answer) == bytes32(ISigner.isValidSignature.selector);
    }

    // ---- pockets ----

    function buyOut(address at) external returns (uint256 paid) {
        _take();
        Limit storage limit = _limits[at];
        if (limit.place == 0) revert UnknownBook(at);
        uint256 id = limit.pocket;
        if (id == 0) revert UnknownPocket(id);
        Book storage at_ = _books[limit.place - 1];
        (bool measured, uint256 min, uint256 mid, uint256 max,) = _ask(at, true);
        if (!measured) revert MarkUnavailable(at);
        _checkSpread(_config, min, mid, max);
        uint256 fraction = at_.pocketRay;
        uint256 value = Math.fullMulDiv(min, fraction, RAY);
        uint256 idle_ = _totals.idle;
        paid = Math.min(value, idle_);
        if (paid == 0 && max != 0) revert InsufficientIdle(value, idle_);
        fraction = value == 0 ? 0 : Math.fullMulDivUp(fraction, value - paid, value);
        at_.pocketRay = uint96(fraction);
        if (fraction == 0) limit.pocket = 0;
        unchecked {
            _totals.idle = uint128(idle_ - paid);
            _queue.claimReserve += uint128(paid);
        }
        _payPocket(id, paid, fraction);
        _locked = false;
    }

    function pocket(uint256 id)
        external
        view
        returns (address book, uint256 fractionRay, uint256 units, uint256 paidPerUnit)
    {
        Pocket memory pocket_ = _pockets[id];
        Limit memory limit = _limits[pocket_.book];
        if (id != 0 && limit.pocket == id) fractionRay = _books[limit.place - 1].pocketRay;
        return (pocket_.book, fractionRay, pocket_.units, pocket_.paidPerUnit);
    }

    function restOf(uint256 id, uint256 requestId, address controller) public view returns (uint256) {
        Stake memory stake = _stakes[id][requestId];
        if (stake.units == 0) return 0;
        uint256 earned = Math.fullMulDiv(stake.units, _pockets[id].paidPerUnit, PER_UNIT_SCALE);
        earned = Math.zeroFloorSub(earned, stake.paidBefore);
        Request memory request = _requests[controller];
        uint256 shares = request.batch == requestId ? request.shares : _archive[controller][requestId];
        uint256 own = Math.fullMulDiv(earned, shares, _batches[requestId].shares);
        return Math.zeroFloorSub(own, _restClaimed[id][requestId][controller]);
    }

    function claimRest(uint256 id, uint256 requestId, address receiver, address controller)
        external
        returns (uint256 assets)
    {
        _take();
        _checkOperator(controller);
        _checkReceiver(receiver);
        assets = restOf(id, requestId, controller);
        if (assets == 0) revert NothingToClaim();
        unchecked {
            _restClaimed[id][requestId][controller] += assets;
            _queue.claimReserve -= uint128(assets);
        }
        emit RestClaimed(id, requestId, controller, receiver, assets);
        _pay(receiver, assets);
        _locked = false;
    }

    // ---- books ----

    function bookCount() external view returns (uint256) {
        return _config.books;
    }

    function book(uint256 index)
        external
        view
        returns (address at, uint256 allocated, uint256 cap, bool isolated, uint256 pocketId)
    {
        if (index >= MAX_BOOKS) return (address(0), 0, 0, false, 0);
        at = _books[index].at;
        Limit memory limit = _limits[at];
        return (at, limit.allocated, limit.cap, limit.isolated, limit.pocket);
    }

    function addBook(address at, uint256 cap, bool isolated) external {
        _free();
        _authorise(false);
        if (at == address(0)) revert ZeroAddress();
        Limit storage limit = _limits[at];
        if (limit.place != 0) revert BookExists(at);
        uint256 count = _config.books;
        if (count >= MAX_BOOKS) revert TooManyBooks(MAX_BOOKS);
        _checkAllegiance(at);
        (bool measured,,,,) = _ask(at, true);
        if (!measured) revert MarkUnavailable(at);
        _books[count] = Book(at, 0);
        _config.books = uint8(count + 1);
        (limit.cap, limit.place, limit.isolated) = (cap, uint8(count + 1), isolated);
        emit BookAdded(at, isolated);
        emit BookCapSet(at, cap);
    }

    /// @dev A book must name this vault and hold its asset as token 0: anything else could never be recalled from.
    function _checkAllegiance(address at) private view {
        bool ours = at.code.length != 0;
        if (ours) {
            try IMarkedBook(at).vault() returns (address named) {
                ours = named == address(this);
            } catch {
                ours = false;
            }
        }
        if (ours) {
            try IMarkedBook(at).token(0) returns (address held, uint256) {
                ours = held == ASSET;
            } catch {
                ours = false;
            }
        }
        if (!ours) revert UnknownBook(at);
    }

    function removeBook(address at) external {
        _free();
        _authorise(false);
        Limit memory limit = _limits[at];
        if (limit.place == 0) revert UnknownBook(at);
        (bool measured,,, uint256 max,) = _ask(at, true);
        if (!measured) revert MarkUnavailable(at);
        if (limit.pocket != 0) revert BookPocketed(at, limit.pocket);
        if (max != 0) revert BookNotEmpty(at);
        uint256 last = _config.books - 1;
        Book memory moved = _books[last];
        _books[limit.place - 1] = moved;
        _limits[moved.at].place = limit.place;
        delete _books[last];
        delete _limits[at];
        _config.books = uint8(last);
        emit BookRemoved(at);
    }

    function setBookCap(address at, uint256 cap) external {
        Limit storage limit = _limits[at];
        if (limit.place == 0) revert UnknownBook(at);
        _free();
        _authorise(cap <= limit.cap);
        limit.cap = cap;
        emit BookCapSet(at, cap);
    }

    function allocate(address at, uint256 assets) external {
        _onlyAllocator();
        if (assets == 0) revert ZeroAmount();
        _take();
        Limit storage limit = _limits[at];
        if (limit.place == 0) revert UnknownBook(at);
        if (_config.windingDown) revert WindingDown();
        if (limit.pocket != 0) revert BookPocketed(at, limit.pocket);
        uint256 allocated = limit.allocated;
        if (limit.isolated) {
            (bool measured,, uint256 mid,,) = _ask(at, true);
            if (!measured) revert MarkUnavailable(at);
            if (mid < allocated) revert BookInLoss(at, allocated, mid);
        }
        uint256 idle_ = _totals.idle;
        if (assets > idle_) revert InsufficientIdle(assets, idle_);
        allocated += assets;
        if (allocated > limit.cap) revert BookCapExceeded(at, allocated, limit.cap);
        limit.allocated = _u128(allocated);
        unchecked {
            _totals.idle = uint128(idle_ - assets);
        }
        emit Allocated(at, assets);
        _pay(at, assets);
        _locked = false;
    }

    function recall(address at, uint256 assets) external {
        _onlyAllocator();
        uint256 place = _limits[at].place;
        if (place == 0) revert UnknownBook(at);
        if (assets == 0) revert ZeroAmount();
        _take();
        (uint256 received, uint256 kept, uint256 pocketed) = _pull(_books[place - 1], assets);
        if (received < assets) revert InsufficientIdle(assets, received);
        _totals.idle = _u128(_totals.idle + kept);
        if (pocketed != 0) _queue.claimReserve = _u128(_queue.claimReserve + pocketed);
        _locked = false;
    }

    function realizeLoss(address at) external returns (uint256 loss) {
        _take();
        _authorise(false);
        Limit storage limit = _limits[at];
        if (limit.place == 0) revert UnknownBook(at);
        (bool measured,, uint256 mid,,) = _ask(at, true);
        if (!measured) revert MarkUnavailable(at);
        uint256 allocated = limit.allocated;
        loss = Math.zeroFloorSub(allocated, mid);
        if (loss != 0) {
            limit.allocated = uint128(allocated - loss);
            limit.cap = Math.zeroFloorSub(limit.cap, loss);
            emit LossRealized(at, loss);
        }
        _locked = false;
    }

    /// @notice What this book has to raise: the escrowed shares' part of it, and its pocket, less its share (by
    /// allocation) of the idle assets that the escrowed shares have no part of.
    function liquidityNeeded(address at) external view returns (uint256) {
        Limit memory limit = _limits[at];
        if (limit.place == 0) revert UnknownBook(at);
        uint256 escrowed = _balances[address(this)];
        if (escrowed == 0 && limit.pocket == 0) return 0;
        (bool measured, uint256 min,,,) = _ask(at, true);
        if (!measured) revert MarkUnavailable(at);
        uint256 ours = Math.fullMulDiv(min, RAY - _books[limit.place - 1].pocketRay, RAY);
        Totals memory totals = _totals;
        uint256 all = totals.supply + VIRTUAL_SHARES;
        uint256 need = Math.fullMulDivUp(ours, escrowed, all) + (min - ours);
        uint256 theirs = Math.fullMulDivUp(totals.idle, escrowed, all);
        uint256 allocated;
        for (uint256 i; i < _config.books; ++i) {
            allocated += _limits[_books[i].at].allocated;
        }
        if (allocated == 0) return need;
        uint256 credit = Math.fullMulDiv(Math.zeroFloorSub(totals.idle, theirs), limit.allocated, allocated);
        return Math.zeroFloorSub(need, credit);
    }

    // ---- parameters ----

    function governor() external view returns (address) {
        return GOVERNOR;
    }

    function rebalancer() external view returns (address) {
        return _rebalancer;
    }

    function feeRecipient() external view returns (address) {
        return _feeRecipient;
    }

    function sweep() external returns (uint256 booked) {
        _take();
        Totals memory totals = _totals;
        uint256 accounted = uint256(totals.idle) + _queue.claimReserve;
        uint256 surplus = Math.zeroFloorSub(IToken(ASSET).balanceOf(address(this)), accounted);
        Surplus memory noted = _surplus;
        if (noted.bookableAt == 0) {
            if (surplus == 0) revert ZeroAmount();
            uint256 bookableAt = block.timestamp + SURPLUS_DELAY;
            _surplus = Surplus(_u128(surplus), uint64(bookableAt));
            emit SurplusNoted(surplus, bookableAt);
        } else {
            if (block.timestamp < noted.bookableAt) revert SurplusTooFresh(noted.bookableAt);
            booked = Math.min(noted.noted, surplus);
            delete _surplus;
            _totals.idle = _u128(totals.idle + booked);
            _remember(_measured.mid + booked, _measured.max + booked);
            emit SurplusBooked(booked);
        }
        _locked = false;
    }

    function parameter(uint8 id) public view returns (uint256) {
        if (id == 0) return _config.periodSecs;
        if (id == 1) return _config.waitLimitSecs;
        if (id == 2) return _config.entryCostBps;
        if (id == 3) return _config.performanceFeeBps;
        if (id == 4) return _config.managementFeeBps;
        if (id == 5) return _config.maxSpreadBps;
        if (id == 6) return _config.maxDisturbanceBps;
        if (id == 7) return _depositCap;
        if (id == 8) return _accountCap;
        revert UnknownParameter(id);
    }

    function setParameter(uint8 id, uint256 value) external {
        uint256 old = parameter(id);
        bool tighter = id == 5 ? false : id == 2 ? value >= old : value <= old;
        _free();
        _authorise(tighter);
        if (id == 3 || id == 4) _accrueNow();
        _put(id, value);
    }

    function setRebalancer(address rebalancer_) external {
        _free();
        _authorise(false);
        _putRebalancer(rebalancer_);
    }

    function setFeeRecipient(address feeRecipient_) external {
        _free();
        _authorise(false);
        _accrueNow();
        _putFeeRecipient(feeRecipient_);
    }

    /// @dev Charges what is due so far before the terms change: for time only while a book cannot be measured.
    function _accrueNow() private {
        Config memory config = _config;
        Totals memory totals = _totals;
        Marks memory m = _measure(config, totals.idle, true, 0);
        (uint256 supply,,) = _accrue(config, totals.supply, m.min, m.failures == 0);
        _totals.supply = _u128(supply);
    }

    function _default(uint256 id) private pure returns (uint256) {
        if (id == 0) return 86_400;
        if (id == 1) return 604_800;
        if (id == 2) return 10;
        if (id == 5) return 500;
        if (id == 6) return 30;
        if (id == 8) return type(uint256).max;
        return 0;
    }

    function _put(uint8 id, uint256 value) private {
        if (id == 0) _config.periodSecs = uint32(_within(value, 3_600, 604_800));
        else if (id == 1) _config.waitLimitSecs = uint32(_within(value, 86_400, 604_800));
        else if (id == 2) _config.entryCostBps = uint16(_within(value, 0, 300));
        else if (id == 3) _config.performanceFeeBps = uint16(_within(value, 0, 5_000));
        else if (id == 4) _config.managementFeeBps = uint16(_within(value, 0, 500));
        else if (id == 5) _config.maxSpreadBps = uint16(_within(value, 10, 5_000));
        else if (id == 6) _config.maxDisturbanceBps = uint16(_within(value, 10, 2_000));
        else if (id == 7) _depositCap = value;
        else (_accountCap, _config.accountCapped) = (value, value != type(uint256).max);
        emit ParameterSet(id, value);
    }

    function _within(uint256 value, uint256 min, uint256 max) private pure returns (uint256) {
        if (value < min || value > max) revert ParameterOutOfRange(value, min, max);
        return value;
    }

    function _putRebalancer(address rebalancer_) private {
        if (rebalancer_ == address(0)) revert ZeroAddress();
        _rebalancer = rebalancer_;
        emit RebalancerSet(rebalancer_);
    }

    function _putFeeRecipient(address feeRecipient_) private {
        _feeRecipient = feeRecipient_;
        emit FeeRecipientSet(feeRecipient_);
    }

    function _authorise(bool tightening) private view {
        if (msg.sender == GOVERNOR) return;
        if (!tightening || msg.sender != IRoles(GOVERNOR).guardian()) revert Unauthorized(msg.sender);
    }

    // ---- views ----

    function accrueFees() external returns (uint256 management, uint256 gain) {
        _take();
        Config memory config = _config;
        Totals memory totals = _totals;
        Marks memory m = _measure(config, totals.idle, true, 0);
        if (m.failures != 0) revert MarkUnavailable(m.failed);
        _remember(m.mid, m.max);
        uint256 supply;
        (supply, management, gain) = _accrue(config, totals.supply, m.min, true);
        if (supply != totals.supply) _totals.supply = _u128(supply);
        _locked = false;
    }

    function nextBatch() external view returns (uint256 id, uint256 cutOff, uint256 sharesLeft) {
        Queue memory queue = _queue;
        if (queue.settledBatches == queue.lastBatch) return (0, 0, 0);
        unchecked {
            id = uint256(queue.settledBatches) + 1;
        }
        Batch memory batch = _batches[id];
        return (id, batch.cutOff, _unfilled(batch.shares, _unfilledRay(id, batch)));
    }

    function currentBatch() external view returns (uint256 id, uint256 cutOff) {
        (id, cutOff,) = _openBatch();
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

    function previewRedeem(uint256) external pure returns (uint256) {
        revert AsyncRedeem();
    }

    function previewWithdraw(uint256) external pure returns (uint256) {
        revert AsyncRedeem();
    }

    function marks() external view returns (uint256 navMin, uint256 navMid, uint256 navMax) {
        Marks memory m = _measure(_config, _totals.idle, false, 0);
        return (m.min, m.mid, m.failures == 0 ? m.max : Math.max(m.max, _measured.max));
    }

    function maxDeposit(address receiver) external view returns (uint256) {
        (Config memory config, Marks memory m, uint256 all) = _look();
        return config.windingDown || m.failures != 0 || m.disturbed != address(0)
            ? 0
            : _room(config, m, _totals.idle, receiver, all);
    }

    function highWaterMark() external view returns (uint256) {
        return _fees.highWaterMark;
    }

    function windingDown() external view returns (bool) {
        return _config.windingDown;
    }

    function withdrawRequest(uint256 shares, address receiver, address controller) external {
        _free();
        if (shares == 0) revert ZeroAmount();
        _checkOperator(controller);
        _checkReceiver(receiver);
        Request storage request = _requests[controller];
        (uint256 id, uint256 held) = (request.batch, request.shares);
        Batch storage batch = _batches[id];
        if (id != 0 && block.timestamp >= batch.cutOff) revert RequestClosed(id, batch.cutOff);
        if (shares > held) revert RequestExceeded(controller, shares, held);
        unchecked {
            (request.batch, request.shares) = (held == shares ? 0 : uint64(id), uint128(held - shares));
            batch.shares = uint128(batch.shares - shares);
        }
        _move(address(this), receiver, shares);
        emit RequestWithdrawn(controller, receiver, id, msg.sender, shares);
    }

    function pendingRedeemRequest(uint256 id, address controller) external view returns (uint256) {
        (uint256 held, uint256 amount,,) = _claimOf(controller);
        return held == id ? amount : 0;
    }

    function claimableRedeemRequest(uint256 id, address controller) external view returns (uint256) {
        (uint256 held,, uint256 amount,) = _claimOf(controller);
        return held == id ? amount : 0;
    }

    function previewMint(uint256 shares) external view returns (uint256) {
        (Config memory config, Marks memory m, uint256 all) = _look();
        _checkOpen(config, m);
        return _assetsUp(config, shares, m.max, all);
    }

    function previewDeposit(uint256 assets) external view returns (uint256) {
        (Config memory config, Marks memory m, uint256 all) = _look();
        _checkOpen(config, m);
        return _sharesDown(config, assets, m.max, all);
    }

    function maxMint(address receiver) external view returns (uint256) {
        (Config memory config, Marks memory m, uint256 all) = _look();
        if (config.windingDown || m.failures != 0 || m.disturbed != address(0)) return 0;
        return _mostShares(config, _room(config, m, _totals.idle, receiver, all), m.max, all);
    }

    function overview(address account) external view returns (Overview memory o, BookView[] memory views) {
        (Config memory config, Marks memory m, uint256 all) = _look();
        Totals memory totals = _totals;
        Queue memory queue = _queue;
        (o.navMin, o.navMid, o.navMax) = (m.min, m.mid, m.max);
        (o.supply, o.pendingFees) = (totals.supply, all - VIRTUAL_SHARES - totals.supply);
        (o.highWaterMark, o.idle, o.claimReserve) = (_fees.highWaterMark, totals.idle, queue.claimReserve);
        (o.windingDown, o.locked) = (config.windingDown ? 1 : 0, _locked ? 1 : 0);
        (o.openBatch, o.openCutOff,) = _openBatch();
        if (queue.settledBatches != queue.lastBatch) {
            o.oldestBatch = uint256(queue.settledBatches) + 1;
            Batch memory batch = _batches[o.oldestBatch];
            (o.oldestCutOff, o.oldestSharesLeft) =
            (batch.cutOff, _unfilled(batch.shares, _unfilledRay(o.oldestBatch, batch)));
        }
        (o.balance, o.nonce) = (_balances[account], _nonces[account]);
        if (m.failures == 0 && m.disturbed == address(0) && !config.windingDown) {
            o.maxDeposit = _room(config, m, totals.idle, account, all);
        }
        o.value = Math.fullMulDiv(o.balance, (m.failures == 0 ? m.mid : _measured.mid) + 1, all);
        (o.requestId, o.pendingShares, o.claimableShares, o.claimableAssets) = _claimOf(account);
        views = new BookView[](config.books);
        for (uint256 i; i < config.books; ++i) {
            BookView memory view_ = views[i];
            view_.book = _books[i].at;
            Limit memory limit = _limits[view_.book];
            (view_.isolated, view_.cap) = (limit.isolated ? 1 : 0, limit.cap);
            (view_.allocated, view_.pocket) = (limit.allocated, limit.pocket);
            (bool answered, uint256 min, uint256 mid, uint256 max,) = _ask(view_.book, false);
            if (answered) (view_.measured, view_.navMin, view_.navMid, view_.navMax) = (1, min, mid, max);
            else ++o.unmeasured;
        }
    }
}
