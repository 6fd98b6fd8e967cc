//! `fireside serve`.

use clap::Args;

use crate::{boot, config::Config};

/// Start the server.
#[derive(Debug, Args)]
pub struct Serve {}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let Self {} = self;
        let config = Config::default();
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
            let running = boot::start(config).await?;
            println!("Fireside is at http://{}", running.address());
            tokio::signal::ctrl_c().await?;
            running.stop().await;
            Ok(())
        })
    }
}
