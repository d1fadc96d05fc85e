use std::time::{Duration, UNIX_EPOCH};

use super::{parse, unescape};

#[test]
fn a_timestamp_is_read_with_and_without_fractions() {
    for (text, millis) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2014-06-04T13:41:58Z", 1_401_889_318_000),
        ("2023-11-22T09:10:11.999Z", 1_700_644_211_999),
        ("2023-11-22T09:10:11.9Z", 1_700_644_211_900),
        ("2023-11-22T09:10:11.9994Z", 1_700_644_211_999),
        ("2000-02-29T00:00:00Z", 951_782_400_000),
    ] {
        assert_eq!(parse(text), Some(UNIX_EPOCH + Duration::from_millis(millis)), "{text}");
    }
}

#[test]
fn what_is_no_timestamp_is_refused() {
    for text in [
        "",
        "now",
        "1969-12-31T23:59:59Z",
        "2014-06-04 13:41:58Z",
        "2014-06-04T13:41:58",
        "2014-06-04T13:41:58+00:00",
        "2014-13-04T13:41:58Z",
        "2014-00-04T13:41:58Z",
        "2014-02-29T13:41:58Z",
        "2014-06-31T13:41:58Z",
        "2014-06-00T13:41:58Z",
        "2014-06-04T24:41:58Z",
        "2014-06-04T13:60:58Z",
        "2014-06-04T13:41:61Z",
        "2014-06-04T13:41Z",
        "2014-06-04T13:41:58.xZ",
        "2014-06-04T+3:41:58Z",
        "10000-06-04T13:41:58Z",
        "2014-06-04-01T13:41:58Z",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}

#[test]
fn a_broken_escape_of_a_path_stands_for_itself() {
    for (path, plain) in [
        ("/%41%5a%5A", &b"/AZZ"[..]),
        ("/%", b"/%"),
        ("/%4", b"/%4"),
        ("/%zz%4g", b"/%zz%4g"),
        ("/%%41", b"/%A"),
        ("/%ff%00", b"/\xff\x00"),
    ] {
        assert_eq!(unescape(path.as_bytes()), plain, "{path}");
    }
}
