use std::sync::Barrier;

use super::*;

fn claims() -> (tempfile::TempDir, Claims) {
    let root = tempfile::tempdir().unwrap();
    let claims = Claims::open(root.path()).unwrap();
    (root, claims)
}

fn ours(claims: &Claims, run: &str) -> Claim {
    claims.take(run).unwrap().expect("a claim of ours")
}

/// The same for whoever has watched the claim of a run for more than a minute.
fn later(claims: &Claims) -> Option<Claim> {
    claims.take_at("run", Instant::now() + LIMIT + Duration::from_secs(1)).unwrap()
}

/// A claim of a process that is no more.
fn left_behind(claims: &Claims, host: &Host, seconds_ago: u64) -> Owner {
    let mut child = std::process::Command::new("true").spawn().unwrap();
    child.wait().unwrap();
    let owner = Owner { host: host.clone(), pid: child.id(), started: 1, token: "dead".to_owned() };
    let path = claims.folder.join("run");
    fs::write(&path, serde_json::to_vec(&owner).unwrap()).unwrap();
    let then = SystemTime::now() - Duration::from_secs(seconds_ago);
    File::options().write(true).open(path).unwrap().set_modified(then).unwrap();
    owner
}

fn elsewhere() -> Host {
    Host { name: "elsewhere".to_owned(), space: String::new() }
}

#[test]
fn one_worker_has_a_run_until_it_lets_go() {
    let (_root, claims) = claims();
    let claim = ours(&claims, "run");
    assert!(claim.after.is_none() && !claim.is_lost());
    assert!(claims.take("run").unwrap().is_none());
    let other = ours(&claims, "another");
    assert_ne!(claim.token(), other.token());
    drop((claim, other));
    assert_eq!(fs::read_dir(&claims.folder).unwrap().count(), 0);
    ours(&claims, "run");
}

#[test]
#[cfg(unix)]
fn the_claims_of_the_dead_are_taken_over() {
    let (_root, claims) = claims();
    let owner = left_behind(&claims, &claims.host, 0);
    assert_eq!(ours(&claims, "run").after.clone(), Some(owner));
    // Of a process elsewhere nothing is known but its heartbeat, which is watched for a minute.
    let owner = left_behind(&claims, &elsewhere(), 0);
    assert!(claims.take("run").unwrap().is_none());
    assert!(claims.take_at("run", Instant::now() + LIMIT - Duration::from_secs(1)).unwrap().is_none());
    assert_eq!(later(&claims).unwrap().after.clone(), Some(owner));
    // Its worker died, or is about, between making and writing it.
    fs::write(claims.folder.join("run"), "").unwrap();
    assert!(claims.take("run").unwrap().is_none());
    assert!(later(&claims).is_some());
}

#[test]
fn a_clock_that_is_wrong_is_no_sign_of_death() {
    let (_root, claims) = claims();
    let path = claims.folder.join("run");
    let stamped = |seconds_ago: i64| {
        let (now, apart) = (SystemTime::now(), Duration::from_secs(seconds_ago.unsigned_abs()));
        let then = if seconds_ago > 0 { now - apart } else { now + apart };
        File::options().write(true).open(&path).unwrap().set_modified(then).unwrap();
    };
    left_behind(&claims, &elsewhere(), 0);
    // A worker that beats, by a clock that is hours behind, ahead, or is set in between.
    for (round, seconds_ago) in [7200, 7195, 7190, -3600, -3605, 7200, 3, -3].into_iter().enumerate() {
        stamped(seconds_ago);
        let now = Instant::now() + LIMIT * round as u32;
        assert!(claims.take_at("run", now).unwrap().is_none(), "{round}");
        assert!(claims.take_at("run", now + LIMIT / 2).unwrap().is_none(), "{round}");
    }
    // It is gone once nothing changes, whatever its last stamp was.
    assert!(claims.take_at("run", Instant::now() + LIMIT * 9).unwrap().is_some());
}

#[test]
fn of_many_takers_one_wins() {
    let (_root, claims) = claims();
    for _ in 0..20 {
        left_behind(&claims, &elsewhere(), 3600);
        let start = Barrier::new(8);
        assert!(claims.take("run").unwrap().is_none());
        let take = || {
            start.wait();
            later(&claims)
        };
        let taken: Vec<Option<Claim>> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let winners = taken.iter().flatten().filter(|claim| !claim.has_been_lost()).count();
        assert_eq!(winners, 1);
    }
    assert_eq!(fs::read_dir(&claims.folder).unwrap().count(), 0);
}

#[test]
fn who_died_while_taking_over_stops_nobody_for_long() {
    let (_root, claims) = claims();
    left_behind(&claims, &claims.host, 0);
    let lock = claims.folder.join("run.taking");
    fs::write(&lock, "").unwrap();
    let then = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(&lock).unwrap().set_modified(then).unwrap();
    assert!(claims.take("run").unwrap().is_none() && lock.exists());
    assert!(later(&claims).is_none() && !lock.exists());
    ours(&claims, "run");
}

#[test]
fn a_worker_whose_heartbeat_is_late_looks_before_it_goes_on() {
    let (_root, claims) = claims();
    let claim = ours(&claims, "run");
    fs::write(claims.folder.join("run"), "another").unwrap();
    assert!(!claim.is_lost());
    // It slept: by one of its clocks at least.
    let now = Renewed::now();
    *claim.renewed.lock().unwrap() = Renewed(now.0, now.1 - LIMIT);
    assert!(claim.is_lost());
    assert!(!now.is_late() && Renewed(now.0 - LIMIT, now.1 + LIMIT).is_late());
}

#[test]
fn a_claim_of_another_is_not_removed() {
    let (_root, claims) = claims();
    let claim = ours(&claims, "run");
    let path = claims.folder.join("run");
    let (content, stamp) = look(&path).unwrap().unwrap();
    // It was renewed since it was seen.
    let earlier = (content.clone(), stamp - Duration::from_secs(5));
    assert!(!claims.remove_dead(&path, &earlier, Instant::now()).unwrap());
    assert_eq!(content, claim.content);
    // Taken over: it stays where it is when the first worker is done.
    assert!(!claim.has_been_lost());
    fs::write(&path, "another").unwrap();
    assert!(!claim.is_lost() && claim.has_been_lost() && claim.is_lost());
    drop(claim);
    assert_eq!(fs::read(&path).unwrap(), b"another");
}
