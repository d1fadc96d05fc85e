//! For any entry and any host, what is read of either is the same.

use http::{HeaderMap, HeaderValue, Uri, header::HOST};
use proptest::{
    collection::vec,
    option,
    prelude::{Just, ProptestConfig, Strategy, prop_oneof},
    prop_assert, prop_assert_eq, proptest,
};

use crate::audience::Audience;

/// A name whose last label is no number.
fn name() -> impl Strategy<Value = String> {
    "([a-z0-9_-]{1,8}\\.){0,3}[a-z][a-z0-9_-]{0,7}"
}

/// A host that is at home in several audiences, or in none.
fn host() -> impl Strategy<Value = String> {
    let sinch = "(zt\\.)?([a-z]{2}\\.)?(sms|app|calling|numbers|verification)(\\.api\\.sinch\\.com)";
    prop_oneof![
        3 => sinch,
        1 => name(),
        1 => Just("localhost".to_owned()),
        1 => Just("[::1]".to_owned()),
    ]
}

/// Text with the marks that entries are cut at, in any order.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => "[a-z0-9]{1,3}",
        1 => Just("://".to_owned()),
        3 => "[.:/@*\\[\\]?#%\\\\ \t_-]",
        1 => ".",
    ];
    vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

/// What may stand around a host in an entry.
fn decorate(host: &str) -> impl Strategy<Value = String> + use<> {
    let host = host.to_owned();
    let scheme = option::of("[a-z][a-z0-9+.-]{0,5}://");
    let userinfo = option::of("[a-zA-Z0-9:._~!$&-]{1,8}@");
    let after = ("\\.?", option::of(":[0-9]{1,5}"), "([/?#][a-z:@/?#.*]{0,8})?");
    let case = proptest::bool::ANY;
    ("[ \t\n]{0,2}", scheme, userinfo, case, after, "[ \t\n]{0,2}").prop_map(move |parts| {
        let (left, scheme, userinfo, is_upper, (dot, port, path), right) = parts;
        let host = if is_upper { host.to_ascii_uppercase() } else { host.clone() };
        let (scheme, userinfo) = (scheme.unwrap_or_default(), userinfo.unwrap_or_default());
        let port = port.unwrap_or_default();
        format!("{left}{scheme}{userinfo}{host}{dot}{port}{path}{right}")
    })
}

fn allows(audience: &Audience, host: &str) -> bool {
    let uri = format!("https://{host}/").parse::<Uri>().unwrap();
    audience.check(&uri, &HeaderMap::new()).is_ok()
}

/// The same for the `Host` header of a request in origin-form.
fn allows_field(audience: &Audience, host: &str) -> bool {
    let headers = HeaderMap::from_iter([(HOST, HeaderValue::from_str(host).unwrap())]);
    audience.check(&Uri::from_static("/"), &headers).is_ok()
}

fn audience() -> impl Strategy<Value = Audience> {
    prop_oneof![
        Just(Audience::any()),
        Just(Audience::sinch_apis()),
        Just(Audience::sms_service_plans()),
        Just(Audience::application_apis()),
        vec(prop_oneof![host(), host().prop_map(|host| format!("*.{host}")), text()], 0..4)
            .prop_map(Audience::hosts),
        Just(Audience::hosts([".sinch.com", "localhost"])),
    ]
}

/// Nothing is written into the tree.
fn config() -> ProptestConfig {
    ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_stands_around_a_host_changes_nothing(
        (host, entry) in name().prop_flat_map(|host| (Just(host.clone()), decorate(&host))),
        port in option::of(0..=u16::MAX),
        other in name(),
    ) {
        let audience = Audience::hosts([&entry]);
        prop_assert!(audience.invalid_entries().is_empty(), "{entry:?} is read as no host");
        let authority = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        prop_assert!(allows(&audience, &authority), "{audience:?} of {entry:?}");
        prop_assert!(allows_field(&audience, &authority), "{audience:?} of {entry:?}");
        prop_assert_eq!(allows(&audience, &other), other == host);
        let below = format!("x.{host}");
        prop_assert!(!allows(&audience, &below));
    }

    #[test]
    fn what_stands_around_a_domain_changes_nothing(
        (domain, entry) in name().prop_flat_map(|domain| {
            let starred = prop_oneof![Just(format!("*.{domain}")), Just(format!(".{domain}"))];
            (Just(domain), starred.prop_flat_map(|starred| decorate(&starred)))
        }),
        below in name(),
    ) {
        let audience = Audience::hosts([&entry]);
        prop_assert!(audience.invalid_entries().is_empty(), "{entry:?} is read as no host");
        prop_assert!(allows(&audience, &format!("{below}.{domain}")), "{audience:?} of {entry:?}");
        prop_assert!(allows_field(&audience, &format!("{below}.{domain}:1")), "{audience:?} of {entry:?}");
        let beside = format!("x{domain}");
        prop_assert!(!allows(&audience, &domain) && !allows(&audience, &beside));
    }

    #[test]
    fn any_text_is_one_host_or_is_invalid(entry in text(), other in host()) {
        let audience = Audience::hosts([&entry]);
        let shown = format!("{audience:?}");
        let Some(read) = shown.strip_prefix("Audience::hosts([\"").and_then(|shown| shown.strip_suffix("\"])")) else {
            prop_assert_eq!(audience.invalid_entries().len(), 1);
            prop_assert!(!allows(&audience, &other), "{} is inside {}", other, shown);
            return Ok(());
        };
        prop_assert!(audience.invalid_entries().is_empty());
        prop_assert!(entry.to_ascii_lowercase().contains(read), "{} of {:?}", read, entry);
        prop_assert!(read.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:_-".contains(&byte)), "{}", read);
        let host = if read.starts_with('.') { format!("x{read}") } else { read.to_owned() };
        let host = if host.contains(':') { format!("[{host}]") } else { host };
        prop_assert!(allows(&audience, &host), "{} is outside {}", host, shown);
    }

    #[test]
    fn a_uri_as_an_entry_allows_its_own_host_and_no_other(text in text(), other in host()) {
        let text = format!("https://{text}");
        let (Ok(uri), audience) = (text.parse::<Uri>(), Audience::hosts([&text])) else { return Ok(()) };
        let own = uri.host().unwrap_or_default();
        if audience.invalid_entries().is_empty() && !own.starts_with(['.', '*']) {
            prop_assert!(audience.check(&uri, &HeaderMap::new()).is_ok(), "{} is outside {:?}", uri, audience);
            prop_assert_eq!(allows(&audience, &other), own.trim_end_matches('.').eq_ignore_ascii_case(&other));
        }
    }

    #[test]
    fn both_allow_what_each_allows(first in audience(), second in audience(), third in audience(), host in host()) {
        let each = [&first, &second, &third].map(|audience| allows(audience, &host));
        for both in [first.and(&second).and(&third), third.and(&second.and(&first))] {
            prop_assert_eq!(allows(&both, &host), each == [true; 3], "{:?}", both);
        }
    }
}
