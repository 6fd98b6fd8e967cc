//! What happens by chance, as the seed has it.

use fireside_meeting::Route;
use rand::RngExt;

use super::{Fault, World};

impl World {
    /// Does something at random that has to do with how media travels: people come and go, and now and then something is in its way.
    pub fn stir_media(&mut self) {
        let who = self.rng.random_range(0..self.clients.len());
        let active = self.clients[who].is_active();
        match self.rng.random_range(0..100) {
            0..=44 if !active => self.join(who),
            45..=64 => self.leave(who),
            65..=72 => self.fault(Fault::Cut(who)),
            73..=76 => {
                let other = self.rng.random_range(0..self.clients.len());
                if other != who {
                    self.fault(Fault::Block(who, other));
                }
            }
            77 => self.go_down(),
            _ => self.write(who),
        }
        let pause = self.rng.random_range(0..20_000);
        self.run_for(pause);
    }

    /// The same where the server is full for a while, or the host does not want what would be best.
    pub fn stir_media_within_limits(&mut self) {
        match self.rng.random_range(0..20) {
            0 => {
                let full = self.rng.random_range(0..3) == 0;
                self.fault(Fault::Full(full));
            }
            1 => {
                let route = [Route::Auto, Route::Auto, Route::Server, Route::Mesh][self.rng.random_range(0..4_usize)];
                self.set_route(route);
            }
            _ => self.stir_media(),
        }
    }

    /// Does something at random, mostly what people do.
    pub fn stir(&mut self) {
        let who = self.rng.random_range(0..self.clients.len());
        let active = self.clients[who].is_active();
        match self.rng.random_range(0..100) {
            0..=17 if !active => self.join(who),
            0..=4 => self.leave(who),
            18..=47 if active => self.write(who),
            48..=57 => {
                let camera = self.rng.random();
                self.set_camera(who, camera);
            }
            58..=65 => {
                let raised = self.rng.random();
                self.set_hand(who, raised);
            }
            66..=67 => self.rename(who, &format!("Person {who} at {}", self.now)),
            68..=83 => self.fault(Fault::Cut(who)),
            84..=88 => self.reconnect(who),
            89 => {
                let title = format!("Title at {}", self.now);
                self.retitle(&title);
            }
            90 if self.clients[who].account.is_some() => self.sign_out(self.clients[who].account.map_or(0, |account| account.as_u128())),
            91..=93 => self.go_down(),
            94..=95 => {
                let full = self.rng.random();
                self.fault(Fault::DiskFull(full));
            }
            96..=97 => {
                let slow = self.rng.random_range(0..2_000);
                self.fault(Fault::SlowDisk(slow));
            }
            _ => self.act(who, |client, acts| client.ping(acts)),
        }
        let pause = self.rng.random_range(0..1_200);
        self.run_for(pause);
    }

    fn go_down(&mut self) {
        if self.server.is_up() {
            // Sometimes for longer than anybody is waited for.
            let longest = if self.rng.random_range(0..5) == 0 { 30_000 } else { 5_000 };
            let down = self.rng.random_range(100..longest);
            let fault = if self.rng.random() { Fault::Kill(down) } else { Fault::Restart(down) };
            self.fault(fault);
        }
    }
}
