//! What two audiences allow together.

use super::{assert_allows, assert_refuses};
use crate::audience::{Audience, Hosts};

fn numbers_and_fax() -> Audience {
    Audience::hosts(["numbers.api.sinch.com", "fax.api.sinch.com", "example.com"])
}

#[test]
fn allows_what_both_allow() {
    let fax = Audience::hosts(["fax.api.sinch.com", "example.org"]);
    for both in
        [numbers_and_fax().and(&Audience::sinch_apis()), Audience::sinch_apis().and(&numbers_and_fax())]
    {
        assert_allows(&both, &["https://numbers.api.sinch.com/", "https://fax.api.sinch.com/", "/v1"]);
        assert_refuses(
            &both,
            &[
                "https://voice.api.sinch.com/",
                "https://example.com/",
                "http://numbers.api.sinch.com/",
                "http://localhost/",
            ],
        );
        let all = both.and(&fax);
        assert_allows(&all, &["https://fax.api.sinch.com/"]);
        assert_refuses(&all, &["https://numbers.api.sinch.com/", "https://example.org/"]);
    }
}

#[test]
fn any_is_neutral() {
    for audience in
        [Audience::sinch_apis(), Audience::sms_service_plans(), numbers_and_fax(), Audience::any()]
    {
        let shown = format!("{audience:?}");
        assert_eq!(format!("{:?}", audience.and(&Audience::any())), shown);
        assert_eq!(format!("{:?}", Audience::any().and(&audience)), shown);
    }
}

#[test]
fn what_is_in_it_already_adds_nothing() {
    let (sinch, listed) = (Audience::sinch_apis(), numbers_and_fax());
    assert_eq!(format!("{:?}", sinch.and(&sinch)), "Audience::sinch_apis()");
    assert!(matches!(listed.and(&numbers_and_fax()).0, Hosts::Listed(_)));
    let both = sinch.and(&listed);
    let shown = format!("{both:?}");
    for again in [both.and(&sinch), listed.and(&both), both.and(&both), both.and(&sinch.and(&listed))] {
        assert_eq!(format!("{again:?}"), shown);
    }
}

#[test]
fn equal_audiences_do_not_grow() {
    let mut audience = Audience::any();
    for _ in 0..100 {
        audience = audience.and(&numbers_and_fax()).and(&Audience::sinch_apis());
    }
    let once = numbers_and_fax().and(&Audience::sinch_apis());
    assert_eq!(format!("{audience:?}"), format!("{once:?}"));
}

#[test]
fn debug_shows_both() {
    let both = Audience::sinch_apis().and(&Audience::hosts(["a.b"]));
    assert_eq!(format!("{both:?}"), r#"Audience::sinch_apis() and Audience::hosts(["a.b"])"#);
}

#[test]
fn invalid_entries_are_those_of_both() {
    let both = Audience::hosts(["*", "a.b"]).and(&Audience::hosts(["a b"]));
    assert_eq!(both.invalid_entries(), ["*", "a b"]);
}

#[test]
fn a_refusal_gives_the_reason_that_is_not_about_width() {
    for both in
        [numbers_and_fax().and(&Audience::sinch_apis()), Audience::sinch_apis().and(&numbers_and_fax())]
    {
        let error = both.check(&"https://us.sms.api.sinch.com/".parse().unwrap(), &Default::default());
        let message = error.unwrap_err().to_string();
        assert!(message.contains("use zt.us.sms.api.sinch.com"), "{message}");
        let error = both.check(&"https://voice.api.sinch.com/".parse().unwrap(), &Default::default());
        let message = error.unwrap_err().to_string();
        assert!(message.contains("SinchAuthLayer::audience"), "{message}");
    }
}

#[test]
fn a_reason_of_an_audience_that_allows_the_host_is_none() {
    let region = Audience::hosts(["eu.sms.api.sinch.com"]);
    for both in [region.and(&Audience::sms_service_plans()), Audience::sms_service_plans().and(&region)] {
        assert_allows(&both, &["https://eu.sms.api.sinch.com/"]);
        let error = both.check(&"https://us.sms.api.sinch.com/".parse().unwrap(), &Default::default());
        let message = error.unwrap_err().to_string();
        assert!(message.contains("SinchAuthLayer::audience"), "{message}");
    }
}
