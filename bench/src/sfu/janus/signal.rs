//! The signalling of Janus: one WebSocket and one session for a person, with a handle for each of their peer connections.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// A session that says nothing for a minute is ended.
const ALIVE_EVERY: Duration = Duration::from_secs(25);
const WITHIN: Duration = Duration::from_secs(20);

/// A session.
#[derive(Debug)]
pub(super) struct Signal {
    socket: WebSocketStream<TcpStream>,
    session: u64,
    asked: u64,
}

/// What was answered to a request to the plugin.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) data: Value,
    /// The description that came with it.
    pub(super) sdp: Option<String>,
}

impl Signal {
    pub(super) async fn begin(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await.context("connect")?;
        stream.set_nodelay(true)?;
        let mut request = format!("ws://{address}/").into_client_request()?;
        request.headers_mut().insert("sec-websocket-protocol", "janus-protocol".parse()?);
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await.context("upgrade")?;
        let mut signal = Self { socket, session: 0, asked: 0 };
        signal.session = id(&signal.ask(json!({ "janus": "create" })).await?)?;
        Ok(signal)
    }

    /// A handle of the plugin.
    pub(super) async fn attach(&mut self) -> anyhow::Result<u64> {
        let session = self.session;
        id(&self.ask(json!({ "janus": "attach", "session_id": session, "plugin": "janus.plugin.videoroom" })).await?)
    }

    /// Asks the plugin for something, with a description or without.
    pub(super) async fn message(&mut self, handle: u64, body: Value, sdp: Option<(&str, String)>) -> anyhow::Result<Answer> {
        let mut message = json!({ "janus": "message", "session_id": self.session, "handle_id": handle, "body": body });
        if let (Some((kind, sdp)), Some(fields)) = (sdp, message.as_object_mut()) {
            fields.insert("jsep".to_owned(), json!({ "type": kind, "sdp": sdp }));
        }
        let answer = self.ask(message).await?;
        let data = answer.pointer("/plugindata/data").cloned().unwrap_or_default();
        if let Some(error) = data.get("error") {
            bail!("Janus refuses: {error}");
        }
        Ok(Answer { data, sdp: answer.pointer("/jsep/sdp").and_then(Value::as_str).map(str::to_owned) })
    }

    /// Keeps the session alive for as long as this is waited for.
    pub(super) async fn stay(mut self) {
        let mut tick = interval(ALIVE_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_over = tokio::select! {
                _ = tick.tick() => {
                    self.asked += 1;
                    let alive = json!({ "janus": "keepalive", "session_id": self.session, "transaction": self.asked.to_string() });
                    self.socket.send(Message::text(alive.to_string())).await.is_err()
                }
                said = self.socket.next() => !matches!(said, Some(Ok(_))),
            };
            if is_over {
                return;
            }
        }
    }

    async fn ask(&mut self, mut request: Value) -> anyhow::Result<Value> {
        self.asked += 1;
        let transaction = self.asked.to_string();
        if let Some(fields) = request.as_object_mut() {
            fields.insert("transaction".to_owned(), transaction.clone().into());
        }
        self.socket.send(Message::text(request.to_string())).await.context("send")?;
        timeout(WITHIN, self.answer(&transaction)).await.context("Janus does not answer")?
    }

    /// The answer to a request; that it was received is none, and neither is what is told unasked.
    async fn answer(&mut self, transaction: &str) -> anyhow::Result<Value> {
        loop {
            let Message::Text(text) = self.socket.next().await.context("Janus is gone")?? else { continue };
            let said: Value = serde_json::from_str(&text)?;
            if said.get("transaction").and_then(Value::as_str) != Some(transaction) {
                continue;
            }
            match said.get("janus").and_then(Value::as_str) {
                Some("ack") => {}
                Some("error") => bail!("Janus refuses: {}", said.pointer("/error/reason").unwrap_or(&Value::Null)),
                _ => return Ok(said),
            }
        }
    }
}

fn id(answer: &Value) -> anyhow::Result<u64> {
    answer.pointer("/data/id").and_then(Value::as_u64).context("Janus names no id")
}
