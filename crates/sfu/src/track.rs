//! The names that the forwarding plane goes by. They are the server's: nothing of them is in a packet.

/// A call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub u64);

/// One client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PeerId(pub u64);

/// What a track is of. The place in the client's offer says it: see [`crate::offer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A voice.
    Microphone,
    /// A face.
    Camera,
    /// A screen, a window or a tab.
    Screen,
    /// What is to be heard with it.
    ScreenSound,
}

impl Source {
    /// All of them, in the order of the offer.
    pub const ALL: [Self; 4] = [Self::Microphone, Self::Camera, Self::Screen, Self::ScreenSound];

    /// Whether it is heard or seen.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::Microphone | Self::ScreenSound => Kind::Audio,
            Self::Camera | Self::Screen => Kind::Video,
        }
    }
}

/// Sound or picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Sound.
    Audio,
    /// Picture.
    Video,
}

/// What somebody sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Track {
    /// Who.
    pub peer: PeerId,
    /// Of what.
    pub source: Source,
}

/// A place in a viewer's connection that carries one track at a time: the n-th m-line of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot {
    /// For sound or picture.
    pub kind: Kind,
    /// The how manieth of its kind, from 0.
    pub index: usize,
}
