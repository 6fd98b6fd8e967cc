//! The sizes in which a track is sent: which of them arrive, what they take, which are wanted, and when a whole picture is asked for.

use std::time::{Duration, Instant};

use crate::budget::Layer;
use crate::keyframes::Keyframes;
use crate::meter::Meter;
use crate::rates::Prices;
use crate::track::Source;
use crate::vp8::Descriptor;

/// A camera's layer of which nothing came for this long does not arrive.
const CAMERA_STOPPED: Duration = Duration::from_secs(1);
/// A screen on which nothing moves is sent once in a second or less.
const SCREEN_STOPPED: Duration = Duration::from_secs(3);
/// What a layer takes is known after this time; before, it is at least what such a layer usually takes: a whole picture comes first, and
/// what came in a part of a second is not what comes in one.
const KNOWN_AFTER: Duration = Duration::from_secs(1);
/// A layer that is wanted and does not come for this long cannot be had for now.
const MISSING: Duration = Duration::from_secs(2);
/// A layer that nobody wants is told to stop after this time: people page through a meeting, and an encoder takes a moment to begin.
const STOP_AFTER: Duration = Duration::from_secs(2);
/// What a packet takes on the line beside its payload: RTP, SRTP, UDP, IPv4.
const OVERHEAD: usize = 12 + 12 + 16 + 8 + 20;

/// The layers of one track, the smallest first.
#[derive(Debug)]
pub(crate) struct Layers {
    source: Source,
    layers: Vec<Arriving>,
}

#[derive(Debug)]
struct Arriving {
    meter: Meter,
    /// What the lowest temporal layer takes, and what the two lowest do.
    thin: [Meter; 2],
    /// Since when it has been coming without a pause.
    since: Option<Instant>,
    last: Option<Instant>,
    /// As measured, or what such a layer usually is.
    known: Layer,
    prices: Prices,
    keyframes: Keyframes,
    /// What the publisher has been told.
    told: Option<bool>,
    wanted_since: Option<Instant>,
    wanted_last: Option<Instant>,
}

impl Layers {
    pub(crate) fn new(source: Source, count: usize) -> Self {
        let layer = |index| Arriving {
            meter: Meter::default(),
            thin: [Meter::default(), Meter::default()],
            prices: [usual(source, index, count).bitrate; 3],
            since: None,
            last: None,
            known: usual(source, index, count),
            keyframes: Keyframes::default(),
            told: None,
            wanted_since: None,
            wanted_last: None,
        };
        Self { source, layers: (0..count).map(layer).collect() }
    }

    pub(crate) fn count(&self) -> usize {
        self.layers.len()
    }

    /// A packet came.
    pub(crate) fn packet(&mut self, now: Instant, layer: usize, bytes: usize, vp8: Option<&Descriptor>) {
        let has_paused = !self.arrives(now, layer);
        let Some(layer) = self.layers.get_mut(layer) else { return };
        if has_paused {
            layer.since = Some(now);
            (layer.meter, layer.thin) = Default::default();
        }
        layer.meter.add(now, bytes + OVERHEAD);
        let temporal = vp8.and_then(|vp8| vp8.temporal_layer).unwrap_or(0);
        for meter in layer.thin.iter_mut().skip(usize::from(temporal)) {
            meter.add(now, bytes + OVERHEAD);
        }
        layer.last = Some(now);
        if let Some(height) = vp8.and_then(|vp8| vp8.height).filter(|height| *height > 0) {
            layer.known.height = u32::from(height);
        }
        if vp8.is_some_and(|vp8| vp8.keyframe) {
            layer.keyframes.arrived(now);
        }
    }

    pub(crate) fn arrives(&self, now: Instant, layer: usize) -> bool {
        let stopped = if self.source == Source::Screen { SCREEN_STOPPED } else { CAMERA_STOPPED };
        let last = self.layers.get(layer).and_then(|layer| layer.last);
        last.is_some_and(|last| now.saturating_duration_since(last) < stopped)
    }

