//! The system gives out no more descriptors: who is here goes on, who comes waits.

use std::fs;
use std::process::Command;

use tokio::net::{TcpSocket, TcpStream};

use super::Process;
use crate::ws::client::{Client, Room};

#[tokio::test]
async fn a_process_without_descriptors_keeps_its_calls_and_takes_others_in_again_later() {
    let process = Process::start(&[], &[]);
    let room = Room::open(&process.server).await;
    let (mut ann, _) = Client::joined(&process.server, &room.code, "Ann").await;
    // Taken away while it runs, so that it cannot know how many it may have.
    let pid = process.child.id().to_string();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("a folder").count();
    let limit = format!("--nofile={}", open + 5);
    assert!(Command::new("prlimit").args(["--pid", &pid, &limit]).status().expect("util-linux").success());

    let crowd = crowd(&process, 40).await;
    let id = ann.chat("it goes on").await;
    assert_eq!(ann.ack(id).await.text, "it goes on");
    drop(crowd);
    let answer = reqwest::get(process.server.url("/readyz")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let (_ben, _) = Client::joined(&process.server, &room.code, "Ben").await;
    let said = process.stop();
    assert_eq!(said.matches("no connection can be taken in").count(), 1, "said, and not over and over: {said}");
}

#[tokio::test]
async fn a_process_that_knows_how_few_it_has_never_runs_out() {
    let process = Process::with_descriptors(64);
    let room = Room::open(&process.server).await;
    let (mut ann, _) = Client::joined(&process.server, &room.code, "Ann").await;
    let crowd = crowd(&process, 40).await;
    let id = ann.chat("it goes on").await;
    assert_eq!(ann.ack(id).await.text, "it goes on");
    drop(crowd);
    Client::joined(&process.server, &room.code, "Ben").await;
    let said = process.stop();
    assert!(said.contains("as many connections are open as this process can hold"), "{said}");
    assert!(!said.contains("no connection can be taken in"), "{said}");
}

/// People who connect, from several places, and say nothing.
async fn crowd(process: &Process, size: usize) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for place in [2, 3, 4, 5].into_iter().cycle().take(size) {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind(([127, 0, 0, place], 0).into()).expect("an address of this machine");
        // The kernel takes them in, whatever the process does.
        crowd.push(socket.connect(process.server.address).await.expect("a connection"));
    }
    crowd
}
