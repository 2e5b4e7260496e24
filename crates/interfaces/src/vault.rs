//! The vault: shares, deposits, redemptions by batch, allocation to books.

use alloy_sol_types::sol;

sol! {
    /// What a user interface needs to know about a vault and one account, at one moment.
    ///
    /// Asset units, shares in the share token's decimals, Unix seconds. A book that cannot be measured counts as nothing.
    #[cfg_attr(feature = "contract", derive(stylus_sdk::prelude::AbiType))]
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Overview {
        // the vault
        uint256 navMin;
        uint256 navMid;
        uint256 navMax;
        /// Books that cannot be measured now.
        uint256 unmeasured;
        /// Shares in existence.
        uint256 supply;
        /// Fee shares that the next deposit or settlement mints first.
        uint256 pendingFees;
        /// See `highWaterMark`.
        uint256 highWaterMark;
        uint256 idle;
        uint256 claimReserve;
        /// 1 while new risk is stopped in favour of the redemption queue.
        uint256 windingDown;
        /// 1 while a rebalance, deposit or settlement is under way: values may be half-way.
        uint256 locked;
        uint256 openBatch;
        uint256 openCutOff;
        uint256 oldestBatch;
        uint256 oldestCutOff;
        uint256 oldestSharesLeft;
        // the account
        uint256 balance;
        uint256 maxDeposit;
        /// What its shares are worth at navMid.
        uint256 value;
        /// Its request's batch; 0 if it has none.
        uint256 requestId;
        uint256 pendingShares;
        uint256 claimableShares;
        uint256 claimableAssets;
        uint256 nonce;
    }

    /// A book as the vault sees it. Asset units.
    #[cfg_attr(feature = "contract", derive(stylus_sdk::prelude::AbiType))]
    #[derive(Debug, Default, PartialEq, Eq)]
    struct BookView {
        address book;
        /// 1 if it is never refilled while in loss.
        uint256 isolated;
        uint256 cap;
        uint256 allocated;
        /// The pocket that holds leavers' part of it; 0 if all of it belongs to the shares.
        uint256 pocket;
        /// 1 if it can be measured; the marks are 0 otherwise. Before the pocket's part is taken off.
        uint256 measured;
        uint256 navMin;
        uint256 navMid;
        uint256 navMax;
    }

    /// ERC-20 shares with ERC-2612 permits, ERC-4626 deposits, ERC-7540 redemptions.
    ///
    /// `assets` are units of the asset, `shares` units of the share token, `requestId` and `batchId` a batch index, times
    /// are Unix seconds, `Bps` is 1/10,000, `Ray` 1e27 = all.
    ///
    /// Parameters have numbers: 0 period, 1 wait limit (seconds), 2 entry cost, 3 performance fee, 4 management fee per
    /// year, 5 widest marks at settlement, 6 largest disturbance of a pool at a deposit (all in 1/10,000), 7 deposit cap
    /// of the vault, 8 deposit cap of an account (asset units). Ranges, defaults and directions are in the vault's
    /// `parameter` module.
    #[derive(Debug, PartialEq, Eq)]
    #[sol(extra_methods)]
    interface IVault {
        // ERC-20
        event Transfer(address indexed from, address indexed to, uint256 value);
        event Approval(address indexed owner, address indexed spender, uint256 value);
        // ERC-4626
        event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
        event Withdraw(
            address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares);
        // ERC-7540
        event RedeemRequest(
            address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares);
        event OperatorSet(address indexed controller, address indexed operator, bool approved);
        // Gimbal
        event Initialized(
            address indexed governor, address indexed asset, bytes32 name, bytes32 symbol, uint256 shareDecimals);
        event RequestWithdrawn(
            address indexed controller, address indexed receiver, uint256 indexed requestId, address sender, uint256 shares);
        event BatchOpened(uint256 indexed batchId, uint256 cutOff);
        event BatchSettled(
            uint256 indexed batchId, uint256 shares, uint256 assets, uint256 sharesLeft, uint256 unfilledRay);
        event WindDownSet(bool windingDown);
        event FeesAccrued(uint256 managementShares, uint256 performanceShares, uint256 highWaterMark);
        event PocketOpened(uint256 indexed pocket, address indexed book);
        event PocketJoined(uint256 indexed pocket, uint256 indexed batchId, uint256 units, uint256 fractionRay);
        event PocketPaid(uint256 indexed pocket, uint256 assets, uint256 fractionRay);
        event RestClaimed(
            uint256 indexed pocket, uint256 indexed requestId, address indexed controller, address receiver,
            uint256 assets);
        event BookAdded(address indexed book, bool isolated);
        event BookRemoved(address indexed book);
        event BookCapSet(address indexed book, uint256 cap);
        event Allocated(address indexed book, uint256 assets);
        event Recalled(address indexed book, uint256 assets);
        event LossRealized(address indexed book, uint256 loss);
        event SurplusNoted(uint256 assets, uint256 bookableAt);
        event SurplusBooked(uint256 assets);
        event ParameterSet(uint8 indexed id, uint256 value);
        event FeeRecipientSet(address indexed feeRecipient);
        event RebalancerSet(address indexed rebalancer);

        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
        error ERC20InvalidReceiver(address receiver);
        error ERC20InvalidSpender(address spender);
        error ERC2612ExpiredSignature(uint256 deadline);
        error ERC2612InvalidSignature(address owner);
        error ERC4626ExceededMaxDeposit(address receiver, uint256 assets, uint256 max);
        error ERC4626ExceededMaxMint(address receiver, uint256 shares, uint256 max);
        error ERC4626ExceededMaxWithdraw(address owner, uint256 assets, uint256 max);
        error ERC4626ExceededMaxRedeem(address owner, uint256 shares, uint256 max);
        error AlreadyInitialized();
        error Unauthorized(address caller);
        error ZeroAddress();
        error ZeroAmount();
        error ArithmeticOverflow();
        error Locked();
        error NotLocked();
        error UnknownParameter(uint8 id);
        error ParameterOutOfRange(uint256 value, uint256 min, uint256 max);
        error DecimalsUnsupported(address token, uint256 decimals);
        error TransferFailed(address token);
        error SlippageExceeded(uint256 received, uint256 minimum);
        error CostExceeded(uint256 assets, uint256 maximum);
        error AsyncRedeem();
        error RequestUnsettled(address controller, uint256 requestId);
        error RequestUnclaimed(address controller, uint256 requestId);
        error RequestClosed(uint256 requestId, uint256 cutOff);
        error RequestExceeded(address controller, uint256 shares, uint256 max);
        error BatchStillOpen(uint256 requestId, uint256 cutOff);
        error NothingToSettle();
        error NothingToClaim();
        error MarksTooWide(uint256 spreadBps, uint256 maxBps);
        error PoolDisturbed(address book, uint256 disturbanceBps, uint256 maxBps);
        error WindingDown();
        error MarkUnavailable(address book);
        error InsufficientGas();
        error UnknownBook(address book);
        error BookExists(address book);
        error TooManyBooks(uint256 max);
        error BookCapExceeded(address book, uint256 assets, uint256 max);
        error BookInLoss(address book, uint256 allocated, uint256 value);
        error BookNotEmpty(address book);
        error BookPocketed(address book, uint256 pocket);
        error UnknownPocket(uint256 pocket);
        error InsufficientIdle(uint256 assets, uint256 idle);
        error SurplusTooFresh(uint256 bookableAt);

        function initialize(
            address governor, address asset, bytes32 name, bytes32 symbol, address rebalancer, address feeRecipient,
            uint256[] parameters) external;

        // ERC-20
        function name() external view returns (string);
        function symbol() external view returns (string);
        function decimals() external view returns (uint8);
        function totalSupply() external view returns (uint256);
        function balanceOf(address account) external view returns (uint256);
        function allowance(address owner, address spender) external view returns (uint256);
        function transfer(address to, uint256 value) external returns (bool);
        function approve(address spender, uint256 value) external returns (bool);
        function transferFrom(address from, address to, uint256 value) external returns (bool);

        // ERC-2612 and EIP-5267
        function nonces(address owner) external view returns (uint256);
        function DOMAIN_SEPARATOR() external view returns (bytes32);
        function eip712Domain() external view returns (
            bytes1 fields, string name, string version, uint256 chainId, address verifyingContract, bytes32 salt,
            uint256[] extensions);
        function permit(
            address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;
        function permit(
            address owner, address spender, uint256 value, uint256 deadline, bytes signature) external;

        // ERC-4626, deposit side
        function asset() external view returns (address);
        function totalAssets() external view returns (uint256);
        function convertToShares(uint256 assets) external view returns (uint256);
        function convertToAssets(uint256 shares) external view returns (uint256);
        function maxDeposit(address receiver) external view returns (uint256);
        function maxMint(address receiver) external view returns (uint256);
        function previewDeposit(uint256 assets) external view returns (uint256);
        function previewMint(uint256 shares) external view returns (uint256);
        function deposit(uint256 assets, address receiver) external returns (uint256);
        function depositWithMin(uint256 assets, address receiver, uint256 minShares) external returns (uint256);
        function mint(uint256 shares, address receiver) external returns (uint256);
        function mintWithMax(uint256 shares, address receiver, uint256 maxAssets) external returns (uint256);

        // ERC-7540, redemption side; ERC-7575
        function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256);
        function withdrawRequest(uint256 shares, address receiver, address controller) external;
        function pendingRedeemRequest(uint256 requestId, address controller) external view returns (uint256);
        function claimableRedeemRequest(uint256 requestId, address controller) external view returns (uint256);
        function setOperator(address operator, bool approved) external returns (bool);
        function isOperator(address controller, address operator) external view returns (bool);
        function redeem(uint256 shares, address receiver, address controller) external returns (uint256);
        function withdraw(uint256 assets, address receiver, address controller) external returns (uint256);
        function previewRedeem(uint256 shares) external view returns (uint256);
        function previewWithdraw(uint256 assets) external view returns (uint256);
        function maxRedeem(address controller) external view returns (uint256);
        function maxWithdraw(address controller) external view returns (uint256);
        function supportsInterface(bytes4 interfaceId) external view returns (bool);
        function share() external view returns (address);
        function vault(address asset) external view returns (address);

        // settlement
        function settle() external returns (uint256 batchId, uint256 shares, uint256 assets);
        function liquidityNeeded(address book) external view returns (uint256);
        function windingDown() external view returns (bool);
        function currentBatch() external view returns (uint256 batchId, uint256 cutOff);
        function nextBatch() external view returns (uint256 batchId, uint256 cutOff, uint256 sharesLeft);

        // what leavers keep of a book that could not be measured when they left
        function pocket(uint256 id) external view returns (
            address book, uint256 fractionRay, uint256 units, uint256 paidPerUnit);
        function restOf(uint256 pocket, uint256 requestId, address controller) external view returns (uint256);
        function claimRest(
            uint256 pocket, uint256 requestId, address receiver, address controller) external returns (uint256);
        function buyOut(address book) external returns (uint256);

        // value
        function marks() external view returns (uint256 navMin, uint256 navMid, uint256 navMax);
        function idle() external view returns (uint256);
        function claimReserve() external view returns (uint256);
        function highWaterMark() external view returns (uint256);
        function accrueFees() external returns (uint256 managementShares, uint256 performanceShares);
        function sweep() external returns (uint256);
        function overview(address account) external view returns (Overview, BookView[]);

        // books
        function bookCount() external view returns (uint256);
        function book(uint256 index) external view returns (
            address book, uint256 allocated, uint256 cap, bool isolated, uint256 pocket);
        function addBook(address book, uint256 cap, bool isolated) external;
        function removeBook(address book) external;
        function setBookCap(address book, uint256 cap) external;
        function allocate(address book, uint256 assets) external;
        function recall(address book, uint256 assets) external;
        function realizeLoss(address book) external returns (uint256);

        // the system's lock
        function lock() external;
        function unlock() external;
        function locked() external view returns (bool);

        // parameters
        function governor() external view returns (address);
        function rebalancer() external view returns (address);
        function feeRecipient() external view returns (address);
        function parameter(uint8 id) external view returns (uint256);
        function setParameter(uint8 id, uint256 value) external;
        function setRebalancer(address rebalancer) external;
        function setFeeRecipient(address feeRecipient) external;
    }
}
