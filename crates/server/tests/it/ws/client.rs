//! A participant without media, and the rooms and accounts that a test needs.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fireside_protocol::{
    ChatId, ChatMessage, ClientMessage, DeniedCode, ErrorCode, Join, MediaState, ParticipantId, Resume, RoomCode, ServerFrame, ServerMessage,
    SignalBody, Welcome,
};
use fireside_store::{Account, NewAccount, NewRoom, NewSession, RoomChange, Route, Session, Store};
use futures_util::{SinkExt, StreamExt};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue, Request};
use tokio_tungstenite::tungstenite::{Error, Message};
use uuid::Uuid;

use crate::server::Server;

/// Longer than anything here takes on a busy machine; a test that waits for this long fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A room, and the database it is in.
pub(crate) struct Room {
    pub(crate) code: RoomCode,
    pub(crate) owner: Member,
    pub(crate) store: Store,
}

/// Somebody with an account who is logged in.
#[derive(Clone)]
pub(crate) struct Member {
    pub(crate) account: Account,
    pub(crate) session: Session,
    pub(crate) cookie: String,
}

impl Room {
    /// A room that guests may join.
    pub(crate) async fn open(server: &Server) -> Self {
        Self::with(server, true).await
    }

    /// A room for people with an account.
    pub(crate) async fn for_members(server: &Server) -> Self {
        Self::with(server, false).await
    }

    /// A second room that guests may join, of another owner.
    pub(crate) async fn another(server: &Server) -> Self {
        Self::of(server, "otto", true).await
    }

    /// How sound and picture travel in it, from its next meeting on.
    pub(crate) async fn set_route(&self, route: Route) {
        let change = RoomChange { route: Some(route), ..RoomChange::default() };
        self.store.change_room(self.code.as_str(), self.owner.account.id, change).await.expect("a database").expect("a room");
    }

    async fn with(server: &Server, guests_allowed: bool) -> Self {
        Self::of(server, "olga", guests_allowed).await
    }

    async fn of(server: &Server, owner: &str, guests_allowed: bool) -> Self {
        let store = database(server).await;
        let owner = Member::new(&store, owner).await;
        let code = RoomCode::from_random(rand::random());
        let new = NewRoom { code: code.to_string(), owner: owner.account.id, title: "Planning".to_owned(), guests_allowed };
        store.create_room(new, now()).await.expect("a database").expect("a free code");
        Self { code, owner, store }
    }
}

impl Member {
    pub(crate) async fn new(store: &Store, username: &str) -> Self {
        Self::with_hash(store, username, "!".to_owned()).await
    }

    pub(crate) async fn with_password(store: &Store, username: &str, password: &str) -> Self {
        Self::with_hash(store, username, fireside::auth::password::hash(password)).await
    }

    async fn with_hash(store: &Store, username: &str, password_hash: String) -> Self {
        let new = NewAccount {
            username: username.to_owned(),
            email: format!("{username}@example.org"),
            display_name: format!("{username} the member"),
            password_hash,
            is_admin: false,
        };
        let account = store.create_account(new, now()).await.expect("an account");
        Self::logged_in(store, account).await
    }

    pub(crate) async fn logged_in(store: &Store, account: Account) -> Self {
        let token: [u8; 32] = rand::random();
        let verified = account.password_hash.clone();
        let new = NewSession { token_hash: Sha256::digest(token).into(), account: account.id, verified, expires_at: now() + 86_400_000 };
        let session = store.create_session(new, now()).await.expect("a database").expect("a session");
        Self { account, session, cookie: format!("fireside_session={}", URL_SAFE_NO_PAD.encode(token)) }
    }
}

/// The server's database, opened a second time.
pub(crate) async fn database(server: &Server) -> Store {
    Store::open(&format!("sqlite://{}", server.data.path().join("fireside.db").display())).await.expect("the database")
}

pub(crate) fn now() -> i64 {
    fireside::meetings::now().0
}

/// The request for an upgrade as a page of the server makes it.
pub(crate) fn upgrade(server: &Server, room: &str) -> Request<()> {
    let mut request = format!("ws://{}/ws/{room}", server.address).into_client_request().expect("a request");
    request.headers_mut().insert("origin", server.origin().parse().expect("a header"));
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("fireside.v1"));
    request
}

/// One connection.
pub(crate) struct Client {
    pub(crate) socket: WebSocketStream<TcpStream>,
    /// The number of the last frame that had one.
    pub(crate) seq: u32,
}

impl Client {
    /// A page of a guest.
    pub(crate) async fn open(server: &Server, room: &RoomCode) -> Self {
        Self::send(server, upgrade(server, room.as_str())).await.expect("an upgrade")
    }

    /// A page of somebody logged in.
    pub(crate) async fn open_as(server: &Server, room: &RoomCode, member: &Member) -> Self {
        let mut request = upgrade(server, room.as_str());
        request.headers_mut().insert(HeaderName::from_static("cookie"), member.cookie.parse().expect("a header"));
        Self::send(server, request).await.expect("an upgrade")
    }

    /// A guest who is in the meeting.
    pub(crate) async fn joined(server: &Server, room: &RoomCode, name: &str) -> (Self, Welcome) {
        let mut client = Self::open(server, room).await;
        let welcome = client.join(name).await;
        (client, welcome)
    }

