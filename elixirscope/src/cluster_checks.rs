//! The doctor's checks of the cluster, as one member sees it: the group's quorum, the other members, and certificates.

use collector::{OtherMember, Told};
use coordinator::Coordinator;

use crate::doctor::{Finding, Verdict};

/// Clocks that differ by more are named, microseconds: further no clock of events follows another (`max_offset`).
const CLOCKS_US: i64 = 500_000;
/// Of a disk so much should be free, percent.
const FREE_PERCENT: u64 = 10;
/// Days before its end on which a certificate should have been replaced; on which it must be.
const DAYS_WARN: i64 = 14;
const DAYS_FAIL: i64 = 3;

/// Who votes, who leads, and how many may go.
pub(crate) fn quorum(coordinator: &Coordinator) -> Finding {
    let group = coordinator.group();
    let voters = group.voters.len();
    let advice = "start as many coordinators again that there is a majority of the voters; `elixirscope cluster status` names them";
    let health = coordinator.health();
    if !health.ready {
        return Finding::new("quorum", Verdict::Fail, health.reason, advice);
    }
    let spare = voters.saturating_sub(1) / 2;
    let leader = group
        .leader
        .map_or_else(|| "nobody".to_owned(), |leader| format!("member {leader}"));
    let seen = format!("{voters} vote, {leader} leads, {spare} may go");
    if voters == 2 {
        let advice = "two coordinators stop when one goes: start a third, or remove one";
        return Finding::new("quorum", Verdict::Warn, seen, advice);
    }
    Finding::new("quorum", Verdict::Ok, seen, advice)
}

/// Others know this member by an address; does it lead here?
pub(crate) fn address(coordinator: &Coordinator) -> Option<Finding> {
    let state = coordinator.watch();
    let own = state.members.get(&coordinator.member())?;
    let address = own.quic_address().unwrap_or_default().to_owned();
    let nowhere = address.starts_with("0.0.0.0:") || address.starts_with("[::]:");
    let advice = "start this member with --advertise HOST:PORT before others join, and before agents of other machines connect";
    nowhere.then(|| {
        let seen = format!("others are told to come to {address}, which leads nowhere");
        Finding::new("address", Verdict::Warn, seen, advice)
    })
}

/// One finding for each other member.
pub(crate) fn others(others: Vec<OtherMember>, now_s: i64) -> Vec<Finding> {
    others.into_iter().map(|other| of_other(&other, now_s)).collect()
}

fn of_other(other: &OtherMember, now_s: i64) -> Finding {
    let mut worst = Verdict::Ok;
    let (mut seen, mut advice) = (Vec::new(), Vec::new());
    let mut say = |verdict: Verdict, text: String, what_to_do: &'static str| {
        if verdict != Verdict::Ok {
            advice.push(what_to_do);
        }
        worst = worse(worst, verdict);
        seen.push(text);
    };
    match &other.reached {
        Err(why) => say(
            Verdict::Fail,
            why.clone(),
            "start it, look whether UDP reaches its address, and at the certificates of both",
        ),
        Ok(None) => say(Verdict::Ok, "reached".to_owned(), ""),
        Ok(Some(ends)) => {
            let (verdict, text) = certificate(*ends, now_s);
            say(verdict, format!("reached, its certificate {text}"), RENEW);
        }
    }
    match &other.told {
        None => {}
        Some(Err(why)) => say(
            Verdict::Fail,
            format!("says nothing of itself: {why}"),
            "look whether it runs and at its log; a release without this question cannot be asked",
        ),
        Some(Ok(told)) => {
            for (verdict, text, what_to_do) in of_told(told) {
                say(verdict, text, what_to_do);
            }
        }
    }
    let check = format!("member {}", other.member);
    Finding::new(
        &check,
        worst,
        format!("{}: {}", other.name, seen.join(", ")),
        &advice.join("; "),
    )
}

fn of_told(told: &Told) -> Vec<(Verdict, String, &'static str)> {
    let own = env!("CARGO_PKG_VERSION");
    let mut seen = Vec::new();
    let off = told
        .ahead_us
        .saturating_abs()
        .saturating_sub(told.give_or_take_us);
    let clock = |us: i64| {
        let side = if us < 0 { "behind" } else { "ahead" };
        format!("its clock is {} ms {side}", us.saturating_abs() / 1_000)
    };
    if off > CLOCKS_US {
        let advice = "make NTP or chrony run on both machines: events keep their order within a trace, times are wrong";
        seen.push((Verdict::Warn, clock(told.ahead_us), advice));
    } else {
        let text = format!(
            "clocks agree within {} ms",
            told.ahead_us.saturating_abs().max(told.give_or_take_us) / 1_000 + 1
        );
        seen.push((Verdict::Ok, text, ""));
    }
    if told.release == own {
        seen.push((Verdict::Ok, format!("release {own}"), ""));
    } else {
        let text = format!("release {}, this one is {own}", told.release);
        seen.push((
            Verdict::Warn,
            text,
            "finish the rolling upgrade, then `elixirscope cluster finalize`",
        ));
    }
    if let Some(why) = &told.unwritable {
        let advice = "free space on its disk, or restart it if writes were stopped by a failed fsync";
        seen.push((Verdict::Fail, format!("writes nothing: {why}"), advice));
    }
    let (free, all) = told.disk;
    if let Some(percent) = (free.saturating_mul(100)).checked_div(all) {
        let verdict = if percent < FREE_PERCENT {
            Verdict::Warn
        } else {
            Verdict::Ok
        };
        let text = format!("{percent} % of its disk free");
        seen.push((
            verdict,
            text,
            "make room: --retention-hours, --disk-mib, or a larger disk",
        ));
    }
    seen
}

