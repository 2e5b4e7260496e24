//! The JSON-RPC server: HTTP and WebSocket on one port.

mod args;
mod debug;
mod dev;
mod error;
mod eth;
mod filter;
mod node;
mod view;

pub use error::RpcError;
pub use node::{Event, Node};

use alloy_primitives::hex;
use alloy_rpc_types_eth::Filter;
use args::Args;
use jsonrpsee::{
    RpcModule,
    core::{SubscriptionResult, traits::IdProvider},
    server::{PendingSubscriptionSink, Server, ServerConfig, ServerHandle},
    types::{ErrorObjectOwned, SubscriptionId},
};
use serde_json::{Value, json};
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::broadcast::error::RecvError;
use tower_http::cors::{Any, CorsLayer};

/// Largest request: init code is 49 KB, so this leaves room for a dumped state.
const REQUEST_BYTES: u32 = 64 << 20;
/// Largest answer, such as a long trace.
const RESPONSE_BYTES: u32 = 512 << 20;
/// Connections at the same time.
const CONNECTIONS: u32 = 1_024;
/// Subscriptions of one connection.
const SUBSCRIPTIONS: u32 = 1_024;

/// A node that requests share.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Node>>);

impl Shared {
    /// Shares a node.
    pub fn new(node: Node) -> Self {
        Self(Arc::new(Mutex::new(node)))
    }

    /// The node, for one request at a time.
    pub fn lock(&self) -> MutexGuard<'_, Node> {
        // A request that panicked changed the chain by whole values, so what it left is consistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one request as the server does; `params` is the JSON text of its parameters.
    pub fn request(&self, method: &str, params: Option<&str>) -> Result<Value, RpcError> {
        let (_, method) = table()
            .find(|(name, _)| *name == method)
            .ok_or_else(|| RpcError::method(method))?;
        let mut args = Args::parse(params)?;
        method(&mut self.lock(), &mut args)
    }
}

fn table() -> impl Iterator<Item = &'static (&'static str, eth::Method)> {
    [eth::METHODS, debug::METHODS, dev::METHODS].into_iter().flatten()
}

/// Names of all methods that [`Shared::request`] knows: all but `rpc_modules` and the subscriptions.
pub fn method_names() -> impl Iterator<Item = &'static str> {
    table().map(|(name, _)| *name)
}

/// A server that is running; dropping it does not stop it, [`Self::stop`] does.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    handle: ServerHandle,
}

impl Running {
    /// Stops it and waits until it has stopped.
    pub async fn stop(self) {
        // It may have stopped already.
        let _ = self.handle.stop();
        self.handle.stopped().await;
    }
}

/// Ids of subscriptions as geth has them: hexadecimal text, not to be guessed.
#[derive(Debug)]
struct HexIds;

impl IdProvider for HexIds {
    fn next_id(&self) -> SubscriptionId<'static> {
        let random = || RandomState::new().build_hasher().finish().to_be_bytes();
        let id = [random(), random()].concat();
        SubscriptionId::Str(format!("0x{}", hex::encode(id)).into())
    }
}

/// Serves `node` at `address`; port 0 takes a free one.
pub async fn serve(address: SocketAddr, node: Shared) -> std::io::Result<Running> {
    let config = ServerConfig::builder()
        .max_request_body_size(REQUEST_BYTES)
        .max_response_body_size(RESPONSE_BYTES)
        .max_connections(CONNECTIONS)
        .max_subscriptions_per_connection(SUBSCRIPTIONS)
        .set_tcp_no_delay(true)
        .set_id_provider(HexIds)
        .build();
    // Wallets in browsers call from pages of any origin.
    let cors = CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(Any);
    let server = Server::builder()
        .set_config(config)
        .set_http_middleware(tower::ServiceBuilder::new().layer(cors))
        .build(address)
        .await?;
    let address = server.local_addr()?;
    tokio::spawn(mine_by_the_clock(node.clone()));
    let methods = module(node).map_err(std::io::Error::other)?;
    Ok(Running {
        address,
        handle: server.start(methods),
    })
}

/// Methods that are no plain function of the node and its arguments.
const OTHERS: [&str; 3] = ["eth_subscribe", "eth_unsubscribe", "rpc_modules"];

/// Names of all methods that are served, in alphabetical order.
pub fn methods() -> Vec<&'static str> {
    let mut names: Vec<_> = method_names().chain(OTHERS).collect();
    names.sort_unstable();
    names
}

