//! State of another chain, read from a node when it is first needed.

use crate::rpc_client::{RpcClient, RpcError, parse_bytes, parse_number};
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use revm::{bytecode::Bytecode, database_interface::DBErrorMarker, state::AccountInfo};
use serde_json::{Map, Value, json};
use std::{
    collections::HashMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use thiserror::Error;

/// First words of a cache file. The number is the format's version; the hash of the rest of the file follows.
const CACHE_HEADER: &str = "devnode fork cache 1 ";

/// Words by which nodes say that they do not keep the state of a block.
const NO_STATE: [&str; 7] = [
    "missing trie node",
    "header not found",
    "header for hash not found",
    "not available",
    "pruned",
    "archive",
    "block out of range",
];

/// Why remote state cannot be read or kept.
#[derive(Clone, Debug, Error)]
pub enum ForkError {
    /// The node gives no usable answer.
    #[error(transparent)]
    Rpc(#[from] RpcError),
    /// The chain has no such block yet, or the fork starts before it.
    #[error("the forked chain has no block {0}")]
    NoBlock(u64),
    /// The node does not keep the state of the forked block.
    #[error(
        "the node does not keep the state of block {number}: {message}; \
         take a node that does (an archive node) or fork a newer block"
    )]
    NoState {
        /// Number of the forked block.
        number: u64,
        /// The node's words.
        message: String,
    },
    /// The cache cannot be written.
    #[error("cannot write the fork's cache {}: {reason}", path.display())]
    Cache {
        /// File.
        path: PathBuf,
        /// Cause.
        reason: String,
    },
}

impl DBErrorMarker for ForkError {}

/// The block whose state a fork starts from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForkBlock {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Unix seconds.
    pub timestamp: u64,
    /// Wei per gas; `None` on a chain without base fee.
    pub base_fee: Option<u64>,
    /// Height of the parent chain that contracts see; only Arbitrum chains give one.
    pub l1_block_number: Option<u64>,
}

/// A remote chain at one block. Clones share the connection and the cache.
#[derive(Clone, Debug)]
pub struct Fork(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: RpcClient,
    chain_id: u64,
    block: ForkBlock,
    cache: Mutex<Cache>,
    file: Option<PathBuf>,
    cache_note: Option<String>,
}

/// What is known already. Empty accounts are `None`.
#[derive(Debug, Default)]
struct Cache {
    accounts: HashMap<Address, Option<AccountInfo>>,
    storage: HashMap<(Address, U256), U256>,
    hashes: HashMap<u64, B256>,
    /// Whether there is something that the file lacks.
    unsaved: bool,
}

impl Fork {
    /// Connects to the node at `url` and reads the chain id and the header of `block`, or of the latest one.
    ///
    /// With `cache_dir`, what an earlier fork of the same block has saved there is not asked for again.
    pub fn connect(url: &str, block: Option<u64>, cache_dir: Option<&Path>) -> Result<Self, ForkError> {
        let client = RpcClient::new(url)?;
        let tag = block.map_or_else(|| String::from("latest"), |number| format!("{number:#x}"));
        let [id, header] = client.batch(&[
            ("eth_chainId", json!([])),
            ("eth_getBlockByNumber", json!([tag, false])),
        ])?;
        let chain_id = client.small_number("the chain id", &id)?;
        if header.is_null() {
            return Err(ForkError::NoBlock(block.unwrap_or_default()));
        }
        let optional = |name: &str| match &header[name] {
            Value::Null => Ok(None),
            value => client.small_number(name, value).map(Some),
        };
        let found = ForkBlock {
            number: client.small_number("number", &header["number"])?,
            hash: client.hash("hash", &header["hash"])?,
            timestamp: client.small_number("timestamp", &header["timestamp"])?,
            base_fee: optional("baseFeePerGas")?,
            l1_block_number: optional("l1BlockNumber")?,
        };
        if block.is_some_and(|number| number != found.number) {
            return Err(client
                .malformed_field("the number of another block", &header["number"])
                .into());
        }
        let file = cache_dir.map(|dir| dir.join(chain_id.to_string()).join(format!("{}.json", found.hash)));
        let (cache, cache_note) = file.as_deref().map(Cache::load).unwrap_or_default();
        Ok(Self(Arc::new(Inner {
            client,
            chain_id,
            block: found,
            cache: Mutex::new(cache),
            file,
            cache_note,
        })))
    }

