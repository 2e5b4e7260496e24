//! A small blocking JSON-RPC client over HTTP that expects slow, limiting and hostile nodes.

use alloy_primitives::{B256, Bytes, U256, hex};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread::sleep,
    time::Duration,
};
use thiserror::Error;
use ureq::{Agent, http::Uri};

/// Longest accepted answer in bytes: many times the largest contract, and nothing that could fill the memory.
const MAX_BODY: u64 = 16 * 1024 * 1024;
/// Longest wait for one attempt, from connecting to the last byte.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Waits before the second, third and fourth attempt.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(800),
    Duration::from_secs(2),
];
/// Most letters of a node's text that an error repeats.
const MAX_TEXT: usize = 300;

/// Why a node did not give a usable answer.
#[derive(Clone, Debug, Error)]
pub enum RpcError {
    /// The URL is not one of an HTTP node. It is not repeated, because URLs of nodes carry keys.
    #[error("the node's URL is not an http or https one")]
    Url,
    /// No answer, also after several attempts.
    #[error("cannot reach {node}: {reason}")]
    Connection {
        /// Scheme and host.
        node: String,
        /// Cause.
        reason: String,
    },
    /// An HTTP status other than success, without a JSON-RPC answer.
    #[error("{node} answers with HTTP status {status}: {text}")]
    Status {
        /// Scheme and host.
        node: String,
        /// HTTP status code.
        status: u16,
        /// Start of the body.
        text: String,
    },
    /// The answer is not what JSON-RPC or the method promises.
    #[error("{node} gives a malformed answer: {reason}")]
    Malformed {
        /// Scheme and host.
        node: String,
        /// What is wrong.
        reason: String,
    },
    /// The node executed the request and refuses it.
    #[error("{method} is refused: {message} (code {code})")]
    Refused {
        /// JSON-RPC method, or `batch`.
        method: String,
        /// JSON-RPC error code.
        code: i64,
        /// The node's words.
        message: String,
        /// Revert data, if the node gives any.
        data: Option<Bytes>,
    },
}

/// A connection to one node. It can be shared between threads.
#[derive(Debug)]
pub struct RpcClient {
    agent: Agent,
    uri: Uri,
    node: String,
    next_id: AtomicU64,
    batches: AtomicBool,
}

impl RpcClient {
    /// A client of the node at `url`; nothing is sent yet.
    pub fn new(url: &str) -> Result<Self, RpcError> {
        Self::with_timeout(url, TIMEOUT)
    }

