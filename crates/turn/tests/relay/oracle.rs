//! Others' understanding of the RFCs: a client made of the libraries `stun-types` and `turn-types`, which share no code with ours.

use fireside_turn::{Transport, message};
use stun_types::attribute::{ErrorCode, Fingerprint, MessageIntegrity, Nonce, Realm, Username, XorMappedAddress};
use stun_types::message::{IntegrityAlgorithm, LongTermKeyCredentials, Message, MessageClass, MessageIntegrityCredentials, MessageWriteVec, Method};
use stun_types::prelude::{MessageWrite, MessageWriteExt};
use turn_types::attribute::{ChannelNumber, Data, Lifetime, RequestedTransport, XorPeerAddress, XorRelayedAddress};
use turn_types::channel::ChannelData;
use turn_types::message::{ALLOCATE, CHANNEL_BIND, CREATE_PERMISSION, DATA, REFRESH, SEND};

use crate::harness::{Client, REALM, World, peer};

struct Other {
    client: Client,
    credentials: MessageIntegrityCredentials,
    nonce: String,
    algorithm: IntegrityAlgorithm,
}

impl Other {
    fn new(world: &World, algorithm: IntegrityAlgorithm) -> Self {
        let client = world.client(1, "ada");
        let (username, password) = (client.credentials.username.clone(), client.credentials.password.clone());
        let credentials = LongTermKeyCredentials::new(username, password, REALM.to_owned()).into();
        Self { client, credentials, nonce: String::new(), algorithm }
    }

    fn request(&self, method: Method) -> MessageWriteVec {
        let mut writer = Message::builder_request(method, MessageWriteVec::new());
        if !self.nonce.is_empty() {
            writer.add_attribute(&Username::new(&self.client.credentials.username).unwrap()).unwrap();
            writer.add_attribute(&Realm::new(REALM).unwrap()).unwrap();
            writer.add_attribute(&Nonce::new(&self.nonce).unwrap()).unwrap();
        }
        if self.algorithm == IntegrityAlgorithm::Sha256 && !self.nonce.is_empty() {
            // This library ties the key to the tag: SHA-256 for both.
            use stun_types::attribute::{PasswordAlgorithm, PasswordAlgorithmValue, PasswordAlgorithms};
            writer.add_attribute(&PasswordAlgorithms::new(&[PasswordAlgorithmValue::MD5, PasswordAlgorithmValue::SHA256])).unwrap();
            writer.add_attribute(&PasswordAlgorithm::new(PasswordAlgorithmValue::SHA256)).unwrap();
        }
        writer
    }

    /// Signs, sends, and checks the answer's form and signature.
    fn ask(&self, world: &mut World, mut writer: MessageWriteVec) -> Vec<u8> {
        if !self.nonce.is_empty() {
            writer.add_message_integrity(&self.credentials, self.algorithm).unwrap();
        }
        writer.add_fingerprint().unwrap();
        let bytes = writer.finish();
        world.input(&self.client.tuple, &bytes);
        let answer = world.sent.pop().expect("an answer").1;
        let (asked, told) = (Message::from_bytes(&bytes).unwrap(), Message::from_bytes(&answer).unwrap());
        assert_eq!(told.transaction_id(), asked.transaction_id());
        assert_eq!(told.method(), asked.method());
        told.attribute::<Fingerprint>().expect("a fingerprint for a fingerprint");
        if !self.nonce.is_empty() {
            assert_eq!(told.validate_integrity(&self.credentials).unwrap(), self.algorithm);
        }
        answer
    }
}

