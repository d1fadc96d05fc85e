//! What an `AudienceError` says, and what it advises.

use http::{HeaderMap, HeaderValue, Uri, header::HOST};

use crate::{audience::Audience, error::AudienceError};

/// What widens an audience: advice that costs a token where the host takes another credential.
const WIDEN: &str = "SinchAuthLayer::audience";

#[track_caller]
fn refusal(audience: &Audience, uri: &str) -> AudienceError {
    audience.check(&uri.parse::<Uri>().unwrap(), &HeaderMap::new()).unwrap_err()
}

/// That the message for each host says all of `words`, and nothing of widening the audience.
#[track_caller]
fn assert_says(audience: &Audience, hosts: &[&str], words: &[&str]) {
    for host in hosts {
        let message = refusal(audience, &format!("https://{host}/")).to_string();
        assert!(message.starts_with("not sent: "), "{message}");
        for word in [&[*host][..], words].concat() {
            assert!(message.contains(word), "{word:?} is missing: {message}");
        }
        assert!(!message.contains(WIDEN), "{message}");
    }
}

#[test]
fn names_a_foreign_host_and_how_to_allow_it() {
    let error = refusal(&Audience::sinch_apis(), "https://Example.org./");
    assert_eq!(error.host(), Some("Example.org"));
    assert!(error.to_string().contains(WIDEN), "{error}");
    assert!(error.to_string().contains("RequestAuth::skip()"), "{error}");
}

#[test]
fn says_to_use_https() {
    let error = refusal(&Audience::sinch_apis(), "http://numbers.api.sinch.com/");
    assert_eq!(error.host(), Some("numbers.api.sinch.com"));
    assert!(error.to_string().contains("use https"), "{error}");
    assert!(!error.to_string().contains(WIDEN), "{error}");
}

#[test]
fn says_where_sms_takes_an_access_key() {
    let audience = Audience::sinch_apis();
    for region in ["us", "eu", "au", "br", "ca"] {
        let host = format!("{region}.sms.api.sinch.com");
        let by_project = format!("zt.{host} ");
        assert_says(&audience, &[&host], &[&by_project, "access key", "`ServicePlan`"]);
    }
    let others = ["sms.api.sinch.com", "US.SMS.api.sinch.com", "a.b.sms.api.sinch.com"];
    assert_says(&audience, &others, &[".sms.api.sinch.com with an access key", "`ServicePlan`"]);
    assert_says(&audience, &["sms.api.sinch.com"], &["zt.{region}.sms.api.sinch.com"]);
}

#[test]
fn says_where_sms_takes_a_service_plan() {
    let audience = Audience::sms_service_plans();
    assert_says(&audience, &["zt.eu.sms.api.sinch.com"], &[" eu.sms.api.sinch.com with a `ServicePlan`"]);
    assert_says(&audience, &["sms.api.sinch.com"], &["{region}.sms.api.sinch.com with a `ServicePlan`"]);
}

#[test]
fn says_that_an_oauth_api_takes_an_access_key() {
    let hosts = ["numbers.api.sinch.com", "eu.conversation.api.sinch.com"];
    assert_says(&Audience::sms_service_plans(), &hosts, &["`AccessKey`"]);
}

#[test]
fn says_that_verification_and_voice_v1_take_signed_requests() {
    let hosts = [
        "verification.api.sinch.com",
        "calling.api.sinch.com",
        "calling-use1.api.sinch.com",
        "callingapi.sinch.com",
        "CallingAPI.sinch.com",
    ];
    for audience in [Audience::sinch_apis(), Audience::sms_service_plans(), Audience::hosts(["a.b"])] {
        assert_says(&audience, &hosts, &["signed", "application key"]);
    }
}

#[test]
fn says_that_engage_is_another_platform() {
    let hosts = ["eu.app.api.sinch.com", "au.app.api.sinch.com", "app.api.sinch.com"];
    for audience in [Audience::sinch_apis(), Audience::sms_service_plans(), Audience::hosts(["a.b"])] {
        assert_says(&audience, &hosts, &["Sinch Engage", "another platform", "credentials"]);
    }
}

#[test]
fn says_so_if_no_host_can_be_read() {
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("not a host"))]);
    let error = Audience::sinch_apis().check(&Uri::from_static("/"), &headers).unwrap_err();
    assert_eq!(error.host(), None);
    assert!(error.to_string().contains("`Host` header"), "{error}");
    assert!(!error.to_string().contains(WIDEN), "{error}");
    let error = refusal(&Audience::sinch_apis(), "https://:443/");
    assert_eq!(error.host(), None);
}

/// What the layer that signs says.
#[cfg(feature = "signing")]
mod signed {
    use super::{Audience, AudienceError, HOST, HeaderMap, HeaderValue, Uri, WIDEN};

    #[track_caller]
    fn refusal(audience: &Audience, uri: &str) -> AudienceError {
        audience.check_signed(&uri.parse::<Uri>().unwrap(), &HeaderMap::new()).unwrap_err()
    }

    #[track_caller]
    fn assert_says(audience: &Audience, uri: &str, words: &[&str]) {
        let message = refusal(audience, uri).to_string();
        assert!(message.starts_with("not sent: "), "{message}");
        for word in words {
            assert!(message.contains(word), "{word:?} is missing: {message}");
        }
        for other in [WIDEN, "token's", "the token may", "its token"] {
            assert!(!message.contains(other), "{other:?} is of the other layer: {message}");
        }
    }

    #[test]
    fn names_a_foreign_host_and_how_to_allow_it() {
        for audience in [Audience::application_apis(), Audience::hosts(["a.b"])] {
            let error = refusal(&audience, "https://Example.org./");
            assert_eq!(error.host(), Some("Example.org"));
            let words = ["Example.org", "`SignedRequestLayer::audience`", "RequestAuth::skip()"];
            assert_says(&audience, "https://Example.org./", &words);
        }
        let words = ["verification.api.sinch.com", "`SignedRequestLayer::audience`"];
        assert_says(&Audience::hosts(["a.b"]), "https://verification.api.sinch.com/", &words);
    }

    #[test]
    fn says_which_apis_take_a_token() {
        for audience in [Audience::application_apis(), Audience::hosts(["a.b"])] {
            let words = ["numbers.api.sinch.com takes the token", "`SinchAuthLayer`", "`AccessKey`"];
            assert_says(&audience, "https://numbers.api.sinch.com/", &words);
            let words =
                ["`SinchAuthLayer`", "zt.us.sms.api.sinch.com", "`ServicePlan`", " us.sms.api.sinch.com"];
            assert_says(&audience, "https://us.sms.api.sinch.com/", &words);
            assert_says(&audience, "https://zt.us.sms.api.sinch.com/", &words);
            assert_says(&audience, "https://eu.app.api.sinch.com/", &["Sinch Engage", "another platform"]);
        }
    }

    #[test]
    fn says_to_use_https_and_to_name_a_host() {
        let audience = Audience::application_apis();
        assert_says(&audience, "http://verification.api.sinch.com/", &["use https", "signed request"]);
        let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_static("not a host"))]);
        let error = audience.check_signed(&Uri::from_static("/"), &headers).unwrap_err();
        assert_eq!(error.host(), None);
        assert!(error.to_string().contains("`Host` header"), "{error}");
    }
}
