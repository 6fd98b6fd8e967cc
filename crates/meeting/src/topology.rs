//! How media travels, and so how many people fit.

use fireside_protocol::Topology;
use fireside_protocol::limits::MESH_PEOPLE;

/// People in a meeting.
pub(crate) const PEOPLE: usize = MESH_PEOPLE;
/// People after a restart of the server: all of a full meeting may come back after as many newcomers were let in.
const RECOVERED_PEOPLE: usize = 2 * PEOPLE;

/// How media travels in a meeting of any size that can be reached now.
pub(crate) const fn current() -> Topology {
    Topology::Mesh
}

/// Whether one more newcomer fits beside `people` (those included whose connection is lost for the moment).
pub(crate) const fn newcomer_fits(people: usize) -> bool {
    people < PEOPLE
}

/// Whether somebody of an earlier run of the server fits beside `people`.
pub(crate) const fn returner_fits(people: usize) -> bool {
    people < RECOVERED_PEOPLE
}
