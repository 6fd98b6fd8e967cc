//! The forms of a site, as a browser without scripts sends them: to log in, and to make and delete what a test needs.

use std::collections::BTreeMap;
use std::io::{BufRead as _, IsTerminal as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use axum::http::{HeaderMap, Request, StatusCode, header};
use fireside_bot::person::{Site, connect};
use fireside_protocol::RoomCode;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use rand::RngExt;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::target::Trust;

/// A password is hashed slowly, and others may be before us.
const WITHIN: Duration = Duration::from_secs(30);
/// Our own pages are smaller.
const LONGEST_ANSWER: usize = 4 << 20;

/// Never shown.
pub(super) struct Password(String);

impl Password {
    /// Asked for on a terminal, else the first line of standard input.
    pub(super) fn ask() -> anyhow::Result<Self> {
        if std::io::stdin().is_terminal() {
            return Ok(Self(rpassword::prompt_password("Password: ").context("the password cannot be read")?));
        }
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("standard input cannot be read")?;
        Ok(Self(line.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// Those whom this system believes, and those of a file.
pub(super) fn trust(file: Option<&Path>) -> anyhow::Result<Trust> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = file {
        let unreadable = || format!("{} cannot be read", file.display());
        for certificate in CertificateDer::pem_file_iter(file).with_context(unreadable)? {
            roots.add(certificate.with_context(unreadable)?).with_context(unreadable)?;
        }
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider())).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}

/// Somebody on the site.
pub(super) struct Visit {
    site: Site,
    tls: Trust,
    cookies: BTreeMap<String, String>,
}

struct Page {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Visit {
    pub(super) fn begin(site: Site, tls: Trust) -> Self {
        Self { site, tls, cookies: BTreeMap::new() }
    }

    pub(super) async fn log_in(&mut self, user: &str, Password(password): &Password) -> anyhow::Result<()> {
        let page = self.send("/login", &[("login", user), ("password", password)]).await?;
        if page.status != StatusCode::SEE_OTHER {
            bail!("{} does not let {user} in (it answers {})", self.site, page.status);
        }
        Ok(())
    }

    /// An account that nobody else can use.
    pub(super) async fn sign_up(&mut self) -> anyhow::Result<Password> {
        let random = |length: usize| -> String {
            let mut rng = rand::rng();
            (0..length).map(|_| char::from(b"abcdefghjkmnpqrstvwxyz23456789"[rng.random_range(0..30)])).collect()
        };
        let (name, password) = (format!("loadtest-{}", random(10)), random(32));
        let email = format!("{name}@localhost.invalid");
        let form = [("username", &name), ("email", &email), ("password", &password), ("confirm_password", &password)];
        let page = self.send("/signup", &form.map(|(field, value)| (field, value.as_str()))).await?;
        if page.status != StatusCode::SEE_OTHER {
            bail!("{} lets nobody sign up now (it answers {})", self.site, page.status);
        }
        Ok(Password(password))
    }

    pub(super) async fn new_room(&mut self) -> anyhow::Result<RoomCode> {
        let page = self.send("/rooms", &[]).await?;
        let code = page.header(header::LOCATION).and_then(|location| location.strip_prefix("/r/")?.parse().ok());
        code.with_context(|| format!("{} makes no room (it answers {})", self.site, page.status))
    }

    /// The rooms of whoever is logged in.
    pub(super) async fn rooms(&mut self) -> anyhow::Result<Vec<RoomCode>> {
        let page = self.get("/rooms").await?;
        let places = page.text.split("/r/").skip(1);
        Ok(places.filter_map(|rest| rest.get(..14)?.parse().ok()).collect())
    }

    pub(super) async fn delete_rooms(&mut self, codes: impl Iterator<Item = &RoomCode>) -> anyhow::Result<()> {
        for code in codes {
            let page = self.send(&format!("/rooms/{code}/delete"), &[]).await?;
            if page.status != StatusCode::SEE_OTHER {
                bail!("the room {code} is still there (it answers {})", page.status);
            }
        }
        Ok(())
    }

    pub(super) async fn delete_account(&mut self, Password(password): &Password) -> anyhow::Result<()> {
        let page = self.send("/account/delete", &[("delete_password", password)]).await?;
        if page.status != StatusCode::SEE_OTHER {
            bail!("the account is still there (it answers {})", page.status);
        }
        Ok(())
    }

    /// Sends a form with the token of a page before.
    async fn send(&mut self, path: &str, fields: &[(&str, &str)]) -> anyhow::Result<Page> {
        let before = self.get("/").await?;
        let token = between(&before.text, "name=\"csrf\" value=\"", "\"").with_context(|| format!("{} has no form of ours", self.site))?.to_owned();
        let fields = [&[("csrf", token.as_str())], fields].concat();
        let form: Vec<_> = fields.into_iter().map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).collect();
        self.ask("POST", path, form.join("&")).await
    }

    async fn get(&mut self, path: &str) -> anyhow::Result<Page> {
        self.ask("GET", path, String::new()).await
    }

    async fn ask(&mut self, method: &str, path: &str, body: String) -> anyhow::Result<Page> {
        let request = self.request(method, path, body)?;
        let asked = async {
            let (stream, _) = connect(&self.site, None, Some(self.tls.clone())).await?;
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            // It ends with the sender.
            tokio::spawn(connection);
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, LONGEST_ANSWER).collect().await.map_err(anyhow::Error::from_boxed)?.to_bytes();
            anyhow::Ok(Page { status: head.status, headers: head.headers, text: String::from_utf8_lossy(&body).into_owned() })
        };
        let page = tokio::time::timeout(WITHIN, asked).await.with_context(|| format!("{} does not answer", self.site))?;
        let page = page.with_context(|| format!("{} cannot be asked", self.site))?;
        for cookie in page.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().ok().and_then(|cookie| cookie.split(';').next()?.split_once('='));
            if let Some((name, value)) = pair {
                self.cookies.insert(name.trim().to_owned(), value.to_owned());
            }
        }
        Ok(page)
    }

    fn request(&self, method: &str, path: &str, body: String) -> anyhow::Result<Request<Full<Bytes>>> {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder().method(method).uri(path).header(header::HOST, self.site.authority());
        let request = if cookies.is_empty() { request } else { request.header(header::COOKIE, cookies.join("; ")) };
        let request = request.header(header::ORIGIN, self.site.to_string()).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        request.body(Full::new(body.into())).context("a request")
    }
}

impl Page {
    fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    Some(text.split_once(before)?.1.split_once(after)?.0)
}

/// As forms are encoded.
fn escaped(text: &str) -> String {
    let sign = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_form_stays_itself() {
        assert_eq!(escaped("a b&c=ä%"), "a%20b%26c%3D%C3%A4%25");
        assert_eq!(between("<input name=\"csrf\" value=\"t\">", "value=\"", "\""), Some("t"));
    }
}
