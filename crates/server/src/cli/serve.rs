//! `fireside serve`.

use std::io::Write as _;

use anyhow::Context;
use clap::Args;

use super::settings::Settings;
use crate::{boot, shutdown, telemetry};

/// Start the server.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: Settings,
}

impl Serve {
    pub(super) fn run(self) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        telemetry::start(&config);
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the threads cannot be started")?;
        runtime.block_on(async {
            let running = boot::start(config).await?;
            // Whoever started us may have closed standard output; that is no reason not to serve.
            let _ = writeln!(std::io::stdout(), "Fireside is at {}", running.url());
            tracing::info!(address = %running.address(), "started");
            shutdown::requested().await.context("the system does not tell when to stop")?;
            tracing::info!("stopping");
            running.stop().await;
            Ok(())
        })
    }
}
