//! The stories of the day, and the alerts of each.

use std::{
    error::Error,
    future::Future,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use tokio::time::sleep;
use tower_sinch_auth::{ServicePlan, TokenRefresher, testing::MemoryStore};

use crate::{
    process::{Callers, builder, call, call_with_basic, work},
    world::{Endpoint, World},
};

const MINUTE: Duration = Duration::from_secs(60);

/// KEY ID, alert, the minutes of the day between which it begins to fire, and the one by which it has ended.
///
/// What is not here must not fire. A token of an hour is due after 30 to 40 minutes, one of 20 minutes after 10 to 15; that,
/// and four minutes for a machine that is busy, which are 2 s, is what the ranges are for.
pub(crate) const EXPECTED: [(&str, &str, u64, u64, u64); 28] = [
    ("basic-left", "SinchAuthBasicLeft", 40, 46, 80),
    ("callers-impatient", "SinchAuthBacksOff", 5, 10, 45),
    ("callers-impatient", "SinchAuthCallersGiveUp", 5, 10, 46),
    ("callers-impatient", "SinchAuthTokenRequestsFail", 10, 15, 49),
    ("down-for-long", "SinchAuthBacksOff", 35, 47, 94),
    ("down-for-long", "SinchAuthCallsWithoutToken", 59, 64, 98),
    ("down-for-long", "SinchAuthTokenExpires", 55, 59, 94),
    ("down-for-long", "SinchAuthTokenRequestsFail", 40, 52, 99),
    ("endpoint-slow", "SinchAuthTokenRequestsSlow", 30, 46, 97),
    ("foreign-host", "SinchAuthAudienceRefused", 40, 44, 49),
    ("key-replaced", "SinchAuthBacksOff", 35, 40, 85),
    ("key-replaced", "SinchAuthCallsWithoutToken", 30, 34, 88),
    ("key-replaced", "SinchAuthKeyRejected", 30, 34, 88),
    ("key-replaced", "SinchAuthRetriesDoNotHelp", 40, 45, 68),
    ("key-replaced", "SinchAuthTokenExpires", 55, 59, 85),
    ("key-replaced", "SinchAuthTokenRequestsFail", 40, 45, 88),
    ("key-replaced", "SinchAuthUnauthorized", 45, 50, 68),
    ("no-access", "SinchAuthBacksOff", 35, 40, 75),
    ("no-access", "SinchAuthRetriesDoNotHelp", 40, 45, 79),
    ("no-access", "SinchAuthTokensChange", 31, 45, 125),
    ("no-access", "SinchAuthUnauthorized", 45, 50, 79),
    ("renewed-late", "SinchAuthCallsWaitForRenewals", 24, 52, 125),
    ("retry-after", "SinchAuthBacksOff", 35, 47, 106),
    ("retry-after", "SinchAuthTokenExpires", 55, 59, 106),
    ("revoked-often", "SinchAuthTokensChange", 50, 66, 125),
    ("revoked-often", "SinchAuthUnauthorized", 45, 50, 95),
    ("store-down", "SinchAuthFleetDoesNotShare", 30, 46, 101),
    ("store-down", "SinchAuthStoreFails", 30, 56, 101),
];

pub(crate) fn begin() -> Result<(), Box<dyn Error>> {
    let hour = 60;
    play("healthy", hour, |tokens, world| async move {
        work(&tokens, &world, Callers::default(), 120).await;
    })?;
    play("account-removed", hour, |tokens, world| async move {
        work(&tokens, &world, Callers::default(), 25).await;
    })?;
    play("account-idle", hour, |tokens, world| async move {
        work(&tokens, &world, Callers::default(), 25).await;
        minutes(75).await;
        work(&tokens, &world, Callers::default(), 20).await;
    })?;
    play("revoked-once", hour, |tokens, world| async move {
        at(30, &world, World::revoke_tokens);
        work(&tokens, &world, Callers { at_once: 10, ..Callers::default() }, 120).await;
    })?;
    play("down-for-three-minutes", hour, |tokens, world| async move {
        let (renewing, sinch) = (tokens.clone(), Arc::clone(&world));
        at(20, &world, |world| world.set(Endpoint::IsDown));
        tokio::spawn(async move {
            while renewing.status().consecutive_failures == 0 {
                sleep(Duration::from_secs(5)).await;
            }
            minutes(3).await;
            sinch.set(Endpoint::Issues);
        });
        work(&tokens, &world, Callers::default(), 120).await;
    })?;
    play("down-for-long", hour, |tokens, world| async move {
        at(20, &world, |world| world.set(Endpoint::IsDown));
        at(90, &world, |world| world.set(Endpoint::Issues));
        work(&tokens, &world, Callers::default(), 120).await;
    })?;
    play("key-replaced", hour, |tokens, world| async move {
        at(30, &world, World::revoke_tokens);
        at(30, &world, |world| world.set(Endpoint::RejectsTheKey));
        at(80, &world, |world| world.set(Endpoint::Issues));
        work(&tokens, &world, Callers::default(), 120).await;
    })?;
    play("callers-impatient", hour, |tokens, world| async move {
        world.set(Endpoint::TakesSeconds(60));
        at(40, &world, |world| world.set(Endpoint::Issues));
        let callers = Callers { patience: Duration::from_secs(2), ..Callers::default() };
        work(&tokens, &world, callers, 120).await;
    })?;
    play("retry-after", hour, |tokens, world| async move {
        at(20, &world, |world| world.set(Endpoint::AsksForAnHour));
        at(50, &world, |world| world.set(Endpoint::Issues));
        work(&tokens, &world, Callers::default(), 120).await;
    })?;
    play("endpoint-slow", 20, |tokens, world| async move {
        at(20, &world, |world| world.set(Endpoint::TakesSeconds(9)));
        at(60, &world, |world| world.set(Endpoint::Issues));
        work(&tokens, &world, Callers::default(), 120).await;
    })?;
    play("revoked-often", hour, |tokens, world| async move {
        for minute in (30..90).step_by(4) {
            at(minute, &world, World::revoke_tokens);
        }
        work(&tokens, &world, Callers { at_once: 10, ..Callers::default() }, 120).await;
    })?;
    play("no-access", hour, |tokens, world| async move {
        at(30, &world, |world| world.no_access.store(true, Relaxed));
        at(70, &world, |world| world.no_access.store(false, Relaxed));
        work(&tokens, &world, Callers::default(), 120).await;
    })?;
    play("foreign-host", hour, |tokens, world| async move {
        work(&tokens, &world, Callers::default(), 40).await;
        call(tokens.clone(), Arc::clone(&world), "https://example.com/").await;
        work(&tokens, &world, Callers::default(), 80).await;
    })?;
    play("basic-left", hour, |tokens, world| async move {
        work(&tokens, &world, Callers::default(), 30).await;
        for _ in 0..30 * 12 {
            call_with_basic(tokens.clone(), Arc::clone(&world)).await;
            sleep(Duration::from_secs(5)).await;
        }
        work(&tokens, &world, Callers::default(), 60).await;
    })?;
    let tokens = TokenRefresher::new(ServicePlan::new("token-that-never-expires", "token")?);
    tokio::spawn(async move {
        for _ in 0..120 {
            let _ = tokens.token().await;
            minutes(1).await;
        }
    });
    let world = World::new(12 * MINUTE);
    let tokens = builder("renewed-late", &world, None)?.refresh_lead(Duration::ZERO).build();
    tokio::spawn(async move {
        work(&tokens, &world, Callers { at_once: 10, ..Callers::default() }, 120).await;
    });
    let (world, store) = (World::new(20 * MINUTE), MemoryStore::new());
    let tokens = builder("store-down", &world, Some(store.clone()))?.build();
    tokio::spawn(async move {
        tokio::spawn(async move {
            minutes(20).await;
            store.refuse(true);
            minutes(60).await;
            store.refuse(false);
        });
        work(&tokens, &world, Callers::default(), 120).await;
    });
    Ok(())
}

/// Plays the story of one access key, whose tokens live for `lifetime` minutes.
fn play<F: Future<Output = ()> + Send + 'static>(
    key_id: &str,
    lifetime: u32,
    story: impl FnOnce(TokenRefresher, Arc<World>) -> F,
) -> Result<(), Box<dyn Error>> {
    let world = World::new(lifetime * MINUTE);
    let tokens = builder(key_id, &world, None)?.build();
    tokio::spawn(story(tokens, world));
    Ok(())
}

/// Does something to the world at a minute of the day.
fn at(minute: u64, world: &Arc<World>, what: impl FnOnce(&World) + Send + 'static) {
    let world = Arc::clone(world);
    tokio::spawn(async move {
        minutes(minute).await;
        what(&world);
    });
}

async fn minutes(minutes: u64) {
    sleep(Duration::from_secs(minutes * 60)).await;
}
