//! How media travels, and so how many people fit.

use fireside_protocol::Topology;
use fireside_protocol::limits::{MESH_PEOPLE, MESH_PEOPLE_MOST};

/// How many people fit in a meeting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capacity(usize);

impl Default for Capacity {
    fn default() -> Self {
        Self(MESH_PEOPLE)
    }
}

impl Capacity {
    /// Room for this many, within what a mesh can hold at all: two people at least.
    pub(crate) fn of(people: usize) -> Self {
        Self(people.clamp(2, MESH_PEOPLE_MOST))
    }

    pub(crate) fn people(self) -> usize {
        self.0
    }

    /// Whether one more newcomer fits beside `people` (those included whose connection is lost for the moment).
    pub(crate) fn fits_newcomer(self, people: usize) -> bool {
        people < self.0
    }

    /// Whether somebody of an earlier run of the server fits beside `people`: all of a full meeting may come back after as
    /// many newcomers were let in.
    pub(crate) fn fits_returner(self, people: usize) -> bool {
        people < 2 * self.0
    }
}

/// How media travels in a meeting of any size that can be reached now.
pub(crate) const fn current() -> Topology {
    Topology::Mesh
}
