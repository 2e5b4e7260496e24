//! A token in text form, charged to the ink: what its text adds up to at the documented prices is what the chain
//! charged. The sums know nothing of the chain's own metering.

use alloy_primitives::{Address, Bytes, U256, address};
use alloy_sol_types::{SolCall, SolError, SolEvent, sol};
use devnode::{Chain, DEV_ACCOUNT, Receipt, Tx};
use std::collections::HashMap;

sol! {
    event Transfer(address indexed from, address indexed to, uint256 amount);
    event Approval(address indexed owner, address indexed spender, uint256 amount);
    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    error Panic(uint256 code);
    function totalSupply() returns (uint256);
    function balanceOf(address account) returns (uint256);
    function allowance(address owner, address spender) returns (uint256);
    function mint(address to, uint256 amount);
    function transfer(address to, uint256 amount) returns (bool);
    function approve(address spender, uint256 amount) returns (bool);
    function transferFrom(address from, address to, uint256 amount) returns (bool);
}

const TEXT: &str = include_str!("../../test/programs/erc20.wat");
const HOLDER: Address = address!("0000000000000000000000000000000000003001");
const OTHER: Address = address!("0000000000000000000000000000000000003002");
const GAS: u64 = 10_000;

/// Documented ink of an operator of the text.
fn price(operator: &str) -> u64 {
    match operator {
        "i32.const" | "i64.const" | "block" | "end" | "return" => 1,
        "drop" => 9,
        "i32.add" | "i32.and" | "i32.or" => 70,
        "local.get" | "local.tee" => 75,
        "i64.add" | "i64.sub" | "i64.and" | "i64.or" | "i64.shl" | "i64.shr_u" | "i64.rotl" | "i64.extend_i32_u" => 100,
        "i32.eq" | "i32.eqz" | "i32.ge_u" => 170,
        "local.set" => 210,
        "i64.lt_u" | "i64.ne" => 225,
        "i32.load" => 670,
        "i64.load" => 680,
        "br" | "br_if" => 765,
        "i32.store" | "i32.store8" => 825,
        "i64.store" => 950,
        "call" => 3_800,
        _ => panic!("no price for {operator}"),
    }
}

/// What every basic block costs on top; it ends with any of these.
const BLOCK: u64 = 2_450;
const BLOCK_ENDS: [&str; 5] = ["end", "return", "br", "br_if", "call"];

/// The functions of the text, line by line.
fn functions() -> HashMap<&'static str, Vec<Vec<&'static str>>> {
    let mut functions = HashMap::new();
    let mut current: Option<(&str, Vec<Vec<&str>>)> = None;
    for line in TEXT.lines().map(str::trim) {
        let words: Vec<_> = line.split_whitespace().collect();
        match (words.as_slice(), &mut current) {
            ([] | [";;" | "(local", ..], _) => {}
            (["(func", name, ..], None) => current = Some((name, Vec::new())),
            ([")"], Some((_, lines))) => {
                lines.push(vec!["end"]);
                functions.extend(current.take());
            }
            (words, Some((_, lines))) => lines.push(words.to_vec()),
            _ => {}
        }
    }
    functions
}

/// Adds up the ink of a run, host functions left out.
struct Walk {
    functions: HashMap<&'static str, Vec<Vec<&'static str>>>,
    /// Place of the method among those the entry point compares with; `None` when there is none.
    method: Option<usize>,
    /// Function whose check fails.
    fails: Option<&'static str>,
    ink: u64,
    hosts: Vec<&'static str>,
}

impl Walk {
    fn run(method: Option<usize>, fails: Option<&'static str>) -> (u64, Vec<&'static str>) {
        let mut walk = Self {
            functions: functions(),
            method,
            fails,
            ink: 0,
            hosts: Vec::new(),
        };
        walk.function("$user_entrypoint");
        (walk.ink, walk.hosts)
    }

