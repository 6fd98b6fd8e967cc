//! Writes what the corpus begins with: the vectors of the RFCs, and lives as the tests know them. `cargo run --example seeds`.

#[path = "bodies/mod.rs"]
#[allow(dead_code, reason = "only programs are written here")]
mod bodies;

use std::path::Path;

use bodies::program::{Attribute, How, Program, Step, Value};
use bodies::turn_server::KINDS;
use fireside_turn::auth::{Integrity, PasswordAlgorithm, Proof};
use fireside_turn::message::{Class, TransactionId, attribute, method};
use fireside_turn::write::Writer;

const VECTORS: [&str; 5] = [
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a6836765920202000080014\
     9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf",
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96",
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275\
     bfe3ed4180280004c8fb0b4c",
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b\
     6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666",
    "000100902112a44278ad3433c6ad72c029da412e001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704001500296f624d61744a6f733241414143662f2f3439396b\
     39353464364f4c33346f4c394653547679363473410000000014000b6578616d706c652e6f726700001d000400020000001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278c\
     c6518e65",
];

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    write(&corpus.join("stun_in"), messages())?;
    write(&corpus.join("turn_stream"), streams())?;
    write(&corpus.join("turn_server"), programs().iter().map(Program::write))
}

fn write(folder: &Path, seeds: impl IntoIterator<Item = Vec<u8>>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    seeds.into_iter().enumerate().try_for_each(|(number, bytes)| std::fs::write(folder.join(format!("seed-{number}")), bytes))
}

fn messages() -> Vec<Vec<u8>> {
    let id = TransactionId([7; 12]);
    let proof = Proof::long_term(b"user", b"realm", b"password", PasswordAlgorithm::Sha256, Integrity::Sha256);
    let mut messages: Vec<_> = VECTORS.map(bytes).into();
    messages.push(Writer::new(Class::Request, method::BINDING, id).with_fingerprint().finish());
    // One of each kind of attribute, empty and not.
    for length in [0, 4, 8, 20] {
        let writer = KINDS
            .iter()
            .filter(|kind| !matches!(**kind, attribute::MESSAGE_INTEGRITY | attribute::MESSAGE_INTEGRITY_SHA256 | attribute::FINGERPRINT));
        messages.push(writer.fold(Writer::new(Class::Request, method::ALLOCATE, id), |writer, kind| writer.with(*kind, &[1; 20][..length])).finish());
    }
    let both = Writer::new(Class::Success, method::REFRESH, id)
        .with_u32(attribute::LIFETIME, 600)
        .with_address(attribute::XOR_RELAYED_ADDRESS, ([8; 4], 8).into());
    messages.push(both.with_integrity(&proof).with_fingerprint().finish());
    messages
}

fn streams() -> Vec<Vec<u8>> {
    let channel_data = |number: u16, length: u16| {
        let mut frame = [&number.to_be_bytes()[..], &length.to_be_bytes(), &vec![0xAB; length.into()]].concat();
        frame.resize(frame.len().next_multiple_of(4), 0);
        frame
    };
    let frames: Vec<_> = (0..9).map(|length| channel_data(0x4000 + length, length)).chain(messages()).collect();
    let whole = frames.concat();
    let cuts: [&[u8]; 5] = [&[], &[1, 1, 1, 1, 1, 1, 1, 1], &[3, 0, 5, 20, 255], &[19, 1, 2], &[255, 255]];
    let in_pieces = cuts.into_iter().map(|cuts| [&[cuts.len() as u8][..], cuts, &whole].concat());
    let broken = [&b"GET / HTTP/1.1\r\n"[..], &[0x16, 3, 1, 0, 5], &[0x40, 0, 0xFF, 0xFF], &[0, 1, 0, 3]];
    let broken = broken.into_iter().map(|end| [&[1, 4], &channel_data(0x4000, 4)[..], end].concat());
    in_pieces.chain(broken).chain([[&[0][..], &channel_data(0x4000, 9_000)].concat()]).collect()
}

