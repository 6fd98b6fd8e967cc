//! What every meeting goes by, as the operator has it.

use fireside_meeting as meeting;
use fireside_store::Route;

use crate::config::Config;

/// The settings that concern meetings.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// People in one meeting.
    pub people: usize,
    /// Up to so many of them are connected peer to peer.
    pub mesh_people: usize,
    /// How media travels; unless it is [`meeting::Route::Auto`], what a room has is passed over.
    pub route: meeting::Route,
}

impl Rules {
    /// Those of a server.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { people: config.people, mesh_people: config.mesh_people, route: config.route }
    }

    /// How media travels in all rooms, if that is not left to them.
    pub(super) fn set_route(self) -> Option<Route> {
        match self.route {
            meeting::Route::Auto => None,
            meeting::Route::Mesh => Some(Route::Mesh),
            meeting::Route::Server => Some(Route::Server),
        }
    }
}

/// What the database has, in the meeting's words.
pub(super) fn as_meeting(route: Route) -> meeting::Route {
    match route {
        Route::Auto => meeting::Route::Auto,
        Route::Mesh => meeting::Route::Mesh,
        Route::Server => meeting::Route::Server,
    }
}
