//! A browser without JavaScript: keeps cookies, sends forms with the token of the page before, does not follow redirects.

use reqwest::header::{HeaderMap, HeaderName, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::{Client, RequestBuilder, StatusCode, Url, redirect};

use crate::server::Server;

/// Accepted by every rule, and like nobody's name.
pub(crate) const PASSWORD: &str = "kettle whistles at dawn";

pub(crate) struct Browser {
    pub(crate) client: Client,
    origin: String,
}

/// An answer, read to its end.
pub(crate) struct Page {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new(server: &Server) -> Self {
        let client = Client::builder().cookie_store(true).redirect(redirect::Policy::none()).build().expect("a client");
        Self { client, origin: server.origin() }
    }

    /// One behind a proxy, which says where it is.
    pub(crate) fn at(server: &Server, address: &str) -> Self {
        let headers = HeaderMap::from_iter([(HeaderName::from_static("x-forwarded-for"), address.parse().expect("a header"))]);
        let client = Client::builder().cookie_store(true).redirect(redirect::Policy::none()).default_headers(headers).build();
        Self { client: client.expect("a client"), origin: server.origin() }
    }

    /// One with a fresh account.
    pub(crate) async fn signed_up(server: &Server, username: &str) -> Self {
        let browser = Self::new(server);
        let page = browser.sign_up(username, &format!("{username}@example.org")).await;
        assert_eq!((page.status, page.location()), (StatusCode::SEE_OTHER, "/"), "{}", page.text);
        browser
    }

    pub(crate) async fn sign_up(&self, username: &str, email: &str) -> Page {
        self.send("/signup", &[("username", username), ("email", email), ("password", PASSWORD), ("confirm_password", PASSWORD)]).await
    }

    pub(crate) async fn log_in(&self, login: &str, password: &str) -> Page {
        self.send("/login", &[("login", login), ("password", password)]).await
    }

    pub(crate) async fn get(&self, path: &str) -> Page {
        Page::read(self.client.get(self.url(path))).await
    }

    /// Sends a form with the token that this browser has.
    pub(crate) async fn send(&self, path: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token().await;
        self.send_with(&token, path, fields).await
    }

    /// Sends a form with a token of one's choice.
    pub(crate) async fn send_with(&self, token: &str, path: &str, fields: &[(&str, &str)]) -> Page {
        let mut form = vec![("csrf", token)];
        form.extend_from_slice(fields);
        Page::read(self.client.post(self.url(path)).header(ORIGIN, &self.origin).form(&form)).await
    }

    /// The token in the forms of this browser's pages.
    pub(crate) async fn token(&self) -> String {
        self.get("/").await.between("name=\"csrf\" value=\"", "\"").to_owned()
    }

    /// Makes a room; its code.
    pub(crate) async fn new_room(&self) -> String {
        let page = self.send("/rooms", &[]).await;
        assert_eq!(page.status, StatusCode::SEE_OTHER);
        page.location().strip_prefix("/r/").expect("into the room").to_owned()
    }

    pub(crate) async fn is_signed_in(&self) -> bool {
        self.get("/account").await.status == StatusCode::OK
    }

    /// A page whose address says more.
    pub(crate) async fn get_with(&self, path: &str, query: &[(&str, &str)]) -> Page {
        let url = Url::parse_with_params(&self.url(path), query).expect("a URL");
        Page::read(self.client.get(url)).await
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl Page {
    pub(crate) async fn read(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("an answer");
        Self { status: response.status(), headers: response.headers().clone(), text: response.text().await.expect("a text") }
    }

    /// The headers and how many bytes there are, for answers that are not text.
    pub(crate) async fn read_bytes(request: RequestBuilder) -> (HeaderMap, usize) {
        let response = request.send().await.expect("an answer");
        (response.headers().clone(), response.bytes().await.expect("bytes").len())
    }

    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub(crate) fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().expect("text")).collect()
    }

    pub(crate) fn between(&self, before: &str, after: &str) -> &str {
        let rest = self.text.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {}", self.text)).1;
        rest.split_once(after).expect("an end").0
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// The text without what differs from request to request.
    pub(crate) fn without_id(&self) -> String {
        self.text.replace(self.header("x-request-id"), "ID")
    }
}