fn programs() -> Vec<Program> {
    let mut programs = Vec::new();
    for setup in [0x01, 0x00, 0x05, 0xC1, 0x31, 0x03, 0x09] {
        programs.push(Program { setup, steps: life(0, 0) });
        programs.push(Program { setup, steps: [life(2, How::SHA256 | How::SHA256_KEY), life(4, How::FINGERPRINT)].concat() });
        programs.push(Program { setup, steps: crowd() });
    }
    programs.push(Program { setup: 1, steps: hairpin() });
    programs.push(Program { setup: 1, steps: reserve() });
    programs.push(Program { setup: 1, steps: strangers() });
    programs.push(Program { setup: 5, steps: many_of_one() });
    programs.push(Program { setup: 1, steps: flood() });
    programs.push(Program { setup: 1, steps: tested() });
    programs.push(Program { setup: 0x21, steps: moved() });
    programs
}

fn request(client: u8, method: u8, how: u8, attributes: &[(u8, u8)]) -> Step {
    let attributes = attributes.iter().map(|(kind, number)| Attribute { kind: *kind, value: Value::Natural(*number) }).collect();
    Step::Request { client, method, how: How(how), attributes }
}

/// An allocation, what can be done with it, and its end.
fn life(client: u8, how: u8) -> Vec<Step> {
    let opened = |relay| Step::Opened { relay, is_open: true };
    vec![
        request(client, 0, how, &[(3, 0), (5, 2)]),
        Step::Opened { relay: 0, is_open: false },
        opened(0),
        opened(1),
        request(client, 0, how | How::SAME_TRANSACTION, &[(3, 0), (5, 2)]),
        request(client, 2, how, &[(0, 0), (0, 2), (0, 7)]),
        request(client, 3, how, &[(1, 1), (0, 0)]),
        request(client, 3, how, &[(1, 2), (0, 7)]),
        Step::Send { client, peer: 0, length: 100, dont_fragment: false },
        Step::Send { client, peer: 2, length: 1, dont_fragment: true },
        Step::ChannelData { client, number: 1, claimed: 5, there: 5 },
        Step::ChannelData { client, number: 2, claimed: 5, there: 8 },
        Step::FromPeer { relay: 0, peer: 0, length: 1_000 },
        Step::FromPeer { relay: 0, peer: 2, length: 1_201 },
        Step::FromPeer { relay: 1, peer: 7, length: 3 },
        Step::Pass { time: 0x8000 + 250 },
        request(client, 1, how, &[(2, 25)]),
        Step::Vouch { whom: client % 4, seconds: 900 },
        Step::Pass { time: 0x8000 + 400 },
        request(client, 1, how, &[(2, 25)]),
        request(client, 1, how, &[(2, 0), (4, 2)]),
        request(client, 1, how, &[(2, 0)]),
        Step::Disconnect { client },
    ]
}

/// All clients, one after the other, and who is shut out.
fn crowd() -> Vec<Step> {
    let allocate = (0..6).map(|client| request(client, 0, 0, &[(3, 0)]));
    let bind = (0..6).map(|client| request(client, 3, 0, &[(1, 1), (0, client)]));
    let send = (0..6).map(|client| Step::ChannelData { client, number: 1, claimed: 200, there: 200 });
    let receive = (0..6).map(|relay| Step::FromPeer { relay, peer: 5 - relay, length: 1_400 });
    let end = [Step::Revoke { whom: 0 }, Step::Become { client: 1, whom: 1, seconds: 700 }, Step::Revoke { whom: 0x82 }, Step::Readmit { whom: 0 }];
    allocate.chain(bind).chain(send).chain(receive).chain(end).chain([request(0, 0, 0, &[(3, 0)])]).collect()
}

/// Two who test their connection.
fn tested() -> Vec<Step> {
    let mut steps = vec![Step::Become { client: 0, whom: 4, seconds: 700 }, Step::Become { client: 3, whom: 5, seconds: 700 }];
    steps.extend(hairpin());
    steps.extend([request(0, 2, 0, &[(0, 0)]), Step::Send { client: 0, peer: 0, length: 9, dont_fragment: false }, Step::Revoke { whom: 0x84 }]);
    steps
}

