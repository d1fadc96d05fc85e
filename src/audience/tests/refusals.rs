//! What an `AudienceError` says, and what it advises.

use http::{HeaderMap, Uri};

use crate::audience::Audience;

#[test]
fn a_refusal_names_the_host_and_what_to_do() {
    let refusal = |uri| Audience::sinch_apis().check(&Uri::from_static(uri), &HeaderMap::new()).unwrap_err();
    let foreign = refusal("https://Example.org./");
    assert_eq!(foreign.host(), Some("Example.org"));
    assert!(foreign.to_string().contains("SinchAuthLayer::audience"), "{foreign}");
    let clear = refusal("http://numbers.api.sinch.com/");
    assert_eq!(clear.host(), Some("numbers.api.sinch.com"));
    assert!(clear.to_string().contains("use https"), "{clear}");
}