    /// Chain id of the remote chain.
    pub fn chain_id(&self) -> u64 {
        self.0.chain_id
    }

    /// The block whose state is read.
    pub fn block(&self) -> &ForkBlock {
        &self.0.block
    }

    /// Why an existing cache file was ignored, if it was: a line for the user.
    pub fn cache_note(&self) -> Option<&str> {
        self.0.cache_note.as_deref()
    }

    /// An account with its code; `None` when it is empty.
    pub fn account(&self, address: Address) -> Result<Option<AccountInfo>, ForkError> {
        if let Some(account) = self.0.cache().accounts.get(&address) {
            return Ok(account.clone());
        }
        let client = &self.0.client;
        let params = json!([address, self.0.at()]);
        let answers = client.batch(&[
            ("eth_getBalance", params.clone()),
            ("eth_getTransactionCount", params.clone()),
            ("eth_getCode", params),
        ]);
        let [balance, nonce, code] = answers.map_err(|error| self.0.without_state(error))?;
        let code_bytes = client.bytes("the code", &code)?;
        let info = account(
            client.number("the balance", &balance)?,
            client.small_number("the nonce", &nonce)?,
            code_bytes,
        );
        let info = info.ok_or_else(|| client.malformed_field("the code", &code))?;
        let info = Some(info).filter(|info| !info.is_empty());
        let mut cache = self.0.cache();
        cache.unsaved = true;
        cache.accounts.insert(address, info.clone());
        Ok(info)
    }

    /// One storage slot.
    pub fn storage(&self, address: Address, slot: U256) -> Result<U256, ForkError> {
        if let Some(value) = self.0.cache().storage.get(&(address, slot)) {
            return Ok(*value);
        }
        let client = &self.0.client;
        let params = json!([address, B256::from(slot), self.0.at()]);
        let answer = client.call("eth_getStorageAt", &params);
        let answer = answer.map_err(|error| self.0.without_state(error))?;
        let value = client.number("a storage slot", &answer)?;
        let mut cache = self.0.cache();
        cache.unsaved = true;
        cache.storage.insert((address, slot), value);
        Ok(value)
    }

    /// Hash of the forked block or one before it.
    pub fn block_hash(&self, number: u64) -> Result<B256, ForkError> {
        let block = &self.0.block;
        if number > block.number {
            return Err(ForkError::NoBlock(number));
        }
        if number == block.number {
            return Ok(block.hash);
        }
        if let Some(hash) = self.0.cache().hashes.get(&number) {
            return Ok(*hash);
        }
        let client = &self.0.client;
        let header = client.call("eth_getBlockByNumber", &json!([format!("{number:#x}"), false]))?;
        if header.is_null() {
            return Err(ForkError::NoBlock(number));
        }
        let hash = client.hash("hash", &header["hash"])?;
        let mut cache = self.0.cache();
        cache.unsaved = true;
        cache.hashes.insert(number, hash);
        Ok(hash)
    }

    /// Writes what has been read to the cache directory, if one was given.
    ///
    /// The last clone does the same when it goes, but cannot tell of an error.
    pub fn save(&self) -> Result<(), ForkError> {
        self.0.save()
    }
}

impl Inner {
    /// The cache is a plain set of facts, so that a thread that died with it in hand left nothing half done.
    fn cache(&self) -> MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The forked block, by hash: after a reorganisation the number would stand for another state.
    fn at(&self) -> Value {
        json!({ "blockHash": self.block.hash })
    }

    fn without_state(&self, error: RpcError) -> ForkError {
        match error {
            // An unknown method (-32601) is "not available" too.
            RpcError::Refused { message, code, .. }
                if code != -32601 && NO_STATE.iter().any(|words| message.to_lowercase().contains(words)) =>
            {
                let number = self.block.number;
                ForkError::NoState { number, message }
            }
            error => error.into(),
        }
    }