    /// Walks through a function; whether it returned, and did not end the program.
    fn function(&mut self, name: &'static str) -> bool {
        let lines = self.functions[name].clone();
        let (mut at, mut labels, mut starts) = (0, Vec::new(), true);
        while let Some(line) = lines.get(at) {
            if starts {
                self.ink += BLOCK + block_price(&lines[at..]);
            }
            starts = BLOCK_ENDS.contains(&line[0]);
            at += 1;
            match line[..] {
                ["block"] => labels.push(at),
                ["end"] => drop(labels.pop()),
                ["return"] => return true,
                ["call", "$exit_early"] => {
                    self.hosts.push("exit_early");
                    return false;
                }
                ["call", callee] if !self.functions.contains_key(callee) => self.hosts.push(&callee[1..]),
                ["call", callee] if !self.function(callee) => return false,
                ["br" | "br_if", depth] => {
                    let depth: usize = depth.parse().unwrap();
                    let taken = match (line[0], name) {
                        ("br", _) => true,
                        (_, "$user_entrypoint") => self.method == Some(depth),
                        _ => self.fails != Some(name),
                    };
                    if taken {
                        let left = labels.split_off(labels.len() - 1 - depth);
                        at = after_end(&lines, left[0]);
                    }
                }
                _ => {}
            }
        }
        true
    }
}

/// Price of the operators of the basic block that `lines` begin with.
fn block_price(lines: &[Vec<&str>]) -> u64 {
    let mut ink = 0;
    for line in lines {
        ink += price(line[0]);
        if BLOCK_ENDS.contains(&line[0]) {
            break;
        }
    }
    ink
}