const RENEW: &str = "put new files into the folder of --tls: they are read within 3 s, nothing restarts";

/// One finding for the certificates in use here: names, and when each ends.
pub(crate) fn certificates(ends: &[(&'static str, i64)], now_s: i64) -> Finding {
    let mut worst = Verdict::Ok;
    let mut seen = Vec::new();
    for (name, ends) in ends {
        let (verdict, text) = certificate(*ends, now_s);
        worst = worse(worst, verdict);
        seen.push(format!("{name} {text}"));
    }
    Finding::new("certificates", worst, seen.join(", "), RENEW)
}

fn certificate(ends_s: i64, now_s: i64) -> (Verdict, String) {
    let left = ends_s.saturating_sub(now_s);
    let days = left.div_euclid(86_400);
    match days {
        _ if left <= 0 => (Verdict::Fail, "has ended".to_owned()),
        days if days < DAYS_FAIL => (Verdict::Fail, format!("ends in {days} days")),
        days if days < DAYS_WARN => (Verdict::Warn, format!("ends in {days} days")),
        days => (Verdict::Ok, format!("ends in {days} days")),
    }
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    match (one, other) {
        (Verdict::Fail, _) | (_, Verdict::Fail) => Verdict::Fail,
        (Verdict::Warn, _) | (_, Verdict::Warn) => Verdict::Warn,
        _ => Verdict::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        Told {
            release: env!("CARGO_PKG_VERSION").to_owned(),
            ahead_us: 3_000,
            give_or_take_us: 2_000,
            unwritable: None,
            disk: (50, 100),
        }
    }

    fn other(reached: Result<Option<i64>, String>, told: Option<Told>) -> OtherMember {
        OtherMember {
            member: 3,
            name: "member 3 at c:7481".to_owned(),
            reached,
            told: told.map(Ok),
        }
    }

    /// Scenario: a member that is well; one that is away; clocks ten minutes apart; another release; a full disk; certificates that end soon, or
    /// have ended. Guarantee: each is named with what is wrong and what to do, the worst of it decides.
    #[test]
    fn what_is_wrong_is_named() {
        let (day, now) = (86_400, 1_800_000_000);
        let well = other(Ok(Some(now + 90 * day)), Some(told()));
        let found = of_other(&well, now);
        assert_eq!(
            (found.verdict, found.advice.as_str()),
            (Verdict::Ok, ""),
            "{found:?}"
        );
        assert!(found.seen.contains("clocks agree within 4 ms") && found.seen.contains("ends in 90 days"));
        let cases = [
            (
                other(Err("cannot be reached (x)".to_owned()), None),
                Verdict::Fail,
                "cannot be reached",
            ),
            (
                other(
                    Ok(None),
                    Some(Told {
                        ahead_us: -600_000_000,
                        ..told()
                    }),
                ),
                Verdict::Warn,
                "600000 ms behind",
            ),
            (
                other(
                    Ok(None),
                    Some(Told {
                        release: "0.0.1".to_owned(),
                        ..told()
                    }),
                ),
                Verdict::Warn,
                "release 0.0.1",
            ),
            (
                other(
                    Ok(None),
                    Some(Told {
                        unwritable: Some("full".to_owned()),
                        ..told()
                    }),
                ),
                Verdict::Fail,
                "writes nothing: full",
            ),
            (
                other(
                    Ok(None),
                    Some(Told {
                        disk: (4, 100),
                        ..told()
                    }),
                ),
                Verdict::Warn,
                "4 % of its disk",
            ),
            (
                other(Ok(Some(now + 13 * day)), None),
                Verdict::Warn,
                "ends in 13 days",
            ),
            (other(Ok(Some(now - 1)), None), Verdict::Fail, "has ended"),
        ];
        for (case, verdict, text) in cases {
            let found = of_other(&case, now);
            assert!(
                found.verdict == verdict && found.seen.contains(text) && !found.advice.is_empty(),
                "{found:?}"
            );
        }
        let own = certificates(&[("member", now + 40 * day), ("agent", now + 2 * day)], now);
        assert_eq!(
            (own.verdict, own.seen.as_str()),
            (Verdict::Fail, "member ends in 40 days, agent ends in 2 days")
        );
    }
}
