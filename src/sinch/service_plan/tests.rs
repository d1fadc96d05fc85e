use zeroize::Zeroizing;

use super::ServicePlan;

#[test]
fn credentials_that_no_server_could_accept_are_refused() {
    for (plan, token, complaint) in [
        ("", "t", "Service Plan ID is empty"),
        ("p", "", "API token is empty"),
        ("p", "t t", "API token has a character other than visible ASCII"),
        ("p", "té", "API token has a character other than visible ASCII"),
        ("p", "t\n", "API token has a control character"),
    ] {
        let error = ServicePlan::new(plan, token).unwrap_err().to_string();
        assert!(error.contains(complaint), "{error}");
    }
}

#[test]
fn debug_redacts_secrets_and_shows_ids() {
    let shown = format!("{:?}", ServicePlan::new("the-plan-id", "hidden").unwrap());
    assert!(shown.contains("the-plan-id") && !shown.contains("hidden"), "{shown}");
}

/// Not even a test may read memory that was freed: what is looked at is the type that wipes it.
#[test]
fn secrets_are_kept_in_memory_that_is_wiped() {
    let is_wiped = |_: &Zeroizing<String>| {};
    is_wiped(&ServicePlan::new("plan", "t0ken").unwrap().api_token);
}