    fn with_timeout(url: &str, timeout: Duration) -> Result<Self, RpcError> {
        let uri: Uri = url.trim().parse().map_err(|_| RpcError::Url)?;
        let (Some("http" | "https"), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(RpcError::Url);
        };
        let scheme = uri.scheme_str().unwrap_or_default();
        let port = uri.port().map(|port| format!(":{port}")).unwrap_or_default();
        let node = format!("{scheme}://{host}{port}");
        // A redirected POST would silently become a GET, so redirects are answers like any other.
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(timeout));
        Ok(Self {
            agent: config.build().into(),
            uri,
            node,
            next_id: AtomicU64::new(1),
            batches: AtomicBool::new(true),
        })
    }

    /// Scheme and host of the node: fit to be shown, unlike its URL.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Sends one request and returns its result.
    pub fn call(&self, method: &str, params: &Value) -> Result<Value, RpcError> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut answer = self.post(&request(id, method, params), method)?;
        self.refusal(&answer, method)?;
        if answer["id"].as_u64() != Some(id) {
            return Err(self.malformed(format!("{method} is answered under another id")));
        }
        self.result(&mut answer, method)
    }

    /// Sends several requests at once and returns their results in the same order.
    ///
    /// They go out one by one if the node takes no batches. The first request that fails decides the error.
    pub fn batch<const N: usize>(&self, calls: &[(&str, Value); N]) -> Result<[Value; N], RpcError> {
        let results = self.batch_list(calls)?.try_into();
        results.map_err(|_| self.malformed(String::from("a batch has another number of answers")))
    }

    fn batch_list(&self, calls: &[(&str, Value)]) -> Result<Vec<Value>, RpcError> {
        let one_by_one = || {
            let results = calls.iter().map(|(method, params)| self.call(method, params));
            results.collect::<Result<Vec<_>, _>>()
        };
        if !self.batches.load(Ordering::Relaxed) {
            return one_by_one();
        }
        let first = self.next_id.fetch_add(calls.len() as u64, Ordering::Relaxed);
        let ids = first..;
        let requests = calls.iter().zip(ids.clone());
        let requests = requests.map(|((method, params), id)| request(id, method, params));
        let answers = match self.post(&requests.collect(), "batch") {
            Ok(Value::Array(answers)) => answers,
            // Anything but a list is a refusal of the batch as a whole.
            Ok(_) | Err(RpcError::Refused { .. } | RpcError::Status { .. } | RpcError::Malformed { .. }) => {
                let results = one_by_one()?;
                self.batches.store(false, Ordering::Relaxed);
                return Ok(results);
            }
            Err(error) => return Err(error),
        };
        let mut results = vec![None; calls.len()];
        for answer in answers {
            let index = answer["id"].as_u64().and_then(|id| id.checked_sub(first));
            let slot = index.and_then(|index| results.get_mut(usize::try_from(index).ok()?));
            match slot {
                Some(slot) if slot.is_none() => *slot = Some(answer),
                _ => return Err(self.malformed(String::from("a batch is answered under other ids"))),
            }
        }
        let checked = calls.iter().zip(results).map(|((method, _), answer)| {
            let mut answer = answer.ok_or_else(|| self.malformed(format!("the batch lacks the answer to {method}")))?;
            self.refusal(&answer, method)?;
            self.result(&mut answer, method)
        });
        checked.collect()
    }

    /// Sends a body until an answer comes that another attempt would not change.
    fn post(&self, body: &Value, method: &str) -> Result<Value, RpcError> {
        let body = body.to_string();
        let mut pauses = PAUSES.into_iter();
        loop {
            let (error, again) = match self.attempt(&body) {
                Ok((200..=299, bytes)) => {
                    return serde_json::from_slice(&bytes)
                        .map_err(|error| self.malformed(format!("{method}: {error}: {}", text(&bytes))));
                }
                Ok((status, bytes)) => {
                    // Some nodes send JSON-RPC errors with an HTTP status of their own.
                    let answer = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
                    let error = RpcError::Status {
                        node: self.node.clone(),
                        status,
                        text: text(&bytes),
                    };
                    let error = self.refusal(&answer, method).err().unwrap_or(error);
                    (error, status == 429 || status >= 500)
                }
                Err(error) => self.failure(&error),
            };
            match pauses.next() {
                Some(pause) if again => sleep(pause),
                _ => return Err(error),
            }
        }
    }

    fn attempt(&self, body: &str) -> Result<(u16, Vec<u8>), ureq::Error> {
        let request = self.agent.post(&self.uri).header("content-type", "application/json");
        let mut response = request.send(body)?;
        let bytes = response.body_mut().with_config().limit(MAX_BODY).read_to_vec()?;
        Ok((response.status().as_u16(), bytes))
    }

    /// What a failed exchange means, and whether another attempt can help.
    fn failure(&self, error: &ureq::Error) -> (RpcError, bool) {
        use ureq::Error as E;
        let again = match error {
            E::BodyExceedsLimit(_) | E::Protocol(_) | E::LargeResponseHeader(..) | E::Http(_) => {
                return (self.malformed(error.to_string()), false);
            }
            E::Io(_) | E::Timeout(_) | E::HostNotFound | E::ConnectionFailed | E::ConnectProxyFailed(_) => true,
            _ => false,
        };
        let node = self.node.clone();
        let reason = error.to_string();
        (RpcError::Connection { node, reason }, again)
    }

    /// An error if `answer` carries one.
    fn refusal(&self, answer: &Value, method: &str) -> Result<(), RpcError> {
        let Some(error) = answer.get("error").filter(|error| !error.is_null()) else {
            return Ok(());
        };
        let message = error["message"].as_str().or(error.as_str());
        let message = message.ok_or_else(|| self.malformed(format!("{method} has an error without a message")))?;
        // Revert data stands in `data`, or with some nodes one level deeper.
        let data = [&error["data"], &error["data"]["data"]];
        let data = data.into_iter().find_map(Value::as_str);
        Err(RpcError::Refused {
            method: method.to_owned(),
            code: error["code"].as_i64().unwrap_or_default(),
            message: text(message.as_bytes()),
            data: data.and_then(|data| hex::decode(data).ok()).map(Bytes::from),
        })
    }

    fn result(&self, answer: &mut Value, method: &str) -> Result<Value, RpcError> {
        let result = answer.get_mut("result").map(Value::take);
        result.ok_or_else(|| self.malformed(format!("{method} has neither result nor error")))
    }

    pub(crate) fn malformed_field(&self, name: &str, value: &Value) -> RpcError {
        let value = text(value.to_string().as_bytes());
        self.malformed(format!("{name} is {value}"))
    }

    fn malformed(&self, reason: String) -> RpcError {
        let node = self.node.clone();
        RpcError::Malformed { node, reason }
    }

    /// Reads a number of at most 256 bits; `name` is for the error.
    pub fn number(&self, name: &str, value: &Value) -> Result<U256, RpcError> {
        let number = value.as_str().and_then(parse_number);
        number.ok_or_else(|| self.malformed_field(name, value))
    }

    /// Reads a number of at most 64 bits; `name` is for the error.
    pub fn small_number(&self, name: &str, value: &Value) -> Result<u64, RpcError> {
        let number = self.number(name, value)?;
        number.try_into().map_err(|_| self.malformed_field(name, value))
    }

    /// Reads a hash; `name` is for the error.
    pub fn hash(&self, name: &str, value: &Value) -> Result<B256, RpcError> {
        let bytes = parse_bytes(value).and_then(|bytes| B256::try_from(&bytes[..]).ok());
        bytes.ok_or_else(|| self.malformed_field(name, value))
    }

    /// Reads bytes of any length; `name` is for the error.
    pub fn bytes(&self, name: &str, value: &Value) -> Result<Bytes, RpcError> {
        parse_bytes(value).ok_or_else(|| self.malformed_field(name, value))
    }
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// A quantity or a word: at least one and at most 64 hex digits.
pub(crate) fn parse_number(text: &str) -> Option<U256> {
    let digits = text.strip_prefix("0x")?;
    let hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    (hex && (1..=64).contains(&digits.len()))
        .then(|| U256::from_str_radix(digits, 16).ok())
        .flatten()
}

