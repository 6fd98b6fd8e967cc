//! What logging out, a new password and the end of a room do to people who are in a call.

use std::time::{Duration, Instant};

use fireside::auth::csrf::{self, Binding};
use fireside::auth::keys::Keys;
use fireside::boot::Pace;
use fireside_protocol::{ByeCode, ClientMessage, DeniedCode, LeftReason, ServerMessage};

use super::client::{Client, Member, Room, database, join};
use super::resume::{come_back, lose};
use crate::server::Server;

#[tokio::test]
async fn logging_out_ends_the_call_at_once_and_for_good() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let mia = Member::new(&room.store, "mia").await;
    let (mut as_mia, to_mia) = Client::joined_as(&server, &room.code, &mia).await;
    let begun = Instant::now();
    log_out(&server, &mia).await;
    shown_out(&mut as_mia, begun).await;
    let left =
        ann.hear_of(|message| if let ServerMessage::Left { participant, reason } = message { Some((*participant, *reason)) } else { None }).await;
    assert_eq!(left, (to_mia.you, LeftReason::SignedOut));
    // The token is worth nothing now: without a cookie, with the dead one, or with that of a new log-in.
    assert_eq!(come_back(&server, &room, None, &to_mia, 0).await.err(), Some(DeniedCode::ResumeRefused));
    assert_eq!(come_back(&server, &room, Some(&mia), &to_mia, 0).await.err(), Some(DeniedCode::ResumeRefused));
    let again = Member::logged_in(&room.store, mia.account.clone()).await;
    assert_eq!(come_back(&server, &room, Some(&again), &to_mia, 0).await.err(), Some(DeniedCode::ResumeRefused));
}

#[tokio::test]
async fn logging_out_while_away_is_final_too() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let mia = Member::new(&room.store, "mia").await;
    let (as_mia, to_mia) = Client::joined_as(&server, &room.code, &mia).await;
    lose(as_mia, &mut ann, &to_mia).await;
    log_out(&server, &mia).await;
    for member in [None, Some(&mia)] {
        assert_eq!(come_back(&server, &room, member, &to_mia, 0).await.err(), Some(DeniedCode::ResumeRefused));
    }
}

#[tokio::test]
async fn a_token_of_before_the_log_out_is_worthless_after_a_restart_as_well() {
    let mut server = Server::start().await;
    let room = Room::open(&server).await;
    let mia = Member::new(&room.store, "mia").await;
    let (_as_mia, to_mia) = Client::joined_as(&server, &room.code, &mia).await;
    log_out(&server, &mia).await;
    server.restart().await;
    for member in [None, Some(&mia)] {
        assert_eq!(come_back(&server, &room, member, &to_mia, 0).await.err(), Some(DeniedCode::ResumeRefused));
    }
}

#[tokio::test]
async fn logging_out_elsewhere_leaves_this_browser_alone() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let mia = Member::new(&room.store, "mia").await;
    let elsewhere = Member::logged_in(&room.store, mia.account.clone()).await;
    let (mut here, _) = Client::joined_as(&server, &room.code, &mia).await;
    let (mut there, _) = Client::joined_as(&server, &room.code, &elsewhere).await;
    let begun = Instant::now();
    log_out(&server, &elsewhere).await;
    shown_out(&mut there, begun).await;
    here.is_alive().await;
}

#[tokio::test]
async fn whoever_is_signed_out_while_joining_does_not_get_in() {
    let server = Server::start().await;
    let room = Room::for_members(&server).await;
    for round in 0..20 {
        let mia = Member::new(&room.store, &format!("mia{round}")).await;
        let mut client = Client::open_as(&server, &room.code, &mia).await;
        client.say(&ClientMessage::Join(join(None, None))).await;
        log_out(&server, &mia).await;
        // Before or after the welcome, but it ends.
        let (last, code) = client.until_closed().await;
        match last.last() {
            Some(ServerMessage::Bye { code: ByeCode::SignedOut, .. }) => assert_eq!(code, Some(4000)),
            Some(ServerMessage::Denied { code: DeniedCode::RoomNotFound, .. }) => assert_eq!(code, Some(4001)),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_new_password_ends_the_calls_of_all_other_log_ins_within_a_second() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let mia = Member::with_password(&room.store, "mia", "correct horse battery").await;
    let thief = Member::logged_in(&room.store, mia.account.clone()).await;
    let (mut here, _) = Client::joined_as(&server, &room.code, &mia).await;
    let (mut there, to_there) = Client::joined_as(&server, &room.code, &thief).await;
    let fields =
        [("current_password", "correct horse battery"), ("new_password", "a staple of 1 horse"), ("confirm_password", "a staple of 1 horse")];
    let begun = Instant::now();
    let answer = post(&server, &mia, "/account/password", &fields).await;
    assert!(answer.is_redirection(), "{answer}");
    let answered = begun.elapsed();
    shown_out(&mut there, begun + answered).await;
    here.is_alive().await;
    assert_eq!(come_back(&server, &room, Some(&thief), &to_there, 0).await.err(), Some(DeniedCode::ResumeRefused));
}

#[tokio::test]
async fn an_account_that_is_deleted_leaves_its_calls() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let mia = Member::with_password(&room.store, "mia", "correct horse battery").await;
    let (mut as_mia, to_mia) = Client::joined_as(&server, &room.code, &mia).await;
    let answer = post(&server, &mia, "/account/delete", &[("delete_password", "correct horse battery")]).await;
    assert!(answer.is_redirection(), "{answer}");
    shown_out(&mut as_mia, Instant::now()).await;
    let left = ann.hear_of(|message| if let ServerMessage::Left { participant, .. } = message { Some(*participant) } else { None }).await;
    assert_eq!(left, to_mia.you);
}

#[tokio::test]
async fn what_the_operator_ends_by_command_line_ends_in_the_call_too() {
    let server = Server::start_at(Pace { sessions_every: Duration::from_millis(20), ..Pace::default() }).await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mia, zoe) = (Member::new(&room.store, "mia").await, Member::new(&room.store, "zoe").await);
    let (mut as_mia, to_mia) = Client::joined_as(&server, &room.code, &mia).await;
    let (mut as_zoe, to_zoe) = Client::joined_as(&server, &room.code, &zoe).await;
    let (mut olga, _) = Client::joined_as(&server, &room.code, &room.owner).await;

    // By another handle, as `fireside user passwd` and `delete` have one.
    assert!(room.store.change_password(mia.account.id, None, "!", None).await.expect("a database"));
    shown_out(&mut as_mia, Instant::now()).await;
    room.store.delete_account(zoe.account.id).await.expect("a database");
    shown_out(&mut as_zoe, Instant::now()).await;
    for gone in [to_mia.you, to_zoe.you] {
        let left = ann.hear_of(|message| match message {
            ServerMessage::Left { participant, reason } => Some((*participant, *reason)),
            _ => None,
        });
        assert_eq!(left.await, (gone, LeftReason::SignedOut));
    }
    assert_eq!(come_back(&server, &room, Some(&mia), &to_mia, 0).await.err(), Some(DeniedCode::ResumeRefused));
    // Several looks later, those whose sessions hold are still here.
    let sooner = Member::logged_in(&room.store, room.owner.account.clone()).await;
    let (mut again, _) = Client::joined_as(&server, &room.code, &sooner).await;
    room.store.delete_session(sooner.session.id).await.expect("a database");
    shown_out(&mut again, Instant::now()).await;
    olga.is_alive().await;
    ann.is_alive().await;
}

