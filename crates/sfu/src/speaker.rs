//! Who is heard and who is speaking, from the levels that publishers send with their sound (RFC 6464): the loudest few have the audio
//! slots of everybody, and one of them is the speaker.
//!
//! Whoever begins to speak is heard from the first packet: a slot whose holder is silent is free for the taking, and only among those
//! who all speak at once does the quietest have to be clearly quieter. `T` names a track.

use std::time::{Duration, Instant};

/// A level is smoothed over this time: longer than a syllable, shorter than a word.
const SMOOTH: Duration = Duration::from_millis(250);
/// Quieter than this (in dB below full scale) is a room's noise.
const NOISE: f32 = 55.0;
/// Who was last heard so long ago is silent; shorter pauses are between words.
const SILENCE: Duration = Duration::from_millis(700);
/// By how many dB one must be louder than the quietest who is heard, while all of them speak.
const LOUDER: f32 = 6.0;
/// By how many dB one must be louder than the speaker to be the speaker while that one goes on.
const TAKES_OVER: f32 = 3.0;
/// The speaker stays so for this long at least: pictures that change places more often are restless.
const STAYS: Duration = Duration::from_millis(1_500);

/// The tracks of a room that are heard.
#[derive(Clone, Debug)]
pub struct Speakers<T> {
    voices: Vec<Voice<T>>,
    slots: usize,
    speaker: Option<(T, Instant)>,
}

#[derive(Clone, Copy, Debug)]
struct Voice<T> {
    track: T,
    /// dB below full scale, smoothed: 0 is the loudest, 127 silence.
    level: f32,
    at: Instant,
    /// When it was last louder than noise.
    heard: Option<Instant>,
    slot: Option<usize>,
}

impl<T: Copy + PartialEq> Speakers<T> {
    /// Nobody is heard yet; `slots` can be at a time.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self { voices: Vec::new(), slots, speaker: None }
    }

    /// A packet of sound of `track`, with its level in dB below full scale (0 to 127). Says in which slot it is heard, if in any.
    pub fn packet(&mut self, now: Instant, track: T, level: u8) -> Option<usize> {
        let index = self.voices.iter().position(|voice| voice.track == track).unwrap_or_else(|| {
            self.voices.push(Voice { track, level: 127.0, at: now, heard: None, slot: None });
            self.voices.len() - 1
        });
        let voice = self.voices.get_mut(index)?;
        voice.hear(now, f32::from(level.min(127)));
        let (slot, level, is_heard) = (voice.slot, voice.level, voice.is_heard(now));
        if slot.is_some() || !is_heard {
            return slot;
        }
        let slot = self.free_slot().or_else(|| self.take_slot(now, level))?;
        self.voices.get_mut(index)?.slot = Some(slot);
        Some(slot)
    }

    /// The track is gone, or muted: it holds no slot any more.
    pub fn remove(&mut self, track: T) {
        self.voices.retain(|voice| voice.track != track);
        self.speaker = self.speaker.filter(|(speaker, _)| *speaker != track);
    }

    /// Which track has the slot.
    #[must_use]
    pub fn holder(&self, slot: usize) -> Option<T> {
        self.voices.iter().find(|voice| voice.slot == Some(slot)).map(|voice| voice.track)
    }

    /// Who speaks now, the loudest first.
    pub fn speaking(&self, now: Instant) -> Vec<T> {
        let mut voices: Vec<_> = self.voices.iter().filter(|voice| voice.is_heard(now)).collect();
        voices.sort_by(|one, other| one.level.total_cmp(&other.level));
        voices.into_iter().map(|voice| voice.track).collect()
    }

    /// The one whose picture is to be large: who speaks, or spoke last. Asked for now and then; changes no more often than is calm.
    /// `is_voice`: whether the track is somebody's, and not the music of a screen.
    pub fn speaker(&mut self, now: Instant, is_voice: impl Fn(T) -> bool) -> Option<T> {
        let loudest =
            self.voices.iter().filter(|voice| is_voice(voice.track) && voice.is_heard(now)).min_by(|one, other| one.level.total_cmp(&other.level));
        let Some(loudest) = loudest else { return self.speaker.map(|(track, _)| track) };
        let changes = match self.speaker {
            None => true,
            Some((track, _)) if track == loudest.track => false,
            Some((track, since)) => {
                let goes_on = self.voices.iter().find(|voice| voice.track == track && voice.is_heard(now));
                now.saturating_duration_since(since) >= STAYS && goes_on.is_none_or(|voice| loudest.level + TAKES_OVER <= voice.level)
            }
        };
        if changes {
            self.speaker = Some((loudest.track, now));
        }
        self.speaker.map(|(track, _)| track)
    }

    fn free_slot(&self) -> Option<usize> {
        (0..self.slots).find(|slot| self.voices.iter().all(|voice| voice.slot != Some(*slot)))
    }

    /// Takes a slot from one who is silent, for the longest time, or else from one who is clearly quieter.
    fn take_slot(&mut self, now: Instant, level: f32) -> Option<usize> {
        let silent = self.voices.iter_mut().filter(|voice| voice.slot.is_some() && !voice.is_heard(now)).min_by_key(|voice| voice.heard);
        if let Some(voice) = silent {
            return voice.slot.take();
        }
        let quietest = self.voices.iter_mut().filter(|voice| voice.slot.is_some()).max_by(|one, other| one.level.total_cmp(&other.level));
        quietest.filter(|voice| level + LOUDER <= voice.level)?.slot.take()
    }
}