pub(crate) fn parse_bytes(value: &Value) -> Option<Bytes> {
    let digits = value.as_str()?.strip_prefix("0x")?;
    hex::decode(digits).ok().map(Bytes::from)
}

/// The start of what a node sent, without what could upset a terminal.
fn text(bytes: &[u8]) -> String {
    let start = &bytes[..bytes.len().min(4 * MAX_TEXT)];
    let text = String::from_utf8_lossy(start);
    let shown = text.chars().take(MAX_TEXT);
    shown.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
        time::Instant,
    };

    /// Answers the connections one by one: the n-th with the n-th entry, verbatim, then closes it.
    fn server(answers: Vec<Vec<u8>>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                read_request(&mut stream);
                // The client may hang up in the middle; that is its right.
                let _ = stream.write_all(&answer);
            }
        });
        url
    }

    fn read_request(stream: &mut TcpStream) {
        let mut seen = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let head = seen.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(head) = head {
                let text = String::from_utf8_lossy(&seen[..head]).to_lowercase();
                let length = text.split("content-length: ").nth(1).unwrap();
                let length: usize = length.lines().next().unwrap().parse().unwrap();
                if seen.len() >= head + 4 + length {
                    return;
                }
            }
            let count = stream.read(&mut buffer).unwrap();
            assert_ne!(count, 0, "the request ends early");
            seen.extend_from_slice(&buffer[..count]);
        }
    }

    fn http(status: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}").into_bytes()
    }

    fn ok(body: &str) -> Vec<u8> {
        http("200 OK", body)
    }

    fn call(answers: Vec<Vec<u8>>) -> Result<Value, RpcError> {
        RpcClient::new(&server(answers)).unwrap().call("m", &json!([]))
    }

    const ONE: &str = r#"{"jsonrpc":"2.0","id":1,"result":"0x1"}"#;

    #[test]
    fn new_url_of_other_scheme_is_refused() {
        for url in ["", "ws://host", "file:///etc/passwd", "host:8545", "http://"] {
            assert!(matches!(RpcClient::new(url), Err(RpcError::Url)), "{url}");
        }
    }

    #[test]
    fn node_of_url_with_key_hides_it() {
        let client = RpcClient::new("https://user:word@host:99/v2/secret?key=secret").unwrap();
        assert_eq!(client.node(), "https://host:99");
    }

    #[test]
    fn call_after_passing_faults_succeeds() {
        let answers = vec![http("429 Slow Down", ""), http("503 Busy", "busy"), vec![], ok(ONE)];
        assert_eq!(call(answers).unwrap(), "0x1");
    }

    #[test]
    fn call_with_lasting_fault_gives_up_after_four_attempts() {
        let start = Instant::now();
        let answers = vec![http("500 Oops", "first"); 3]
            .into_iter()
            .chain([http("500 Oops", "fourth"), ok(ONE)])
            .collect();
        let error = call(answers).unwrap_err();
        assert!(
            matches!(&error, RpcError::Status { status: 500, text, .. } if text == "fourth"),
            "{error}"
        );
        assert!(start.elapsed() >= PAUSES.iter().sum());
    }

    #[test]
    fn call_refused_by_node_is_not_repeated() {
        let refused = r#"{"id":1,"error":{"code":3,"message":"no\u001b[31m","data":"0x0102"}}"#;
        for first in [ok(refused), http("400 Bad", refused)] {
            let Err(RpcError::Refused {
                code, message, data, ..
            }) = call(vec![first, ok(ONE)])
            else {
                panic!("not refused");
            };
            assert_eq!((code, message.as_str()), (3, "no [31m"));
            assert_eq!(data.unwrap(), Bytes::from([1, 2]));
        }
    }

    #[test]
    fn call_of_redirecting_node_is_final() {
        let answer = b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n".to_vec();
        assert!(matches!(call(vec![answer]), Err(RpcError::Status { status: 302, .. })));
    }

    #[test]
    fn call_with_malformed_answer_is_refused() {
        let deep = "[".repeat(100_000);
        let bodies = [
            "",
            "null",
            "[]",
            "7",
            "{}",
            "<html>",
            r#"{"id":1}"#,
            r#"{"id":2,"result":"0x1"}"#,
            r#"{"id":"1","result":"0x1"}"#,
            r#"{"id":1,"error":{"code":1}}"#,
            &deep,
        ];
        for body in bodies {
            let result = call(vec![ok(body)]);
            assert!(
                matches!(result, Err(RpcError::Malformed { .. })),
                "{body:.30}: {result:?}"
            );
        }
        let garbage = call(vec![b"SSH-2.0-OpenSSH_9.9\r\n\r\n".to_vec()]);
        assert!(matches!(garbage, Err(RpcError::Malformed { .. })), "{garbage:?}");
    }

    #[test]
    fn call_with_huge_answer_stops_at_limit() {
        let huge = "a".repeat(usize::try_from(MAX_BODY).unwrap());
        let answer = ok(&format!(r#"{{"id":1,"result":"{huge}"}}"#));
        assert!(matches!(call(vec![answer]), Err(RpcError::Malformed { .. })));
    }

    #[test]
    fn call_of_dripping_node_times_out() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                std::thread::spawn(move || {
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
                    while stream.write_all(b" ").is_ok() {
                        sleep(Duration::from_millis(20));
                    }
                });
            }
        });
        let start = Instant::now();
        let client = RpcClient::with_timeout(&url, Duration::from_millis(300)).unwrap();
        let error = client.call("m", &json!([])).unwrap_err();
        assert!(matches!(error, RpcError::Connection { .. }), "{error}");
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn batch_answered_out_of_order_is_sorted() {
        let url = server(vec![ok(r#"[{"id":2,"result":"b"},{"id":1,"result":"a"}]"#)]);
        let results = RpcClient::new(&url)
            .unwrap()
            .batch(&[("m", json!([])), ("n", json!([]))]);
        assert_eq!(results.unwrap(), ["a", "b"]);
    }

    #[test]
    fn batch_refused_as_whole_goes_one_by_one_from_then_on() {
        let refusals = [
            ok(r#"{"id":null,"error":{"code":-32600,"message":"no batches"}}"#),
            http("413 Too Much", ""),
            ok("{}"),
        ];
        for refusal in refusals {
            let singles = (2..=4).map(|id| ok(&format!(r#"{{"id":{id},"result":{id}}}"#)));
            let url = server([refusal].into_iter().chain(singles).collect());
            let client = RpcClient::new(&url).unwrap();
            assert_eq!(client.batch(&[("m", json!([]))]).unwrap(), [2]);
            assert_eq!(client.batch(&[("m", json!([])), ("n", json!([]))]).unwrap(), [3, 4]);
        }
    }

    #[test]
    fn batch_with_missing_doubled_or_foreign_answer_is_refused() {
        let bodies = [
            r#"[{"id":1,"result":1}]"#,
            r#"[{"id":1,"result":1},{"id":1,"result":2}]"#,
            r#"[{"id":1,"result":1},{"id":0,"result":2}]"#,
            r#"[{"id":1,"result":1},{"id":18446744073709551615,"result":2}]"#,
            r#"[{"id":1,"result":1},7]"#,
            r#"[{"id":1,"result":1},{"id":2}]"#,
        ];
        for body in bodies {
            let url = server(vec![ok(body)]);
            let result = RpcClient::new(&url)
                .unwrap()
                .batch(&[("m", json!([])), ("n", json!([]))]);
            assert!(matches!(result, Err(RpcError::Malformed { .. })), "{body}: {result:?}");
        }
    }

    #[test]
    fn number_of_wrong_form_is_refused() {
        let client = RpcClient::new("http://host").unwrap();
        let long = format!("0x{}", "1".repeat(65));
        for value in [
            json!(1),
            json!("1"),
            json!("0x"),
            json!("0x-1"),
            json!("0x_1"),
            json!(null),
            json!(long),
        ] {
            assert!(client.number("n", &value).is_err(), "{value}");
        }
        assert!(client.small_number("n", &json!("0x10000000000000000")).is_err());
        assert_eq!(client.small_number("n", &json!("0x00ff")).unwrap(), 255);
        assert!(client.hash("n", &json!("0x12")).is_err());
        assert!(client.bytes("n", &json!("0x123")).is_err());
    }
}
