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
    // Of a process elsewhere nothing is known but its heartbeat.
    left_behind(&claims, &elsewhere(), 30);
    assert!(claims.take("run").unwrap().is_none());
    let owner = left_behind(&claims, &elsewhere(), 3600);
    assert_eq!(ours(&claims, "run").after.clone(), Some(owner));
    // Its worker died, or is about, between making and writing it.
    fs::write(claims.folder.join("run"), "").unwrap();
    assert!(claims.take("run").unwrap().is_none());
}

#[test]
fn of_many_takers_one_wins() {
    let (_root, claims) = claims();
    for _ in 0..20 {
        left_behind(&claims, &elsewhere(), 3600);
        let start = Barrier::new(8);
        let take = || {
            start.wait();
            claims.take("run").unwrap()
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
    left_behind(&claims, &elsewhere(), 3600);
    let lock = claims.folder.join("run.taking");
    fs::write(&lock, "").unwrap();
    assert!(claims.take("run").unwrap().is_none() && lock.exists());
    let then = SystemTime::now() - Duration::from_secs(61);
    File::options().write(true).open(&lock).unwrap().set_modified(then).unwrap();
    assert!(claims.take("run").unwrap().is_none() && !lock.exists());
    ours(&claims, "run");
}

#[test]
fn a_claim_of_another_is_not_removed() {
    let (_root, claims) = claims();
    let claim = ours(&claims, "run");
    let path = claims.folder.join("run");
    assert!(!remove(&path, b"what it was before").unwrap());
    assert_eq!(fs::read(&path).unwrap(), claim.content);
    // Taken over: it stays where it is when the first worker is done.
    assert!(!claim.has_been_lost());
    fs::write(&path, "another").unwrap();
    assert!(!claim.is_lost() && claim.has_been_lost() && claim.is_lost());
    drop(claim);
    assert_eq!(fs::read(&path).unwrap(), b"another");
}
