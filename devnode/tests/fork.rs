//! Remote state, from a real node and from hostile ones.

mod anvil;

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use anvil::Anvil;
use devnode::{
    fork::{Fork, ForkError},
    rpc_client::{RpcClient, RpcError},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

const CONTRACT: Address = address!("00000000000000000000000000000000c0de0001");
const CODE: &str = "0x6001600201";
const HASH: &str = "0x1111111111111111111111111111111111111111111111111111111111111111";

fn control(anvil: &Anvil, method: &str, params: &Value) -> Value {
    RpcClient::new(&anvil.url).unwrap().call(method, params).unwrap()
}

/// Gives the contract balance 7, nonce 9, code, and 5 in slot 3, in a new block.
fn with_contract(anvil: &Anvil) {
    control(anvil, "anvil_setBalance", &json!([CONTRACT, "0x7"]));
    control(anvil, "anvil_setNonce", &json!([CONTRACT, "0x9"]));
    control(anvil, "anvil_setCode", &json!([CONTRACT, CODE]));
    let word = B256::from(U256::from(5));
    control(anvil, "anvil_setStorageAt", &json!([CONTRACT, "0x3", word]));
    control(anvil, "evm_mine", &json!([]));
}

#[test]
fn connect_to_anvil_reads_chain_and_latest_block() {
    let anvil = Anvil::start(&["--chain-id", "4711"]);
    control(&anvil, "evm_mine", &json!([]));
    let fork = Fork::connect(&anvil.url, None, None).unwrap();
    let header = control(&anvil, "eth_getBlockByNumber", &json!(["latest", false]));
    assert_eq!(fork.chain_id(), 4711);
    let block = fork.block();
    assert_eq!(block.number, 1);
    assert_eq!(json!(block.hash), header["hash"]);
    assert_eq!(format!("{:#x}", block.timestamp), header["timestamp"].as_str().unwrap());
    let base_fee = block.base_fee.map(|fee| format!("{fee:#x}"));
    assert_eq!(json!(base_fee), header["baseFeePerGas"]);
    assert_eq!(block.l1_block_number, None);
}

#[test]
fn connect_to_block_of_the_future_names_it() {
    let anvil = Anvil::start(&[]);
    let error = Fork::connect(&anvil.url, Some(99), None).unwrap_err();
    assert!(matches!(error, ForkError::NoBlock(99)), "{error}");
}

#[test]
fn account_of_contract_has_all_fields() {
    let anvil = Anvil::start(&[]);
    with_contract(&anvil);
    let fork = Fork::connect(&anvil.url, None, None).unwrap();
    let info = fork.account(CONTRACT).unwrap().unwrap();
    let code: Bytes = CODE.parse().unwrap();
    assert_eq!((info.balance, info.nonce), (U256::from(7), 9));
    assert_eq!(info.code_hash, keccak256(&code));
    assert_eq!(info.code.unwrap().original_bytes(), code);
    assert_eq!(fork.storage(CONTRACT, U256::from(3)).unwrap(), U256::from(5));
    assert_eq!(fork.storage(CONTRACT, U256::from(4)).unwrap(), U256::ZERO);
    assert_eq!(fork.account(Address::repeat_byte(0x77)).unwrap(), None);
}

#[test]
fn state_after_the_forked_block_stays_unseen() {
    let anvil = Anvil::start(&[]);
    with_contract(&anvil);
    let fork = Fork::connect(&anvil.url, Some(1), None).unwrap();
    // anvil sets the state of the latest block, which must be another one.
    control(&anvil, "evm_mine", &json!([]));
    control(&anvil, "anvil_setBalance", &json!([CONTRACT, "0x8"]));
    control(&anvil, "anvil_setStorageAt", &json!([CONTRACT, "0x3", B256::ZERO]));
    control(&anvil, "evm_mine", &json!([]));
    assert_eq!(fork.account(CONTRACT).unwrap().unwrap().balance, U256::from(7));
    assert_eq!(fork.storage(CONTRACT, U256::from(3)).unwrap(), U256::from(5));
}

#[test]
fn block_hash_of_earlier_block_is_the_chains() {
    let anvil = Anvil::start(&[]);
    control(&anvil, "anvil_mine", &json!(["0x3"]));
    let fork = Fork::connect(&anvil.url, Some(2), None).unwrap();
    for number in 0..=2 {
        let header = control(&anvil, "eth_getBlockByNumber", &json!([format!("{number:#x}"), false]));
        assert_eq!(json!(fork.block_hash(number).unwrap()), header["hash"]);
    }
    assert!(matches!(fork.block_hash(3), Err(ForkError::NoBlock(3))));
}

/// A node that answers each request with what `results` says about its method; entries with `error` are errors.
struct Fake {
    url: String,
    results: Arc<Mutex<Value>>,
    requests: Arc<AtomicUsize>,
}

impl Fake {
    fn start(changes: Value) -> Self {
        let header = json!({ "number": "0x10", "hash": HASH, "timestamp": "0x64", "l1BlockNumber": "0x5" });
        let mut results = json!({
            "eth_chainId": "0xa4b1",
            "eth_getBlockByNumber": header,
            "eth_getBalance": "0x1",
            "eth_getTransactionCount": "0x0",
            "eth_getCode": CODE,
            "eth_getStorageAt": "0x2a",
        });
        let Value::Object(changes) = changes else {
            panic!("not an object")
        };
        results.as_object_mut().unwrap().extend(changes);
        let results = Arc::new(Mutex::new(results));
        let requests = Arc::new(AtomicUsize::new(0));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (shown, counted) = (results.clone(), requests.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap(), &shown, &counted);
            }
        });
        Self { url, results, requests }
    }

    fn connect(&self, cache: Option<&Path>) -> Result<Fork, ForkError> {
        Fork::connect(&self.url, Some(16), cache)
    }

    fn set(&self, method: &str, result: Value) {
        self.results.lock().unwrap()[method] = result;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Answers one HTTP request and closes the connection.
fn serve(stream: TcpStream, results: &Mutex<Value>, requests: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let line = line.trim().to_lowercase();
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    requests.fetch_add(1, Ordering::SeqCst);
    let answer = |request: &Value| {
        let result = &results.lock().unwrap()[request["method"].as_str().unwrap()];
        match result.get("error") {
            Some(error) => json!({ "id": request["id"], "error": error }),
            None => json!({ "id": request["id"], "result": result }),
        }
    };
    let answer = match serde_json::from_slice(&body).unwrap() {
        Value::Array(batch) => batch.iter().map(answer).collect(),
        request => answer(&request),
    };
    let answer = answer.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    let _ = reader.get_mut().write_all((head + &answer).as_bytes());
}

#[test]
fn connect_to_arbitrum_chain_reads_parent_block() {
    let fork = Fake::start(json!({})).connect(None).unwrap();
    assert_eq!(fork.chain_id(), 42161);
    assert_eq!((fork.block().l1_block_number, fork.block().base_fee), (Some(5), None));
}

#[test]
fn connect_with_wrong_header_is_refused() {
    let headers = [
        json!("0x1"),
        json!([]),
        json!({}),
        json!({ "number": "0x11", "hash": HASH, "timestamp": "0x64" }),
        json!({ "number": 16, "hash": HASH, "timestamp": "0x64" }),
        json!({ "number": "0x10", "hash": "0x11", "timestamp": "0x64" }),
        json!({ "number": "0x10", "hash": HASH }),
        json!({ "number": "0x10", "hash": HASH, "timestamp": "0x64", "baseFeePerGas": "free" }),
        json!({ "number": "0x10", "hash": HASH, "timestamp": "0x64", "l1BlockNumber": 5 }),
    ];
    for header in headers {
        let result = Fake::start(json!({ "eth_getBlockByNumber": header })).connect(None);
        assert!(
            matches!(result, Err(ForkError::Rpc(RpcError::Malformed { .. }))),
            "{header}: {result:?}"
        );
    }
    let result = Fake::start(json!({ "eth_chainId": 1 })).connect(None);
    assert!(matches!(result, Err(ForkError::Rpc(RpcError::Malformed { .. }))));
}

#[test]
fn account_or_slot_with_wrong_type_is_refused_and_not_kept() {
    let long = format!("0x{}", "f".repeat(65));
    let cases = [
        ("eth_getBalance", json!(long)),
        ("eth_getBalance", json!(null)),
        ("eth_getTransactionCount", json!("0x10000000000000000")),
        ("eth_getTransactionCount", json!([])),
        ("eth_getCode", json!("0x123")),
        ("eth_getCode", json!("6001")),
        // The start of a delegation without an address.
        ("eth_getCode", json!("0xef0100")),
        ("eth_getStorageAt", json!("0x")),
        ("eth_getStorageAt", json!({})),
        ("eth_getStorageAt", json!(long)),
    ];
    for (method, wrong) in cases {
        let fake = Fake::start(json!({}));
        let fork = fake.connect(None).unwrap();
        let right = fake.results.lock().unwrap()[method].clone();
        fake.set(method, wrong.clone());
        let read = || match method {
            "eth_getStorageAt" => fork.storage(CONTRACT, U256::ZERO).map(drop),
            _ => fork.account(CONTRACT).map(drop),
        };
        let result = read();
        assert!(
            matches!(result, Err(ForkError::Rpc(RpcError::Malformed { .. }))),
            "{method} {wrong}: {result:?}"
        );
        fake.set(method, right);
        read().unwrap();
    }
}

#[test]
fn account_of_forgotten_block_says_so() {
    let messages = [
        "missing trie node 12ab (path )",
        "header not found",
        "Historical state is not available",
    ];
    for message in messages {
        let error = json!({ "error": { "code": -32000, "message": message } });
        let fake = Fake::start(json!({ "eth_getCode": error, "eth_getStorageAt": error }));
        let fork = fake.connect(None).unwrap();
        let error = fork.account(CONTRACT).unwrap_err();
        assert!(matches!(&error, ForkError::NoState { number: 16, .. }), "{error}");
        let error = fork.storage(CONTRACT, U256::ZERO).unwrap_err();
        assert!(error.to_string().contains("archive"), "{error}");
    }
}

#[test]
fn storage_with_unknown_method_is_no_question_of_state() {
    let error = json!({ "error": { "code": -32601, "message": "the method does not exist/is not available" } });
    let fork = Fake::start(json!({ "eth_getStorageAt": error })).connect(None).unwrap();
    let error = fork.storage(CONTRACT, U256::ZERO).unwrap_err();
    assert!(
        matches!(error, ForkError::Rpc(RpcError::Refused { code: -32601, .. })),
        "{error}"
    );
}

/// Reads some of everything.
fn read_all(fork: &Fork) -> impl PartialEq + std::fmt::Debug + use<> {
    (
        fork.account(CONTRACT).unwrap(),
        fork.account(Address::ZERO).unwrap(),
        fork.storage(CONTRACT, U256::from(3)).unwrap(),
        fork.storage(CONTRACT, U256::MAX).unwrap(),
        fork.block_hash(3).unwrap(),
    )
}

/// A chain on which one account of [`read_all`] is empty.
fn filled(cache: Option<&Path>) -> (Fake, Fork) {
    let fake = Fake::start(json!({}));
    let fork = fake.connect(cache).unwrap();
    let full = json!({ "eth_getBalance": "0x0", "eth_getCode": "0x" });
    for (method, result) in full.as_object().unwrap() {
        fake.set(method, result.clone());
    }
    fork.account(Address::ZERO).unwrap();
    fake.set("eth_getBalance", json!("0x1"));
    fake.set("eth_getCode", json!(CODE));
    (fake, fork)
}

#[test]
fn read_twice_asks_once() {
    let (fake, fork) = filled(None);
    let first = read_all(&fork);
    let asked = fake.requests();
    assert_eq!(
        asked, 6,
        "one each for connecting, the accounts, the slots and the hash"
    );
    assert_eq!(read_all(&fork.clone()), first);
    assert_eq!(fake.requests(), asked);
}

fn cache_file(dir: &Path) -> PathBuf {
    dir.join("42161").join(format!("{HASH}.json"))
}

#[test]
fn cache_on_disk_survives_the_last_clone() {
    let dir = tempfile::tempdir().unwrap();
    let (fake, fork) = filled(Some(dir.path()));
    let first = read_all(&fork);
    let clone = fork.clone();
    drop(fork);
    assert!(!cache_file(dir.path()).exists());
    drop(clone);
    let asked = fake.requests();
    let fork = fake.connect(Some(dir.path())).unwrap();
    assert_eq!(fork.cache_note(), None);
    assert_eq!(read_all(&fork), first);
    assert_eq!(fake.requests(), asked + 1, "only the header is read again");
    let files = std::fs::read_dir(dir.path().join("42161")).unwrap().count();
    assert_eq!(files, 1, "nothing temporary is left");
}

#[test]
fn cache_of_other_block_is_not_used() {
    let dir = tempfile::tempdir().unwrap();
    let (fake, fork) = filled(Some(dir.path()));
    read_all(&fork);
    drop(fork);
    let hash = HASH.replace('1', "2");
    fake.set(
        "eth_getBlockByNumber",
        json!({ "number": "0x10", "hash": hash, "timestamp": "0x64" }),
    );
    fake.set("eth_getStorageAt", json!("0x1"));
    let fork = fake.connect(Some(dir.path())).unwrap();
    assert_eq!(fork.storage(CONTRACT, U256::from(3)).unwrap(), U256::ONE);
}

#[test]
fn cache_file_broken_or_foreign_is_ignored_with_note() {
    let dir = tempfile::tempdir().unwrap();
    let (fake, fork) = filled(Some(dir.path()));
    read_all(&fork);
    fork.save().unwrap();
    drop(fork);
    let path = cache_file(dir.path());
    let good = std::fs::read_to_string(&path).unwrap();
    let body = r#"{"accounts":{"0x12":null},"storage":{},"blockHashes":{}}"#;
    let foreign = format!("devnode fork cache 1 {}\n{body}", keccak256(body));
    let broken = [
        String::new(),
        good[..good.len() / 2].to_owned(),
        good.replace("0x2a", "0x2b"),
        good.replacen("cache 1", "cache 2", 1),
        foreign,
        String::from("{}"),
    ];
    for text in broken {
        assert_ne!(text, good);
        std::fs::write(&path, &text).unwrap();
        let asked = fake.requests();
        let fork = fake.connect(Some(dir.path())).unwrap();
        let note = fork.cache_note().unwrap();
        assert!(
            note.contains("ignored") && note.contains(path.to_str().unwrap()),
            "{note}"
        );
        fork.storage(CONTRACT, U256::from(3)).unwrap();
        assert_eq!(fake.requests(), asked + 2, "nothing of the file is used");
    }
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(fake.connect(Some(dir.path())).unwrap().cache_note().is_some());
}

#[test]
fn save_where_no_directory_can_be_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = dir.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    let fake = Fake::start(json!({}));
    let fork = fake.connect(Some(&blocked)).unwrap();
    fork.save().expect("there is nothing to save yet");
    fork.storage(CONTRACT, U256::ZERO).unwrap();
    assert!(matches!(fork.save(), Err(ForkError::Cache { .. })));
}
