// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @notice What the model calls of a token.
interface IToken {
    function decimals() external view returns (uint8);
    function balanceOf(address account) external view returns (uint256);
}

/// @notice What the model calls of a book.
interface IMarkedBook {
    function vault() external view returns (address);
    function token(uint256 index) external view returns (address token, uint256 decimals);
    function marks() external view returns (uint256 navMin, uint256 navMid, uint256 navMax, uint256 disturbanceBps);
    function recall(uint256 assets) external;
}

/// @notice What the model asks the governor.
interface IRoles {
    function guardian() external view returns (address);
    function allocator() external view returns (address);
}

/// @notice A contract that signs (EIP-1271).
interface ISigner {
    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4);
}

/// @notice What sets the model up.
interface ISetUp {
    function initialize(
        address governor,
        address asset,
        bytes32 name,
        bytes32 symbol,
        address rebalancer,
        address feeRecipient,
        uint256[] calldata parameters
    ) external;
}

/// @title Structs, events and errors of the vault's interface
/// @notice As `IVault` declares them; their meaning is documented there.
abstract contract VaultModelTypes {
    struct Overview {
        uint256 navMin;
        uint256 navMid;
        uint256 navMax;
        uint256 unmeasured;
        uint256 supply;
        uint256 pendingFees;
        uint256 highWaterMark;
        uint256 idle;
        uint256 claimReserve;
        uint256 windingDown;
        uint256 locked;
        uint256 openBatch;
        uint256 openCutOff;
        uint256 oldestBatch;
        uint256 oldestCutOff;
        uint256 oldestSharesLeft;
        uint256 balance;
        uint256 maxDeposit;
        uint256 value;
        uint256 requestId;
        uint256 pendingShares;
        uint256 claimableShares;
        uint256 claimableAssets;
        uint256 nonce;
    }

    struct BookView {
        address book;
        uint256 isolated;
        uint256 cap;
        uint256 allocated;
        uint256 pocket;
        uint256 measured;
        uint256 navMin;
        uint256 navMid;
        uint256 navMax;
    }

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event Deposit(address indexed sender, address indexed owner, uint256 assets, uint256 shares);
    event Withdraw(
        address indexed sender, address indexed receiver, address indexed owner, uint256 assets, uint256 shares
    );
    event RedeemRequest(
        address indexed controller, address indexed owner, uint256 indexed requestId, address sender, uint256 shares
    );
    event OperatorSet(address indexed controller, address indexed operator, bool approved);
    event Initialized(
        address indexed governor, address indexed asset, bytes32 name, bytes32 symbol, uint256 shareDecimals
    );
    event RequestWithdrawn(
        address indexed controller, address indexed receiver, uint256 indexed requestId, address sender, uint256 shares
    );
    event BatchOpened(uint256 indexed batchId, uint256 cutOff);
    event BatchSettled(
        uint256 indexed batchId, uint256 shares, uint256 assets, uint256 sharesLeft, uint256 unfilledRay
    );
    event WindDownSet(bool windingDown);
    event FeesAccrued(uint256 managementShares, uint256 performanceShares, uint256 highWaterMark);
    event PocketOpened(uint256 indexed pocket, address indexed book);
    event PocketJoined(uint256 indexed pocket, uint256 indexed batchId, uint256 units, uint256 fractionRay);
    event PocketPaid(uint256 indexed pocket, uint256 assets, uint256 fractionRay);
    event RestClaimed(
        uint256 indexed pocket, uint256 indexed requestId, address indexed controller, address receiver, uint256 assets
    );
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
}
