//! Credentials from the environment. A process cannot change its own safely, so each case is a run of this very test
//! in another process.

use std::{
    env,
    ffi::OsStr,
    process::{Command, Output},
};

use tower_sinch_auth::{AccessKey, ApplicationKey, ServicePlan};

use crate::support::{basic_pair, bearer};

/// Tells the other process what it is for.
const READ: &str = "READ_CREDENTIALS";
const KEY_ID: &str = "SINCH_KEY_ID";
const KEY_SECRET: &str = "SINCH_KEY_SECRET";
const PLAN_ID: &str = "SINCH_SERVICE_PLAN_ID";
const API_TOKEN: &str = "SINCH_API_TOKEN";
const APPLICATION_KEY: &str = "SINCH_APPLICATION_KEY";
const APPLICATION_SECRET: &str = "SINCH_APPLICATION_SECRET";

/// Runs `test` in a process that has just these of the variables above, and returns what it prints.
fn in_a_process_with(test: &str, variables: &[(&str, &OsStr)]) -> String {
    let mut process = Command::new(env::current_exe().unwrap());
    process.args(["--exact", "--nocapture", test]).env(READ, "");
    for variable in [KEY_ID, KEY_SECRET, PLAN_ID, API_TOKEN, APPLICATION_KEY, APPLICATION_SECRET] {
        process.env_remove(variable);
    }
    let Output { status, stdout, stderr } = process.envs(variables.iter().copied()).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Prints what this process finds in its environment.
async fn read() {
    match AccessKey::from_env() {
        Ok(key) => println!("key: {}", basic_pair(key).await),
        Err(error) => println!("key: {error}"),
    }
    match ServicePlan::from_env() {
        Ok(plan) => {
            let id = plan.service_plan_id().to_owned();
            println!("plan: {id}:{}", bearer(plan).await);
        }
        Err(error) => println!("plan: {error}"),
    }
    match ApplicationKey::from_env() {
        Ok(key) => println!("application: {key:?}"),
        Err(error) => println!("application: {error}"),
    }
}

#[track_caller]
fn assert_prints(variables: &[(&str, &str)], lines: [&str; 2]) {
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
    let printed = in_a_process_with("environment::credentials_are_read_from_the_environment", &variables);
    for line in lines {
        assert!(printed.contains(line), "{line:?} is not in {printed:?}");
    }
}

#[tokio::test]
async fn credentials_are_read_from_the_environment() {
    if env::var_os(READ).is_some() {
        return read().await;
    }
    let unset = |name| format!("environment variable {name} is not set or empty; set it");
    let (no_key_id, no_key_secret) = (unset(KEY_ID), unset(KEY_SECRET));
    let (no_plan_id, no_api_token) = (unset(PLAN_ID), unset(API_TOKEN));

    let key = [(KEY_ID, "an-id"), (KEY_SECRET, "a-secret")];
    assert_prints(&key, ["key: an-id:a-secret", &no_plan_id]);
    let plan = [(PLAN_ID, "a-plan"), (API_TOKEN, "a-token")];
    assert_prints(&plan, [&no_key_id, "plan: a-plan:a-token"]);
    assert_prints(&[(KEY_ID, "an-id"), (PLAN_ID, "a-plan")], [&no_key_secret, &no_api_token]);
    let empty = [(KEY_ID, ""), (KEY_SECRET, "a-secret"), (PLAN_ID, "a-plan"), (API_TOKEN, "")];
    assert_prints(&empty, [&no_key_id, &no_api_token]);

    let application = [(APPLICATION_KEY, "an-application"), (APPLICATION_SECRET, "c2VjcmV0")];
    assert_prints(&application, ["application: ApplicationKey { key: \"an-application\"", &no_key_id]);
    let no_secret = unset(APPLICATION_SECRET);
    assert_prints(&application[..1], [&no_secret, &no_key_id]);
    assert_prints(&application[1..], [&unset(APPLICATION_KEY), &no_key_id]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_variable_that_is_not_unicode_is_said_to_be() {
    use std::os::unix::ffi::OsStrExt;

    if env::var_os(READ).is_some() {
        return read().await;
    }
    let printed = in_a_process_with(
        "environment::a_variable_that_is_not_unicode_is_said_to_be",
        &[(KEY_ID, OsStr::from_bytes(b"\xff"))],
    );
    assert!(printed.contains("environment variable SINCH_KEY_ID is not Unicode"), "{printed:?}");
}
