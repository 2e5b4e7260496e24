// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

/// @title What the proxy asks of ArbWasm, the chain's precompile for Stylus programs
interface IArbWasm {
    /// @notice The account's code was never activated as a program.
    error ProgramNotActivated();
    /// @notice The program was activated under another Stylus version.
    error ProgramNeedsUpgrade(uint16 version, uint16 stylusVersion);
    /// @notice The program was not kept alive.
    error ProgramExpired(uint64 ageInSeconds);

    /// @notice The Stylus version under which `program` was activated; reverts unless it can be called now.
    function programVersion(address program) external view returns (uint16 version);
}

/// @title Proxy: an address that outlives the Stylus program behind it
/// @notice A program expires after a year without keepalive, stops at a new Stylus version until it is activated again,
/// and may be refused by a later version for good. The vault and every book stand behind a contract of this kind each,
/// so that their addresses and their storage survive that.
///
/// - Every call goes to the program as it came, and its answer or revert data comes back unchanged. Calls with value
///   revert: programs refuse value, too. (Ether that is forced in, as a block reward is, stays and counts as nothing.)
/// - The program is initialised by the transaction that creates the proxy. Vault and book initialise only while their
///   address has no code, so neither a stranger nor a second call can do it, nor anyone on the program's own address.
/// - The governor may announce another program. After `REPOINT_DELAY`, and for `REPOINT_WINDOW` from then on, anyone may
///   put it in place, but only while the chain itself reports that the present program cannot be called. A program that
///   can be called is never replaced: anyone can keep it so by paying for its keepalive or its activation.
/// - Nothing else changes, ever: no owner, no other setter, no self-destruction. The new program finds the old storage.
/// @dev No function here has the selector of one of the vault or of a book (test/e2e/tests/proxy.rs). The storage starts
/// at the slot where EIP-1967 puts the implementation: keccak256("eip1967.proxy.implementation") - 1.
contract Proxy layout at 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc {
    /// @dev A program that may be put in place.
    struct Announcement {
        /// The program; zero if none is announced.
        address next;
        /// Earliest time to put it in place, in Unix seconds.
        uint256 readyAt;
        /// Its code hash when it was announced.
        bytes32 codeHash;
    }

    /// @dev What ArbWasm says about a program. `Unknown` is every other answer, such as none for lack of gas.
    enum Status {
        Unknown,
        Callable,
        Uncallable
    }

    /// @notice Seconds from an announcement to the earliest change: 14 days. No delay of the system may be longer.
    uint256 public constant REPOINT_DELAY = 14 days;
    /// @notice Seconds from then on in which the change can be made: 14 days. Later it must be announced anew.
    uint256 public constant REPOINT_WINDOW = 14 days;

    IArbWasm private constant ARB_WASM = IArbWasm(address(0x71));

    /// @notice Who may announce a program and withdraw the announcement.
    address public immutable proxyGovernor;

    /// @notice The program that every call goes to.
    address public implementation;
    Announcement private _announcement;

    /// @notice `implementation` takes all calls from now on (EIP-1967).
    event Upgraded(address indexed implementation);
    /// @notice `next`, with this code, may be put in place from `readyAt` to `expiresAt` (Unix seconds, both included).
    event Announced(address indexed next, bytes32 codeHash, uint256 readyAt, uint256 expiresAt);
    /// @notice `next` may not be put in place any more.
    event AnnouncementWithdrawn(address indexed next);

    /// @notice Only the governor may do this.
    error Unauthorized(address caller);
    /// @notice The governor cannot be address zero.
    error ZeroAddress();
    /// @notice ArbWasm does not report that `program` can be called.
    error NotCallable(address program);
    /// @notice ArbWasm does not report that `program` cannot be called.
    error NotUncallable(address program);
    /// @notice No program is announced.
    error NothingAnnounced();
    /// @notice The announced program cannot be put in place before `readyAt` (Unix seconds).
    error AnnouncementTooFresh(uint256 readyAt);
    /// @notice The announced program could be put in place up to `expiresAt` (Unix seconds).
    error AnnouncementExpired(uint256 expiresAt);
    /// @notice The announced program has other code than when it was announced.
    error CodeHashChanged(address program, bytes32 announced, bytes32 found);

    /// @notice Puts a program in place and has it initialise itself on this address.
    /// @dev Errors: `ZeroAddress`, `NotCallable` (an account without code is not callable either), and those of the
    /// program, unchanged.
    /// @param program The Stylus program; it must be active.
    /// @param governor Who may announce another one.
    /// @param initialisation Calldata that the program gets once, from the creator, while this address has no code.
    constructor(address program, address governor, bytes memory initialisation) {
        if (governor == address(0)) revert ZeroAddress();
        if (_status(program) != Status.Callable) revert NotCallable(program);
        proxyGovernor = governor;
        implementation = program;
        emit Upgraded(program);
        (bool success, bytes memory answer) = program.delegatecall(initialisation);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }

    /// @notice Hands the call to the program, and its answer or revert data back.
    fallback() external {
        // The frame ends here, so memory from 0 on is free to use.
        assembly {
            calldatacopy(0, 0, calldatasize())
            let success := delegatecall(gas(), sload(implementation.slot), 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if success { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    /// @notice Names the program that may replace the present one, and starts the delay. Replaces an earlier
    /// announcement.
    /// @dev The program must be active: only then all of its code is on chain, fragments included, and its code hash
    /// stands for all of it. Errors: `Unauthorized`, `NotCallable`.
    function announce(address next) external {
        _onlyGovernor();
        if (_status(next) != Status.Callable) revert NotCallable(next);
        bytes32 codeHash = next.codehash;
        uint256 readyAt = block.timestamp + REPOINT_DELAY;
        _announcement = Announcement(next, readyAt, codeHash);
        emit Announced(next, codeHash, readyAt, readyAt + REPOINT_WINDOW);
    }

    /// @notice Takes the announcement back.
    /// @dev Errors: `Unauthorized`, `NothingAnnounced`.
    function withdrawAnnouncement() external {
        _onlyGovernor();
        address next = _announcement.next;
        if (next == address(0)) revert NothingAnnounced();
        delete _announcement;
        emit AnnouncementWithdrawn(next);
    }

    /// @notice Puts the announced program in place of one that cannot be called. Anyone may do this.
    /// @dev Both verdicts are ArbWasm's own: too little gas for its answer is no verdict and reverts. Errors:
    /// `NothingAnnounced`, `AnnouncementTooFresh`, `AnnouncementExpired`, `NotUncallable`, `CodeHashChanged`,
    /// `NotCallable`.
    function repoint() external {
        Announcement memory announced = _announcement;
        address next = announced.next;
        if (next == address(0)) revert NothingAnnounced();
        if (block.timestamp < announced.readyAt) revert AnnouncementTooFresh(announced.readyAt);
        uint256 expiresAt = announced.readyAt + REPOINT_WINDOW;
        if (block.timestamp > expiresAt) revert AnnouncementExpired(expiresAt);
        if (_status(implementation) != Status.Uncallable) revert NotUncallable(implementation);
        bytes32 found = next.codehash;
        if (found != announced.codeHash) revert CodeHashChanged(next, announced.codeHash, found);
        if (_status(next) != Status.Callable) revert NotCallable(next);
        delete _announcement;
        implementation = next;
        emit Upgraded(next);
    }

    /// @notice The announced program, its code hash, and from when to when it may be put in place (Unix seconds, both
    /// included); all zero if there is none.
    function announcement() external view returns (address next, bytes32 codeHash, uint256 readyAt, uint256 expiresAt) {
        next = _announcement.next;
        if (next != address(0)) {
            codeHash = _announcement.codeHash;
            readyAt = _announcement.readyAt;
            expiresAt = readyAt + REPOINT_WINDOW;
        }
    }

    function _onlyGovernor() private view {
        if (msg.sender != proxyGovernor) revert Unauthorized(msg.sender);
    }

    /// @dev Only a complete typed error counts as a refusal. A call that fails for lack of gas brings back nothing.
    function _status(address program) private view returns (Status) {
        (bool success, bytes memory answer) =
            address(ARB_WASM).staticcall(abi.encodeCall(ARB_WASM.programVersion, (program)));
        if (success) return answer.length == 32 ? Status.Callable : Status.Unknown;
        // A shorter answer is padded, and then fails on its length.
        // forge-lint: disable-next-line(unsafe-typecast)
        bytes4 selector = bytes4(answer);
        if (
            (selector == IArbWasm.ProgramNotActivated.selector && answer.length == 4)
                || (selector == IArbWasm.ProgramNeedsUpgrade.selector && answer.length == 68)
                || (selector == IArbWasm.ProgramExpired.selector && answer.length == 36)
        ) return Status.Uncallable;
        return Status.Unknown;
    }
}