impl<T> Voice<T> {
    fn hear(&mut self, now: Instant, level: f32) {
        let elapsed = now.saturating_duration_since(self.at).as_secs_f32();
        // The first packet after silence counts as it is: nobody waits for an average.
        let weight = if self.is_heard(now) { 1.0 - (-elapsed / SMOOTH.as_secs_f32()).exp() } else { 1.0 };
        self.level += (level - self.level) * weight;
        self.at = now;
        if level < NOISE {
            self.heard = Some(now);
        }
    }

    fn is_heard(&self, now: Instant) -> bool {
        self.heard.is_some_and(|heard| now.saturating_duration_since(heard) < SILENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A room in which packets come every 20 ms.
    struct Room {
        speakers: Speakers<char>,
        now: Instant,
    }

    impl Room {
        fn new() -> Self {
            Self { speakers: Speakers::new(3), now: Instant::now() }
        }

        /// Everybody sends at their level for this long; says who was in a slot in each step.
        fn talk(&mut self, ms: u64, levels: &[(char, u8)]) -> Vec<String> {
            let step = |room: &mut Self| {
                room.now += Duration::from_millis(20);
                levels.iter().filter(|(track, level)| room.speakers.packet(room.now, *track, *level).is_some()).map(|(track, _)| *track).collect()
            };
            (0..ms / 20).map(|_| step(self)).collect()
        }
    }

    #[test]
    fn first_words_are_not_cut_off() {
        let mut room = Room::new();
        room.talk(2_000, &[('a', 20), ('b', 90), ('c', 90), ('d', 90)]);
        let heard = room.talk(20, &[('a', 20), ('b', 30), ('c', 30), ('d', 90)]);
        assert_eq!(heard, ["abc"], "in the very first packet");
        room.talk(1_000, &[('a', 20), ('b', 90), ('c', 90)]);
        assert_eq!(room.talk(20, &[('a', 20), ('d', 45)]), ["ad"], "the slot of one who is silent");
    }

    #[test]
    fn among_four_who_speak_at_once_the_quietest_is_not_heard_and_slots_stay() {
        let mut room = Room::new();
        room.talk(1_000, &[('a', 20), ('b', 22), ('c', 24)]);
        let heard = room.talk(3_000, &[('a', 20), ('b', 22), ('c', 24), ('d', 23)]);
        assert!(heard.iter().all(|heard| heard == "abc"), "a little louder is not enough: {heard:?}");
        let heard = room.talk(3_000, &[('a', 20), ('b', 22), ('c', 40), ('d', 23)]);
        let mut changes = heard;
        changes.dedup();
        assert_eq!(changes, ["abc", "abcd", "abd"], "d takes the slot after c was heard in that round");
    }

    #[test]
    fn a_cough_does_not_change_the_speaker() {
        let mut room = Room::new();
        room.talk(3_000, &[('a', 25), ('b', 90)]);
        assert_eq!(room.speakers.speaker(room.now, |_| true), Some('a'));
        room.talk(100, &[('a', 25), ('b', 24)]);
        assert_eq!(room.speakers.speaker(room.now, |_| true), Some('a'));
        room.talk(1_500, &[('a', 90), ('b', 25)]);
        assert_eq!(room.speakers.speaker(room.now, |_| true), Some('b'));
        assert_eq!(room.speakers.speaking(room.now), ['b']);
        room.talk(5_000, &[('a', 90), ('b', 90)]);
        assert_eq!(room.speakers.speaker(room.now, |_| true), Some('b'), "who spoke last stays large");
        room.speakers.remove('b');
        assert_eq!(room.speakers.speaker(room.now, |_| true), None);
    }

    #[test]
    fn two_who_speak_together_do_not_flicker() {
        let mut room = Room::new();
        let mut speakers = Vec::new();
        for step in 0..200u64 {
            let (a, b) = if step % 2 == 0 { (20, 30) } else { (30, 20) };
            room.talk(40, &[('a', a), ('b', b)]);
            speakers.push(room.speakers.speaker(room.now, |_| true));
        }
        let changes = speakers.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes <= 2, "{changes} in 8 s");
    }
}
