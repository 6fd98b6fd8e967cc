//! `fireside serve`.

use std::future::poll_fn;
use std::io::Write as _;
use std::pin::pin;
use std::task::Poll;

use anyhow::Context;
use clap::Args;

use super::settings::Settings;
use crate::{boot, http, shutdown, telemetry};

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
        http::descriptors::raise();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("the threads cannot be started")?;
        runtime.block_on(async {
            let running = boot::start(config).await?;
            let mut stop = pin!(shutdown::requested());
            // Listened for before anybody hears that we are here: who starts us may stop us in the same breath.
            let already = poll_fn(|context| Poll::Ready(stop.as_mut().poll(context))).await;
            // Whoever started us may have closed standard output; that is no reason not to serve.
            let _ = writeln!(std::io::stdout(), "Fireside is at {}", running.url());
            if let Some(notice) = running.notice() {
                let _ = writeln!(std::io::stdout(), "{notice}");
            }
            tracing::info!(address = %running.address(), "started");
            match already {
                Poll::Ready(told) => told,
                Poll::Pending => stop.await,
            }
            .context("the system does not tell when to stop")?;
            tracing::info!("stopping");
            running.stop().await;
            Ok(())
        })
    }
}