    /// Measures, for [`Layers::available`]. To be called now and then.
    pub(crate) fn measure(&mut self, now: Instant) {
        for index in 0..self.layers.len() {
            let arrives = self.arrives(now, index);
            let Some(layer) = self.layers.get_mut(index).filter(|_| arrives) else { continue };
            let [least, half] = &mut layer.thin;
            let measured = [least.rate(now).max(1), half.rate(now).max(1), layer.meter.rate(now).max(1)];
            if layer.since.is_some_and(|since| now.saturating_duration_since(since) >= KNOWN_AFTER) {
                layer.prices = measured;
            } else {
                layer.prices.iter_mut().zip(measured).for_each(|(price, measured)| *price = measured.max(*price));
            }
            layer.known.bitrate = layer.prices.last().copied().unwrap_or_default();
        }
    }

    /// The layers that can be had: those that arrive, and those that would if they were wanted.
    pub(crate) fn available(&self, now: Instant) -> impl Iterator<Item = (usize, Layer)> + '_ {
        // Where nothing comes at all, the smallest is waited for.
        let nothing_comes = (0..self.layers.len()).all(|layer| !self.arrives(now, layer));
        let can_be_had = move |index: usize| !self.is_missing(now, index) || (index == 0 && nothing_comes);
        self.layers.iter().enumerate().filter(move |(index, _)| can_be_had(*index)).map(|(index, layer)| (index, layer.known))
    }

    /// What a layer takes at each frame rate.
    pub(crate) fn prices(&self, layer: usize) -> Prices {
        self.layers.get(layer).map(|layer| layer.prices).unwrap_or_default()
    }

    /// It is wanted, and does not come.
    pub(crate) fn is_missing(&self, now: Instant, layer: usize) -> bool {
        let since = self.layers.get(layer).and_then(|layer| layer.wanted_since);
        !self.arrives(now, layer) && since.is_some_and(|since| now.saturating_duration_since(since) >= MISSING)
    }

    /// The layer to send now where `target` is to be: itself, else the next smaller one that arrives, else the next larger.
    pub(crate) fn nearest(&self, now: Instant, target: usize) -> Option<usize> {
        let arrives = |layer: &usize| self.arrives(now, *layer);
        (0..=target).rev().find(arrives).or_else(|| (target + 1..self.layers.len()).find(arrives))
    }

    /// The first layer with so many lines, or the largest.
    pub(crate) fn enough(&self, lines: u32) -> usize {
        let sharp = self.layers.iter().position(|layer| layer.known.height >= lines);
        sharp.unwrap_or(self.layers.len().saturating_sub(1))
    }

    /// Somebody needs a whole picture. True: ask the publisher now.
    pub(crate) fn want_keyframe(&mut self, now: Instant, layer: usize) -> bool {
        self.layers.get_mut(layer).is_some_and(|layer| layer.keyframes.want(now))
    }

    /// The layers of which a whole picture is to be asked again.
    pub(crate) fn due(&mut self, now: Instant) -> impl Iterator<Item = usize> + '_ {
        self.layers.iter_mut().enumerate().filter_map(move |(index, layer)| layer.keyframes.is_due(now).then_some(index))
    }

    /// Which layers are wanted now. Gives what the publisher is to be told, if that is something new.
    pub(crate) fn want(&mut self, now: Instant, wanted: &[bool]) -> Option<Vec<bool>> {
        let mut is_new = false;
        for (index, layer) in self.layers.iter_mut().enumerate() {
            let is_wanted = wanted.get(index).copied().unwrap_or(false);
            if is_wanted {
                layer.wanted_last = Some(now);
                layer.wanted_since.get_or_insert(now);
            }
            let lately = layer.wanted_last.is_some_and(|last| now.saturating_duration_since(last) < STOP_AFTER);
            if !lately {
                layer.wanted_since = None;
            }
            is_new |= layer.told != Some(lately);
            layer.told = Some(lately);
        }
        is_new.then(|| self.layers.iter().map(|layer| layer.told == Some(true)).collect())
    }
}

