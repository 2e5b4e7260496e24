//! The vault: shares, deposits, redemptions by batch, allocation to books.

use alloy_sol_types::sol;

sol! {
    /// ERC-20 shares, ERC-4626 deposits, ERC-7540 redemptions.
    ///
    /// `assets` are units of the asset, `shares` have 18 decimals, `requestId` is a batch index, times are
    /// Unix seconds, `Bps` is 1/10,000.
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
        event BatchSettled(uint256 indexed batchId, uint256 shares, uint256 assets, uint256 sharesLeft);
        event BookAdded(address indexed book);
        event BookCapSet(address indexed book, uint256 cap);
        event Allocated(address indexed book, uint256 assets);
        event Recalled(address indexed book, uint256 assets);
        event DepositCapSet(uint256 cap);
        event EntryCostSet(uint256 entryCostBps);
        event PeriodSet(uint256 periodSecs);

        error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
        error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
        error ERC20InvalidReceiver(address receiver);
        error ERC20InvalidSpender(address spender);
        error ERC4626ExceededMaxDeposit(address receiver, uint256 assets, uint256 max);
        error ERC4626ExceededMaxMint(address receiver, uint256 shares, uint256 max);
        error ERC4626ExceededMaxWithdraw(address owner, uint256 assets, uint256 max);
        error ERC4626ExceededMaxRedeem(address owner, uint256 shares, uint256 max);
        error AlreadyInitialized();
        error Unauthorized(address caller);
        error ZeroAddress();
        error ZeroAmount();
        error ArithmeticOverflow();
        error ParameterOutOfRange(uint256 value, uint256 min, uint256 max);
        error TransferFailed(address token);
        error SlippageExceeded(uint256 received, uint256 minimum);
        error AsyncRedeem();
        error RequestUnsettled(address controller, uint256 requestId);
        error RequestUnclaimed(address controller, uint256 requestId);
        error BatchStillOpen(uint256 requestId, uint256 cutOff);
        error NothingToSettle();
        error MarkUnavailable(address book);
        error InsufficientGas();
        error UnknownBook(address book);
        error BookExists(address book);
        error TooManyBooks(uint256 max);
        error BookCapExceeded(address book, uint256 assets, uint256 max);
        error InsufficientIdle(uint256 assets, uint256 idle);

        function initialize(
            address governor, address asset, bytes32 name, bytes32 symbol, uint256 periodSecs, uint256 depositCap,
            uint256 entryCostBps) external;

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

        // ERC-7540, redemption side
        function requestRedeem(uint256 shares, address controller, address owner) external returns (uint256);
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

        // settlement
        function settle() external returns (uint256 batchId, uint256 shares, uint256 assets);
        function liquidityNeeded() external view returns (uint256);
        function currentBatch() external view returns (uint256 batchId, uint256 cutOff);
        function nextBatch() external view returns (uint256 batchId, uint256 cutOff, uint256 sharesLeft);
        function marks() external view returns (uint256 navMin, uint256 navMid, uint256 navMax);
        function idle() external view returns (uint256);
        function claimReserve() external view returns (uint256);

        // books
        function bookCount() external view returns (uint256);
        function book(uint256 index) external view returns (address book, uint256 allocated, uint256 cap);
        function addBook(address book, uint256 cap) external;
        function setBookCap(address book, uint256 cap) external;
        function allocate(address book, uint256 assets) external;
        function recall(address book, uint256 assets) external;

        // parameters
        function governor() external view returns (address);
        function parameters() external view returns (uint256 periodSecs, uint256 depositCap, uint256 entryCostBps);
        function setDepositCap(uint256 cap) external;
        function setEntryCost(uint256 entryCostBps) external;
        function setPeriod(uint256 periodSecs) external;
    }
}
