//! One connection of one participant, as thin as can be: the client's cost is not what is measured.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context, bail};
use fireside_protocol::{ClientMessage, Join, MediaState, ParticipantId, RoomCode, ServerFrame, ServerMessage};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Connects to a room as the `number`th client. Each four clients come from an address of their own within 127.0.0.0/8,
/// as from a household each: limits per address stay as they are.
pub(crate) async fn connect(server: SocketAddr, room: &RoomCode, number: usize) -> anyhow::Result<Socket> {
    let house = u32::try_from(number / 4)?;
    let from = Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + house);
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(IpAddr::V4(from), 0))?;
    let stream = socket.connect(server).await.context("connect")?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{server}/ws/{room}").into_client_request()?;
    request.headers_mut().insert("origin", format!("http://{server}").parse()?);
    request.headers_mut().insert("sec-websocket-protocol", "fireside.v1".parse()?);
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(4096).max_write_buffer_size(1 << 20);
    let (socket, _) = tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await.context("upgrade")?;
    Ok(socket)
}

/// Joins and waits for `welcome`.
pub(crate) async fn join(socket: &mut Socket, name: String) -> anyhow::Result<ParticipantId> {
    let join = Join { name: Some(name), media: MediaState::default(), ..Join::default() };
    send(socket, &ClientMessage::Join(join)).await?;
    match next(socket).await? {
        ServerMessage::Welcome(welcome) => Ok(welcome.you),
        other => bail!("not let in: {other:?}"),
    }
}

/// Sends one message.
pub(crate) async fn send(socket: &mut Socket, message: &ClientMessage) -> anyhow::Result<()> {
    let text = serde_json::to_string(message)?;
    socket.send(Message::text(text)).await.context("send")
}

/// The next message of the server.
pub(crate) async fn next(socket: &mut Socket) -> anyhow::Result<ServerMessage> {
    let text = next_text(socket).await?;
    let frame: ServerFrame = serde_json::from_str(&text)?;
    Ok(frame.message)
}

/// The next message of the server, unread.
pub(crate) async fn next_text(socket: &mut Socket) -> anyhow::Result<Utf8Bytes> {
    loop {
        match socket.next().await.context("closed")?? {
            Message::Text(text) => return Ok(text),
            Message::Close(why) => bail!("closed by the server: {why:?}"),
            _ => {}
        }
    }
}

/// The `seq` that a frame begins with.
pub(crate) fn seq_of(text: &str) -> Option<u32> {
    text.strip_prefix("{\"seq\":")?.split_once(',')?.0.parse().ok()
}