/// The machine moves to another address while people use the relay.
fn moved() -> Vec<Step> {
    let which = [6, 2, 3, 4, 0, 7, 5, 1];
    let still = |which| {
        [
            Step::Reach { which },
            Step::ChannelData { client: 0, number: 1, claimed: 5, there: 5 },
            Step::Send { client: 3, peer: 3, length: 5, dont_fragment: false },
        ]
    };
    let begin = [request(0, 0, 0, &[(3, 0)]), request(0, 3, 0, &[(1, 1), (0, 2)]), request(3, 0, 0, &[(3, 0)]), request(3, 2, 0, &[(0, 3), (0, 0)])];
    begin.into_iter().chain(which.into_iter().flat_map(still)).collect()
}

/// Short questions with the addresses of neighbours.
fn flood() -> Vec<Step> {
    let ask = |client| request(client, client % 4, How::UNSIGNED, &[]);
    let burst = || (0..12).map(ask).chain([Step::Pass { time: 500 }]);
    burst().chain(burst()).chain(burst()).chain([request(0, 0, 0, &[(3, 0)])]).chain(burst()).collect()
}

/// One participant with more devices than there may be, who is then shut out, late sockets and all.
fn many_of_one() -> Vec<Step> {
    let become_one = (0..6).map(|client| Step::Become { client, whom: 0, seconds: 700 });
    let allocate = (0..6).map(|client| request(client, 0, 0, &[(3, 0)]));
    let late = (0..3).map(|relay| Step::Opened { relay, is_open: true });
    become_one.chain(allocate).chain([Step::Revoke { whom: 0 }]).chain(late).chain([request(0, 0, 0, &[(3, 0)])]).collect()
}

/// Two clients who reach each other through their relays.
fn hairpin() -> Vec<Step> {
    vec![
        request(0, 0, 0, &[(3, 0)]),
        request(3, 0, 0, &[(3, 0)]),
        request(0, 3, 0, &[(1, 1), (0, 0x80)]),
        request(3, 3, 0, &[(1, 1), (0, 0x81)]),
        Step::ChannelData { client: 0, number: 1, claimed: 50, there: 50 },
        Step::FromPeer { relay: 0, peer: 0x81, length: 50 },
        Step::ChannelData { client: 3, number: 1, claimed: 50, there: 52 },
        Step::FromPeer { relay: 1, peer: 0x80, length: 50 },
        Step::Disconnect { client: 3 },
        Step::ChannelData { client: 0, number: 1, claimed: 50, there: 50 },
    ]
}

/// An even port and the next one.
fn reserve() -> Vec<Step> {
    vec![
        request(0, 0, 0, &[(3, 0), (6, 2)]),
        Step::Become { client: 1, whom: 0, seconds: 700 },
        request(1, 0, 0, &[(3, 0), (7, 0)]),
        request(1, 0, 0, &[(3, 0), (7, 0)]),
        request(2, 0, 0, &[(3, 0), (6, 1)]),
        request(4, 0, 0, &[(3, 0), (6, 2)]),
        Step::Pass { time: 0x8000 + 31 },
        request(3, 0, 0, &[(3, 0), (7, 0)]),
    ]
}

/// Everything that is wrong with a request.
fn strangers() -> Vec<Step> {
    let hows = [How::UNSIGNED, How::WRONG_PASSWORD, How::NONCE_OF_ANOTHER, How::ABRUPT, How::UNSIGNED | How::FINGERPRINT];
    let requests = hows.into_iter().flat_map(|how| (0..6).map(move |method| request(0, method, how, &[(3, 0), (0, 0), (8, 0), (1, 1), (15, 20)])));
    let raw = VECTORS.map(bytes).map(|bytes| Step::Raw { client: 2, bytes });
    requests.chain(raw).chain([Step::Become { client: 0, whom: 0, seconds: 0 }, request(0, 0, 0, &[(3, 0)])]).collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
