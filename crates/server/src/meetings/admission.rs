//! Whether the threads that forward media can take one more person, if the meeting needs them for that.

use fireside_meeting::Meeting;
use fireside_protocol::Topology;
use fireside_protocol::limits::MESH_PEOPLE_MOST;

use crate::media::forwarding::Room;

/// A small meeting whose media goes from peer to peer may stay as it is; who is in one that goes through the server stays, too.
pub(super) fn has_room_for_newcomer(room: Room, meeting: &Meeting) -> bool {
    match room {
        Room::Enough | Room::Little => true,
        Room::None => {
            let (topology, _) = meeting.topology();
            let may_stay = topology == Topology::Mesh && (1..MESH_PEOPLE_MOST).contains(&meeting.people());
            may_stay || meeting.topology_for_newcomer() == Topology::Mesh
        }
    }
}

#[cfg(test)]
mod tests {
    use fireside_meeting::{ConnectionId, Entrant, Input, Route};
    use fireside_protocol::{ChatPage, Join, Role, RoomInfo, UnixMillis};

    use super::*;

    fn meeting(route: Route, people: u64) -> Meeting {
        let room = RoomInfo { code: "0000-0000-0001".parse().expect("a code"), title: String::new() };
        let mut meeting = Meeting::new(room, UnixMillis(0), None).route(route);
        for number in 0..people {
            let connection = ConnectionId(number);
            let entrant = Entrant { account: None, session: None, role: Role::Guest, account_name: None };
            let join = Join { name: Some("Ann".to_owned()), ..Join::default() };
            let input = Input::Join { connection, entrant, join, claim: None, chat: ChatPage::default() };
            meeting.handle(UnixMillis(0), &mut rand::rng(), input);
        }
        assert_eq!(meeting.people() as u64, people);
        meeting
    }

    #[test]
    fn a_newcomer_is_turned_away_where_the_meeting_needs_what_there_is_none_of() {
        for (route, people, has_room) in [
            (Route::Auto, 0, true),
            (Route::Auto, 3, true),
            // The fifth would move it to the server: it stays from peer to peer.
            (Route::Auto, 4, true),
            (Route::Auto, 5, false),
            (Route::Mesh, 12, true),
            (Route::Server, 0, false),
            (Route::Server, 1, false),
        ] {
            let meeting = meeting(route, people);
            assert_eq!(has_room_for_newcomer(Room::None, &meeting), has_room, "{route:?} {people}");
            assert!(has_room_for_newcomer(Room::Little, &meeting) && has_room_for_newcomer(Room::Enough, &meeting));
        }
    }
}