    fn save(&self) -> Result<(), ForkError> {
        let Some(path) = &self.file else { return Ok(()) };
        let mut cache = self.cache();
        if !cache.unsaved {
            return Ok(());
        }
        write_file(path, &cache.to_text()).map_err(|error| ForkError::Cache {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        cache.unsaved = false;
        Ok(())
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Nobody is left to hear of an error, and what is lost can be read again.
        let _ = self.save();
    }
}

/// Replaces a file as a whole, so that nobody ever reads half of it.
fn write_file(path: &Path, text: &str) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(text.as_bytes())?;
    file.persist(path)?;
    Ok(())
}

/// `None` if revm cannot hold the code: a delegation that is not 23 bytes long.
fn account(balance: U256, nonce: u64, code: Bytes) -> Option<AccountInfo> {
    let code_hash = keccak256(&code);
    let code = Bytecode::new_raw_checked(code).ok()?;
    Some(AccountInfo::new(balance, nonce, code_hash, code))
}

impl Cache {
    /// Reads a file that [`Cache::to_text`] wrote. What cannot be trusted is left out, with a note that says so.
    fn load(path: &Path) -> (Self, Option<String>) {
        let read = match std::fs::read_to_string(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Default::default(),
            Err(error) => Err(error.to_string()),
            Ok(text) => Self::from_text(&text),
        };
        match read {
            Ok(cache) => (cache, None),
            Err(reason) => {
                let note = format!("the fork's cache {} is ignored: {reason}", path.display());
                (Self::default(), Some(note))
            }
        }
    }

    fn to_text(&self) -> String {
        let accounts = self.accounts.iter().map(|(address, info)| {
            let fields = info.as_ref().map(|info| {
                let code = info.code.as_ref().map(Bytecode::original_bytes).unwrap_or_default();
                json!({ "balance": info.balance, "nonce": format!("{:#x}", info.nonce), "code": code })
            });
            (address.to_string(), json!(fields))
        });
        let mut storage = Map::new();
        for ((address, slot), value) in &self.storage {
            let slots = storage.entry(address.to_string()).or_insert_with(|| json!({}));
            slots[format!("{slot:#x}")] = json!(value);
        }
        let hashes = self.hashes.iter();
        let hashes = hashes.map(|(number, hash)| (format!("{number:#x}"), json!(hash)));
        let body = json!({
            "accounts": accounts.collect::<Map<_, _>>(),
            "storage": storage,
            "blockHashes": hashes.collect::<Map<_, _>>(),
        });
        let body = body.to_string();
        format!("{CACHE_HEADER}{}\n{body}", keccak256(&body))
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix(CACHE_HEADER).ok_or("it has another format")?;
        let (hash, body) = rest.split_once('\n').ok_or("it is cut off")?;
        if hash != keccak256(body).to_string() {
            return Err(String::from("it is damaged"));
        }
        let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        Self::from_json(&body).ok_or_else(|| String::from("it has fields of another form"))
    }

    fn from_json(body: &Value) -> Option<Self> {
        let number = |value: &Value| parse_number(value.as_str()?);
        let mut cache = Self::default();
        for (address, fields) in body["accounts"].as_object()? {
            let info = if fields.is_null() {
                None
            } else {
                let nonce = number(&fields["nonce"])?.try_into().ok()?;
                Some(account(
                    number(&fields["balance"])?,
                    nonce,
                    parse_bytes(&fields["code"])?,
                )?)
            };
            cache.accounts.insert(address.parse().ok()?, info);
        }
        for (address, slots) in body["storage"].as_object()? {
            let address: Address = address.parse().ok()?;
            for (slot, value) in slots.as_object()? {
                cache.storage.insert((address, parse_number(slot)?), number(value)?);
            }
        }
        for (block, hash) in body["blockHashes"].as_object()? {
            let block = parse_number(block)?.try_into().ok()?;
            cache.hashes.insert(block, hash.as_str()?.parse().ok()?);
        }
        Some(cache)
    }
}
