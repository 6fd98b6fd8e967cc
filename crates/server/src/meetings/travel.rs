//! What is counted of how media travels in meetings.

use fireside_protocol::{RouteReason, Topology};
use metrics::Gauge;

use crate::metrics::METRICS;

/// One meeting, as it is counted while it goes on.
pub(super) struct Counted {
    topology: Topology,
}

impl Counted {
    pub(super) fn new(topology: Topology) -> Self {
        gauge(topology).increment(1);
        Self { topology }
    }

    pub(super) fn update(&mut self, topology: Topology) {
        if self.topology != topology {
            *self = Self::new(topology);
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        gauge(self.topology).decrement(1);
    }
}

/// A change has begun.
pub(super) fn count_change(to: Topology, reason: RouteReason) {
    let travel = &METRICS.travel;
    let changes = match to {
        Topology::Mesh => &travel.to_mesh,
        Topology::Server => &travel.to_server,
    };
    match reason {
        RouteReason::Size => &changes.size,
        RouteReason::Unreachable => &changes.unreachable,
        RouteReason::Strained => &changes.strained,
        RouteReason::Setting => &changes.setting,
        RouteReason::Full => &changes.full,
    }
    .increment(1);
}

fn gauge(topology: Topology) -> &'static Gauge {
    match topology {
        Topology::Mesh => &METRICS.travel.mesh,
        Topology::Server => &METRICS.travel.server,
    }
}
