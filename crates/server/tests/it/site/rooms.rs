//! Rooms, and the doors to them.

use fireside_meeting::Route;
use reqwest::StatusCode;

use super::browser::{Browser, Page};
use crate::server::Server;

#[tokio::test]
async fn a_new_meeting_leads_into_its_room() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    let page = ana.get(&format!("/r/{code}")).await;
    assert_eq!(page.status, StatusCode::OK);
    let data = data_of(&page);
    assert_eq!(data["code"], code);
    assert_eq!(data["title"], "ana’s meeting");
    assert_eq!(data["link"], server.url(&format!("/r/{code}")));
    assert_eq!(data["signed_in"], true);
    assert_eq!(data["name"], "ana");
    assert_eq!(data["owner"], true);
    assert_eq!(data["home"], "/");
    assert!(page.has("<noscript>"));

    let guest = Browser::new(&server);
    let data = data_of(&guest.get(&format!("/r/{code}")).await);
    assert_eq!((&data["signed_in"], &data["owner"]), (&false.into(), &false.into()));
    assert!(data["name"].is_null());
}

#[tokio::test]
async fn a_code_is_found_however_it_is_typed() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    let loud = code.to_uppercase().replace('-', "");
    assert_eq!(ana.get(&format!("/r/{loud}")).await.location(), format!("/r/{code}"));
    for typed in [loud, format!(" {code} "), server.url(&format!("/r/{code}"))] {
        let page = Browser::new(&server).send("/join", &[("meeting", &typed)]).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, format!("/r/{code}").as_str()), "{typed}");
    }
    for typed in ["", "hello", "https://elsewhere.test/r/k7fq-2mzx-9tda"] {
        let page = ana.send("/join", &[("meeting", typed)]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(page.has(r#"id="meeting-error""#) && page.has(&format!("value=\"{typed}\"")), "{typed}");
    }
}

#[tokio::test]
async fn a_room_is_renamed_closed_to_guests_and_deleted() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    let guest = Browser::new(&server);
    assert_eq!(guest.get(&format!("/r/{code}")).await.status, StatusCode::OK);

    let page = ana.send(&format!("/rooms/{code}"), &[("title", "Monday  stand-up")]).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/rooms?done=saved"));
    assert!(ana.get("/rooms").await.has("Monday stand-up"));
    assert_eq!(guest.get(&format!("/r/{code}")).await.status, StatusCode::NOT_FOUND, "guests were not ticked");
    let bo = Browser::signed_up(&server, "bo").await;
    assert_eq!(bo.get(&format!("/r/{code}")).await.status, StatusCode::OK, "members still come in");

    ana.send(&format!("/rooms/{code}"), &[("title", "Monday"), ("guests", "yes")]).await;
    assert_eq!(guest.get(&format!("/r/{code}")).await.status, StatusCode::OK);

    assert!(ana.get(&format!("/rooms/{code}/delete")).await.has("Delete this room?"));
    assert_eq!(guest.get(&format!("/r/{code}")).await.status, StatusCode::OK, "to ask is not to delete");
    let page = ana.send(&format!("/rooms/{code}/delete"), &[]).await;
    assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/rooms?done=deleted"));
    assert_eq!(ana.get(&format!("/r/{code}")).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_host_chooses_how_sound_and_picture_travel() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    assert_eq!(chosen(&ana.get("/rooms").await), "auto");
    for route in ["server", "mesh", "auto", "server"] {
        ana.send(&format!("/rooms/{code}"), &[("title", "Monday"), ("guests", "yes"), ("route", route)]).await;
        assert_eq!(chosen(&ana.get("/rooms").await), route);
    }
    // What is no choice, and a form from before there was one, leave it as it is.
    for form in [&[("title", "Monday"), ("route", "sfu")][..], &[("title", "Tuesday")]] {
        let page = ana.send(&format!("/rooms/{code}"), form).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER);
        assert_eq!(chosen(&ana.get("/rooms").await), "server");
    }
}

#[tokio::test]
async fn what_the_operator_has_set_is_shown_and_not_for_choosing() {
    let server = Server::start_with(|config| config.route = Route::Mesh).await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    let page = ana.get("/rooms").await;
    assert_eq!(chosen(&page), "mesh");
    assert!(page.has("Whoever runs this server has set this for all rooms."));
    assert!(page.between(&format!(r#"id="route-{code}""#), ">").contains(" disabled"));
}

/// The route that a page shows as chosen.
fn chosen(page: &Page) -> &str {
    let choice = page.between(r#"name="route""#, "</select>");
    choice.split("<option value=\"").find(|option| option.contains(" selected")).and_then(|option| option.split('"').next()).expect("one is chosen")
}

#[tokio::test]
async fn a_title_that_cannot_be_is_said_at_its_field() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    for title in ["", "   ", &"x".repeat(81)] {
        let page = ana.send(&format!("/rooms/{code}"), &[("title", title), ("guests", "yes")]).await;
        assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY, "{title:?}");
        assert!(page.has(&format!(r#"id="title-{code}-error""#)) && page.has(&format!("value=\"{title}\"")), "{title:?}");
    }
    assert!(ana.get("/rooms").await.has("ana’s meeting"));
}

#[tokio::test]
async fn a_room_of_somebody_else_is_as_if_it_were_not_there() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let bo = Browser::signed_up(&server, "bo").await;
    let code = ana.new_room().await;
    for row in fireside::site::table().rows().iter().filter(|row| row.access == fireside::site::table::Access::Owner) {
        let visit = async |code: &str| {
            let path = row.path.replace("{code}", code);
            if row.method == "GET" { bo.get(&path).await } else { bo.send(&path, &[("title", "Mine now")]).await }
        };
        let (theirs, nobodys) = (visit(&code).await, visit("aaaa-aaaa-aaaa").await);
        assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{row:?}");
        assert_eq!(theirs.without_id(), nobodys.without_id(), "{row:?}");
    }
    let page = ana.get(&format!("/r/{code}")).await;
    assert_eq!(data_of(&page)["title"], "ana’s meeting");
    assert!(!bo.get("/rooms").await.has(&code));
}

#[tokio::test]
async fn a_forbidden_room_and_one_that_is_not_there_are_the_same_bytes() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let code = ana.new_room().await;
    ana.send(&format!("/rooms/{code}"), &[("title", "Closed")]).await;
    let guest = Browser::new(&server);
    guest.get("/").await;
    let forbidden = guest.get(&format!("/r/{code}")).await;
    assert_eq!(forbidden.status, StatusCode::NOT_FOUND);
    for path in ["/r/aaaa-aaaa-aaaa", "/r/hello", "/r/%F0%9F%94%A5"] {
        let unknown = guest.get(path).await;
        assert_eq!(unknown.status, forbidden.status);
        assert_eq!(unknown.text, forbidden.text, "{path}");
        let rest = |page: &Page| {
            let mut headers = page.headers.clone();
            headers.remove("x-request-id");
            headers.remove("date");
            headers
        };
        assert_eq!(rest(&unknown), rest(&forbidden), "{path}");
    }
}

#[tokio::test]
async fn from_a_closed_room_one_logs_in_and_comes_back() {
    let server = Server::start().await;
    let browser = Browser::new(&server);
    let path = "/r/aaaa-aaaa-aaaa";
    assert!(browser.get(path).await.has(r#"href="/login""#));
    let form = Page::read(browser.client.get(browser.url("/login")).header("referer", server.url(path))).await;
    assert_eq!(form.between(r#"name="next" value=""#, "\""), path);
}

#[tokio::test]
async fn codes_are_many_and_never_the_same() {
    let server = Server::start().await;
    let ana = Browser::signed_up(&server, "ana").await;
    let mut codes = std::collections::BTreeSet::new();
    for _ in 0..20 {
        assert!(codes.insert(ana.new_room().await));
    }
    // 20 codes of 12 symbols out of 32: all but a few of the symbols appear, or something is not random.
    let symbols: std::collections::BTreeSet<char> = codes.iter().flat_map(|code| code.chars()).collect();
    assert!(symbols.len() > 28, "{symbols:?}");
}

fn data_of(page: &Page) -> serde_json::Value {
    let escaped = page.between("data-page=\"", "\"");
    let plain = escaped.replace("&#34;", "\"").replace("&#39;", "'").replace("&#60;", "<").replace("&#62;", ">").replace("&#38;", "&");
    serde_json::from_str(&plain).expect("JSON")
}
