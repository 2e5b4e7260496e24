//! From measurement to trade: risk, books, adapters and the rebalancer.
//!
//! Static structs are words only, so that they cost little to pass: `…Wad` are whole units with 18 decimals
//! (signed where a sign has meaning), `…Bps` are 1/10,000.

use alloy_sol_types::sol;

/// Underlyings that a book can hold besides the asset. The engine values more; reports on chain have room for one.
pub const BOOK_UNDERLYINGS: usize = 1;

sol! {
    /// One call of a plan.
    #[cfg_attr(feature = "contract", derive(stylus_sdk::prelude::AbiType))]
    #[derive(Debug, PartialEq, Eq)]
    struct Call {
        address target;
        bytes data;
    }

    /// What a book is asked to do: trade at most `amountIn` of `tokenIn` for at least `minOut` of `tokenOut`
    /// (token units) through the calls that `adapter` encoded.
    #[cfg_attr(feature = "contract", derive(stylus_sdk::prelude::AbiType))]
    #[derive(Debug, PartialEq, Eq)]
    struct Plan {
        address adapter;
        address tokenIn;
        uint256 amountIn;
        address tokenOut;
        uint256 minOut;
        Call[] calls;
    }

    /// The risk of one underlying; the fields are those of `engine::Exposure`, in asset units or tokens with 18
    /// decimals.
    #[cfg_attr(feature = "contract", derive(stylus_sdk::prelude::AbiType))]
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Exposure {
        int256 delta;
        int256 expectedDelta;
        int256 gamma;
        int256 gammaLow;
        int256 gammaHigh;
        int256 vega;
        int256 theta;
        int256 rho;
        int256 carry;
        int256 deltaValue;
        int256 expectedDeltaValue;
        int256 grossValue;
        int256 spot;
    }

    /// By how much limits are exceeded; the fields are `excess_…` of `engine::Report`, in asset units with 18 decimals.
    #[cfg_attr(feature = "contract", derive(stylus_sdk::prelude::AbiType))]
    #[derive(Debug, Default, PartialEq, Eq)]
    struct Excess {
        int256 gross;
        int256 net;
        int256 margin;
        int256 liquidation;
        int256 gamma;
        int256 vega;
    }

    /// A book's value and risk at one moment; the fields are those of `engine::Report`, in asset units with 18
    /// decimals. `exposure` is that to underlying 1.
    #[cfg_attr(feature = "contract", derive(stylus_sdk::prelude::AbiType))]
    #[derive(Debug, PartialEq, Eq)]
    struct Report {
        int256 navMin;
        int256 navMid;
        int256 navMax;
        int256 grossValue;
        int256 netValue;
        int256 grossLeverage;
        int256 netLeverage;
        int256 liquid;
        int256 raisable;
        int256 worstLoss;
        int256 worstScenario;
        int256 initialMargin;
        int256 maintenanceMargin;
        int256 nearestLiquidation;
        int256 nearestLiquidationSigmas;
        int256 nearestLiquidationLeg;
        int256 budgetLoss;
        int256 carry;
        Excess excess;
        Exposure exposure;
    }

    /// What is known about a book besides its legs; the fields are those of `engine::Facts`, all words: asset units
    /// with 18 decimals, a number, seconds or bits.
    #[cfg_attr(feature = "contract", derive(stylus_sdk::prelude::AbiType))]
    #[derive(Debug, PartialEq, Eq)]
    struct Facts {
        int256 liquidityNeeded;
        int256 capacity;
        int256 budgetLeft;
        int256 costLeft;
        int256 executionFee;
        uint256 oracle;
        uint256 means;
        uint256 blocked;
        uint256 skip;
        uint256 violatedSecs;
    }

    /// What to do and the distances that led to it; the fields are those of `engine::Decision`. `rule` 0 means
    /// nothing; `side` 0 buys the underlying, 1 sells it; `action` and `partner` are the numbers of `engine::Action`.
    #[cfg_attr(feature = "contract", derive(stylus_sdk::prelude::AbiType))]
    #[derive(Debug, PartialEq, Eq)]
    struct Decision {
        uint256 rule;
        uint256 action;
        uint256 side;
        uint256 underlying;
        uint256 leg;
        uint256 venue;
        uint256 partner;
        uint256 partnerLeg;
        int256 amountIn;
        int256 minOut;
        int256 value;
        int256 costBound;
        int256 progress;
        int256 partnerAmount;
        int256 expectedDelta;
        int256 deltaTarget;
        int256 lower;
        int256 upper;
        int256 grossLeverage;
        int256 netLeverage;
        int256[9] distances;
    }

    /// Parameters per book, and the engine behind them.
    #[derive(Debug, PartialEq, Eq)]
    #[sol(extra_methods)]
    interface IRisk {
        event ParameterSet(address indexed book, uint8 indexed id, int256 value);

        error AlreadyInitialized();
        error Unauthorized(address caller);
        error ZeroAddress();
        error ArithmeticOverflow();
        error UnknownParameter(uint8 id);
        error ParameterOutOfRange(int256 value, int256 min, int256 max);
        error ParametersNotStored();
        error BatchMalformed(uint256 length);
        error OptionInvalid(uint256 index, uint256 fault, int256 value);
        error LegInvalid(uint256 word, uint256 fault);
        error LegUnvalued(uint256 kind);
        error UnknownUnderlying(uint256 underlying);
        error TooManyUnderlyings(uint256 max);
        error BadPrice(uint256 underlying);
        error NothingDecided();
        error NoProgress(uint256 rule, int256 excessBefore, int256 excessAfter);
        error EarlierRuleWorse(uint256 rule, int256 excessBefore, int256 excessAfter);
        error LaterRuleWorse(uint256 rule, int256 excessBefore, int256 excessAfter);
        error CostTooHigh(int256 costWad, int256 boundWad);

        function initialize(address governor) external;
        function governor() external view returns (address);
        function setParameter(address book, uint8 id, int256 value) external;
        function parameter(address book, uint8 id) external view returns (int256);
        function assess(
            address book, bytes32[] legs, uint256[] pricesWad, uint256[] confidenceBps) external view returns (Report);
        function decide(
            address book, bytes32[] legs, uint256[] pricesWad, uint256[] confidenceBps,
            Facts facts) external view returns (Report, Decision);
        function greeks(bytes records) external view returns (bytes);
        function margin(address book, bytes positions) external view returns (
            int256 worstLoss, uint256 scenario, int256 initialMargin, int256 maintenanceMargin, uint256[] losses);
        function accept(
            address book, bytes32[] legs, uint256[] pricesWad, uint256[] confidenceBps, Report measuredBefore,
            Decision decision, Facts facts) external view returns (Report);
    }

    /// One sub-account: holds tokens and executes plans inside its allow-list.
    ///
    /// Token 0 is the vault's asset, token i the underlying i. `legs` are packed legs, `pricesWad[i]` and
    /// `confidenceBps[i]` belong to token i. `orders` are open orders as `engine::order` packs them.
    #[derive(Debug, PartialEq, Eq)]
    #[sol(extra_methods)]
    interface IBook {
        event Initialized(address indexed governor, address indexed vault);
        event ModulesSet(address indexed rebalancer, address indexed risk, address indexed oracle);
        event TokenRegistered(uint256 indexed index, address indexed token, uint256 decimals);
        event AdapterRegistered(address indexed adapter);
        event AdapterReplaced(address indexed adapter, address indexed replacement);
        event CallAllowed(address indexed adapter, address indexed target, bytes4 indexed selector, bytes32[] template);
        event CallDisallowed(address indexed adapter, address indexed target, bytes4 indexed selector);
        event PlanExecuted(
            address indexed adapter, address indexed tokenIn, address indexed tokenOut, uint256 spent, uint256 received);
        event AssetsRecalled(uint256 assets);

        error AlreadyInitialized();
        error Unauthorized(address caller);
        error Locked();
        error ZeroAddress();
        error ArithmeticOverflow();
        error TransferFailed(address token);
        error TokenNotRegistered(address token);
        error TokenExists(address token);
        error TooManyTokens(uint256 max);
        error TooManyAdapters(uint256 max);
        error TooManyLegs(uint256 max);
        error DecimalsUnsupported(address token, uint256 decimals);
        error AdapterNotRegistered(address adapter);
        error AdapterExists(address adapter);
        error SelectorForbidden(bytes4 selector);
        error TargetForbidden(address target);
        error TemplateInvalid(uint256 index, bytes32 word);
        error CallNotAllowed(address adapter, address target, bytes4 selector);
        error CallMismatch(uint256 call, uint256 word);
        error PlanInvalid();
        error ApprovalLeft(address token, address spender);
        error MalformedReturn(address target);
        error SpentTooMuch(uint256 spent, uint256 maximum);
        error SlippageExceeded(uint256 received, uint256 minimum);

        function initialize(
            address governor, address vault, address rebalancer, address risk, address oracle, address asset) external;
        function governor() external view returns (address);
        function vault() external view returns (address);
        function rebalancer() external view returns (address);
        function risk() external view returns (address);
        function oracle() external view returns (address);
        function setModules(address rebalancer, address risk, address oracle) external;

        function registerToken(address token) external;
        function tokenCount() external view returns (uint256);
        function token(uint256 index) external view returns (address token, uint256 decimals);
        function registerAdapter(address adapter) external;
        function replaceAdapter(address adapter, address replacement) external;
        function adapterCount() external view returns (uint256);
        function adapter(uint256 index) external view returns (address);
        function allow(address adapter, address target, bytes4 selector, bytes32[] template) external;
        function disallow(address adapter, address target, bytes4 selector) external;
        function allowed(address adapter, address target, bytes4 selector) external view returns (bool, bytes32[]);

        function legs() external view returns (bytes32[]);
        function measure() external view returns (bytes32[] legs, uint256[] pricesWad, uint256[] confidenceBps);
        function marks() external view returns (
            uint256 navMin, uint256 navMid, uint256 navMax, uint256 disturbanceBps);
        function orders() external view returns (bytes32[]);

        function execute(Plan plan) external returns (uint256 spent, uint256 received);
        function recall(uint256 assets) external;
    }

    /// A venue, read and encoded: no custody, no state besides its configuration.
    ///
    /// `spot` is what the venue quotes now: whole `quote` per whole `base`, 1e18; zero if it does not trade the pair.
    ///
    /// The errors are those of the Uniswap v3 adapter.
    #[derive(Debug, PartialEq, Eq)]
    #[sol(extra_methods)]
    interface IAdapter {
        error AlreadyInitialized();
        error ZeroAddress();
        error ArithmeticOverflow();
        error PairNotServed(address tokenIn, address tokenOut);
        error PoolMismatch(address pool);
        error MalformedReturn(address target);

        function initialize(address router, address pool) external;
        function router() external view returns (address);
        function pool() external view returns (address);
        function token0() external view returns (address);
        function token1() external view returns (address);
        function fee() external view returns (uint256);
        function legs(address book) external view returns (bytes32[]);
        function encode(
            address book, address tokenIn, address tokenOut, uint256 amountIn, uint256 minOut) external view returns (Call[]);
        function spot(address base, address quote) external view returns (uint256);
    }

    /// The keeper's entry point.
    #[derive(Debug, PartialEq, Eq)]
    #[sol(extra_methods)]
    interface IRebalancer {
        event Initialized(address indexed governor, address indexed vault);
        event AdapterSet(address indexed book, address indexed adapter);
        event Rebalanced(
            address indexed book, address indexed keeper, uint8 rule, int256 deltaBefore, int256 deltaAfter,
            uint256 amountIn, uint256 amountOut, int256 costWad);

        error AlreadyInitialized();
        error Unauthorized(address caller);
        error Locked();
        error ZeroAddress();
        error ArithmeticOverflow();
        error UnknownBook(address book);
        error MalformedReturn(address target);
        error VenueDisturbed(address adapter, uint256 disturbanceBps, uint256 maxBps);
        error ActionUnsupported(uint256 action);
        error NothingToDo(
            int256 deltaWad, int256 lowerWad, int256 upperWad, uint256 netLeverageWad, uint256 grossLeverageWad);

        function initialize(address governor, address vault) external;
        function governor() external view returns (address);
        function vault() external view returns (address);
        function setAdapter(address book, address adapter) external;
        function adapter(address book) external view returns (address);
        function assess(address book) external view returns (Report, Decision);
        function rebalance(address book) external returns (Decision);
    }
}