/// Every method and subscription.
fn module(node: Shared) -> Result<RpcModule<Shared>, jsonrpsee::core::RegisterMethodError> {
    let mut module = RpcModule::new(node);
    for name in method_names() {
        module.register_blocking_method(name, move |params, node, _| {
            node.request(name, params.as_str()).map_err(ErrorObjectOwned::from)
        })?;
    }
    module.register_method(
        "rpc_modules",
        |_, _, _| json!({ "anvil": "1.0", "debug": "1.0", "eth": "1.0", "evm": "1.0", "net": "1.0", "web3": "1.0" }),
    )?;
    module.register_subscription(
        "eth_subscribe",
        "eth_subscription",
        "eth_unsubscribe",
        |params, pending, node, _| {
            let args = Args::parse(params.as_str());
            subscribe(args, pending, node)
        },
    )?;
    Ok(module)
}

/// What a subscription wants to be told.
enum Topic {
    Heads,
    Pending,
    Logs(Box<Filter>),
}

impl Topic {
    fn parse(args: Result<Args, RpcError>) -> Result<Self, RpcError> {
        let mut args = args?;
        match args.next::<String>()?.as_str() {
            "newHeads" => Ok(Self::Heads),
            "newPendingTransactions" => Ok(Self::Pending),
            "logs" => Ok(Self::Logs(Box::new(args.optional()?.unwrap_or_default()))),
            other => Err(RpcError::params(format!(
                "no \"{other}\" subscription in eth namespace"
            ))),
        }
    }

    /// The messages that an event makes.
    fn messages(&self, event: &Event) -> Vec<Value> {
        match (self, event) {
            (Self::Heads, Event::Block(block)) => vec![Value::Object(view::header(block))],
            (Self::Pending, Event::Pending(hash)) => vec![json!(hash)],
            (Self::Logs(filter), Event::Block(block)) => {
                filter::matching(filter, block).iter().map(|log| json!(log)).collect()
            }
            _ => Vec::new(),
        }
    }
}

async fn subscribe(
    args: Result<Args, RpcError>,
    pending: PendingSubscriptionSink,
    node: Arc<Shared>,
) -> SubscriptionResult {
    let topic = match Topic::parse(args) {
        Ok(topic) => topic,
        Err(error) => {
            pending.reject(ErrorObjectOwned::from(error)).await;
            return Ok(());
        }
    };
    // Before the client knows of its subscription, so that it misses nothing after that.
    let (mut events, mut last) = {
        let node = node.lock();
        (node.events.subscribe(), node.chain.block_number())
    };
    let sink = pending.accept().await?;
    loop {
        let event = tokio::select! {
            () = sink.closed() => return Ok(()),
            event = events.recv() => event,
        };
        match event {
            Ok(event) => {
                last = event.height().unwrap_or(last);
                for message in topic.messages(&event) {
                    let message = serde_json::value::to_raw_value(&message)?;
                    if sink.send(message).await.is_err() {
                        return Ok(());
                    }
                }
            }
            // Too many at once: what was missed is in the chain.
            Err(RecvError::Lagged(_)) => {
                let missed: Vec<Event> = {
                    let node = node.lock();
                    events = node.events.subscribe();
                    let blocks = node.chain.blocks(last + 1, node.chain.block_number());
                    blocks.cloned().map(Event::Block).collect()
                };
                for event in missed {
                    last = event.height().unwrap_or(last);
                    for message in topic.messages(&event) {
                        let message = serde_json::value::to_raw_value(&message)?;
                        if sink.send(message).await.is_err() {
                            return Ok(());
                        }
                    }
                }
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

/// Makes blocks at the interval that is set, until the node is gone.
async fn mine_by_the_clock(node: Shared) {
    let mut interval = node.lock().interval.subscribe();
    loop {
        let secs = *interval.borrow_and_update();
        if secs == 0 {
            if interval.changed().await.is_err() {
                return;
            }
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(secs)) => {
                let node = node.clone();
                // An error means that there is no block to build on, which cannot be.
                let _ = tokio::task::spawn_blocking(move || node.lock().mine().map(|_| ())).await;
            }
            changed = interval.changed() => if changed.is_err() { return },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Chain;

    #[test]
    fn methods_are_those_that_are_registered() {
        let module = module(Shared::new(Node::new(Chain::default()))).unwrap();
        let mut registered: Vec<_> = module.method_names().collect();
        registered.sort_unstable();
        assert_eq!(methods(), registered);
    }
}
