//! Where a test may go, and the rooms that it goes to.

use std::net::IpAddr;
use std::sync::Arc;

use anyhow::{Context, bail};
use fireside_bot::person::{Manner, Person, RoomLink, Site};
use rustls::ClientConfig;

use super::site::{Password, Visit};

/// What certificates are checked by.
pub(super) type Trust = Arc<ClientConfig>;

/// The rooms of a test.
pub(super) struct Target {
    pub(super) rooms: Vec<RoomLink>,
    /// It is on this machine.
    pub(super) is_here: bool,
    site: Site,
    made: Made,
}

/// What is to be taken away afterwards.
enum Made {
    Nothing,
    /// Rooms of somebody's account.
    Rooms(Visit),
    /// An account, and its rooms with it.
    Account(Visit, Password),
}

/// Whether this is meant as the link of a room.
pub(super) fn is_room(url: &str) -> bool {
    url.parse::<RoomLink>().is_ok()
}

impl Target {
    /// Looks whether it may be tested there, and makes the rooms if none are named.
    pub(super) async fn prepare(urls: &[String], rooms: usize, user: Option<&str>, tls: Trust) -> anyhow::Result<Self> {
        if urls.iter().any(|url| is_room(url)) {
            Self::given(urls, user, tls).await
        } else {
            let [url] = urls else { bail!("name one server, or links of rooms") };
            let site: Site = url.parse().with_context(|| url.clone())?;
            Self::make(site, rooms, user, tls).await
        }
    }

    async fn given(urls: &[String], user: Option<&str>, tls: Trust) -> anyhow::Result<Self> {
        let rooms: Vec<RoomLink> = urls.iter().map(|url| url.parse().with_context(|| url.clone())).collect::<anyhow::Result<_>>()?;
        let Some(site) = rooms.first().map(|room| room.site.clone()) else { bail!("there is no room") };
        if rooms.iter().any(|room| room.site != site) {
            bail!("the rooms are not all at one server");
        }
        let is_here = is_here(&site).await?;
        if let Some(user) = user {
            let mut visit = Visit::begin(site.clone(), tls);
            visit.log_in(user, &Password::ask()?).await?;
            let own = visit.rooms().await?;
            if let Some(other) = rooms.iter().find(|room| !own.contains(&room.code)) {
                bail!("{other} is not a room of {user}");
            }
        } else if !is_here {
            bail!("{site} is not on this machine: name an account of yours there that the rooms belong to (--user)");
        }
        Ok(Self { rooms, is_here, site, made: Made::Nothing })
    }

    async fn make(site: Site, count: usize, user: Option<&str>, tls: Trust) -> anyhow::Result<Self> {
        let is_here = is_here(&site).await?;
        let mut visit = Visit::begin(site.clone(), tls);
        let password = match user {
            Some(user) => {
                visit.log_in(user, &Password::ask()?).await?;
                None
            }
            None if is_here => Some(visit.sign_up().await.context("no account can be made for the test; name one of yours (--user)")?),
            None => bail!("{site} is not on this machine: name an account of yours there (--user)"),
        };
        let mut rooms = Vec::with_capacity(count);
        let made = loop {
            match visit.new_room().await {
                Ok(code) => rooms.push(RoomLink { site: site.clone(), code }),
                Err(error) => break Err(error),
            }
            if rooms.len() == count {
                break Ok(());
            }
        };
        let left = match password {
            Some(password) => Made::Account(visit, password),
            None => Made::Rooms(visit),
        };
        let mut target = Self { rooms, is_here, site, made: left };
        if let Err(error) = made {
            target.clean_up().await;
            return Err(error.context("the rooms cannot be made"));
        }
        Ok(target)
    }

    /// One goes in and out again: whoever does not speak the protocol gets no more visitors.
    pub(super) async fn knock(&self, tls: Trust) -> anyhow::Result<()> {
        let Some(room) = self.rooms.first() else { bail!("there is no room") };
        let manner = Manner { name: "Load test".to_owned(), tiles: 0, tls: Some(tls), ..Manner::default() };
        let person = Person::join(room, manner).await.with_context(|| format!("{} cannot be entered", room.site))?;
        drop(person);
        Ok(())
    }

    /// The server's address.
    pub(super) fn name(&self) -> String {
        self.site.to_string()
    }

    /// Takes away what was made. What cannot be is named.
    pub(super) async fn clean_up(&mut self) {
        let cleaned = match std::mem::replace(&mut self.made, Made::Nothing) {
            Made::Nothing => Ok(()),
            Made::Account(mut visit, password) => visit.delete_account(&password).await,
            Made::Rooms(mut visit) => visit.delete_rooms(self.rooms.iter().map(|room| &room.code)).await,
        };
        if let Err(error) = cleaned {
            eprintln!("fireside: what was made for the test could not all be deleted: {error:#}");
        }
    }
}

/// All that the name leads to is this machine's loopback.
async fn is_here(site: &Site) -> anyhow::Result<bool> {
    let found = tokio::net::lookup_host((site.host.as_str(), site.port)).await.with_context(|| format!("{} leads nowhere", site.host))?;
    let addresses: Vec<IpAddr> = found.map(|address| address.ip().to_canonical()).collect();
    Ok(!addresses.is_empty() && addresses.iter().all(IpAddr::is_loopback))
}
