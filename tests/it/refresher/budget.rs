//! How many token requests rejections may cause, whatever becomes of the retries.

use super::{
    MS, SECOND,
    api::{answering, get, send},
    assert_within, pass,
    refusal::fetched,
};
use crate::support::ScriptedSource;

/// What one authority may cause at once, and then one more every 10 s.
const OF_AN_AUTHORITY: u64 = 10;
/// What all authorities together may cause at once, and then one more every 5 s.
const OF_ALL: u64 = 20;

/// Makes ten calls a second for five minutes to an API that gives these answers, over and over, and checks that they cause
/// as many token requests as the budget of one authority allows.
async fn assert_costs_the_budget(answers: [u16; 2]) {
    let source = ScriptedSource::new();
    let (tokens, _) = fetched(&source).await;
    let client = answering(&tokens, answers);
    for _ in 0..3000 {
        send(&client).await;
        pass(100 * MS).await;
    }
    let most = OF_AN_AUTHORITY + 300 / 10;
    assert_within(source.requests() - 1, (most - 2)..=most);
}

#[tokio::test(start_paused = true)]
async fn one_that_rejects_every_other_call_costs_its_budget() {
    assert_costs_the_budget([401, 200]).await;
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_the_retry_with_503_costs_its_budget() {
    assert_costs_the_budget([401, 503]).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_that_refuse_at_once_cost_the_common_budget() {
    let source = ScriptedSource::new();
    let (tokens, api) = fetched(&source).await;
    let client = api.retrying(&tokens);
    for number in 0..1000 {
        let host = format!("host-{number}.example");
        api.refuse(&host);
        assert_eq!(get(&client, &host).await, 401);
    }
    assert_eq!(source.requests(), 1 + OF_ALL);
}

#[tokio::test(start_paused = true)]
async fn hundreds_that_refuse_cost_the_common_budget_at_most() {
    for hosts in [65, 1000] {
        let source = ScriptedSource::new();
        let (tokens, api) = fetched(&source).await;
        let client = api.retrying(&tokens);
        let hosts: Vec<_> = (0..hosts).map(|number| format!("host-{number}.example")).collect();
        hosts.iter().for_each(|host| api.refuse(host));
        let mut next = hosts.iter().cycle();
        for _ in 0..300 {
            for host in next.by_ref().take(65) {
                assert_eq!(get(&client, host).await, 401);
            }
            pass(SECOND).await;
        }
        assert!(source.requests() <= 1 + OF_ALL + 300 / 5, "{} token requests", source.requests());
    }
}
