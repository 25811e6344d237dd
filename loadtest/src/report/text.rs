//! The report for a person.

use std::fmt::Write as _;

use super::Report;
use crate::measure::latency::text_ms;

impl Report {
    /// Some lines.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out.trim_end().to_owned()
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let item = self.item;
        let pace = self.rate.map_or_else(
            || "closed loop".to_owned(),
            |r| format!("open loop, {r:.0} {item}s/s asked"),
        );
        writeln!(
            out,
            "{} to {}: {pace}, {} connections, seed {}",
            self.name, self.target, self.connections, self.seed
        )?;
        for step in &self.steps {
            let verdict = if step.holds { "holds" } else { "breaks" };
            writeln!(
                out,
                "  searched {:.0} {item}s/s: {:.0} acknowledged, p99 {:.1} ms, {verdict}",
                step.asked, step.achieved, step.p99_ms
            )?;
        }
        let rate = self.seen.rate();
        writeln!(
            out,
            "{rate:.0} {item}s/s acknowledged, {:.1} wire bytes a {item}",
            self.wire_bytes_per_item()
        )?;
        writeln!(
            out,
            "acknowledgement, from the due time: {}",
            text_ms(&self.latency_us)
        )?;
        let c = &self.counts;
        writeln!(
            out,
            "sent {}, acknowledged {}, rejected {}, refused {}, given up {}; told to wait {}, broken {}, never begun {}",
            c.sent, c.acked, c.rejected, c.refused, c.given_up, c.throttled, c.broken, self.behind
        )?;
        match self.stored {
            Some(stored) => writeln!(
                out,
                "stored {stored} of {} sent: {}",
                c.sent,
                if stored == c.sent { "equal" } else { "NOT EQUAL" }
            )?,
            None => writeln!(out, "stored: not asked (--metrics)")?,
        }
        if let Some(audited) = &self.audited {
            writeln!(out, "{}", audited.text(c.sent))?;
        }
        if let Some(verified) = &self.verified {
            writeln!(out, "{}", verified.text())?;
        }
        if let Some(queried) = &self.queried {
            writeln!(out, "{}", queried.text())?;
        }
        if let Some(searched) = &self.searched_under_load {
            writeln!(out, "under load: {}", searched.text())?;
        }
        if let Some(searched) = &self.searched {
            writeln!(out, "{}", searched.text())?;
        }
        self.write_server(out)?;
        writeln!(
            out,
            "generator: {:.3} CPU s per million {item}s",
            self.cpu_of_generator()
        )?;
        writeln!(
            out,
            "this machine now: zstd -1 {:.0} MB/s, memcpy {:.1} GB/s",
            self.yardstick.zstd_mb_s, self.yardstick.memcpy_gb_s
        )
    }

    fn write_server(&self, out: &mut String) -> std::fmt::Result {
        if let (Some(s), Some(window), Some(all)) =
            (self.server, self.cpu_in_window(), self.cpu_with_background())
        {
            let rest = if s.idle {
                ""
            } else {
                " (it did NOT come to rest in time)"
            };
            writeln!(
                out,
                "server: {window:.2} CPU s per million in window, {all:.2} with background work{rest}; \
                 peak RSS {} MiB, anonymous {} MiB",
                s.rss_peak_bytes >> 20,
                s.rss_anon_peak_bytes >> 20
            )?;
        }
        if let (Some(disk), Some(each)) = (self.disk, self.disk_bytes_per_item()) {
            writeln!(
                out,
                "disk: {each:.1} bytes a {} ({} MiB before, {} MiB after)",
                self.item,
                disk.before >> 20,
                disk.after >> 20
            )?;
        }
        Ok(())
    }
}
