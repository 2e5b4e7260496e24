// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.30;

import {IArbWasm, Proxy} from "../../../contracts/proxy/src/Proxy.sol";
import {ArbWasmDouble} from "./ArbWasmDouble.sol";
import {ProgramDouble} from "./ProgramDouble.sol";

interface IVm {
    function etch(address target, bytes calldata code) external;
    function load(address target, bytes32 slot) external view returns (bytes32);
    function prank(address sender) external;
    function warp(uint256 timestamp) external;
}

/// @notice The proxy over programs of an EVM, with a double of ArbWasm that reports what the test wants.
contract ProxyTest {
    IVm private constant VM = IVm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);
    ArbWasmDouble private constant ARB_WASM = ArbWasmDouble(address(0x71));
    address private constant STRANGER = address(0xBEEF);
    uint256 private constant START = 1_700_000_000;

    bytes private expired = abi.encodeWithSelector(IArbWasm.ProgramExpired.selector, uint64(31_536_001));
    address private program;
    address private next;
    Proxy private proxy;
    uint256 private readyAt;
    uint256 private expiresAt;

    function setUp() public {
        VM.warp(START);
        VM.etch(address(ARB_WASM), type(ArbWasmDouble).runtimeCode);
        program = address(new ProgramDouble());
        next = address(new ProgramDouble());
        proxy = new Proxy(program, address(this), abi.encodeCall(ProgramDouble.initialize, (42, "")));
        readyAt = START + proxy.REPOINT_DELAY();
        expiresAt = readyAt + proxy.REPOINT_WINDOW();
    }

    // ---- creation ----

    function testConstructionInitialisesOnTheProxysStorage() public view {
        assert(ProgramDouble(address(proxy)).value() == 42);
        assert(ProgramDouble(address(proxy)).initialiser() == address(this));
        assert(ProgramDouble(program).value() == 0);
        assert(proxy.implementation() == program && proxy.proxyGovernor() == address(this));
        bytes32 slot = bytes32(uint256(keccak256("eip1967.proxy.implementation")) - 1);
        assert(VM.load(address(proxy), slot) == bytes32(uint256(uint160(program))));
    }

    function testInitialisationAfterConstructionIsRefused() public {
        bytes memory call = abi.encodeCall(ProgramDouble.initialize, (43, ""));
        bytes memory refusal = abi.encodeWithSelector(ProgramDouble.AlreadyInitialized.selector);
        _refused(address(proxy), call, refusal);
        _refused(program, call, refusal);
        assert(ProgramDouble(address(proxy)).value() == 42);
    }

    function testRefusedInitialisationBubbles(bytes calldata data) public {
        bytes memory call = abi.encodeCall(ProgramDouble.initialize, (1, bytes.concat("x", data)));
        try new Proxy(program, address(this), call) {
            assert(false);
        } catch (bytes memory revertData) {
            _equal(revertData, abi.encodeWithSelector(ProgramDouble.Refused.selector, bytes.concat("x", data)));
        }
    }

    function testConstructionWithoutGovernorIsRefused() public {
        try new Proxy(program, address(0), "") {
            assert(false);
        } catch (bytes memory revertData) {
            _equal(revertData, abi.encodeWithSelector(Proxy.ZeroAddress.selector));
        }
    }

    function testConstructionOverProgramThatIsNotCallableIsRefused() public {
        bytes[] memory refusals = _refusals();
        for (uint256 i; i < refusals.length; ++i) {
            ARB_WASM.setAnswer(program, false, refusals[i], 0);
            _constructionRefused();
        }
        ARB_WASM.setAnswer(program, true, "", 0);
        _constructionRefused();
        // Not an Arbitrum chain.
        VM.etch(address(ARB_WASM), "");
        _constructionRefused();
    }

    function _constructionRefused() private {
        try new Proxy(program, address(this), "") {
            assert(false);
        } catch (bytes memory revertData) {
            _equal(revertData, abi.encodeWithSelector(Proxy.NotCallable.selector, program));
        }
    }

    // ---- calls ----

    function testCallsPassUnchanged(bytes calldata data) public {
        // An upper bit keeps fuzzed selectors apart from the functions of proxy and program.
        bytes memory call = data.length == 0 ? data : bytes.concat(data[0] | 0xF7, data[1:]);
        VM.prank(STRANGER);
        (bool success, bytes memory answer) = address(proxy).call(call);
        assert(success);
        _equal(answer, abi.encodePacked(STRANGER, call));
    }

    function testRevertDataPassesUnchanged(bytes calldata data) public {
        _refused(address(proxy), abi.encodeCall(ProgramDouble.fail, (data)), data);
    }

    function testValueIsRefused(uint256 wei_, bytes calldata data) public {
        wei_ = 1 + wei_ % 1 ether;
        bytes memory call = abi.encodeCall(ProgramDouble.setValue, (7));
        (bool success, bytes memory answer) = program.call{value: wei_}(call);
        assert(success);
        (success, answer) = address(proxy).call{value: wei_}(call);
        assert(!success && answer.length == 0);
        (success, answer) = address(proxy).call{value: wei_}(data);
        assert(!success && answer.length == 0 && address(proxy).balance == 0);
    }

    // ---- announcements ----

    function testAnnouncementByStrangerIsRefused() public {
        bytes memory refusal = abi.encodeWithSelector(Proxy.Unauthorized.selector, STRANGER);
        VM.prank(STRANGER);
        _refused(address(proxy), abi.encodeCall(Proxy.announce, (next)), refusal);
        proxy.announce(next);
        VM.prank(STRANGER);
        _refused(address(proxy), abi.encodeCall(Proxy.withdrawAnnouncement, ()), refusal);
        // The program's roles are not the proxy's.
        VM.prank(program);
        (bool success,) = address(proxy).call(abi.encodeCall(Proxy.announce, (next)));
        assert(!success);
    }

    function testAnnouncementShowsItsTerms() public {
        _noAnnouncement();
        proxy.announce(next);
        (address announced, bytes32 codeHash, uint256 from, uint256 to) = proxy.announcement();
        assert(announced == next && codeHash == next.codehash && from == readyAt && to == expiresAt);
        assert(proxy.implementation() == program);
    }

    function testAnnouncementOfProgramThatIsNotCallableIsRefused() public {
        bytes[] memory refusals = _refusals();
        for (uint256 i; i < refusals.length; ++i) {
            ARB_WASM.setAnswer(next, false, refusals[i], 0);
            _announcementRefused();
        }
        ARB_WASM.setAnswer(next, true, "", 0);
        _announcementRefused();
        _noAnnouncement();
    }

    function _announcementRefused() private {
        bytes memory refusal = abi.encodeWithSelector(Proxy.NotCallable.selector, next);
        _refused(address(proxy), abi.encodeCall(Proxy.announce, (next)), refusal);
    }

    function testAnnouncementAgainStartsTheDelayAnew() public {
        proxy.announce(next);
        VM.warp(readyAt - 1);
        proxy.announce(next);
        ARB_WASM.setAnswer(program, false, expired, 0);
        VM.warp(readyAt);
        uint256 anew = readyAt - 1 + proxy.REPOINT_DELAY();
        _repointRefused(abi.encodeWithSelector(Proxy.AnnouncementTooFresh.selector, anew));
        VM.warp(anew);
        proxy.repoint();
    }

    function testWithdrawnAnnouncementCannotBeUsed() public {
        bytes memory nothing = abi.encodeWithSelector(Proxy.NothingAnnounced.selector);
        _refused(address(proxy), abi.encodeCall(Proxy.withdrawAnnouncement, ()), nothing);
        proxy.announce(next);
        proxy.withdrawAnnouncement();
        _noAnnouncement();
        ARB_WASM.setAnswer(program, false, expired, 0);
        VM.warp(readyAt);
        _repointRefused(nothing);
    }

    // ---- re-pointing ----

    function testRepointReplacesProgramReportedUncallable() public {
        bytes[] memory refusals = _refusals();
        for (uint256 i; i < 3; ++i) {
            setUp();
            ProgramDouble(address(proxy)).setValue(7);
            proxy.announce(next);
            VM.warp(i == 0 ? expiresAt : readyAt);
            ARB_WASM.setAnswer(program, false, refusals[i], 0);
            VM.prank(STRANGER);
            proxy.repoint();
            assert(proxy.implementation() == next);
            assert(ProgramDouble(address(proxy)).value() == 7);
            _noAnnouncement();
            _repointRefused(abi.encodeWithSelector(Proxy.NothingAnnounced.selector));
        }
    }

    function testRepointWithoutAnnouncementIsRefused() public {
        ARB_WASM.setAnswer(program, false, expired, 0);
        _repointRefused(abi.encodeWithSelector(Proxy.NothingAnnounced.selector));
    }

    function testRepointOutsideItsTimeIsRefused(uint256 at) public {
        proxy.announce(next);
        ARB_WASM.setAnswer(program, false, expired, 0);
        uint256 early = START + at % (readyAt - START);
        VM.warp(early);
        _repointRefused(abi.encodeWithSelector(Proxy.AnnouncementTooFresh.selector, readyAt));
        VM.warp(expiresAt + 1 + at % 1e9);
        _repointRefused(abi.encodeWithSelector(Proxy.AnnouncementExpired.selector, expiresAt));
        VM.warp(readyAt - 1);
        _repointRefused(abi.encodeWithSelector(Proxy.AnnouncementTooFresh.selector, readyAt));
    }

    function testRepointOfCallableProgramIsRefused() public {
        proxy.announce(next);
        VM.warp(readyAt);
        _repointRefused(abi.encodeWithSelector(Proxy.NotUncallable.selector, program));
    }

    function testRepointOnAnswerThatIsNoVerdictIsRefused() public {
        proxy.announce(next);
        VM.warp(readyAt);
        bytes[] memory refusals = _refusals();
        for (uint256 i = 3; i < refusals.length; ++i) {
            ARB_WASM.setAnswer(program, false, refusals[i], 0);
            _repointRefused(abi.encodeWithSelector(Proxy.NotUncallable.selector, program));
        }
        // A typed error that is returned, and no answer at all.
        ARB_WASM.setAnswer(program, true, expired, 0);
        _repointRefused(abi.encodeWithSelector(Proxy.NotUncallable.selector, program));
        VM.etch(address(ARB_WASM), "");
        _repointRefused(abi.encodeWithSelector(Proxy.NotUncallable.selector, program));
    }

    function testRepointStarvedOfGasIsRefused(uint256 gas_) public {
        proxy.announce(next);
        VM.warp(readyAt);
        // So dear that the 1/64 which a caller keeps would pay for the whole change.
        ARB_WASM.setAnswer(program, true, abi.encode(uint256(3)), 5_000_000);
        gas_ = 30_000 + gas_ % 8_000_000;
        (bool success,) = address(proxy).call{gas: gas_}(abi.encodeCall(Proxy.repoint, ()));
        assert(!success && proxy.implementation() == program);
    }

    function testRepointToChangedCodeIsRefused() public {
        bytes32 before = next.codehash;
        proxy.announce(next);
        VM.warp(readyAt);
        ARB_WASM.setAnswer(program, false, expired, 0);
        VM.etch(next, type(ArbWasmDouble).runtimeCode);
        _repointRefused(abi.encodeWithSelector(Proxy.CodeHashChanged.selector, next, before, next.codehash));
    }

    function testRepointToProgramThatIsNotCallableIsRefused() public {
        proxy.announce(next);
        VM.warp(readyAt);
        ARB_WASM.setAnswer(program, false, expired, 0);
        bytes[] memory refusals = _refusals();
        for (uint256 i; i < refusals.length; ++i) {
            ARB_WASM.setAnswer(next, false, refusals[i], 0);
            _repointRefused(abi.encodeWithSelector(Proxy.NotCallable.selector, next));
        }
    }

    // ---- shared ----

    /// The three refusals that say that a program cannot be called, then answers that say nothing.
    function _refusals() private view returns (bytes[] memory refusals) {
        refusals = new bytes[](10);
        refusals[0] = abi.encodeWithSelector(IArbWasm.ProgramNotActivated.selector);
        refusals[1] = abi.encodeWithSelector(IArbWasm.ProgramNeedsUpgrade.selector, 3, 4);
        refusals[2] = expired;
        refusals[4] = "\x00";
        refusals[5] = abi.encodeWithSelector(bytes4(keccak256("ProgramInsufficientValue(uint256,uint256)")), 0, 1);
        refusals[6] = bytes.concat(refusals[0], bytes1(0));
        refusals[7] = bytes.concat(refusals[1], bytes1(0));
        refusals[8] = abi.encodeWithSelector(IArbWasm.ProgramExpired.selector);
        refusals[9] = abi.encodePacked(bytes32(0), IArbWasm.ProgramNotActivated.selector);
    }

    function _noAnnouncement() private view {
        (address announced, bytes32 codeHash, uint256 from, uint256 to) = proxy.announcement();
        assert(announced == address(0) && codeHash == 0 && from == 0 && to == 0);
    }

    function _repointRefused(bytes memory refusal) private {
        address before = proxy.implementation();
        _refused(address(proxy), abi.encodeCall(Proxy.repoint, ()), refusal);
        assert(proxy.implementation() == before);
    }

    function _refused(address target, bytes memory call, bytes memory refusal) private {
        (bool success, bytes memory answer) = target.call(call);
        assert(!success);
        _equal(answer, refusal);
    }

    function _equal(bytes memory left, bytes memory right) private pure {
        assert(keccak256(left) == keccak256(right));
    }
}