/// What a layer usually is, before anything of it has come.
fn usual(source: Source, index: usize, count: usize) -> Layer {
    const CAMERA: [Layer; 3] =
        [Layer { bitrate: 150_000, height: 180 }, Layer { bitrate: 500_000, height: 360 }, Layer { bitrate: 1_700_000, height: 720 }];
    const SCREEN: [Layer; 2] = [Layer { bitrate: 400_000, height: 540 }, Layer { bitrate: 1_500_000, height: 1_080 }];
    let usual: &[Layer] = if source == Source::Screen { &SCREEN } else { &CAMERA };
    let from_the_largest = count.saturating_sub(index + 1);
    let place = usual.len().saturating_sub(from_the_largest + 1);
    let usual = usual.get(place).copied().unwrap_or(Layer { bitrate: 500_000, height: 360 });
    // What the smallest takes is only known once it comes, and it only comes if it is thought to be affordable.
    if index == 0 { Layer { bitrate: usual.bitrate.min(300_000), ..usual } } else { usual }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(start: Instant, tenths: u64) -> Instant {
        start + Duration::from_millis(tenths * 100)
    }

    #[test]
    fn a_layer_that_does_not_come_cannot_be_had_and_one_that_nobody_wants_can() {
        let start = Instant::now();
        let mut layers = Layers::new(Source::Camera, 3);
        let all = [true, true, true];
        assert_eq!(layers.want(start, &all), Some(all.to_vec()));
        for tenth in 0..40 {
            layers.packet(seconds(start, tenth), 0, 1_182, None);
            assert_eq!(layers.want(seconds(start, tenth), &all), None);
        }
        let now = seconds(start, 40);
        layers.measure(now);
        let available: Vec<_> = layers.available(now).collect();
        assert_eq!(available.len(), 1, "{available:?}");
        assert!((90_000..=110_000).contains(&available[0].1.bitrate), "{available:?}");
        assert_eq!(layers.nearest(now, 2), Some(0));
        assert_eq!(layers.want(now, &[true, false, false]), None);
        let later = seconds(start, 65);
        assert_eq!(layers.want(later, &[true, false, false]), Some(vec![true, false, false]));
        assert_eq!(layers.available(later).count(), 3, "it may come when it is asked for again");
        assert_eq!(layers.nearest(later, 2), None, "everything has stopped");
    }

    #[test]
    fn what_fewer_frames_take() {
        let start = Instant::now();
        let mut layers = Layers::new(Source::Camera, 1);
        assert_eq!(layers.prices(0), [300_000; 3], "nothing is known yet");
        for frame in 0..200u32 {
            let temporal_layer = Some([0, 2, 1, 2][usize::try_from(frame % 4).unwrap()]);
            let vp8 = Descriptor { temporal_layer, ..Descriptor::default() };
            layers.packet(start + Duration::from_millis(20) * frame, 0, 932, Some(&vp8));
        }
        let now = start + Duration::from_millis(3_990);
        layers.measure(now);
        let [least, half, full] = layers.prices(0);
        assert!((390_000..=410_000).contains(&full) && half.abs_diff(full / 2) < 8_000 && least.abs_diff(full / 4) < 8_000, "{least} {half} {full}");
    }

    #[test]
    fn heights_are_those_of_whole_pictures() {
        let start = Instant::now();
        let mut layers = Layers::new(Source::Camera, 2);
        assert_eq!((layers.enough(300), layers.enough(500)), (0, 1));
        let picture = Descriptor { keyframe: true, height: Some(240), ..Descriptor::default() };
        layers.packet(start, 0, 100, Some(&picture));
        assert_eq!(layers.enough(300), 1);
    }
}