    /// Somebody logged in who is in the meeting.
    pub(crate) async fn joined_as(server: &Server, room: &RoomCode, member: &Member) -> (Self, Welcome) {
        let mut client = Self::open_as(server, room, member).await;
        client.say(&ClientMessage::Join(join(None, None))).await;
        let welcome = client.welcome().await;
        (client, welcome)
    }

    pub(crate) async fn send(server: &Server, request: Request<()>) -> Result<Self, Box<Error>> {
        let stream = TcpStream::connect(server.address).await.expect("a connection");
        let (socket, _) = tokio_tungstenite::client_async(request, stream).await?;
        Ok(Self { socket, seq: 0 })
    }

    pub(crate) async fn join(&mut self, name: &str) -> Welcome {
        self.say(&ClientMessage::Join(join(Some(name), None))).await;
        self.welcome().await
    }

    pub(crate) async fn say(&mut self, message: &ClientMessage) {
        self.say_text(&serde_json::to_string(message).expect("JSON")).await;
    }

    pub(crate) async fn say_text(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.expect("an open connection");
    }

    /// Writes without waiting for the server to take it in; false: the connection is closed.
    pub(crate) async fn feed_text(&mut self, text: &str) -> bool {
        self.socket.feed(Message::text(text)).await.is_ok()
    }

    pub(crate) async fn chat(&mut self, text: &str) -> ChatId {
        let id = ChatId(Uuid::from_u128(rand::random()));
        self.say(&ClientMessage::Chat { id, text: text.to_owned() }).await;
        id
    }

    /// The next message; `None`: the connection was closed.
    pub(crate) async fn hear(&mut self) -> Option<ServerMessage> {
        self.hear_frame().await.ok().map(|frame| frame.message)
    }

    /// The next message, or the code that the connection was closed with.
    pub(crate) async fn hear_frame(&mut self) -> Result<ServerFrame, Option<u16>> {
        let text = self.hear_text().await?;
        // A welcome's `seq` is a field of its own (what it includes), so the frame cannot be read as a whole.
        let message: ServerMessage = serde_json::from_str(&text).expect("a message of the protocol");
        let seq = if let ServerMessage::Welcome(welcome) = &message {
            self.seq = welcome.seq;
            None
        } else {
            let frame: ServerFrame = serde_json::from_str(&text).expect("a frame of the protocol");
            self.seq = frame.seq.unwrap_or(self.seq);
            frame.seq
        };
        Ok(ServerFrame { seq, message })
    }

    pub(crate) async fn hear_text(&mut self) -> Result<String, Option<u16>> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("something is heard") {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(frame))) => return Err(frame.map(|frame| frame.code.into())),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The first of the coming messages that `wanted` is about.
    pub(crate) async fn hear_of<T>(&mut self, wanted: impl Fn(&ServerMessage) -> Option<T>) -> T {
        loop {
            let message = self.hear().await.expect("an open connection");
            if let Some(found) = wanted(&message) {
                return found;
            }
        }
    }

    pub(crate) async fn welcome(&mut self) -> Welcome {
        match self.hear().await {
            Some(ServerMessage::Welcome(welcome)) => *welcome,
            other => panic!("not let in: {other:?}"),
        }
    }

    pub(crate) async fn denied(&mut self) -> DeniedCode {
        match self.hear().await {
            Some(ServerMessage::Denied { code, .. }) => code,
            other => panic!("not denied: {other:?}"),
        }
    }

    /// The acknowledgement of a chat message.
    pub(crate) async fn ack(&mut self, wanted: ChatId) -> ChatMessage {
        self.hear_of(|message| match message {
            ServerMessage::ChatAck { id, message } if *id == wanted => Some(message.clone()),
            _ => None,
        })
        .await
    }

    /// The next chat message of somebody else.
    pub(crate) async fn chat_message(&mut self) -> ChatMessage {
        self.hear_of(|message| if let ServerMessage::Chat { message } = message { Some(message.clone()) } else { None }).await
    }

    pub(crate) async fn error(&mut self) -> (ErrorCode, Option<String>) {
        self.hear_of(|message| match message {
            ServerMessage::Error { code, about, .. } => Some((*code, about.clone())),
            _ => None,
        })
        .await
    }

    /// The messages that still come, and the code that the connection is closed with.
    pub(crate) async fn until_closed(&mut self) -> (Vec<ServerMessage>, Option<u16>) {
        let mut messages = Vec::new();
        loop {
            match self.hear_frame().await {
                Ok(frame) => messages.push(frame.message),
                Err(code) => return (messages, code),
            }
        }
    }

    /// The connection works: what is asked is answered. Returns what came before the answer.
    pub(crate) async fn is_alive(&mut self) -> Vec<ServerMessage> {
        self.say(&ClientMessage::Ping { seq: None }).await;
        let mut before = Vec::new();
        loop {
            match self.hear().await.expect("an open connection") {
                ServerMessage::Pong => return before,
                message => before.push(message),
            }
        }
    }
}

/// What a page says first.
pub(crate) fn join(name: Option<&str>, resume: Option<Resume>) -> Join {
    Join {
        name: name.map(str::to_owned),
        media: MediaState { microphone: true, camera: false, screen: false },
        hand: false,
        resume,
        ..Join::default()
    }
}

pub(crate) fn offer(to: ParticipantId, sdp: &str) -> ClientMessage {
    ClientMessage::Signal { to, connection: 1, body: SignalBody::Offer { sdp: sdp.to_owned() } }
}
