//! Writes what the corpora of the forwarding plane begin with: offers as clients make them, and short calls. `cargo run --example sfu_seeds`.

#[path = "bodies/sfu/mod.rs"]
#[allow(dead_code, reason = "only programs are written here")]
mod bodies;

use std::path::Path;

use bodies::client::Client;
use bodies::packets::Stream;

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    write(&corpus.join("sfu_offers"), offers())?;
    write(&corpus.join("sfu_rtp"), packets())?;
    write(&corpus.join("sfu_reports"), reports())?;
    write(&corpus.join("sfu_strangers"), strangers())?;
    write(&corpus.join("sfu_calls"), calls())
}

fn write(folder: &Path, seeds: impl IntoIterator<Item = Vec<u8>>) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    seeds.into_iter().enumerate().try_for_each(|(number, bytes)| std::fs::write(folder.join(format!("seed-{number}")), bytes))
}

fn offers() -> Vec<Vec<u8>> {
    let client = Client::new(1);
    let plain = client.offer(1, 0, 0, false);
    let small = client.offer(2, 2, 3, true);
    let full = client.offer(3, 4, 3, true);
    let grown = client.offer(3, 9, 3, true);
    let with_candidates = small.replacen("a=mid:1", "a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\na=end-of-candidates\r\na=mid:1", 1);
    let restarted = small.replace("client1", "other99");
    let later = |first: &str, second: &str| [first.as_bytes(), &[0], second.as_bytes()].concat();
    vec![
        plain.clone().into_bytes(),
        small.clone().into_bytes(),
        with_candidates.into_bytes(),
        later(&small, &full),
        later(&full, &grown),
        later(&small, &restarted),
        later(&small, &plain),
        small.replace("sendrecv", "sendonly").into_bytes(),
        small.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP").into_bytes(),
        small.replace("actpass", "active").into_bytes(),
    ]
}

