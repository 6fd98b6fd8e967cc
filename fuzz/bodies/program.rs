//! The inputs of `turn_server` as bytes, and back: what clients, peers, the driver and time do, one step after the other.
//!
//! Every string of bytes is a program: numbers name clients, peers and relays by their place in a table, and a program that ends in
//! the middle of a step ends before it. The meaning of a byte never changes, or else the corpus would lose its own.

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A client sends any bytes.
    Raw { client: u8, bytes: Vec<u8> },
    /// A client sends a well-formed request.
    Request { client: u8, method: u8, how: How, attributes: Vec<Attribute> },
    /// A client sends a Send indication.
    Send { client: u8, peer: u8, length: u8, dont_fragment: bool },
    /// A client sends ChannelData that claims one length and may have another.
    ChannelData { client: u8, number: u8, claimed: u16, there: u8 },
    /// A peer sends to a relay socket, which may be closed.
    FromPeer { relay: u8, peer: u8, length: u16 },
    /// The driver has opened a socket, or could not.
    Opened { relay: u8, is_open: bool },
    /// Time passes: milliseconds, or seconds if the top bit is set.
    Pass { time: u16 },
    /// A participant (or with the top bit a room) is shut out.
    Revoke { whom: u8 },
    /// And let in again.
    Readmit { whom: u8 },
    /// The server vouches for a participant for so many seconds.
    Vouch { whom: u8, seconds: u16 },
    /// A client's stream is closed.
    Disconnect { client: u8 },
    /// A client gets credentials of `whom` that last so many seconds.
    Become { client: u8, whom: u8, seconds: u16 },
    /// The machine's addresses change, or what may be relayed to.
    Reach { which: u8 },
}

/// How a request is signed: bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct How(pub u8);

impl How {
    pub const SHA256: u8 = 1;
    pub const SHA256_KEY: u8 = 2;
    pub const FINGERPRINT: u8 = 4;
    pub const NONCE_OF_ANOTHER: u8 = 8;
    pub const WRONG_PASSWORD: u8 = 16;
    pub const SAME_TRANSACTION: u8 = 32;
    pub const UNSIGNED: u8 = 64;
    /// Without asking for a nonce first.
    pub const ABRUPT: u8 = 128;

    pub fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    /// Signed by somebody who knows the password, with a nonce of one's own.
    pub fn is_right(self) -> bool {
        self.0 & (Self::NONCE_OF_ANOTHER | Self::WRONG_PASSWORD | Self::UNSIGNED) == 0
    }
}

/// An attribute: which, and what is in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// A place in the table of kinds; from [`Attribute::ANY`] on, the number is in the value's first two bytes.
    pub kind: u8,
    pub value: Value,
}

impl Attribute {
    pub const ANY: u8 = 0xF0;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// What belongs into this attribute, made from a number.
    Natural(u8),
    Raw(Vec<u8>),
}

/// A program: how the relay is set up, and what happens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    pub setup: u8,
    pub steps: Vec<Step>,
}

impl Program {
    /// Longer ones show nothing more.
    const MOST_STEPS: usize = 300;

    pub fn read(input: &[u8]) -> Self {
        let mut bytes = Bytes(input);
        let setup = bytes.one().unwrap_or_default();
        let steps = std::iter::from_fn(|| Step::read(&mut bytes)).take(Self::MOST_STEPS).collect();
        Self { setup, steps }
    }

    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![self.setup];
        self.steps.iter().for_each(|step| step.write(&mut bytes));
        bytes
    }
}

impl Step {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        Some(match bytes.one()? % 16 {
            0 => Self::Raw { client: bytes.one()?, bytes: bytes.many()? },
            1 | 13 => {
                let (client, method, how) = (bytes.one()?, bytes.one()?, How(bytes.one()?));
                let count = bytes.one()? % 12;
                let attributes = (0..count).map(|_| Attribute::read(bytes)).collect::<Option<_>>()?;
                Self::Request { client, method, how, attributes }
            }
            2 => {
                let (client, peer, length) = (bytes.one()?, bytes.one()?, bytes.one()?);
                Self::Send { client: client & 0x7F, peer, length, dont_fragment: client & 0x80 != 0 }
            }
            3 | 14 => Self::ChannelData { client: bytes.one()?, number: bytes.one()?, claimed: bytes.two()?, there: bytes.one()? },
            4 | 15 => Self::FromPeer { relay: bytes.one()?, peer: bytes.one()?, length: bytes.two()? },
            5 => {
                let relay = bytes.one()?;
                Self::Opened { relay: relay & 0x7F, is_open: relay & 0x80 == 0 }
            }
            6 => Self::Pass { time: bytes.two()? },
            7 => Self::Revoke { whom: bytes.one()? },
            8 => Self::Readmit { whom: bytes.one()? },
            9 => Self::Vouch { whom: bytes.one()?, seconds: bytes.two()? },
            10 => Self::Disconnect { client: bytes.one()? },
            11 => Self::Become { client: bytes.one()?, whom: bytes.one()?, seconds: bytes.two()? },
            _ => Self::Reach { which: bytes.one()? },
        })
    }

    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Self::Raw { client, bytes } => {
                to.extend([0, *client]);
                write_many(to, bytes);
            }
            Self::Request { client, method, how, attributes } => {
                to.extend([1, *client, *method, how.0, attributes.len() as u8]);
                attributes.iter().for_each(|attribute| attribute.write(to));
            }
            Self::Send { client, peer, length, dont_fragment } => to.extend([2, client | u8::from(*dont_fragment) << 7, *peer, *length]),
            Self::ChannelData { client, number, claimed, there } => {
                to.extend([3, *client, *number]);
                to.extend(claimed.to_be_bytes());
                to.push(*there);
            }
            Self::FromPeer { relay, peer, length } => {
                to.extend([4, *relay, *peer]);
                to.extend(length.to_be_bytes());
            }
            Self::Opened { relay, is_open } => to.extend([5, relay | u8::from(!*is_open) << 7]),
            Self::Pass { time } => {
                to.push(6);
                to.extend(time.to_be_bytes());
            }
            Self::Revoke { whom } => to.extend([7, *whom]),
            Self::Readmit { whom } => to.extend([8, *whom]),
            Self::Vouch { whom, seconds } => {
                to.extend([9, *whom]);
                to.extend(seconds.to_be_bytes());
            }
            Self::Disconnect { client } => to.extend([10, *client]),
            Self::Become { client, whom, seconds } => {
                to.extend([11, *client, *whom]);
                to.extend(seconds.to_be_bytes());
            }
            Self::Reach { which } => to.extend([12, *which]),
        }
    }
}

impl Attribute {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let kind = bytes.one()?;
        let value = match bytes.one()? {
            255 => Value::Raw(bytes.many()?),
            number => Value::Natural(number),
        };
        Some(Self { kind, value })
    }

    fn write(&self, to: &mut Vec<u8>) {
        to.push(self.kind);
        match &self.value {
            Value::Natural(number) => to.push((*number).min(254)),
            Value::Raw(bytes) => {
                to.push(255);
                write_many(to, bytes);
            }
        }
    }
}

fn write_many(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend((bytes.len() as u16).to_be_bytes());
    to.extend(bytes);
}

/// What has not been read yet.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn one(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn two(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.one()?, self.one()?]))
    }

    /// As many as are said, or as there are.
    fn many(&mut self) -> Option<Vec<u8>> {
        let length = usize::from(self.two()? % 2048).min(self.0.len());
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        Some(bytes.to_vec())
    }
}
