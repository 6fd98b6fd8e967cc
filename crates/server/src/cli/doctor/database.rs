//! The database: whether it can be opened, is sound, and answers. It is only read.

use std::time::{Duration, Instant};

use fireside_store::{Age, Look, StoreError};
use tokio::time::timeout;

use super::finding::{Finding, Findings};
use crate::config::Config;

/// Some gigabytes can be read through in this time.
const READ_WITHIN: Duration = Duration::from_secs(6);
/// A round trip that takes longer is felt: a page needs several.
const SLOW: Duration = Duration::from_millis(50);

/// The words of the store name the way out.
const AS_IT_SAYS: &str = "Do what it says there: the server would not start.";

pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let mut found = Findings::of("database");
    match Look::at(&config.database_url()).await {
        Ok(Some(look)) => {
            if schema(&look, &mut found).await {
                answers(&look, &mut found).await;
                lock(&look, &mut found).await;
                damage(&look, &mut found).await;
            }
            // A look that is still at it is not waited for.
            let _ = timeout(Duration::from_millis(200), look.close()).await;
        }
        Ok(None) => found.ok("schema", "There is no database yet; the first start makes it."),
        Err(error) => {
            found.problem("schema", format!("The database cannot be opened: {error}."), AS_IT_SAYS);
        }
    }
    found.into_vec()
}

async fn schema(look: &Look, found: &mut Findings) -> bool {
    match look.age().await {
        Ok(Age::Current) => found.ok("schema", format!("The database {} is what this version works with.", look.url())),
        Ok(Age::Empty) => found.ok("schema", format!("The database {} is empty; the first start makes its tables.", look.url())),
        Ok(Age::Older) => {
            let says = format!("The database {} was written by an older version; the next start brings it up to date.", look.url());
            found.warning("schema", says, "Make a backup first: the older version cannot work with it afterwards.");
        }
        Err(error) => {
            found.problem("schema", format!("The database cannot be used: {error}."), AS_IT_SAYS);
            return false;
        }
    }
    true
}

async fn answers(look: &Look, found: &mut Findings) {
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let began = Instant::now();
        if let Err(error) = look.ping().await {
            return found.problem("answers", format!("The database does not answer: {error}."), "Look whether it runs, and into its log.");
        }
        best = best.min(began.elapsed());
    }
    if best > SLOW {
        let says = format!("The database takes {} ms for the smallest question.", best.as_millis());
        found.warning("answers", says, "Put it into the same network as Fireside.");
    } else {
        found.ok("answers", format!("It answers within {} ms.", best.as_millis().max(1)));
    }
}

async fn lock(look: &Look, found: &mut Findings) {
    match look.try_lock().await {
        Ok(()) => found.ok("lock", "Nothing keeps it from being written."),
        Err(StoreError::Busy) => {
            let says = "Another program has locked the database: nothing can be written for as long as that lasts.";
            found.problem("lock", says, "Stop that program (a backup, or somebody's sqlite3), or wait until it is done.");
        }
        Err(error) => {
            let says = format!("Whether the database can be written cannot be told: {error}.");
            found.skipped("lock", says, "Look again as the user that Fireside runs as.");
        }
    }
}

async fn damage(look: &Look, found: &mut Findings) {
    match timeout(READ_WITHIN, look.damage()).await {
        Ok(Ok(None)) => found.ok("sound", "It is sound."),
        Ok(Ok(Some(damage))) => {
            let says = format!("The database is damaged: {damage}.");
            found.problem("sound", says, "Stop Fireside, keep a copy of the file, and restore a backup.");
        }
        Ok(Err(error)) => {
            let says = format!("The database cannot be read through: {error}.");
            found.problem("sound", says, "Stop Fireside, keep a copy of the file, and restore a backup.");
        }
        Err(_) => {
            let says = "The database is too large to be read through in a few seconds.";
            found.skipped("sound", says, "sqlite3 fireside.db 'PRAGMA integrity_check' does so, in its own time.");
        }
    }
}