fn many(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn few(bytes: &[u8]) -> Vec<u8> {
    [&[bytes.len() as u8], bytes].concat()
}

/// Frames of everything: whole ones, and those that build on them.
fn frames() -> Vec<u8> {
    let frame = |how: u8| (0..6u8).flat_map(move |stream| [2, stream, how]);
    frame(1).chain([3, 5]).chain((0..12).flat_map(|_| frame(0x34).chain([3, 8]))).collect()
}

fn packets() -> Vec<Vec<u8>> {
    let mut streams = Stream::all_of(1);
    let mut raw: Vec<Vec<u8>> = Vec::new();
    for stream in &mut streams {
        let payload = stream.picture(true, &[1; 8]);
        for flaws in [0, 1, 4, 8, 16, 32, 64, 128] {
            raw.push([vec![0], many(&stream.packet(&payload, true, flaws))].concat());
        }
    }
    let red = [5, 0, 12, 0x80 | 111, 0, 0, 4, 111, 1, 2, 3, 4, 5, 6, 7, 5, 0, 1, 111, 5, 0, 0];
    let payloads: [&[u8]; 5] = [&[0x90, 0x80, 5, 0x10, 0, 0, 0x9D, 1, 0x2A, 0, 5, 0xD0, 2], &[0x10, 0], &[0x80], &[], &[0x90, 0xF0, 0x80, 1, 2, 3]];
    let natural = |flaws: u8| payloads.iter().flat_map(move |payload| [vec![1, 1, flaws, 0x21], few(payload)].concat());
    vec![
        frames(),
        [frames(), raw.concat()].concat(),
        [frames(), red.to_vec(), frames()].concat(),
        (0..8).flat_map(|bit| natural(1 << bit)).collect(),
        [vec![6, 90, 3], frames(), vec![6, 0, 0], frames(), vec![7, 5, 7, 4], frames(), vec![7, 1]].concat(),
        [frames(), vec![7, 6], frames(), vec![3, 255, 3, 255], frames(), vec![4, 0, 4, 0x80, 96, 0, 1]].concat(),
    ]
}

fn reports() -> Vec<Vec<u8>> {
    let natural = |kind: u8, form: u8, rest: &[u8]| (0..12u8).flat_map(|media| [vec![1, kind, form, media], few(rest)].concat()).collect::<Vec<u8>>();
    let congestion = [0, 1, 0, 8, 0, 0, 1, 0, 0x20, 8, 4, 4, 4, 4, 4, 4, 4, 4];
    let mut seeds: Vec<_> = (0..8).map(|kind| [natural(kind, 1, &[0; 24]), vec![4, 5], natural(kind, 15, &[1; 20])].concat()).collect();
    seeds.push([natural(5, 1, &[0, 1, 0xFF, 0xFF, 0, 20, 0xFF, 0xFF]), vec![4, 30], natural(5, 15, &congestion)].concat());
    seeds
        .push([natural(6, 1, &[]), natural(6, 4, &[0, 0, 0, 1, 1, 0, 0, 0]), natural(6, 15, b"REMB\x01\x03\xE8\x00\0\0\0\x01"), vec![4, 9]].concat());
    seeds.push([vec![3], many(&[0; 40]), vec![4, 3, 3], many(b"\x13\x88\x13\x88\0\0\0\0\0\0\0\0\x01\0\0\x14")].concat());
    seeds.push(
        [
            vec![2, 4, 1, 1, 2, 4, 0, 0, 0, 0, 5, 1, 3, 4, 0, 1, 0, 1, 2, 1, 2, 4, 1, 2, 3, 4, 6, 1, 2, 0],
            vec![4, 9],
            vec![0],
            many(&[0x81, 203, 0, 1, 0, 0, 0, 1]),
        ]
        .concat(),
    );
    seeds
}

fn strangers() -> Vec<Vec<u8>> {
    let checks: Vec<u8> = (0..64).flat_map(|flaws| [1, flaws & 7, flaws & 1, flaws, 0]).collect();
    let hellos: Vec<u8> = (0..32).flat_map(|number| [4, number & 7, number]).collect();
    let pieces =
        |kind: u8| [vec![3, 1, kind, 0, 0], many(&[7; 60]), vec![3, 1, kind, 1, 0x24], many(&[]), vec![3, 1, kind, 0, 2], many(&[1; 9])].concat();
    let records: Vec<u8> = [20, 21, 22, 23, 24, 26].iter().flat_map(|kind| [vec![2, 1, *kind], many(&[1; 20])].concat()).collect();
    let media: Vec<u8> = [0, many(&[0x90, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 0xBE, 0xDE, 0, 1, 0x40, b'0', 0, 0, 1, 2, 3]).as_slice()[0]].to_vec();
    vec![
        checks.clone(),
        [vec![1, 1, 0, 0, 0, 5, 5], hellos.clone()].concat(),
        [hellos, checks].concat(),
        [vec![1, 1, 0, 0, 0, 5, 1], (0..26).flat_map(pieces).collect::<Vec<u8>>()].concat(),
        [vec![1, 1, 1, 0, 0], records, vec![5, 50]].concat(),
        [media, vec![1, 0x81, 0, 0, 0, 5, 9, 1, 2, 1, 0, 6, 0x80, 0x22, 1, 2, 3, 5, 200]].concat(),
    ]
}

fn calls() -> Vec<Vec<u8>> {
    let people = |count: u8, shape: u8| (0..count).flat_map(move |id| [0, id, 1, shape, 15, 2, id]).collect::<Vec<u8>>();
    let views = |count: u8| {
        (0..count).flat_map(move |id| [5, id, 3, 0x10 | (id + 1) % 5, 45, 0x10 | (id + 2) % 5, 90, 0x20 | (id + 1) % 5, 90]).collect::<Vec<u8>>()
    };
    let talk = |count: u8, how: u8| (0..count).flat_map(move |id| (0..5u8).flat_map(move |stream| [11, id, stream, how])).collect::<Vec<u8>>();
    let some = |count: u8| [talk(count, 0x15), vec![14, 2], talk(count, 0x54), vec![14, 5], talk(count, 0x14), vec![14, 9]].concat();
    vec![
        [people(2, 0x3E), views(2), some(2), vec![7, 0, 4, 7, 0, 5], some(2), vec![7, 0, 0, 7, 0, 1], some(2), vec![8, 0], some(2)].concat(),
        [people(5, 0x3F), views(5), some(5), vec![8, 2, 8, 3], some(5)].concat(),
        [people(3, 0x3E), vec![0, 3, 0, 0x3E, 15, 2, 3], views(4), some(4), vec![3, 3, 0, 15], some(4), vec![6, 0, 1], some(4)].concat(),
        [
            people(2, 0x35),
            vec![0, 2, 2, 0x3E, 15, 2, 2],
            views(3),
            some(3),
            vec![4, 0, 0x37, 4, 1, 0x3F],
            some(3),
            vec![15, 0, 5, 15, 1, 0x85],
            some(3),
        ]
        .concat(),
        [people(2, 0x3E), views(2), (0..5).flat_map(|strain| [vec![9, strain], some(2)].concat()).collect(), vec![10, 0, 14, 255, 14, 255]].concat(),
        [people(1, 0x3E), people(1, 0x3E), vec![1, 1, 0, 0x40, 3], vec![14, 255].repeat(9), views(2), some(2), vec![4, 0, 0]].concat(),
    ]
}