/// The line after the end of the block whose first line is `at`.
fn after_end(lines: &[Vec<&str>], mut at: usize) -> usize {
    let mut depth = 1;
    while depth > 0 {
        match lines[at][0] {
            "block" => depth += 1,
            "end" => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Places of the methods in the entry point.
const TRANSFER: Option<usize> = Some(0);
const TRANSFER_FROM: Option<usize> = Some(1);
const APPROVE: Option<usize> = Some(2);
const MINT: Option<usize> = Some(3);
const BALANCE_OF: Option<usize> = Some(4);
const ALLOWANCE: Option<usize> = Some(5);
const TOTAL_SUPPLY: Option<usize> = Some(6);

/// Documented prices of host functions, in ink.
fn args(len: u64) -> u64 {
    8_400 + 5_040 + 30 * len.saturating_sub(32)
}
fn result(len: u64) -> u64 {
    8_400 + 2 * (16_381 + 55 * (len - 32))
}
const SENDER: u64 = 13_440;
const HASH: u64 = 121_800;
const COLD_LOAD: u64 = 18_480 + (2_100 + 5) * GAS;
const CACHED_LOAD: u64 = 18_480;
const STORE: u64 = 18_480;
const LOG: u64 = 68_073 + (16_381 + 55 * 96) + (375 * 4 + 8 * 32) * GAS;
/// A flush of slots that cost `gas` as SSTORE.
fn flush(gas: u64) -> u64 {
    68_073 + gas * GAS
}

struct Token {
    chain: Chain,
    address: Address,
}

impl Token {
    /// A token of which [`DEV_ACCOUNT`] holds a thousand.
    fn new() -> Self {
        let mut chain = Chain::default();
        let wasm = wat::parse_str(TEXT).unwrap();
        let address = chain.create_program(DEV_ACCOUNT, &wasm).unwrap();
        let mint = mintCall {
            to: DEV_ACCOUNT,
            amount: U256::from(1_000),
        };
        chain.send_call(DEV_ACCOUNT, address, &mint).unwrap();
        chain.set_trace(true);
        Self { chain, address }
    }

    fn send(&mut self, from: Address, call: &impl SolCall) -> Receipt {
        self.send_bytes(from, call.abi_encode())
    }

    fn send_bytes(&mut self, from: Address, data: Vec<u8>) -> Receipt {
        self.chain.deal(from, U256::from(10).pow(U256::from(24)));
        self.chain.send(Tx::call(from, self.address, data)).unwrap()
    }

    fn balance(&self, account: Address) -> U256 {
        self.chain.read_call(self.address, &balanceOfCall { account }).unwrap()
    }
}

/// The host functions of the text in their order cost `hosts`, and the run costs them and its operators.
fn assert_ink(receipt: &Receipt, method: Option<usize>, fails: Option<&'static str>, hosts: &[u64]) {
    let run = receipt.runs.last().unwrap();
    let (operators, names) = Walk::run(method, fails);
    let expected: Vec<_> = names.into_iter().zip(hosts.iter().copied()).collect();
    let observed: Vec<_> = run
        .finished
        .host_calls
        .iter()
        .map(|call| (call.name, call.ink))
        .collect();
    assert_eq!(observed, expected);
    assert_eq!(hosts.len(), observed.len());
    let used = run.ink_start - run.finished.ink_left;
    assert_eq!(used, operators + hosts.iter().sum::<u64>());
}

fn word(n: u64) -> U256 {
    U256::from(n)
}

#[test]
fn transfer_moves_an_amount_at_the_documented_price() {
    let mut token = Token::new();
    let (to, amount) = (HOLDER, word(10));
    // The sender's balance changes, the receiver's comes into being.
    for gas in [2_900 + 20_000, 2 * 2_900] {
        let receipt = token.send(DEV_ACCOUNT, &transferCall { to, amount });
        assert!(receipt.success);
        assert_eq!(U256::from_be_slice(&receipt.output), word(1));
        let event = Transfer::decode_log(&receipt.logs[0]).unwrap();
        assert_eq!(
            (event.address, event.from, event.to, event.amount),
            (token.address, DEV_ACCOUNT, HOLDER, amount)
        );
        let side = [HASH, COLD_LOAD, STORE];
        let hosts = [&[args(68), SENDER][..], &side, &side, &[LOG, flush(gas), result(32)]].concat();
        assert_ink(&receipt, TRANSFER, None, &hosts);
    }
    assert_eq!(
        (token.balance(DEV_ACCOUNT), token.balance(HOLDER)),
        (word(980), word(20))
    );
}

#[test]
fn transfer_to_oneself_changes_nothing() {
    let mut token = Token::new();
    let call = transferCall {
        to: DEV_ACCOUNT,
        amount: word(1_000),
    };
    assert!(token.send(DEV_ACCOUNT, &call).success);
    assert_eq!(token.balance(DEV_ACCOUNT), word(1_000));
}

#[test]
fn transfer_of_more_than_the_balance_reverts_with_both() {
    let mut token = Token::new();
    let receipt = token.send(
        DEV_ACCOUNT,
        &transferCall {
            to: HOLDER,
            amount: word(1_001),
        },
    );
    assert!(!receipt.success && receipt.halt.is_none());
    let error = ERC20InsufficientBalance::abi_decode(&receipt.output).unwrap();
    assert_eq!(
        (error.sender, error.balance, error.needed),
        (DEV_ACCOUNT, word(1_000), word(1_001))
    );
    let hosts = [args(68), SENDER, HASH, COLD_LOAD, CACHED_LOAD, result(100), 0];
    assert_ink(&receipt, TRANSFER, Some("$debit"), &hosts);
}

#[test]
fn mint_raises_supply_and_balance_at_the_documented_price() {
    let mut token = Token::new();
    let receipt = token.send(
        HOLDER,
        &mintCall {
            to: HOLDER,
            amount: U256::MAX - word(1_000),
        },
    );
    let event = Transfer::decode_log(&receipt.logs[0]).unwrap();
    assert_eq!((event.from, event.to), (Address::ZERO, HOLDER));
    let hosts = [
        args(68),
        SENDER,
        COLD_LOAD,
        STORE,
        HASH,
        COLD_LOAD,
        STORE,
        LOG,
        flush(2_900 + 20_000),
        result(32),
    ];
    assert_ink(&receipt, MINT, None, &hosts);
    let supply = token.send(HOLDER, &totalSupplyCall {});
    assert_eq!(U256::from_be_slice(&supply.output), U256::MAX);
    assert_ink(&supply, TOTAL_SUPPLY, None, &[args(4), SENDER, COLD_LOAD, result(32)]);
    // One more would be too much.
    let receipt = token.send(
        HOLDER,
        &mintCall {
            to: HOLDER,
            amount: word(1),
        },
    );
    assert_eq!(receipt.output[..], Panic { code: word(0x11) }.abi_encode());
    assert_ink(
        &receipt,
        MINT,
        Some("$mint"),
        &[args(68), SENDER, COLD_LOAD, result(36), 0],
    );
}

#[test]
fn balance_of_reads_at_the_documented_price() {
    let mut token = Token::new();
    let receipt = token.send(HOLDER, &balanceOfCall { account: DEV_ACCOUNT });
    assert_eq!(U256::from_be_slice(&receipt.output), word(1_000));
    assert_ink(
        &receipt,
        BALANCE_OF,
        None,
        &[args(36), SENDER, HASH, COLD_LOAD, result(32)],
    );
    // What is above an address is ignored.
    let mut dirty = balanceOfCall { account: DEV_ACCOUNT }.abi_encode();
    dirty[4..16].fill(0xFF);
    assert_eq!(token.send_bytes(HOLDER, dirty).output, receipt.output);
}

#[test]
fn transfer_from_spends_an_allowance_at_the_documented_price() {
    let mut token = Token::new();
    let receipt = token.send(
        DEV_ACCOUNT,
        &approveCall {
            spender: HOLDER,
            amount: word(30),
        },
    );
    let event = Approval::decode_log(&receipt.logs[0]).unwrap();
    assert_eq!(
        (event.owner, event.spender, event.amount),
        (DEV_ACCOUNT, HOLDER, word(30))
    );
    // The allowance is written without having been read, so it is cold.
    let hosts = [
        args(68),
        SENDER,
        HASH,
        HASH,
        STORE,
        LOG,
        flush(2_100 + 20_000),
        result(32),
    ];
    assert_ink(&receipt, APPROVE, None, &hosts);

    let call = transferFromCall {
        from: DEV_ACCOUNT,
        to: OTHER,
        amount: word(20),
    };
    let receipt = token.send(HOLDER, &call);
    assert!(receipt.success);
    let (spend, side) = ([HASH, HASH, COLD_LOAD, STORE], [HASH, COLD_LOAD, STORE]);
    let end = [LOG, flush(2 * 2_900 + 20_000), result(32)];
    let hosts = [&[args(100), SENDER][..], &spend, &side, &side, &end].concat();
    assert_ink(&receipt, TRANSFER_FROM, None, &hosts);
    assert_eq!(
        (token.balance(DEV_ACCOUNT), token.balance(OTHER)),
        (word(980), word(20))
    );

    let receipt = token.send(
        OTHER,
        &allowanceCall {
            owner: DEV_ACCOUNT,
            spender: HOLDER,
        },
    );
    assert_eq!(U256::from_be_slice(&receipt.output), word(10));
    assert_ink(
        &receipt,
        ALLOWANCE,
        None,
        &[args(68), SENDER, HASH, HASH, COLD_LOAD, result(32)],
    );

    let receipt = token.send(HOLDER, &call);
    let error = ERC20InsufficientAllowance::abi_decode(&receipt.output).unwrap();
    assert_eq!(
        (error.spender, error.allowance, error.needed),
        (HOLDER, word(10), word(20))
    );
    let hosts = [args(100), SENDER, HASH, HASH, COLD_LOAD, CACHED_LOAD, result(100), 0];
    assert_ink(&receipt, TRANSFER_FROM, Some("$spend"), &hosts);
}

#[test]
fn call_of_no_method_or_with_cut_arguments_reverts_without_data() {
    let mut token = Token::new();
    let cut = transferCall {
        to: HOLDER,
        amount: word(1),
    }
    .abi_encode();
    for data in [&[][..], &[1, 2, 3, 4], &cut[..67], &cut[..4]] {
        let receipt = token.send_bytes(DEV_ACCOUNT, data.to_vec());
        assert!(!receipt.success && receipt.halt.is_none());
        assert_eq!(receipt.output, Bytes::new());
        assert_ink(&receipt, None, None, &[args(data.len() as u64), SENDER]);
    }
}