#[test]
fn a_client_that_others_wrote_is_served() {
    for algorithm in [IntegrityAlgorithm::Sha1, IntegrityAlgorithm::Sha256] {
        let mut world = World::new();
        let mut other = Other::new(&world, algorithm);
        let mut first = other.request(ALLOCATE);
        first.add_attribute(&RequestedTransport::new(RequestedTransport::UDP)).unwrap();
        let challenge = other.ask(&mut world, first);
        let challenge = Message::from_bytes(&challenge).unwrap();
        assert!(challenge.has_class(MessageClass::Error));
        assert_eq!(challenge.attribute::<ErrorCode>().unwrap().code(), 401);
        assert_eq!(challenge.attribute::<Realm>().unwrap().realm(), REALM);
        assert!(challenge.attribute::<MessageIntegrity>().is_err(), "nobody to sign for yet");
        other.nonce = challenge.attribute::<Nonce>().unwrap().nonce().to_owned();

        let mut second = other.request(ALLOCATE);
        second.add_attribute(&RequestedTransport::new(RequestedTransport::UDP)).unwrap();
        let allocated = other.ask(&mut world, second);
        let allocated = Message::from_bytes(&allocated).unwrap();
        assert!(allocated.has_class(MessageClass::Success));
        assert_eq!(allocated.attribute::<Lifetime>().unwrap().seconds(), 600);
        let mapped = allocated.attribute::<XorMappedAddress>().unwrap().addr(allocated.transaction_id());
        assert_eq!(mapped, other.client.tuple.client);
        let relayed = allocated.attribute::<XorRelayedAddress>().unwrap().addr(allocated.transaction_id());
        assert_eq!(Some(&relayed.port()), world.open.values().next());

        exchange(&mut world, &other);

        let mut last = other.request(REFRESH);
        last.add_attribute(&Lifetime::new(0)).unwrap();
        let ended = other.ask(&mut world, last);
        assert!(Message::from_bytes(&ended).unwrap().has_class(MessageClass::Success));
        assert!(world.open.is_empty());
    }
}

/// Permission, indications, channel, ChannelData.
fn exchange(world: &mut World, other: &Other) {
    let (target, relay) = (peer("8.8.8.8:5000"), *world.open.keys().next().unwrap());
    let mut permit = other.request(CREATE_PERMISSION);
    let id = permit.transaction_id();
    permit.add_attribute(&XorPeerAddress::new(target, id)).unwrap();
    assert!(Message::from_bytes(&other.ask(world, permit)).unwrap().has_class(MessageClass::Success));

    let mut send = Message::builder_indication(SEND, MessageWriteVec::new());
    let id = send.transaction_id();
    send.add_attribute(&XorPeerAddress::new(target, id)).unwrap();
    send.add_attribute(&Data::new(b"out")).unwrap();
    assert_eq!(world.input(&other.client.tuple, &send.finish()), Some((relay, target, b"out".to_vec())));

    let (_, data) = world.peer_sends(relay, target, b"back!").unwrap();
    let data = Message::from_bytes(&data).unwrap();
    assert!(data.has_class(MessageClass::Indication) && data.has_method(DATA));
    assert_eq!(data.attribute::<Data>().unwrap().data(), b"back!");
    assert_eq!(data.attribute::<XorPeerAddress>().unwrap().addr(data.transaction_id()), target);

    let mut bind = other.request(CHANNEL_BIND);
    let id = bind.transaction_id();
    bind.add_attribute(&ChannelNumber::new(0x4321)).unwrap();
    bind.add_attribute(&XorPeerAddress::new(target, id)).unwrap();
    assert!(Message::from_bytes(&other.ask(world, bind)).unwrap().has_class(MessageClass::Success));
    let mut out = vec![0; 4 + 3];
    ChannelData::new(0x4321, b"out").write_into_unchecked(&mut out);
    assert_eq!(world.input(&other.client.tuple, &out), Some((relay, target, b"out".to_vec())));
    let (to, back) = world.peer_sends(relay, target, b"back").unwrap();
    assert_eq!(to.transport, Transport::Udp);
    let back = ChannelData::parse(&back).unwrap();
    assert_eq!((back.id(), back.data()), (0x4321, &b"back"[..]));
    assert_eq!(message::kind(&out), message::Kind::ChannelData);
}
