//! Which of Sinch's hosts take which token.

use super::{assert_allows, assert_refuses};
use crate::audience::{Audience, is_loopback, is_sinch_issuer};

const LOOPBACK: &[&str] = &[
    "http://localhost/",
    "http://LocalHost.:8080/",
    "http://127.0.0.1:1/",
    "https://127.9.8.7/",
    "http://[::1]:8080/",
    "http://[::ffff:127.0.0.1]/",
];

#[test]
fn sinch_apis_are_the_suffix_less_what_takes_another_credential() {
    let audience = Audience::sinch_apis();
    assert_allows(
        &audience,
        &[
            "https://numbers.api.sinch.com/v1/projects/p/availableRegions",
            "https://imported.numbers.api.sinch.com/",
            "https://us10dlc.numbers.api.sinch.com/",
            "https://eu.conversation.api.sinch.com/",
            "https://elastic-trunking.api.sinch.com/",
            "https://use1.fax.api.sinch.com/",
            "https://voice.api.sinch.com/",
            "https://zt.us.sms.api.sinch.com/",
            "https://ZT.EU.SMS.API.SINCH.COM./",
            "https://account.api.sinch.com/",
            "https://a-new-product.api.sinch.com:8443/",
            "HTTPS://Numbers.API.Sinch.com/",
            "https://user:password@numbers.api.sinch.com/",
        ],
    );
    assert_refuses(
        &audience,
        &[
            "https://verification.api.sinch.com/",
            "https://calling.api.sinch.com/",
            "https://calling-use1.api.sinch.com/",
            "https://Calling-euc1.api.sinch.com/",
            "https://callingapi.sinch.com/",
            "https://us.sms.api.sinch.com/",
            "https://sms.api.sinch.com/",
            "https://xzt.us.sms.api.sinch.com/",
            "https://a.b.sms.api.sinch.com/",
            "https://api.sinch.com/",
            "https://.api.sinch.com/",
            "https://a..numbers.api.sinch.com/",
            "https://[numbers.api.sinch.com]/",
            "https://a*b.numbers.api.sinch.com/",
            "https://customer.pstn.sinch.com/",
            "https://sinch.com/",
            "https://api.sinch.com.example.org/",
            "https://numbers.api.sinch.com.example.org/",
            "https://numbers-api.sinch.com/",
            "https://xn--numbers-api-sinch-com/",
            "https://numbers.api.xn--snch-0pa.com/",
            "https://numbers.api.sinch.com@example.org/",
            "https://numbers.api.sinch.com..evil.org/",
            "http://numbers.api.sinch.com/",
            "ftp://numbers.api.sinch.com/",
            "numbers.api.sinch.com:443",
            "http://127.0.0.1.example.org/",
            "http://localhost.example.org/",
            "http://10.0.0.1/",
            "http://[::2]/",
            "http://[::1.]/",
            "http://0x7f.1/",
            "https://example.org:1.api.sinch.com/",
            "https://user@example.org:1.api.sinch.com/",
        ],
    );
}

#[test]
fn application_apis_are_verification_and_voice_v1() {
    let audience = Audience::application_apis();
    assert_allows(
        &audience,
        &[
            "https://verification.api.sinch.com/verification/v1/verifications",
            "https://Verification.API.Sinch.com.:443/",
            "https://calling.api.sinch.com/",
            "https://calling-use1.api.sinch.com/",
            "https://CALLING-apse2.api.sinch.com/",
            "https://callingapi.sinch.com/",
            "HTTPS://CallingAPI.sinch.com./",
            "https://user:password@calling.api.sinch.com/",
        ],
    );
    assert_refuses(
        &audience,
        &[
            "http://verification.api.sinch.com/",
            "https://numbers.api.sinch.com/",
            "https://us.sms.api.sinch.com/",
            "https://zt.us.sms.api.sinch.com/",
            "https://eu.app.api.sinch.com/",
            "https://auth.sinch.com/",
            "https://api.sinch.com/",
            "https://a.verification.api.sinch.com/",
            "https://verifications.api.sinch.com/",
            "https://calling-.api.sinch.com/",
            "https://callings.api.sinch.com/",
            "https://calling-a.b.api.sinch.com/",
            "https://a.calling-use1.api.sinch.com/",
            "https://a.calling.api.sinch.com/",
            "https://verification..api.sinch.com/",
            "https://a.callingapi.sinch.com/",
            "https://callingapi.sinch.com.example.org/",
            "https://verification.api.sinch.com.example.org/",
            "https://verification.api.sinch.com@example.org/",
            "https://example.org:1.verification.api.sinch.com/",
            "https://voice.api.sinch.com/",
            "https://example.org/",
        ],
    );
}

#[test]
fn what_is_named_like_verification_or_voice_v1_gets_no_token() {
    let uris = [
        "https://a.verification.api.sinch.com/",
        "https://callings.api.sinch.com/",
        "https://calling-.api.sinch.com/",
        "https://calling-a.calling-b.api.sinch.com/",
    ];
    for audience in [Audience::sinch_apis(), Audience::sms_service_plans(), Audience::application_apis()] {
        assert_refuses(&audience, &uris);
    }
}

#[test]
fn engage_gets_no_token() {
    let uris = [
        "https://eu.app.api.sinch.com/",
        "https://au.app.api.sinch.com/",
        "https://AU.App.API.Sinch.com.:443/",
        "https://app.api.sinch.com/",
        "https://a.b.app.api.sinch.com/",
    ];
    assert_refuses(&Audience::sinch_apis(), &uris);
    assert_refuses(&Audience::sms_service_plans(), &uris);
    assert_refuses(&Audience::application_apis(), &uris);
    assert_allows(
        &Audience::sinch_apis(),
        &["https://apps.api.sinch.com/", "https://app.numbers.api.sinch.com/"],
    );
}

#[test]
fn loopback_is_inside_over_any_scheme() {
    assert_allows(&Audience::sinch_apis(), LOOPBACK);
    assert_allows(&Audience::sms_service_plans(), LOOPBACK);
    assert_allows(&Audience::application_apis(), LOOPBACK);
    assert_allows(&Audience::any(), LOOPBACK);
}

#[test]
fn sms_service_plans_are_the_regions_of_sms_without_zt() {
    let audience = Audience::sms_service_plans();
    assert_allows(
        &audience,
        &["https://us.sms.api.sinch.com/xms/v1/p/batches", "https://CA.sms.api.sinch.com."],
    );
    assert_refuses(
        &audience,
        &[
            "https://zt.us.sms.api.sinch.com/",
            "https://zt.sms.api.sinch.com/",
            "https://sms.api.sinch.com/",
            "https://numbers.api.sinch.com/",
            "http://us.sms.api.sinch.com/",
        ],
    );
}

#[test]
fn the_issuer_is_auth_and_what_is_below_it() {
    for host in ["auth.sinch.com", "AUTH.Sinch.com.", "us.auth.sinch.com"] {
        assert!(is_sinch_issuer(host), "{host}");
    }
    for host in ["xauth.sinch.com", "auth.sinch.com.example.org", "sinch.com", ".auth.sinch.com"] {
        assert!(!is_sinch_issuer(host), "{host}");
    }
    assert!(!is_loopback("127.1"));
}