#[tokio::test]
async fn who_was_a_guest_does_not_come_back_into_a_room_that_was_closed_to_guests() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut olga, _) = Client::joined_as(&server, &room.code, &room.owner).await;
    let (mut stays, _) = Client::joined(&server, &room.code, "Ann").await;
    let (ben, to_ben) = Client::joined(&server, &room.code, "Ben").await;
    let answer = post(&server, &room.owner, &format!("/rooms/{}", room.code), &[("title", "Planning")]).await;
    assert!(answer.is_redirection(), "{answer}");
    // Who is inside stays until they go.
    stays.is_alive().await;
    lose(ben, &mut olga, &to_ben).await;
    assert_eq!(come_back(&server, &room, None, &to_ben, 0).await.err(), Some(DeniedCode::RoomNotFound));
    let mut late = Client::open(&server, &room.code).await;
    late.say(&ClientMessage::Join(join(Some("Late"), None))).await;
    assert_eq!(late.denied().await, DeniedCode::RoomNotFound);
    stays.is_alive().await;
}

#[tokio::test]
async fn a_new_title_is_told_to_those_in_the_call() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let answer = post(&server, &room.owner, &format!("/rooms/{}", room.code), &[("title", "Celebration"), ("guests_allowed", "on")]).await;
    assert!(answer.is_redirection(), "{answer}");
    let title = ann.hear_of(|message| if let ServerMessage::Room { room } = message { Some(room.title.clone()) } else { None }).await;
    assert_eq!(title, "Celebration");
}

#[tokio::test]
async fn a_deleted_room_ends_its_call() {
    let server = Server::start().await;
    let room = Room::open(&server).await;
    let (mut ann, _) = Client::joined(&server, &room.code, "Ann").await;
    let (mut olga, _) = Client::joined_as(&server, &room.code, &room.owner).await;
    let answer = post(&server, &room.owner, &format!("/rooms/{}/delete", room.code), &[]).await;
    assert!(answer.is_redirection() || answer.is_success(), "{answer}");
    for client in [&mut ann, &mut olga] {
        let (last, code) = client.until_closed().await;
        assert!(matches!(last.last(), Some(ServerMessage::Bye { code: ByeCode::RoomDeleted, .. })), "{last:?}");
        assert_eq!(code, Some(4000));
    }
    let mut late = Client::open(&server, &room.code).await;
    late.say(&ClientMessage::Join(join(Some("Ann"), None))).await;
    assert_eq!(late.denied().await, DeniedCode::RoomNotFound);
}

pub(super) async fn log_out(server: &Server, member: &Member) {
    let answer = post(server, member, "/logout", &[]).await;
    assert!(answer.is_redirection(), "{answer}");
}

/// The client is told that it was signed out, within a second of `begun`.
async fn shown_out(client: &mut Client, begun: Instant) {
    let (last, code) = client.until_closed().await;
    assert!(matches!(last.last(), Some(ServerMessage::Bye { code: ByeCode::SignedOut, .. })), "{last:?}");
    assert_eq!(code, Some(4000));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

/// Sends a form as a page of the server does.
pub(super) async fn post(server: &Server, member: &Member, path: &str, fields: &[(&str, &str)]) -> reqwest::StatusCode {
    let keys = Keys::load(&database(server).await).await.expect("the server's keys");
    let token = csrf::token(&keys, Binding::Session(member.session.id));
    let fields: Vec<_> = fields.iter().copied().chain([("csrf", token.as_str())]).collect();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let request = browser.post(server.url(path)).header("origin", server.origin()).header("cookie", &member.cookie).form(&fields);
    request.send().await.expect("an answer").status()
}
