#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use super::*;
use crate::panics;
use futures::FutureExt;
use millrace_api::testing::{PATIENCE, eventually};
use std::{
    future::pending,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    time::Duration,
};
use tokio::task::{consume_budget, yield_now};

fn spawn(
    data: &Data,
    name: &str,
    work: impl Future<Output = Result<()>> + Send + 'static,
) -> (oneshot::Receiver<Ended>, Abort) {
    data.spawn(Pulse::new(Owner::Connector(name.into())), work.boxed())
}

#[tokio::test]
async fn what_runs_may_wait_for_timers_other_instances_and_blocking_calls() {
    let data = Data::start().unwrap();
    let (sender, receiver) = oneshot::channel();
    let (first, _) = spawn(&data, "first", async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let number = tokio::task::spawn_blocking(|| 7).await.unwrap();
        sender.send(number).unwrap();
        Ok(())
    });
    let (second, _) = spawn(&data, "second", async {
        assert_eq!(receiver.await.unwrap(), 7);
        Ok(())
    });
    assert!(matches!(first.await.unwrap(), Ended::Done(Ok(()))));
    assert!(matches!(second.await.unwrap(), Ended::Done(Ok(()))));
    eventually(PATIENCE, || data.look().is_empty()).await;
}

#[tokio::test]
async fn one_that_is_always_ready_leaves_room_for_others() {
    let data = Data::start().unwrap();
    let turns = Arc::new(AtomicUsize::new(0));
    let mut ends = Vec::new();
    for _ in 0..data.threads() * 2 {
        let turns = turns.clone();
        let (ended, _) = spawn(&data, "busy", async move {
            let mut steps = 0;
            // Ends when every other has begun as well.
            while turns.load(SeqCst) < 8 || steps < 1000 {
                if steps == 0 {
                    turns.fetch_add(1, SeqCst);
                }
                steps += 1;
                consume_budget().await;
            }
            Ok(())
        });
        ends.push(ended);
    }
    for ended in ends {
        assert!(matches!(ended.await.unwrap(), Ended::Done(Ok(()))));
    }
}

#[tokio::test]
async fn panics_while_running_and_while_dropped_are_told() {
    panics::install();
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("dropped badly");
        }
    }
    let data = Data::start().unwrap();
    let (running, _) = spawn(&data, "runs", async { panic!("ran badly") });
    let (both, _) = spawn(&data, "both", async {
        let _held = panics::Contained::new(Panics);
        panic!("ran badly");
    });
    for ended in [running, both] {
        let Ended::Panicked(words) = ended.await.unwrap() else { panic!("it ended otherwise") };
        assert!(words.contains("ran badly") && words.contains("tests.rs"), "{words}");
    }
    let held = Panics;
    let (dropped, abort) = spawn(&data, "drops", async move {
        let _held = held;
        pending().await
    });
    abort.abort();
    let Ended::Panicked(words) = dropped.await.unwrap() else { panic!("it ended otherwise") };
    assert!(words.contains("dropped badly"), "{words}");
}

#[tokio::test]
async fn an_aborted_instance_ends_at_its_next_wait() {
    let data = Data::start().unwrap();
    let (waiting, abort) = spawn(&data, "waits", pending());
    abort.abort();
    assert!(matches!(waiting.await.unwrap(), Ended::Aborted));
    let (go_on, told) = mpsc::channel::<()>();
    let (blocking, abort) = spawn(&data, "blocks", async move {
        let _ = told.recv();
        yield_now().await;
        unreachable!("it was aborted");
    });
    eventually(PATIENCE, || data.look().iter().any(|sight| sight.step.is_some())).await;
    abort.abort();
    go_on.send(()).unwrap();
    assert!(matches!(blocking.await.unwrap(), Ended::Aborted));
}

#[tokio::test]
async fn threads_that_are_stuck_are_made_up_for_and_given_back() {
    let data = Data::start().unwrap();
    let usual = data.threads();
    let free = Arc::new(AtomicBool::new(false));
    for _ in 0..usual {
        let free = free.clone();
        // As a loop without a wait in a plugin.
        spawn(&data, "loops", async move {
            while !free.load(SeqCst) {
                std::thread::yield_now();
            }
            Ok(())
        });
    }
    let stuck = || data.look().iter().filter(|sight| sight.step.is_some()).count();
    eventually(PATIENCE, || stuck() == usual).await;
    let (mut other, _) = spawn(&data, "other", async { Ok(()) });
    assert!(tokio::time::timeout(Duration::from_millis(100), &mut other).await.is_err(), "no thread is free");
    data.make_up_for(usual);
    assert!(matches!(other.await.unwrap(), Ended::Done(Ok(()))));
    assert_eq!(data.threads(), usual * 2);
    free.store(true, SeqCst);
    eventually(PATIENCE, || stuck() == 0).await;
    data.make_up_for(0);
    eventually(PATIENCE, || data.threads() == usual).await;
}

#[tokio::test]
async fn the_watchdogs_sight_names_the_call() {
    let data = Data::start().unwrap();
    let pulse = Pulse::new(Owner::Connector("names".into()));
    let own = pulse.clone();
    let work = async move {
        own.during(Call::Put, async {
            own.during(Call::Close, async {}).await;
            pending::<()>().await;
        })
        .await;
        Ok(())
    };
    let (_ended, abort) = data.spawn(pulse, work.boxed());
    eventually(PATIENCE, || data.look()[0].call.is_some_and(|(call, _)| call == Call::Put)).await;
    eventually(PATIENCE, || data.look()[0].step.is_none()).await;
    abort.abort();
    eventually(PATIENCE, || data.look().is_empty()).await;
}

#[tokio::test]
async fn a_runtime_that_is_kept_by_what_plugins_spawned_is_silent() {
    let data = Data::start().unwrap();
    let asked = || data.silent_since();
    assert_eq!(asked(), None);
    eventually(PATIENCE, || asked().is_none()).await;
    let (go_on, told) = mpsc::channel::<()>();
    let told = Arc::new(Mutex::new(told));
    let (spawning, _) = spawn(&data, "spawns", async move {
        for _ in 0..tokio::runtime::Handle::current().metrics().num_workers() {
            let told = told.clone();
            tokio::spawn(async move { lock(&told).recv() });
        }
        Ok(())
    });
    spawning.await.unwrap();
    eventually(PATIENCE, || asked().is_some_and(|since| since.elapsed() > Duration::from_millis(200))).await;
    // Instances go on all the same.
    let (other, _) = spawn(&data, "other", async { Ok(()) });
    assert!(matches!(other.await.unwrap(), Ended::Done(Ok(()))));
    drop(go_on);
    eventually(PATIENCE, || asked().is_none()).await;
}
